"""Pages of `/api/v1` over large tables: every one is read from an index, in its order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.adapters.mysql import Database, call_pages, contact_pages, contacts
from engine.adapters.mysql.call_pages import Filters
from engine.domain.access import Scope

EVERYTHING = Scope.of(["*"])
AT = datetime(2026, 5, 13, 16, 0, tzinfo=UTC)


async def plan(database: Database, sql: str, values: Any) -> dict[str, Any]:
    async with database.session() as session:
        [row] = await session.rows(f"EXPLAIN {sql}", values)
    return row


@pytest.fixture
async def filled(database: Database) -> Database:
    """Some thousand calls and contacts of two campaigns."""
    digits = "(SELECT 0 d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4"
    digits += (
        " UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)"
    )
    numbers = f"SELECT a.d + 10 * b.d + 100 * c.d AS n FROM {digits} a JOIN {digits} b JOIN {digits} c"
    async with database.session() as session:
        await session.run(
            "INSERT INTO ccdata.attempts (id, campaign, spool_id, destination, number, contact, owner, fence,"
            " state, claimed_at) SELECT CONCAT(LPAD(n, 8, '0'), '-0000-7000-8000-000000000000'),"
            " IF(n MOD 2, 'A<-', 'B<-'), n, n, n MOD 50, n MOD 50, 'x', 0, 'ended',"
            f" '2026-05-13' + INTERVAL n SECOND FROM ({numbers}) t"
        )
        await session.run(
            "INSERT INTO ccdata.calls_spool (campaign, destination, dialerbase)"
            f" SELECT IF(n MOD 2, 'A<-', 'B<-'), 5550000 + n, 'L1' FROM ({numbers}) t"
        )
        await session.rows("ANALYZE TABLE ccdata.attempts, ccdata.calls_spool")
    return database


@pytest.mark.parametrize(
    ("filters", "key"),
    [
        (Filters(), "PRIMARY"),
        (Filters(until=AT), "PRIMARY"),
        (Filters(campaign="A<-", outcome="busy"), "attempts_campaign"),
        (Filters(number="7", campaign="A<-"), "attempts_number"),
        (Filters(contact="7"), "attempts_contact"),
    ],
)
async def test_history(filled: Database, filters: Filters, key: str) -> None:
    for before in (None, (AT, "00000500-0000-7000-8000-000000000000")):
        sql, values = call_pages.history(EVERYTHING, filters, before, 51)
        row = await plan(filled, sql, values)
        assert row["key"] == key, row
        assert "filesort" not in (row["Extra"] or ""), row


async def test_contacts(filled: Database) -> None:
    sql = f"{contact_pages.PAGE} AND dialerbase=%s ORDER BY id LIMIT %s"
    row = await plan(filled, sql, ("A<-", 500, "L1", 51))
    assert row["key"] == "calls_spool_page"
    assert "filesort" not in (row["Extra"] or "")


async def test_a_scheduled_call_that_is_asked_for_again(database: Database) -> None:
    row = await plan(database, contacts.SAME_CALL, ("2125550001", "A<-", AT.replace(tzinfo=None), ""))
    assert row["key"] == "calls_scheduler_destination"

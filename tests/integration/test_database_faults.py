"""The database's faults by their kind, and when the database itself is at fault."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from engine.adapters.mysql import Database
from engine.adapters.mysql.database import Session
from engine.lab.mariadb import MariaDB
from engine.ports import FencedError, StoreError
from tests.stage import Names


@pytest.fixture
def heard() -> list[str]:
    return []


@pytest.fixture
async def listening(mariadb: MariaDB, names: Names, heard: list[str]) -> AsyncIterator[Database]:
    database = Database(replace(names.settings(mariadb), timeout=1.0), lambda _, fault: heard.append(fault))
    yield database
    await database.close()


async def test_a_transaction_that_works_is_heard_without_a_fault(
    listening: Database, heard: list[str]
) -> None:
    await listening.transaction(lambda session: session.rows("SELECT 1"))
    assert (heard, listening.fault) == ([""], "")


@pytest.mark.parametrize(
    ("sql", "kind", "fault"),
    [
        ("INSERT INTO ccdata.drains (campaign) VALUES ('A'), ('A')", "data", False),
        ("SELECT * FROM ccdata.nothing", "other", True),
        ("SELECT SLEEP(5)", "timeout", True),
    ],
)
async def test_a_fault_has_its_kind_and_only_values_are_not_the_databases(
    listening: Database, heard: list[str], sql: str, kind: str, fault: bool
) -> None:
    with pytest.raises(StoreError):
        await listening.transaction(lambda session: session.rows(sql))
    assert heard == [kind]
    assert bool(listening.fault) is fault
    await listening.transaction(lambda session: session.rows("SELECT 1"))
    assert listening.fault == "", "it answers again"


@pytest.mark.parametrize(
    ("sql", "left"),
    [
        ("INSERT INTO ccdata.drains (campaign) VALUES ('{0}'), ('{0}')", "Duplicate entry '…' for key"),
        ("INSERT INTO ccdata.drains (campaign, since) VALUES ('A', '{0}')", "value: '…' for column"),
        ("SELECT 1 {0} FROM", "near '…' at line 1"),
        ("SELECT 1 FROM ccdata.drains WHERE nothing = '{0}'", "'nothing'"),
    ],
)
async def test_what_is_said_of_a_fault_names_columns_and_keys_but_no_value(
    listening: Database, sql: str, left: str
) -> None:
    """It goes into the log as the reason why something was not done."""
    value = "it's 0995550123 '' for 'key' x"
    quoted = value.replace("'", "''")
    with pytest.raises(StoreError) as raised:
        await listening.transaction(lambda session: session.rows(sql.format(quoted)))
    assert left in str(raised.value)
    assert "0995550123" not in f"{raised.value} {listening.fault}"


async def test_who_waits_in_vain_for_a_row_is_heard(
    listening: Database, database: Database, heard: list[str]
) -> None:
    """Somebody else holds the row for longer than a transaction may take."""
    async with database.session() as other:
        await other.run("INSERT INTO ccdata.drains (campaign) VALUES ('A')")
        with pytest.raises(StoreError):
            await listening.transaction(
                lambda session: session.run("INSERT INTO ccdata.drains (campaign) VALUES ('A')")
            )
    assert set(heard) <= {"lock_wait", "timeout"}
    assert listening.fault


async def test_what_the_work_itself_refuses_is_no_fault_of_the_database(
    listening: Database, heard: list[str]
) -> None:
    async def work(session: Session) -> None:
        raise FencedError("another leads")

    with pytest.raises(FencedError):
        await listening.transaction(work)
    assert (heard, listening.fault) == ([""], "")


async def test_a_server_that_is_away_is_a_fault_of_the_connection(mariadb: MariaDB, names: Names) -> None:
    heard: list[str] = []
    nowhere = replace(names.settings(mariadb), socket="/nonexistent/db.sock")
    database = Database(nowhere, lambda _, fault: heard.append(fault))
    with pytest.raises(StoreError):
        await database.transaction(lambda session: session.rows("SELECT 1"))
    assert heard == ["connection"]
    assert database.fault
    await database.close()


async def test_a_cancellation_that_comes_with_the_connection_is_kept(
    listening: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """asyncio.wait_for loses it in Python 3.11: an office whose engine had just died served on for ever."""

    async def lose(opening: Coroutine[Any, Any, Any], timeout: float | None) -> Any:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(0)
        return await opening

    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "wait_for", lose)
        work = asyncio.ensure_future(listening.transaction(lambda session: session.rows("SELECT 1")))
        await asyncio.wait((work,))
    assert work.cancelled()
    await listening.transaction(lambda session: session.rows("SELECT 1"))

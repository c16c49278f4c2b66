"""A contact that leaves its list keeps its time zone, whatever way it goes: nobody is called at night."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.adapters.mysql import Database, lists
from engine.adapters.mysql.contacts import add_scheduled, add_task, respool
from engine.adapters.mysql.dispositions import dispose
from engine.adapters.mysql.scheduled import bring_due
from engine.domain.errors import FieldError
from engine.domain.integra.calls import Disposition
from engine.domain.integra.contacts import Respool, Scheduled, Task, TaskKind
from engine.domain.localtime import LocalTime
from engine.domain.phones import Phone
from tests.contract.store_desks import BUSY, TALKED, naive
from tests.integration.test_law_in_claims import NOON, Office
from tests.integration.test_lists import call_all, new_list, schedule

LOCAL = LocalTime(UTC)
#: 06:00 in Los Angeles, where the law of the United States lets nobody be called; 09:00 in New York.
EARLY = datetime(2026, 5, 14, 13, 0, tzinfo=UTC)
NEW_YORK = "2125550001"


@pytest.fixture
async def office(database: Database) -> Office:
    """A list in Los Angeles whose contacts have numbers of New York."""
    office = Office(database)
    await office.dialer()
    await new_list(office, "L1", timezone="America/Los_Angeles")
    return office


async def scheduled_by_sql(office: Office) -> None:
    await schedule(office, naive(EARLY), NEW_YORK)


async def scheduled_by_a_request(office: Office) -> None:
    call = Scheduled(naive(EARLY), "A<-", Phone(NEW_YORK), "", "", "")
    await office.database.transaction(lambda session: add_scheduled(session, call))


async def task_for_now(office: Office) -> None:
    task = Task(TaskKind.SPOOL, None, "A<-", Phone(NEW_YORK), "", "", "", "")
    await office.database.transaction(lambda session: add_task(session, task, EARLY))


async def respooled_without_a_list(office: Office) -> None:
    wish = Respool("A<-", Phone(NEW_YORK), "", "", "", "", 0, 9999, "")
    await office.database.transaction(lambda session: respool(session, wish))


WAYS = (scheduled_by_sql, scheduled_by_a_request, task_for_now, respooled_without_a_list)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("called_before", [False, True])
async def test_whoever_leaves_his_list_keeps_its_zone(office: Office, way: Any, called_before: bool) -> None:
    await office.contact(NEW_YORK)
    if called_before:
        assert await call_all(office, *TALKED) == [NEW_YORK]
        assert await office.rows("SELECT * FROM ccdata.calls_spool") == []
    await way(office)
    assert await office.called(at=EARLY) == []
    [row] = await office.rows("SELECT dialerbase, held_by, timezone FROM ccdata.calls_spool")
    assert tuple(row.values()) == ("", "hours", "America/Los_Angeles")
    assert await call_all(office, *BUSY, at=EARLY + timedelta(hours=3)) == [NEW_YORK]
    # Kept when it has left the spool, too.
    [row] = await office.rows("SELECT timezone FROM ccrepo.finished_contacts WHERE dialerbase=''")
    assert row["timezone"] == "America/Los_Angeles"


async def test_a_disposition_schedules_in_the_zone_of_the_list_also_on_another_campaign(
    office: Office,
) -> None:
    await office.dialer("B<-")
    await office.run(
        "INSERT INTO ccdata.dispositions (campaign, level1, action) VALUES ('A<-', 'LATER', 'SCHEDULE')"
    )
    await office.contact(NEW_YORK)
    [attempt] = (await office.claim()).attempts
    for target in ("", "B<-"):
        wish = Disposition(
            "A<-", "ana", Phone(NEW_YORK), attempt.id, ("LATER", "", ""), ("", ""), "", naive(EARLY), target,
            "", quoted=False,
        )  # fmt: skip
        await office.database.transaction(lambda session, wish=wish: dispose(session, wish, NOON, LOCAL))
    rows = await office.rows("SELECT timezone FROM ccdata.calls_scheduler")
    assert [row["timezone"] for row in rows] == ["America/Los_Angeles"] * 2
    assert await office.called("B<-", at=EARLY) == []


async def test_back_in_a_list_its_zone_holds(office: Office) -> None:
    await new_list(office, "EAST", timezone="America/New_York")
    await office.contact(NEW_YORK)
    wish = Respool("A<-", Phone(NEW_YORK), "EAST", "", "", "", 0, 9999, "")
    await office.database.transaction(lambda session: respool(session, wish))
    assert await call_all(office, *TALKED, at=EARLY, lists=("EAST",)) == [NEW_YORK]


async def test_the_contacts_own_zone_comes_before_its_lists(office: Office) -> None:
    await office.contact(NEW_YORK, timezone="America/New_York")
    await office.contact("2125550002", timezone="Nowhere")  # no zone: the number tells
    assert sorted(await office.called(at=EARLY)) == [NEW_YORK, "2125550002"]


async def test_a_list_joins_one_of_its_name_in_its_own_zone_alone(office: Office) -> None:
    await office.dialer("B<-")
    await new_list(office, "L1", "B<-")
    await office.contact(NEW_YORK)
    with pytest.raises(FieldError, match="target: its list 'L1' is in the zones of its numbers, this one in"):
        await lists.move(office.database, "A<-", "L1", "B<-")
    await office.run("UPDATE ccdata.dialer_base SET timezone='America/Los_Angeles'")
    assert (await lists.move(office.database, "A<-", "L1", "B<-")).contacts == 1
    assert await office.called("B<-", at=EARLY) == []


# Whose scheduled call it is.


async def test_a_scheduled_call_takes_the_row_of_its_own_contact_alone(office: Office) -> None:
    await office.contact("2135550001", contact="ANN", data="name=Ann")
    await office.contact("2135550002", data="x=1")
    for number in ("2135550001", "2135550002"):
        await schedule(office, naive(NOON), number, contact="BOB", data="name=Bob")
    await office.database.transaction(lambda session: bring_due(session, "A<-", NOON, LOCAL))
    rows = await office.rows("SELECT number, contact, data FROM ccdata.calls_spool ORDER BY number, contact")
    assert [tuple(row.values()) for row in rows] == [
        ("2135550001", "ANN", "name=Ann"),
        ("2135550001", "BOB", "name=Bob"),
        ("2135550002", "BOB", "name=Bob"),
    ]
    wish = Respool("A<-", Phone("2135550001"), "L1", "n=1", "", "CID", 0, 9999, "")
    await office.database.transaction(lambda session: respool(session, wish))
    rows = await office.rows("SELECT contact FROM ccdata.calls_spool WHERE number='2135550001'")
    assert sorted(row["contact"] for row in rows) == ["ANN", "BOB", "CID"]


async def test_scheduled_calls_to_a_blocked_number_add_no_rows_and_go_out_when_it_is_free(
    office: Office,
) -> None:
    await office.run("INSERT INTO ccdata.black_list (phone) VALUES ('2135550001')")
    await office.contact("2135550001")
    assert (await office.claim()).blocked == 1
    for _ in range(3):
        await schedule(office, naive(NOON), "2135550001")
        assert (await office.claim()).blocked == 1
    [row] = await office.rows("SELECT status, held_by FROM ccdata.calls_spool")
    assert tuple(row.values()) == (3, "black_list")
    await office.run("DELETE FROM ccdata.black_list")
    await schedule(office, naive(NOON), "2135550001")
    assert await office.called() == ["2135550001"]


async def test_who_was_blocked_by_hand_stays_so_and_his_scheduled_call_is_noted(office: Office) -> None:
    spool_id = await office.contact("2135550001", status=3)
    await schedule(office, naive(NOON), "2135550001")
    assert await office.called() == []
    row = await office.row(spool_id)
    assert (row["status"], row["reason"]) == (3, "blocked: its call of 2026-05-13 16:00:00 was not made")
    assert await office.rows("SELECT * FROM ccdata.calls_scheduler") == []

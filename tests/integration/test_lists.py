"""Lists on a real server: order, scheduled calls, phones by hour, recycling, moving, deleting."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.adapters.mysql import Database, MysqlStore, lists, recycling
from engine.adapters.mysql.recycling import recycle
from engine.adapters.mysql.scheduled import remove_scheduled
from engine.domain.errors import FieldError
from engine.domain.localtime import LocalTime
from engine.domain.model import CampaignName
from engine.domain.outcomes import Outcome
from engine.domain.recycling import RecycleRule
from engine.domain.settings import active_lists
from engine.ports import ClaimRequest
from tests.contract.store_desks import BUSY, TALKED, batch, finished, naive
from tests.integration.test_law_in_claims import NOON, Office, new_id, request

LIMA = LocalTime(ZoneInfo("America/Lima"))  # UTC-5


@pytest.fixture
async def office(database: Database) -> Office:
    office = Office(database)
    await office.dialer(country="")
    return office


async def schedule(office: Office, at: datetime, number: str, **columns: Any) -> None:
    values = {"calldate": at, "campaign": "A<-", "destination": number, **columns}
    marks = ", ".join(["%s"] * len(values))
    sql = f"INSERT INTO ccdata.calls_scheduler ({', '.join(values)}) VALUES ({marks})"
    await office.run(sql, *values.values())


async def test_due_scheduled_calls_go_first_then_tasks_then_lists_by_priority(office: Office) -> None:
    await office.contact("1001", priority=1)
    await office.contact("2001", dialerbase="")
    await office.contact("2002", dialerbase="")
    local = naive(NOON)
    await schedule(office, local - timedelta(minutes=1), "3002")
    # Missed long ago, while the dialer was off: goes first.
    await schedule(
        office, local - timedelta(days=9), "3001", data="x=1", contact="C7", alternatives="W=0=3009"
    )
    await schedule(office, local + timedelta(minutes=1), "3003")
    result = await office.claim(limit=4)
    assert [attempt.contact.phone.number for attempt in result.attempts] == ["3001", "3002", "2001", "2002"]
    first = result.attempts[0].contact
    assert (first.data, first.reference, first.list_name, first.priority) == ("x=1", "C7", "", 1)
    assert [phone.number for phone in first.alternatives] == ["3009"]
    assert await office.called() == ["1001"]
    assert await office.called(at=NOON + timedelta(minutes=1)) == ["3003"]
    assert await office.rows("SELECT * FROM ccdata.calls_scheduler") == []


async def test_the_scheduler_speaks_the_local_time_of_the_server(office: Office) -> None:
    store = MysqlStore(office.database, "dialer", LIMA, new_id)
    await schedule(office, datetime(2026, 5, 13, 11, 0), "3001")  # noqa: DTZ001  a documented column
    eleven_in_lima = datetime(2026, 5, 13, 16, 0, tzinfo=UTC)
    assert await office.called(at=eleven_in_lima - timedelta(seconds=1), store=store) == []
    assert await office.called(at=eleven_in_lima, store=store) == ["3001"]


async def test_a_number_is_in_the_spool_of_a_campaign_once(office: Office) -> None:
    """Who waits in a list goes to the front when his scheduled call is due; who is being called keeps it."""
    waiting = await office.contact("M=1=3001", data="old=1", contact="C1", retries=1)
    await office.contact("3002", dialerbase="")
    [talking] = (await office.claim(limit=1)).attempts
    assert talking.contact.phone.number == "3002"
    for number in ("+3001", "3002"):
        await schedule(office, naive(NOON), number, data="new=1" if number == "+3001" else "")
    [attempt] = (await office.claim()).attempts
    assert (attempt.contact.id, attempt.contact.data) == (waiting, "new=1")
    assert (attempt.contact.reference, attempt.contact.retries) == ("C1", 0)
    assert len(await office.rows("SELECT * FROM ccdata.calls_scheduler")) == 1
    await office.store.mark_sent([talking], NOON)
    await office.store.record(batch(finished(talking, *TALKED)))
    assert await office.called() == ["3002"]


async def test_a_scheduled_number_that_is_none_is_set_aside_with_the_reason(office: Office) -> None:
    await schedule(office, naive(NOON), "call me")
    assert (await office.claim()).set_aside == 1
    [row] = await office.rows("SELECT status, reason FROM ccdata.calls_spool")
    assert row["status"] == 2
    assert "is not a phone number" in row["reason"]


async def test_scheduled_calls_are_removed_by_number_and_range(office: Office) -> None:
    local = naive(NOON)
    for hours, number in ((1, "M=0=3001"), (5, "3001"), (2, "3002"), (3, "nonsense")):
        await schedule(office, local + timedelta(hours=hours), number)
    async with office.database.session() as session:
        removed = await remove_scheduled(session, "A<-", "+3001", local, local + timedelta(hours=4))
    left = await office.rows("SELECT destination FROM ccdata.calls_scheduler ORDER BY calldate")
    assert (removed, [row["destination"] for row in left]) == (1, ["3002", "nonsense", "3001"])


async def test_a_scheduled_call_of_an_agent_is_his(office: Office) -> None:
    await office.run("UPDATE ccdata.dialers SET dialertype = 'Progressive'")
    await schedule(office, naive(NOON), "3001", agentphone="ana")
    await office.contact("1001", agentphone=None)

    async def for_agent(name: str) -> list[str]:
        asked = ClaimRequest(request("A<-").campaign, 1, ("L1",), ("L1",), True, NOON, agents=((name,),))
        return [a.contact.phone.number for a in (await office.store.claim(asked)).attempts]

    assert await for_agent("bob") == ["1001"]
    assert await for_agent("bob") == []
    assert await for_agent("ana") == ["3001"]


@pytest.mark.parametrize(
    ("zone", "at", "number"),
    [
        ("America/New_York", NOON, "2125550002"),  # 12:00: mobile first
        ("Pacific/Honolulu", NOON, "2125550001"),  # 06:00: home first
        ("", NOON, "2125550002"),  # by the number's own zone
    ],
)
async def test_phones_are_tried_by_type_in_the_contacts_own_hour(
    office: Office, zone: str, at: datetime, number: str
) -> None:
    order = ":".join(f"{h}=MWH" if 8 <= h <= 18 else f"{h}=HMW" for h in range(24))
    await office.run("UPDATE ccdata.dialers SET schedulephones = %s", order)
    await office.run("UPDATE ccdata.dialers SET country = 'US'")
    await office.run("INSERT INTO ccdata.law_options (campaign, law) VALUES ('A<-', 'NONE')")
    await office.run(
        "INSERT INTO ccdata.dialer_base (campaign, name, timezone) VALUES ('A<-', 'L1', %s)", zone
    )
    spool_id = await office.contact("H=+12125550001", alternatives="W=0=+12125550003:M=0=+12125550002")
    [attempt] = (await office.claim(at=at)).attempts
    assert attempt.contact.phone.number == f"+1{number}"
    await office.store.mark_sent([attempt], at)
    await office.store.record(batch(finished(attempt, *BUSY)))
    row = await office.row(spool_id)
    # Busy, no retries: the number is used up, the others are left.
    assert number not in row["destination"] + row["alternatives"]
    assert row["alternatives"].count(":") == 0


def test_lists_share_or_follow_one_another() -> None:
    def lists_of(*rows: tuple[str, int | None, int]) -> list[tuple[str, float]]:
        table = [
            {"campaign": "a<-", "name": n, "active": 1, "percentage": p, "priority": o} for n, p, o in rows
        ]
        return [(item.name, round(item.share, 2)) for item in active_lists(table, "A<-")]

    assert lists_of(("A", 30, 0), ("B", 90, 0)) == [("A", 0.25), ("B", 0.75)]
    assert lists_of(("A", None, 2), ("B", None, 1), ("C", None, 1)) == [("B", 0.5), ("C", 0.5), ("A", 0.0)]
    assert lists_of(("A", 50, 1), ("B", 100, 2), ("C", 0, 2)) == [("A", 1.0), ("B", 0.0)]
    assert lists_of(("A", None, 0), ("B", 20, 0), ("C", None, 1)) == [("B", 1.0), ("A", 0.0), ("C", 0.0)]


async def test_a_list_of_a_later_priority_serves_when_those_before_it_are_dry(office: Office) -> None:
    await office.run("INSERT INTO ccdata.dialers (campaign) VALUES ('B<-')")
    for name, order in (("SECOND", 5), ("FIRST", 1)):
        sql = "INSERT INTO ccdata.dialer_base (campaign, name, active, priority) VALUES ('A<-', %s, 1, %s)"
        await office.run(sql, name, order)
        await office.contact("1" if name == "FIRST" else "2", dialerbase=name)
    ranked = active_lists((await office.store.settings()).lists, "A<-")
    asked = ClaimRequest(request("A<-").campaign, 1, ("FIRST",), tuple(r.name for r in ranked), True, NOON)
    for number in ("1", "2"):
        [attempt] = (await office.store.claim(asked)).attempts
        assert attempt.contact.phone.number == number


async def new_list(office: Office, name: str, campaign: str = "A<-", **columns: Any) -> None:
    values = {"campaign": campaign, "name": name, "active": 1, **columns}
    marks = ", ".join(["%s"] * len(values))
    sql = f"INSERT INTO ccdata.dialer_base ({', '.join(values)}) VALUES ({marks})"
    await office.run(sql, *values.values())


async def ended(office: Office, number: str, *events: Any, at: datetime = NOON, **columns: Any) -> None:
    """Let one contact be called once and leave the spool."""
    await office.contact(number, **columns)
    await call_all(office, *events, at=at, limit=1, lists=(columns.get("dialerbase", "L1"),))


async def call_all(
    office: Office,
    *events: Any,
    at: datetime = NOON,
    limit: int = 9,
    lists: Sequence[str] = ("L1",),
) -> list[str]:
    """Call whoever may be called; return the numbers."""
    asked = ClaimRequest(CampaignName("A<-"), limit, (), tuple(lists), True, at)
    attempts = (await office.store.claim(asked)).attempts
    for attempt in attempts:
        await office.store.mark_sent([attempt], at)
        await office.store.record(batch(finished(attempt, *events)))
        await office.run(
            "UPDATE ccrepo.finished_contacts SET finished_at=%s WHERE spool_id=%s",
            naive(at),
            attempt.contact.id,
        )
    return sorted(attempt.contact.phone.number for attempt in attempts)


RULES = (RecycleRule(Outcome.BUSY, timedelta(minutes=30), 2),)


async def test_finished_contacts_come_again_by_outcome_after_the_delay_so_often(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recycling, "BATCH", 2)
    for n in range(5):
        await ended(office, f"100{n}", *BUSY, data=f"n={n}", contact=f"C{n}", priority=7, agentphone="ana")
    await ended(office, "2001", *TALKED)
    early = await recycle(office.database, "A<-", RULES, NOON + timedelta(minutes=29))
    assert (early.list, early.contacts) == ("", 0)
    later = NOON + timedelta(minutes=30)
    made = await recycle(office.database, "A<-", RULES, later)
    assert (made.list, made.contacts) == ("L1-R1", 5)
    rows = await office.rows(
        "SELECT destination, data, contact, priority, agentphone, dialerbase, rounds, status, retries"
        " FROM ccdata.calls_spool ORDER BY destination"
    )
    assert len(rows) == 5
    assert tuple(rows[3].values()) == ("1003", "n=3", "C3", 7, "ana", "L1-R1", 1, 1, 0)
    [base] = await office.rows("SELECT name, active, records, recycled FROM ccdata.dialer_base")
    assert tuple(base.values()) == ("L1-R1", 1, 5, 1)
    assert (await recycle(office.database, "A<-", RULES, later)).contacts == 0
    # They are called again and again: twice at most.
    for round_, expected in ((2, 5), (3, 0)):
        at = later + timedelta(hours=round_)
        asked = ClaimRequest(request("A<-").campaign, 9, (), ("L1-R1", "L1-R2"), True, at)
        for attempt in (await office.store.claim(asked)).attempts:
            await office.store.mark_sent([attempt], at)
            await office.store.record(batch(finished(attempt, *BUSY)))
        assert (await recycle(office.database, "A<-", RULES, at + timedelta(days=400))).contacts == expected


async def test_a_recycled_contact_has_all_its_numbers_again_the_first_one_first(office: Office) -> None:
    await office.contact("M=0=1001", alternatives="W=0=1002:1003")
    for _ in range(2):
        [attempt] = (await office.claim()).attempts
        await office.store.mark_sent([attempt], NOON)
        await office.store.record(batch(finished(attempt, *BUSY)))
    [attempt] = (await office.claim()).attempts
    assert attempt.contact.phone.number == "1003"
    await office.store.mark_sent([attempt], NOON)
    await office.store.record(batch(finished(attempt, *BUSY)))
    assert await office.rows("SELECT * FROM ccdata.calls_spool") == []
    await recycle(office.database, "A<-", RULES, datetime.now(UTC) + timedelta(days=400))
    [row] = await office.rows("SELECT destination, alternatives FROM ccdata.calls_spool")
    assert tuple(row.values()) == ("M=0=1001", "W=0=1002:1003")


async def test_who_is_in_the_spool_by_another_way_is_not_doubled(office: Office) -> None:
    await ended(office, "1001", *BUSY)
    await office.contact("M=0=1001", dialerbase="APRIL")
    made = await recycle(office.database, "A<-", RULES, NOON + timedelta(days=400))
    assert made.contacts == 0
    assert len(await office.rows("SELECT * FROM ccdata.calls_spool")) == 1


async def test_a_dry_campaign_is_recycled_by_itself_as_often_as_it_says(office: Office) -> None:
    rules = json.dumps([{"outcome": "busy", "delay": 0, "maximum": 9}])
    await office.run("UPDATE ccdata.dialers SET recycle=%s, recyclecount=1", rules)
    await new_list(office, "L1")
    await ended(office, "1001", *BUSY)
    waiting = await office.contact("1002")
    at = NOON + timedelta(days=400)
    assert await office.store.recycle_due(at) == {}  # somebody is left to call
    await office.run("DELETE FROM ccdata.calls_spool WHERE id=%s", waiting)
    await office.run("UPDATE ccdata.dialers SET status=0")
    assert await office.store.recycle_due(at) == {}
    await office.run("UPDATE ccdata.dialers SET status=1")
    assert await office.store.recycle_due(at) == {"A<-": 1}
    asked = ClaimRequest(request("A<-").campaign, 9, (), ("L1-R1",), True, at)
    [attempt] = (await office.store.claim(asked)).attempts
    await office.store.mark_sent([attempt], at)
    await office.store.record(batch(finished(attempt, *BUSY)))
    assert await office.store.recycle_due(at + timedelta(days=400)) == {}  # once is what it says


async def test_lists_are_counted_switched_moved_and_deleted(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "BATCH", 3)
    await office.dialer("B<-", country="")
    for name in ("L1", "L2"):
        columns = "campaign, name, active, timezone"
        sql = f"INSERT INTO ccdata.dialer_base ({columns}) VALUES ('A<-', %s, 1, 'America/Lima')"
        await office.run(sql, name)
    states = ({}, {"status": 0}, {"status": 2}, {"status": 3}, {"notbefore": "2030-01-01"}, {}, {}, {})
    for n, columns in enumerate(states):
        await office.contact(f"100{n}", **columns)
    await ended(office, "0999", *BUSY, priority=1)
    [first, _] = await lists.counts(office.database, "A<-")
    assert (first.ready, first.waiting, first.in_progress, first.blocked, first.aside, first.finished) == (
        4, 1, 1, 1, 1, 1,
    )  # fmt: skip
    assert await lists.switch(office.database, "A<-", "L1", active=True, alone=True, percentage=40) == 8
    [l1, l2] = await lists.counts(office.database, "A<-")
    assert ((l1.name, l1.active, l1.percentage), (l2.name, l2.active)) == (("L1", True, 40), ("L2", False))

    await office.contact("1000", "B<-")
    moved = await lists.move(office.database, "A<-", "L1", "B<-")
    assert (moved.contacts, moved.stayed) == (6, 1)
    [there] = await office.rows("SELECT name, active, timezone FROM ccdata.dialer_base WHERE campaign='B<-'")
    assert tuple(there.values()) == ("L1", 0, "America/Lima")
    deleted = await lists.delete(office.database, "A<-", "L1")
    assert (deleted.contacts, deleted.stayed) == (1, 1)
    [left] = await office.rows("SELECT destination, status FROM ccdata.calls_spool WHERE campaign='A<-'")
    assert tuple(left.values()) == ("1001", 0)
    for act in (lists.move(office.database, "A<-", "L9", "B<-"), lists.delete(office.database, "A<-", "L9")):
        with pytest.raises(FieldError, match="list: A<- has no list 'L9'"):
            await act
    with pytest.raises(FieldError, match="target: there is no dialer 'X'"):
        await lists.move(office.database, "A<-", "L1", "X")

"""Recycling on a real server: zone, share and turn of a list stay with its contacts; nobody is lost."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from engine.adapters.mysql import Database
from engine.adapters.mysql.recycling import recycle
from engine.domain.errors import FieldError
from engine.domain.outcomes import Outcome
from engine.domain.recycling import RecycleRule
from engine.domain.settings import active_lists
from tests import builders as b
from tests.contract.store_desks import BUSY, TALKED
from tests.integration.test_law_in_claims import NOON, Office
from tests.integration.test_lists import call_all, ended, new_list

BUSY_AT_ONCE = (RecycleRule(Outcome.BUSY, timedelta(), 9),)
BOGOTA = "America/Bogota"
NO_ANSWER = (b.hung_up(t=30, cause=19),)


@pytest.fixture
async def office(database: Database) -> Office:
    office = Office(database)
    await office.dialer(country="")
    return office


async def automatic(office: Office, count: int, *rules: tuple[str, int]) -> None:
    """Let the campaign recycle by itself; rules of outcome and delay (min)."""
    text = json.dumps([{"outcome": outcome, "delay": delay, "maximum": 9} for outcome, delay in rules])
    await office.run("UPDATE ccdata.dialers SET recycle=%s, recyclecount=%s", text, count)


async def served(office: Office) -> list[str]:
    return [one.name for one in active_lists((await office.store.settings()).lists, "A<-")]


async def test_a_recycled_list_has_the_zone_the_share_and_the_turn_of_the_old_one(office: Office) -> None:
    await office.run("UPDATE ccdata.dialers SET country='CO'")
    await new_list(office, "L1", timezone=BOGOTA, percentage=70, priority=2)
    await new_list(office, "L2", timezone="Europe/Madrid", priority=2)
    await ended(office, "3001234567", *BUSY)
    await ended(office, "3001234568", *BUSY, dialerbase="L2", timezone="")
    made = await recycle(office.database, "A<-", BUSY_AT_ONCE, NOON + timedelta(hours=1))
    assert made.lists == {"L1-R1": 1, "L2-R1": 1}
    rows = await office.rows(
        "SELECT name, active, timezone, percentage, priority, records FROM ccdata.dialer_base"
        " WHERE name LIKE '%%-R1' ORDER BY name"
    )
    assert [tuple(row.values()) for row in rows] == [
        ("L1-R1", 1, BOGOTA, 70, 2, 1),
        ("L2-R1", 1, "Europe/Madrid", None, 2, 1),
    ]
    # One with a share first; the others when it is dry: nobody is dropped.
    assert sorted(await served(office)) == ["L1", "L1-R1", "L2", "L2-R1"]
    night_in_bogota = NOON + timedelta(hours=17)  # 04:00, and 11:00 in Madrid
    assert await call_all(office, *TALKED, at=night_in_bogota, lists=("L1-R1", "L2-R1")) == ["3001234568"]
    day = NOON + timedelta(hours=24)
    assert await call_all(office, *TALKED, at=day, lists=("L1-R1", "L2-R1")) == ["3001234567"]


async def test_lists_of_several_zones_may_become_one_that_is_named(office: Office) -> None:
    await office.run("UPDATE ccdata.dialers SET country='CO'")
    await new_list(office, "L1", timezone=BOGOTA)
    await new_list(office, "L2")
    await new_list(office, "THERE", timezone="Europe/Madrid")
    await ended(office, "3001234567", *BUSY)
    await ended(office, "3001234568", *BUSY, dialerbase="L2")
    later = NOON + timedelta(hours=1)
    with pytest.raises(FieldError, match="name: the contacts would get the time zone of the list 'THERE'"):
        await recycle(office.database, "A<-", BUSY_AT_ONCE, later, name="THERE")
    made = await recycle(office.database, "A<-", BUSY_AT_ONCE, later, name="AGAIN")
    assert made.lists == {"AGAIN": 2}
    rows = await office.rows("SELECT timezone FROM ccdata.calls_spool ORDER BY destination")
    assert [row["timezone"] for row in rows] == [BOGOTA, ""]
    [base] = await office.rows("SELECT timezone FROM ccdata.dialer_base WHERE name='AGAIN'")
    assert base["timezone"] == ""
    await call_all(office, *BUSY, lists=("AGAIN",))
    made = await recycle(office.database, "A<-", BUSY_AT_ONCE, NOON + timedelta(days=1))
    assert made.lists == {"AGAIN-R1": 2}
    rows = await office.rows("SELECT timezone FROM ccdata.calls_spool ORDER BY destination")
    assert [row["timezone"] for row in rows] == [BOGOTA, ""]


async def test_who_falls_due_one_after_another_comes_into_one_list(office: Office) -> None:
    await automatic(office, 1, ("busy", 30), ("no_answer", 60))
    await new_list(office, "L1")
    for n in range(3):
        await ended(office, f"100{n}", *BUSY, at=NOON + timedelta(minutes=10 * n))
    await ended(office, "1009", *NO_ANSWER)
    seen: dict[str, int] = {}
    for minute in range(30, 121, 5):
        at = NOON + timedelta(minutes=minute)
        await office.store.recycle_due(at)
        for number in await call_all(office, *BUSY, at=at, lists=await served(office)):
            seen[number] = minute
    assert seen == {"1000": 30, "1001": 40, "1002": 50, "1009": 60}
    names = [row["name"] for row in await office.rows("SELECT name FROM ccdata.dialer_base ORDER BY id")]
    assert names == ["L1", "L1-R1"]


async def test_a_list_that_does_not_serve_holds_nobody_up(office: Office) -> None:
    await automatic(office, 1, ("busy", 0))
    await new_list(office, "L1", percentage=50)
    await new_list(office, "NEXT", active=0)
    await new_list(office, "NOTHING", percentage=0)
    await ended(office, "1001", *BUSY)
    await office.contact("1002", dialerbase="NEXT")
    await office.contact("1003", dialerbase="NOTHING")
    task = await office.contact("1004", dialerbase="")
    assert await office.store.recycle_due(NOON + timedelta(hours=1)) == {}
    await office.run("DELETE FROM ccdata.calls_spool WHERE id=%s", task)
    assert await office.store.recycle_due(NOON + timedelta(hours=1)) == {"A<-": 1}


async def test_what_is_recycled_by_hand_and_what_brings_nobody_leaves_the_automatic_rounds(
    office: Office,
) -> None:
    await automatic(office, 1, ("busy", 0))
    await new_list(office, "L1")
    await ended(office, "1001", *BUSY)
    blocked = await office.contact("1001", status=3)
    assert await office.store.recycle_due(NOON + timedelta(hours=1)) == {}
    assert [row["name"] for row in await office.rows("SELECT name FROM ccdata.dialer_base")] == ["L1"]
    await office.run("DELETE FROM ccdata.calls_spool WHERE id=%s", blocked)
    await ended(office, "1002", *BUSY)
    by_hand = await recycle(office.database, "A<-", BUSY_AT_ONCE, NOON + timedelta(hours=2), name="HAND")
    assert by_hand.lists == {"HAND": 1}
    assert await call_all(office, *BUSY, at=NOON + timedelta(hours=2), lists=("HAND",)) == ["1002"]
    assert await office.store.recycle_due(NOON + timedelta(hours=3)) == {"A<-": 1}
    at = NOON + timedelta(hours=3)
    assert await call_all(office, *BUSY, at=at, lists=await served(office)) == ["1002"]
    assert await office.store.recycle_due(NOON + timedelta(hours=4)) == {}  # once is what it says


async def test_another_contact_with_the_same_number_takes_nobodys_place(office: Office) -> None:
    await ended(office, "1001", *BUSY, contact="ANN")
    await ended(office, "1002", *BUSY, contact="CID")
    await office.contact("1001", contact="BOB", dialerbase="OLD")
    await office.contact("1002", contact="cid", dialerbase="OLD")
    made = await recycle(office.database, "A<-", BUSY_AT_ONCE, NOON + timedelta(hours=1))
    assert (made.lists, made.there) == ({"L1-R1": 1}, 1)
    rows = await office.rows("SELECT contact FROM ccdata.calls_spool WHERE number='1001' ORDER BY contact")
    assert [row["contact"] for row in rows] == ["ANN", "BOB"]


async def test_alternatives_that_do_not_fit_are_left_out_whole(office: Office) -> None:
    await ended(office, "1001", *BUSY)
    many = [f"W=0=09910{n:05d}" for n in range(66)]  # 14 characters each, with the colons 989
    await office.run("UPDATE ccrepo.finished_contacts SET alternatives=%s", ":".join(many))
    await office.run(
        "INSERT INTO ccdata.attempts (id, campaign, spool_id, destination, owner, fence, state, claimed_at)"
        " SELECT '0', campaign, spool_id, '099199999999', owner, fence, 'ended', claimed_at + INTERVAL 1 HOUR"
        " FROM ccdata.attempts"
    )
    await recycle(office.database, "A<-", BUSY_AT_ONCE, NOON + timedelta(hours=1))
    [row] = await office.rows("SELECT destination, alternatives FROM ccdata.calls_spool")
    assert row["destination"] == "1001"
    assert row["alternatives"].split(":") == ["099199999999", *many[:-1]]

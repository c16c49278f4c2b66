"""What every Store must do about caller IDs, asked of the double and of MysqlStore on a real server alike."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from engine.domain.callerid_health import Counts
from engine.domain.model import Attempt
from engine.ports import FencedError
from engine.ports.callerids import CallerIdFigures, CallerIdRecord, CallerIdRest
from engine.services.callerids import CallerIds
from tests import builders as b
from tests.builders import NOW, QUEUE, a_dialer, later
from tests.contract.store_desks import BUSY, TALKED, Desk, claim, contacts, finished, naive, record
from tests.doubles import FakeClock, RecordingObserver

#: After whatever time the server has.
LATE = datetime(2099, 1, 1, tzinfo=UTC)
_NUMBERS = itertools.count(2001)


async def placed(desk: Desk, caller_id: str, at: datetime = NOW) -> Attempt:
    """Claim a new contact and place its call with `caller_id`."""
    await contacts(desk, str(next(_NUMBERS)))
    [attempt] = (await claim(desk, 1)).attempts
    shown = replace(attempt, caller_id=caller_id)
    assert await desk.store.mark_sent([shown], at) == {attempt.id}
    return shown


async def test_what_is_shown_is_written_before_the_order_leaves(desk: Desk) -> None:
    await contacts(desk, "1001", "1002", "1003")
    attempts = (await claim(desk)).attempts
    shown = [
        replace(one, caller_id=number) for one, number in zip(attempts, ("+1212", "1305", ""), strict=True)
    ]
    await desk.store.mark_sent(shown, NOW)
    assert [(await desk.attempt(one.id))["caller_id"] for one in shown] == ["1212", "1305", ""]
    assert {one.caller_id for one in await desk.store.take_over(frozenset(a.id for a in shown))} <= {
        "1212", "1305", "",
    }  # fmt: skip


async def test_enabled_rows_come_with_the_settings_and_are_the_same_object_until_they_change(
    desk: Desk,
) -> None:
    assert (await desk.store.settings()).caller_ids == ()
    await desk.caller_id(QUEUE, "593#100-00-99")
    await desk.caller_id("*", "200")
    await desk.caller_id(QUEUE, "300", enabled=0)
    rows = (await desk.store.settings()).caller_ids
    assert sorted((row["campaign"], row["entry"]) for row in rows) == [("*", "200"), (QUEUE, "593#100-00-99")]
    assert (await desk.store.settings()).caller_ids is rows
    await desk.caller_id(QUEUE, "400")
    assert len((await desk.store.settings()).caller_ids) == 3


async def test_figures_and_rests_are_kept_apart(desk: Desk) -> None:
    figures = CallerIdFigures("1212", NOW, Counts(10, 3, 2, 1), None)
    await desk.store.keep_caller_ids([figures], [], [])
    assert await desk.caller_id_state("1212") == (10, 3, 2, 1, None, "", 0)
    await desk.store.keep_caller_ids([], [CallerIdRest("1212", LATE, "too many", 2)], [])
    assert (await desk.store.settings()).resting == {"1212": LATE}
    await desk.store.keep_caller_ids([replace(figures, counts=Counts())], [], [])
    assert await desk.caller_id_state("1212") == (0, 0, 0, 0, naive(LATE), "too many", 2)
    await desk.store.keep_caller_ids([], [], ["1212"])
    assert await desk.caller_id_state("1212") == (0, 0, 0, 0, naive(LATE), "too many", 0)


async def test_who_has_lost_the_lease_keeps_nothing(desk: Desk) -> None:
    await desk.store.take_lease("one", timedelta(seconds=-1))  # it is over already
    await desk.seen_by("another").take_lease("two", timedelta(seconds=30))
    with pytest.raises(FencedError):
        await desk.store.keep_caller_ids([CallerIdFigures("1212", NOW, Counts(), None)], [], [])


async def test_a_record_tells_of_uses_that_the_figures_do_not_know_yet(desk: Desk) -> None:
    await desk.dialer(QUEUE)
    await desk.store.keep_caller_ids(
        [
            CallerIdFigures("1212", later(-60), Counts(), later(-90)),
            CallerIdFigures("1305", later(-30), Counts(), None),
        ],
        [CallerIdRest("1305", LATE, "", 3)],
        [],
    )
    await placed(desk, "1212", later(1))
    await placed(desk, "1999", later(2))
    found = await desk.store.caller_id_records(later(3))
    assert sorted(found, key=lambda one: one.number) == [
        CallerIdRecord("1212", later(1), later(-90), 0),
        CallerIdRecord("1305", later(-30), None, 3),
        CallerIdRecord("1999", later(2), None, 0),
    ]


async def test_the_newest_telling_calls_of_a_number_come_oldest_first(desk: Desk) -> None:
    for second, events in enumerate((TALKED, BUSY, TALKED, (b.hung_up(t=5, cause=21, sip=603),))):
        attempt = await placed(desk, "1212", later(second))
        await record(desk, finished(attempt, *events))
    released = await placed(desk, "1212", later(9))
    await desk.store.release([released], later(9))
    await placed(desk, "1212", later(10))  # still under way
    found = await desk.store.caller_id_calls(["1212", "1305"], NOW, later(600), 3)
    assert [(one.sent, one.answered, one.rejected) for one in found["1212"]] == [
        (later(1), False, False),
        (later(2), True, False),
        (later(3), False, True),
    ]
    assert list(found["1305"]) == []
    later_ones = await desk.store.caller_id_calls(["1212"], later(3), later(600), 9)
    assert [one.sent for one in later_ones["1212"]] == [later(3)]
    assert not (await desk.store.caller_id_calls(["1212"], NOW, later(1), 9))["1212"]
    assert await desk.store.caller_id_calls([], NOW, later(1), 9) == {}


async def test_numbers_out_of_use_are_forgotten_unless_they_rest(desk: Desk) -> None:
    old = [CallerIdFigures(number, later(-100), Counts(), None) for number in ("1", "2")]
    await desk.store.keep_caller_ids(old, [CallerIdRest("2", LATE, "", 1)], [])
    await desk.store.keep_caller_ids([CallerIdFigures("3", later(-10), Counts(), None)], [], [])
    await desk.store.forget_caller_ids(later(-50))
    assert {one.number for one in await desk.store.caller_id_records(NOW)} == {"2", "3"}


async def test_turns_go_on_after_a_restart_and_over_campaigns(desk: Desk) -> None:
    """Each term begins where the last one ended, whatever of its figures was written."""
    await desk.dialer(QUEUE)
    clock = FakeClock()
    for number in ("100", "200", "300", "400", "500"):
        await desk.caller_id("*", number)
    shown: list[str] = []
    for term in range(4):
        caller_ids = CallerIds(desk.store, RecordingObserver(), clock.port())
        await caller_ids.begin()
        for _ in range(3):
            clock.advance(1)
            number = caller_ids.choose(a_dialer(), "0991")
            assert number
            await placed(desk, number, clock.now())
            shown.append(number)
        if term % 2:
            await caller_ids.keep()
    assert len(set(shown[:5])) == 5
    assert shown[5:10] == shown[:5]
    assert shown[10:] == shown[:2]

"""A campaign's worker: it dials what was decided, and nothing that it could not answer for."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from engine.domain.dialstring import parse_dialstring
from engine.domain.pacing import Bound
from engine.domain.records import QueueLogRow
from engine.domain.schedule import parse_schedule
from engine.ports import StoreError
from engine.services.placing import REFUSALS
from tests.builders import NOW, QUEUE
from tests.doubles import until
from tests.service_rig import Bench, a_campaign, hurry

RINGS = [f"10{n:02d}777" for n in range(20)]
DOWN = StoreError("the server has gone away")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def turns(bench: Bench, count: int = 5) -> list[Bound]:
    """Let the worker look `count` more times; return what kept it back each time."""
    before = len(bench.observer.bounds(QUEUE))
    await until(lambda: len(bench.observer.bounds(QUEUE)) >= before + count, f"{count} more turns")
    return bench.observer.bounds(QUEUE)[before:]


async def test_it_dials_what_the_pacer_decided_and_no_more(bench: Bench) -> None:
    bench.seats(3)
    bench.contacts(*RINGS)
    async with bench.working(tbc=-100):
        await until(lambda: len(bench.switch.orders) == 6, "six calls for three agents at 100 %")
        await turns(bench)
        assert len(bench.switch.orders) == 6
        assert len(bench.store.attempts) == 6, "no contact is taken before it can be called"
        assert bench.statuses().count(1) == len(RINGS) - 6


async def test_it_never_holds_more_channels_than_allowed(bench: Bench) -> None:
    bench.seats(3)
    bench.contacts(*RINGS)
    async with bench.working(max_channels=2):
        await until(lambda: len(bench.switch.orders) == 2, "two calls")
        assert set(await turns(bench)) == {Bound.CHANNELS}
        assert len(bench.switch.orders) == 2
        bench.switch.end(bench.switch.orders[0].attempt)
        await until(lambda: len(bench.switch.orders) == 3, "one ended, another takes its place")


async def test_it_calls_nobody_when_nobody_could_talk(bench: Bench) -> None:
    bench.contacts(*RINGS)
    async with bench.working():
        assert set(await turns(bench)) == {Bound.NOBODY}
        assert bench.store.calls["claim"] == 0
        bench.seats(1)
        bench.workers[0].wake()
        await until(lambda: len(bench.switch.orders) == 1, "an agent sat down")


async def test_more_calls_than_fit_into_one_claim_are_still_placed(bench: Bench) -> None:
    bench.seats(60)
    bench.contacts(*(f"1{n:03d}777" for n in range(70)))
    async with bench.working():
        await until(lambda: len(bench.switch.orders) == 60, "sixty calls for sixty agents")
        assert max(len(result.attempts) for result in bench.observer.claims) <= 50


async def test_contacts_that_may_not_be_called_do_not_use_up_the_places_of_others(bench: Bench) -> None:
    bench.seats(2)
    bench.contacts("1001", "1002", "no number", priority=1)
    bench.contacts("2001777", "2002777")
    bench.store.black_list |= {("1001", "*"), ("+1002", QUEUE)}
    async with bench.working():
        await until(lambda: len(bench.switch.orders) == 2, "two good contacts")
        assert sorted(bench.dialled()) == ["2001777", "2002777"]
        assert sorted(bench.statuses()) == [0, 0, 2, 3, 3]


async def test_fewer_calls_than_decided_are_explained_by_what_the_list_had(bench: Bench) -> None:
    bench.seats(4)
    bench.contacts("1001", priority=1)
    bench.contacts("2001777", "2002777")
    bench.store.black_list |= {("1001", "*")}
    async with bench.working():
        await until(lambda: any(each.calls for _, each in bench.observer.decisions), "two good contacts")
        told = next(each for _, each in bench.observer.decisions if each.calls)
        assert (told.calls, told.bound) == (2, Bound.SPOOL)
        assert told.reason == "3 contacts were ready for 4 calls; 1 not to be called"


async def test_contacts_that_are_not_to_be_called_do_not_make_a_list_look_empty(bench: Bench) -> None:
    bench.seats(2)
    bench.contacts("1001", "1002", priority=1)
    bench.contacts("2001777", "2002777", "2003777")
    bench.store.black_list |= {("1001", "*"), ("1002", "*")}
    async with bench.working():
        await until(lambda: len(bench.switch.orders) == 2, "two good contacts")
        assert Bound.SPOOL not in bench.observer.bounds(QUEUE)


async def test_an_empty_spool_is_named_as_the_reason_and_new_contacts_are_noticed(bench: Bench) -> None:
    bench.seats(1)
    async with bench.working():
        assert set(await turns(bench)) == {Bound.SPOOL}
        bench.contacts("1001777")
        bench.clock.advance(1)
        await until(lambda: bench.dialled() == ["1001777"], "the new contact")


async def test_nothing_is_dialled_while_the_picture_is_not_current(bench: Bench) -> None:
    bench.seats(1)
    bench.contacts("1001777")
    bench.current = False
    async with bench.working():
        assert set(await turns(bench)) == {Bound.LINK}
        assert bench.store.calls["claim"] == 0
        bench.current = True
        await until(lambda: len(bench.switch.orders) == 1, "the picture is current again")


async def test_nothing_is_dialled_while_outcomes_cannot_be_written(bench: Bench) -> None:
    bench.seats(1)
    bench.contacts("1001777")
    bench.store.fail, bench.store.fail_in = DOWN, frozenset({"record"})
    bench.recorder.put(QueueLogRow(NOW, "x", QUEUE, "NONE", "PAUSE"))
    bench.recorder.failing = str(DOWN)
    async with bench.working():
        assert set(await turns(bench)) == {Bound.DATABASE}
        assert bench.store.calls["claim"] == 0
        bench.store.fail = None
        await until(lambda: len(bench.switch.orders) == 1, "the database is back")


async def test_nothing_is_dialled_outside_the_schedule(bench: Bench) -> None:
    bench.seats(1)
    bench.contacts("1001777")
    async with bench.working(schedule=parse_schedule("tue;00:00-23:59")) as worker:
        assert set(await turns(bench)) == {Bound.SCHEDULE}
        assert bench.store.calls["claim"] == 0
        report = worker.report(bench.clock.now())
        assert report.state == "off_schedule"
        assert report.until is not None
        assert report.until.strftime("%a %H:%M") == "Tue 00:00"
        bench.clock.advance(timedelta(days=1).total_seconds())
        await until(lambda: len(bench.switch.orders) == 1, "it is Tuesday")
        await turns(bench)
        report = worker.report(bench.clock.now())
        assert (report.state, report.until) == ("running", None)


async def test_a_store_that_fails_costs_turns_and_never_the_worker(bench: Bench) -> None:
    bench.seats(1)
    bench.contacts("1001777")
    bench.store.fail = DOWN
    async with bench.working() as worker:
        await until(lambda: bench.observer.failures > 3, "it tries again and again")
        assert worker.decision is not None
        assert worker.decision.bound is Bound.DATABASE
        assert bench.switch.orders == []
        bench.store.fail = None
        await until(lambda: len(bench.switch.orders) == 1, "the database is back")


async def test_contacts_whose_sending_cannot_be_written_go_back_and_are_called_once(bench: Bench) -> None:
    bench.seats(2)
    bench.contacts("1001777", "1002777")
    bench.store.fail, bench.store.fail_in = DOWN, frozenset({"mark_sent"})
    async with bench.working():
        await until(lambda: bench.store.calls["release"] > 2, "what was claimed is given back")
        assert bench.switch.orders == []
        bench.store.fail = None
        await until(lambda: len(bench.switch.orders) == 2, "sending can be written again")
        await turns(bench)
        assert sorted(bench.dialled()) == ["1001777", "1002777"]


async def test_contacts_claimed_when_the_link_is_lost_go_back(bench: Bench) -> None:
    bench.seats(2)
    ids = bench.contacts("1001777", "1002777", alternatives="555")
    before = {spool_id: dict(bench.store.spool[spool_id]) for spool_id in ids}

    def lose_the_link(method: str) -> None:
        if method == "claim":
            bench.current = False

    bench.store.done = lose_the_link
    async with bench.working():
        await until(lambda: bench.store.calls["release"] == 1, "what was claimed is given back")
        await until(lambda: bench.statuses() == [1, 1], "both are ready again")
        assert bench.store.spool == before
        assert bench.switch.orders == []


async def test_an_order_that_could_not_leave_gives_its_contact_back_uncounted(bench: Bench) -> None:
    bench.seats(1)
    [spool_id] = bench.contacts("1001777", alternatives="555")
    before = dict(bench.store.spool[spool_id])

    def cut_the_cable(method: str) -> None:
        if method == "mark_sent":
            bench.switch.linked = bench.current = False

    bench.store.done = cut_the_cable
    async with bench.working():
        await until(lambda: bench.store.calls["release"] == 1, "it is given back")
        await until(lambda: bench.statuses() == [1], "it is ready again")
        assert bench.store.spool[spool_id] == before
        assert len(bench.book) == 0
        assert (bench.store.cdr, bench.observer.calls) == ([], [])


async def test_a_refused_order_ends_not_placed_and_its_contact_waits_a_minute(bench: Bench) -> None:
    bench.seats(1)
    [spool_id] = bench.contacts("1001777", alternatives="555")
    bench.switch.refuse = "Extension does not exist."
    async with bench.working():
        await until(lambda: len(bench.store.cdr) == 1, "its end is written")
        await turns(bench)
        assert bench.outcomes() == ["not_placed"]
        assert bench.store.cdr[0].note == "Asterisk refused the order: Extension does not exist."
        row = bench.store.spool[spool_id]
        assert (row["status"], row["destination"], row["retries"]) == (1, "1001777", 0)
        assert row["notbefore"] == (NOW + timedelta(minutes=1)).replace(tzinfo=None)
        bench.switch.refuse = ""
        bench.clock.advance(60)
        await until(lambda: bench.dialled() == ["1001777"], "a minute has passed")


async def test_an_order_without_an_answer_stays_in_the_book_and_is_not_sent_again(bench: Bench) -> None:
    bench.seats(2)
    bench.contacts("1001777")
    bench.switch.lose = "order"
    async with bench.working():
        await until(lambda: len(bench.switch.orders) == 1, "the order left")
        await turns(bench)
        assert len(bench.switch.orders) == len(bench.book) == 1
        assert bench.statuses() == [0], "the contact is not called again before its fate is known"


async def test_an_order_whose_answer_was_lost_ends_by_its_events(bench: Bench) -> None:
    bench.seats(1)
    bench.contacts("1001486")
    bench.switch.lose = "answer"
    async with bench.working():
        await until(lambda: len(bench.store.cdr) == 1, "its end is written")
        assert bench.outcomes() == ["busy"]


async def test_a_stop_gives_back_what_was_claimed_and_dials_no_more(bench: Bench) -> None:
    bench.seats(2)
    bench.contacts("1001777", "1002777")
    bench.store.done = lambda method: bench.workers[0].stop() if method == "claim" else None
    async with bench.working():
        await until(lambda: bench.store.calls["release"] == 1, "what was claimed is given back")
    assert bench.statuses() == [1, 1]
    assert bench.switch.orders == []


async def test_a_stop_during_a_slow_claim_still_gives_its_contacts_back(bench: Bench) -> None:
    bench.seats(1)
    bench.contacts("1001777")
    answer = bench.store.held["claim"] = asyncio.Event()
    async with bench.working() as worker:
        await until(lambda: "claim" in bench.store.waiting, "the claim is on its way")
        worker.stop()
        answer.set()
    assert bench.statuses() == [1]
    assert bench.switch.orders == []


async def test_changed_settings_hold_from_the_next_call_on(bench: Bench) -> None:
    bench.seats(1)
    bench.contacts("1001777", "1002777")
    async with bench.working() as worker:
        await until(lambda: len(bench.switch.orders) == 1, "the first call")
        worker.update(a_campaign(dial_string=parse_dialstring("SIP/OTHER/99"), tbc=-100, timeout=11))
        await until(lambda: len(bench.switch.orders) == 2, "the overdial is higher now")
        first, second = bench.switch.orders
        assert first.channel.endswith("@CARRIER")
        number = dict(second.variables)["OD_NUMBER"]
        assert (second.channel, second.timeout) == (f"PJSIP/99{number}@OTHER", 11)


async def test_calls_are_spaced_by_the_time_between_calls(bench: Bench) -> None:
    bench.seats(3)
    bench.contacts(*RINGS)
    async with bench.working(tbc=5000):
        for count in (1, 2, 3):
            await until(lambda count=count: len(bench.switch.orders) == count, f"call {count}")  # type: ignore[misc]
            await turns(bench)
            assert len(bench.switch.orders) == count
            bench.clock.advance(5)


async def test_orders_that_asterisk_refuses_are_not_tried_contact_after_contact(bench: Bench) -> None:
    bench.seats(1)
    bench.contacts(*(f"100{n}777" for n in range(9)))
    bench.switch.refuse = "Extension does not exist."
    async with bench.working() as worker:
        await until(lambda: bench.outcomes() == ["not_placed"] * REFUSALS, "some are refused in a row")
        assert set(await turns(bench)) == {Bound.REFUSED}
        assert worker.decision is not None
        assert "Extension does not exist." in worker.decision.reason
        assert len(bench.outcomes()) == REFUSALS
        bench.switch.refuse = ""
        bench.clock.advance(11)
        await until(lambda: len(bench.store.attempts) > REFUSALS, "it is tried again after a while")


async def test_a_contact_whose_order_alone_is_refused_is_set_aside_at_the_second_time(bench: Bench) -> None:
    bench.seats(1)
    [bad] = bench.contacts("1001777", priority=5)
    bench.switch.refuse = "Extension does not exist."
    async with bench.working():
        await until(lambda: bench.outcomes() == ["not_placed"], "refused once")
        bench.clock.advance(61)
        await until(lambda: bench.statuses() == [2], "refused twice")
    assert "Asterisk refused the order: Extension does not exist." in bench.store.spool[bad]["reason"]


async def test_a_trunk_that_fails_call_after_call_rests_and_is_tried_with_one(bench: Bench) -> None:
    bench.seats(9)
    bench.contacts(*(f"10{n:02d}503" for n in range(30)))
    async with bench.working() as worker:
        trunk = bench.book.breaker(worker.campaign.dialer.dial_string.trunk)
        await until(lambda: trunk.suspicious, "they fail one after the other")
        await until(lambda: worker.decision is not None and worker.decision.bound is Bound.TRUNK, "it rests")
        tried = len(bench.dialled())
        bench.clock.advance(11)
        await until(lambda: len(bench.dialled()) == tried + 1, "one probe")
        assert set(await turns(bench)) == {Bound.TRUNK}
        assert len(bench.dialled()) == tried + 1
        trunk.ended(False, bench.clock.now())
        await until(lambda: len(bench.dialled()) > tried + 1, "it works, so it is used")


async def test_a_moment_of_lag_changes_nothing(bench: Bench) -> None:
    bench.seats(20)
    bench.contacts(*RINGS)
    bench.switch.late = 0.25
    async with bench.working():
        await until(lambda: len(bench.switch.orders) == 20, "twenty calls for twenty agents")
        assert len(bench.observer.claims) == 1
        assert Bound.LAG not in bench.observer.bounds(QUEUE)


async def test_while_events_lag_fewer_calls_are_placed_at_once(bench: Bench) -> None:
    bench.seats(20)
    bench.contacts(*RINGS)
    bench.switch.late = 1.125
    async with bench.working() as worker:
        await until(lambda: Bound.LAG in bench.observer.bounds(QUEUE), "it is slowed")
        assert len(bench.observer.claims[0].attempts) == 10, "half-way to a stop: half of twenty"
        bench.switch.late = 0.0
        worker.wake()
        await until(lambda: len(bench.switch.orders) == 20, "the rest is placed when events come in time")


async def test_a_single_call_is_placed_even_while_events_lag_a_little(bench: Bench) -> None:
    bench.seats(1)
    bench.contacts("1001777")
    bench.switch.late = 0.3
    async with bench.working():
        await until(lambda: len(bench.switch.orders) == 1, "slowed is not stopped")


async def test_with_events_far_behind_nothing_is_dialled(bench: Bench) -> None:
    bench.seats(3)
    bench.contacts("1001777")
    bench.switch.late = 2.1
    async with bench.working() as worker:
        assert set(await turns(bench)) == {Bound.LAG}
        assert bench.store.calls["claim"] == 0
        assert worker.decision is not None
        assert "2.1 s behind" in worker.decision.reason
        bench.switch.late = 0.0
        await until(lambda: len(bench.switch.orders) == 1, "events come in time again")

"""Several engines at once: one dials, another takes over when it is gone, and nobody is called twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from engine.domain.call import State
from engine.ports import StoreError
from engine.services.engine import Engine
from tests.builders import QUEUE
from tests.doubles import until
from tests.service_rig import LEASE, EngineRoom, calls_of, hurry, in_state, log_of, rounds

LONG = LEASE.total_seconds() + 1


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def room() -> EngineRoom:
    return EngineRoom()


class Running:
    """An engine that runs beside the test, and can be killed."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.task = asyncio.ensure_future(engine.run())

    async def kill(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])


@asynccontextmanager
async def running(*engines: Engine) -> AsyncIterator[tuple[Running, ...]]:
    """Run engines, the first one first; what is left of them is killed where the block ends."""
    ones = []
    try:
        for engine in engines:
            ones.append(Running(engine))
            if len(ones) == 1:
                await leading(engine)
        yield tuple(ones)
    finally:
        for one in ones:
            await one.kill()
    for one in ones:
        if not one.task.cancelled():
            one.task.result()


async def leading(engine: Engine) -> None:
    await until(lambda: engine.term is not None and engine.dispatcher.current, "it leads")


async def asked(room: EngineRoom, count: int = 3) -> None:
    """Let the standbys ask for the lease `count` more times."""
    before = room.store.calls["take_lease"]
    await until(lambda: room.store.calls["take_lease"] > before + count, f"{count} more questions")


def process_of(engine: Engine) -> str:
    return engine.lease._identity.process


def owners(room: EngineRoom) -> set[str]:
    return {str(row["owner"]) for row in room.store.attempts.values()}


async def test_of_two_engines_one_dials_and_the_other_stands_by(room: EngineRoom) -> None:
    room.seats(3)
    room.contacts(*(f"10{n:02d}100" for n in range(30)))
    first, second = room.engine(), room.standby()
    async with running(first, second):
        await until(lambda: room.store.spool == {}, "every contact is done")
        await asked(room)
        assert owners(room) == {"test"}
        assert (second.term, second.dispatcher.current) == (None, True), "it knows the picture already"
        assert second.obstacle() != ""
    assert sorted(room.dialled()) == [f"10{n:02d}100" for n in range(30)]
    assert len(room.store.cdr) == 30


async def test_whoever_leads_in_the_middle_of_it_each_contact_is_called_once(room: EngineRoom) -> None:
    room.seats(2)
    numbers = [f"10{n:02d}100" for n in range(40)]
    room.contacts(*numbers)
    first, second = room.engine(), room.standby()
    async with running(first, second) as (one, _):
        await until(lambda: len(room.store.cdr) >= 10, "some are done")
        await one.kill()
        room.dead.add(process_of(first))
        for _ in range(5):  # what was under way has its time, then its place is free
            await rounds(room)
            room.clock.advance(10)
        await until(lambda: len(room.store.cdr) >= 30, "the other goes on")
    assert len(set(room.dialled())) == len(room.dialled()), "nobody was called twice"
    assert owners(room) == {"test", "another"}


async def test_a_dead_engine_is_taken_over_from_at_once_and_its_calls_go_on(room: EngineRoom) -> None:
    room.seats(1)
    room.contacts("1001200")
    first, second = room.engine(), room.standby()
    async with running(first, second) as (one, _):
        await in_state(first, State.CONNECTED)
        await until(lambda: not first.recorder.pending, "it is written")
        await one.kill()
        room.dead.add(process_of(first))
        await in_state(second, State.CONNECTED)
        room.switch.end(room.switch.orders[0].attempt)
        await until(lambda: room.store.spool == {}, "the contact is done")
    assert room.outcomes() == ["answered"]
    assert room.switch.hung_up == []


async def test_an_engine_whose_death_cannot_be_seen_keeps_the_lease_to_its_end(room: EngineRoom) -> None:
    room.seats(1)
    room.contacts("1001777")
    first, second = room.engine(), room.standby()
    async with running(first, second) as (one, _):
        await in_state(first, State.RINGING)
        await one.kill()
        room.clock.advance(LEASE.total_seconds() - 1)
        await asked(room)
        assert second.term is None
        room.clock.advance(2)
        await in_state(second, State.RINGING)
    assert len(room.switch.orders) == 1


async def test_a_clean_stop_hands_over_at_once(room: EngineRoom) -> None:
    room.seats(1)
    room.contacts("1001100")
    first, second = room.engine(), room.standby()
    async with running(first, second) as (one, _):
        await until(lambda: room.store.spool == {}, "the contact is done")
        first.stop()
        await until(one.task.done, "it has ended")
        assert one.task.result() is True
        await leading(second)
        room.contacts("1002100")
        room.clock.advance(1)
        await until(lambda: room.store.spool == {}, "the other dials")
    assert room.dialled() == ["1001100", "1002100"]


async def test_a_standby_can_be_stopped(room: EngineRoom) -> None:
    first, second = room.engine(), room.standby()
    async with running(first, second) as (_, other):
        await asked(room)
        second.stop()
        await until(other.task.done, "it has ended")
        assert other.task.result() is True
        assert first.term is not None
        assert first.lease.held, "the lease is not the standby's to end"


async def test_an_engine_that_comes_back_after_its_lease_was_taken_steps_down(room: EngineRoom) -> None:
    room.seats(1)
    room.contacts("1001200")
    first, second = room.engine(), room.standby()
    async with running(first, second):
        await in_state(first, State.CONNECTED)
        await until(lambda: not first.recorder.pending, "it is written")
        frozen = room.store.held["renew_lease"] = asyncio.Event()
        await until(lambda: "renew_lease" in room.store.waiting, "its sign of life is stuck")
        room.clock.advance(LONG)
        assert first.obstacle() != "", "it knows by itself that it may not dial any more"
        await in_state(second, State.CONNECTED)
        del room.store.held["renew_lease"]
        frozen.set()
        await until(lambda: first.term is None, "it steps down")
        call = room.switch.orders[0].attempt
        room.switch.end(call)
        await until(lambda: room.store.spool == {}, "the contact is done")
        await asked(room)
        assert (len(room.store.cdr), log_of(room, call).count("OUTCALL")) == (1, 1)
        assert (first.recorder.pending, second.recorder.pending) == (0, 0)
        assert room.store.attempts[call]["owner"] == "another"
        second.stop()
        await leading(first)
        room.contacts("1002100")
        room.clock.advance(1)
        await until(lambda: room.store.spool == {}, "it dials again")
    assert room.dialled() == ["1001200", "1002100"]


async def test_what_a_frozen_engine_hears_of_a_call_that_was_taken_over_is_written_once(
    room: EngineRoom,
) -> None:
    room.seats(1)
    room.contacts("1001200")
    first, second = room.engine(), room.standby()
    async with running(first, second):
        await in_state(first, State.CONNECTED)
        await until(lambda: not first.recorder.pending, "it is written")
        frozen = room.store.held["renew_lease"] = asyncio.Event()
        await until(lambda: "renew_lease" in room.store.waiting, "its sign of life is stuck")
        room.clock.advance(LONG)
        await in_state(second, State.CONNECTED)
        writing = room.store.held["record"] = asyncio.Event()
        call = room.switch.orders[0].attempt
        room.switch.end(call)
        await until(lambda: not calls_of(first) and not calls_of(second), "both hear of the end")
        await until(lambda: not second.recorder.pending, "the second writes it")
        writing.set()
        await until(lambda: not first.recorder.pending, "and then the first")
        frozen.set()
    assert [row.disposition for row in room.store.cdr] == ["ANSWERED"]
    assert log_of(room, call) == ["ENTERQUEUE", "CONNECT", "COMPLETECALLER", "OUTCALL"]


async def test_contacts_that_a_frozen_engine_had_claimed_are_called_once_by_the_other(
    room: EngineRoom,
) -> None:
    room.seats(1)
    first, second = room.engine(), room.standby()
    async with running(first, second):
        await until(lambda: room.store.calls["publish"] > 0, "it is at work")
        sending = room.store.held["mark_sent"] = asyncio.Event()
        frozen = room.store.held["renew_lease"] = asyncio.Event()
        room.contacts("1001100")
        room.clock.advance(1)
        await until(
            lambda: room.store.waiting == {"mark_sent", "renew_lease"}, "claimed, not sent, and stuck"
        )
        room.clock.advance(LONG)
        await until(lambda: room.store.spool == {}, "the other called it")
        sending.set()
        frozen.set()
        await until(lambda: first.term is None, "the first steps down")
    assert room.dialled() == ["1001100"]
    assert [row["next_step"] for row in room.store.attempts.values()] == ["released", "finished"]


async def test_an_engine_alone_leads_again_when_nobody_took_its_lease(room: EngineRoom) -> None:
    room.seats(1)
    room.contacts("1001200")
    async with room.running() as engine:
        await in_state(engine, State.CONNECTED)
        room.clock.advance(10 * LONG)
        await until(lambda: engine.lease.held, "it said that it lives")
        other = await room.store.seen_by("another").take_lease("another process", LEASE)
        assert not other.ours
        assert (room.observer.leads, len(calls_of(engine))) == ([True], 1)


async def test_while_the_lease_cannot_be_renewed_nothing_is_dialled(room: EngineRoom) -> None:
    room.seats(1)
    async with room.running() as engine:
        await leading(engine)
        room.store.fail = StoreError("the server has gone away")
        room.store.fail_in = frozenset({"renew_lease"})
        room.clock.advance(LONG)
        room.contacts("1001777")
        await rounds(room)
        assert room.switch.orders == []
        assert "lease" in room.store.reports[QUEUE].decision.reason  # type: ignore[union-attr]
        room.store.fail = None
        await until(lambda: len(room.switch.orders) == 1, "it dials again")


async def test_an_engine_that_cannot_ask_for_the_lease_asks_again(room: EngineRoom) -> None:
    room.store.fail = StoreError("the server has gone away")
    room.store.fail_in = frozenset({"take_lease", "strays"})
    async with room.running() as engine:
        await until(lambda: room.observer.failures > 3, "it asks again and again")
        assert engine.term is None
        room.store.fail_in = frozenset({"strays"})
        await until(lambda: room.store.calls["strays"] > 3, "it cannot take over yet")
        room.seats(1)
        room.contacts("1001100")
        assert room.switch.orders == []
        room.store.fail = None
        await until(lambda: room.store.spool == {}, "it is at work")

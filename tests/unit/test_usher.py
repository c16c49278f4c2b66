"""Callers who wait in a queue are woken as soon as an agent is free for them, and not otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from engine.domain.call import State
from engine.services.engine import Engine
from tests.doubles import until
from tests.service_rig import EngineRoom, calls_of, hurry, in_state, rounds, settled


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> EngineRoom:
    hurry(monkeypatch)
    room = EngineRoom()
    room.switch.sleepy = True
    room.store.dialers[next(iter(room.store.dialers))]["tbc"] = -300
    return room


@pytest.fixture
async def passing(room: EngineRoom) -> AsyncIterator[None]:
    """Let time pass, as much as the usher waits for."""

    async def pass_time() -> None:
        while True:
            await asyncio.sleep(0.01)
            room.clock.advance(0.05)

    task = asyncio.get_running_loop().create_task(pass_time())
    yield
    task.cancel()


async def one_talks_two_wait(room: EngineRoom, engine: Engine) -> list[str]:
    """Return the attempts: who talks, then those who wait, the longest waiting first."""
    room.seats(1)
    room.contacts("200000201", "200000202", "200000203")
    await in_state(engine, State.CONNECTED)
    await in_state(engine, State.QUEUED, 2)
    await settled(room, engine)
    waiting = [call for call in calls_of(engine) if call.state is State.QUEUED]
    talking = [call for call in calls_of(engine) if call.state is State.CONNECTED]
    return [call.attempt.id for call in (*talking, *waiting)]


async def test_the_first_waiting_caller_is_woken_for_the_agent_who_gets_free(
    room: EngineRoom, passing: None
) -> None:
    async with room.running() as engine:
        talks, first, second = await one_talks_two_wait(room, engine)
        await rounds(room)
        assert room.switch.woken == []
        room.switch.end(talks)
        await until(lambda: engine.term.book.get(first).state is State.CONNECTED, "the first is served")
        assert set(room.switch.woken) == {first}
        assert engine.term.book.get(second).state is State.QUEUED


async def test_who_is_given_no_agent_is_woken_again(room: EngineRoom, passing: None) -> None:
    async with room.running() as engine:
        talks, first, _ = await one_talks_two_wait(room, engine)
        served = room.switch._serve
        room.switch._serve = lambda queue: None  # Asterisk sees the agent as busy still
        room.switch.end(talks)
        await until(lambda: room.switch.woken.count(first) >= 2, "it was tried again")
        room.switch._serve = served
        await until(lambda: engine.term.book.get(first).state is State.CONNECTED, "the first is served")


async def test_a_link_that_breaks_costs_only_the_waking(room: EngineRoom, passing: None) -> None:
    async with room.running() as engine:
        talks, first, _ = await one_talks_two_wait(room, engine)
        room.switch.end(talks)
        room.switch.link_down()
        await rounds(room)
        room.switch.link_up()
        await until(lambda: engine.term.book.get(first).state is State.CONNECTED, "the first is served")

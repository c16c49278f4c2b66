"""The engine's picture over the line says what it says at home, and costs the engine little."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import structlog

from engine.adapters.office import keeper, mirror
from engine.adapters.office.keeper import OfficeProcess
from engine.adapters.office.mirror import Mirror
from engine.adapters.office.wire import Kind
from engine.domain.call import State
from engine.domain.live import CallNow
from engine.ports.live import EngineSilentError
from engine.services.engine import Engine
from engine.services.live import LivePicture
from tests.builders import QUEUE
from tests.doubles import background, until
from tests.service_rig import EngineRoom, hurry, in_state


class Line:
    """Both ends in one process: what is between them is the real socketpair."""

    def __init__(self, parts: keeper.Parts) -> None:
        self.counted: list[tuple[str, int]] = []
        self.did: list[object] = []
        ours, self.theirs = socket.socketpair()
        self._ours, self._parts = ours, parts
        self.office = OfficeProcess((), None, lambda level, n: self.counted.append((level, n)), lambda: None)
        self.mirror = Mirror(self.theirs)

    async def run(self) -> None:
        reader, self.office._writer = await asyncio.open_connection(sock=self._ours)
        await self.office._talk(reader, self.office._writer, self._parts)

    def hang_up(self) -> None:
        assert self.office._writer is not None
        self.office._writer.close()


@asynccontextmanager
async def line(parts: keeper.Parts) -> AsyncIterator[Line]:
    both = Line(parts)
    await both.mirror.connect()
    orders = both.mirror.run(lambda: both.did.append("stop"), lambda *said: both.did.append(said))
    async with background(both.run(), orders):
        yield both
    await both.mirror.close()
    both.hang_up()


def counting(parts: keeper.Parts, asked: list[str]) -> keeper.Parts:
    def counts(name: str, read: Callable[[], Iterable[object]]) -> Callable[[], Iterable[object]]:
        def ask() -> Iterable[object]:
            asked.append(name)
            return read()

        return ask

    return {name: counts(name, read) for name, read in parts.items()}


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> EngineRoom:
    hurry(monkeypatch)
    room = EngineRoom()
    room.store.add_dialer(QUEUE, tbc=0, maxchannels=2)
    room.seats(2)
    room.contacts("1001200", "1002200")
    return room


async def agrees(engine: Engine, seen: Mirror) -> None:
    home = LivePicture(engine)
    assert await seen.current() == home.current
    assert await seen.leading() == home.leading
    assert list(await seen.queues()) == list(home.queues())
    assert await seen.calls() == home.calls()
    assert list(await seen.each_call()) == list(home.each_call())
    told, said = list(await seen.reports()), list(home.reports())
    assert [report.campaign for report in told] == [report.campaign for report in said]
    for one, other in zip(told, said, strict=True):
        assert (one.state, one.seats, one.paused) == (other.state, other.seats, other.paused)
        assert one.snapshot is not None
        assert other.snapshot is not None
        assert replace(one.snapshot, lag=0.0) == replace(other.snapshot, lag=0.0)
        assert one.snapshot.calls == ()


async def test_a_leading_engine_and_a_standby_are_seen_as_they_are(room: EngineRoom) -> None:
    async with room.running() as engine:
        await in_state(engine, State.CONNECTED, 2)
        await until(lambda: any(r.snapshot for r in LivePicture(engine).reports()), "it is reported")
        async with line(LivePicture(engine).parts()) as both:
            await agrees(engine, both.mirror)
            assert await both.mirror.leading()
            assert len(await both.mirror.each_call()) == 2
            [queue] = await both.mirror.queues()
            assert [seat.state.value for seat in queue.seats] == ["talking", "talking"]
            assert set(LivePicture(engine).parts()) == set(both.mirror._asked), "every part was asked for"
        standby = room.standby()
        async with background(standby.run()):
            await until(lambda: standby.started.is_set() and standby.dispatcher.current, "it stands by")
            async with line(LivePicture(standby).parts()) as both:
                await agrees(standby, both.mirror)
                assert not await both.mirror.leading()
                assert (await both.mirror.queues(), await both.mirror.each_call())[1] == []


def many(count: int) -> Mapping[str, Callable[[], Iterable[object]]]:
    calls = [CallNow(f"g{n}", QUEUE, "ringing", "ana", "2125550001", "C") for n in range(count)]
    return {"each_call": lambda: iter(calls), "current": lambda: (True,)}


async def test_a_long_answer_comes_whole_and_the_engine_has_its_turns_in_between(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeper, "SLICE", 0.0)
    turns = 0

    async def works() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    parts = many(1500)
    async with line(parts) as both, background(works()):
        found = await both.mirror.each_call()
    assert found == list(parts["each_call"]())
    assert turns >= 1500


async def test_however_many_ask_the_engine_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mirror, "KEPT", 3600.0)
    asked: list[str] = []
    async with line(counting(many(3), asked)) as both:
        for _ in range(3):
            found = await asyncio.gather(*(both.mirror.each_call() for _ in range(50)), both.mirror.current())
            assert len(found[0]) == 3
        assert sorted(asked) == ["current", "each_call"]
        monkeypatch.setattr(mirror, "KEPT", 0.0)
        await both.mirror.current()
        assert sorted(asked) == ["current", "current", "each_call"], "what is old is asked for again"


async def test_who_goes_away_takes_no_answer_with_him_and_what_fails_says_so() -> None:
    def broken() -> Iterable[object]:
        raise ValueError("2125550001")

    parts = {**many(3), "queues": broken}
    async with line(parts) as both:
        gone = asyncio.ensure_future(both.mirror.each_call())
        stays = asyncio.ensure_future(both.mirror.each_call())
        await asyncio.sleep(0)
        gone.cancel()
        assert len(await stays) == 3
        with structlog.testing.capture_logs() as said, pytest.raises(EngineSilentError):
            await both.mirror.queues()
        assert [(line["action"], line["part"]) for line in said] == [("office.fault", "queues")]
        assert "2125550001" not in str(said)
        with pytest.raises(EngineSilentError):
            await both.mirror.reports()
        assert await both.mirror.current(), "the line goes on"


async def test_an_engine_that_says_nothing_is_not_waited_for_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mirror, "PATIENCE", 0.01)
    ours, theirs = socket.socketpair()
    with ours:
        silent = Mirror(theirs)
        await silent.connect()
        with pytest.raises(EngineSilentError):
            await silent.queues()
        await silent.close()


async def test_orders_reach_the_office_and_its_log_lines_are_counted() -> None:
    async with line(many(1)) as both:
        both.mirror.logged("warning")
        both.mirror.logged("info")
        both.mirror.logged("info")
        both.mirror._tell_lines()
        both.mirror.opened()
        assert await both.mirror.current()
        assert both.counted == [("warning", 1), ("info", 2)]
        assert both.office.component.ok
        both.office.log_as("debug", "json")
        both.office._order(Kind.STOP)
        await until(lambda: both.did == [("debug", "json"), "stop"], "both are heard")


async def test_the_end_of_the_line_ends_the_office() -> None:
    both = Line(many(1))
    await both.mirror.connect()
    async with background(both.run()):
        listening = asyncio.ensure_future(both.mirror.run(lambda: None, lambda *_: None))
        assert await both.mirror.current()
        both.hang_up()
        await listening
    await both.mirror.close()

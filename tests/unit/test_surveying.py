"""Round after round: who is judged when, and what ends a round."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime

import pytest

from engine.ports import StoreError
from engine.ports.survey import Look, Part, Source
from engine.services import surveying
from engine.services.surveying import BATCH, Rounds, survey
from tests.doubles import FakeClock


class Desk:
    """The Surveyor port over lists of ids; every call is noted, and takes `seconds`."""

    def __init__(
        self, clock: FakeClock, spool: dict[str, list[int]], planned: list[int] | None = None
    ) -> None:
        self.clock = clock
        self.spool = spool
        self.planned = planned or []
        self.judged: list[int] = []
        self.swept: list[tuple[Source, int]] = []
        self.seconds = 0.0
        self.faults: Iterator[Exception | None] = iter(())

    def ids(self, source: Source, campaign: str = "") -> list[int]:
        if source is Source.SCHEDULER:
            return self.planned
        return sorted(n for name, ids in self.spool.items() if campaign in ("", name) for n in ids)

    async def newest(self, source: Source) -> int:
        return max(self.ids(source), default=0)

    async def campaigns(self) -> tuple[str, ...]:
        fault = next(self.faults, None)
        if fault is not None:
            raise fault
        return tuple(self.spool)

    async def look(self, part: Part, now: datetime) -> Look:
        ids = [n for n in self.ids(part.source, part.campaign) if n > part.after][: part.most]
        self.judged += ids
        self.clock.advance(self.seconds)
        return Look(len(ids), max(ids, default=part.after), len(ids) == part.most)

    async def sweep(self, source: Source, after: int, most: int) -> Look:
        self.swept.append((source, after))
        return Look(0, after, more=False)


async def yes() -> bool:
    return True


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited, each time."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(surveying.asyncio, "sleep", sleep)
    return waited


async def test_a_round_judges_everybody_once_and_looks_for_those_who_have_gone(pauses: list[float]) -> None:
    clock = FakeClock()
    desk = Desk(clock, {"A": [*range(1, 3 * BATCH, 2)], "B": [2, 4, 500]}, planned=[7, 8])
    rounds = Rounds(desk, clock.port(), yes)
    for _ in range(2):
        desk.judged.clear()
        assert await rounds.round() == len(desk.judged) == 3 * BATCH // 2 + 5
        assert sorted(desk.judged) == sorted([*desk.spool["A"], *desk.spool["B"], 7, 8])
    assert desk.swept == [(Source.SPOOL, 0), (Source.SCHEDULER, 0)] * 2


async def test_who_came_meanwhile_is_judged_before_the_round_goes_on(pauses: list[float]) -> None:
    clock = FakeClock()
    desk = Desk(clock, {"A": [*range(1, 3 * BATCH + 1)]})
    desk.seconds = surveying.NEW
    asked = 0

    async def leads() -> bool:
        nonlocal asked
        asked += 1
        if asked == 3:  # the scheduler's part and the first of the spool are done
            desk.spool["B"] = [1000, 1001]
            desk.planned.append(9)
        return True

    rounds = Rounds(desk, clock.port(), leads)
    await rounds.round()
    assert desk.judged[BATCH : BATCH + 3] == [1000, 1001, 9]
    assert desk.judged[BATCH + 3] == BATCH + 1


async def test_it_keeps_to_its_share_of_the_time(pauses: list[float]) -> None:
    clock = FakeClock()
    desk = Desk(clock, {"A": [*range(1, 2 * BATCH)]})
    desk.seconds = 0.01
    await Rounds(desk, clock.port(), yes).round()
    worked = 0.01 * len([pause for pause in pauses if pause])
    assert worked / (worked + sum(pauses)) == pytest.approx(surveying.SHARE)


async def test_nobody_is_judged_while_another_engine_leads(pauses: list[float]) -> None:
    clock = FakeClock()
    desk = Desk(clock, {"A": [*range(1, 3 * BATCH)]})
    answers = iter([True, True, False])

    async def leads() -> bool:
        return next(answers, False)

    assert await Rounds(desk, clock.port(), leads).round() == BATCH
    assert desk.swept == []


async def test_a_standby_judges_nobody_and_begins_as_soon_as_it_leads(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = FakeClock()
    desk = Desk(clock, {"A": [1, 2]})
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)
        if desk.judged and seconds == surveying.PERIOD:
            raise asyncio.CancelledError

    async def leads() -> bool:
        return len(waited) >= 3

    monkeypatch.setattr(surveying.asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await survey(desk, clock.port(), leads)
    assert waited[:3] == [surveying.NEW] * 3
    assert desk.judged == [1, 2]


async def test_a_round_that_fails_is_given_up_and_the_next_one_begins_in_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = FakeClock()
    desk = Desk(clock, {"A": [1, 2]})
    desk.faults = iter([StoreError("away"), RuntimeError("a fault of ours")])
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)
        if seconds:
            waited.append(seconds)
        if len(waited) == 3:
            raise asyncio.CancelledError

    monkeypatch.setattr(surveying.asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await survey(desk, clock.port(), yes)
    assert waited == [surveying.PERIOD] * 3
    assert desk.judged == [1, 2]

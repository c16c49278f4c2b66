"""What stands in for the world when services are tested: store, switch, clock, counters, and patience."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from engine.domain.agent import SeatState
from engine.domain.call import Call
from engine.domain.pacing import Bound, Decision, Snapshot
from engine.ports import CallControl, ClaimResult, Clock, Observer, Store
from tests.builders import NOW
from tests.fake_switch import FakeSwitch
from tests.memory_store import MemoryStore

__all__ = ["FakeClock", "FakeSwitch", "MemoryStore", "RecordingObserver", "background", "until"]

#: The longest that a test waits for a status, in s. Nothing is ever measured against it.
PATIENCE = 10.0


async def until(ready: Callable[[], bool], what: str) -> None:
    """Let everybody else run until `ready()`; fails, naming `what`, when that does not come."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE
    while not ready():
        if loop.time() > deadline:
            raise AssertionError(f"not reached: {what}")
        await asyncio.sleep(0)


@asynccontextmanager
async def background(*parts: Coroutine[Any, Any, object]) -> AsyncIterator[asyncio.TaskGroup]:
    """Run `parts` beside the block; what they raise fails the test.

    Where the block ends, they and whatever they started are cancelled.
    """
    before = asyncio.all_tasks()
    async with asyncio.TaskGroup() as group:
        for part in parts:
            group.create_task(part)
        yield group
        for task in asyncio.all_tasks() - before:
            task.cancel()


_names = itertools.count(1)


def fresh_name() -> str:
    """Return a name that no other batch has."""
    return f"batch-{next(_names)}"


class FakeClock:
    """Time that passes only when it is told to; dice that always show the same side."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def port(self) -> Clock:
        return Clock(now=self.now, local=lambda at: at, draw=lambda sides: 0, new_name=fresh_name)


class RecordingObserver:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.decisions: list[tuple[str, Decision]] = []
        self.claims: list[ClaimResult] = []
        self.links: list[bool] = []
        self.failures = 0

    def bounds(self, campaign: str) -> list[Bound]:
        """Return what kept each decision of a campaign from placing more calls."""
        return [decision.bound for name, decision in self.decisions if name == campaign]

    def ended(self, call: Call) -> None:
        self.calls.append(call)

    def decided(self, campaign: str, decision: Decision, seconds: float) -> None:
        self.decisions.append((campaign, decision))

    def claimed(self, campaign: str, result: ClaimResult, seconds: float) -> None:
        self.claims.append(result)

    def seats(self, campaign: str, states: Mapping[SeatState, int], snapshot: Snapshot) -> None:
        pass

    def link(self, up: bool) -> None:
        self.links.append(up)

    def backlog(self, events: int, records: int) -> None:
        pass

    def database_failed(self) -> None:
        self.failures += 1


def fits_the_ports(clock: FakeClock) -> tuple[Store, CallControl, Observer]:
    """The type checker's word that the doubles are what the ports ask for."""
    return MemoryStore(), FakeSwitch(clock.now), RecordingObserver()

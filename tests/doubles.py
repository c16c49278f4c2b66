"""What stands in for the world when services are tested: store, switch, clock, counters, and patience."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from engine.domain.agent import SeatState
from engine.domain.call import Call
from engine.domain.callerid_health import Cause, Result
from engine.domain.entries import Entry, Written
from engine.domain.pacing import Bound, Decision, Snapshot
from engine.ports import (
    Batch,
    CallControl,
    CallHistory,
    ClaimResult,
    Clock,
    Journals,
    Observer,
    PastCall,
    Store,
)
from engine.ports.watch import EngineStatus, SmallCounts, SpoolCount
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


class FakeClock:
    """Time that passes only when it is told to; dice that always show the same side."""

    def __init__(self, at: datetime = NOW) -> None:
        self.at = at
        self.set_by = 0.0
        self._moved = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - NOW).total_seconds() - self._moved

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)

    def set(self, seconds: float) -> None:
        """Set the time of day ahead (or back): `now` follows with the next `rebase`."""
        self.set_by += seconds

    def drift(self) -> float:
        return self.set_by

    def rebase(self) -> None:
        self._moved += self.set_by
        self.at += timedelta(seconds=self.set_by)
        self.set_by = 0.0

    def port(self) -> Clock:
        return Clock(
            now=self.now,
            local=lambda at: at,
            monotonic=self.monotonic,
            drift=self.drift,
            rebase=self.rebase,
            draw=lambda sides: 0,
        )


class MemoryJournal:
    """The Journal port in memory. What `fault` says keeps it from the disk; it is kept all the same."""

    def __init__(self, name: str = "") -> None:
        self.id = name or f"journal-{next(_names)}"
        self.fault = ""
        #: Is there room again? It is seen when the disk is tried.
        self.room = False
        self.lines: list[Written] = []
        self.set_aside: list[tuple[Written, str]] = []
        self.synced = 0
        self.closed = False
        self._number = 0

    @property
    def pending(self) -> int:
        return len(self.lines)

    @property
    def size(self) -> int:
        return sum(len(str(line)) for line in self.lines)

    def append(self, fence: int, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._number += 1
            self.lines.append(Written(self._number, fence, entry))

    def head(self, limit: int) -> Batch | None:
        if self.room:
            self.fault = ""
        return Batch(self.id, tuple(self.lines[:limit])) if self.lines else None

    def settled(self, number: int) -> None:
        self.lines = [line for line in self.lines if line.number > number]

    def refused(self, written: Written, reason: str) -> None:
        self.set_aside.append((written, reason))

    async def sync(self) -> None:
        self.synced += 1

    def close(self) -> None:
        self.closed = True


class MemoryJournals:
    """The Journals port of one process."""

    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.left: list[MemoryJournal] = []

    def own(self) -> MemoryJournal:
        return self.journal

    def orphans(self) -> list[MemoryJournal]:
        found, self.left = self.left, []
        return found

    def after(self) -> MemoryJournals:
        """Return what the next process finds after the death of this one."""
        other = MemoryJournals()
        other.left = self.left if self.journal.closed else [*self.left, self.journal]
        return other


class NoPast:
    """The CallHistory port of a switch that remembers nothing, unless a test gives it `past`."""

    def __init__(self) -> None:
        self.past: dict[str, PastCall] = {}

    def find(self, attempts: frozenset[str]) -> Mapping[str, PastCall]:
        return {attempt: past for attempt, past in self.past.items() if attempt in attempts}


class RecordingObserver:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.decisions: list[tuple[str, Decision]] = []
        self.claims: list[ClaimResult] = []
        self.links: list[bool] = []
        self.leads: list[bool] = []
        self.delays: list[float] = []
        self.statuses: list[EngineStatus] = []
        self.spools: list[tuple[SpoolCount, ...]] = []
        self.smalls: list[SmallCounts] = []
        self.failures = 0
        self.caller_id_results: list[tuple[str, Result]] = []
        self.rests: list[tuple[str, Cause]] = []
        self.caller_id_counts: dict[str, tuple[int, int]] = {}

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

    def caller_id_heard(self, campaign: str, result: Result) -> None:
        self.caller_id_results.append((campaign, result))

    def caller_id_rests(self, campaign: str, cause: Cause) -> None:
        self.rests.append((campaign, cause))

    def caller_ids(self, campaign: str, healthy: int, resting: int) -> None:
        self.caller_id_counts[campaign] = (healthy, resting)

    def link(self, up: bool) -> None:
        self.links.append(up)

    def leading(self, leads: bool) -> None:
        self.leads.append(leads)

    def waited(self, campaign: str, seconds: float) -> None:
        self.delays.append(seconds)

    def status(self, status: EngineStatus) -> None:
        self.statuses.append(status)

    def spool(self, counts: Sequence[SpoolCount]) -> None:
        self.spools.append(tuple(counts))

    def small(self, counts: SmallCounts) -> None:
        self.smalls.append(counts)

    def database_failed(self) -> None:
        self.failures += 1


def fits_the_ports(clock: FakeClock) -> tuple[Store, CallControl, Observer, Journals, CallHistory]:
    """The type checker's word that the doubles are what the ports ask for."""
    return MemoryStore(), FakeSwitch(clock.now), RecordingObserver(), MemoryJournals(), NoPast()

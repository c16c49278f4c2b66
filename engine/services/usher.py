"""Tells callers who wait in a queue that an agent has become free.

Asterisk's Queue() lets a caller who found no agent sleep for `retry` seconds, one at least, before he
looks again (app_queue.c, `wait_a_bit` and `wait_our_turn`). Of the two seconds that the law gives, that is
half; and agents sit idle meanwhile. The engine knows at once, and wakes as many callers as agents are free.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from engine.domain.agent import SeatState
from engine.domain.call import State
from engine.domain.picture import Picture
from engine.ports import UNREACHABLE, CallControl, Clock
from engine.services.book import CallBook

log = structlog.get_logger(__name__)

#: Who has just joined looks for an agent himself.
GRACE = timedelta(seconds=0.1)
#: A caller whom Asterisk gave no agent after all is woken again after so long, then after twice as long …
AGAIN = timedelta(seconds=0.25)


@dataclass(frozen=True, slots=True)
class _Woken:
    """When a caller may be woken next, and how long after that again."""

    next: datetime
    pause: timedelta


class Usher:
    """`changed` says that a queue is worth a look; `run` looks and wakes until cancelled."""

    def __init__(self, control: CallControl, book: CallBook, picture: Picture, clock: Clock) -> None:
        self._control = control
        self._book = book
        self._picture = picture
        self._clock = clock
        self._woken: dict[str, _Woken] = {}
        self._wake = asyncio.Event()

    def changed(self) -> None:
        """Something happened in a queue."""
        self._wake.set()

    async def run(self) -> None:
        """Wake callers until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._wake.clear()
                now = self._clock.now()
                calls, look = self._due(now)
                for call in calls:
                    group.create_task(self._tell(call))
                try:
                    async with asyncio.timeout((look - now).total_seconds() if look else None):
                        await self._wake.wait()
                except TimeoutError:
                    pass

    def _due(self, now: datetime) -> tuple[list[str], datetime | None]:
        """Return whom to wake now, and when to look again if nothing happens; None: not before."""
        due: list[str] = []
        moments: list[datetime] = []
        waiting: set[str] = set()
        for queue in self._picture.queues.values():
            callers = self._callers(queue.waiting - queue.offered) if queue.waiting else []
            if not callers:
                continue
            waiting.update(call for _, call in callers)
            if (free := queue.next_free(now)) is not None:
                moments.append(free)
            for joined, call in callers[: queue.states(now)[SeatState.READY]]:
                before = self._woken.get(call, _Woken(joined + GRACE, AGAIN))
                if before.next > now:
                    moments.append(before.next)
                    continue
                due.append(call)
                self._woken[call] = _Woken(now + before.pause, 2 * before.pause)
                moments.append(now + before.pause)
        for call in self._woken.keys() - waiting:
            del self._woken[call]
        soon = now + timedelta(milliseconds=1)
        return due, max(min(moments), soon) if moments else None

    def _callers(self, waiting: set[str]) -> list[tuple[datetime, str]]:
        """Return our callers with the moment at which they joined, the longest waiting first."""
        calls = (self._book.get(call) for call in waiting)
        return sorted(
            (call.queued_at, call.attempt.id)
            for call in calls
            if call is not None and call.state is State.QUEUED and call.queued_at is not None
        )

    async def _tell(self, call: str) -> None:
        try:
            await self._control.wake_caller(call)
        except UNREACHABLE as error:
            log.warning("caller not woken", action="usher.failed", call_id=call, reason=str(error))

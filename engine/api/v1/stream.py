"""What changes, as events for whoever watches: taken from the live picture, kept for a while, never queried.

One look serves all watchers. Who is slow is dropped: nothing here grows with a watcher that does not read.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from engine.domain.access import Caller, Right
from engine.domain.live import CallNow, QueueNow
from engine.ports import CampaignReport
from engine.ports.live import EngineSilentError

#: Seconds between two looks, and for how long looks go on when nobody watches: somebody may come back.
LOOK, LINGER = 0.5, 60.0
#: Events that can be resumed from, events that may wait for one watcher, and watchers at the same time:
#: altogether, and of one user.
KEPT, WAITING, WATCHERS, OF_ONE = 5000, 1000, 64, 8
#: What only who may see contacts gets to see.
_PERSONAL = ("number", "contact")


@dataclass(frozen=True, slots=True)
class Event:
    """Something changed. `number`: its place in the order, 0 = none; `key`: of what, among its kind; `who`:
    the agent whom it is about."""

    number: int
    kind: str
    key: str
    campaign: str
    who: str
    data: Mapping[str, Any]


@dataclass(slots=True, eq=False)
class Watcher:
    """One open connection: what waits for it. `over`: no more will come, and why."""

    caller: Caller
    waiting: deque[Event] = field(default_factory=deque)
    some: asyncio.Event = field(default_factory=asyncio.Event)
    over: str = ""

    def offer(self, event: Event) -> None:
        """Let it wait, unless too much does."""
        if self.over or not sees(self.caller, event):
            return
        if len(self.waiting) >= WAITING:
            self.end("too slow")
            return
        self.waiting.append(event)
        self.some.set()

    def end(self, why: str) -> None:
        """Let the connection end; what waits is forgotten."""
        self.over = why
        self.waiting.clear()
        self.some.set()


def sees(caller: Caller, event: Event) -> bool:
    """Whether an event is this caller's business: an agent sees himself, others their campaigns."""
    if not caller.may(Right.WATCH):
        return bool(event.who) and caller.is_me(event.who)
    return caller.scope.reaches(event.campaign)


def shown(caller: Caller, event: Event) -> bytes:
    """Return the data of an event as this caller may see it."""
    if caller.may(Right.LOAD):
        return orjson.dumps(event.data)
    return orjson.dumps({key: value for key, value in event.data.items() if key not in _PERSONAL})


class Stream:
    """Looks while anybody watches. `look` gives what there is now; `mark` is that of this process's ids."""

    def __init__(self, look: Callable[[], Awaitable[Iterator[Event]]], mark: str) -> None:
        self._look = look
        self._mark = mark
        self._numbers = itertools.count(1)
        self._last = 0
        self._known: dict[tuple[str, str], Event] = {}
        self._kept: deque[Event] = deque(maxlen=KEPT)
        self._watchers: set[Watcher] = set()
        self._wanted = asyncio.Event()
        self._looking = asyncio.Lock()
        self._idle = 0.0
        self.closed = False

    async def run(self) -> None:
        """Look until cancelled, as long as anybody watches or may come back."""
        while True:
            await self._wanted.wait()
            try:
                async with self._looking:
                    await self.look()
            except EngineSilentError:
                pass  # the next look tells what has changed meanwhile
            self._idle = 0.0 if self._watchers else self._idle + LOOK
            if self._idle > LINGER:
                self._wanted.clear()
                self._known.clear()
                self._kept.clear()
            await asyncio.sleep(LOOK)

    async def look(self) -> None:
        """Tell the watchers what has changed since the last look. Raises EngineSilentError."""
        seen: set[tuple[str, str]] = set()
        for event in await self._look():
            name = (event.kind, event.key)
            seen.add(name)
            known = self._known.get(name)
            if known is None or known.data != event.data:
                self._known[name] = self._publish(event)
        for name in self._known.keys() - seen:
            gone = self._known.pop(name)
            if gone.kind != "decision":
                end = "ended" if gone.kind == "call" else "gone"
                self._publish(replace(gone, data={**gone.data, "state": end}))

    def _publish(self, event: Event) -> Event:
        self._last = next(self._numbers)
        numbered = replace(event, number=self._last)
        self._kept.append(numbered)
        for watcher in self._watchers:
            watcher.offer(numbered)
        return numbered

    def name(self, number: int) -> str:
        """Return the id of an event on the wire."""
        return f"{self._mark}.{number}"

    async def watch(self, caller: Caller, after: str) -> Watcher | None:
        """Let somebody watch from the event `after` on, or else from a picture of everything, between `reset`
        and `ready`. None when too many watch already. Raises EngineSilentError."""
        if not self._wanted.is_set():
            async with self._looking:  # who comes meanwhile waits for the same look
                if not self._wanted.is_set():
                    await self.look()
                    self._wanted.set()
        own = sum(watcher.caller.user == caller.user for watcher in self._watchers)
        if self.closed or len(self._watchers) >= WATCHERS or own >= OF_ONE:
            return None
        watcher = Watcher(caller)
        missed = self._since(after)
        if missed is None:
            watcher.waiting.append(Event(0, "reset", "", "", "", {}))
            watcher.waiting.extend(self._whole(caller))
            watcher.waiting.append(Event(self._last, "ready", "", "", "", {}))
        else:
            watcher.waiting.extend(event for event in missed if sees(caller, event))
        watcher.some.set()
        self._watchers.add(watcher)
        return watcher

    def _whole(self, caller: Caller) -> Iterable[Event]:
        """Everything as it is, without numbers: half of it is nothing to go on from."""
        return (replace(event, number=0) for event in self._known.values() if sees(caller, event))

    def _since(self, after: str) -> list[Event] | None:
        """Return what came after an event; None when that is not known any more."""
        mark, _, text = after.rpartition(".")
        if mark != self._mark or not (text.isascii() and text.isdecimal()) or len(text) > 18:
            return None
        number = int(text)
        first = self._kept[0].number if self._kept else self._last + 1
        if not first - 1 <= number <= self._last:
            return None
        return [event for event in self._kept if event.number > number]

    def leave(self, watcher: Watcher) -> None:
        """Somebody does not watch any more."""
        self._watchers.discard(watcher)

    def close(self) -> None:
        """Let all connections end: the server stops."""
        self.closed = True
        for watcher in self._watchers:
            watcher.end("the server stops")


def picture(
    reports: Iterable[CampaignReport],
    queues: Iterable[QueueNow],
    calls: Iterable[CallNow],
) -> Iterator[Event]:
    """Return everything that can be watched, as it is."""
    for report in reports:
        name = str(report.campaign)
        yield Event(0, "campaign", name, name, "", _campaign(report))
        if report.decision is not None:
            yield Event(0, "decision", name, name, "", _decision(report))
    for queue in queues:
        for seat in queue.seats:
            data = {
                "campaign": queue.name,
                "agent": seat.name,
                "interface": seat.interface,
                "state": seat.state.value,
                "paused": seat.paused,
                "reason": seat.reason,
                "since": seat.since,
            }
            yield Event(0, "seat", f"{queue.name}\n{seat.interface}", queue.name, seat.name, data)
    for call in calls:
        data = {
            "guid": call.guid,
            "campaign": call.campaign,
            "state": call.state,
            "agent": call.agent,
            "number": call.number,
            "contact": call.contact,
        }
        yield Event(0, "call", call.guid, call.campaign, call.agent, data)


def _campaign(report: CampaignReport) -> dict[str, Any]:
    decision, snapshot = report.decision, report.snapshot
    seats = calls = None
    if snapshot is not None:
        seats = {
            "ready": snapshot.ready,
            "ringing": snapshot.ringing,
            "talking": snapshot.talking,
            "wrapup": snapshot.wrapup,
            "paused": report.paused,
        }
        calls = {
            "dialling": snapshot.dialling,
            "waiting": snapshot.waiting,
            "channels": snapshot.channels,
        }
    return {
        "campaign": report.campaign,
        "state": report.state,
        "since": report.since.isoformat(),
        "reason": report.reason or (decision.reason if decision else ""),
        "bound": str(decision.bound) if decision else "",
        "seats": seats,
        "under_way": calls,
    }


def _decision(report: CampaignReport) -> dict[str, Any]:
    decision = report.decision
    if decision is None:
        return {}
    return {
        "campaign": report.campaign,
        "sequence": report.sequence,
        "calls": decision.calls,
        "bound": str(decision.bound),
        "reason": decision.reason,
        "numbers": {name: round(value, 4) for name, value in decision.detail.items()},
    }

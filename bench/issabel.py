"""Issabel's dialerd, written anew from its formulas as a baseline (no code of it is used).

Read in CampaignProcess.class.php and Predictor.class.php (IssabelFoundation/callcenter, 861d284).
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from math import exp

from engine.domain import events as ev
from engine.domain.agent import SeatState
from engine.domain.pacing import Bound, Decision, Observed, Placed, Snapshot

_HALF_HOUR = timedelta(minutes=30)


class Issabel:
    """Every 5 s: free agents, those soon free by the exponential rule, less waiting and in flight.

    `overcommit` divides by the answer seizure ratio of the last half hour (at least 0.20).
    """

    def __init__(self, *, overcommit: bool = False, qos: float = 0.97, cycle: float = 5.0) -> None:
        self._overcommit, self._qos = overcommit, qos
        self._cycle = timedelta(seconds=cycle)
        self._next: datetime | None = None
        self._sent: dict[str, datetime] = {}
        self._talk: dict[str, datetime] = {}
        self._delays: deque[float] = deque([8.0] * 20, maxlen=20)
        self._talks = 0
        self._talked = 0.0
        self._ends: deque[tuple[datetime, bool]] = deque()

    def observe(self, event: Observed) -> None:
        match event:
            case Placed():
                self._sent[event.call] = event.at
            case ev.CallerJoined():
                self._delays.append((event.at - self._sent.pop(event.call)).total_seconds())
                self._ends.append((event.at, True))
            case ev.AgentConnected():
                self._talk[event.call] = event.at
            case ev.HungUp():
                if self._sent.pop(event.call, None) is not None:
                    self._ends.append((event.at, False))
                if (since := self._talk.pop(event.call, None)) is not None:
                    self._talks += 1
                    self._talked += (event.at - since).total_seconds()
            case _:
                pass

    def decide(self, snapshot: Snapshot, now: datetime) -> Decision:
        if self._next is not None and now < self._next:
            return Decision(0, Bound.GAP, "between cycles", wake_at=self._next)
        self._next = now + self._cycle
        number = max(0, snapshot.ready + self._soon(snapshot, now) - snapshot.waiting)
        number = max(0, number - snapshot.dialling)
        while self._ends and now - self._ends[0][0] > _HALF_HOUR:
            self._ends.popleft()
        successes = sum(success for _, success in self._ends)
        if number and self._overcommit and len(self._ends) >= 10 and successes:
            number = round(number / max(successes / len(self._ends), 0.20))
        return Decision(number, Bound.AGENTS, "cycle", wake_at=self._next)

    def _soon(self, snapshot: Snapshot, now: datetime) -> int:
        """Return how many talking agents count as soon free."""
        if self._talks < 10:
            return 0
        mean = self._talked / self._talks
        ahead = sum(self._delays) / len(self._delays)
        return sum(
            1
            for seat in snapshot.seats
            if seat.state is SeatState.TALKING
            and 1 - exp(-((now - seat.since).total_seconds() + ahead) / mean) >= self._qos
        )

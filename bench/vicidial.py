"""VICIdial's pacing, written anew from its formulas as a baseline (no code of it is used).

Read in AST_VDadapt.pl and AST_VDauto_dial.pl of SVN r3884 (2.14b0.5): a dial level that integrates
idle agents less waiting callers, every 15 s; a brake on today's drop percentage; and a dial loop every
2.5 s that fills up to level × agents, one originate after another.
"""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.domain import events as ev
from engine.domain.pacing import Bound, Decision, Observed, Snapshot


class Method(enum.Enum):
    """VICIdial's dial methods that pace by themselves."""

    RATIO = "RATIO"
    HARD_LIMIT = "ADAPT_HARD_LIMIT"
    AVERAGE = "ADAPT_AVERAGE"
    TAPERED = "ADAPT_TAPERED"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a supervisor sets. Defaults of the schema; `level` is where the dial level begins.

    `drop`: adaptive_dropped_percentage; `maximum`: adaptive_maximum_level; `cps`:
    outbound_calls_per_second; `latest`: latest_server_time as HHMM, here the end of the shift.
    """

    level: float = 1.0
    maximum: float = 3.0
    drop: float = 3.0
    cps: float = 5.0
    latest: int = 1700


class Vicidial:
    """The adapt loop (1 s, 15 s, 60 s) and the dial loop (2.5 s) behind our pacer's interface."""

    def __init__(self, method: Method, limits: Limits = Limits()) -> None:
        self._method, self._limits = method, limits
        self.level = limits.level
        self._samples: deque[tuple[int, int, int]] = deque(maxlen=15)
        self._loops = 0
        self._sampled: datetime | None = None
        self._dial_at: datetime | None = None
        self._plan = 0
        self._answered = self._drops = 0
        self._connected: set[str] = set()
        self._minute: deque[tuple[datetime, bool]] = deque()
        self._percent = 0.0
        self._minute_calls = self._minute_drops = 0

    def observe(self, event: Observed) -> None:
        match event:
            case ev.AgentConnected():
                self._connected.add(event.call)
            case ev.CallerAbandoned():
                self._drops += 1
                self._answered += 1
                self._minute.append((event.at, True))
            case ev.HungUp():
                # Calls in progress are not in the denominator yet.
                if event.call in self._connected:
                    self._connected.remove(event.call)
                    self._answered += 1
                self._minute.append((event.at, False))
            case _:
                pass

    def decide(self, snapshot: Snapshot, now: datetime) -> Decision:
        second = timedelta(seconds=1)
        if self._sampled is None or now - self._sampled >= second:
            self._sampled = now
            self._sample(snapshot, now)
        if self._dial_at is None or now >= self._dial_at:
            if self._plan <= 0:
                self._plan = self._wanted(snapshot)
            self._dial_at = now + timedelta(seconds=2.5)
        calls = 0
        if self._plan > 0:
            calls = 1
            self._plan -= 1
            # The plan is carried out serially; agents are not looked at again meanwhile.
            self._dial_at = now + timedelta(seconds=1 / self._limits.cps if self._plan else 2.5)
        wake = min(self._dial_at, self._sampled + second)
        return Decision(calls, Bound.AGENTS, f"level {self.level:.2f}", wake_at=wake)

    def _wanted(self, snapshot: Snapshot) -> int:
        agents = snapshot.ready + snapshot.ringing + snapshot.talking
        lines = snapshot.dialling + snapshot.waiting + snapshot.talking
        return max(round(self.level * agents) - lines, 0)

    def _sample(self, snapshot: Snapshot, now: datetime) -> None:
        self._samples.append((snapshot.ready, snapshot.waiting, snapshot.staff))
        self._loops += 1
        if self._loops % 60 == 0:
            self._count(now)
        if self._loops % 15 == 0 and self._method is not Method.RATIO:
            self._adapt(now)

    def _count(self, now: datetime) -> None:
        while self._minute and now - self._minute[0][0] > timedelta(seconds=60):
            self._minute.popleft()
        self._minute_drops = sum(dropped for _, dropped in self._minute)
        self._minute_calls = len(self._minute) - self._minute_drops
        self._percent = 100 * self._drops / self._answered if self._answered else 0.0

    def _adapt(self, now: datetime) -> None:
        limits, count = self._limits, len(self._samples)
        ready, waiting, agents = (sum(column) / count for column in zip(*self._samples, strict=True))
        if agents <= 0:
            return
        level = round(self.level * (1 + (ready - waiting) / agents), 3)
        level = max(min(level, limits.maximum), 1.0)
        if self._minute_calls > 20 and self._minute_drops > self._minute_calls / 2:
            level /= 2
        if self._answered > 50 and self._percent > limits.drop:
            if self._method is Method.HARD_LIMIT:
                level = 1.0
            elif self._method is Method.AVERAGE:
                level /= 2
            else:
                left = limits.latest - (now.hour * 100 + now.minute)
                level = 1.0 if left < 0 else level * min(1.0, left / 1000)
        self.level = max(level, 1.0)

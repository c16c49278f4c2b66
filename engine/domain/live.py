"""What is shown of queues and campaigns now: facts of the live picture, counted when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from engine.domain.agent import SeatState
from engine.domain.figures import DayFigures


@dataclass(frozen=True, slots=True)
class SeatNow:
    """One member of one queue now. `paused` tells of a pause that a talk still outranks in `state`;
    `reachable`: the phone is there; `idle`: it is, and does nothing; `reason`: of the pause; `since`: when
    the state began, None when nobody saw it."""

    interface: str
    name: str
    paused: bool
    state: SeatState
    reachable: bool = True
    idle: bool = True
    reason: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class QueueNow:
    """A queue now: who sits there, how many wait and for how long (s), and the day so far.

    `hold`, `talk`: Asterisk's averages (s); `service_level`, `wrapup`: s, as the queue has them.
    """

    name: str
    seats: tuple[SeatNow, ...]
    waiting: int
    longest: int = 0
    hold: int = 0
    talk: int = 0
    strategy: str = ""
    service_level: int = 0
    wrapup: int = 0
    today: DayFigures = field(default_factory=DayFigures)

    @property
    def logged_in(self) -> int:
        """Members whose phones are there, as Asterisk's QueueSummary counts them."""
        return sum(seat.reachable for seat in self.seats)

    @property
    def available(self) -> int:
        """Members whom Asterisk's QueueSummary takes for available: after-call work does not count there."""
        return sum(seat.idle and not seat.paused for seat in self.seats)


@dataclass(frozen=True, slots=True)
class CallNow:
    """One call that is up: its id, what it does, and with whom."""

    guid: str
    campaign: str
    state: str
    agent: str
    number: str
    contact: str


@dataclass(frozen=True, slots=True)
class CallsNow:
    """The calls of a campaign that are under way: not answered yet, waiting for an agent, all of them."""

    dialling: int
    waiting: int
    channels: int

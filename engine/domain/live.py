"""What is shown of queues and campaigns now: facts of the live picture, counted when they are asked for."""

from __future__ import annotations

from dataclasses import dataclass

from engine.domain.agent import SeatState


@dataclass(frozen=True, slots=True)
class SeatNow:
    """One member of one queue now. `paused` tells of a pause that a talk still outranks in `state`."""

    interface: str
    name: str
    paused: bool
    state: SeatState


@dataclass(frozen=True, slots=True)
class QueueNow:
    """A queue now: who sits there, and how many wait."""

    name: str
    seats: tuple[SeatNow, ...]
    waiting: int


@dataclass(frozen=True, slots=True)
class CallsNow:
    """The calls of a campaign that are under way: not answered yet, waiting for an agent, all of them."""

    dialling: int
    waiting: int
    channels: int

"""The agent-seat machine: what one seat is doing, from the facts that Asterisk reports.

A seat's state is derived, never stored: Asterisk's facts (device state, pause, queue call, end of
the last call) leave no room for a second opinion that could drift away from them.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from engine.domain.events import Member


class SeatState(enum.StrEnum):
    """What a seat does now; metrics and views use these words."""

    READY = "ready"  # would take a call
    RINGING = "ringing"  # being offered one
    TALKING = "talking"  # with a customer of this queue
    BUSY = "busy"  # on another call
    WRAPUP = "wrapup"  # after-call work
    PAUSED = "paused"
    GONE = "gone"  # phone not reachable


# Asterisk's device states (main/devicestate.c).
_OCCUPIED = frozenset((2, 3, 8))  # in use, busy, on hold
_UNREACHABLE = frozenset((4, 5))  # invalid, unavailable
_IDLE = frozenset((0, 1))  # unknown, not in use
RINGING = frozenset((6, 7))  # ringing, ringing while in use


@dataclass(frozen=True, slots=True)
class Seat:
    """One member of one queue: Asterisk's facts and the moments we saw.

    Invariant: `call` is set from AgentConnect to AgentComplete, and only then.
    """

    member: Member
    offered: str = ""
    call: str = ""
    wrapup_until: datetime | None = None
    #: When the state began that was seen last; None: before anybody looked. No fact of Asterisk's.
    began: datetime | None = field(default=None, compare=False)

    def since(self, now: datetime) -> datetime | None:
        """Return since when the seat is in the state of `now`; None when nobody saw it begin."""
        end = self.wrapup_until
        if end is not None and end <= now and self.state(now) is SeatState.READY:
            return end if self.began is None else max(self.began, end)
        return self.began

    def after(self, before: Seat | None, at: datetime) -> Seat:
        """Return the seat with the moment at which its state began, by what it was before an event."""
        same = before is not None and before.state(at) is self.state(at)
        return replace(self, began=before.since(at) if before is not None and same else at)

    def state(self, now: datetime) -> SeatState:
        """Return what the seat is doing at `now`. A talk outranks a pause asked for during it."""
        device = self.member.device
        if self.call or self.member.in_call:
            return SeatState.TALKING
        if self.member.paused:
            return SeatState.PAUSED
        if self.offered or device in RINGING:
            return SeatState.RINGING
        if device in _OCCUPIED:
            return SeatState.BUSY
        if device in _UNREACHABLE:
            return SeatState.GONE
        if self.wrapup_until is not None and now < self.wrapup_until:
            return SeatState.WRAPUP
        # Unknown is what a phone without device state has; the queue offers it calls.
        return SeatState.READY

    @property
    def reachable(self) -> bool:
        """Is the phone there?"""
        return self.member.device not in _UNREACHABLE

    @property
    def idle(self) -> bool:
        """Does the phone do nothing, as far as Asterisk knows?"""
        return self.member.device in _IDLE

    def seen(self, member: Member) -> Seat:
        """Take over new facts."""
        return replace(self, member=member)

    def offer(self, call: str) -> Seat:
        return replace(self, offered=call)

    def refuse(self, call: str) -> Seat:
        return replace(self, offered="") if self.offered == call else self

    def connect(self, call: str) -> Seat:
        return replace(self, offered="", call=call, wrapup_until=None)

    def complete(self, now: datetime, wrapup: int) -> Seat:
        """End the talk; `wrapup` is the queue's after-call time in s, used where the member has none."""
        seconds = self.member.wrapup or wrapup
        until = now + timedelta(seconds=seconds) if seconds > 0 else None
        member = replace(self.member, in_call=False)
        return replace(self, offered="", call="", member=member, wrapup_until=until)

"""What a pacer is told of the live picture: seats that changed, and calls whose end is open."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from engine.domain.agent import Seat, SeatState
from engine.domain.call import Call, State
from engine.domain.model import Contact
from engine.domain.pacing.base import CallInFlight, SeatChanged, SeatInUse, Traits

_IN_USE = frozenset((SeatState.TALKING, SeatState.WRAPUP, SeatState.PAUSED))


class SeatWatch:
    """Notes since when each seat has been in its state; exact to the time between two looks."""

    def __init__(self) -> None:
        self._since: dict[str, tuple[SeatState, datetime]] = {}

    def look(self, seats: Mapping[str, Seat], now: datetime) -> list[SeatChanged]:
        """Return the changes since the last look. A seat seen for the first time has not changed."""
        changes = []
        for interface, seat in seats.items():
            state = seat.state(now)
            before = self._since.get(interface)
            if before is None:
                self._since[interface] = (state, now)
            elif before[0] is not state:
                lasted = max((now - before[1]).total_seconds(), 0.0)
                changes.append(SeatChanged(now, before[0], state, lasted))
                self._since[interface] = (state, now)
        for interface in self._since.keys() - seats.keys():
            del self._since[interface]
        return changes

    def in_use(self, seats: Mapping[str, Seat]) -> tuple[SeatInUse, ...]:
        """Return the seats that talk, wrap up or pause, as of the last look."""
        result = []
        for interface, (state, since) in self._since.items():
            if state in _IN_USE:
                until = seats[interface].wrapup_until if state is SeatState.WRAPUP else None
                result.append(SeatInUse(state, since, until))
        return tuple(result)


def open_call(call: Call, traits: Traits) -> CallInFlight | None:
    """Return the call as a pacer sees it while it may still become a caller; None when it has or cannot.

    An answered call of a campaign with AMD is open until the verdict or the queue.
    """
    listening = call.state is State.ANSWERED and bool(call.dialer.am) and not call.amd
    if not (call.dialling or listening) or call.state in (State.FAILING, State.OFFERED, State.HELD):
        return None
    sent = call.sent_at or call.attempt.claimed_at
    return CallInFlight(call.attempt.id, sent, call.ringing_at, call.answered_at, traits)


def traits_of(contact: Contact, hour: int) -> Traits:
    """Return what is known of a contact before it is called; `hour` of the day, where it lives or here."""
    return Traits(contact.list_name, contact.retries + 1, contact.phone.kind, hour)

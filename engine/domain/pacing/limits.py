"""What no prediction may pass: channels, the trunk's calls per second, the list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.domain.model import DialerType
from engine.domain.pacing.base import Bound, Decision, Snapshot

#: Why a campaign places none whose share of the agents is 0 for a while (`rivals.Rivals`).
OTHERS_TURN = "another campaign with the same agents has had no calls for a while: it is its turn"


@dataclass(slots=True)
class TokenBucket:
    """Calls per second of one trunk, smoothed: no burst above `depth` s worth of calls.

    One bucket per trunk, shared by its campaigns; the owner asks `available`, places, and `take`s.
    """

    rate: float
    depth: float = 0.2
    _level: float = 1.0
    _at: datetime | None = None

    def available(self, now: datetime) -> int:
        """Return how many calls may leave at `now`."""
        self._fill(now)
        return int(self._level + 1e-6)

    def take(self, calls: int, now: datetime) -> None:
        """Note that `calls` left at `now`."""
        self._fill(now)
        self._level -= calls

    def next_at(self, now: datetime) -> datetime:
        """Return when the next call may leave (`now`, if one may)."""
        self._fill(now)
        missing = 1.0 - self._level
        return now + timedelta(seconds=missing / self.rate) if missing > 1e-6 else now

    def _fill(self, now: datetime) -> None:
        if self._at is not None and now > self._at:
            earned = (now - self._at).total_seconds() * self.rate
            self._level = min(self._level + earned, max(1.0, self.rate * self.depth))
        if self._at is None or now > self._at:
            self._at = now


def channels_allowed(snapshot: Snapshot) -> int:
    """Return the campaign's ceiling of channels: `maxchannels`, for Predictive per seat on duty."""
    dialer = snapshot.dialer
    per_seat = dialer.dialer_type is DialerType.PREDICTIVE
    return dialer.max_channels * snapshot.staff if per_seat else dialer.max_channels


def within_limits(decision: Decision, snapshot: Snapshot, now: datetime) -> Decision:
    """Cut the decision down to what channels, trunk, list and the gap between calls allow."""
    allowed = channels_allowed(snapshot)
    detail = {
        **decision.detail,
        "channels": float(snapshot.channels),
        "maxchannels": float(allowed),
    }
    calls, bound, reason, wake = decision.calls, decision.bound, decision.reason, decision.wake_at
    room = max(allowed - snapshot.channels, 0)
    if calls > room:
        calls, bound = room, Bound.CHANNELS
        reason = f"{snapshot.channels} of {allowed} channels in use"
    if snapshot.trunk_room is not None and calls > max(snapshot.trunk_room, 0):
        calls, bound = max(snapshot.trunk_room, 0), Bound.TRUNK_CHANNELS
        reason = f"the trunk has {calls} free channels"
        detail["trunk_room"] = float(snapshot.trunk_room)
    if snapshot.contacts is not None and calls > max(snapshot.contacts, 0):
        calls, bound = max(snapshot.contacts, 0), Bound.SPOOL
        reason = f"{calls} contacts are ready to be called"
        detail["contacts"] = float(snapshot.contacts)
    if snapshot.trunk_calls is not None and calls > max(snapshot.trunk_calls, 0):
        calls, bound, wake = max(snapshot.trunk_calls, 0), Bound.CPS, snapshot.trunk_next
        reason = f"the trunk takes {calls} calls now; {decision.reason}"
        detail["trunk_calls"] = float(snapshot.trunk_calls)
    cut = Decision(calls, bound, reason, detail, wake)
    return spaced(cut, snapshot, now)


def spaced(decision: Decision, snapshot: Snapshot, now: datetime) -> Decision:
    """Keep the time between two originates: at most one call now, the next after the gap."""
    gap = timedelta(seconds=snapshot.dialer.gap)
    if not gap or decision.calls == 0:
        return decision
    last = snapshot.last_originate
    if last is not None and now < last + gap:
        reason = f"{snapshot.dialer.tbc} ms between calls have not passed"
        return Decision(0, Bound.GAP, reason, decision.detail, wake_at=last + gap)
    if decision.calls == 1:
        return decision
    reason = f"one call every {snapshot.dialer.tbc} ms; {decision.reason}"
    return Decision(1, Bound.GAP, reason, decision.detail, wake_at=now + gap)

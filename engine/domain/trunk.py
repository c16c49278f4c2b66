"""A trunk's breaker: when a trunk fails call after call, stop burning contacts on it; probe, then go on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.domain.call import Call
from engine.domain.outcomes import NOT_CALLED, REASON_RANG_OUT, Outcome

#: So many failures in a row open the breaker.
THRESHOLD = 5
#: The first rest; every failed probe doubles it.
FIRST_REST = timedelta(seconds=10)
LONGEST_REST = timedelta(minutes=5)


def trunk_failed(call: Call) -> bool | None:
    """Did the call's end speak against its trunk (True), for it (False), or neither (None)?

    An answer like busy or no such number proves that the trunk works. No room
    (503 and its kin), a channel that could not be made, and a ring time that passed without a sign of
    ringing speak against it.
    """
    if call.outcome in (Outcome.UNKNOWN, Outcome.WITHDRAWN) or call.outcome in NOT_CALLED:
        return None
    if call.outcome is Outcome.NOT_PLACED and call.reason is None:
        return None  # the order itself was refused; the trunk was never asked
    if call.ringing_at or call.answered_at:
        return None  # it worked, and that was counted when it was heard
    if call.outcome in (Outcome.CONGESTION, Outcome.NOT_PLACED):
        return True
    # 408 is what Asterisk itself says when nobody answers its INVITE (RFC 3261 §17.1.1.2, timer B).
    return call.reason == REASON_RANG_OUT or call.sip == 408


@dataclass(slots=True)
class Breaker:
    """Counts failures in a row. Closed: dial. Open: rest until `rest_until`, then one probe at a time."""

    failures: int = 0
    rest: timedelta = FIRST_REST
    rest_until: datetime | None = None

    def ended(self, failed: bool, now: datetime) -> None:
        """Take in how a call over the trunk ended."""
        if not failed:
            self.failures, self.rest, self.rest_until = 0, FIRST_REST, None
            return
        self.failures += 1
        if self.failures < THRESHOLD:
            return
        if self.rest_until is None:
            self.rest_until = now + self.rest
        elif now >= self.rest_until:
            self.rest = min(self.rest * 2, LONGEST_REST)
            self.rest_until = now + self.rest

    @property
    def suspicious(self) -> bool:
        """Is the breaker open, so that at most one call (a probe) may be under way?"""
        return self.rest_until is not None

    def resting(self, now: datetime) -> bool:
        """May nothing at all be dialled?"""
        return self.rest_until is not None and now < self.rest_until

"""Power dialling: an overdial over the agents who are free now.

target  = ready_for_new × (1 + overdial/100), rounded half up
calls   = target − calls placed and not yet answered, within channels, trunk, list and gap

`ready_for_new` is the number of ready agents less the callers who already wait: those take an
agent each, whatever the overdial is. With `tbc` ≥ 0 the overdial is 0 (one call per free agent)
and `tbc` ms pass between two originates. `tbc` = −1 leaves the overdial to the engine: it is worked
out anew at every event from the measured answer rate, the ages of the calls in flight and the
abandonment budget, for the agents who are free now.
"""

from __future__ import annotations

from datetime import datetime

from engine.domain.pacing.base import Bound, Decision, Observed, Snapshot
from engine.domain.pacing.limits import OTHERS_TURN, within_limits
from engine.domain.pacing.predictive import PredictivePacer
from engine.domain.pacing.profiles import STRICT, Profile
from engine.domain.pacing.standing import Standing

#: The value of `tbc` that asks for an overdial worked out in real time.
REAL_TIME = -1


class PowerPacer:
    """With a fixed overdial the same snapshot always gives the same decision."""

    def __init__(self, profile: Profile = STRICT) -> None:
        self._real_time = PredictivePacer(profile, forecasts=False)

    def observe(self, event: Observed) -> None:
        """Learn for the overdial that is worked out in real time; a fixed one needs nothing."""
        self._real_time.observe(event)

    @property
    def standing(self) -> Standing:
        return self._real_time.standing

    def decide(self, snapshot: Snapshot, now: datetime) -> Decision:
        dialer = snapshot.dialer
        free = max(snapshot.ready - snapshot.waiting, 0)
        if dialer.tbc == REAL_TIME:
            return self._real_time.decide(snapshot, now)
        self._real_time.budget.begin(snapshot.today or now.date())
        percent = 100 + dialer.overdial
        target = (free * percent + 50) // 100
        wanted = max(target - snapshot.dialling, 0)
        detail = {
            "overdial": float(dialer.overdial),
            "ready": float(snapshot.ready),
            "waiting": float(snapshot.waiting),
            "dialling": float(snapshot.dialling),
            "target": float(target),
        }
        if snapshot.share <= 0.0:
            decision = Decision(0, Bound.AGENTS, OTHERS_TURN, detail)
        elif free == 0:
            reason = (
                f"{snapshot.ready} agents ready, {snapshot.waiting} callers waiting for them"
                if snapshot.ready
                else f"no agent is free ({snapshot.talking} talk, {snapshot.wrapup} in wrap-up)"
            )
            decision = Decision(0, Bound.NOBODY, reason, detail)
        else:
            reason = f"{free} free agents × {percent} % = {target} calls, {snapshot.dialling} dialling"
            decision = Decision(wanted, Bound.AGENTS, reason, detail)
        return within_limits(decision, snapshot, now)

"""Power dialling: a fixed overdial over the agents who are free now.

target  = ready_for_new × (1 + overdial/100), rounded half up
calls   = target − calls placed and not yet answered, at most maxchannels − channels in use

`ready_for_new` is the number of ready agents less the callers who already wait: those take an
agent each, whatever the overdial is. With `tbc` ≥ 0 the overdial is 0 (one call per free agent)
and `tbc` ms pass between two originates.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from engine.domain.events import CallEvent
from engine.domain.pacing.base import Bound, Decision, Snapshot


class PowerPacer:
    """Keeps no memory: the same snapshot always gives the same decision."""

    def observe(self, event: CallEvent) -> None:
        """Power dialling learns nothing."""

    def decide(self, snapshot: Snapshot, now: datetime) -> Decision:
        dialer = snapshot.dialer
        free = max(snapshot.ready - snapshot.waiting, 0)
        percent = 100 + dialer.overdial
        target = (free * percent + 50) // 100
        wanted = max(target - snapshot.dialling, 0)
        room = max(dialer.max_channels - snapshot.channels, 0)
        detail = {
            "overdial": float(dialer.overdial),
            "ready": float(snapshot.ready),
            "waiting": float(snapshot.waiting),
            "dialling": float(snapshot.dialling),
            "target": float(target),
            "channels": float(snapshot.channels),
            "maxchannels": float(dialer.max_channels),
        }
        if wanted > room:
            reason = f"{snapshot.channels} of {dialer.max_channels} channels in use"
            decision = Decision(room, Bound.CHANNELS, reason, detail)
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
        return self._spaced(decision, snapshot, now)

    @staticmethod
    def _spaced(decision: Decision, snapshot: Snapshot, now: datetime) -> Decision:
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

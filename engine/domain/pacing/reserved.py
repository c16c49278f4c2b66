"""One call per agent: preview, progressive and their variants, where every call has its agent beforehand.

calls = agents who are ready and not reserved yet, within channels, trunk and gap. Nothing is predicted and
nobody is dialled too many. Where the customer is called first, his agent may still not come: such a call
is abandoned like any other. While the budget has nothing left (slack < 0, see `Budget`) the agents are
called first (`detail["agent_first"]` = 1), which loses nobody, until the calls that reach their agents
have earned it back.
"""

from __future__ import annotations

from datetime import datetime

from engine.domain.modes import Mode
from engine.domain.pacing.base import Bound, DayTotals, Decision, Observed, SeatChanged, Snapshot
from engine.domain.pacing.budget import Budget
from engine.domain.pacing.follow import CallFollower
from engine.domain.pacing.limits import OTHERS_TURN, within_limits
from engine.domain.pacing.profiles import STRICT, Profile
from engine.domain.pacing.standing import Standing

#: Key of `Decision.detail`: 1 where a campaign that calls customers first has to call agents first.
AGENT_FIRST = "agent_first"


class ReservedPacer:
    """The same snapshot always gives the same decision, but for the budget of abandoned calls."""

    def __init__(self, profile: Profile = STRICT) -> None:
        self.budget = Budget(profile, profile.rate)
        self._follow = CallFollower(
            profile, lambda abandoned: self.budget.count(abandoned=abandoned), self.budget.machine
        )

    def observe(self, event: Observed) -> None:
        """Count what was answered and abandoned."""
        match event:
            case DayTotals():
                self.budget.load(event)
            case SeatChanged():
                pass
            case _:
                self._follow.observe(event)

    @property
    def standing(self) -> Standing:
        return self.budget.standing()

    def decide(self, snapshot: Snapshot, now: datetime) -> Decision:
        self.budget.begin(snapshot.today or now.date())
        free = snapshot.ready
        detail = {"ready": float(free), "reserved": float(snapshot.dialling)}
        if snapshot.share <= 0.0:
            return within_limits(Decision(0, Bound.AGENTS, OTHERS_TURN, detail), snapshot, now)
        if free == 0:
            reason = f"no agent is free ({snapshot.talking} talk, {snapshot.wrapup} in wrap-up)"
            return within_limits(Decision(0, Bound.NOBODY, reason, detail), snapshot, now)
        reason = f"one call for each of {free} free agents"
        bound = Bound.AGENTS
        if snapshot.dialer.mode is Mode.REVERSE_PROGRESSIVE:
            limit, day = self.budget.limit, self.budget.day
            detail |= {"answered": day.answered, "abandoned": day.abandoned, "limit": limit}
            if min(day.slack(limit), self.budget.window.slack(limit)) < 0.0:
                detail[AGENT_FIRST] = 1.0
                bound = Bound.BUDGET
                reason = f"{self.budget.spent()}: {free} free agents are called before their customers"
        return within_limits(Decision(free, bound, reason, detail), snapshot, now)

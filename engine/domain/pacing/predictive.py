"""Predictive dialling: the most calls that keep the risk of losing the next caller inside the budget.

A call is placed while P(it finds no agent | it is answered) ≤ θ, at every event and every tick; the
budget (see `budget.py`) steers θ. docs/pacing.md has the formulas and what they were measured to do.
"""

from __future__ import annotations

from datetime import datetime
from math import ceil, exp, inf

from engine.domain.model import Dialer
from engine.domain.pacing.base import (
    Bound,
    DayTotals,
    Decision,
    Observed,
    Placed,
    SeatChanged,
    Snapshot,
)
from engine.domain.pacing.budget import Budget
from engine.domain.pacing.follow import CallFollower
from engine.domain.pacing.forecast import Forecast
from engine.domain.pacing.limits import OTHERS_TURN, within_limits
from engine.domain.pacing.list_end import ListEnd
from engine.domain.pacing.profiles import Profile
from engine.domain.pacing.risk import Outlook, mean_risk, widest
from engine.domain.pacing.standing import Standing

#: Before so many calls, answers and ended talks have been seen nothing is predicted.
LEAST_CALLS, LEAST_ANSWERS, LEAST_TALKS = 30, 8, 8
#: From events later than this (s) nobody can be promised an agent within the law's two seconds. (The
#: worker, `services.campaign`, slows down at 0.25 s and places nothing at 2 s.)
LATEST = 1.0
#: θ = multiplier × target rate. Most calls are placed at less than the marginal risk θ, so it is
#: above 1 where forecasts are right; per abandoned call too many or too few its logarithm moves by
#: FIRST_GAIN, later by less, as after stochastic approximation (Robbins & Monro, 1951).
FIRST_GAIN, LAST_GAIN = 0.08, 0.01
START, LEAST, MOST = 1.0, 0.2, 8.0
#: However low the answer rate, at most so many calls per agent (and ten) are placed at once.
_SURPLUS = 6
#: Campaigns that share agents go on with an empty budget at this share of the limit.
_LAST_RESORT = 0.1
#: After so many calls one by one they are tried by so many at once.
_SINGLY, _STRIDE = 4, 256


class PredictivePacer:
    """Learns online from the campaign's events and decides from the snapshot.

    `profile` is the jurisdiction's; the dialer's `tbc` < 0 lowers its rate to |tbc| %. `forecasts`
    False: only agents who are ready now are counted on (PowerDialer).
    """

    def __init__(self, profile: Profile, *, forecasts: bool = True) -> None:
        limit = profile.rate
        self.profile = profile
        self.budget = Budget(profile, limit)
        self.follow = CallFollower(profile, self._answered, self.budget.machine)
        self.forecast = Forecast(self.follow, seats=forecasts)
        self.multiplier = START
        self._list = ListEnd()
        self._forecasts = forecasts
        self._target = limit
        self._due = 0.0
        self._limit = limit

    # Learning

    def observe(self, event: Observed) -> None:
        """Learn from a call, a seat or the records. What is not known is ignored."""
        match event:
            case SeatChanged():
                self.forecast.agents.changed(event.before, event.after, event.lasted)
            case DayTotals():
                self.budget.load(event)
            case _:
                if isinstance(event, Placed):
                    self._list.called()
                self.follow.observe(event)

    def _answered(self, abandoned: bool) -> None:
        """A person answered: count it, and correct θ where more or less is lost than was aimed at."""
        self.budget.count(abandoned=abandoned, target=self._target)
        if self._target > 0.0:
            self._due += self._target
            gain = max(FIRST_GAIN / (1.0 + self._due / 10.0), LAST_GAIN)
            moved = self.multiplier * exp(-gain * ((1.0 if abandoned else 0.0) - self._target))
            self.multiplier = min(max(moved, LEAST), MOST)

    @property
    def standing(self) -> Standing:
        return self.budget.standing()

    # Deciding

    def decide(self, snapshot: Snapshot, now: datetime) -> Decision:
        follow = self.follow
        self._settings(snapshot.dialer)
        self.budget.begin(snapshot.today or now.date())
        follow.rate.advance(now, follow.dialled.density)
        in_flight = max(snapshot.dialling, len(snapshot.calls))
        # So many calls risk nothing, whatever is known: an agent is ready for each.
        safe = max(snapshot.ready - snapshot.waiting - in_flight, 0)
        # Of those some are another campaign's callers'.
        free = max(safe - ceil(snapshot.rivals), 0) if snapshot.share > 0.0 else 0
        detail = self._numbers(snapshot, in_flight)
        self.forecast.refresh(snapshot, now)
        if snapshot.staff == 0:
            return Decision(0, Bound.NOBODY, "nobody is on duty", detail)
        if (missing := self._missing()) is not None:
            detail["expected"] = (in_flight + free) * follow.rate.share
            decision = Decision(free, Bound.DATA, f"one call per free agent: {missing}", detail)
        elif snapshot.lag > LATEST:
            detail["expected"] = (in_flight + free) * follow.rate.share
            reason = f"one call per free agent: events arrive {snapshot.lag:.1f} s late"
            decision = Decision(free, Bound.LAG, reason, detail)
        else:
            decision = self._predict(snapshot, now, in_flight, safe, detail)
        return within_limits(decision, snapshot, now)

    def _settings(self, dialer: Dialer) -> None:
        """Take over what the supervisor may change at any time."""
        self.follow.judges |= bool(dialer.am)
        self._limit = self.profile.rate
        if self._forecasts and dialer.tbc < 0:
            self._limit = min(self._limit, -dialer.tbc / 100)
        self.budget.limit = self._limit

    def _missing(self) -> str | None:
        rate, talks = self.follow.rate, self.forecast.agents.talks
        if rate.calls < LEAST_CALLS or rate.answers < LEAST_ANSWERS:
            seen = f"{rate.calls} calls and {rate.answers} answers seen"
            return f"{seen}, {LEAST_CALLS} and {LEAST_ANSWERS} are needed"
        if self._forecasts and talks < LEAST_TALKS:
            return f"{talks} talks have ended, {LEAST_TALKS} are needed"
        return None

    def _numbers(self, snapshot: Snapshot, in_flight: int) -> dict[str, float]:
        day = self.budget.day
        amd = {"amd_seconds": self.follow.listening} if self.follow.judges else {}
        return {
            **amd,
            "ready": float(snapshot.ready),
            "talking": float(snapshot.talking),
            "wrapup": float(snapshot.wrapup),
            "waiting": float(snapshot.waiting),
            "dialling": float(in_flight),
            "answer_rate": self.follow.rate.share,
            "answered": day.answered,
            "abandoned": day.abandoned,
            "limit": self._limit,
        }

    def _predict(
        self, snapshot: Snapshot, now: datetime, in_flight: int, safe: int, detail: dict[str, float]
    ) -> Decision:
        if not self.forecast.ready:
            self.forecast.complete(snapshot, now)
        self._target = self.budget.target(
            self._remaining(snapshot, now), self._wrong_per_answer(), in_flight * self.follow.rate.share
        )
        theta = min(self.multiplier * self._target, 0.5)
        outlooks, expected, relief = self.forecast.outlooks(snapshot, now, in_flight)
        if snapshot.share <= 0.0:
            safe = 0
        elif snapshot.rivals > 0.0:
            # A free agent may have another campaign's caller: no call is safe, but the least risky ones
            # are placed even so, or a campaign without budget would never get answers to recover by.
            safe, theta = 0, max(theta, _LAST_RESORT * self._limit)
        room = inf
        if snapshot.share < 1.0:
            # What is due to it of all seats at work, less those it will be using then anyway.
            due = snapshot.share * (snapshot.staff + snapshot.elsewhere)
            room = due - (snapshot.talking + snapshot.wrapup + snapshot.waiting + expected - relief)
        calls, risk, more = self._place(outlooks, snapshot, safe, theta, room)
        detail.update(target=self._target, theta=theta, risk=risk, expected=expected + more, relief=relief)
        if snapshot.share <= 0.0:
            return Decision(0, Bound.AGENTS, OTHERS_TURN, detail)
        if risk <= theta and more >= room:
            reason = f"{snapshot.share:.0%} of the agents are due to the campaign, and will be at work for it"
            return Decision(calls, Bound.AGENTS, reason, detail)
        if risk <= theta and self._target > 0.0:
            reason = f"{calls} calls are placed at once for {snapshot.staff} agents, the next in a moment"
            return Decision(calls, Bound.BATCH, reason, detail)
        if self._target < 0.5 * self._limit:
            reason = f"{self.budget.spent()}: the next may be at {self._target:.2%}"
            if self.follow.seconds <= 0.0 < self.follow.listening:
                took, law = self.follow.listening, self.profile.seconds
                reason += f"; AMD takes {took:.1f} of the {law:g} s in which an agent has to be there"
            return Decision(calls, Bound.BUDGET, reason, detail)
        reason = f"one call more would find no agent with {risk:.1%} (bearable: {theta:.1%})"
        bound = Bound.AGENTS if snapshot.ready or calls else Bound.NOBODY
        return Decision(calls, bound, reason, detail)

    def _place(
        self, outlooks: list[Outlook], snapshot: Snapshot, safe: int, theta: float, room: float
    ) -> tuple[int, float, float]:
        """Add calls while the risk stays within θ and their expected callers within `room`.

        Return how many, the risk of one more, and the callers expected from them.
        """
        calls, risk, expected, stride = 0, 0.0, 0.0, _STRIDE
        most = snapshot.staff * _SURPLUS + 10
        while True:
            if calls >= safe:
                risk = mean_risk(outlooks)
                if risk > theta or theta <= 0.0 or calls >= most or expected >= room:
                    return calls, risk, expected
            known = calls < len(snapshot.upcoming)
            chances = self.forecast.new_call(snapshot.upcoming[calls] if known else None)
            more = 1
            if not known and calls < safe:
                more = safe - calls
            elif not known and calls >= safe + _SINGLY and room == inf:
                stride = more = widest(outlooks, chances, theta, min(stride, most - calls))
            for outlook, chance in zip(outlooks, chances, strict=True):
                outlook.add(chance, more)
            expected += more * chances[-1]
            calls += more

    def _remaining(self, snapshot: Snapshot, now: datetime) -> float | None:
        """Return about how many answers today still brings, or None where the closing time is not known.

        As many as the agents have time for, and no more than the list has contacts for.
        """
        if snapshot.closes_at is None:
            return None
        seconds = max((snapshot.closes_at - now).total_seconds(), 0.0)
        answers = 0.8 * seconds * snapshot.staff / max(self.forecast.agents.handling, 1.0)
        left = snapshot.contacts if snapshot.left is None else snapshot.left
        if left is None:
            return answers
        return min(answers, self._list.expected(left, now) * self.follow.rate.share)

    def _wrong_per_answer(self) -> float:
        """Return AMD's false positives per answered call: they spend the budget by themselves."""
        machines = self.follow.machines.value
        return self.profile.false_positives * machines / max(1.0 - machines, 0.05)

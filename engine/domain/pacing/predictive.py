"""Predictive dialling: the most calls that keep the risk of losing the next caller inside the budget.

A call is placed while P(it finds no agent | it is answered) ≤ θ, at every event and every tick; the
budget (see `budget.py`) steers θ. docs/pacing.md has the formulas and what they were measured to do.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from math import exp

from engine.domain.agent import SeatState
from engine.domain.model import Dialer
from engine.domain.pacing.base import (
    Bound,
    DayTotals,
    Decision,
    Observed,
    SeatChanged,
    Snapshot,
)
from engine.domain.pacing.budget import Budget
from engine.domain.pacing.follow import CallFollower
from engine.domain.pacing.learn_agents import BIN_OF_HALF_SECOND, AgentForecast, Row, row
from engine.domain.pacing.learn_answers import BIN, BIN_SECONDS, BINS
from engine.domain.pacing.learn_contacts import weight_of
from engine.domain.pacing.limits import within_limits
from engine.domain.pacing.profiles import Profile
from engine.domain.pacing.risk import EXACT, ExactOutlook, NormalOutlook, Outlook

#: Moments at which the next call may be answered: so many equally likely ones stand for all.
POINTS = 4
#: Before so many calls, answers and ended talks have been seen nothing is predicted.
LEAST_CALLS, LEAST_ANSWERS, LEAST_TALKS = 30, 8, 8
#: Events later than this (s) cannot be predicted from.
LATEST = 3.0
#: θ = multiplier × target rate. Most calls are placed at less than the marginal risk θ, so it is
#: above 1 where forecasts are right; per abandoned call too many or too few its logarithm moves by
#: FIRST_GAIN, later by less, as after stochastic approximation (Robbins & Monro, 1951).
FIRST_GAIN, LAST_GAIN = 0.08, 0.01
START, LEAST, MOST = 1.0, 0.2, 8.0
_REFIT = timedelta(seconds=20)
#: However low the answer rate, at most so many calls per agent (and ten) are placed at once.
_SURPLUS = 6
_STATES = (SeatState.TALKING, SeatState.WRAPUP, SeatState.PAUSED)

_DIALLED, _RINGING, _JUDGED = range(3)


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
        self.agents = AgentForecast()
        self.multiplier = START
        self._forecasts = forecasts
        self._target = limit
        self._due = 0.0
        self._limit = limit
        self._points: list[int] = []
        self._horizons: list[float] = []
        self._rows: dict[tuple[int, int, int], Row] = {}
        self._rows_share = 0.0
        self._fitted: datetime | None = None
        self._fitted_on = 0
        self._states: list[SeatState] = []

    # Learning

    def observe(self, event: Observed) -> None:
        """Learn from a call, a seat or the records. What is not known is ignored."""
        match event:
            case SeatChanged():
                self.agents.changed(event.before, event.after, event.lasted)
            case DayTotals():
                self.budget.load(event)
            case _:
                self.follow.observe(event)

    def _answered(self, abandoned: bool) -> None:
        """A person answered: count it, and correct θ where more or less is lost than was aimed at."""
        self.budget.count(abandoned=abandoned, target=self._target)
        if self._target > 0.0:
            self._due += self._target
            gain = max(FIRST_GAIN / (1.0 + self._due / 10.0), LAST_GAIN)
            moved = self.multiplier * exp(-gain * ((1.0 if abandoned else 0.0) - self._target))
            self.multiplier = min(max(moved, LEAST), MOST)

    # Deciding

    def decide(self, snapshot: Snapshot, now: datetime) -> Decision:
        follow = self.follow
        self._settings(snapshot.dialer)
        self.budget.begin(snapshot.today or now.date())
        follow.rate.advance(now, follow.dialled.density)
        in_flight = max(snapshot.dialling, len(snapshot.calls))
        # So many calls risk nothing, whatever is known: an agent is ready for each.
        safe = max(snapshot.ready - snapshot.waiting - in_flight, 0)
        detail = self._numbers(snapshot, in_flight)
        if snapshot.staff == 0:
            return Decision(0, Bound.NOBODY, "nobody is on duty", detail)
        if (missing := self._missing()) is not None:
            decision = Decision(safe, Bound.DATA, f"one call per free agent: {missing}", detail)
        elif snapshot.lag > LATEST:
            reason = f"one call per free agent: events arrive {snapshot.lag:.1f} s late"
            decision = Decision(safe, Bound.LAG, reason, detail)
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
        rate, talks = self.follow.rate, self.agents.talks
        if rate.calls < LEAST_CALLS or rate.answers < LEAST_ANSWERS:
            seen = f"{rate.calls} calls and {rate.answers} answers seen"
            return f"{seen}, {LEAST_CALLS} and {LEAST_ANSWERS} are needed"
        if self._forecasts and talks < LEAST_TALKS:
            return f"{talks} talks have ended, {LEAST_TALKS} are needed"
        return None

    def _numbers(self, snapshot: Snapshot, in_flight: int) -> dict[str, float]:
        day = self.budget.day
        return {
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
        self._refit(snapshot, now)
        self._target = self.budget.target(
            self._remaining(snapshot, now), self._wrong_per_answer(), in_flight * self.follow.rate.share
        )
        theta = min(self.multiplier * self._target, 0.5)
        outlooks, expected = self._outlooks(snapshot, now, in_flight)
        calls, risk = 0, 0.0
        for calls in range(snapshot.staff * _SURPLUS + 11):
            risk = sum(outlook.risk() for outlook in outlooks) / len(outlooks)
            if (risk > theta or theta <= 0.0) and calls >= safe:
                break
            chances = self._new_call(snapshot, calls)
            for outlook, chance in zip(outlooks, chances, strict=True):
                outlook.add(chance)
            expected += chances[-1]
        detail.update(target=self._target, theta=theta, risk=risk, expected=expected)
        if self._target < 0.5 * self._limit:
            day = self.budget.day
            reason = (
                f"{day.abandoned:.0f} of {day.answered:.0f} answered calls were abandoned today "
                f"(limit {self._limit:.1%}): the next may be at {self._target:.2%}"
            )
            return Decision(calls, Bound.BUDGET, reason, detail)
        reason = f"one call more would find no agent with {risk:.1%} (bearable: {theta:.1%})"
        bound = Bound.AGENTS if snapshot.ready or calls else Bound.NOBODY
        return Decision(calls, bound, reason, detail)

    def _remaining(self, snapshot: Snapshot, now: datetime) -> float | None:
        """Return about how many answers today still brings, or None where the closing time is not known."""
        if snapshot.closes_at is None:
            return None
        seconds = max((snapshot.closes_at - now).total_seconds(), 0.0)
        return 0.8 * seconds * snapshot.staff / max(self.agents.handling, 1.0)

    def _wrong_per_answer(self) -> float:
        """Return AMD's false positives per answered call: they spend the budget by themselves."""
        machines = self.follow.machines.value
        return self.profile.false_positives * machines / max(1.0 - machines, 0.05)

    def _refit(self, snapshot: Snapshot, now: datetime) -> None:
        """Work tables out anew, every 20 s or as soon as a tenth more has been learnt.

        One state of the seats per decision, so that no decision takes long.
        """
        seen = self.follow.rate.answers + self.agents.talks
        due = self._fitted is None or now - self._fitted >= _REFIT or seen >= 1.1 * self._fitted_on + 4
        if due and not self._states:
            self._fitted, self._fitted_on = now, seen
            follow = self.follow
            for delays in (follow.dialled, follow.ringing.delays, follow.judged.delays):
                delays.refit()
            self._points = follow.dialled.quantiles(POINTS)
            seconds = max(follow.seconds - snapshot.lag, 0.0)
            self._horizons = [point * BIN_SECONDS + seconds for point in self._points]
            self._rows.clear()
            self._states = list(_STATES) if self._forecasts else []
        while self._states:
            state = self._states.pop()
            running = [(now - seat.since).total_seconds() for seat in snapshot.seats if seat.state is state]
            self.agents.refit(state, self._horizons, running)
            if len(self.agents.rows) == len(_STATES):
                return

    def _outlooks(self, snapshot: Snapshot, now: datetime, in_flight: int) -> tuple[list[Outlook], float]:
        """Return the distribution of agents less callers at each horizon, and the callers expected."""
        free = self._seat_rows(snapshot, now)
        calls = self._call_rows(snapshot, now, in_flight)
        net = snapshot.ready - snapshot.waiting
        size = range(POINTS)
        if snapshot.rivals <= 0 and len(free) + in_flight <= EXACT:
            each = [entry for entry, count in calls for _ in range(count)]
            exact: list[Outlook] = [
                ExactOutlook(net, [entry[k] for entry in free], [entry[k] for entry in each]) for k in size
            ]
            return exact, sum(entry[POINTS - 1] for entry in each)
        gained = _sums(free)
        lost = _sums(
            [entry if count == 1 else tuple([count * value for value in entry]) for entry, count in calls]
        )
        doubt = self.follow.rate.doubt
        rivals = snapshot.rivals
        return [
            NormalOutlook(
                net + gained[k] - lost[k] - rivals,
                gained[POINTS + k] + lost[POINTS + k] + rivals + doubt * lost[k] ** 2,
                gained[2 * POINTS + k] - lost[2 * POINTS + k] - rivals,
            )
            for k in size
        ], lost[POINTS - 1]

    def _seat_rows(self, snapshot: Snapshot, now: datetime) -> list[Row]:
        """Return the chances of each seat in use to be free in time."""
        if not self._forecasts:
            return []
        tables = self.agents.rows
        # Looked up once: an enumeration's hash is slow, and there may be hundreds of seats.
        talking, wrapup, paused = (
            tables[state] for state in (SeatState.TALKING, SeatState.WRAPUP, SeatState.PAUSED)
        )
        result = []
        for seat in snapshot.seats:
            if seat.until is not None:
                left = (seat.until - now).total_seconds()
                result.append(row([1.0 if left <= horizon else 0.0 for horizon in self._horizons]))
                continue
            state = seat.state
            table = (
                talking
                if state is SeatState.TALKING
                else wrapup
                if state is SeatState.WRAPUP
                else paused
                if state is SeatState.PAUSED
                else None
            )
            if table is not None:
                age = (now - seat.since) // BIN
                result.append(table[BIN_OF_HALF_SECOND[0 if age < 0 else 7199 if age > 7199 else age]])
        return result

    def _call_rows(self, snapshot: Snapshot, now: datetime, in_flight: int) -> list[tuple[Row, int]]:
        """Return the chances of the calls in flight to be callers by then, and how many share them."""
        levels = self.follow.levels
        keys = []
        for call in snapshot.calls:
            level = levels.get(call.call)
            if level is None:
                level = self.follow.weights.level(call.traits)
            if call.answered is not None:
                keys.append((_JUDGED, level, (now - call.answered) // BIN))
            elif call.ringing is not None:
                keys.append((_RINGING, level, (now - call.ringing) // BIN))
            else:
                keys.append((_DIALLED, level, (now - call.sent) // BIN))
        bins = Counter(keys)
        if unknown := in_flight - len(snapshot.calls):
            bins[_DIALLED, 0, 0] += unknown
        share = self.follow.rate.share
        if abs(share - self._rows_share) > 0.01 * share:
            self._rows.clear()
            self._rows_share = share
        known = self._rows
        return [(known.get(key) or self._row(*key), count) for key, count in bins.items()]

    def _new_call(self, snapshot: Snapshot, index: int) -> Row:
        level = 0
        if index < len(snapshot.upcoming):
            level = self.follow.weights.level(snapshot.upcoming[index])
        return self._row(_DIALLED, level, 0)[:POINTS]

    def _row(self, phase: int, level: int, age: int) -> Row:
        """Return the chances of a call of `age` bins in that phase whose contact has that weight."""
        known = self._rows.get((phase, level, age))
        if known is not None:
            return known
        if phase == _DIALLED:
            delays, share = self.follow.dialled, self.follow.rate.share
        else:
            stage = self.follow.ringing if phase == _RINGING else self.follow.judged
            delays, share = stage.delays, stage.share.value
        share = min(share * weight_of(level), 0.98)
        new = row([delays.chance(share, min(max(age, 0), BINS), ahead) for ahead in self._points])
        self._rows[phase, level, age] = new
        return new


def _sums(rows: list[Row]) -> list[float]:
    """Return the sums of the moments over all rows."""
    return list(map(sum, zip(*rows, strict=True))) if rows else [0.0] * (3 * POINTS)

"""The abandonment budget: what the law's window still allows, as a rate for the next calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from math import sqrt

from engine.domain.pacing.base import DayTotals
from engine.domain.pacing.profiles import Profile
from engine.domain.pacing.standing import Standing

#: Share of the day's answers over which a surplus or deficit is evened out: the longer, the steadier the
#: target, and the greater the reserve, which is only lent where the end of the day is known …
SPREAD_KNOWN, SPREAD = 0.25, 0.12
#: … between so many and so many answers.
SHORTEST, LONGEST = 60.0, 2000.0
#: The reserve, in standard deviations of the abandoned calls around their target: less where the
#: end of the day is known (then what is lacking can be made up for until then), more towards that end.
CONFIDENCE_KNOWN, CONFIDENCE, CONFIDENCE_LAST = 1.3, 2.0, 2.5
#: Abandoned calls are counted in blocks of so many answers, to see how they cluster.
BLOCK = 25
#: The target is never above so many times the limit, whatever surplus there is.
STEEPEST = 2.0


@dataclass(slots=True)
class Count:
    """Calls answered by a person and those of them abandoned; false positives count in both.

    `estimated`: those false positives: nobody sees them, their number is worked out.
    """

    answered: float = 0.0
    abandoned: float = 0.0
    estimated: float = 0.0

    def add(self, answered: float, abandoned: float, estimated: float = 0.0) -> None:
        self.answered += answered
        self.abandoned += abandoned
        self.estimated += estimated

    def slack(self, rate: float) -> float:
        """Return how many calls more could be abandoned now without passing `rate`.

        An estimated number n has a Poisson deviation of √n; twice that is kept aside.
        """
        return rate * self.answered - self.abandoned - 2.0 * sqrt(self.estimated)


@dataclass(slots=True)
class Budget:
    """Spends a limit evenly: every day pays for itself, and the law's window is kept besides.

    With A answered, B abandoned and the limit ρ, slack S = ρA − B. The target rate of the next
    calls is ρ + (S − reserve)/H: what is missing from the reserve is saved up over H answers, a
    surplus spent over as many. Under that feedback S is an Ornstein-Uhlenbeck process with variance
    δρH/2 (each answer adds a variance of δρ; δ = 1 for Poisson, more where losses cluster, as they do
    with many agents; it is measured), so a reserve of z·√(δρH/2) keeps the limit at *any* moment
    with z standard deviations, not only at midnight: also when the list runs dry or everybody goes
    home. H shrinks with the answers that are left, and the reserve with it. A day begins without
    reserve, and so without risk.
    """

    profile: Profile
    limit: float
    days: dict[date, Count] = field(default_factory=dict)
    today: date | None = None
    clustering: float = 1.3
    _block: Count = field(default_factory=Count)
    _aimed: float = 0.0

    def load(self, totals: DayTotals) -> None:
        """Take over a day from the records."""
        count = Count(float(totals.answered), float(totals.abandoned))
        self.days[totals.day] = count
        if totals.machines:
            wrong = totals.machines * self.profile.false_positives
            count.add(wrong, wrong, wrong)

    def begin(self, today: date) -> None:
        """The day is `today`; days that left the window are forgotten."""
        if today == self.today:
            return
        self.today = today
        self.days.setdefault(today, Count())
        oldest = today - timedelta(days=self.profile.window_days - 1)
        self.days = {day: count for day, count in self.days.items() if day >= oldest}

    def count(self, *, abandoned: bool, target: float = 0.0) -> None:
        """A person answered; `abandoned` as the profile has it; `target` was the rate aimed at."""
        lost = 1.0 if abandoned else 0.0
        self.day.add(1.0, lost)
        self._block.add(1.0, lost)
        self._aimed += target
        if self._block.answered >= BLOCK:
            if self._aimed > 0.2:
                variance = (self._block.abandoned - self._aimed) ** 2 / self._aimed
                self.clustering += 0.02 * (min(variance, 40.0) - self.clustering)
            self._block, self._aimed = Count(), 0.0

    def machine(self) -> None:
        """AMD took a call for a machine; some of those are persons."""
        wrong = self.profile.false_positives
        if wrong:
            self.day.add(wrong, wrong, wrong)

    @property
    def day(self) -> Count:
        """Return today's count."""
        return self.days.setdefault(self.today or date.min, Count())

    @property
    def window(self) -> Count:
        """Return the count of the law's window, today included."""
        total = Count()
        for count in self.days.values():
            total.add(count.answered, count.abandoned, count.estimated)
        return total

    def standing(self) -> Standing:
        """Return how things stand now."""
        day, window = self.day, self.window
        return Standing(
            answered=day.answered,
            abandoned=day.abandoned,
            window_answered=window.answered,
            window_abandoned=window.abandoned,
            window_days=self.profile.window_days,
            limit=self.limit,
            left=min(day.slack(self.limit), window.slack(self.limit)),
        )

    def spent(self) -> str:
        """Say what is closer to its limit, today or the law's window."""
        day, window = self.day, self.window
        count, days = day, "today"
        if window.slack(self.limit) < day.slack(self.limit):
            count, days = window, f"in {self.profile.window_days} days"
        return (
            f"{count.abandoned:.0f} of {count.answered:.0f} answered calls were abandoned {days}"
            f" (limit {self.limit:.1%})"
        )

    def target(self, remaining: float | None, per_answer: float = 0.0, pending: float = 0.0) -> float:
        """Return the rate (0 to 1) at which the next answered calls may be abandoned.

        `remaining`: answers expected until the window's day ends, None unknown. `per_answer`:
        false positives per answer, which are spent without any doing of the pacer. `pending`: callers
        expected from the calls in flight, who may still be lost.
        """
        limit = self.limit
        day = self.day
        ahead = 0.0 if remaining is None else remaining
        spread = SPREAD if remaining is None else SPREAD_KNOWN
        horizon = min(max((day.answered + ahead) * spread, SHORTEST), LONGEST)
        clustering = min(max(self.clustering, 1.0), 8.0)
        confidence, steepest, rest = CONFIDENCE, STEEPEST, clustering
        if remaining is not None:
            # The nearer the end, the less can be made up for: also not what is in flight already.
            late = 1.0 - min(remaining / horizon, 1.0)
            confidence = CONFIDENCE_KNOWN + (CONFIDENCE_LAST - CONFIDENCE_KNOWN) * late
            steepest = STEEPEST - (STEEPEST - 1.2) * late
            rest += 0.5 * late * pending
            horizon = min(horizon, max(remaining, 12.0))
        reserve = confidence * sqrt(clustering * limit * horizon / 2) + rest
        slack = min(day.slack(limit), self.window.slack(limit))
        rate = limit + (slack - reserve) / horizon - per_answer
        return min(max(rate, 0.0), steepest * limit)

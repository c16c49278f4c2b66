"""Which calls become callers who need an agent, and when: answer probability and ring times."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import accumulate
from math import exp, log
from operator import mul

#: Ages of calls are counted in steps of so long …
BIN = timedelta(seconds=0.5)
BIN_SECONDS = 0.5
#: … up to so many (90 s: longer than anybody lets a call ring).
BINS = 180


class Delays:
    """How long it takes until a call becomes a caller (G), or ends otherwise (R).

    Two histograms with exponential forgetting over `memory` calls each. The prior is a lognormal
    shape around `expected` s that weighs as much as three calls: enough to start, soon outvoted.
    """

    def __init__(self, expected: float, memory: float = 1500.0) -> None:
        prior = _bell(expected)
        self._demand = [3.0 * share for share in prior]
        self._other = [3.0 * share for share in prior]
        self._growth = 1.0 + 1.0 / memory
        self._weights = [1.0, 1.0]
        self.density: list[float] = []
        self.demand: list[float] = []
        self.other: list[float] = []
        self.refit()

    def became_caller(self, seconds: float) -> None:
        """A call needed an agent `seconds` after this phase began."""
        self._add(self._demand, 0, seconds)

    def ended(self, seconds: float) -> None:
        """A call ended otherwise."""
        self._add(self._other, 1, seconds)

    def _add(self, counts: list[float], which: int, seconds: float) -> None:
        # Older counts are not scaled down: newer ones weigh more, which is the same and cheaper.
        self._weights[which] *= self._growth
        counts[min(max(int(seconds / BIN_SECONDS), 0), BINS - 1)] += self._weights[which]
        if self._weights[which] > 1e9:
            counts[:] = [value / self._weights[which] for value in counts]
            self._weights[which] = 1.0

    def refit(self) -> None:
        """Work the cumulative shares out again: index i holds the share that lies below i bins."""
        total = sum(self._demand)
        self.density = [value / total for value in self._demand]
        demand = [0.0, *accumulate(self.density)]
        # Twice as long as needed, so that an age and a time ahead together are inside.
        self.demand = demand + [demand[BINS]] * BINS
        total = sum(self._other)
        self.other = [0.0, *(value / total for value in accumulate(self._other))]

    def quantiles(self, points: int) -> list[int]:
        """Return `points` delays (in bins) that stand for equal shares of the calls that become callers."""
        result = []
        index = 0
        for point in range(points):
            share = (point + 0.5) / points
            while index < BINS and self.demand[index + 1] < share:
                index += 1
            result.append(index + 1)
        return result

    def chances(self, share: float, age: int, ahead: Sequence[int]) -> list[float]:
        """Return for each τ in `ahead` P(a call of age `age` becomes a caller within τ), by Bayes.

        Age and τ are in bins, from 0 to BINS.

        `share` is the prior probability p of ever becoming one:
        p·(G(a+τ) − G(a)) / (1 − p·G(a) − (1−p)·R(a)).
        """
        demand = self.demand
        reached = demand[age]
        rest = 1.0 - share * reached - (1.0 - share) * self.other[age]
        if rest <= 1e-6:
            return [0.0] * len(ahead)
        odds = share / rest
        return [odds * (demand[age + bins] - reached) for bins in ahead]


def _bell(expected: float) -> list[float]:
    """Return a lognormal density over the bins, mode near `expected` s, σ 0.7, summing to 1."""
    raw = [
        exp(-((log((index + 0.5) * BIN_SECONDS / expected) / 0.7) ** 2) / 2) / (index + 0.5)
        for index in range(BINS)
    ]
    total = sum(raw)
    return [value / total for value in raw]


class _Change:
    """A cumulative-sum test for the rate having changed by `factor` (Page 1954, for Poisson counts).

    `evidence` is the log-likelihood ratio since the most likely moment of change; `answers` and
    `exposed` are what was seen since then, so that the new rate is known as soon as the change is.
    """

    def __init__(self, factor: float, threshold: float) -> None:
        self.threshold = threshold
        self._gain = log(factor)
        self._cost = factor - 1.0
        self.restart()

    def restart(self) -> None:
        self.evidence = self.answers = self.exposed = 0.0

    def see(self, answers: float, exposed: float, expected: float) -> None:
        self.evidence += answers * self._gain - expected * self._cost
        self.answers += answers
        self.exposed += exposed
        if self.evidence <= 0.0:
            self.restart()

    @property
    def belief(self) -> float:
        """Return the weight (0 to 1) of "it has changed", one half at the threshold."""
        excess = self.evidence - self.threshold
        return 0.0 if excess < -4.0 else 1.0 / (1.0 + exp(-excess))


class AnswerRate:
    """The share p of calls that become callers, while it drifts and jumps.

    p = answers ÷ Σ over calls of the share of G that their age has passed. A call in flight counts
    by exactly as much as it could have answered by now, so that neither a burst of dialling nor the
    start makes p look smaller or greater. The memory is about `MEMORY` answers long; beside it run
    two tests for a jump, upwards and downwards. While their evidence grows, p moves over to the rate
    since the suspected jump; when it is overwhelming the older memory is dropped.
    Calls that the network refuses at once are taken back (`refused`): they are no evidence of who
    answers, and while a trunk refuses nine in ten p must not sink to where the first calls that pass
    again would be answered by ten times as many as expected.
    Calls may carry a weight: how likely this contact is to answer, compared with others; p is then
    the share for weight 1.
    """

    MEMORY = 400.0
    #: Jumps that are looked for: by this factor, and down to one over it.
    FACTOR = 1.7
    #: Log-likelihood at which a jump is believed by half, and what must come on top to be sure.
    #: A drop is believed later: to miss one leaves agents idle, to imagine one loses callers.
    BELIEVED_UP, BELIEVED_DOWN, SURE = 5.0, 7.5, 3.0
    #: p stays above so small a part of what it was at the last so many answers: where nobody answers any
    #: more for a while the line is broken, and will be mended, rather than everybody gone.
    COLLAPSE, USUAL = 0.25, 100
    #: Until calls are seen: one answer in two and a half, which is careful.
    PRIOR_ANSWERS, PRIOR_CALLS = 1.0, 2.5

    def __init__(self) -> None:
        self._ages: deque[float] = deque([0.0] * BINS, maxlen=BINS)
        self._slot = 0
        self._start: datetime | None = None
        self._answers, self._exposed = self.PRIOR_ANSWERS, self.PRIOR_CALLS
        self._tests = (
            _Change(self.FACTOR, self.BELIEVED_UP),
            _Change(1.0 / self.FACTOR, self.BELIEVED_DOWN),
        )
        self.share = self._answers / self._exposed
        self._usual = 0.0
        self.calls = 0
        self.answers = 0

    @property
    def doubt(self) -> float:
        """Return the squared coefficient of variation of p: one over the answers behind it."""
        return 1.0 / max(self._answers, 1.0)

    def placed(self, at: datetime, weight: float, density: list[float]) -> None:
        """Note a call placed at `at`."""
        self.advance(at, density)
        self._ages[0] += weight
        self.calls += 1

    def refused(self, at: datetime, weight: float) -> None:
        """Take back a call that was placed at `at`: the network did not pass it on to anybody."""
        age = self._slot - (at - (self._start or at)) // BIN
        if 0 <= age < BINS:
            self._ages[age] = max(self._ages[age] - weight, 0.0)
        self.calls -= 1

    def answered(self) -> None:
        """Note that a call became a caller."""
        self.answers += 1
        self._answers += 1.0
        for test in self._tests:
            test.see(1.0, 0.0, 0.0)
        self._settle()
        self._usual += (self.share - self._usual) / min(self.answers, self.USUAL)

    def advance(self, now: datetime, density: list[float]) -> None:
        """Let the calls grow older up to `now`; `density` is that of G per bin."""
        if self._start is None:
            self._start = now
        slot = (now - self._start) // BIN
        for _ in range(min(slot - self._slot, BINS)):
            exposed = sum(map(mul, self._ages, density))
            self._ages.appendleft(0.0)
            if exposed <= 0.0:
                continue
            expected = exposed * self._answers / self._exposed
            keep = exp(-expected / self.MEMORY)
            self._answers *= keep
            self._exposed = self._exposed * keep + exposed
            for test in self._tests:
                test.see(0.0, exposed, expected)
            self._settle()
        self._slot = max(slot, self._slot)

    def _settle(self) -> None:
        share = self._answers / self._exposed
        for test in self._tests:
            belief = test.belief
            if belief <= 0.0:
                continue
            since = (test.answers + 1.0) / (test.exposed + 1.0 / share)
            if test.evidence > test.threshold + self.SURE:
                self._answers, self._exposed = test.answers + 1.0, test.exposed + 1.0 / share
                for each in self._tests:
                    each.restart()
                share = since
                break
            share += belief * (since - share)
        self.share = min(max(share, 0.002, self.COLLAPSE * self._usual), 0.98)


class Share:
    """A plain share with forgetting over about `memory` cases; starts at `prior` with weight 4."""

    def __init__(self, prior: float, memory: float = 300.0) -> None:
        self._keep = 1.0 - 1.0 / memory
        self._yes, self._all = 4.0 * prior, 4.0

    def add(self, yes: bool) -> None:
        """Note one case."""
        self._yes = self._yes * self._keep + (1.0 if yes else 0.0)
        self._all = self._all * self._keep + 1.0

    @property
    def value(self) -> float:
        """Return the share, 0 to 1."""
        return self._yes / self._all

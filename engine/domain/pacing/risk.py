"""The risk that the next caller finds no agent: how many agents will be free, less how many callers.

D = idle − waiting + Σ Bernoulli(agent free in time) − Σ Bernoulli(call in flight is a caller by then)
− the new calls that answer sooner. The next caller is lost where D ≤ 0. D is a sum of independent
Bernoulli variables: its distribution is worked out exactly while they are few, beyond that by a
normal with continuity and skewness correction (first Edgeworth term; Hall, *The Bootstrap and
Edgeworth Expansion*, 1992, §2.2).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import erfc, exp, pi, sqrt

#: Up to so many Bernoulli variables the distribution is worked out exactly.
EXACT = 24
_ROOT2 = sqrt(2.0)
_NORM = 1.0 / sqrt(2.0 * pi)
_SURE = 1e-4


class ExactOutlook:
    """The distribution of D at one horizon, by convolution.

    `free`: chances of the agents; `calls`: chances of the calls; `net`: idle agents less waiting callers.
    """

    def __init__(self, net: int, free: Sequence[float], calls: Sequence[float]) -> None:
        # −Bernoulli(q) = Bernoulli(1 − q) − 1, so that everything is one Poisson binomial.
        mass = [1.0]
        base = net
        for chance in free:
            if chance > _SURE:
                mass = _convolved(mass, chance)
        for chance in calls:
            if chance > _SURE:
                mass = _convolved(mass, 1.0 - chance)
                base -= 1
        self._mass, self._base = mass, base

    def risk(self) -> float:
        """Return P(D ≤ 0)."""
        return sum(self._mass[: max(1 - self._base, 0)])

    def add(self, chance: float, times: int = 1) -> None:
        """So many more calls are placed that answer before this horizon with `chance` each."""
        for _ in range(times):
            self._mass = _convolved(self._mass, 1.0 - chance)
        self._base -= times


def _convolved(mass: list[float], chance: float) -> list[float]:
    other = 1.0 - chance
    return [
        mass[0] * other,
        *(below * chance + here * other for below, here in pairwise(mass)),
        mass[-1] * chance,
    ]


class NormalOutlook:
    """The same by mean, variance and third central moment."""

    __slots__ = ("mean", "third", "variance")

    def __init__(self, mean: float, variance: float, third: float) -> None:
        self.mean, self.variance, self.third = mean, variance, third

    def risk(self) -> float:
        """Return P(D ≤ 0)."""
        variance = self.variance
        if variance < 1e-3:
            return 1.0 if self.mean < 0.5 else 0.0
        deviation = sqrt(variance)
        z = (0.5 - self.mean) / deviation
        skew = self.third / (variance * deviation)
        bell = _NORM * exp(-z * z / 2)
        return min(max(0.5 * erfc(-z / _ROOT2) - skew * (z * z - 1.0) * bell / 6, 0.0), 1.0)

    def add(self, chance: float, times: int = 1) -> None:
        """So many more calls are placed that answer before this horizon with `chance` each."""
        spread = times * chance * (1.0 - chance)
        self.mean -= times * chance
        self.variance += spread
        self.third -= spread * (1.0 - 2.0 * chance)

    def after(self, chance: float, times: int) -> NormalOutlook:
        """Return the outlook if so many calls were added."""
        ahead = NormalOutlook(self.mean, self.variance, self.third)
        ahead.add(chance, times)
        return ahead


Outlook = ExactOutlook | NormalOutlook


def mean_risk(outlooks: Sequence[Outlook]) -> float:
    """Return the risk over equally likely horizons."""
    return sum([outlook.risk() for outlook in outlooks]) / len(outlooks)


def widest(outlooks: Sequence[Outlook], chances: Sequence[float], theta: float, most: int) -> int:
    """Return a number of calls alike that can be added at once with a risk of at most θ.

    The largest of `most`, its half, its quarter …; 1 where none can, and where the outlook is exact.
    """
    while most > 1:
        ahead = [
            outlook.after(chance, most)
            for outlook, chance in zip(outlooks, chances, strict=True)
            if isinstance(outlook, NormalOutlook)
        ]
        if ahead and mean_risk(ahead) <= theta:
            return most
        most //= 2
    return 1

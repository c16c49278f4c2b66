"""How much more or less than others a contact is likely to answer, from what is known of it."""

from __future__ import annotations

from collections.abc import Hashable
from math import log

from engine.domain.pacing.base import Traits

#: Weights are rounded to steps of 12 %, so that calls of like chances share one table.
_STEP = log(1.12)
_LOWEST, _HIGHEST = -28, 28
#: Older calls fade over so many.
_MEMORY = 8000.0
#: Levels are fitted anew after so many more calls.
_EVERY = 100
#: Values of one trait beyond this many share a level: nobody can learn thousands of lists.
_LEVELS = 64
#: Of so many values, those whose expected answers have faded below this make room: lists come every day.
_FADED = 0.5


def weight_of(level: int) -> float:
    """Return the weight that a level stands for: 1.12^level."""
    return float(1.12**level)


class _Trait:
    """One trait: per value the answers A and the answers E that the rest of the model expected."""

    def __init__(self) -> None:
        self.cases: dict[Hashable, list[float]] = {}
        self.factors: dict[Hashable, float] = {}

    def key(self, value: Hashable) -> Hashable:
        return value if value in self.cases or len(self.cases) < _LEVELS else "…"

    def refit(self) -> None:
        """Shrink each A/E towards 1 by as much as chance alone could explain.

        Between-value variance τ² by DerSimonian & Laird (1986), with Poisson variances 1/E; the
        factor is the posterior mean of a gamma prior with mean 1 and variance τ²:
        (A + 1/τ²) / (E + 1/τ²). τ² = 0, no factor differs from 1: a trait that carries nothing
        changes nothing.
        """
        if len(self.cases) >= _LEVELS:
            self.cases = {value: case for value, case in self.cases.items() if case[1] >= _FADED}
        answers = sum(case[0] for case in self.cases.values())
        expected = sum(case[1] for case in self.cases.values())
        self.factors = {}
        if answers < 30.0 or expected <= 0.0 or len(self.cases) < 2:
            return
        scale = answers / expected
        scaled = {value: (case[0], case[1] * scale) for value, case in self.cases.items() if case[1] > 0}
        spread = sum((a - e) ** 2 / e for a, e in scaled.values() if e > 0.5)
        freedom = sum(1 for _, e in scaled.values() if e > 0.5) - 1
        # Twice the spread's own standard deviation is asked for before differences are believed.
        excess = spread - freedom - 2.0 * (2.0 * max(freedom, 0)) ** 0.5
        room = answers - sum(e * e for _, e in scaled.values()) / answers
        if freedom < 1 or excess <= 0.0 or room <= 0.0:
            return
        prior = room / (spread - freedom)
        self.factors = {value: (a + prior) / (e + prior) for value, (a, e) in scaled.items()}


class ContactWeights:
    """A multiplicative model over the traits, fitted online; weight 1 is the average contact."""

    def __init__(self) -> None:
        self._traits = tuple(_Trait() for _ in Traits._fields)
        self._levels: dict[Traits, int] = {}
        self._growth = 1.0 + 1.0 / _MEMORY
        self._unit = 1.0
        self._seen = 0

    def level(self, traits: Traits) -> int:
        """Return the level of the contact's weight (`weight_of` turns it into the weight)."""
        known = self._levels.get(traits)
        if known is not None:
            return known
        weight = 1.0
        for trait, value in zip(self._traits, traits, strict=True):
            weight *= trait.factors.get(trait.key(value), 1.0)
        level = min(max(round(log(max(weight, 1e-6)) / _STEP), _LOWEST), _HIGHEST)
        if len(self._levels) < 20_000:
            self._levels[traits] = level
        return level

    def learn(self, traits: Traits, chance: float, answered: bool) -> None:
        """Note how a call ended whose answer was expected with probability `chance`."""
        self._unit *= self._growth
        for trait, value in zip(self._traits, traits, strict=True):
            key = trait.key(value)
            case = trait.cases.setdefault(key, [0.0, 0.0])
            case[0] += self._unit if answered else 0.0
            # What all but this trait expected: its own factor is taken out again.
            case[1] += self._unit * chance / trait.factors.get(key, 1.0)
        self._seen += 1
        if self._seen % _EVERY == 0:
            self._refit()

    def _refit(self) -> None:
        for trait in self._traits:
            for case in trait.cases.values():
                case[0] /= self._unit
                case[1] /= self._unit
            trait.refit()
        self._unit = 1.0
        self._levels.clear()

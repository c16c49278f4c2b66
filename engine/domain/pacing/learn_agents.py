"""When busy agents will be free: hazards of talk, wrap-up and breaks by the time elapsed."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from math import exp
from operator import mul

from engine.domain.agent import SeatState
from engine.domain.pacing.learn_answers import Share


def _edges() -> list[float]:
    """Return the bins' lower edges (s): half seconds up to 10 s, then each 10 % wider, to an hour."""
    edges = [index * 0.5 for index in range(21)]
    while edges[-1] < 3600.0:
        edges.append(edges[-1] + max(0.5, edges[-1] * 0.1))
    return edges


EDGES = _edges()
_LAST = len(EDGES) - 1
BINS_OF_AGE = len(EDGES)
#: Bin of each half second, so that an age is looked up, not searched for.
BIN_OF_HALF_SECOND = [bisect_right(EDGES, index / 2 + 1e-9) - 1 for index in range(7200)]
_SECONDS = 1800
_BIN_OF_SECOND = [BIN_OF_HALF_SECOND[2 * index] for index in range(_SECONDS)]
#: What a hazard is shrunk towards the mean hazard with, in ended stays per bin.
_SHRINK = 2.0


class Stay:
    """How long one state of a seat lasts. `mean` (s) is a guess that weighs as much as two stays."""

    def __init__(self, mean: float, memory: float = 800.0) -> None:
        self._ends = [0.0] * (_LAST + 1)
        self._partial = [0.0] * (_LAST + 1)
        self._growth = 1.0 + 1.0 / memory
        self._weight = 1.0
        self._mean = mean
        self.count = 0
        self.hazard = [1.0 / mean] * (_LAST + 1)

    def ended(self, seconds: float) -> None:
        """Note a stay that lasted `seconds`."""
        self._weight *= self._growth
        index = _bin(seconds)
        self._ends[index] += self._weight
        self._partial[index] += self._weight * (seconds - EDGES[index])
        self.count += 1
        if self._weight > 1e9:
            self._ends = [value / self._weight for value in self._ends]
            self._partial = [value / self._weight for value in self._partial]
            self._weight = 1.0

    def refit(self, running: Iterable[float]) -> None:
        """Work the hazards out again; `running`: ages of the stays that last still.

        Ended ÷ time at risk per bin. Leaving the running ones out would make every stay look
        short at the start, when only the short ones can have ended.
        """
        ends = [value / self._weight for value in self._ends]
        partial = [value / self._weight for value in self._partial]
        inside = ends.copy()
        for age in running:
            index = _bin(age)
            inside[index] += 1.0
            partial[index] += age - EDGES[index]
        beyond = 0.0
        risk = partial
        for index in range(_LAST, 0, -1):
            beyond += inside[index]
            risk[index - 1] += beyond * (EDGES[index] - EDGES[index - 1])
        mean = (sum(ends) + 2.0) / (sum(risk) + 2.0 * self._mean)
        pull = _SHRINK / mean
        self.hazard = [(end + _SHRINK) / (time + pull) for end, time in zip(ends, risk, strict=True)]

    def expected(self) -> float:
        """Return the mean stay (s): the integral of its survival, cut at an hour."""
        total, alive = 0.0, 1.0
        for index in range(_LAST):
            hazard = self.hazard[index]
            survives = exp(-hazard * (EDGES[index + 1] - EDGES[index]))
            total += alive * (1.0 - survives) / hazard
            alive *= survives
        return total

    def accumulated(self) -> list[float]:
        """Return the cumulative hazard at whole seconds 0, 1, 2 …"""
        hazard = self.hazard
        return [0.0, *accumulate([hazard[index] for index in _BIN_OF_SECOND])]


def _bin(seconds: float) -> int:
    return BIN_OF_HALF_SECOND[min(max(int(seconds * 2), 0), 7199)]


#: Mean, variance and third central moment of Bernoulli variables, for each horizon one after another.
Row = tuple[float, ...]


def row(chances: Sequence[float]) -> Row:
    """Return the three moments of Bernoulli variables with these chances."""
    spread = [chance * (1.0 - chance) for chance in chances]
    skew = [value * (1.0 - 2.0 * chance) for value, chance in zip(spread, chances, strict=True)]
    return (*chances, *spread, *skew)


class AgentForecast:
    """P(free within a horizon | state and time elapsed), tabulated by state and bin of age.

    A talking agent: residual talk convolved with wrap-up; who goes on a break or logs off at the
    end of either is not free. Breaks end with their own hazard.
    """

    def __init__(self) -> None:
        self._talk = Stay(90.0)
        self._wrapup = Stay(10.0)
        self._break = Stay(900.0, 200.0)
        self._skips = Share(0.1)
        self._leaves_talk = Share(0.01, 400.0)
        self._leaves_wrapup = Share(0.01, 400.0)
        self.rows: dict[SeatState, list[Row]] = {}
        #: Mean time of talk and wrap-up together (s).
        self.handling = 100.0

    @property
    def talks(self) -> int:
        """Return how many talks have ended so far."""
        return self._talk.count

    def changed(self, before: SeatState, after: SeatState, seconds: float) -> None:
        """Note that a seat went from one state to another after `seconds`."""
        gone = after in (SeatState.PAUSED, SeatState.GONE)
        if before is SeatState.TALKING:
            self._talk.ended(seconds)
            self._leaves_talk.add(gone)
            if not gone:
                self._skips.add(after is not SeatState.WRAPUP)
        elif before is SeatState.WRAPUP:
            self._wrapup.ended(seconds)
            self._leaves_wrapup.add(gone)
        elif before is SeatState.PAUSED and not gone:
            self._break.ended(seconds)

    def refit(self, horizons: Sequence[float], running: Mapping[SeatState, list[float]]) -> Iterator[None]:
        """Tabulate all states anew for these horizons (s), a part per step; they change with the last.

        `running`: ages of the seats by state.
        """
        self._talk.refit(running.get(SeatState.TALKING, ()))
        self._wrapup.refit(running.get(SeatState.WRAPUP, ()))
        yield
        self._break.refit(running.get(SeatState.PAUSED, ()))
        self.handling = self._talk.expected() + (1.0 - self._skips.value) * self._wrapup.expected()
        yield
        returns = 1.0 - self._leaves_wrapup.value
        wrapup = self._wrapup.accumulated()
        yield
        rows = {SeatState.WRAPUP: _simple(wrapup, horizons, returns)}
        yield
        breaks = self._break.accumulated()
        yield
        rows[SeatState.PAUSED] = _simple(breaks, horizons, 1.0)
        yield
        talk = self._talk.accumulated()
        yield
        # Survival is tabulated once; that from an age on is a quotient of two of its values.
        alive = [exp(-value) if value < 600.0 else 0.0 for value in talk]
        yield
        ends = [a - b for a, b in pairwise(alive)]
        yield
        columns = []
        longest = int(max(horizons)) + 2
        after = self._after(wrapup, longest, returns)
        for horizon in horizons:
            columns.append(_free_by(alive, ends, self._weights(after, horizon), longest))
            yield
        rows[SeatState.TALKING] = [row(chances) for chances in zip(*columns, strict=True)]
        yield
        self.rows = rows

    def _after(self, wrapup: Sequence[float], longest: int, returns: float) -> list[float]:
        """Return the chance to be free y + 1/2 s after the end of a talk, for y = 0, 1 … `longest` − 1."""
        skips = self._skips.value
        # The talk ended in the middle of its second.
        return [
            skips + (1.0 - skips) * returns * (1.0 - exp(-(wrapup[y] + wrapup[y + 1]) / 2))
            for y in range(longest)
        ]

    def _weights(self, after: Sequence[float], horizon: float) -> list[float]:
        """Return the chance to be free by `horizon`, given that the talk ends in second 0, 1, 2 …"""
        stays = 1.0 - self._leaves_talk.value
        whole = int(horizon)
        part = horizon - whole
        # Ends in second u leave horizon − u − 1/2 for the wrap-up.
        weights = [
            stays * (after[whole - u - 1] * (1.0 - part) + after[whole - u] * part) for u in range(whole)
        ]
        return [*weights, stays * after[0] * part]


def _free_by(
    alive: Sequence[float], ends: Sequence[float], weights: Sequence[float], longest: int
) -> list[float]:
    """Return the chance to be free in time by bin of age: residual talk convolved with wrap-up."""
    result = []
    for index in range(_LAST + 1):
        age = min(int(_middle(index)), _SECONDS - longest - 2)
        left = max(alive[age], 1e-250)
        result.append(min(sum(map(mul, ends[age : age + len(weights)], weights)) / left, 1.0))
    return result


def _simple(cumulative: Sequence[float], horizons: Sequence[float], share: float) -> list[Row]:
    result = []
    oldest = _SECONDS - max(horizons) - 2.0
    for index in range(_LAST + 1):
        age = min(_middle(index), oldest)
        base = _at(cumulative, age)
        result.append(row([share * (1.0 - exp(base - _at(cumulative, age + h))) for h in horizons]))
    return result


def _at(cumulative: Sequence[float], seconds: float) -> float:
    whole = int(seconds)
    part = seconds - whole
    return cumulative[whole] * (1.0 - part) + cumulative[whole + 1] * part


def _middle(index: int) -> float:
    return (EDGES[index] + EDGES[index + 1]) / 2 if index < _LAST else EDGES[index]

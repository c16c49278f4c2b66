"""Which caller ID a destination sees: a campaign's pool in turn, near numbers first; then its own rules.

In this order, and resting numbers of the pool never:

1. numbers of the pool whose prefix starts the destination, else the pool's generic ones;
2. of these, with local presence, those of the destination's area, else of its country, else all;
3. of these the one that was used least recently (one that never was comes first), equals at random.

Where the pool has none, the rules of `dialers.callerid` serve as documented, at random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.domain.callerid import CallerIdEntry, CallerIdRules, key

#: A range of more numbers than this is not listed: so many of it are drawn for every call instead.
LISTED = 1_000
DRAWN = 20


class Locality(NamedTuple):
    """Where a number belongs. `area`: country code and area code; '' where nothing is known."""

    area: str = ""
    country: str = ""


#: Where a number belongs, national ones being those of the dialer's country (`dialers.country`).
Locate = Callable[[str], Locality]


@dataclass(frozen=True, slots=True)
class Turns:
    """What is known of the numbers (digits): when each was used last (a growing mark), and which rest."""

    used: Mapping[str, float]
    resting: Set[str] = frozenset()


@dataclass(slots=True)
class _Group:
    """The numbers (digits) of one prefix, listed by where they belong, and the ranges that are too long for
    that."""

    numbers: list[str] = field(default_factory=list)
    areas: dict[str, list[str]] = field(default_factory=dict)
    countries: dict[str, list[str]] = field(default_factory=dict)
    ranges: list[CallerIdEntry] = field(default_factory=list)


class Pool:
    """The caller IDs that take turns in one campaign. Empty where it has none."""

    def __init__(self, entries: Iterable[CallerIdEntry], locate: Locate) -> None:
        self._groups: dict[str, _Group] = {}
        self._locate = locate
        #: Every number that is listed, as it is written.
        self._written: dict[str, str] = {}
        self._ranges: list[CallerIdEntry] = []
        self.size = 0
        for entry in dict.fromkeys(entries):
            group = self._groups.setdefault(key(entry.prefix), _Group())
            self.size += entry.size
            if entry.size > LISTED:
                group.ranges.append(entry)
                self._ranges.append(entry)
                continue
            for number in (entry.at(place) for place in range(entry.size)):
                area, country = locate(number)
                self._written.setdefault(key(number), number)
                group.numbers.append(key(number))
                group.areas.setdefault(area, []).append(key(number))
                group.countries.setdefault(country, []).append(key(number))

    @property
    def generic(self) -> bool:
        """Has it a number for every destination?"""
        return "" in self._groups

    def has(self, number: str) -> bool:
        """Is the number (digits) one of the pool?"""
        return number in self._written or any(_within(number, entry) for entry in self._ranges)

    def serves_all(self, turns: Turns) -> bool:
        """Is there a number that does not rest for every destination?"""
        group = self._groups.get("")
        return group is not None and (
            bool(group.ranges) or any(number not in turns.resting for number in group.numbers)
        )

    def choose(self, destination: str, turns: Turns, draw: Callable[[int], int], *, local: bool) -> str:
        """Return the number whose turn it is, '' when there is none that does not rest."""
        prefixes = [own for own in self._groups if own and key(destination).startswith(own)]
        for groups in ([self._groups[own] for own in prefixes], [self._groups.get("", _Group())]):
            ranges = [entry for group in groups for entry in group.ranges]
            written = {key(n): n for entry in ranges for n in (entry.number(draw) for _ in range(DRAWN))}
            drawn = list(written)
            for numbers in self._near(groups, drawn, destination) if local else [_all(groups, drawn)]:
                free = [number for number in numbers if number not in turns.resting]
                if free:
                    number = _longest_unused(free, turns, draw)
                    return self._written.get(number) or written[number]
        return ""

    def _near(
        self, groups: Sequence[_Group], drawn: Sequence[str], destination: str
    ) -> Iterable[Sequence[str]]:
        """Give the numbers in the order of their nearness."""
        area, country = self._locate(destination)
        places = [(number, self._locate(number)) for number in drawn]
        if area:
            listed = [number for group in groups for number in group.areas.get(area, ())]
            yield listed + [number for number, where in places if where.area == area]
        if country:
            listed = [number for group in groups for number in group.countries.get(country, ())]
            yield listed + [number for number, where in places if where.country == country]
        yield _all(groups, drawn)


def _all(groups: Sequence[_Group], drawn: Sequence[str]) -> Sequence[str]:
    if len(groups) == 1 and not drawn:
        return groups[0].numbers
    return [*(number for group in groups for number in group.numbers), *drawn]


def _within(number: str, entry: CallerIdEntry) -> bool:
    base = key(entry.base)
    tail = number[len(base) :]
    return number.startswith(base) and len(tail) == len(entry.low) and entry.low <= tail <= entry.high


def uncounted(rules: CallerIdRules, number: str) -> bool:
    """Is the number drawn from a range that is too long for its numbers to be told apart?"""
    return any(entry.size > LISTED and _within(key(number), entry) for entry in rules.entries)


def _longest_unused(numbers: Sequence[str], turns: Turns, draw: Callable[[int], int]) -> str:
    used, never = turns.used, float("-inf")
    marks = [used.get(number, never) for number in numbers]
    oldest = min(marks)
    equal = [number for number, mark in zip(numbers, marks, strict=True) if mark == oldest]
    return equal[draw(len(equal))]


def choose_own(
    rules: CallerIdRules, destination: str, draw: Callable[[int], int], locate: Locate | None
) -> str:
    """Return the caller ID of a dialer's own rules: at random among those that match, with `locate` among
    the nearest of them; '' when there are no rules."""
    if locate is None:
        return rules.choose(destination, draw)
    numbers = [entry.number(draw) for entry in rules.candidates(destination)]
    here = locate(destination)
    for near in (
        [number for number in numbers if here.area and locate(number).area == here.area],
        [number for number in numbers if here.country and locate(number).country == here.country],
        numbers,
    ):
        if near:
            return near[draw(len(near))]
    return ""

"""The contacts of a simulated day: each draws its whole fate in advance, the same for every policy."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import exp, log, pi, sin
from random import Random

from engine.domain.pacing import CallInFlight, Traits
from engine.simulate.scenario import Scenario, Times


@dataclass(slots=True)
class Contact:
    """What will happen if this contact is called: the dice are cast, the hour's rate decides."""

    traits: Traits
    factor: float
    luck: float
    ending: float
    ring: float
    talk: float
    wrapup: float
    listening: float
    mistaken: float


@dataclass(slots=True, eq=False)
class Call:
    """A call to a contact. `human`: a person answers; `answered`: when (s)."""

    id: str
    contact: Contact
    view: CallInFlight
    human: bool = False
    answered: float = 0.0
    waiting: bool = False


class ContactList:
    """The k-th contact is the same for every policy and seed: common random numbers."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self._scenario = scenario
        self._random = Random(f"contacts {seed}")
        self._left = scenario.contacts
        self._ahead: deque[Contact] = deque()
        total = sum(group.share for group in scenario.groups)
        self._groups = [(group, group.share / total) for group in scenario.groups]
        mean = sum(group.factor * share for group, share in self._groups)
        self._scale = 1.0 / mean

    @property
    def left(self) -> int | None:
        """Return how many contacts are left, None without end."""
        return self._left

    def take(self) -> Contact | None:
        """Return the next contact, None when the list has run dry."""
        if self._left is not None:
            if self._left == 0:
                return None
            self._left -= 1
        return self._ahead.popleft() if self._ahead else self._draw()

    def peek(self, count: int) -> tuple[Traits, ...]:
        """Return the traits of the next contacts."""
        while len(self._ahead) < count:
            self._ahead.append(self._draw())
        return tuple(self._ahead[index].traits for index in range(count))

    def answers(self, contact: Contact, hour: float) -> bool:
        """Would a person answer, called at `hour`?"""
        scenario = self._scenario
        rate = scenario.answer_rate(hour)
        if scenario.swing:
            rate *= 1.0 + scenario.swing * sin(2 * pi * hour / scenario.swing_hours)
        return contact.luck < min(rate * contact.factor, 0.95)

    def _draw(self) -> Contact:
        scenario, random = self._scenario, self._random
        point = random.random()
        group = self._groups[-1][0]
        for candidate, share in self._groups:
            point -= share
            if point < 0:
                group = candidate
                break
        return Contact(
            traits=group.traits,
            factor=group.factor * self._scale,
            luck=random.random(),
            ending=random.random(),
            ring=lognormal(scenario.ring, random),
            talk=lognormal(scenario.talk, random),
            wrapup=lognormal(scenario.wrapup, random),
            listening=lognormal(scenario.amd.time, random) if scenario.amd else 0.0,
            mistaken=random.random(),
        )


def lognormal(times: Times, random: Random) -> float:
    """Draw a time. Always takes the same number of draws, so that the streams stay in step."""
    die, deviate = random.random(), random.gauss(0.0, 1.0)
    if times.mean <= 0.0:
        return 0.0
    mean = times.mean
    if times.short:
        # The short ones last a quarter; the rest is longer, so that the mean holds.
        quarter = times.mean / 4
        mean = quarter if die < times.short else (times.mean - times.short * quarter) / (1 - times.short)
    return exp(log(mean) - times.sigma**2 / 2 + times.sigma * deviate)

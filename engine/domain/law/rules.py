"""What a law may demand: hours, holidays, caps, rests, ringing, consent, registries; each with its source."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from datetime import timedelta

from engine.domain.schedule import Schedule


class Counts(enum.Enum):
    """Which calls a cap counts."""

    PLACED = "placed"  # whatever left our side
    RANG = "rang"  # only what rang or was answered, as 12 CFR 1006.14(b)(3)(iii) has it


class After(enum.Enum):
    """What a rest follows."""

    CONVERSATION = "conversation"
    ABANDONMENT = "abandonment"


class When(enum.Enum):
    """Which calls need the person's consent."""

    PRERECORDED = "prerecorded"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class Hours:
    """Calls only inside `schedule`, in every time zone in which the contact may be."""

    schedule: Schedule
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Holidays:
    """No calls on public holidays of the contact's `country` (ISO 3166) and, where given, `state`."""

    country: str
    state: str
    source: str


@dataclass(frozen=True, slots=True)
class Cap:
    """At most `calls` calls to one person within `window`, over all campaigns and numbers."""

    calls: int
    window: timedelta
    counts: Counts
    source: str


@dataclass(frozen=True, slots=True)
class Rest:
    """No call to a person for `length` after something. `spared`: not where an agent is guaranteed."""

    after: After
    length: timedelta
    spared: bool
    source: str


@dataclass(frozen=True, slots=True)
class Ring:
    """A call rings for at least `seconds` before it is given up."""

    seconds: int
    source: str


@dataclass(frozen=True, slots=True)
class Consent:
    """The person has agreed to such calls, and has not withdrawn."""

    when: When
    source: str


@dataclass(frozen=True, slots=True)
class Registry:
    """The number is not in the national registry `name`; who has agreed may be called all the same."""

    name: str
    source: str


Rule = Hours | Holidays | Cap | Rest | Ring | Consent | Registry


@dataclass(frozen=True, slots=True)
class Law:
    """Rules that hold together.

    `region`: ISO 3166 code of the country whose national numbers are dialled without a country code;
    `zones`: where somebody may be whose number does not say (all of them must be within hours);
    `countries`: (ISO 3166, name of the law whose rules hold for numbers of that country, too).
    """

    name: str
    rules: tuple[Rule, ...] = ()
    region: str = ""
    zones: tuple[str, ...] = ()
    title: str = ""
    countries: tuple[tuple[str, str], ...] = ()

    def __add__(self, other: Law) -> Law:
        """Return a law that demands what both demand."""
        both = self.rules + tuple(rule for rule in other.rules if rule not in self.rules)
        zones = self.zones or other.zones
        return replace(
            self,
            name=f"{self.name}+{other.name}",
            rules=both,
            region=self.region or other.region,
            zones=zones,
        )

    @property
    def looks_back(self) -> timedelta:
        """How far into the past calls to the person matter; zero when they never do."""
        spans = [rule.window for rule in self.rules if isinstance(rule, Cap)]
        spans += [rule.length for rule in self.rules if isinstance(rule, Rest)]
        return max(spans, default=timedelta())

    @property
    def registries(self) -> frozenset[str]:
        """The registries that must be asked."""
        return frozenset(rule.name for rule in self.rules if isinstance(rule, Registry))

    @property
    def asks_for_zones(self) -> bool:
        """Does it matter where the contact is?"""
        return any(isinstance(rule, Hours | Holidays) for rule in self.rules)

"""Jurisdictions: what counts as an abandoned call, over what, and how many are allowed."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass


class Since(enum.Enum):
    """From when the seconds until an agent count."""

    ANSWER = "answer"  # the line is picked up
    GREETING = "greeting"  # the person has said hello: AMD's verdict, or the entry into the queue


@dataclass(frozen=True, slots=True)
class Profile:
    """One rule book.

    `rate`: share of the calls answered by a person that may be abandoned, 0 to 1. `window_days`:
    calendar days over which it is measured, 1 = each day for itself. `seconds` within which an
    agent must come, from `since`. `min_ring`: s a call rings before it may be given up.
    `false_positives`: persons whom AMD takes for machines, as a share (0 to 1) of its machine
    verdicts; they count as answered and abandoned. 0 where the law does not count them.
    Abandoned ÷ answered: both include the abandoned (and the false positives).
    """

    name: str
    rate: float = 0.03
    window_days: int = 1
    seconds: float = 2.0
    since: Since = Since.ANSWER
    min_ring: float = 15.0
    false_positives: float = 0.0

    def __post_init__(self) -> None:
        if not (0 <= self.rate < 1 and 0 <= self.false_positives <= 1):
            raise ValueError(f"profile {self.name}: rate and false_positives are shares of 1")
        if self.window_days < 1 or self.seconds <= 0 or self.min_ring < 0:
            raise ValueError(f"profile {self.name}: window_days ≥ 1, seconds > 0, min_ring ≥ 0")


#: The strictest reading of all: every day for itself, seconds from the pick-up.
STRICT = Profile("strict")

#: 16 CFR 310.4(b)(4) (TSR) and 47 CFR 64.1200(a)(7): 3 % per campaign and 30 days, an agent within
#: 2 s of the completed greeting, 15 s or four rings.
US = Profile("US", window_days=30, since=Since.GREETING)

#: Ofcom's statement of policies until 2017, kept by many as good practice: calendar day, a reasoned
#: estimate of AMD's false positives included. Its 2 s run from the start of speech.
UK = Profile("UK", since=Since.GREETING, false_positives=0.02)

#: By what `dialers.country` may hold, in capitals.
PROFILES: Mapping[str, Profile] = {
    "US": US, "USA": US, "UK": UK, "GB": UK, "GBR": UK, "": STRICT, "STRICT": STRICT,
}  # fmt: skip


def profile_for(country: str, profiles: Mapping[str, Profile] = PROFILES) -> Profile:
    """Return the profile of that name; a name nobody knows gets the strictest."""
    return profiles.get(country.strip().upper(), STRICT)

"""What is known about one call before it is placed: about the person, the number and the way of calling."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

#: (country, state, date) → the name of the public holiday, '' when it is none.
HolidayOf = Callable[[str, str, date], str]


def no_holidays(country: str, state: str, day: date) -> str:
    """There are none."""
    return ""


class Given(enum.Enum):
    """What the person said to being called."""

    NOTHING = "nothing"
    CONSENT = "consent"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Contacted:
    """One earlier call to the same person, whatever the number and the campaign.

    `at`: when it was placed; `rang`: the phone rang, or may have; `spoke`: when a conversation with an
    agent ended (or began, while it lasts), None for none; `abandoned`: answered, and no agent came;
    `lasts`: it is not over yet, and is taken to last until then; None: it is over.
    """

    at: datetime
    rang: bool = True
    spoke: datetime | None = None
    abandoned: datetime | None = None
    lasts: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything a verdict rests on, besides the law and the moment.

    `zones`: everywhere the contact may be; `listed`: why the number may never be called by this campaign;
    `listed_until`: end of a temporary block; `registries`: those in which the number stands; `ring`: s that
    the call may ring; `prerecorded`: no agent, a recording speaks; `agent_guaranteed`: an agent is reserved
    before the number is dialled.
    """

    zones: tuple[tzinfo, ...] = ()
    holiday: HolidayOf = no_holidays
    listed: str = ""
    listed_until: datetime | None = None
    given: Given = Given.NOTHING
    registries: frozenset[str] = frozenset()
    ring: int = 30
    prerecorded: bool = False
    agent_guaranteed: bool = False
    calls: tuple[Contacted, ...] = ()

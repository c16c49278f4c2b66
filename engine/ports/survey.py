"""What the surveyor needs: somebody who judges contacts, part by part, and writes what holds them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class Source(enum.IntEnum):
    """Where a contact waits; the numbers stand in `law_outlook.source`."""

    SPOOL = 0
    SCHEDULER = 1


@dataclass(frozen=True, slots=True)
class Part:
    """The next `most` contacts of a source with ids above `after`; of one campaign, or ('') of all."""

    source: Source
    after: int
    most: int
    campaign: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What a look at a part found: so many contacts, up to id `last`; `more`: are there any behind it?"""

    contacts: int
    last: int
    more: bool


class Surveyor(Protocol):
    """Judges contacts and writes the outlook. Each method is one short transaction that locks no contact, and
    raises StoreError."""

    async def newest(self, source: Source) -> int:
        """Return the highest id; 0 when there is none."""

    async def campaigns(self) -> tuple[str, ...]:
        """Return the campaigns of the spool."""

    async def look(self, part: Part, now: datetime) -> Look:
        """Judge the contacts of a part and write what has changed."""

    async def sweep(self, source: Source, after: int, most: int) -> Look:
        """Of the next `most` contacts of the outlook, forget those that have gone."""

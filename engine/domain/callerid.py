"""Caller-ID rules: `PREFIX#CALLERID-FROM-TO`, one chosen at random among those that match.

Documented: entries whose prefix starts the destination are candidates, otherwise the generic
(prefix-less) ones, of which at least one must exist; a + before either of them says nothing. FROM and TO have
the same length; a random number of that range, padded to that length, is appended. Entries are separated by
newline or `,`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.domain.errors import FieldError, excerpt

_ENTRY = re.compile(
    r"(?:(?P<prefix>\+?[0-9]+)#)?(?P<base>(?:\+?[0-9]{1,20})?)(?:-(?P<low>[0-9]{1,12})-(?P<high>[0-9]{1,12}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class CallerIdEntry:
    """One rule. `low`/`high` are digit strings of the same length, or empty."""

    prefix: str
    base: str
    low: str = ""
    high: str = ""

    @property
    def size(self) -> int:
        """How many numbers it stands for."""
        return int(self.high) - int(self.low) + 1 if self.low else 1

    def at(self, place: int) -> str:
        """Return its number at `place`, 0 … size - 1."""
        return self.base + str(int(self.low) + place).zfill(len(self.low)) if self.low else self.base

    def number(self, draw: Callable[[int], int]) -> str:
        """Return a caller ID; `draw(n)` gives a random integer in 0 … n-1."""
        return self.at(draw(self.size)) if self.low else self.base

    def text(self) -> str:
        """Return the rule as it is written."""
        prefix = f"{self.prefix}#" if self.prefix else ""
        return f"{prefix}{self.base}-{self.low}-{self.high}" if self.low else f"{prefix}{self.base}"


@dataclass(frozen=True, slots=True)
class CallerIdRules:
    """All rules of a dialer; empty means that no caller ID is set."""

    entries: tuple[CallerIdEntry, ...]

    def candidates(self, destination: str) -> Sequence[CallerIdEntry]:
        """Return the rules among which the one for `destination` is chosen; none when there are no rules."""
        called = key(destination)
        matching = [e for e in self.entries if e.prefix and called.startswith(key(e.prefix))]
        return matching or [e for e in self.entries if not e.prefix]

    def choose(self, destination: str, draw: Callable[[int], int]) -> str:
        """Return the caller ID to show to `destination`, or '' when there are no rules."""
        candidates = self.candidates(destination)
        if not candidates:
            return ""
        return candidates[draw(len(candidates))].number(draw)


def parse_callerid(text: str, field: str = "callerid") -> CallerIdRules:
    """Read the setting. Raises FieldError."""
    parts = (part.strip() for part in re.split(r"[\r\n,]+", text))
    entries = tuple(parse_entry(part, field) for part in parts if part)
    if entries and all(entry.prefix for entry in entries):
        raise FieldError(
            field, "every entry has a prefix", "Add one caller ID without PREFIX# for all others."
        )
    return CallerIdRules(entries)


def parse_entry(text: str, field: str = "callerid") -> CallerIdEntry:
    """Read one rule. Raises FieldError."""
    match = _ENTRY.fullmatch(text)
    if match is None or not (match["base"] or match["low"]):
        raise FieldError(
            field, f"{excerpt(text)} is not a caller ID", "Write PREFIX#CALLERID-FROM-TO, digits only."
        )
    low, high = match["low"] or "", match["high"] or ""
    if len(low) != len(high) or low > high:
        raise FieldError(
            field,
            f"range {excerpt(f'{low}-{high}')} is not in order or its ends differ in length",
            "Write for example 00-99.",
        )
    return CallerIdEntry(match["prefix"] or "", match["base"], low, high)


def key(number: str) -> str:
    """Return how one number is known everywhere, however campaigns write it: its digits."""
    return number.removeprefix("+")

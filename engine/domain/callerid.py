"""Caller-ID rules: `PREFIX#CALLERID-FROM-TO`, one chosen at random among those that match.

Documented: entries whose prefix starts the destination are candidates, otherwise the generic
(prefix-less) ones, of which at least one must exist. FROM and TO have the same length; a random
number of that range, padded to that length, is appended. Entries are separated by newline or `,`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
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

    def number(self, draw: Callable[[int], int]) -> str:
        """Return a caller ID; `draw(n)` gives a random integer in 0 … n-1."""
        if not self.low:
            return self.base
        first, last = int(self.low), int(self.high)
        return self.base + str(first + draw(last - first + 1)).zfill(len(self.low))


@dataclass(frozen=True, slots=True)
class CallerIdRules:
    """All rules of a dialer; empty means that no caller ID is set."""

    entries: tuple[CallerIdEntry, ...]

    def choose(self, destination: str, draw: Callable[[int], int]) -> str:
        """Return the caller ID to show to `destination`, or '' when there are no rules."""
        matching = [e for e in self.entries if e.prefix and destination.startswith(e.prefix)]
        candidates = matching or [e for e in self.entries if not e.prefix]
        if not candidates:
            return ""
        return candidates[draw(len(candidates))].number(draw)


def parse_callerid(text: str, field: str = "callerid") -> CallerIdRules:
    """Read the setting. Raises FieldError."""
    entries = tuple(_entry(part.strip(), field) for part in re.split(r"[\r\n,]+", text) if part.strip())
    if entries and all(entry.prefix for entry in entries):
        raise FieldError(
            field, "every entry has a prefix", "Add one caller ID without PREFIX# for all others."
        )
    return CallerIdRules(entries)


def _entry(text: str, field: str) -> CallerIdEntry:
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

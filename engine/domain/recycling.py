"""`recycle`: which finished contacts come again, after how long and how often; a JSON array in a text.

`[{"outcome": "busy", "delay": 30, "maximum": 2}, …]`: outcome as in docs/outcomes.md, delay in minutes since
the last attempt, maximum of times that a contact comes again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from engine.domain.errors import FieldError, excerpt
from engine.domain.outcomes import Outcome

#: Whose number does not exist is not called again by a rule. Everybody else may be, by his supervisor's word.
NEVER = frozenset((Outcome.INVALID,))
_ROUND = re.compile(r"-R\d+$")


@dataclass(frozen=True, slots=True)
class RecycleRule:
    """Contacts whose last attempt ended with `outcome` come again after `delay`, `maximum` times at most."""

    outcome: Outcome
    delay: timedelta
    maximum: int


def parse_recycle(text: str, field: str = "recycle") -> tuple[RecycleRule, ...]:
    """Read the setting. Raises FieldError."""
    if not text.strip():
        return ()
    fix = 'Write [{"outcome": "busy", "delay": 30, "maximum": 2}].'
    try:
        entries = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FieldError(field, f"it is not JSON: {excerpt(str(error))}", fix) from error
    if not isinstance(entries, list):
        raise FieldError(field, "it is not a list", fix)
    return tuple(_rule(entry, f"{field}[{n}]", fix) for n, entry in enumerate(entries, 1))


def _rule(entry: object, field: str, fix: str) -> RecycleRule:
    if not isinstance(entry, dict):
        raise FieldError(field, "it is not an object", fix)
    for key in entry:
        if key not in ("outcome", "delay", "maximum"):
            raise FieldError(f"{field}.{excerpt(str(key))}", "it is unknown", fix)
    return RecycleRule(
        outcome=read_outcome(str(entry.get("outcome", "")), f"{field}.outcome"),
        delay=timedelta(minutes=_number(entry.get("delay", 0), f"{field}.delay", 0, 525_600)),
        maximum=_number(entry.get("maximum", 1), f"{field}.maximum", 1, 100),
    )


def read_outcome(word: str, field: str = "outcome") -> Outcome:
    """Read the outcome of a rule. Raises FieldError."""
    try:
        outcome = Outcome(word.strip().lower())
    except ValueError as error:
        known = ", ".join(outcome for outcome in Outcome if outcome not in NEVER)
        raise FieldError(field, f"{excerpt(word)} is unknown", f"Use one of {known}.") from error
    if outcome in NEVER:
        raise FieldError(field, f"{outcome} is never called again", "Leave it out.")
    return outcome


def _number(value: object, field: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise FieldError(field, f"{excerpt(str(value))} is out of range", f"Use {low} to {high}.")
    return value


def next_list(name: str, taken: frozenset[str]) -> str:
    """Return the name of the list that a recycled list becomes: MARCH, MARCH-R1, MARCH-R2, …"""
    base = _base(name)
    number = 1
    lower = {other.lower() for other in taken}
    while f"{base}-R{number}".lower() in lower:
        number += 1
    return f"{base}-R{number}"


def list_of_round(name: str, recycled: Sequence[str]) -> str:
    """Return the one of these lists that the list `name` became before, '' for none: contacts of one list
    that fall due one after another come into one list."""
    own = _base(name).lower()
    return next((one for one in recycled if _ROUND.search(one) and _base(one).lower() == own), "")


def _base(name: str) -> str:
    return _ROUND.sub("", name)[:110] or "tasks"

"""From the tables of a law file to rules; what is wrong is named by file and key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from engine.domain.errors import FieldError
from engine.domain.law.rules import (
    After,
    Cap,
    Consent,
    Counts,
    Holidays,
    Hours,
    Law,
    Registry,
    Rest,
    Ring,
    Rule,
    When,
)
from engine.domain.schedule import parse_schedule

Table = Mapping[str, Any]
E = TypeVar("E", Counts, After, When)
#: What each kind of rule takes besides `kind` and `source`.
_KEYS = {
    "hours": {"hours"},
    "holidays": {"country", "state"},
    "cap": {"calls", "within_hours", "counts"},
    "rest": {"after", "hours", "agent_spares"},
    "ring": {"seconds"},
    "consent": {"when"},
    "registry": {"name"},
}


def read_law(name: str, table: Table, field: str) -> Law:
    """Read one law. Raises FieldError naming `field` and the key."""
    _known(table, {"rule", "region", "zones", "title", "aliases", "areas", "countries"}, field)
    rules = table.get("rule", [])
    if not isinstance(rules, Sequence) or isinstance(rules, str):
        raise FieldError(f"{field}.rule", "it is not a list", "Write [[rule]] sections.")
    return Law(
        name=name,
        rules=tuple(read_rule(rule, f"{field}.rule[{n}]") for n, rule in enumerate(rules, 1)),
        region=_text(table, "region", field),
        zones=tuple(_zone(zone, field) for zone in table.get("zones", ())),
        title=_text(table, "title", field),
        countries=_countries(table, field),
    )


def read_rule(table: Table, field: str) -> Rule:
    """Read one rule. Raises FieldError."""
    kind = str(table.get("kind", ""))
    if kind not in _KEYS:
        raise FieldError(f"{field}.kind", f"{kind!r} is unknown", f"Use one of {', '.join(_KEYS)}.")
    _known(table, _KEYS[kind] | {"kind", "source"}, field)
    source = _text(table, "source", field)
    if not source:
        raise FieldError(f"{field}.source", "it is missing", "Say where the rule stands.")
    match kind:
        case "hours":
            text = _text(table, "hours", field)
            return Hours(parse_schedule(text, f"{field}.hours"), text, source)
        case "holidays":
            return Holidays(_text(table, "country", field), _text(table, "state", field), source)
        case "cap":
            counts = _choice(Counts, table.get("counts", "placed"), f"{field}.counts")
            window = timedelta(hours=_number(table, "within_hours", field))
            return Cap(int(_number(table, "calls", field)), window, counts, source)
        case "rest":
            after = _choice(After, table.get("after"), f"{field}.after")
            length = timedelta(hours=_number(table, "hours", field))
            return Rest(after, length, bool(table.get("agent_spares", False)), source)
        case "ring":
            return Ring(int(_number(table, "seconds", field)), source)
        case "consent":
            return Consent(_choice(When, table.get("when"), f"{field}.when"), source)
    return Registry(_text(table, "name", field), source)


def _known(table: Table, keys: set[str], field: str) -> None:
    for key in table:
        if key not in keys:
            raise FieldError(f"{field}.{key}", "it is unknown", f"Use {', '.join(sorted(keys))}.")


def _text(table: Table, key: str, field: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise FieldError(f"{field}.{key}", "it is not a text", "Put it in quotes.")
    return value


def _countries(table: Table, field: str) -> tuple[tuple[str, str], ...]:
    named = table.get("countries", {})
    if not isinstance(named, Mapping) or not all(isinstance(law, str) for law in named.values()):
        raise FieldError(f"{field}.countries", "it is not a table of names", 'Write FR = "FR".')
    return tuple((str(country).upper(), law.upper()) for country, law in named.items())


def _number(table: Table, key: str, field: str) -> float:
    value = table.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 100_000:
        raise FieldError(f"{field}.{key}", f"{value!r} is not usable", "Use a number from 0 to 100000.")
    return float(value)


def _choice(kind: type[E], value: object, field: str) -> E:
    try:
        return kind(value)
    except ValueError as error:
        known = ", ".join(str(item.value) for item in kind)
        raise FieldError(field, f"{value!r} is unknown", f"Use one of {known}.") from error


def _zone(name: object, field: str) -> str:
    try:
        ZoneInfo(str(name))
    except (KeyError, ValueError, OSError) as error:
        fix = "Use a name like America/New_York."
        raise FieldError(f"{field}.zones", f"{name!r} is unknown", fix) from error
    return str(name)

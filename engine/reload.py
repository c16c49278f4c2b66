"""What a changed configuration changes: what holds at once, and what needs a restart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr

from engine.config import Config

#: Sections and settings that a running engine takes over; everything else needs a restart.
LIVE = ("log", "stop", "retention", "engine.lease", "engine.abandoned_rest_hours")


@dataclass(frozen=True, slots=True)
class Change:
    """A setting that differs. `live`: it is taken over at once; secrets are told by stars."""

    key: str
    before: str
    after: str
    live: bool


def changes(before: Config, after: Config) -> tuple[Change, ...]:
    """Return what differs between two configurations."""
    old, new = dict(_settings(before)), dict(_settings(after))
    return tuple(
        Change(key, _shown(old.get(key)), _shown(new.get(key)), _live(key))
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    )


def taken_over(before: Config, after: Config) -> Config:
    """Return what a running engine has after a reload: new values of what is live, the old of the rest."""
    engine = before.engine.model_copy(
        update={
            name.partition(".")[2]: getattr(after.engine, name.partition(".")[2]) for name in _own("engine")
        }
    )
    whole = {name: getattr(after, name) for name in LIVE if "." not in name}
    return before.model_copy(update={**whole, "engine": engine})


def _own(section: str) -> tuple[str, ...]:
    return tuple(name for name in LIVE if name.startswith(f"{section}."))


def _live(key: str) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in LIVE)


def _settings(part: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every setting by its dotted name."""
    for name in type(part).model_fields:
        yield from _values(f"{prefix}{name}", getattr(part, name))


def _values(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, BaseModel):
        yield from _settings(value, f"{key}.")
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _values(f"{key}.{name}", one)
    else:
        yield key, value


def _shown(value: Any) -> str:
    if value is None:
        return "(none)"
    return "(secret)" if isinstance(value, SecretStr) else str(value)

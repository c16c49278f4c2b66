"""What a changed configuration changes: what holds at once, and what needs a restart."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr

from engine.config import Config

#: Sections and settings that a running engine takes over; everything else needs a restart.
LIVE = ("log", "stop", "retention", "caller_ids", "engine.lease", "engine.abandoned_rest_hours")
#: Files, and folders of files, that are read when the engine starts and never again. Registries are no part
#: of them: a new file holds from the next look-up.
READ_ONCE = (
    "asterisk.secret_file",
    "database.password_file",
    "ari.secret_file",
    "http.tls_certificate",
    "http.tls_key",
    "law.folder",
)


@dataclass(frozen=True, slots=True)
class Change:
    """A setting that differs, or the content of the file that it names. `live`: it is taken over at once; of
    secrets and contents only is told that they differ."""

    key: str
    before: str
    after: str
    live: bool


def contents(config: Config) -> dict[str, str]:
    """Return, by setting, a digest of what the files of READ_ONCE hold; of a file that is not there or cannot
    be read it is that of nothing."""
    settings = dict(_settings(config))
    return {key: _digest(settings[key]) for key in READ_ONCE}


def changes(
    before: Config, after: Config, read: Mapping[str, str], found: Mapping[str, str]
) -> tuple[Change, ...]:
    """Return what differs between two configurations. `read`: the `contents` when the engine read them;
    `found`: as they are now."""
    old, new = dict(_settings(before)), dict(_settings(after))
    differing = [
        Change(key, _shown(old.get(key)), _shown(new.get(key)), _live(key))
        for key in old.keys() | new.keys()
        if old.get(key) != new.get(key)
    ]
    named = {change.key for change in differing}
    differing += [
        Change(key, "(content)", "(other content)", live=False)
        for key in READ_ONCE
        if key not in named and read[key] != found[key]
    ]
    return tuple(sorted(differing, key=lambda change: change.key))


def taken_over(before: Config, after: Config) -> Config:
    """Return what a running engine has after a reload: new values of what is live, the old of the rest."""
    engine = before.engine.model_copy(
        update={
            name.partition(".")[2]: getattr(after.engine, name.partition(".")[2]) for name in _own("engine")
        }
    )
    whole = {name: getattr(after, name) for name in LIVE if "." not in name}
    return before.model_copy(update={**whole, "engine": engine})


def _digest(path: Path | None) -> str:
    digest = hashlib.sha256()
    if path is not None:
        with suppress(OSError):
            for one in sorted(path.glob("*.toml")) if path.is_dir() else [path]:
                digest.update(b"\0%s\0" % bytes(one.name, "utf-8", "surrogateescape"))
                digest.update(one.read_bytes())
    return digest.hexdigest()


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

"""What all supervisors' commands share: the configuration, the database, and how a fault is told."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from engine import build
from engine.adapters.legal import Legal
from engine.adapters.mysql import Database
from engine.config import Config, ConfigError, load
from engine.domain.errors import FieldError
from engine.domain.localtime import LocalTime
from engine.ports import StoreError

T = TypeVar("T")

_MIGRATE = "run `overdial migrate` with the same --config."
#: How the database's words begin (its error numbers), and what to do.
_FIXES = {
    "2003": "start the server, or correct [database] host and port, or socket.",
    "1044": "GRANT the account of [database] user ALL on both databases.",
    "1045": "correct [database] user and password, or make the account.",
    "1049": _MIGRATE,
    "1054": _MIGRATE,
    "1146": _MIGRATE,
    "no answer": "look what keeps the server busy, or raise [database] timeout.",
}

CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings (TOML); default: $OVERDIAL_CONFIG, else /etc/overdial/overdial.toml."
    " OVERDIAL_… variables override it.",
)


def fail(error: object) -> NoReturn:
    """Tell what is wrong and leave."""
    for line in str(error).splitlines() or [type(error).__name__]:
        click.echo(f"overdial: {line}", err=True)
    sys.exit(1)


@dataclass(frozen=True)
class Desk:
    """An open database and what the configuration says besides."""

    config: Config
    database: Database
    local: LocalTime
    legal: Legal


def at_desk(path: Path | None, work: Callable[[Desk], Awaitable[T]]) -> T:
    """Open the database, work, close it. Faults of configuration, input or database end the command."""

    async def go(config: Config) -> T:
        database = Database(build.database_settings(config))
        try:
            return await work(Desk(config, database, build.local_time(config), build.legal(config)))
        finally:
            await database.close()

    try:
        config = load(path)
    except ConfigError as error:
        fail(error)
    try:
        return asyncio.run(go(config))
    except (ConfigError, FieldError) as error:
        fail(error)
    except StoreError as error:
        fail(with_fix(error, address(config)))


def address(config: Config) -> str:
    """Return where the settings say that the database is."""
    section = config.database
    return str(section.socket or f"{section.host}:{section.port}")


def with_fix(error: StoreError, where: str) -> str:
    """Say where, and what would be right, where the database's own words do not."""
    text = str(error)
    fix = next((fix for start, fix in _FIXES.items() if text.startswith(start)), "")
    return f"database at {where}: {text}. Fix: {fix}" if fix else text


def as_json(record: Any) -> str:
    """Write a dataclass down for programs; moments in ISO 8601."""

    def moment(value: object) -> str:
        return value.isoformat() if isinstance(value, datetime) else str(value)

    return json.dumps(asdict(record), default=moment, ensure_ascii=False, indent=1)

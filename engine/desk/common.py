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

CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="TOML file with the settings; OVERDIAL_… variables override it.",
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

    async def go() -> T:
        config = load(path)
        database = Database(build.database_settings(config))
        try:
            return await work(Desk(config, database, build.local_time(config), build.legal(config)))
        finally:
            await database.close()

    try:
        return asyncio.run(go())
    except (ConfigError, FieldError, StoreError) as error:
        fail(error)


def as_json(record: Any) -> str:
    """Write a dataclass down for programs; moments in ISO 8601."""

    def moment(value: object) -> str:
        return value.isoformat() if isinstance(value, datetime) else str(value)

    return json.dumps(asdict(record), default=moment, ensure_ascii=False, indent=1)

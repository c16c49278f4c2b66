"""`overdial debug-bundle`: everything for whoever helps, without secrets, numbers and personal data."""

from __future__ import annotations

import asyncio
import io
import platform
import sys
import tarfile
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path
from typing import IO, Any

import click
import orjson

from engine import __version__
from engine.adapters.mysql import Database
from engine.adapters.mysql.evidence import evidence
from engine.build import database_settings
from engine.config import Config, ConfigError, load, secret
from engine.desk import daemon
from engine.desk.common import CONFIG, fail
from engine.desk.scrub import Scrubber
from engine.ports import StoreError

#: Of a log so many last lines are taken.
_LINES = 20_000
_README = """What an Overdial engine knew of itself at {at} (UTC).

versions.json   the engine, Python, its libraries, the machine
config.json     the settings, without secrets
status.json     what the engine says of itself: components, campaigns, trunks
metrics.txt     its metrics at that moment
database.json   server, schema version, tables' sizes, campaign_state, decisions, dialers, trunks, drains
log.jsonl       the last lines of the log, if one was given

Phone numbers, mail addresses, names and values of contacts' data were replaced by words in brackets. Names
of campaigns and trunks are in it: look through it before you hand it on.
"""


@click.command("debug-bundle")
@CONFIG
@click.option(
    "--log", "log_file", type=click.File("r", errors="replace"), help="Its last lines; - = standard input."
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Default: overdial-<time>.tar.gz."
)
def debug_bundle(config: Path | None, log_file: IO[str] | None, output: Path | None) -> None:
    """Collect settings, versions, status, metrics, decisions and the log in one file.

    Secrets, numbers and personal data are taken out. An engine or a database that does not answer is noted in
    its place.
    """
    try:
        settings = load(config)
        scrub = Scrubber(_secrets(settings))
    except ConfigError as error:
        fail(error)
    now = datetime.now(UTC)
    parts: dict[str, str] = {"README.txt": _README.format(at=f"{now:%Y-%m-%d %H:%M:%S}")}
    for name, value in (
        ("versions.json", _versions()),
        ("config.json", settings.model_dump(mode="json")),
        ("status.json", daemon.state(settings) or {"fault": "no engine answers"}),
        ("database.json", asyncio.run(_database(settings))),
    ):
        parts[name] = orjson.dumps(scrub.value(_plain(value)), option=orjson.OPT_INDENT_2).decode()
    metrics = daemon.page(settings, "/metrics")
    parts["metrics.txt"] = scrub.metrics(metrics.decode()) if metrics else "no engine answers\n"
    if log_file is not None:
        last = log_file.readlines()[-_LINES:]
        parts["log.jsonl"] = "".join(scrub.line(line.rstrip("\n")) + "\n" for line in last)
    path = output or Path(f"overdial-{now:%Y%m%d-%H%M%S}.tar.gz")
    try:
        _write(path, parts, now)
    except OSError as error:
        fail(f"{path}: {error.strerror}. Fix: give another --output.")
    click.echo(f"{path}: look through it before you hand it on")


def _secrets(config: Config) -> list[str]:
    """Return every secret of the configuration, also those in files. A file that cannot be read has none."""
    found = []
    for section, word in (("asterisk", "secret"), ("database", "password"), ("ari", "secret")):
        part = getattr(config, section)
        try:
            found.append(secret(getattr(part, word), getattr(part, f"{word}_file"), f"{section}.{word}_file"))
        except ConfigError:
            continue
    return found


def _versions() -> dict[str, Any]:
    return {
        "overdial": __version__,
        "python": sys.version,
        "machine": {"system": platform.platform(), "processor": platform.machine()},
        "libraries": {one.name: one.version for one in sorted(distributions(), key=lambda one: one.name)},
    }


async def _database(config: Config) -> Mapping[str, Any]:
    try:
        database = Database(database_settings(config))
    except ConfigError as error:
        return {"fault": str(error)}
    try:
        return await evidence(database)
    except StoreError as error:
        return {"fault": str(error)}
    finally:
        await database.close()


def _plain(value: Any) -> Any:
    """Return a value as JSON has it."""
    return orjson.loads(orjson.dumps(value, default=str))


def _write(path: Path, parts: Mapping[str, str], now: datetime) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, text in parts.items():
            data = text.encode()
            entry = tarfile.TarInfo(f"{path.name.removesuffix('.tar.gz')}/{name}")
            entry.size, entry.mtime, entry.mode = len(data), int(now.timestamp()), 0o600
            archive.addfile(entry, io.BytesIO(data))
    path.chmod(0o600)

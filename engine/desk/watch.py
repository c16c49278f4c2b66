"""`overdial status` and `overdial top`: how the engine is, in words and live."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.live import Live

from engine import __version__, build
from engine.adapters.mysql import Database
from engine.config import Config, ConfigError, load
from engine.desk import daemon
from engine.desk.common import CONFIG, fail
from engine.desk.screen import screen


async def _look(config: Config, database: Database) -> dict[str, Any]:
    """Return what the engine says and what the tables say, in one picture."""
    said = await asyncio.to_thread(daemon.state, config)
    known = await daemon.tables(database)
    status = (said or {}).get("status") or {}
    leads = status.get("role") == "leading"
    return {
        "version": (said or {}).get("version", __version__),
        "answers": said is not None,
        "healthy": bool(said and said["healthy"]),
        "ready": bool(said and said["ready"]),
        "engine": status,
        "tables": known,
        # A standby has no campaigns of its own: what the leader wrote is what is going on.
        "campaigns": status["campaigns"] if leads else known.get("campaigns", []),
    }


def _opened(path: Path | None) -> tuple[Config, Database]:
    try:
        config = load(path)
        return config, Database(build.database_settings(config))
    except ConfigError as error:
        fail(error)


def _console() -> Console:
    """The terminal as it is; what goes into a file or a pipe has room enough."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=max(console.width, 200))


@click.command()
@CONFIG
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(config: Path | None, as_json: bool) -> None:
    """Tell how the engine is: each component, who leads, what every campaign does. Exit 1: it is not well."""
    settings, database = _opened(config)

    async def work() -> dict[str, Any]:
        try:
            return await _look(settings, database)
        finally:
            await database.close()

    found = asyncio.run(work())
    if as_json:
        click.echo(orjson.dumps(found, option=orjson.OPT_INDENT_2, default=str).decode())
    else:
        console = _console()
        console.print(screen(found, console.width))
    sys.exit(0 if found["ready"] else 1)


@click.command()
@CONFIG
@click.option(
    "--once", is_flag=True, help="One picture, then leave; as `status`, with 1 when the engine is not ready."
)
@click.option("--every", default=1.0, show_default=True, type=click.FloatRange(0.2, 60), help="Seconds.")
def top(config: Path | None, once: bool, every: float) -> None:
    """Show live what the engine does: agents, calls, pace and trunks. Ctrl-C leaves.

    It goes on while the engine is restarted, and shows what the tables know meanwhile.
    """
    settings, database = _opened(config)
    console = _console()

    async def work() -> bool:
        try:
            if once:
                found = await _look(settings, database)
                console.print(screen(found, console.width))
                return bool(found["ready"])
            with Live(console=console, screen=console.is_terminal, auto_refresh=False) as live:
                while True:
                    live.update(screen(await _look(settings, database), console.width), refresh=True)
                    await asyncio.sleep(every)
        finally:
            await database.close()

    try:
        ready = asyncio.run(work())
    except KeyboardInterrupt:
        sys.exit(0)
    sys.exit(0 if ready else 1)

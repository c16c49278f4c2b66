"""The `overdial` command."""

from __future__ import annotations

import asyncio
import sys
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click

from engine import __version__
from engine.demo.scene import MODES
from engine.domain.modes import Mode
from engine.simulate.command import simulate

_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings (TOML); default: $OVERDIAL_CONFIG, else /etc/overdial/overdial.toml."
    " OVERDIAL_… variables override it.",
)


def _fail(error: object) -> NoReturn:
    for line in str(error).splitlines() or [type(error).__name__]:
        click.echo(f"overdial: {line}", err=True)
    sys.exit(1)


#: Supervisors' commands, loaded when they are called: `overdial run` needs none of them.
_DESK = {
    "caller-ids": "engine.desk.callerids",
    "check": "engine.desk.check",
    "debug-bundle": "engine.desk.bundle",
    "drain": "engine.desk.drain",
    "explain": "engine.desk.explain",
    "lists": "engine.desk.lists",
    "load": "engine.desk.load",
    "maintain": "engine.desk.maintain",
    "preflight": "engine.desk.preflight",
    "recycle": "engine.desk.lists",
    "registry": "engine.desk.registry",
    "resume": "engine.desk.drain",
    "status": "engine.desk.watch",
    "top": "engine.desk.watch",
    "users": "engine.desk.users",
    "webhooks": "engine.desk.webhooks",
}


class _Commands(click.Group):
    """The commands of this file and those of the desk."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *_DESK})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _DESK:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(_DESK[cmd_name]), cmd_name.replace("-", "_"))
        return command


@click.group(cls=_Commands)
@click.version_option(__version__, prog_name="overdial")
@click.pass_context
def main(context: click.Context) -> None:
    """Outbound dialer engine on an event-driven Asterisk core."""
    context.obj = _learn  # the simulator knows no database


def _learn(config: Path | None, campaign: str, list_name: str) -> dict[str, str]:
    from engine.adapters.mysql.history import learn
    from engine.desk.common import at_desk

    learnt = at_desk(config, lambda desk: learn(desk.database, campaign, list_name))
    if learnt is None:
        _fail(f"campaign {campaign!r} has too few answered calls to learn from. Fix: give the options.")
    return learnt


@main.command()
@_CONFIG
def run(config: Path | None) -> None:
    """Run the engine until SIGTERM."""
    from engine import app
    from engine.config import ConfigError
    from engine.ports import StoreError

    try:
        status = asyncio.run(app.run(config))
    except (ConfigError, StoreError) as error:
        _fail(error)
    sys.exit(status)


@main.command()
@_CONFIG
@click.option("--pending", is_flag=True, help="Apply nothing; name what would be applied.")
def migrate(config: Path | None, pending: bool) -> None:
    """Create the database's schema, or bring it up to this version."""
    from engine import app
    from engine.config import ConfigError
    from engine.ports import StoreError

    try:
        done = asyncio.run(app.migrate_schema(config, look_only=pending))
    except (ConfigError, StoreError) as error:
        _fail(error)
    if pending:
        for migration in done:
            click.echo(migration.name)
        return
    for migration in done:
        click.echo(f"applied {migration.name}")
    click.echo("the schema is up to date")


@main.command()
@click.option("--agents", default=10, show_default=True, type=click.IntRange(1, 50))
@click.option("--contacts", default=300, show_default=True, type=click.IntRange(1, 100_000))
@click.option(
    "--duration",
    default=180,
    show_default=True,
    type=click.IntRange(10, 86_400),
    help="Seconds of dialling at most.",
)
@click.option("--plain", is_flag=True, help="Lines instead of the live view.")
@click.option(
    "--mode",
    default=str(MODES[0]),
    show_default=True,
    type=click.Choice([str(mode) for mode in MODES]),
    help="How the campaign dials (docs/modes.md).",
)
@click.option(
    "--lab",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".lab"),
    show_default=True,
    help="Folder of the private Asterisk and database.",
)
def demo(agents: int, contacts: int, duration: int, plain: bool, mode: str, lab: Path) -> None:
    """Dial a list with a private Asterisk and database, and report."""
    from engine.demo import DemoOptions, play
    from engine.lab.parts import LabError

    try:
        sys.exit(play(DemoOptions(agents, contacts, duration, plain, lab.resolve(), Mode(mode))))
    except LabError as error:
        _fail(error)


main.add_command(simulate)

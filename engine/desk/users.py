"""`overdial users …`: who may use the HTTP API."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import click

from engine import build
from engine.api import staff
from engine.api.guard import Guard
from engine.desk.common import CONFIG, Desk, at_desk, fail
from engine.domain.access import Caller, Role, Scope
from engine.domain.errors import Refused

T = TypeVar("T")

_ROLE = click.Choice([str(role) for role in Role])
_CAMPAIGNS = click.option(
    "--campaign", "campaigns", multiple=True, help="A campaign that the user reaches; '*' for all."
)
_STDIN = click.option("--stdin", is_flag=True, help="Read the password from standard input.")


def _staff(config: Path | None, work: Callable[[Guard, Caller], Awaitable[T]]) -> T:
    async def go(desk: Desk) -> T:
        clock = build.clock(desk.config)
        guard = Guard(desk.database, clock, desk.local, desk.config.http, desk.config.passwords.policy)
        return await work(guard, Caller(f"{getpass.getuser()} (command)", Role.ADMINISTRATOR, Scope()))

    try:
        return at_desk(config, go)
    except Refused as error:
        fail(error)


def _typed(stdin: bool) -> str:
    """Return a password from standard input, '' for a random one. It never stands in an argument: other
    users of the machine see those."""
    return sys.stdin.readline().rstrip("\r\n") if stdin else ""


@click.group()
def users() -> None:
    """Make, show and change the users of the HTTP API."""


@users.command("list")
@CONFIG
def show(config: Path | None) -> None:
    """Show all users."""
    found = _staff(config, lambda guard, _: staff.everybody(guard))
    click.echo(f"{'user':<24} {'role':<14} {'state':<9} {'last login (UTC)':<17} campaigns")
    for user in found:
        login = user.account.login_at
        at = login.strftime("%Y-%m-%d %H:%M") if login else "-"
        click.echo(
            f"{user.name:<24} {user.role:<14} {user.account.state:<9} {at:<17} {' '.join(user.campaigns)}"
        )


@users.command()
@CONFIG
@click.option("--role", type=_ROLE, required=True)
@_CAMPAIGNS
@click.option("--fullname", default="")
@click.option("--login-hours", default="", help="When the user may be logged in: mon-fri;08:00-18:00.")
@click.option("--valid-until", type=click.DateTime(), help="End of a temporary account, local time.")
@click.option("--keep-password", is_flag=True, help="It neither expires nor must be changed: for programs.")
@_STDIN
@click.argument("name")
def add(
    config: Path | None,
    role: str,
    campaigns: tuple[str, ...],
    fullname: str,
    login_hours: str,
    valid_until: datetime | None,
    keep_password: bool,
    stdin: bool,
    name: str,
) -> None:
    """Make the user NAME; a random password is shown once."""
    if not campaigns and role != Role.ADMINISTRATOR:
        fail(f"--campaign: a user with the role {role} reaches none. Fix: name them, or give --campaign '*'.")
    typed = _typed(stdin)
    word = _staff(
        config,
        lambda guard, by: staff.add(
            guard,
            by,
            name,
            Role(role),
            campaigns,
            password=typed,
            password_stays=keep_password,
            fullname=fullname,
            login_hours=login_hours,
            valid_until=valid_until,
        ),
    )
    _tell(name, word, typed)


@users.command()
@CONFIG
@_STDIN
@click.argument("name")
def passwd(config: Path | None, stdin: bool, name: str) -> None:
    """Give NAME a new password; a random one is shown once. His sessions end."""
    typed = _typed(stdin)
    _tell(name, _staff(config, lambda guard, by: staff.set_password(guard, by, name, typed)), typed)


def _tell(name: str, word: str, typed: str) -> None:
    click.echo(f"{name} has a new password" + ("" if typed else f": {word}"))


@users.command()
@CONFIG
@_CAMPAIGNS
@click.argument("name")
@click.argument("role", type=_ROLE)
def role(config: Path | None, campaigns: tuple[str, ...], name: str, role: str) -> None:
    """Make NAME an agent, supervisor, administrator or integration; --campaign sets his campaigns anew.

    An administrator who becomes something else has none without it."""
    scope = campaigns or None
    _staff(config, lambda guard, by: staff.change(guard, by, name, {"role": Role(role).value}, scope))
    click.echo(f"{name} is {role}")


@users.command()
@CONFIG
@click.argument("name")
def lock(config: Path | None, name: str) -> None:
    """Disable NAME; his sessions end."""
    _staff(config, lambda guard, by: staff.lock(guard, by, name))
    click.echo(f"{name} is locked")


@users.command()
@CONFIG
@click.argument("name")
def unlock(config: Path | None, name: str) -> None:
    """Enable NAME again, whatever had disabled him."""
    _staff(config, lambda guard, by: staff.unlock(guard, by, name))
    click.echo(f"{name} may log in")


@users.command("revoke-tokens")
@CONFIG
@click.argument("name")
def revoke_tokens(config: Path | None, name: str) -> None:
    """End all sessions of NAME."""
    count = _staff(config, lambda guard, by: staff.revoke(guard, by, name))
    click.echo(f"{count} sessions ended")

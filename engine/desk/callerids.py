"""`overdial caller-ids …`: the numbers that a campaign shows."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from engine.adapters.contact_file import open_contacts
from engine.adapters.mysql import callerid_lists as tables
from engine.desk.common import CONFIG, Desk, at_desk, fail
from engine.domain.callerid import key, parse_entry
from engine.domain.callerid_file import read_caller_ids
from engine.domain.callerid_pool import LISTED
from engine.domain.errors import FieldError

#: So many faults of a file are told.
_TOLD = 20
_NUMBER = re.compile(r"\+?[0-9]{1,32}", re.ASCII)


@click.group(name="caller-ids")
def caller_ids() -> None:
    """Load, list, rest and release the caller IDs of a campaign."""


@caller_ids.command()
@CONFIG
@click.option("--replace", is_flag=True, help="Remove the campaign's caller IDs that are not in FILE.")
@click.argument("campaign")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def load(config: Path | None, replace: bool, campaign: str, file: Path) -> None:
    """Load FILE into CAMPAIGN ('*': every campaign): PREFIX#CALLERID-FROM-TO[;note], one a line.

    Nothing is loaded as long as a line cannot be used.
    """
    try:
        lines, faults = read_caller_ids(open_contacts(file).lines())
    except FieldError as error:
        fail(error)
    if faults:
        told = [f"line {bad.line}: {bad.fault}" for bad in faults[:_TOLD]]
        if len(faults) > _TOLD:
            told.append(f"… and {len(faults) - _TOLD} more")
        fail("\n".join([*told, f"{file}: nothing was loaded; {len(faults)} lines cannot be used"]))
    if not lines:
        fail(f"{file}: it has no caller ID. Fix: write one a line.")
    done = at_desk(config, lambda desk: tables.load(desk.database, campaign, lines, replace=replace))
    click.echo(f"{done.added} caller IDs added, {done.there} were there, {done.removed} removed")
    if all(line.entry.prefix for line in lines):
        click.echo("every one has a prefix: other destinations see dialers.callerid", err=True)


@caller_ids.command(name="list")
@CONFIG
@click.argument("campaign")
def show(config: Path | None, campaign: str) -> None:
    """List the caller IDs of CAMPAIGN and how their numbers fare."""

    async def work(desk: Desk) -> tuple[tuple[tables.Row, ...], dict[str, tables.Health]]:
        return await tables.rows_of(desk.database, campaign), await tables.health(desk.database)

    rows, health = at_desk(config, work)
    if not rows:
        fail(
            f"campaign {campaign!r} has no row in caller_ids, or there is no such campaign. Fix: check"
            " the name ('overdial status' shows the campaigns), or load some with 'overdial caller-ids load'."
        )
    now = datetime.now(UTC).replace(tzinfo=None)
    click.echo(
        f"{'caller ID':<32} {'state':<20} {'calls':>6} {'answered':>9} {'rejected':>9}"
        f"  {'last used (UTC)':<19}  why"
    )
    for row in rows:
        for line in _described(row, health, now):
            click.echo(line)


def _described(row: tables.Row, health: dict[str, tables.Health], now: datetime) -> list[str]:
    """Return a line for the row, and one for every number of a range that was shown or rests."""
    try:
        entry = parse_entry(row.entry, "caller_ids.entry")
    except FieldError as error:
        return [f"{row.entry:<32} {'unusable':<20} {error}"]
    if entry.size == 1:
        return [_line(row.entry, row, health.get(key(entry.base or entry.at(0))), now)]
    listed = entry.size <= LISTED
    own = [health[key(number)] for number in map(entry.at, range(entry.size if listed else 0))
           if key(number) in health]  # fmt: skip
    return [f"{row.entry:<32} {'range of ' + str(entry.size):<20}"] + [
        _line(f"  {one.number}", row, one, now) for one in own
    ]


def _line(name: str, row: tables.Row, known: tables.Health | None, now: datetime) -> str:
    state = "healthy" if row.enabled else "disabled"
    if known is None:
        return f"{name:<32} {state:<20} {0:>6} {'-':>9} {0:>9}"
    rests = known.resting_until is not None and known.resting_until > now
    if rests and row.enabled:
        state = f"rests to {known.resting_until:%d.%m. %H:%M}"
    rate = f"{known.answers / known.attempts:.1%}" if known.attempts else "-"
    used = f"{known.last_used_at:%Y-%m-%d %H:%M:%S}" if known.last_used_at else "-"
    return (
        f"{name:<32} {state:<20} {known.attempts:>6} {rate:>9} {known.rejections:>9}  {used:<19}"
        f"  {known.reason if rests else ''}"
    ).rstrip()


def _number(text: str) -> str:
    if not _NUMBER.fullmatch(text):
        fail(f"number: {text!r} has other characters than digits. Fix: write it as it is shown.")
    return key(text)


@caller_ids.command()
@CONFIG
@click.option("--hours", default=24.0, show_default=True, type=click.FloatRange(0.01, 87_600))
@click.option("--reason", default="set by hand", show_default=True)
@click.argument("number")
def rest(config: Path | None, hours: float, reason: str, number: str) -> None:
    """Show NUMBER to nobody for a while, in no campaign."""
    until = datetime.now(UTC) + timedelta(hours=hours)
    digits = _number(number)
    at_desk(config, lambda desk: tables.rest(desk.database, digits, until, reason))
    click.echo(f"{digits} rests until {until:%Y-%m-%d %H:%M:%S} UTC")


@caller_ids.command()
@CONFIG
@click.argument("number")
def release(config: Path | None, number: str) -> None:
    """End the rest of NUMBER; what was counted against it is forgotten."""
    digits = _number(number)
    if not at_desk(config, lambda desk: tables.release(desk.database, digits)):
        fail(
            f"{digits} does not rest: nothing was changed. Fix: check the number; 'overdial caller-ids list'"
            " shows which rest."
        )
    click.echo(f"{digits} is shown again")

"""`overdial lists …` and `overdial recycle`: the lists of a campaign."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from engine.adapters.mysql import lists as tables
from engine.adapters.mysql.recycling import Recycled
from engine.adapters.mysql.recycling import recycle as recycle_list
from engine.adapters.mysql.scheduled import remove_scheduled
from engine.desk.common import CONFIG, Desk, at_desk, fail
from engine.domain.errors import FieldError
from engine.domain.recycling import RecycleRule, parse_recycle, read_outcome
from engine.domain.upload import list_name


@click.group()
def lists() -> None:
    """Show, switch, move and delete the lists of a campaign, and its scheduled calls."""


@lists.command()
@CONFIG
@click.argument("campaign")
def show(config: Path | None, campaign: str) -> None:
    """Show the lists of CAMPAIGN and where their contacts are."""
    found = at_desk(config, lambda desk: tables.counts(desk.database, campaign))
    if not found:
        fail(
            f"campaign {campaign!r} has no list, or there is no such campaign. Fix: check the name"
            " ('overdial status' shows the campaigns), or load a list with 'overdial load'."
        )
    click.echo(
        f"{'list':<24} {'':<8} {'share':>5} {'order':>5} {'ready':>8} {'waiting':>8} {'calling':>8}"
        f" {'blocked':>8} {'aside':>8} {'finished':>8}"
    )
    for one in found:
        share = "-" if one.percentage is None else str(one.percentage)
        click.echo(
            f"{one.name:<24} {'active' if one.active else 'inactive':<8} {share:>5} {one.priority:>5}"
            f" {one.ready:>8} {one.waiting:>8} {one.in_progress:>8} {one.blocked:>8} {one.aside:>8}"
            f" {one.finished:>8}"
        )


@lists.command()
@CONFIG
@click.option("--percentage", type=click.IntRange(0, 1000), help="Share among the active lists.")
@click.option("--priority", type=int, help="Smaller first; equal ones share.")
@click.option("--alone", is_flag=True, help="Deactivate the campaign's other lists.")
@click.argument("campaign")
@click.argument("name")
def activate(
    config: Path | None, percentage: int | None, priority: int | None, alone: bool, campaign: str, name: str
) -> None:
    """Let CAMPAIGN call the contacts of list NAME."""

    async def work(desk: Desk) -> int:
        return await tables.switch(
            desk.database, campaign, name, active=True, percentage=percentage, priority=priority, alone=alone
        )

    click.echo(f"{name} is active: {at_desk(config, work)} contacts")


@lists.command()
@CONFIG
@click.argument("campaign")
@click.argument("name")
def deactivate(config: Path | None, campaign: str, name: str) -> None:
    """Let CAMPAIGN call nobody of list NAME any more."""
    count = at_desk(config, lambda desk: tables.switch(desk.database, campaign, name, active=False))
    click.echo(f"{name} is inactive: {count} contacts")


@lists.command()
@CONFIG
@click.argument("campaign")
@click.argument("name")
@click.argument("target")
def move(config: Path | None, campaign: str, name: str, target: str) -> None:
    """Move list NAME of CAMPAIGN to the campaign TARGET.

    It is inactive there at first. Where TARGET has a list NAME already, the contacts join it as it is: they
    are called at once if it is active. One in another time zone is refused.
    """
    moved = at_desk(config, lambda desk: tables.move(desk.database, campaign, name, target))
    click.echo(f"{moved.contacts} contacts moved, {moved.stayed} stayed: {target} has their number already")


@lists.command()
@CONFIG
@click.confirmation_option(prompt="Delete all contacts of the list that were never called?")
@click.argument("campaign")
@click.argument("name")
def delete(config: Path | None, campaign: str, name: str) -> None:
    """Delete the contacts of list NAME of CAMPAIGN that were never called; it is inactive then."""
    deleted = at_desk(config, lambda desk: tables.delete(desk.database, campaign, name))
    click.echo(f"{deleted.contacts} contacts deleted, {deleted.stayed} stayed: they were called already")


_MOMENT = click.DateTime(["%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"])


@lists.command()
@CONFIG
@click.option("--from", "begin", default="1970-01-01", type=_MOMENT, help="Default: from the first on.")
@click.option("--to", "end", default="9999-12-31", type=_MOMENT, help="This moment included; default: all.")
@click.argument("campaign")
@click.argument("number")
def unschedule(config: Path | None, begin: datetime, end: datetime, campaign: str, number: str) -> None:
    """Delete the scheduled calls of CAMPAIGN to NUMBER, however it is written; moments in local time."""

    async def work(desk: Desk) -> int:
        return await desk.database.transaction(
            lambda session: remove_scheduled(session, campaign, number, begin, end)
        )

    click.echo(f"{at_desk(config, work)} scheduled calls deleted")


@click.command()
@CONFIG
@click.option("--list", "only", default="", help="Contacts of this list alone.")
@click.option("--outcome", "outcomes", multiple=True, help="Instead of the dialer's rules; several allowed.")
@click.option("--delay", default=0, type=click.IntRange(0), help="Minutes since the last attempt.")
@click.option("--maximum", default=1, type=click.IntRange(1, 100), help="Times that a contact comes again.")
@click.option("--name", default="", help="Name of the new list.")
@click.argument("campaign")
def recycle(
    config: Path | None,
    only: str,
    outcomes: tuple[str, ...],
    delay: int,
    maximum: int,
    name: str,
    campaign: str,
) -> None:
    """Make new lists of finished contacts of CAMPAIGN, by the dialer's `recycle` rules or these options.

    Each list becomes a new one with its time zone, share and priority; with --name they all become one.
    """
    try:
        wait = timedelta(minutes=delay)
        rules = tuple(RecycleRule(read_outcome(word), wait, maximum) for word in outcomes)
        if name:
            list_name(name)
    except FieldError as error:
        fail(error)

    async def work(desk: Desk) -> Recycled:
        chosen = rules
        if not chosen:
            rows = await desk.database.transaction(
                lambda session: session.rows(
                    "SELECT recycle FROM ccdata.dialers WHERE campaign=%s", (campaign,)
                )
            )
            if not rows:
                raise FieldError("campaign", f"there is no dialer {campaign!r}", "Correct it.")
            chosen = parse_recycle(str(rows[0]["recycle"]))
        if not chosen:
            raise FieldError("recycle", "the dialer has no rules", "Give --outcome.")
        return await recycle_list(desk.database, campaign, chosen, datetime.now(UTC), only=only, name=name)

    made = at_desk(config, work)
    for new, contacts in made.lists.items():
        click.echo(f"{contacts} contacts in {new}")
    if made.there:
        click.echo(f"{made.there} finished contacts are in the spool already")
    if not made.contacts and not made.there:
        click.echo("no contact is due")

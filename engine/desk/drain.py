"""`overdial drain` and `overdial resume`: no new calls, while those that are up come to their end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from engine.adapters.mysql import drains
from engine.desk.common import CONFIG, Desk, at_desk, fail

#: Seconds between two looks at what is still up.
_LOOK = 0.5
#: The engine reads the drain within twice its period; before that an empty table proves nothing (s).
_TAKEN_OVER = 2.0


@click.command()
@CONFIG
@click.option("--reason", default="", help="Shown wherever somebody asks why nothing is dialled.")
@click.option("--wait", type=click.FloatRange(0, 86_400), help="Seconds to wait until no call is up.")
@click.argument("campaign", default="*")
def drain(config: Path | None, reason: str, wait: float | None, campaign: str) -> None:
    """Place no new calls in CAMPAIGN (default: in all of them); let those that are up come to their end.

    It holds, over restarts and changes of the leading engine, until `overdial resume`.
    """

    async def work(desk: Desk) -> int:
        before = await drains.drain(desk.database, campaign, reason)
        if before is not None:
            click.echo(f"was drained already: {before}")
        if wait is None:
            return await drains.calls_up(desk.database, campaign)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await asyncio.sleep(min(_TAKEN_OVER, wait))
        while True:
            calls = await drains.calls_up(desk.database, campaign)
            if not calls or loop.time() - begun >= wait:
                return calls
            await asyncio.sleep(_LOOK)

    calls = at_desk(config, work)
    click.echo(f"drained: {'every campaign' if campaign == '*' else campaign}; {calls} calls are up")
    if wait is not None and calls:
        fail(
            f"{calls} calls are still up after {wait:g} s."
            " Fix: wait longer, or stop the engine, which ends them."
        )


@click.command()
@CONFIG
@click.option("--all", "everything", is_flag=True, help="Also the drains of single campaigns.")
@click.argument("campaign", default="")
def resume(config: Path | None, campaign: str, everything: bool) -> None:
    """Take back the drain of CAMPAIGN; without a name the drain of all campaigns.

    A campaign that was drained by its name stays drained until its own is taken back.
    """
    if campaign and everything:
        fail("CAMPAIGN and --all contradict each other. Fix: give one of them.")
    asked = "" if everything else campaign or "*"
    taken, left = at_desk(config, lambda desk: drains.resume(desk.database, asked))
    name = "every campaign" if asked in ("", "*") else campaign
    none = f"there was no drain of {name}" if asked else "nothing was drained"
    click.echo(f"resumed: {name}" if taken else none)
    if left:
        click.echo(f"still drained: {', '.join(map(str, left))}")
        if any(one.campaign == "*" for one in left):
            click.echo("Nothing is dialled while every campaign is drained: overdial resume")
        else:
            click.echo(
                "Take one back with: overdial resume CAMPAIGN; all of them with: overdial resume --all"
            )

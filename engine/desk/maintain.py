"""`overdial maintain`: rows that are older than the settings want leave their tables."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import click

from engine.adapters.mysql import retention
from engine.adapters.mysql.idempotency import KEPT
from engine.desk.common import CONFIG, Desk, at_desk, fail


@click.command()
@CONFIG
@click.option("--seconds", type=click.FloatRange(min=0.1), help="Stop after so long; the next run goes on.")
def maintain(config: Path | None, seconds: float | None) -> None:
    """Archive and delete old rows, as [retention] of the settings says, while the engine dials.

    Rows go in small transactions, each shorter than 0.1 s; run it once a night. Keys of requests that were
    sent twice go after a day, whatever the settings say.
    """

    async def work(desk: Desk) -> list[retention.Done]:
        section, now = desk.config.retention, datetime.now(UTC)
        limits = retention.bounds(section.model_dump(exclude={"archive"}), now)
        archive = retention.Archive(section.archive) if section.archive is not None else None
        done: dict[str, retention.Done] = {}
        try:
            async with asyncio.timeout(seconds):
                old = await retention.clear(desk.database, retention.EXPIRED, now - KEPT, desk.local)
                if old.rows:
                    done[old.table] = old
                for name, before in limits.items():
                    table = retention.TABLES[name]
                    done[table.name] = await retention.clear(
                        desk.database, table, before, desk.local, archive,
                        lambda so_far: done.update({so_far.table: so_far}),
                    )  # fmt: skip
        except TimeoutError:
            click.echo(f"stopped after {seconds:g} s; the next run goes on")
        return list(done.values())

    try:
        tables = at_desk(config, work)
    except OSError as error:
        fail(
            f"retention.archive: {error}. Nothing was deleted that is not archived. Fix: mend it, run again."
        )
    if not tables:
        click.echo("nothing is deleted. Fix: give days in [retention], if old rows shall go.")
    for one in tables:
        longest = f"longest transaction {one.longest * 1000:.0f} ms" if one.batches else "nothing was old"
        click.echo(f"{one.table}: {one.rows} rows deleted in {one.batches} transactions; {longest}")

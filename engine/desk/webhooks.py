"""`overdial webhooks …`: which systems hear of what happens, and what could not be told them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from engine import build
from engine.adapters.mysql import webhooks as tables
from engine.desk.common import CONFIG, Desk, at_desk, fail
from engine.domain.webhooks import Kind


@click.group()
def webhooks() -> None:
    """Send signed events to other systems (docs/webhooks.md)."""


@webhooks.command()
@CONFIG
@click.option("--events", default="*", show_default=True, help=", ".join(Kind) + "; joined by commas.")
@click.option("--masked", is_flag=True, help="Send only the last three digits of phone numbers.")
@click.argument("campaign")
@click.argument("url")
def add(config: Path | None, events: str, masked: bool, campaign: str, url: str) -> None:
    """Let URL hear of CAMPAIGN ('*' = of all); prints the secret that signs the deliveries."""
    wish = tables.Subscription(campaign, url, events, masked)

    async def work(desk: Desk) -> tuple[int, str]:
        reach = build.reach(desk.config)
        return await desk.database.transaction(lambda session: tables.subscribe(session, wish, reach))

    number, secret = at_desk(config, work)
    click.echo(f"webhook {number}\nsecret {secret}\nThe secret is not shown again.")


@webhooks.command("list")
@CONFIG
def show(config: Path | None) -> None:
    """Show who hears of what, and what waits."""
    for hook in at_desk(config, lambda desk: tables.listing(desk.database)):
        state = "on" if hook.enabled else f"off {hook.reason}".rstrip()
        masked = ", masked" if hook.masked else ""
        click.echo(f"{hook.id}  {hook.campaign}  {hook.events}{masked}  {hook.url}")
        click.echo(f"    {state}; {hook.waiting} wait, {hook.dead} dead")


def _switch(config: Path | None, webhook: int, enabled: bool) -> None:
    async def work(desk: Desk) -> None:
        reach = build.reach(desk.config)
        await desk.database.transaction(
            lambda session: tables.change(session, webhook, reach, enabled=enabled)
        )

    at_desk(config, work)
    click.echo(f"webhook {webhook} is {'on' if enabled else 'off'}")


@webhooks.command()
@CONFIG
@click.argument("webhook", type=int)
def enable(config: Path | None, webhook: int) -> None:
    """Switch WEBHOOK on: what waits for it is sent."""
    _switch(config, webhook, True)


@webhooks.command()
@CONFIG
@click.argument("webhook", type=int)
def disable(config: Path | None, webhook: int) -> None:
    """Switch WEBHOOK off: it hears of nothing new, and what waits for it waits."""
    _switch(config, webhook, False)


@webhooks.command()
@CONFIG
@click.argument("webhook", type=int)
def remove(config: Path | None, webhook: int) -> None:
    """Remove WEBHOOK and what waits for it."""
    at_desk(
        config,
        lambda desk: desk.database.transaction(lambda session: tables.unsubscribe(session, webhook)),
    )
    click.echo(f"webhook {webhook} is removed")


@webhooks.command()
@CONFIG
@click.argument("webhook", type=int)
def rotate(config: Path | None, webhook: int) -> None:
    """Give WEBHOOK a new secret; for 24 hours deliveries are signed with both."""
    now = datetime.now(UTC)
    secret = at_desk(
        config,
        lambda desk: desk.database.transaction(lambda session: tables.rotate(session, webhook, now)),
    )
    click.echo(f"secret {secret}\nThe secret is not shown again.")


@webhooks.command()
@CONFIG
@click.argument("webhook", type=int)
def test(config: Path | None, webhook: int) -> None:
    """Send WEBHOOK an event that says nothing."""
    now = datetime.now(UTC)
    event = at_desk(
        config,
        lambda desk: desk.database.transaction(lambda session: tables.probe(session, webhook, now)),
    )
    click.echo(f"event {event} is on its way")


@webhooks.command()
@CONFIG
@click.option("--webhook", type=int, help="Of this one alone.")
@click.option("--last", default=20, show_default=True, type=click.IntRange(1, 1000))
def dead(config: Path | None, webhook: int | None, last: int) -> None:
    """Show the newest events that could not be delivered, and why."""
    rows = at_desk(
        config,
        lambda desk: desk.database.transaction(
            lambda session: tables.dead_letters(session, webhook, limit=last)
        ),
    )
    for row in rows:
        click.echo(
            f"{row['died_at']:%Y-%m-%d %H:%M:%S}  webhook {row['webhook']}  {row['kind']}  {row['campaign']}"
            f"  {row['event']}\n    {row['attempts']} tries, last status {row['last_status'] or '-'}"
            f" {row['last_error']}"
        )


@webhooks.command()
@CONFIG
@click.option("--since", help="Also what was delivered since then: 2026-05-13T16:00 (UTC).")
@click.option("--event", "events", multiple=True, help="This event alone; several allowed.")
@click.argument("webhook", type=int)
def replay(config: Path | None, since: str | None, events: tuple[str, ...], webhook: int) -> None:
    """Send WEBHOOK its dead letters anew, each with the id that it had."""
    start = None
    if since is not None:
        try:
            start = datetime.fromisoformat(since)
        except ValueError:
            fail(f"since: {since!r} is no time. Use 2026-05-13T16:00.")
        start = start.replace(tzinfo=start.tzinfo or UTC)
    count = at_desk(config, lambda desk: tables.replay(desk.database, webhook, start, events))
    click.echo(f"{count} events are on their way")

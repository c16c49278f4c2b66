"""`overdial preflight`: before the start, who can be called, when it will be done, how many will be lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from engine.api.survey import Preflight, survey
from engine.desk.common import CONFIG, Desk, as_json, at_desk
from engine.domain.localtime import LocalTime
from engine.simulate.outlook import LONGEST


@click.command()
@CONFIG
@click.option("--agents", type=click.IntRange(1, 1000), help="On duty; default: as many as lately.")
@click.option("--answer", type=click.FloatRange(0.1, 100), help="% answered by a person; default: as lately.")
@click.option("--most", default=20_000, show_default=True, type=click.IntRange(100), help="Contacts judged.")
@click.option("--json", "plain", is_flag=True, help="For programs: counts, shares of 1, times in UTC.")
@click.argument("campaign")
def preflight(
    config: Path | None, agents: int | None, answer: float | None, most: int, plain: bool, campaign: str
) -> None:
    """Tell how many contacts of CAMPAIGN may be called now, later and never, and what to expect."""
    now = datetime.now(UTC)

    async def work(desk: Desk) -> tuple[Preflight, LocalTime]:
        return await survey(desk, campaign, now, most, agents, answer), desk.local

    found, local = at_desk(config, work)
    click.echo(as_json(found) if plain else "\n".join(lines_of(found, local)))


def lines_of(found: Preflight, local: LocalTime) -> Iterator[str]:
    """Tell it to a person, moments in local time."""
    sample = f", judged by {found.judged} of them" if found.judged < found.total else ""
    yield f"{found.total} contacts in the active lists and tasks{sample}"
    if found.inactive:
        yield f"not counted: {found.inactive} in lists that are not active"
    yield f"now: {found.now}"
    first = f"; from {local.at(found.first):%Y-%m-%d %H:%M %Z} on" if found.first else ""
    yield _sum("later", found.later) + first
    yield _sum("never", found.never)
    for reason in found.obstacles:
        until = f" — until {local.at(reason.until):%Y-%m-%d %H:%M %Z}" if reason.until else ""
        yield f"in the way of all: {reason.text}{until}"
    if found.lawless:
        yield "no law holds: dialers.country is empty. Fix: set it (docs/law.md), to none if that is meant"
    if found.nowhere:
        yield (
            f"numbers without a country code: {found.nowhere}; nobody knows whose they are, so no rule of"
            " their own country holds. Fix: write them with it (+33 …)"
        )
    if found.outlook is None:
        return
    source = "as its own calls lately" if found.learnt else "assumed: it has no calls to learn from"
    pace = found.outlook.pace
    yield (
        f"{found.agents} agents, {found.answer:.0%} answered by a person ({source}):"
        f" about {pace.calls:.0f} calls an hour"
    )
    yield f"about {found.outlook.calls:.0f} calls in all, {found.outlook.answered:.0f} answered by a person"
    end = found.outlook.ends
    late = f"not done within {LONGEST.days} days at this pace"
    yield f"done about {local.at(end):%Y-%m-%d %H:%M %Z}" if end else late
    yield f"abandoned: about {found.outlook.abandoned:.0f} of these calls ({pace.abandonment:.2%})"


def _sum(word: str, counts: Mapping[str, int]) -> str:
    parts = ", ".join(f"{rule} {n}" for rule, n in counts.items())
    return f"{word}: {sum(counts.values())}" + (f" ({parts})" if parts else "")

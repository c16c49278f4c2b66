"""`overdial preflight`: before the start, who can be called, when it will be done, how many will be lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from engine.adapters.mysql.history import learn
from engine.adapters.mysql.preflight import Census, census
from engine.adapters.mysql.why import Reason
from engine.desk.common import CONFIG, Desk, as_json, at_desk
from engine.domain.localtime import LocalTime
from engine.domain.pacing import profile_for
from engine.domain.schedule import parse_schedule
from engine.simulate.outlook import HOURS, LONGEST, Outlook, Work, foresee, pace_of
from engine.simulate.scenario import Scenario, Times


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the supervisor is told. Counts are contacts, scaled to all where `judged` < `total`.

    `learnt`: agents and answers are those of the campaign's own calls, not assumed; `first`: when the first
    of `later` may be called (UTC, to the hour); `outlook`: None when nobody is callable.
    """

    campaign: str
    total: int
    judged: int
    inactive: int
    now: int
    later: Mapping[str, int]
    never: Mapping[str, int]
    first: datetime | None
    obstacles: tuple[Reason, ...]
    agents: int
    answer: float
    learnt: bool
    outlook: Outlook | None


async def survey(
    desk: Desk, campaign: str, now: datetime, most: int, agents: int | None, answer: float | None
) -> Preflight:
    """Judge a campaign's contacts and look ahead. `answer` in per cent; None = as lately, or assumed.

    Raises FieldError when there is no such dialer or its settings cannot be read, StoreError.
    """
    found = await census(desk.database, desk.legal, desk.local, campaign, now, most)
    learnt = await learn(desk.database, campaign) or {}
    scenario = _scenario(learnt, agents, answer, found.dialer)
    work = Work(
        found.now * found.weight,
        {hour: n * found.weight for hour, n in found.opens.items()},
        found.tries / max(found.now + sum(found.opens.values()), 1),
    )
    outlook = None
    if work.contacts:
        schedule = parse_schedule(str(found.dialer["schedule"]))
        pace = pace_of(scenario, str(found.dialer["dialertype"]))
        outlook = foresee(work, pace, schedule, now, desk.local.at)
    return Preflight(
        campaign=campaign,
        total=found.total,
        judged=found.seen,
        inactive=found.inactive,
        now=round(work.now),
        later=_scaled(found.later, found),
        never=_scaled(found.never, found),
        first=min(found.opens, default=None),
        obstacles=tuple(found.obstacles),
        agents=scenario.agents,
        answer=scenario.answer_rate(0),
        learnt=bool(learnt),
        outlook=outlook,
    )


def _scaled(counts: Mapping[str, int], found: Census) -> dict[str, int]:
    return {rule: round(n * found.weight) for rule, n in sorted(counts.items())}


def _scenario(
    learnt: Mapping[str, str], agents: int | None, answer: float | None, dialer: Mapping[str, Any]
) -> Scenario:
    plain = Scenario()
    share = answer if answer is not None else float(learnt.get("answer", 25.0))
    return Scenario(
        agents=agents or int(learnt.get("agents", plain.agents)),
        hours=HOURS,
        answer=((0.0, min(max(share / 100, 0.001), 1.0)),),
        ring=Times(float(learnt.get("ring", plain.ring.mean)), plain.ring.sigma),
        talk=Times(float(learnt.get("talk", plain.talk.mean)), plain.talk.sigma, plain.talk.short),
        wrapup=Times(float(learnt.get("wrapup", plain.wrapup.mean)), plain.wrapup.sigma),
        max_channels=int(dialer["maxchannels"]) or plain.max_channels,
        profile=profile_for(str(dialer["country"] or "")),
    )


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

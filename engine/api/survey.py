"""Before the start: who can be called, when it will be done, how many will be lost; and what to assume."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from engine.adapters.legal import Legal
from engine.adapters.mysql import Database
from engine.adapters.mysql.history import learn
from engine.adapters.mysql.preflight import Census, census
from engine.adapters.mysql.why import Reason
from engine.domain.localtime import LocalTime
from engine.domain.pacing import profile_for
from engine.domain.schedule import parse_schedule
from engine.simulate.outlook import HOURS, Outlook, Work, foresee, pace_of
from engine.simulate.scenario import Scenario, Times


class Books(Protocol):
    """What is asked: the database, the law, the zone of the server."""

    @property
    def database(self) -> Database:
        """The database."""

    @property
    def legal(self) -> Legal:
        """Laws and registries."""

    @property
    def local(self) -> LocalTime:
        """The zone of documented columns."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """What the supervisor is told. Counts are contacts, scaled to all where `judged` < `total`.

    `learnt`: agents and answers are those of the campaign's own calls, not assumed; `first`: when the first
    of `later` may be called (UTC, to the hour); `outlook`: None when nobody is callable;
    `lawless`: nobody named a law for it; `nowhere`: contacts whose number has no country code, under a law
    that is that of several countries or of none that is known.
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
    lawless: bool
    nowhere: int


async def survey(
    books: Books, campaign: str, now: datetime, most: int, agents: int | None, answer: float | None
) -> Preflight:
    """Judge a campaign's contacts and look ahead. `answer` in per cent; None = as lately, or assumed.

    Raises FieldError when there is no such dialer or its settings cannot be read, StoreError.
    """
    found = await census(books.database, books.legal, books.local, campaign, now, most)
    learnt = await learn(books.database, campaign) or {}
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
        outlook = foresee(work, pace, schedule, now, books.local.at)
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
        lawless=found.lawless,
        nowhere=round(found.nowhere * found.weight),
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

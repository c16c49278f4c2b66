"""`/api/v1/…`: what stands in the way of a contact, what a campaign has before it, and what if."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from engine.adapters.mysql.history import learn
from engine.adapters.mysql.why import Entry, Story, why
from engine.api.simulation import simulate
from engine.api.survey import survey
from engine.api.v1.campaign_models import LocalMoment, Moment
from engine.api.v1.campaigns import known
from engine.api.v1.gate import Asking, InOffice, needs, reach
from engine.api.v1.problems import NotFound
from engine.api.v1.resource import Resource
from engine.domain.access import Caller, Right
from engine.domain.errors import FieldError

router = APIRouter(route_class=Resource, tags=["planning"])

#: Contacts that one request may judge.
_MOST = 20_000


class ReasonOut(BaseModel):
    """One thing in the way; `until`: when it ends by itself, null: not by itself."""

    rule: str
    text: str
    until: Moment | None


class StandingOut(BaseModel):
    """A contact and what keeps it from being called; without reasons it waits for its turn alone.

    `opens`: when all that ends by itself has ended.
    """

    id: int
    campaign: str
    list: str
    destination: str
    contact: str
    priority: int
    agent: str
    calling: bool
    reasons: tuple[ReasonOut, ...]
    opens: Moment | None


class EntryOut(BaseModel):
    """Where a number or contact stands: opt_out, black_list, temporary, consent or withdrawn."""

    kind: str
    campaign: str
    since: LocalMoment | None
    until: LocalMoment | None
    by: str


class AppointmentOut(BaseModel):
    """A scheduled call; `at` is local time of the server. `reason`: what the law says of it beside its time;
    null: nothing."""

    at: LocalMoment
    campaign: str
    agent: str
    reason: ReasonOut | None


class CalledOut(BaseModel):
    """An earlier call."""

    at: datetime
    campaign: str
    destination: str
    outcome: str
    agent: str
    next_step: str


class StoryOut(BaseModel):
    """All that is known of a number or contact in your campaigns."""

    standings: list[StandingOut]
    entries: list[EntryOut]
    appointments: list[AppointmentOut]
    calls: list[CalledOut]


class PreflightOut(BaseModel):
    """Counts are contacts. `learnt`: agents and answers are those of the campaign's own calls, not assumed;
    `later` and `never` by rule; `first`: when the first of `later` may be called; `outlook`: null when nobody
    is callable."""

    campaign: str
    total: int
    judged: int
    inactive: int
    now: int
    later: dict[str, int]
    never: dict[str, int]
    first: datetime | None
    obstacles: list[ReasonOut]
    agents: int
    answer: float = Field(description="Share answered by a person.")
    learnt: bool
    outlook: dict[str, Any] | None
    lawless: bool = Field(description="Nobody named a law: no hours, caps or rests of one hold.")
    nowhere: int = Field(description="Numbers without country code, under a law of no single country.")


class SimulationIn(BaseModel):
    """A campaign day. What is not given is learnt from a named campaign's calls, or assumed."""

    model_config = ConfigDict(extra="forbid")

    campaign: str = Field("", max_length=128)
    list: str = Field("", max_length=128)
    agents: int | None = Field(None, ge=1, le=200)
    hours: float = Field(2.0, ge=0.05, le=12)
    answer: float | None = Field(None, gt=0, le=100, description="% answered by a person.")
    ring: float | None = Field(None, ge=1, le=60, description="Mean s until the answer.")
    talk: float | None = Field(None, ge=1, le=3600, description="Mean s.")
    wrapup: float | None = Field(None, ge=0, le=600, description="Mean s.")
    patience: float | None = Field(None, ge=0.1, le=60, description="s that a caller waits.")
    contacts: int | None = Field(None, ge=1, le=1_000_000)
    maxchannels: int | None = Field(None, ge=1, le=1000, description="Per agent.")
    rules: Literal["strict", "US", "UK"] | None = None
    target: float | None = Field(None, ge=0.1, le=100, description="% abandoned at most.")
    overdial: int | None = Field(None, ge=0, le=10_000, description="% for power.")
    amd: bool = False
    policies: tuple[Literal["predictive", "progressive", "power"], ...] = Field(
        ("predictive",), min_length=1, max_length=2
    )
    days: int = Field(1, ge=1, le=4)


class PolicyOut(BaseModel):
    """How one way of pacing fared, over all days and each; shares of 1."""

    model_config = ConfigDict(extra="allow")

    policy: str
    utilisation: float
    abandonment: float
    worst_day: float
    calls_per_agent_hour: float
    dials_per_answer: float


class SimulationOut(BaseModel):
    """The day that was played, and how each way of pacing fared."""

    scenario: dict[str, Any]
    policies: list[PolicyOut]


def _mine(caller: Caller, story: Story) -> StoryOut:
    """Leave what the caller reaches; what holds for all campaigns is everybody's business."""

    def own(campaign: str) -> bool:
        return caller.scope.reaches(campaign)

    def entry_shown(entry: Entry) -> bool:
        return entry.campaign in ("", "*") or own(entry.campaign)

    plain = asdict(
        Story(
            tuple(one for one in story.standings if own(one.campaign)),
            tuple(one for one in story.entries if entry_shown(one)),
            tuple(one for one in story.appointments if own(one.campaign)),
            tuple(one for one in story.calls if own(one.campaign)),
        )
    )
    return StoryOut.model_validate(plain)


@router.get("/explain")
@needs(Right.LOAD)
async def explain(
    caller: Asking,
    office: InOffice,
    what: Annotated[str, Query(min_length=1, max_length=64, description="Number, contact id, or #id.")],
) -> StoryOut:
    """Tell why a number or contact is (not) called: every rule in the way, and when each ends."""
    story = await why(office.database, office.legal, office.local, what, office.clock.now())
    mine = _mine(caller, story) if story is not None else None
    if mine is None or not (mine.standings or mine.entries or mine.appointments or mine.calls):
        raise NotFound("Nothing is known of it in your campaigns.")
    return mine


@router.get("/campaigns/{campaign}/preflight")
@needs(Right.WATCH)
async def preflight(
    office: InOffice,
    campaign: str,
    agents: Annotated[int | None, Query(ge=1, le=1000)] = None,
    answer: Annotated[float | None, Query(ge=0.1, le=100, description="% answered by a person.")] = None,
    most: Annotated[int, Query(ge=100, le=_MOST, description="Contacts judged.")] = 5000,
) -> PreflightOut:
    """Before the start: how many contacts may be called now, later and never, and what to expect."""
    own = await office.database.transaction(lambda s: known(s, campaign))
    found = await survey(office, own, office.clock.now(), most, agents, answer)
    return PreflightOut.model_validate(asdict(found))


@router.post("/simulations")
@needs(Right.WATCH)
async def simulation(caller: Asking, office: InOffice, wish: SimulationIn) -> SimulationOut:
    """Play campaign days with the real pacer in virtual time: what if. One at a time, a minute at most."""
    options: dict[str, object] = {}
    if wish.list and not wish.campaign:
        raise FieldError("campaign", "whose list is it?", "Name the campaign.")
    if wish.campaign:
        reach(caller, wish.campaign)
        own = await office.database.transaction(lambda s: known(s, wish.campaign))
        learnt = await learn(office.database, own, wish.list)
        if learnt is None:
            raise FieldError("campaign", "it has too few answered calls to learn from", "Give the values.")
        options |= {name: value for name, value in learnt.items() if name in SimulationIn.model_fields}
        options["agents"] = min(int(float(str(options.get("agents", 20)))), 200)
    given = wish.model_dump(
        exclude_none=True, exclude={"campaign", "list", "amd", "policies", "days"}, exclude_unset=True
    )
    options |= given
    options |= {"hours": wish.hours, "seeds": wish.days}
    flags = ["amd"] if wish.amd else []
    return SimulationOut.model_validate(await simulate(options, flags, wish.policies))

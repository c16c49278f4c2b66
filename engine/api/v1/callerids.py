"""`/api/v1/caller-ids`: which numbers are shown, how they fare, rest and release."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from engine.adapters.mysql import callerid_lists as tables
from engine.api.v1.campaign_models import Given, Moment, Text255
from engine.api.v1.campaigns import known
from engine.api.v1.gate import Asking, InOffice, needs, reach
from engine.api.v1.problems import NotFound
from engine.api.v1.resource import Resource
from engine.domain.access import Right
from engine.domain.callerid_file import read_caller_ids
from engine.domain.errors import FieldError

router = APIRouter(route_class=Resource, tags=["caller IDs"])

Number = Annotated[str, Path(pattern=r"^\+?[0-9]{1,32}$", description="Digits as it is shown.")]


class CallerIdOut(BaseModel):
    """A caller ID of a campaign ('*': of every campaign), as in dialers.callerid (docs/caller-id.md)."""

    model_config = ConfigDict(from_attributes=True)

    campaign: str
    entry: str
    enabled: bool
    note: str


class CallerIdIn(BaseModel):
    """A caller ID as dialers.callerid has it: `NUMBER`, `PREFIX#NUMBER`, `PREFIX#NUMBER-FROM-TO`."""

    model_config = ConfigDict(extra="forbid")

    entry: str = Field(min_length=1, max_length=200, pattern=r"^[^;]*$")
    note: Text255 = ""


class HealthOut(BaseModel):
    """How a number fares: its recent calls, those answered by a person, refused ones; until when it rests."""

    model_config = ConfigDict(from_attributes=True)

    number: str
    attempts: int
    answers: int
    rejections: int
    last_used_at: Moment | None
    resting_until: Moment | None
    reason: str


class RestIn(BaseModel):
    """Until when a number rests: a moment, or hours from now."""

    model_config = ConfigDict(extra="forbid")

    until: Given | None = None
    hours: float | None = Field(None, gt=0, le=8784)
    reason: Text255 = ""


@router.get("/campaigns/{campaign}/caller-ids")
@needs(Right.WATCH)
async def caller_ids(office: InOffice, campaign: str) -> list[CallerIdOut]:
    """List the caller IDs that serve a campaign."""
    own = await office.database.transaction(lambda s: known(s, campaign))
    return [CallerIdOut.model_validate(row) for row in await tables.rows_of(office.database, own)]


@router.put("/campaigns/{campaign}/caller-ids")
@needs(Right.STEER)
async def replace(
    office: InOffice, campaign: str, wish: Annotated[list[CallerIdIn], Field(max_length=10_000)]
) -> list[CallerIdOut]:
    """Give a campaign these caller IDs of its own instead of those that it has. All or nothing; those that
    serve every campaign stay."""
    own = await office.database.transaction(lambda s: known(s, campaign))
    good, bad = read_caller_ids((at, f"{one.entry};{one.note}") for at, one in enumerate(wish))
    if bad:
        fault = bad[0].fault
        raise FieldError(f"{bad[0].line}.entry", fault.problem, fault.fix)
    if len(good) < len(wish):
        raise FieldError("0.entry", "it is no caller ID", "Write PREFIX#CALLERID-FROM-TO.")
    await tables.load(office.database, own, good, replace=True)
    return [CallerIdOut.model_validate(row) for row in await tables.rows_of(office.database, own)]


@router.get("/caller-ids")
@needs(Right.WATCH)
async def health(caller: Asking, office: InOffice) -> list[HealthOut]:
    """Show how every number fares that was shown. Numbers belong to no campaign: for those who reach all."""
    reach(caller, "*")
    return [HealthOut.model_validate(row) for row in (await tables.health(office.database)).values()]


@router.put("/caller-ids/{number}/rest")
@needs(Right.STEER)
async def rest(caller: Asking, office: InOffice, number: Number, wish: RestIn) -> HealthOut:
    """Let a number rest: it is not shown until then."""
    reach(caller, "*")
    if (wish.until is None) == (wish.hours is None):
        raise FieldError("until", "give until or hours", "Give exactly one of them.")
    until = wish.until or office.clock.now() + timedelta(hours=wish.hours or 0)
    digits = number.removeprefix("+")
    await tables.rest(office.database, digits, until, wish.reason or f"by {caller.user}")
    return HealthOut.model_validate((await tables.health(office.database))[digits])


@router.delete("/caller-ids/{number}/rest", status_code=204)
@needs(Right.STEER)
async def release(caller: Asking, office: InOffice, number: Number) -> None:
    """End a number's rest."""
    reach(caller, "*")
    if not await tables.release(office.database, number.removeprefix("+")):
        raise NotFound("The number does not rest.")

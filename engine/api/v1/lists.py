"""`/api/v1/campaigns/{campaign}/lists`: the lists of a campaign, their shares, moving and recycling."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.adapters.mysql import lists as tables
from engine.adapters.mysql.database import Session
from engine.adapters.mysql.recycling import recycle as recycle_list
from engine.api.v1.campaigns import known, url_of
from engine.api.v1.gate import Asking, InOffice, needs, reach
from engine.api.v1.problems import NotFound
from engine.api.v1.resource import Resource
from engine.domain.access import Right
from engine.domain.errors import FieldError, Refused
from engine.domain.integra.upload import read_zone
from engine.domain.outcomes import Outcome
from engine.domain.recycling import RecycleRule, parse_recycle
from engine.domain.upload import list_name

router = APIRouter(route_class=Resource, prefix="/campaigns/{campaign}", tags=["lists"])

Name = Annotated[str, Field(min_length=1, max_length=128)]
Share = Annotated[int, Field(ge=0, le=1000, description="Share among the active lists.")]
Order = Annotated[int, Field(ge=-(2**31), le=2**31 - 1, description="Smaller first; equal ones share.")]


class ListOut(BaseModel):
    """A list: how it serves, and where its contacts are. `waiting`: for a retry, or until a rule allows."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    active: bool
    percentage: int | None
    priority: int
    timezone: str
    recycled: int
    ready: int
    waiting: int
    in_progress: int
    blocked: int
    aside: int
    finished: int


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ListNew(_Given):
    """A list to be made, empty; contacts come by upload or one by one."""

    name: Name
    active: bool = False
    percentage: Share | None = None
    priority: Order = 0
    timezone: str = Field("", max_length=64, description="Of its contacts, e.g. America/Bogota.")


class ListPatch(_Given):
    """What is to change. `percentage` null: the list has no share of its own any more. `alone`: the
    campaign's other lists are switched off."""

    active: bool | None = None
    percentage: Share | None = None
    priority: Order | None = None
    timezone: str | None = Field(None, max_length=64)
    alone: bool = False


class MoveIn(_Given):
    """The campaign that gets the list."""

    target: Name


class MoveOut(BaseModel):
    """How many contacts went, and how many stayed because the target has their number already."""

    contacts: int
    stayed: int


class DeletedOut(BaseModel):
    """How many contacts were deleted, and how many stayed because they were called already, or are now."""

    contacts: int
    stayed: int


class RecycleIn(_Given):
    """Which finished contacts come again. Without `outcomes` the dialer's own rules choose (`recycle`)."""

    list: str = Field("", max_length=128, description="Contacts of this list alone.")
    outcomes: tuple[Outcome, ...] = ()
    delay: int = Field(0, ge=0, le=525_600, description="Minutes since the last attempt.")
    maximum: int = Field(1, ge=1, le=100, description="Times that a contact comes again.")
    name: str = Field("", max_length=100, description="Name of the new list.")


class RecycleOut(BaseModel):
    """The new lists, one of each list that contacts come from (`list` is the first), without a contact that
    is due none; `there`: finished contacts that are in the spool by another way already."""

    list: str
    lists: dict[str, int]
    contacts: int
    there: int


def _name(text: str) -> str:
    """Return the name of a list to be made. Raises FieldError, which names the field as it is called here."""
    try:
        return list_name(text)
    except FieldError as error:
        raise FieldError("name", error.problem, error.fix) from error


async def _counts(office: InOffice, campaign: str) -> tuple[tables.ListCounts, ...]:
    await office.database.transaction(lambda s: known(s, campaign))
    return await tables.counts(office.database, campaign)


async def _one(office: InOffice, campaign: str, name: str) -> ListOut:
    for found in await _counts(office, campaign):
        if found.name.casefold() == name.casefold():
            return ListOut.model_validate(found)
    raise NotFound("This campaign has no such list.")


@router.get("/lists")
@needs(Right.WATCH)
async def lists(office: InOffice, campaign: str) -> list[ListOut]:
    """Show all lists of a campaign: the active ones first, in the order in which they serve."""
    return [ListOut.model_validate(found) for found in await _counts(office, campaign)]


@router.post("/lists", status_code=201)
@needs(Right.LOAD)
async def create(office: InOffice, campaign: str, wish: ListNew, response: Response) -> ListOut:
    """Make an empty list."""
    name, zone = _name(wish.name), read_zone(wish.timezone) if wish.timezone else ""

    async def work(session: Session) -> None:
        own = await known(session, campaign, lock=True)
        row = tables.NewList(name, wish.active, wish.percentage, wish.priority, zone)
        if not await tables.create(session, own, row):
            raise Refused("The campaign has a list of this name already.")

    await office.database.transaction(work)
    response.headers["Location"] = f"{url_of(campaign)}/lists/{quote(name, safe='')}"
    return await _one(office, campaign, name)


@router.get("/lists/{name}")
@needs(Right.WATCH)
async def list_of(office: InOffice, campaign: str, name: str) -> ListOut:
    """Show one list and where its contacts are."""
    return await _one(office, campaign, name)


@router.patch("/lists/{name}")
@needs(Right.LOAD)
async def change(office: InOffice, campaign: str, name: str, wish: ListPatch) -> ListOut:
    """Switch a list on or off, change its share, order or time zone."""
    found = await _one(office, campaign, name)
    zone = wish.timezone
    if zone is not None:
        zone = read_zone(zone) if zone else ""
        await office.database.transaction(lambda s: tables.set_zone(s, campaign, found.name, zone or ""))
    await tables.switch(
        office.database,
        campaign,
        found.name,
        active=wish.active,
        percentage=wish.percentage,
        priority=wish.priority,
        alone=wish.alone,
        no_share="percentage" in wish.model_fields_set and wish.percentage is None,
    )
    return await _one(office, campaign, name)


@router.delete("/lists/{name}")
@needs(Right.LOAD)
async def delete(office: InOffice, campaign: str, name: str) -> DeletedOut:
    """Delete the contacts of a list that were never called; the list stays, inactive, with the others."""
    found = await _one(office, campaign, name)
    deleted = await tables.delete(office.database, campaign, found.name)
    return DeletedOut(contacts=deleted.contacts, stayed=deleted.stayed)


@router.post("/lists/{name}/move")
@needs(Right.LOAD)
async def move(caller: Asking, office: InOffice, campaign: str, name: str, wish: MoveIn) -> MoveOut:
    """Move the contacts of a list that are not being called to another campaign, with the list, inactive.

    Where that has a list of this name in the same time zone they join it as it is.
    """
    reach(caller, wish.target)
    found = await _one(office, campaign, name)
    if wish.target.casefold() == campaign.casefold():
        raise FieldError("target", "it is the list's own campaign", "Name another one.")
    moved = await tables.move(office.database, campaign, found.name, wish.target)
    return MoveOut(contacts=moved.contacts, stayed=moved.stayed)


@router.post(
    "/recycle", status_code=201, responses={200: {"model": RecycleOut, "description": "Nobody is due."}}
)
@needs(Right.LOAD)
async def recycle(office: InOffice, campaign: str, wish: RecycleIn, response: Response) -> RecycleOut:
    """Make new lists of finished contacts, in the time zone and with the share and priority of the old ones.

    Each list becomes a list of its own; with `name` all become one.
    """
    name = _name(wish.name) if wish.name else ""
    wait = timedelta(minutes=wish.delay)
    rules = tuple(RecycleRule(outcome, wait, wish.maximum) for outcome in wish.outcomes)

    async def own(session: Session) -> tuple[RecycleRule, ...]:
        await known(session, campaign)
        [row] = await session.rows("SELECT recycle FROM ccdata.dialers WHERE campaign=%s", (campaign,))
        return parse_recycle(str(row["recycle"] or ""))

    chosen = rules or await office.database.transaction(own)
    if not chosen:
        raise FieldError("outcomes", "the dialer has no rules of its own", "Name outcomes.")
    now = office.clock.now()
    made = await recycle_list(office.database, campaign, chosen, now, only=wish.list, name=name)
    if not made.contacts:
        response.status_code = 200
    else:
        response.headers["Location"] = f"{url_of(campaign)}/lists/{quote(made.list, safe='')}"
    return RecycleOut(list=made.list, lists=made.lists, contacts=made.contacts, there=made.there)

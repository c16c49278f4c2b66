"""`/api/v1/…/dispositions`: which there are, what each does with the contact, and giving one to a call."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.adapters.mysql import disposition_desk as tables
from engine.adapters.mysql.database import Session
from engine.adapters.mysql.dispositions import dispose
from engine.api.v1.calls import call_of_caller
from engine.api.v1.campaign_models import GivenLocal, Text255
from engine.api.v1.campaigns import known, url_of
from engine.api.v1.contacts import phone_of
from engine.api.v1.gate import Asking, InOffice, needs
from engine.api.v1.problems import NotFound
from engine.api.v1.resource import Resource
from engine.domain.access import Right, Role
from engine.domain.errors import FieldError
from engine.domain.integra.calls import DialerAction, Disposition

router = APIRouter(route_class=Resource, tags=["dispositions"])

Level = Annotated[str, Field(max_length=100)]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class DispositionIn(_Given):
    """A disposition to be configured; an empty level stands for every one. `action`: what it does with the
    contact."""

    level1: str = Field(min_length=1, max_length=100)
    level2: Level = ""
    level3: Level = ""
    category: str = Field("", max_length=64, description="For reports.")
    action: DialerAction = DialerAction.NOTHING


class DispositionOut(DispositionIn):
    """A configured disposition; `campaign` = '*': of every campaign (a campaign's own one wins)."""

    model_config = ConfigDict(extra="ignore")

    id: int
    campaign: str


class GivenIn(_Given):
    """How the call ended, in the agent's words. `schedule`: when to call again (without a zone: local time of
    the server), `schedule_on` in another campaign; `tag`: into the CDR."""

    level1: str = Field(min_length=1, max_length=100)
    level2: Level = ""
    level3: Level = ""
    data1: Text255 = ""
    data2: Text255 = ""
    comment: str = Field("", max_length=2000)
    schedule: GivenLocal | None = None
    schedule_on: str = Field("", max_length=128)
    tag: Text255 = ""
    agent: str = Field("", max_length=80, description="Default: the agent of the call, else you.")


class GivenOut(BaseModel):
    """What the disposition does with the contact; some of it waits for the call's end."""

    guid: str
    campaign: str
    action: DialerAction


@router.get("/campaigns/{campaign}/dispositions")
@needs(Right.CALL)
async def dispositions(office: InOffice, campaign: str) -> list[DispositionOut]:
    """List the dispositions of a campaign, those of every campaign included."""

    async def work(session: Session) -> Any:
        return await tables.listing(session, await known(session, campaign))

    return [DispositionOut.model_validate(row) for row in await office.database.transaction(work)]


@router.post("/campaigns/{campaign}/dispositions", status_code=201)
@needs(Right.STEER)
async def configure(
    office: InOffice, campaign: str, wish: DispositionIn, response: Response
) -> DispositionOut:
    """Configure a disposition of a campaign. One with the same levels is replaced."""

    async def work(session: Session) -> Any:
        own = await known(session, campaign)
        return await tables.put(
            session, own, (wish.level1, wish.level2, wish.level3), wish.category, wish.action
        )

    made = DispositionOut.model_validate(await office.database.transaction(work))
    response.headers["Location"] = f"{url_of(campaign)}/dispositions/{made.id}"
    return made


@router.delete("/campaigns/{campaign}/dispositions/{id}", status_code=204)
@needs(Right.STEER)
async def remove(office: InOffice, campaign: str, id: int) -> None:
    """Remove a disposition of the campaign itself; what was given to calls stays."""
    if not await office.database.transaction(lambda s: tables.remove(s, campaign, id)):
        raise NotFound("This campaign has no such disposition of its own.")


@router.post("/calls/{guid}/disposition", status_code=201)
@needs(Right.CALL)
async def give(caller: Asking, office: InOffice, guid: str, wish: GivenIn) -> GivenOut:
    """Give a call its disposition, with what that does: respool, an alternative number, black list, a
    scheduled call. Who has subscribed to dispositions hears of it."""

    async def work(session: Session) -> GivenOut:
        row = await call_of_caller(session, caller, guid)
        if wish.schedule_on and not caller.scope.reaches(wish.schedule_on):
            raise FieldError("schedule_on", "it is none of your campaigns", "Name one of yours.")
        schedule = wish.schedule
        if schedule is not None and schedule.tzinfo is not None:
            schedule = office.local.naive(schedule)
        agent = caller.user if caller.role is Role.AGENT else wish.agent or str(row["agent"]) or caller.user
        disposition = Disposition(
            campaign=str(row["campaign"]),
            agent=agent,
            phone=phone_of(str(row["destination"])),
            guid=guid,
            levels=(wish.level1, wish.level2, wish.level3),
            extra=(wish.data1, wish.data2),
            comment=wish.comment,
            schedule=schedule,
            schedule_on=wish.schedule_on,
            tag=wish.tag,
            quoted=False,
        )
        action = await dispose(session, disposition, office.clock.now(), office.local)
        return GivenOut(guid=guid, campaign=disposition.campaign, action=action)

    return await office.database.transaction(work)

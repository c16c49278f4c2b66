"""`/api/v1/campaigns/{campaign}/members`: who is to sit in a campaign's queue."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.adapters.mysql import call_pages, contacts
from engine.adapters.mysql import members as tables
from engine.adapters.mysql.database import Session
from engine.api.desks import CONTEXTS, may_ring
from engine.api.v1.calls import OrderMade
from engine.api.v1.campaign_models import Text80
from engine.api.v1.gate import Asking, InOffice, needs, note, reach
from engine.api.v1.problems import NotFound
from engine.api.v1.resource import Resource
from engine.domain.access import Right
from engine.domain.errors import FieldError
from engine.domain.model import Desk
from engine.domain.queue_tables import as_in_asterisk, read_interface

router = APIRouter(route_class=Resource, prefix="/campaigns/{campaign}/members", tags=["agents"])


class MemberOut(BaseModel):
    """A row of `queue_members`, its interface as in Asterisk. `paused`: as he is seated; what he does now is
    told by /agents."""

    interface: str
    agent: str
    penalty: int
    paused: bool


class MemberIn(BaseModel):
    """Who is to sit in the queue."""

    model_config = ConfigDict(extra="forbid")

    interface: str = Field(
        min_length=1, max_length=80, description="SIP/101 or PJSIP/101; with `*` also Local/101@agents/n."
    )
    agent: Text80 = Field("", description="User name; empty: whose phone it is.")
    penalty: int = Field(0, ge=0, le=1000)
    paused: bool = False


class MemberMade(MemberOut):
    """The member, and the order by which Asterisk gets him: ask /orders/{order}."""

    order: int


async def _queue(session: Session, campaign: str) -> str:
    queue = await tables.queue_of(session, campaign)
    if queue is None:
        raise NotFound("There is no such campaign.")
    return queue


def _out(row: dict[str, Any]) -> MemberOut:
    return MemberOut(
        interface=as_in_asterisk(str(row["interface"])),
        agent=str(row["membername"]),
        penalty=int(row["penalty"]),
        paused=bool(row["paused"]),
    )


@router.get("")
@needs(Right.WATCH)
async def members(office: InOffice, campaign: str) -> list[MemberOut]:
    """List who is to sit in the campaign's queue."""

    async def work(session: Session) -> list[MemberOut]:
        return [_out(row) for row in await tables.of_queue(session, await _queue(session, campaign))]

    return await office.database.transaction(work)


@router.post("", status_code=202)
@needs(Right.STEER)
async def add(
    caller: Asking, office: InOffice, campaign: str, wish: MemberIn, response: Response
) -> MemberMade:
    """Seat an agent; who sits there already gets these values. An agent's account then reaches the campaign.

    Without `*`: phones that sit in your campaigns, and those of agents whose accounts name one of them.
    """
    interface = read_interface(wish.interface, "interface")
    if not wish.agent.isprintable():
        raise FieldError("agent", "it has unprintable characters", "Correct it.")
    extension = Desk(interface, "").extension
    if not interface.upper().startswith("PJSIP/"):
        reach(caller, "*")  # whatever the dialplan calls there
    await may_ring(office, caller, wish.agent or extension, extension, CONTEXTS[0])

    async def work(session: Session) -> MemberMade:
        queue, agent = await _queue(session, campaign), wish.agent
        if not agent:
            phone = await contacts.phone_of(session, extension)
            agent = str(phone["agent"]) if phone and str(phone["extension"]) == extension else ""
        made = MemberOut(interface=interface, agent=agent, penalty=wish.penalty, paused=wish.paused)
        await note(session, office, caller, f"{queue}: member {made.model_dump_json()}")
        await tables.seat(session, queue, interface, agent, wish.penalty, wish.paused)
        pace = orjson.dumps({"penalty": wish.penalty, "paused": int(wish.paused)}).decode()
        values = {"campaign": queue, "agent": agent, "phone": interface, "variables": pace}
        return MemberMade(**made.model_dump(), order=await call_pages.order(session, "join", values))

    made = await office.database.transaction(work)
    office.guard.forget(made.agent)
    response.headers["Location"] = f"/api/v1/orders/{made.order}"
    return made


@router.delete("", status_code=202)
@needs(Right.STEER)
async def remove(
    caller: Asking,
    office: InOffice,
    campaign: str,
    interface: Annotated[str, Query(min_length=1, max_length=80)],
    response: Response,
) -> OrderMade:
    """Take a member out of the campaign's queue. Whom he talks to stays on the line; his account keeps the
    campaign."""
    phone = read_interface(interface, "interface")

    async def work(session: Session) -> OrderMade:
        queue = await _queue(session, campaign)
        if not await tables.unseat(session, queue, phone):
            raise NotFound("No row of queue_members seats this interface.")
        await note(session, office, caller, f"{queue}: member {phone} taken out")
        order = await call_pages.order(session, "leave", {"campaign": queue, "phone": phone})
        return OrderMade(order=order)

    made = await office.database.transaction(work)
    response.headers["Location"] = f"/api/v1/orders/{made.order}"
    return made

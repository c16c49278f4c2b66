"""`/api/v1/agents/pause` and `/unpause`: no more calls for an agent, and on again."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from engine.adapters.mysql import call_pages, contacts
from engine.adapters.mysql.database import Session
from engine.api.office import Office
from engine.api.v1.agents import SeatOut, seats_of
from engine.api.v1.calls import agent_named, own
from engine.api.v1.gate import Asking, InOffice, needs, note, reach
from engine.api.v1.resource import Resource
from engine.domain.access import Caller, Right, Role
from engine.domain.errors import FieldError
from engine.domain.model import Desk
from engine.domain.orders import LONGEST_REASON
from engine.domain.queue_tables import read_interface

router = APIRouter(route_class=Resource, prefix="/agents", tags=["agents"])


class UnpauseIn(BaseModel):
    """Who, and where."""

    model_config = ConfigDict(extra="forbid")

    agent: str = Field(min_length=1, max_length=128, description="User name, extension or interface.")
    campaign: str = Field(
        "", max_length=128, description="Empty: every campaign of yours in which he sits now."
    )


class PauseIn(UnpauseIn):
    """Who, where and why."""

    reason: Annotated[str, Field(max_length=LONGEST_REASON)] = ""


class SeatOrder(BaseModel):
    """What was ordered for one seat. The engine takes it within a second; ask /orders/{order}."""

    campaign: str
    agent: str
    interface: str
    order: int


@router.post("/pause", status_code=202)
@needs(Right.CALL)
async def pause(caller: Asking, office: InOffice, wish: PauseIn) -> list[SeatOrder]:
    """Offer an agent no more calls; a talk goes on to its end. Agents pause themselves alone. 503 while there
    is no picture of Asterisk."""
    return await _order(office, caller, wish, "pause", wish.reason)


@router.post("/unpause", status_code=202)
@needs(Right.CALL)
async def unpause(caller: Asking, office: InOffice, wish: UnpauseIn) -> list[SeatOrder]:
    """Let a paused agent go on. Agents unpause themselves alone."""
    return await _order(office, caller, wish, "unpause", "")


async def _order(
    office: Office, caller: Caller, wish: UnpauseIn, kind: Literal["pause", "unpause"], reason: str
) -> list[SeatOrder]:
    own(caller, wish.agent)
    if wish.campaign:
        reach(caller, wish.campaign)
    meant = await _seats(office, caller, wish)

    async def work(session: Session) -> list[SeatOrder]:
        queues = ", ".join(seat.campaign for seat in meant)
        await note(session, office, caller, f"{kind} {wish.agent} in {queues}: {reason}")
        made = []
        for seat in meant:
            # Who pauses himself may ask how the order stands, whatever his seat is called.
            agent = caller.user if caller.role is Role.AGENT else seat.agent[:80]
            values = {"campaign": seat.campaign, "agent": agent, "phone": seat.interface, "reason": reason}
            with agent_named():
                order = await call_pages.order(session, kind, values)
            made.append(SeatOrder(**seat.model_dump(include={"campaign", "agent", "interface"}), order=order))
        return made

    return await office.database.transaction(work)


async def _seats(office: Office, caller: Caller, wish: UnpauseIn) -> list[SeatOut]:
    """Return the seats that are meant. Raises FieldError when there is none."""
    names, interface = {wish.agent}, ""
    if "/" in wish.agent:
        interface = read_interface(wish.agent, "agent")
    elif known := await office.database.transaction(lambda s: contacts.phone_of(s, wish.agent)):
        names |= {str(known["agent"]), str(known["extension"])}
    meant = []
    for seat in await seats_of(office, caller, wish.campaign):
        desk = Desk(seat.interface, seat.agent)
        # A user name may be somebody else's extension.
        mine = desk.extension in caller.phones or desk.name.casefold() == caller.user.casefold()
        if caller.role is Role.AGENT and not mine:
            continue
        if interface.casefold() == desk.interface.casefold() or any(desk.answers_to(name) for name in names):
            meant.append(seat)
    if not meant:
        raise FieldError("agent", "no such agent sits in your campaigns", "See /agents for who does.")
    return meant

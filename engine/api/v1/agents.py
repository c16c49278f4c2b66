"""`/api/v1/agents`: who sits where and does what, and who is reserved for which call."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from engine.adapters.mysql import call_pages
from engine.api.office import Office
from engine.api.v1.campaign_models import Moment
from engine.api.v1.gate import Asking, InOffice, needs, reach
from engine.api.v1.resource import Resource
from engine.domain.access import Caller, Right

router = APIRouter(route_class=Resource, prefix="/agents", tags=["agents"])


class SeatOut(BaseModel):
    """One seat of one campaign now. `paused` tells of a pause that a talk still outranks in `state`, `reason`
    why; `since` is when the state began, null when that was before this engine looked."""

    campaign: str
    agent: str
    interface: str
    state: str
    paused: bool
    reason: str
    since: Moment | None


class ReservationOut(BaseModel):
    """An agent who is reserved for a call: `offered` (his phone rings) or `held` (he is on the line)."""

    guid: str
    campaign: str
    agent: str
    state: str
    number: str
    contact: str
    since: Moment


async def seats_of(office: Office, caller: Caller, campaign: str = "") -> list[SeatOut]:
    """Return the seats that a caller reaches, of one campaign or all, from the live picture. Raises
    HTTPException while it is not current."""
    if not await office.live.current():
        raise HTTPException(503, "The picture of Asterisk is not current.", {"Retry-After": "2"})
    found = []
    for queue in await office.live.queues():
        if campaign and queue.name.casefold() != campaign.casefold():
            continue
        if caller.scope.reaches(queue.name):
            found += [
                SeatOut(
                    campaign=queue.name,
                    agent=seat.name,
                    interface=seat.interface,
                    state=seat.state.value,
                    paused=seat.paused,
                    reason=seat.reason,
                    since=seat.since,
                )
                for seat in queue.seats
            ]
    return sorted(found, key=lambda seat: (seat.campaign, seat.agent, seat.interface))


@router.get("")
@needs(Right.WATCH)
async def agents(
    caller: Asking, office: InOffice, campaign: Annotated[str, Query(max_length=128)] = ""
) -> list[SeatOut]:
    """Show the seats of your campaigns now. Costs no query; 503 while there is no picture of Asterisk."""
    if campaign:
        reach(caller, campaign)
    return await seats_of(office, caller, campaign)


@router.get("/reservations")
@needs(Right.WATCH)
async def reservations(caller: Asking, office: InOffice) -> list[ReservationOut]:
    """Show who is reserved for a call that has not reached its customer yet."""
    rows = await office.database.transaction(lambda s: call_pages.reservations(s, caller.scope))
    return [
        ReservationOut.model_validate(
            {**row, "guid": row["id"], "number": row["destination"], "since": row["claimed_at"]}
        )
        for row in rows
    ]

"""`/api/v1/calls`: history, calls that are up, and what is ordered for single ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from engine.adapters.mysql import call_pages as tables
from engine.adapters.mysql import campaigns
from engine.adapters.mysql import contacts as spool
from engine.adapters.mysql.call_form import form_of
from engine.adapters.mysql.database import Session
from engine.adapters.places import place_of
from engine.api.desks import may_ring
from engine.api.v1.campaign_models import Given, LocalMoment, Moment, Text80, Text255
from engine.api.v1.contacts import phone_of
from engine.api.v1.gate import Asking, InOffice, needs, reach
from engine.api.v1.paging import Cursor, Limit, Page, read_cursor, write_cursor
from engine.api.v1.problems import NotFound
from engine.api.v1.resource import Resource
from engine.domain.access import Caller, Right, Role
from engine.domain.errors import FieldError, Refused
from engine.domain.outcomes import Outcome

router = APIRouter(route_class=Resource, tags=["calls"])

#: The dialplan in which agents' phones dial (asterisk-conf/overdial).
_AGENTS = "agents"


class CallOut(BaseModel):
    """A call, from the moment at which its contact was reserved to its end (docs/outcomes.md)."""

    guid: str
    campaign: str
    list: str
    number: str
    contact: str
    agent: str
    attempt: int = Field(description="How many attempts on this number, this one included.")
    state: str
    outcome: str | None
    cause: int | None = Field(description="Q.850")
    sip: int | None
    next_step: str
    note: str
    claimed_at: Moment
    sent_at: Moment | None
    ringing_at: Moment | None
    answered_at: Moment | None
    queued_at: Moment | None
    connected_at: Moment | None
    ended_at: Moment | None


class FormOut(BaseModel):
    """The contact of a call, with the keys that `Dialers/Respool` takes back: on its next number already."""

    campaign: str
    destination: str
    dialerbase: str
    status: Literal[1] = 1
    data: str
    alternatives: str
    contact: str
    retries: int
    priority: int
    agentphone: str


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class CallIn(_Given):
    """Click to call: the agent's phone first, then the number through the agent's context of the dialplan."""

    campaign: str = Field(min_length=1, max_length=128, description="That the call counts for.")
    agent: str = Field(min_length=1, max_length=80, description="User name or extension.")
    number: str = Field(min_length=1, max_length=64)
    context: str = Field(
        _AGENTS, min_length=1, max_length=80, description="Another than agents or agentes only with `*`."
    )
    callerid: Text80 = ""


class FlowIn(_Given):
    """A flow of the dialplan that is started with variables."""

    context: str = Field(min_length=1, max_length=80)
    exten: str = Field(min_length=1, max_length=80)
    callerid: Text80 = ""
    variables: dict[str, str] = Field(default_factory=dict, max_length=100)


class DecideIn(_Given):
    """An agent's decision about the call that is before him."""

    act: Literal["dial", "skip", "later"]
    reason: Text255 = ""


class OrderMade(BaseModel):
    """What was ordered. The engine takes it within a second; ask /orders/{order} for the answer."""

    order: int
    guid: str = Field("", description="Of the call that is to be placed, or that is meant.")


class OrderOut(BaseModel):
    """How an order stands: new, taken, done or failed (`result` says why)."""

    order: int
    kind: str
    status: str
    result: str
    guid: str
    created_at: LocalMoment
    done_at: Moment | None


def call_out(row: dict[str, Any]) -> CallOut:
    """Return a row of `attempts` as JSON shows it."""
    return CallOut.model_validate(
        {**row, "guid": row["id"], "list": row["dialerbase"], "number": row["destination"]}
    )


@router.get("/calls")
@needs(Right.WATCH)
async def calls(
    caller: Asking,
    office: InOffice,
    campaign: Annotated[str, Query(max_length=128)] = "",
    number: Annotated[str, Query(max_length=64)] = "",
    contact: Annotated[str, Query(max_length=64)] = "",
    agent: Annotated[str, Query(max_length=80)] = "",
    outcome: Outcome | None = None,
    since: Given | None = None,
    until: Given | None = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[CallOut]:
    """List calls, the newest first. `agent` and `outcome` alone look through everything: add a campaign."""
    if campaign:
        reach(caller, campaign)
    key = place_of(phone_of(number).number).key if number else ""
    filters = tables.Filters(campaign, key, contact, agent, outcome or "", since, until)
    keys = read_cursor(cursor, str, str)
    try:
        before = None if keys is None else (datetime.fromisoformat(keys[0]).astimezone(UTC), str(keys[1]))
    except (ValueError, OverflowError) as error:
        raise FieldError(
            "cursor", "it is none of ours", "Send `next` of the page before as it is."
        ) from error
    sql, values = tables.history(caller.scope, filters, before, limit + 1)
    rows = await office.database.transaction(lambda s: s.rows(sql, values))
    items = [call_out(row) for row in rows[:limit]]
    following = None
    if len(rows) > limit:
        following = write_cursor(items[-1].claimed_at.isoformat(), items[-1].guid)
    return Page(items=items, next=following)


@router.get("/calls/live")
@needs(Right.WATCH)
async def live(
    caller: Asking, office: InOffice, campaign: Annotated[str, Query(max_length=128)] = ""
) -> list[CallOut]:
    """List the calls that are up, the oldest first (1000 at most)."""
    if campaign:
        reach(caller, campaign)
    rows = await office.database.transaction(lambda s: tables.live(s, caller.scope, campaign))
    return [call_out(row) for row in rows]


async def call_of_caller(session: Session, caller: Caller, guid: str) -> dict[str, Any]:
    """Return a call that the caller reaches: an agent his own ones. Raises NotFound or Forbidden."""
    row = await tables.find(session, guid) if len(guid) == 36 and guid.isascii() else None
    if row is None or (caller.role is Role.AGENT and not caller.is_me(str(row["agent"]))):
        raise NotFound("There is no such call.")
    reach(caller, str(row["campaign"]))
    return row


@router.get("/calls/{guid}")
@needs(Right.WATCH)
async def call_of(caller: Asking, office: InOffice, guid: str) -> CallOut:
    """Show one call."""
    return call_out(await office.database.transaction(lambda s: call_of_caller(s, caller, guid)))


@router.get("/calls/{guid}/form")
@needs(Right.CALL)
async def form(caller: Asking, office: InOffice, guid: str) -> FormOut:
    """Show what an agent's form gets of a call: its contact, on the next number. Given back as it is
    (`Dialers/Respool`), it is called there; 404 when the contact has left the spool."""

    async def work(session: Session) -> FormOut:
        row = await call_of_caller(session, caller, guid)
        found = await form_of(session, str(row["id"]))
        if found is None:
            raise NotFound("The contact of this call is not in the spool any more.")
        return FormOut(
            campaign=found.campaign,
            destination=found.phone.entry(),
            dialerbase=found.list,
            data=found.data,
            alternatives=found.alternatives,
            contact=found.contact,
            retries=found.retries,
            priority=found.priority,
            agentphone=found.agent,
        )

    return await office.database.transaction(work)


def own(caller: Caller, agent: str) -> None:
    """An agent acts for himself alone."""
    if caller.role is Role.AGENT and not caller.is_me(agent):
        raise FieldError("agent", "it is somebody else", "Name yourself.")


@contextmanager
def agent_named() -> Iterator[None]:
    """A phone that cannot be is the agent's who was named."""
    try:
        yield
    except FieldError as error:
        raise FieldError(
            "agent" if error.field == "phone" else error.field, error.problem, error.fix
        ) from error


async def _phone(session: Session, agent: str) -> tuple[str, str]:
    """Return user name and extension of an agent, whichever is given; both the same when he has no phone."""
    known = await spool.phone_of(session, agent)
    return (str(known["agent"]), str(known["extension"])) if known else (agent, agent)


@router.post("/calls", status_code=202)
@needs(Right.CALL)
async def place(caller: Asking, office: InOffice, wish: CallIn, response: Response) -> OrderMade:
    """Order a call between an agent and a number; black lists hold. Its guid is known at once.

    Without `*`: agents who sit in your campaigns, whose accounts name one of them, or yourself.
    """
    reach(caller, wish.campaign)
    own(caller, wish.agent)
    guid = office.new_id()
    agent, phone = await office.database.transaction(lambda s: _phone(s, wish.agent))
    await may_ring(office, caller, agent, phone, wish.context)

    async def work(session: Session) -> int:
        await campaigns.check(session, wish.campaign, "campaign")
        with agent_named():
            return await _order(session)

    async def _order(session: Session) -> int:
        return await tables.order(
            session,
            "call",
            {
                "campaign": wish.campaign,
                "agent": agent,
                "phone": phone,
                "context": wish.context,
                "callerid": wish.callerid,
                "destination": phone_of(wish.number).number,
                "guid": guid,
            },
        )

    made = OrderMade(order=await office.database.transaction(work), guid=guid)
    response.headers["Location"] = f"/api/v1/orders/{made.order}"
    return made


@router.post("/calls/{guid}/hangup", status_code=202)
@needs(Right.CALL)
async def hang_up(caller: Asking, office: InOffice, guid: str, response: Response) -> OrderMade:
    """Hang up a call that is up."""

    async def work(session: Session) -> int:
        row = await call_of_caller(session, caller, guid)
        if row["state"] == "ended":
            raise Refused("The call has ended.")
        return await tables.order(session, "hangup", {"attempt": guid})

    made = OrderMade(order=await office.database.transaction(work), guid=guid)
    response.headers["Location"] = f"/api/v1/orders/{made.order}"
    return made


@router.post("/calls/{guid}/decision", status_code=202)
@needs(Right.CALL)
async def decide(
    caller: Asking, office: InOffice, guid: str, wish: DecideIn, response: Response
) -> OrderMade:
    """Decide for the agent about a call that waits for it: dial, skip or later."""

    async def work(session: Session) -> int:
        row = await call_of_caller(session, caller, guid)
        if row["state"] not in ("offered", "held"):
            raise Refused("The call does not wait for a decision.")
        values = {"attempt": guid, "agent": row["agent"], "act": wish.act, "reason": wish.reason}
        return await tables.order(session, "decide", values)

    made = OrderMade(order=await office.database.transaction(work), guid=guid)
    response.headers["Location"] = f"/api/v1/orders/{made.order}"
    return made


@router.post("/agents/{agent}/hangup", status_code=202, tags=["agents"])
@needs(Right.CALL)
async def hang_up_phone(caller: Asking, office: InOffice, agent: str, response: Response) -> OrderMade:
    """Hang up whatever an agent's phone does."""
    own(caller, agent)
    if caller.role is not Role.AGENT:
        reach(caller, "*")  # nobody knows whose campaign the phone is talking for

    async def work(session: Session) -> int:
        name, phone = await _phone(session, agent)
        with agent_named():
            return await tables.order(session, "hangup", {"agent": name, "phone": phone})

    made = OrderMade(order=await office.database.transaction(work))
    response.headers["Location"] = f"/api/v1/orders/{made.order}"
    return made


@router.post("/flows", status_code=202)
@needs(Right.STEER)
async def start_flow(caller: Asking, office: InOffice, wish: FlowIn, response: Response) -> OrderMade:
    """Start a flow of the dialplan."""
    reach(caller, "*")
    values = {**wish.model_dump(exclude={"variables"}), "variables": _json(wish.variables)}
    made = OrderMade(order=await office.database.transaction(lambda s: tables.order(s, "workflow", values)))
    response.headers["Location"] = f"/api/v1/orders/{made.order}"
    return made


def _json(variables: dict[str, str]) -> str:

    return orjson.dumps(variables).decode()


@router.get("/orders/{order}")
@needs(Right.CALL)
async def order_of(caller: Asking, office: InOffice, order: int) -> OrderOut:
    """Tell how an order stands. One of no campaign is for him whose phone it is about, and for who reaches
    every campaign."""
    row = await office.database.transaction(lambda s: tables.answer(s, order))
    mine = row is not None and caller.is_me(str(row["agent"]))
    if row is None or (caller.role is Role.AGENT and not mine):
        raise NotFound("There is no such order.")
    if row["campaign"] or not mine:
        reach(caller, str(row["campaign"]) or "*")
    return OrderOut.model_validate({**row, "order": row["id"]})

"""`/api/v1/…/contacts`: who is to be called: looked up, added, changed, brought back, removed, explained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from engine.adapters.mysql import contact_pages as tables
from engine.adapters.mysql.contacts import add_scheduled, add_task, check_list, digits, respool
from engine.adapters.mysql.database import Session, utc
from engine.adapters.places import place_of
from engine.api.office import Office
from engine.api.v1.campaigns import known, url_of
from engine.api.v1.contact_models import (
    ContactNew,
    ContactOut,
    ContactPatch,
    RespoolIn,
    ScheduledNew,
    ScheduledOut,
    Status,
    contact_out,
    join_data,
    join_numbers,
    split_data,
    split_numbers,
)
from engine.api.v1.gate import Asking, InOffice, needs, note, reach
from engine.api.v1.paging import Cursor, Limit, Page, paged, read_cursor, write_cursor
from engine.api.v1.problems import NotFound
from engine.api.v1.resource import Resource
from engine.domain.access import Caller, Right
from engine.domain.errors import FieldError
from engine.domain.integra.contacts import Respool, Scheduled, Task, TaskKind
from engine.domain.phones import Phone, parse_phone

router = APIRouter(route_class=Resource, tags=["contacts"])

_FIELDS = {"dialerbase": "list", "destination": "number"}
_STATUS = {"ready": 1, "waiting": 1, "calling": 0, "set_aside": 2, "blocked": 3}


def phone_of(number: str, field: str = "number") -> Phone:
    """Return a number as the spool has it. Raises FieldError."""
    try:
        return parse_phone(number)
    except FieldError as error:
        raise FieldError(field, error.problem, error.fix) from error


@contextmanager
def named_here() -> Iterator[None]:
    """Let errors name the fields as they are called here, not the columns."""
    try:
        yield
    except FieldError as error:
        raise FieldError(_FIELDS.get(error.field, error.field), error.problem, error.fix) from error


async def _mine(session: Session, caller: Caller, spool_id: int, *, lock: bool = False) -> dict[str, Any]:
    row = await tables.find(session, spool_id, lock=lock)
    if row is None:
        raise NotFound("There is no such contact in the spool.")
    reach(caller, str(row["campaign"]))
    return row


@router.get("/campaigns/{campaign}/contacts")
@needs(Right.LOAD)
async def contacts(
    office: InOffice,
    campaign: str,
    list: Annotated[str | None, Query(max_length=128)] = None,
    status: Status | None = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> Page[ContactOut]:
    """List the contacts of a campaign in the order in which they came."""
    after = read_cursor(cursor, int) or (0,)
    filters: dict[str, object] = {} if list is None else {"dialerbase": list}
    if status is not None:
        filters["status"] = _STATUS[status]
        filters["notbefore IS NULL"] = int(status != "waiting")
        if status not in ("ready", "waiting"):
            del filters["notbefore IS NULL"]

    async def work(session: Session) -> Any:
        own = await known(session, campaign)
        return await tables.page(session, own, int(after[0]), limit + 1, filters)

    rows = await office.database.transaction(work)
    return Page(items=[contact_out(row) for row in rows[:limit]], next=paged(rows, limit, "id"))


@router.get("/contacts")
@needs(Right.LOAD)
async def search(
    caller: Asking,
    office: InOffice,
    number: Annotated[str, Query(max_length=64)] = "",
    contact: Annotated[str, Query(max_length=64)] = "",
) -> Page[ContactOut]:
    """Find contacts by number (however it is written) or by your id, over your campaigns."""
    if bool(number) == bool(contact):
        raise FieldError("number", "give a number or a contact", "Give exactly one of them.")
    wanted = digits(phone_of(number)) if number else ""
    rows = await office.database.transaction(
        lambda s: tables.search(s, caller.scope, number=wanted, contact=contact)
    )
    return Page(items=[contact_out(row) for row in rows], next=None)


@router.get("/contacts/{id}")
@needs(Right.LOAD)
async def contact_of(caller: Asking, office: InOffice, id: int) -> ContactOut:
    """Show one contact of the spool."""
    return contact_out(await office.database.transaction(lambda s: _mine(s, caller, id)))


@router.post("/campaigns/{campaign}/contacts", status_code=201)
@needs(Right.LOAD)
async def add(office: InOffice, campaign: str, wish: ContactNew, response: Response) -> ContactOut:
    """Add one contact: to a list, or without one as a task. A number that waits in the spool takes over what
    is given, unless it is another contact's; one that is being called or blocked is refused."""
    phone, data, others = phone_of(wish.number), join_data(wish.data), join_numbers(wish.alternatives)

    async def work(session: Session) -> dict[str, Any]:
        own = await known(session, campaign)
        if wish.list:
            spool_id = await respool(
                session,
                Respool(own, phone, wish.list, data, others, wish.contact, 0, wish.priority, wish.agent),
                keep=True,
            )
        else:
            task = Task(TaskKind.SPOOL, None, own, phone, others, wish.agent, data, "", wish.contact)
            spool_id = await add_task(session, task, office.clock.now())
        row = await tables.find(session, spool_id)
        if row is None:
            raise NotFound("The contact was removed in this moment.")
        return row

    with named_here():
        made = contact_out(await office.database.transaction(work))
    response.headers["Location"] = f"/api/v1/contacts/{made.id}"
    return made


@router.patch("/contacts/{id}")
@needs(Right.LOAD)
async def change(caller: Asking, office: InOffice, id: int, wish: ContactPatch) -> ContactOut:
    """Mend a contact that is not being called; it is ready afterwards."""
    given = wish.model_dump(exclude_unset=True)
    values: dict[str, Any] = {}
    if wish.number is not None:
        values |= {"destination": phone_of(wish.number).entry(), "retries": 0}
    if wish.alternatives is not None:
        values["alternatives"] = join_numbers(wish.alternatives)
    if wish.data is not None:
        values["data"] = join_data(wish.data)
    for field, column in (
        ("contact", "contact"),
        ("list", "dialerbase"),
        ("priority", "priority"),
        ("agent", "agentphone"),
    ):
        if given.get(field) is not None:
            values[column] = given[field]
    values["notbefore"] = utc(wish.not_before)

    async def work(session: Session) -> dict[str, Any]:
        row = await _mine(session, caller, id, lock=True)
        own = await known(session, str(row["campaign"]), lock=True)
        if values.get("dialerbase"):
            await check_list(session, own, values["dialerbase"])
        await tables.change(session, row, values)
        return await _mine(session, caller, id)

    with named_here():
        return contact_out(await office.database.transaction(work))


@router.delete("/contacts/{id}", status_code=204)
@needs(Right.LOAD)
async def remove(caller: Asking, office: InOffice, id: int) -> None:
    """Take a contact out of the spool. A call that is up goes on, and nothing follows it."""

    async def work(session: Session) -> None:
        row = await _mine(session, caller, id, lock=True)
        await note(session, office, caller, f"{row['campaign']}: {row['destination']} taken out of the spool")
        await tables.remove(session, id)

    await office.database.transaction(work)


@router.post("/campaigns/{campaign}/respool", status_code=201)
@needs(Right.LOAD)
async def bring_back(office: InOffice, campaign: str, wish: RespoolIn, response: Response) -> ContactOut:
    """Bring a contact back that has left the spool, into its list, with all that is known of it."""
    if (wish.number is None) == (wish.contact is None):
        raise FieldError("number", "give a number or a contact", "Give exactly one of them.")
    number = place_of(phone_of(wish.number).number).key if wish.number is not None else ""

    async def work(session: Session) -> dict[str, Any]:
        own = await known(session, campaign)
        found = await tables.bring_back(
            session, own, office.clock.now(), number=number, contact=wish.contact or ""
        )
        row = await tables.find(session, found) if found else None
        if row is None:
            raise NotFound("No such contact has left the spool of this campaign.")
        return row

    back = contact_out(await office.database.transaction(work))
    response.headers["Location"] = f"/api/v1/contacts/{back.id}"
    return back


# Scheduled calls.


def _scheduled(office: Office, row: dict[str, Any]) -> ScheduledOut:
    return ScheduledOut(
        id=row["id"],
        campaign=row["campaign"],
        at=office.local.at(office.local.utc(row["calldate"])),
        number=row["destination"],
        alternatives=split_numbers(row["alternatives"]),
        data=split_data(str(row["data"] or "")),
        contact=str(row["contact"] or ""),
        agent=str(row["agentphone"] or ""),
    )


@router.get("/campaigns/{campaign}/scheduled")
@needs(Right.LOAD)
async def scheduled(
    office: InOffice, campaign: str, limit: Limit = 50, cursor: Cursor = ""
) -> Page[ScheduledOut]:
    """List the scheduled calls of a campaign, the earliest first."""
    at, last = read_cursor(cursor, str, int) or ("0001-01-01", 0)
    try:
        datetime.fromisoformat(str(at))
    except ValueError as error:
        raise FieldError(
            "cursor", "it is none of ours", "Send `next` of the page before as it is."
        ) from error

    async def work(session: Session) -> Any:
        own = await known(session, campaign)
        return await tables.scheduled(session, own, (str(at), int(last)), limit + 1)

    rows = await office.database.transaction(work)
    following = None
    if len(rows) > limit:
        end = rows[limit - 1]
        following = write_cursor(end["calldate"].isoformat(sep=" "), end["id"])
    return Page(items=[_scheduled(office, row) for row in rows[:limit]], next=following)


@router.post("/campaigns/{campaign}/scheduled", status_code=201)
@needs(Right.LOAD)
async def schedule(office: InOffice, campaign: str, wish: ScheduledNew, response: Response) -> ScheduledOut:
    """Schedule a call; at its moment it goes before everything else. One of the same number and contact at
    the same moment takes over what is new."""
    at = office.local.naive(wish.at) if wish.at.tzinfo is not None else wish.at
    call = Scheduled(
        at.replace(microsecond=0),
        campaign,
        phone_of(wish.number),
        join_numbers(wish.alternatives),
        wish.agent,
        join_data(wish.data),
        wish.contact,
    )

    async def work(session: Session) -> dict[str, Any]:
        await known(session, campaign)
        made = await add_scheduled(session, call)
        [row] = await session.rows("SELECT * FROM ccdata.calls_scheduler WHERE id=%s", (made,))
        return row

    made = _scheduled(office, await office.database.transaction(work))
    response.headers["Location"] = f"{url_of(made.campaign)}/scheduled/{made.id}"
    return made


@router.delete("/campaigns/{campaign}/scheduled/{id}", status_code=204)
@needs(Right.LOAD)
async def unschedule(office: InOffice, campaign: str, id: int) -> None:
    """Delete a scheduled call."""
    if not await office.database.transaction(lambda s: tables.drop_scheduled(s, campaign, id)):
        raise NotFound("There is no such scheduled call.")

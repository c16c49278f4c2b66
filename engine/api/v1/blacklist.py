"""`/api/v1/black-list`: numbers that must not be called: added, taken off, checked."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from engine.adapters.mysql import contact_pages as tables
from engine.adapters.mysql.blacklists import wishes
from engine.adapters.mysql.compliance import campaign_law
from engine.adapters.mysql.contacts import black_list
from engine.adapters.mysql.database import Session
from engine.api.v1.campaigns import known
from engine.api.v1.contact_models import BlackIn, BlackOut, CheckOut
from engine.api.v1.contacts import phone_of
from engine.api.v1.gate import Asking, InOffice, needs, note, reach
from engine.api.v1.paging import Cursor, Limit, Page, read_cursor, write_cursor
from engine.api.v1.problems import NotFound
from engine.api.v1.resource import Resource
from engine.domain.access import Right
from engine.domain.integra.contacts import BlackEntry
from engine.domain.law import Given

router = APIRouter(route_class=Resource, prefix="/black-list", tags=["black list"])

Campaign = Annotated[str, Query(max_length=128)]


def _out(row: dict[str, Any]) -> BlackOut:
    return BlackOut.model_validate({**row, "number": row["phone"]})


@router.get("")
@needs(Right.LOAD)
async def entries(
    caller: Asking, office: InOffice, campaign: Campaign = "", limit: Limit = 50, cursor: Cursor = ""
) -> Page[BlackOut]:
    """List the entries of your campaigns and those of all, by number; `campaign`: of that one alone."""
    if campaign and campaign != "*":
        reach(caller, campaign)
    after = read_cursor(cursor, str, str) or ("", "")
    rows = await office.database.transaction(
        lambda s: tables.black_listed(s, caller.scope, campaign, (str(after[0]), str(after[1])), limit + 1)
    )
    end = rows[limit - 1] if len(rows) > limit else None
    following = None if end is None else write_cursor(end["phone"], end["campaign"])
    return Page(items=[_out(row) for row in rows[:limit]], next=following)


@router.post("", status_code=201)
@needs(Right.LOAD)
async def add(caller: Asking, office: InOffice, wish: BlackIn, response: Response) -> BlackOut:
    """Never call a number again. An entry that is there stays as it is; one for all campaigns is kept among
    the opt-outs, too, which nothing takes back."""
    reach(caller, wish.campaign)
    phone = phone_of(wish.number)
    entry = BlackEntry(phone, wish.campaign, caller.user[:80], wish.company, wish.job_title, wish.name)

    async def work(session: Session) -> BlackOut:
        if wish.campaign != "*":
            await known(session, wish.campaign)
        await note(session, office, caller, f"black list of {wish.campaign}: {phone.number} added")
        await black_list(session, entry, office.clock.now(), office.local, "api")
        [row] = await session.rows(
            "SELECT * FROM ccdata.black_list WHERE phone=%s AND campaign=%s", (phone.number, wish.campaign)
        )
        return _out(row)

    made = await office.database.transaction(work)
    response.headers["Location"] = f"/api/v1/black-list/check?number={phone.number.replace('+', '%2B')}"
    return made


@router.get("/check")
@needs(Right.LOAD)
async def check(
    caller: Asking, office: InOffice, number: Annotated[str, Query(max_length=64)], campaign: Campaign = "*"
) -> CheckOut:
    """Tell whether a number is blocked: for a campaign, or ('*') for all of them."""
    if campaign != "*":
        reach(caller, campaign)
    phone = phone_of(number)

    async def work(session: Session) -> CheckOut:
        own = campaign if campaign == "*" else await known(session, campaign)
        law, _ = await campaign_law(session, office.legal, own)
        forms = office.legal.place(law, phone.number).forms
        said = await wishes(session, own, office.clock.now(), office.local, {phone.number: forms})
        reasons = [word for word in (said.black_listed(forms),) if word]
        until = said.blocked_until(forms)
        if until is not None:
            reasons.append("the number is blocked for a time")
        if said.given(forms, "") is Given.WITHDRAWN:
            reasons.append("the person does not want to be called")
        return CheckOut(
            number=phone.number, campaign=own, blocked=bool(reasons), reasons=reasons, until=until
        )

    return await office.database.transaction(work)


@router.delete("", status_code=204)
@needs(Right.LOAD)
async def take_off(
    caller: Asking, office: InOffice, number: Annotated[str, Query(max_length=64)], campaign: Campaign
) -> None:
    """Take a number off a black list. What the person has said himself (opt-outs) stays."""
    reach(caller, campaign)
    phone = phone_of(number)

    async def work(session: Session) -> None:
        if not await tables.take_off(session, phone, campaign):
            raise NotFound("The number is not on this black list.")
        await note(session, office, caller, f"black list of {campaign}: {phone.number} taken off")

    await office.database.transaction(work)

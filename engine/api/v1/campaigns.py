"""`/api/v1/campaigns`: settings, start, stop and pause, pace, what they are doing and why."""

from __future__ import annotations

import hashlib
from typing import Annotated, Any
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Header, Query, Response
from starlette.exceptions import HTTPException

from engine.adapters.mysql import steering
from engine.adapters.mysql.database import Session
from engine.api.office import Office
from engine.api.v1.campaign_models import (
    Calls,
    CampaignLine,
    CampaignNew,
    CampaignOut,
    CampaignPatch,
    DecisionOut,
    PaceIn,
    PaceOut,
    Seats,
    StateOut,
    SwitchIn,
    SwitchOut,
)
from engine.api.v1.gate import Asking, InOffice, needs, note, reach
from engine.api.v1.paging import Cursor, Limit, Page, paged, read_cursor
from engine.api.v1.problems import NotFound, Problem
from engine.api.v1.resource import Resource
from engine.domain.access import Right
from engine.domain.errors import FieldError
from engine.ports import CampaignReport

router = APIRouter(route_class=Resource, prefix="/campaigns", tags=["campaigns"])

IfMatch = Annotated[
    str | None, Header(alias="If-Match", description="Change it only if its ETag is still this one.")
]
_STALE: dict[int | str, dict[str, Any]] = {
    412: {
        "model": Problem,
        "content": {"application/problem+json": {}},
        "description": "Somebody has changed it since.",
    }
}
_TYPES = {kind.casefold(): kind for kind in ("PowerDialer", "Predictive", "Preview", "Progressive")}


def url_of(campaign: str) -> str:
    """Return the path of a campaign."""
    return f"/api/v1/campaigns/{quote(campaign, safe='')}"


async def known(session: Session, campaign: str, *, lock: bool = False) -> str:
    """Return the campaign's name as it was created. Raises NotFound."""
    name = await steering.exists(session, campaign, lock=lock)
    if name is None:
        raise NotFound("There is no such campaign.")
    return name


def _said(values: dict[str, Any]) -> str:
    """Return a change as the audit tells it."""
    return orjson.dumps(values).decode()


def _out(row: dict[str, Any]) -> CampaignOut:
    values = {**row, "enabled": bool(row["status"])}
    for part in ("options", "broadcast", "law"):
        flags = ("customer_first", "agent_decides", "holidays") + (
            ("consent",) if part == "broadcast" else ()
        )
        if values[part] is not None:
            values[part] = {
                name: bool(value)
                if name in flags
                else float(value)
                if name.endswith("_hours") and value is not None
                else value
                for name, value in values[part].items()
            }
    if values["queue"] is not None:
        values["queue"] = {**values["queue"], "ringinuse": bool(values["queue"]["ringinuse"])}
    for name in ("am", "dncr", "autoanswer", "earlymedia", "autoconvertcallerid"):
        values[name] = bool(values[name])
    return CampaignOut.model_validate(values)


def _etag(campaign: CampaignOut) -> str:
    text = orjson.dumps(campaign.model_dump(), option=orjson.OPT_SORT_KEYS)
    return f'"{hashlib.sha256(text).hexdigest()[:24]}"'


async def _whole(
    session: Session, campaign: str, if_match: str | None = None, *, lock: bool = False
) -> CampaignOut:
    row = await steering.whole(session, campaign, lock=lock)
    if row is None:
        raise NotFound("There is no such campaign.")
    found = _out(row)
    if if_match is not None and if_match.strip() not in ("*", _etag(found)):
        raise HTTPException(412, "Somebody has changed it since: read it again.")
    return found


@router.get("")
@needs(Right.WATCH)
async def campaigns(
    caller: Asking, office: InOffice, limit: Limit = 50, cursor: Cursor = ""
) -> Page[CampaignLine]:
    """List the campaigns that you reach, by name."""
    after = read_cursor(cursor, str) or ("",)
    rows = await office.database.transaction(
        lambda s: steering.page(s, caller.scope, str(after[0]), limit + 1)
    )
    items = [CampaignLine.model_validate({**row, "enabled": bool(row["status"])}) for row in rows[:limit]]
    return Page(items=items, next=paged(rows, limit, "campaign"))


@router.post("", status_code=201)
@needs(Right.STEER)
async def create(caller: Asking, office: InOffice, wish: CampaignNew, response: Response) -> CampaignOut:
    """Make a campaign: its dialer and its queue, switched off. The queue must exist in Asterisk, too."""
    reach(caller, wish.campaign)

    async def work(session: Session) -> CampaignOut:
        await steering.create(session, wish.campaign, wish.values())
        await note(session, office, caller, f"{wish.campaign} made: {_said(wish.values())}")
        await steering.check(session, wish.campaign, office.profiles, office.legal)
        return await _whole(session, wish.campaign)

    made = await office.database.transaction(work)
    response.headers["Location"] = url_of(made.campaign)
    response.headers["ETag"] = _etag(made)
    return made


@router.get("/{campaign}")
@needs(Right.WATCH)
async def campaign_of(office: InOffice, campaign: str, response: Response) -> CampaignOut:
    """Show all settings of a campaign."""
    found = await office.database.transaction(lambda s: _whole(s, campaign))
    response.headers["ETag"] = _etag(found)
    return found


@router.patch("/{campaign}", responses=_STALE)
@needs(Right.STEER)
async def change(
    caller: Asking,
    office: InOffice,
    campaign: str,
    wish: CampaignPatch,
    response: Response,
    if_match: IfMatch = None,
) -> CampaignOut:
    """Change settings. What the engine could not use is refused by its field, and nothing changes."""

    async def work(session: Session) -> CampaignOut:
        before = await _whole(session, campaign, if_match, lock=True)
        await steering.change(session, before.campaign, wish.values())
        await note(session, office, caller, f"{before.campaign}: {_said(wish.values())}")
        await steering.check(session, before.campaign, office.profiles, office.legal)
        return await _whole(session, before.campaign)

    changed = await office.database.transaction(work)
    response.headers["ETag"] = _etag(changed)
    return changed


@router.post("/{campaign}/start", status_code=202)
@needs(Right.STEER)
async def start(office: InOffice, campaign: str) -> SwitchOut:
    """Let the campaign call, within its schedule; a pause ends. Settings that cannot be used are refused."""

    async def work(session: Session) -> str:
        name = await known(session, campaign, lock=True)
        await steering.check(session, name, office.profiles, office.legal)
        await steering.switch(session, name, on=True)
        return name

    return SwitchOut(campaign=await office.database.transaction(work), wanted="running")


@router.post("/{campaign}/stop", status_code=202)
@needs(Right.STEER)
async def stop(office: InOffice, campaign: str) -> SwitchOut:
    """Switch the campaign off: no new calls; calls that are up come to their end."""

    async def work(session: Session) -> str:
        name = await known(session, campaign, lock=True)
        await steering.switch(session, name, on=False)
        return name

    return SwitchOut(campaign=await office.database.transaction(work), wanted="stopped")


@router.post("/{campaign}/pause", status_code=202)
@needs(Right.STEER)
async def pause(office: InOffice, campaign: str, wish: SwitchIn | None = None) -> SwitchOut:
    """Place no new calls until the campaign is started; it stays switched on and is shown as draining."""
    reason = wish.reason if wish is not None else ""

    async def work(session: Session) -> str:
        name = await known(session, campaign, lock=True)
        await steering.pause(session, name, reason)
        return name

    return SwitchOut(campaign=await office.database.transaction(work), wanted="paused")


@router.get("/{campaign}/state")
@needs(Right.WATCH)
async def state(office: InOffice, campaign: str) -> StateOut:
    """Tell what the campaign is doing now, and what keeps it from more calls."""
    for report in await office.live.reports():
        if report.campaign.casefold() == campaign.casefold():
            return live_state(office, report)
    row = await office.database.transaction(lambda s: _written_state(s, campaign))
    seats = Seats(**{name: row[name] for name in Seats.model_fields})
    under_way = Calls(**{name: row[name] for name in Calls.model_fields})
    plain = {name: row[name] for name in StateOut.model_fields if name in row}
    return StateOut.model_validate({**plain, "live": False, "seats": seats, "under_way": under_way})


async def _written_state(session: Session, campaign: str) -> dict[str, Any]:
    row = await steering.state(session, campaign)
    if row is None:
        await known(session, campaign)
        raise NotFound("No engine has seen this campaign yet.")
    return row


def live_state(office: Office, report: CampaignReport) -> StateOut:
    """Return what the engine that answers knows of a campaign."""
    decision, snapshot = report.decision, report.snapshot
    return StateOut(
        campaign=report.campaign,
        state=report.state,
        live=True,
        since=report.since,
        updated_at=office.clock.now(),
        field=report.field,
        reason=report.reason or (decision.reason if decision else ""),
        bound=str(decision.bound) if decision else "",
        calls=decision.calls if decision else 0,
        overdial=snapshot.dialer.overdial if snapshot else 0,
        seats=Seats(
            ready=snapshot.ready,
            ringing=snapshot.ringing,
            talking=snapshot.talking,
            wrapup=snapshot.wrapup,
            paused=report.paused,
        )
        if snapshot
        else Seats(),
        under_way=Calls(dialling=snapshot.dialling, waiting=snapshot.waiting, channels=snapshot.channels)
        if snapshot
        else Calls(),
    )


@router.get("/{campaign}/decisions")
@needs(Right.WATCH)
async def decisions(
    office: InOffice, campaign: str, last: Annotated[int, Query(ge=1, le=60)] = 10
) -> list[DecisionOut]:
    """Show the last decisions of the pacer, the newest first (about one a second; 60 are kept)."""

    async def work(session: Session) -> list[dict[str, Any]]:
        return await steering.decisions(session, await known(session, campaign), last)

    rows = await office.database.transaction(work)
    return [DecisionOut.model_validate({**row, "numbers": row["detail"]}) for row in rows]


@router.get("/{campaign}/pace")
@needs(Right.WATCH)
async def pace(office: InOffice, campaign: str) -> PaceOut:
    """Show how fast the campaign may call."""
    return _pace(await office.database.transaction(lambda s: _whole(s, campaign)))


@router.put("/{campaign}/pace")
@needs(Right.STEER)
async def set_pace(caller: Asking, office: InOffice, campaign: str, wish: PaceIn) -> PaceOut:
    """Override the pace; it holds within two seconds. The abandonment budget and the channels still bind."""

    async def work(session: Session) -> CampaignOut:
        before = await _whole(session, campaign, lock=True)
        values: dict[str, Any] = {}
        tbc = _tbc(wish, before.dialertype)
        if tbc is not None:
            values["tbc"] = tbc
        if wish.maxchannels is not None:
            values["maxchannels"] = wish.maxchannels
        if not values:
            raise FieldError("overdial", "no pace is given", "Give overdial, adaptive, target or gap.")
        await steering.change(session, before.campaign, values)
        await note(session, office, caller, f"{before.campaign}: {_said(values)}")
        await steering.check(session, before.campaign, office.profiles, office.legal)
        return await _whole(session, before.campaign)

    return _pace(await office.database.transaction(work))


def _tbc(wish: PaceIn, dialertype: str) -> int | None:
    """Return `dialers.tbc` for a pace; None when only the channels change. Raises FieldError."""
    given = [name for name in ("overdial", "adaptive", "target", "gap") if getattr(wish, name) is not None]
    if len(given) > 1:
        raise FieldError(given[1], f"{given[0]} is given as well", "Give one of them.")
    if not given:
        return None
    kind = _TYPES.get(dialertype.casefold(), dialertype)
    if given[0] in ("overdial", "adaptive") and kind != "PowerDialer":
        raise FieldError(given[0], f"{kind} works out its overdial itself", "Give target or maxchannels.")
    if wish.target is not None and kind != "Predictive":
        raise FieldError("target", f"{kind} has no target of abandoned calls", "Give overdial or adaptive.")
    if wish.gap is not None:
        return wish.gap
    return -1 if wish.adaptive else -(wish.overdial or wish.target or 0)


def _pace(campaign: CampaignOut) -> PaceOut:
    tbc, kind = campaign.tbc, _TYPES.get(campaign.dialertype.casefold(), "")
    if tbc >= 0:
        return PaceOut(gap=tbc, maxchannels=campaign.maxchannels)
    if kind == "Predictive":
        return PaceOut(target=-tbc, maxchannels=campaign.maxchannels)
    adaptive = tbc == -1
    return PaceOut(overdial=None if adaptive else -tbc, adaptive=adaptive, maxchannels=campaign.maxchannels)

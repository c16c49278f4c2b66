"""`/api/v1/uploads`: contact files, accepted at once and loaded by and by; what was refused, line by line."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, Field

from engine.adapters.mysql import uploads as tables
from engine.adapters.mysql.database import Session
from engine.api.v1.campaign_models import Moment
from engine.api.v1.campaigns import known
from engine.api.v1.gate import Asking, InOffice, needs, reach
from engine.api.v1.paging import Cursor, Limit, Page, paged, read_cursor
from engine.api.v1.problems import NotFound
from engine.api.v1.resource import Resource
from engine.domain.access import Caller, Right
from engine.domain.errors import FieldError, Refused
from engine.domain.integra.upload import UploadRequest, read_zone
from engine.domain.upload import list_name

router = APIRouter(route_class=Resource, tags=["uploads"])

_CONTENT = {
    "requestBody": {
        "required": True,
        "description": "campaign;phone;data;alternatives;priority[;agent], one a line (docs/lists.md)",
        "content": {"text/csv": {"schema": {"type": "string"}}},
    }
}


class UploadOut(BaseModel):
    """A file. `status`: waiting, loading, done or refused (`message` says why); `lines_read`, `accepted` and
    `refused` grow while it is loaded."""

    id: int
    list: str
    campaign: str
    username: str
    status: str
    lines_read: int
    accepted: int
    refused: int
    message: str
    started_at: Moment
    updated_at: Moment


#: A value that a reason quotes (`excerpt`); the closing quote may have been cut off.
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*(?:'|$)|\"(?:[^\"\\]|\\.)*(?:\"|$)", re.DOTALL)


class RefusedLine(BaseModel):
    """A line that was not loaded: its number in the file, why, and how it begins. Of a line that somebody
    else sent for a campaign that is not yours `text` is empty, and `reason` quotes nothing of it."""

    line: int
    reason: str
    text: str


class UploadMade(BaseModel):
    """A file that was accepted."""

    id: int = Field(description="Ask /uploads/{id} how it stands.")


@router.post("/campaigns/{campaign}/uploads", status_code=202, openapi_extra=_CONTENT)
@needs(Right.LOAD, uploads=True)
async def load(
    caller: Asking,
    office: InOffice,
    campaign: str,
    request: Request,
    response: Response,
    list: Annotated[str, Query(max_length=100, description="The list that the contacts form.")],
    timezone: Annotated[str, Query(max_length=64, description="Of all its contacts.")] = "",
) -> UploadMade:
    """Load a file of contacts. The answer comes when the file is safe; bad lines are refused one by one.

    Lines name their own campaign, which must be one of yours. The same file is loaded once: sent again by the
    same user within ten minutes it is refused with 409, unless lines of it had been refused.
    """
    name, zone = list_name(list), read_zone(timezone) if timezone else ""
    content = await request.body()
    if content.count(b";") < 3:
        raise FieldError(
            "body", "no line of it has four columns", "Send campaign;phone;data;alternatives;priority."
        )
    own = await office.database.transaction(lambda s: known(s, campaign))
    upload = await office.clerk.take(UploadRequest(name, own, zone, 0, content), caller.user)
    if not upload:
        raise Refused("The same file was sent for this list a moment ago.")
    response.headers["Location"] = f"/api/v1/uploads/{upload}"
    return UploadMade(id=upload)


@router.get("/uploads")
@needs(Right.WATCH)
async def uploads(
    caller: Asking, office: InOffice, limit: Limit = 50, cursor: Cursor = ""
) -> Page[UploadOut]:
    """List the files of your campaigns, the newest first."""
    before = read_cursor(cursor, int) or (0,)
    names = None if caller.scope.everything else sorted(caller.scope.names)
    rows = await office.database.transaction(
        lambda s: tables.progress(s, names, before=int(before[0]), limit=limit + 1)
    )
    return Page(items=[UploadOut.model_validate(row) for row in rows[:limit]], next=paged(rows, limit, "id"))


async def _one(session: Session, caller: Caller, upload: int) -> dict[str, Any]:
    rows = await tables.progress(session, upload=upload, limit=1)
    if not rows:
        raise NotFound("There is no such upload.")
    # Files that were loaded by command name no campaign: they may hold anybody's contacts.
    reach(caller, str(rows[0]["campaign"]) or "*")
    return rows[0]


@router.get("/uploads/{upload}")
@needs(Right.WATCH)
async def upload_of(caller: Asking, office: InOffice, upload: int) -> UploadOut:
    """Tell how far a file is loaded."""
    return UploadOut.model_validate(await office.database.transaction(lambda s: _one(s, caller, upload)))


@router.get("/uploads/{upload}/refused")
@needs(Right.LOAD)
async def refused(
    caller: Asking, office: InOffice, upload: int, limit: Limit = 50, cursor: Cursor = ""
) -> Page[RefusedLine]:
    """List the lines that were refused, and those loaded in part, in the order of the file."""
    after = read_cursor(cursor, int) or (0,)

    async def work(session: Session) -> tuple[bool, list[dict[str, Any]]]:
        sender = str((await _one(session, caller, upload))["username"])
        sent = sender.casefold() == caller.user.casefold()
        return sent, await tables.refused_lines(session, upload, after=int(after[0]), limit=limit + 1)

    sent, rows = await office.database.transaction(work)
    items = [_told(row, whole=sent or _mine(caller, str(row["text"]))) for row in rows[:limit]]
    return Page(items=items, next=paged(rows, limit, "line"))


def _mine(caller: Caller, text: str) -> bool:
    """Whether a line is the caller's business: its first column is a campaign of his."""
    return caller.scope.reaches(text.partition(";")[0])


def _told(row: dict[str, Any], *, whole: bool) -> RefusedLine:
    line = RefusedLine.model_validate(row)
    if whole:
        return line
    return RefusedLine(line=line.line, reason=_QUOTED.sub("…", line.reason), text="")

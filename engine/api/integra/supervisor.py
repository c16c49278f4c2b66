"""`Supervisor/…` and `Cdr/…`: live figures of queues, recordings."""

from __future__ import annotations

import itertools
import secrets
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime

from engine.adapters.mysql import recordings
from engine.api.guard import Forbidden
from engine.api.integra.dates import us_date
from engine.api.integra.fields import fields
from engine.api.integra.form import Form
from engine.api.integra.route import Answer, Route, json, no_campaign, says, text
from engine.api.office import Office
from engine.domain.access import Caller, Right
from engine.domain.errors import Refused
from engine.domain.integra.calls import read_guid
from engine.domain.integra.live import campaign_status, queue_summary
from engine.domain.integra.records import RecordsPage, read_page, recording_folder
from engine.domain.integra.shapes import record_object

#: The documented `internalActionId` is two numbers: which process asks, and which of its questions.
_PROCESS = secrets.randbelow(2**31)
_QUESTIONS = itertools.count(1)


class _Bookmarks:
    """Where pages of records ended: who reads on in order never passes over what he has read."""

    def __init__(self, kept: int = 1000) -> None:
        self._kept = kept
        self._places: OrderedDict[tuple[RecordsPage, frozenset[str] | None], recordings.After] = OrderedDict()

    def leave(self, page: RecordsPage, seen: frozenset[str] | None, last: recordings.After) -> None:
        """Remember the row before `page`."""
        self._places[replace(page, limit=0), seen] = last
        while len(self._places) > self._kept:
            self._places.popitem(last=False)

    def find(self, page: RecordsPage, seen: frozenset[str] | None) -> recordings.After | None:
        """Return the row before `page`, None when nobody has read it."""
        return self._places.get((replace(page, limit=0), seen)) if page.offset else None


_BOOKMARKS = _Bookmarks()


async def queuesummary(office: Office, caller: Caller, form: Form) -> Answer:
    """Return what Asterisk's QueueSummary says, out of the live picture."""
    now = await _now(office)
    question = f"{_PROCESS}_{next(_QUESTIONS)}"
    queues = [q for q in await office.live.queues() if caller.scope.reaches(q.name)]
    return json(queue_summary(queues, question, us_date(office.local.naive(now))))


async def campaignstatus(office: Office, caller: Caller, form: Form) -> Answer:
    """Return the state of one campaign, or (without `queue`) of all, by name, out of the live picture."""
    await _now(office)
    wanted = form.get("queue").strip().casefold()
    queues = [
        queue
        for queue in await office.live.queues()
        if caller.scope.reaches(queue.name) and wanted in ("", queue.name.casefold())
    ]
    return json({queue.name: campaign_status(queue) for queue in queues})


async def _now(office: Office) -> datetime:
    if not await office.live.current():
        raise Refused("Asterisk cannot be reached: nothing is known of this moment")
    return office.clock.now()


async def getrecords(office: Office, caller: Caller, form: Form) -> Answer:
    """Return one page of recorded calls."""
    page = read_page(fields(form, "lastrow", "searchLimit", "filter"))
    seen = None if caller.scope.everything else caller.scope.names
    after = _BOOKMARKS.find(page, seen)
    rows = await office.database.transaction(lambda s: recordings.records(s, page, seen, after))
    if rows:
        last = recordings.After(rows[-1]["calldate"], int(rows[-1]["id"]))
        _BOOKMARKS.leave(replace(page, offset=page.offset + len(rows)), seen, last)
    return json([record_object(row) for row in rows])


async def convert(office: Office, caller: Caller, form: Form) -> Answer:
    """Make the MP3 of a recording; `1` when it is there."""
    own = fields(form, "guid", "folder")
    guid, folder = read_guid(own.required("guid")), recording_folder(own.text("folder"))
    if office.recordings is None:
        raise Refused("http.recordings is not set")
    await check_recording(office, caller, guid)
    await office.recordings.to_mp3(guid, folder)
    return text("1")


async def check_recording(office: Office, caller: Caller, guid: str) -> None:
    """Raise Forbidden unless the call lies in the caller's scope. What no record tells of is for those who
    see everything."""
    if caller.scope.everything:
        return
    call = await office.database.transaction(lambda s: recordings.whose(s, guid))
    if call is None or not caller.reaches(*call):
        raise Forbidden


ROUTES = (
    Route("Integra/resources/Supervisor/queuesummary", Right.WATCH, queuesummary, no_campaign, None),
    Route("Integra/resources/Supervisor/campaignstatus", Right.WATCH, campaignstatus, no_campaign, None),
    Route("Integra/resources/Cdr/getrecords", Right.LISTEN, getrecords, no_campaign, None),
    Route(
        "Integra/resources/Supervisor/convert",
        Right.LISTEN,
        convert,
        no_campaign,
        says("convert", "guid", "folder"),
    ),
)

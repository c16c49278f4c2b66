"""`Dialers/…`: contacts in and out of the spool, scheduled calls, contact files, the dialers themselves."""

from __future__ import annotations

import asyncio

from engine.adapters.mysql import campaigns, contacts
from engine.adapters.mysql.database import Session
from engine.api.desks import may_ring
from engine.api.integra import ordering
from engine.api.integra.fields import fields
from engine.api.integra.form import Form
from engine.api.integra.route import Answer, Route, field, json, json_key, says, text
from engine.api.office import Office
from engine.domain.access import Caller, Right
from engine.domain.integra.calls import click_to_call
from engine.domain.integra.contacts import (
    Task,
    TaskKind,
    read_removal,
    read_respool,
    read_scheduled,
    read_task,
)
from engine.domain.integra.shapes import dialer_object
from engine.domain.integra.upload import read_upload


async def respool(office: Office, caller: Caller, form: Form) -> Answer:
    """Put a contact (back) into the spool."""
    wish = read_respool(form.required("callspool"))
    await office.database.transaction(lambda session: contacts.respool(session, wish))
    return text("1")


async def schedule_call(office: Office, caller: Caller, form: Form) -> Answer:
    """Schedule a call."""
    wish = read_scheduled(form.required("callschedule"))
    await office.database.transaction(lambda session: contacts.add_scheduled(session, wish))
    return text("1")


async def dialer_task(office: Office, caller: Caller, form: Form) -> Answer:
    """Carry out one of the four documented combinations.

    A call at this moment (B) goes through the phone of the agent who is named, or of the caller; where there
    is neither, it is the dialer's very next call.
    """
    task = read_task(form.required("call"))
    if task.kind is TaskKind.CALL and await _click_to_call(office, caller, task):
        return text("1")
    before_all, now = task.kind is TaskKind.CALL, office.clock.now()
    await office.database.transaction(lambda s: contacts.add_task(s, task, now, before_all=before_all))
    return text("1")


async def _click_to_call(office: Office, caller: Caller, task: Task) -> bool:
    """Call through somebody's phone; False when there is none."""

    async def find(session: Session) -> dict[str, str] | None:
        await contacts.lock_campaign(session, task.campaign)
        return await contacts.phone_of(session, task.agent or caller.user)

    desk = await office.database.transaction(find)
    if desk is None and not task.agent:
        return False
    agent = desk["agent"] if desk else task.agent
    extension = desk["extension"] if desk else task.agent
    source = task.source if task.source.removeprefix("+").isdecimal() else ""
    row = click_to_call(task.campaign, agent, extension, task.phone, source)
    await may_ring(office, caller, agent, extension, str(row["context"]))
    await ordering.place_call(office, row)
    return True


async def remove_contact(office: Office, caller: Caller, form: Form) -> Answer:
    """Take a number out of a campaign's spool."""
    own = fields(form, "campaign", "number")
    campaign, phone = own.required("campaign"), own.phone("number")
    await office.database.transaction(lambda s: contacts.remove_contact(s, campaign, phone))
    return text("1")


async def remove_scheduled(office: Office, caller: Caller, form: Form) -> Answer:
    """Delete the scheduled calls of a number between two moments."""
    removal = read_removal(fields(form, "campaign", "destination", "number", "from", "to"))
    await office.database.transaction(lambda s: contacts.remove_scheduled_calls(s, removal))
    return text("1")


async def upload_base(office: Office, caller: Caller, form: Form) -> Answer:
    """Accept a contact file; it is loaded afterwards."""
    return await _upload(office, caller, form, zoned=False)


async def upload_base_with_timezone(office: Office, caller: Caller, form: Form) -> Answer:
    """Accept a contact file whose contacts are in one time zone."""
    return await _upload(office, caller, form, zoned=True)


async def _upload(office: Office, caller: Caller, form: Form, *, zoned: bool) -> Answer:
    own = fields(form, "filename", "campaign", "cant", "timezone")
    encoded = form.get("fileb64")
    request = await asyncio.to_thread(lambda: read_upload(own, encoded, zoned=zoned))
    await office.clerk.take(request, caller.user)
    return text("1")


async def get_dialers(office: Office, caller: Caller, form: Form) -> Answer:
    """Return every dialer that the caller may see."""
    rows = await office.database.transaction(campaigns.all_dialers)
    return json([dialer_object(row) for row in rows if caller.scope.reaches(str(row["campaign"]))])


ROUTES = (
    Route(
        "Integra/resources/Dialers/Respool",
        Right.CALL,
        respool,
        json_key("callspool", "campaign"),
        says("Respool", "callspool"),
    ),
    Route(
        "Integra/resources/Dialers/ScheduleDialerCall",
        Right.CALL,
        schedule_call,
        json_key("callschedule", "campaign"),
        says("ScheduleDialerCall", "callschedule"),
    ),
    Route(
        "Integra/resources/Dialers/DialerTask",
        Right.LOAD,
        dialer_task,
        json_key("call", "campaign"),
        says("DialerTask", "call"),
    ),
    Route(
        "Integra/resources/Dialers/RemoveContact",
        Right.LOAD,
        remove_contact,
        field("campaign"),
        says("RemoveContact", "campaign", "number"),
    ),
    Route(
        "Integra/resources/Dialers/RemoveScheduleDialerCall",
        Right.LOAD,
        remove_scheduled,
        field("campaign"),
        says("RemoveScheduleDialerCall", "campaign", "destination", "number", "from", "to"),
    ),
    Route(
        "Integra/resources/Dialers/uploadbase",
        Right.LOAD,
        upload_base,
        field("campaign"),
        says("uploadbase", "filename", "campaign", "cant", "username"),
        upload=True,
    ),
    Route(
        "Integra/resources/Dialers/uploadbasewithtimezone",
        Right.LOAD,
        upload_base_with_timezone,
        field("campaign"),
        says("uploadbasewithtimezone", "filename", "campaign", "cant", "username", "timezone"),
        upload=True,
    ),
    Route("Integra/resources/Dialers/get", Right.WATCH, get_dialers, lambda form: (), None),
)

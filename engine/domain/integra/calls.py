"""Requests about calls: dispositions, tags, click to call, flows, hang-ups."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.domain.errors import FieldError, excerpt
from engine.domain.integra.fields import Fields
from engine.domain.orders import Order, read_order
from engine.domain.phones import Phone, parse_phone

#: Ids of calls: ours are UUIDs, those of other calls Asterisk's `1700000000.123`.
_GUID = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)


class DialerAction(enum.StrEnum):
    """What a disposition does with the contact; `dispositions.action` holds the word."""

    NOTHING = ""
    RESPOOL = "RESPOOL"
    ALTERNATIVE = "RESPOOLALTERNATIVE"
    BLACKLIST = "BLACKLIST"
    SCHEDULE = "SCHEDULE"


def read_action(text: str) -> DialerAction:
    """Read `dispositions.action`; the documents write SCHEDULE also as RESCHEDULE. Raises FieldError."""
    word = text.strip().upper()
    if word == "RESCHEDULE":
        return DialerAction.SCHEDULE
    try:
        return DialerAction(word)
    except ValueError as error:
        known = ", ".join(filter(None, DialerAction))
        raise FieldError("dispositions.action", f"{excerpt(word)} is unknown", f"Use {known}.") from error


@dataclass(frozen=True, slots=True)
class Disposition:
    """How a call ended, in the agent's words. `schedule`: local time; `quoted`: the client knows the newer
    page, which answers "OK" in quotes and asks for camptoreschedule and tag."""

    campaign: str
    agent: str
    phone: Phone
    guid: str
    levels: tuple[str, str, str]
    extra: tuple[str, str]
    comment: str
    schedule: datetime | None
    schedule_on: str
    tag: str
    quoted: bool


def read_disposition(form: Fields) -> Disposition:
    """Read the fields of DispositionCall: missing ones are empty. Raises FieldError."""
    return Disposition(
        campaign=form.required("campaign"),
        agent=form.required("agent"),
        phone=form.phone("callerid"),
        guid=read_guid(form.required("guid")),
        levels=(_level(form, "l1"), _level(form, "l2"), _level(form, "l3")),
        extra=(form.text("d1"), form.text("d2")),
        comment=form.text("comment", longest=2000),
        schedule=form.moment("schedule"),
        schedule_on=form.text("camptoreschedule", longest=128),
        tag=form.text("tag"),
        quoted=knows_new_page(form),
    )


def knows_new_page(form: Fields) -> bool:
    """The older page has neither of these fields and answers `1`, the newer one has both."""
    return "camptoreschedule" in form or "tag" in form


def _level(form: Fields, key: str) -> str:
    return form.required(key) if key == "l1" else form.text(key, longest=100)


def finish_note(at: datetime, levels: tuple[str, str, str]) -> str:
    """Return what `cdr_repo.finishtime` holds: date and time (local) with the disposition's levels."""
    return f"{at:%Y-%m-%d %H:%M:%S} {'/'.join(filter(None, levels))}"[:255]


def read_guid(text: str, key: str = "guid") -> str:
    """Check a call's id. Raises FieldError."""
    if not _GUID.fullmatch(text):
        raise FieldError(key, f"{excerpt(text)} is no id of a call", "Send the guid as it was given.")
    return text


@dataclass(frozen=True, slots=True)
class Tag:
    """A text for a recorded call."""

    phone: str
    guid: str
    text: str


def read_tag(form: Fields) -> Tag:
    """Read the fields of TagRecord. Raises FieldError."""
    phone = form.text("phone")
    return Tag(
        parse_phone(phone, "phone").number if phone else "",
        read_guid(form.required("guid")),
        form.text("data", longest=255),
    )


#: Every column of `orders` that a request may fill, empty as in the table.
_ROW: Mapping[str, str] = {
    "kind": "", "campaign": "", "agent": "", "phone": "", "tech": "SIP", "context": "", "exten": "",
    "callerid": "", "destination": "", "attempt": "", "act": "", "reason": "", "variables": "{}",
}  # fmt: skip
#: A sample of the documents forgets the & after the caller ID.
_GLUED = re.compile(r"(?P<callerid>[^=&]*?)agent=(?P<agent>[^&]*)", re.ASCII)


def read_agent_call(form: Fields) -> dict[str, Any]:
    """Return the order of an AgentCall as a row. Raises FieldError."""
    callerid, agent = form.text("callerid"), form.text("agent")
    glued = _GLUED.fullmatch(callerid)
    if glued and not agent:
        callerid, agent = glued["callerid"], glued["agent"]
    if not agent:
        raise FieldError("agent", "it is empty", "Name the agent who calls.")
    return _checked(
        kind="call",
        callerid=callerid,
        agent=agent,
        phone=form.required("phone"),
        tech=form.text("tech", "SIP"),
        context=form.text("context", "agents"),
        campaign=form.required("outqueue"),
        destination=form.required("destination"),
    )


def read_hang_up(form: Fields) -> dict[str, Any]:
    """Return the order of a HangupPhone as a row. Raises FieldError."""
    return _checked(kind="hangup", phone=form.required("phone").rpartition("/")[2])


def read_workflow(form: Fields) -> dict[str, Any]:
    """Return the order of a CallWorkflow as a row. Raises FieldError."""
    return _checked(
        kind="workflow",
        context=form.required("context"),
        exten=form.required("extension"),
        variables=form.text("jsonparams", "{}", longest=16_000),
    )


def click_to_call(campaign: str, agent: str, extension: str, phone: Phone, callerid: str) -> dict[str, Any]:
    """Return the order of a call through an agent's phone as a row. Raises FieldError."""
    return _checked(
        kind="call", campaign=campaign, agent=agent, phone=extension, context="agents",
        destination=phone.number, callerid=callerid,
    )  # fmt: skip


def _checked(**columns: str) -> dict[str, Any]:
    row = {**_ROW, **columns}
    read_order(row)
    return row


def order_of(row: Mapping[str, Any]) -> Order:
    """Read such a row. Raises FieldError."""
    return read_order(row)

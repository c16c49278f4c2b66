"""Requests about contacts: respool, scheduled calls, tasks, removals, the black list."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from engine.domain.errors import FieldError
from engine.domain.integra.fields import Fields, read_object
from engine.domain.phones import Phone
from engine.domain.upload import LAST

#: The first priority that is not the scheduler's.
AFTER_SCHEDULED = 2
_TASK_KEYS = (
    "calldate", "campaign", "destination", "alternatives", "agent", "data", "source", "bulk", "automatic",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Respool:
    """A contact that goes (back) into its spool; see Dialers/Respool."""

    campaign: str
    phone: Phone
    list: str
    data: str
    alternatives: str
    contact: str
    retries: int
    priority: int
    agent: str


def read_respool(text: str) -> Respool:
    """Read `callspool`. Raises FieldError. `status` is always 1, whatever is sent: so the documents."""
    own = read_object(text, "callspool")
    return Respool(
        campaign=own.required("campaign"),
        phone=own.phone("destination"),
        # The object that forms get (CTI), and are to send back, has it without the r.
        list=own.text("dialerbase") or own.text("dialebase"),
        data=own.text("data"),
        alternatives=own.alternatives(),
        contact=own.text("contact"),
        retries=own.number("retries", 0, 0, 99),
        # 1 is the scheduler's: "use > 1".
        priority=max(own.number("priority", LAST, 0, LAST), AFTER_SCHEDULED),
        agent=own.text("agentphone"),
    )


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A call at a moment (local time); see Dialers/ScheduleDialerCall. `timezone`: where the contact is, ''
    when it is not known."""

    at: datetime
    campaign: str
    phone: Phone
    alternatives: str
    agent: str
    data: str
    contact: str = ""
    timezone: str = ""


def read_scheduled(text: str) -> Scheduled:
    """Read `callschedule`. Raises FieldError."""
    own = read_object(text, "callschedule")
    return Scheduled(
        at=_moment(own, "calldate"),
        campaign=own.required("campaign"),
        phone=own.phone("destination"),
        alternatives=own.alternatives(),
        agent=own.text("agentphone"),
        data=own.text("data"),
    )


def _moment(own: Fields, key: str, *, last: bool = False) -> datetime:
    at = own.moment(key, last=last)
    if at is None:
        raise FieldError(key, "it is empty", "Use YYYY-MM-DD HH:MM:SS.")
    return at


class TaskKind(enum.StrEnum):
    """The four documented combinations of calldate, bulk and automatic (DialerTask A to D)."""

    FIRST = "first"  # A: null, false, true: into the dialer with priority 1
    CALL = "call"  # B: null, false, false: click to call, at this moment
    SCHEDULED = "scheduled"  # C: a date, true, false: a call at that moment
    SPOOL = "spool"  # D: null, true, false: into the dialer, for the agent who is named


_KINDS = {
    (False, False, True): TaskKind.FIRST,
    (False, False, False): TaskKind.CALL,
    (True, True, False): TaskKind.SCHEDULED,
    (False, True, False): TaskKind.SPOOL,
}


@dataclass(frozen=True, slots=True)
class Task:
    """One DialerTask. `agent`: user name or extension; `source`: documented as pending, kept for calls
    as their caller ID where it is a number; `contact`: whose number it is, '' when that is not known."""

    kind: TaskKind
    at: datetime | None
    campaign: str
    phone: Phone
    alternatives: str
    agent: str
    data: str
    source: str
    contact: str = ""


def read_task(text: str) -> Task:
    """Read `call`. Raises FieldError, also for combinations that the documents do not define."""
    own = read_object(text, "call")
    own.demand(*_TASK_KEYS)
    at = own.moment("calldate")
    kind = _KINDS.get((at is not None, own.flag("bulk"), own.flag("automatic")))
    if kind is None:
        raise FieldError(
            "bulk",
            "calldate, bulk and automatic go together in no documented way",
            "Use null,false,true; null,false,false; a date,true,false; or null,true,false.",
        )
    return Task(
        kind=kind,
        at=at,
        campaign=own.required("campaign"),
        phone=own.phone("destination"),
        alternatives=own.alternatives(),
        agent=own.text("agent"),
        data=own.text("data"),
        source=own.text("source"),
    )


@dataclass(frozen=True, slots=True)
class Removal:
    """Scheduled calls of a number between two local moments."""

    campaign: str
    phone: Phone
    begin: datetime
    end: datetime


def read_removal(form: Fields) -> Removal:
    """Read the fields of RemoveScheduleDialerCall; its prose calls the number `number`, its list
    `destination`. Raises FieldError."""
    key = "destination" if form.text("destination") else "number"
    begin, end = _moment(form, "from"), _moment(form, "to", last=True)
    removal = Removal(form.required("campaign"), form.phone(key), begin, end)
    if removal.end < removal.begin:
        raise FieldError("to", "it is before from", "Give the earlier moment first.")
    return removal


@dataclass(frozen=True, slots=True)
class BlackEntry:
    """A number that must not be called, by a campaign or ('*') by any."""

    phone: Phone
    campaign: str
    username: str
    company: str
    job_title: str
    name: str


def read_black(text: str) -> BlackEntry:
    """Read `black`. Raises FieldError."""
    own = read_object(text, "black")
    return BlackEntry(
        phone=own.phone("phone"),
        campaign=own.required("campaign"),
        username=own.text("username"),
        company=own.text("company"),
        job_title=own.text("job_title"),
        name=own.text("name"),
    )

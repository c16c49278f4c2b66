"""Contacts as JSON: their data as an object, their numbers as a list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.api.v1.campaign_models import Given, GivenLocal, LocalMoment, Moment, Text80
from engine.domain.errors import FieldError, excerpt
from engine.domain.phones import join_alternatives, parse_phone

Number = Annotated[
    str, Field(min_length=1, max_length=64, description="May carry a type: M=0991 or M=2=0991.")
]
Data = Annotated[dict[str, str], Field(max_length=200, description="Shown to the agent, set on the channel.")]
Priority = Annotated[int, Field(ge=2, le=9999, description="Smaller first.")]
_STATUS = {0: "calling", 1: "ready", 2: "set_aside", 3: "blocked"}
Status = Literal["ready", "waiting", "calling", "set_aside", "blocked"]
#: What `data` cannot hold: it separates.
_SEPARATORS = (":", ";", "\n", "\r", "\x00")


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ContactNew(_Given):
    """A contact to be called. Without a list it is a task: called before all lists, in order."""

    number: Number
    alternatives: tuple[Number, ...] = Field((), max_length=20)
    data: Data = Field(default_factory=dict)
    contact: str = Field("", max_length=64, description="Your id of the person.")
    list: str = Field("", max_length=128)
    priority: Priority = 9999
    agent: Text80 = Field("", description="Extension or user name of the agent whose contact it is.")


class ContactPatch(_Given):
    """What is to change. The contact is ready afterwards, and judged anew."""

    number: Number | None = None
    alternatives: tuple[Number, ...] | None = Field(None, max_length=20)
    data: Data | None = None
    contact: str | None = Field(None, max_length=64)
    list: str | None = Field(None, max_length=128)
    priority: Priority | None = None
    agent: Text80 | None = None
    not_before: Given | None = None


class ContactOut(BaseModel):
    """A contact in the spool. `waiting`: ready, but not before `not_before`.

    `reason`, `held_by`: why it is held, set aside or blocked; `attempts`: calls made to the present number;
    `rounds`: times recycled.
    """

    id: int
    campaign: str
    list: str
    status: Status
    number: str
    alternatives: tuple[str, ...]
    data: dict[str, str]
    contact: str
    priority: int
    agent: str
    attempts: int
    rounds: int
    not_before: Moment | None
    reason: str
    held_by: str


class RespoolIn(_Given):
    """Whom to bring back: a number, or your id of the person; exactly one."""

    number: Number | None = None
    contact: str | None = Field(None, min_length=1, max_length=64)


class ScheduledNew(_Given):
    """A call at a moment. A moment without a zone is local time of the server."""

    at: GivenLocal
    number: Number
    alternatives: tuple[Number, ...] = Field((), max_length=20)
    data: Data = Field(default_factory=dict)
    contact: str = Field("", max_length=64)
    agent: Text80 = ""


class ScheduledOut(BaseModel):
    """A scheduled call; `at` in the server's zone."""

    id: int
    campaign: str
    at: datetime
    number: str
    alternatives: tuple[str, ...]
    data: dict[str, str]
    contact: str
    agent: str


class BlackIn(_Given):
    """A number that must not be called: by one campaign, or ('*') by any, which is for good."""

    number: Number
    campaign: str = Field("*", min_length=1, max_length=128)
    company: str = Field("", max_length=128)
    job_title: str = Field("", max_length=128)
    name: str = Field("", max_length=128)


class BlackOut(BaseModel):
    """An entry of the black list; `created` is local time of the server."""

    number: str
    campaign: str
    username: str | None
    company: str | None
    job_title: str | None
    name: str | None
    created: LocalMoment


class CheckOut(BaseModel):
    """What forbids a number; moments are local time of the server."""

    number: str
    campaign: str
    blocked: bool
    reasons: list[str]
    until: LocalMoment | None


def join_data(data: dict[str, str]) -> str:
    """Return `k=v` joined by ':'. Raises FieldError for what the column cannot hold."""
    for key, value in data.items():
        if not key or "=" in key or any(mark in key + value for mark in _SEPARATORS):
            raise FieldError(
                "data",
                f"{excerpt(key)} cannot be stored",
                "Leave ':' and ';' away; '=' is no part of a name.",
            )
    text = ":".join(f"{key}={value}" for key, value in data.items())
    if len(text) > 4000:
        raise FieldError("data", f"it has {len(text)} characters", "Use 4000 at most.")
    return text


def split_data(text: str) -> dict[str, str]:
    """Return `k=v:k=v` as an object; a part without '=' is a name without a value."""
    pairs = (part.partition("=") for part in text.split(":") if part)
    return {key: value for key, _, value in pairs}


def split_numbers(text: str | None) -> tuple[str, ...]:
    """Return the column's alternatives one by one."""
    return tuple(part for part in (text or "").split(":") if part)


def join_numbers(numbers: Sequence[str]) -> str:
    """Return alternatives as the column holds them. Raises FieldError."""
    try:
        text = join_alternatives(tuple(parse_phone(number) for number in numbers))
    except FieldError as error:
        raise FieldError("alternatives", error.problem, error.fix) from error
    if len(text) > 1000:
        raise FieldError("alternatives", "they are too many", "Use 1000 characters at most.")
    return text


def contact_out(row: dict[str, Any]) -> ContactOut:
    """Return a row of the spool as JSON shows it."""
    status: Any = _STATUS.get(int(row["status"]), "set_aside")
    if status == "ready" and row["notbefore"] is not None:
        status = "waiting"
    return ContactOut(
        id=row["id"],
        campaign=row["campaign"],
        list=row["dialerbase"],
        status=status,
        number=row["destination"],
        alternatives=split_numbers(row["alternatives"]),
        data=split_data(str(row["data"] or "")),
        contact=str(row["contact"] or ""),
        priority=row["priority"],
        agent=str(row["agentphone"] or ""),
        attempts=row["retries"],
        rounds=row["rounds"],
        not_before=row["notbefore"],
        reason=row["reason"],
        held_by=row["held_by"],
    )

"""Requests about agents: phones (addsip) and members of campaigns (addqueuemember)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.domain.access import read_user_name
from engine.domain.errors import FieldError, excerpt
from engine.domain.integra.fields import Fields, read_json, read_object

#: The 26 values of addsip that "are sent as they are"; what a client changes is kept.
FIXED: Mapping[str, str | int] = {
    "LogLevel": "SEVERE", "allow": "alaw;ulaw", "id": 407, "context": "agentes", "did": "",
    "disallow": "all", "dtmfmode": "rfc2833", "email": "", "encryption": "yes", "canreinvite": "",
    "insecure": "", "host": "dynamic", "language": "es", "mailbox": "", "nat": "yes",
    "phonetype": "SoftPhone", "pickupgroup": "", "callgroup": "", "qualify": "yes", "record": "agent",
    "subscribecontext": "default", "transport": "wss", "port": "", "outboundproxy": "", "type": "friend",
    "limite": "0",
}  # fmt: skip
#: The 6 that name the agent.
OWN = ("fullname", "accountcode", "callerid", "defaultuser", "name", "secret")
_EXTENSION = re.compile(r"[A-Za-z0-9_.-]{1,40}", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9_.,;:/ @+-]{0,128}", re.ASCII)
_MEMBERS = 10_000


@dataclass(frozen=True, slots=True)
class NewPhone:
    """An agent and his phone. `options`: the fixed keys that were sent with another value."""

    extension: str
    user: str
    fullname: str
    secret: str = field(repr=False)
    options: Mapping[str, str]


def read_sip(text: str) -> NewPhone:
    """Read `phone` of addsip: the 32 documented keys; of the fixed ones, those that are sent.

    Raises FieldError. Name, caller ID and default user are the extension, one and the same.
    """
    own = read_object(text, "phone")
    own.demand(*OWN)
    extension = own.required("name")
    if not _EXTENSION.fullmatch(extension):
        raise FieldError("name", f"{excerpt(extension)} is no extension", "Use digits (or letters).")
    for key in ("callerid", "defaultuser"):
        if own.text(key, extension) != extension:
            raise FieldError(key, "it is not the phone's name", "Send the extension in all three.")
    user = read_user_name(own.required("accountcode"), "accountcode")
    options = {}
    for key, fixed in FIXED.items():
        if key in own and (value := own.text(key, longest=128)) != str(fixed):
            if not _PLAIN.fullmatch(value):
                raise FieldError(key, f"{excerpt(value)} is not usable", "Send the documented value.")
            if key != "id":  # it is drawn by the table
                options[key] = value
    return NewPhone(extension, user, own.text("fullname", user, longest=128), own.required("secret"), options)


@dataclass(frozen=True, slots=True)
class NewMember:
    """An agent joins a campaign. `extension`: of his phone."""

    queue: str
    agent: str
    extension: str
    penalty: int
    paused: bool


def read_members(text: str) -> tuple[NewMember, ...]:
    """Read `queuemember`: an array, several agents times several campaigns. Raises FieldError."""
    values = read_json(text, "queuemember")
    if not isinstance(values, list) or not values:
        raise FieldError("queuemember", "it is no JSON array", "Send [{…}, …].")
    if len(values) > _MEMBERS:
        raise FieldError("queuemember", "there are too many", f"Send at most {_MEMBERS} at once.")
    return tuple(_member(value, place) for place, value in enumerate(values))


def _member(value: object, place: int) -> NewMember:
    if not isinstance(value, dict):
        raise FieldError(f"queuemember[{place}]", "it is no JSON object", "Send one object per member.")
    own = Fields(value)
    technology, _, extension = own.required("interface1").rpartition("/")
    if technology.upper() not in ("", "SIP", "PJSIP") or not _EXTENSION.fullmatch(extension):
        raise FieldError("interface1", "it names no phone", "Use SIP/<extension>.")
    return NewMember(
        queue=own.required("queueName"),
        agent=own.required("membername"),
        extension=extension,
        penalty=own.number("penalty", 0, 0, 1000),
        paused=own.flag("paused"),
    )


def member_order(member: NewMember) -> dict[str, str]:
    """Return the order by which the engine makes the agent a member in Asterisk, as a row of `orders`."""
    return {
        "kind": "join",
        "campaign": member.queue,
        "agent": member.agent,
        "phone": member.extension,
        "variables": f'{{"penalty": {member.penalty}, "paused": {int(member.paused)}}}',
    }

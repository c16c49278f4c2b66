"""Phones of agents and supervisors, as rows and as the documented object."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.adapters.mysql.database import Session
from engine.domain.errors import FieldError

#: The documented values of an agent's phone, in the documented order. `id`, `name`, `accountcode`,
#: `callerid`, `defaultuser`, `fullname`, `md5secret` and `host` come from the row and the server.
DEFAULTS: dict[str, Any] = {
    "id": 0, "name": "", "host": "", "nat": "yes", "type": "friend", "accountcode": "", "callgroup": "",
    "callerid": "", "canreinvite": "", "context": "agents", "dtmfmode": "rfc2833", "insecure": "",
    "language": "es", "mailbox": "", "md5secret": "", "pickupgroup": "", "qualify": "yes", "secret": "",
    "disallow": "all", "allow": "alaw;ulaw", "port": "", "defaultuser": "", "subscribecontext": "default",
    "record": "agent", "email": "", "phonetype": "SoftPhone", "LogLevel": "SEVERE", "limite": 0,
    "transport": "wss", "encryption": "yes", "did": "", "outboundproxy": "", "fullname": "",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Phone:
    """A row of `phones`; `options` are documented keys that differ from DEFAULTS."""

    id: int
    name: str
    user: str
    fullname: str
    md5secret: str = field(repr=False)
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewPhone:
    """A phone to be made. `md5secret`: the SIP digest; `options`: JSON."""

    name: str
    user: str
    fullname: str
    md5secret: str = field(repr=False)
    options: str


async def add(session: Session, phone: NewPhone) -> None:
    """Make a phone. Raises FieldError when the extension is somebody's."""
    if await session.rows("SELECT id FROM ccdata.phones WHERE name=%s", (phone.name,)):
        raise FieldError("name", "the extension is somebody's already", "Choose another extension.")
    await session.run(
        "INSERT INTO ccdata.phones (name, accountcode, fullname, md5secret, options)"
        " VALUES (%s, %s, %s, %s, %s)",
        (phone.name, phone.user, phone.fullname, phone.md5secret, phone.options),
    )


async def of_user(session: Session, user: str) -> Phone | None:
    """Return the first phone of a user; None when he has none."""
    rows = await session.rows(
        "SELECT id, name, accountcode, fullname, md5secret, options FROM ccdata.phones"
        " WHERE accountcode=%s ORDER BY id LIMIT 1",
        (user,),
    )
    if not rows:
        return None
    row = rows[0]
    return Phone(
        int(row["id"]),
        str(row["name"]),
        str(row["accountcode"]),
        str(row["fullname"]),
        str(row["md5secret"]),
        orjson.loads(row["options"] or "{}"),
    )


def shown(phone: Phone, host: str) -> dict[str, Any]:
    """Return the documented object of a phone; its password is never in it."""
    own = {key: value for key, value in phone.options.items() if key in DEFAULTS}
    return {
        **DEFAULTS,
        **own,
        "id": phone.id,
        "name": phone.name,
        "host": host,
        "accountcode": phone.user,
        "callerid": own.get("callerid") or phone.name,
        "defaultuser": phone.name,
        "md5secret": phone.md5secret,
        "fullname": phone.fullname,
        "secret": "",
    }

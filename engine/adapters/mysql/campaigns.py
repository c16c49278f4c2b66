"""Dialers, campaigns and their members, as the documented reads and writes see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.adapters.mysql import members as seats
from engine.adapters.mysql.database import Session
from engine.domain.errors import FieldError, excerpt
from engine.domain.integra.people import NewMember
from engine.domain.integra.shapes import DIALER_KEYS, QUEUE_DEFAULTS, dialer_as_queue, queue_object

_DIALERS = f"SELECT {', '.join(DIALER_KEYS)} FROM ccdata.dialers ORDER BY campaign"
_QUEUES = f"SELECT {', '.join(QUEUE_DEFAULTS)} FROM ccdata.queues ORDER BY name"


async def all_dialers(session: Session) -> list[dict[str, Any]]:
    """Return the documented columns of every dialer."""
    return await session.rows(_DIALERS)


async def all_campaigns(session: Session) -> list[dict[str, str | int | bool]]:
    """Return every campaign as getqueues shows it: those with a queue, then dialers without one."""
    queues = [queue_object(row) for row in await session.rows(_QUEUES)]
    named = {str(queue["name"]).casefold() for queue in queues}
    dialers = await session.rows(_DIALERS)
    return queues + [dialer_as_queue(row) for row in dialers if str(row["campaign"]).casefold() not in named]


async def check(session: Session, name: str, field: str) -> None:
    """Raise FieldError unless there is a dialer or a queue (one for manual calls has no dialer) of a name."""
    found = await session.rows(
        "SELECT 1 FROM ccdata.dialers WHERE campaign=%s UNION ALL SELECT 1 FROM ccdata.queues WHERE name=%s"
        " LIMIT 1",
        (name, name),
    )
    if not found:
        raise FieldError(field, f"{excerpt(name)} does not exist", "Name a campaign that there is.")


async def add_members(session: Session, members: Sequence[NewMember]) -> None:
    """Make agents members of campaigns, all of them or none; who is one already gets the new values.

    Asterisk is told by an order of kind `join`, which the engine carries out. Raises FieldError when a
    campaign or a phone does not exist.
    """
    for member in members:
        rows = await session.rows("SELECT name FROM ccdata.queues WHERE name=%s", (member.queue,))
        if not rows:
            raise FieldError(
                "queueName", f"there is no campaign {excerpt(member.queue)}", "Create it, or correct it."
            )
        interface, queue = f"SIP/{member.extension}", str(rows[0]["name"])
        await seats.seat(session, queue, interface, member.agent, member.penalty, member.paused)

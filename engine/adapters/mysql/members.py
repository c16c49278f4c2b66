"""The table `queue_members`: who is to sit in which queue. The engine makes it true in Asterisk."""

from __future__ import annotations

from typing import Any

from engine.adapters.mysql.database import Session
from engine.domain.queue_tables import spellings

_SEAT = "queue_name=%s AND interface IN (%s, %s)"


async def queue_of(session: Session, campaign: str) -> str | None:
    """Return the name of a campaign's queue as it was created; None when there is no such campaign. One for
    manual or incoming calls has no dialer, one whose queue is Asterisk's alone has no row in `queues`."""
    rows = await session.rows(
        "SELECT name FROM ccdata.queues WHERE name=%s UNION ALL"
        " SELECT campaign FROM ccdata.dialers WHERE campaign=%s LIMIT 1",
        (campaign, campaign),
    )
    return str(rows[0]["name"]) if rows else None


async def of_queue(session: Session, queue: str) -> list[dict[str, Any]]:
    """Return the rows of a queue."""
    return await session.rows(
        "SELECT interface, membername, penalty, paused FROM ccdata.queue_members WHERE queue_name=%s"
        " ORDER BY membername, interface",
        (queue,),
    )


async def seat(session: Session, queue: str, interface: str, agent: str, penalty: int, paused: bool) -> None:
    """Give an agent a row in a queue; one who has it gets the new values, and keeps its spelling."""
    there = await session.rows(
        f"SELECT interface FROM ccdata.queue_members WHERE {_SEAT} LIMIT 1", _key(queue, interface)
    )
    await session.run(
        "INSERT INTO ccdata.queue_members (queue_name, interface, membername, penalty, paused)"
        " VALUES (%s, %s, %s, %s, %s) ON DUPLICATE KEY UPDATE membername=VALUES(membername),"
        " penalty=VALUES(penalty), paused=VALUES(paused)",
        (queue, there[0]["interface"] if there else interface, agent, penalty, int(paused)),
    )
    # An agent works for the campaigns in which he sits.
    await session.run(
        "INSERT IGNORE INTO ccdata.user_campaigns (user, campaign)"
        " SELECT user, %s FROM ccdata.users WHERE user=%s AND role='agent'",
        (queue, agent),
    )


async def unseat(session: Session, queue: str, interface: str) -> bool:
    """Delete the row of a seat; False when there is none."""
    return bool(await session.run(f"DELETE FROM ccdata.queue_members WHERE {_SEAT}", _key(queue, interface)))


async def sits(session: Session, queue: str, interface: str) -> bool:
    """Is there a row for this seat?"""
    return bool(
        await session.rows(f"SELECT 1 FROM ccdata.queue_members WHERE {_SEAT}", _key(queue, interface))
    )


def _key(queue: str, interface: str) -> tuple[str, str, str]:
    return queue, *spellings(interface)

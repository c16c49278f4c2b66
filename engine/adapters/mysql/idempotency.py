"""Requests that may be sent twice: the first one with a key is carried out, the others get its answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from engine.adapters.mysql.database import Session, utc

#: A key is remembered for so long.
KEPT = timedelta(hours=24)
#: `status` of a request that is being carried out, and of one of which nobody knows whether it was.
WORKING, UNKNOWN = 0, -1


@dataclass(frozen=True, slots=True)
class Kept:
    """What is known of a request: `status` of its answer, or WORKING, or UNKNOWN."""

    request: str
    status: int
    location: str
    answer: str
    created_at: datetime


async def begin(session: Session, caller: str, word: str, request: str, now: datetime) -> Kept | None:
    """Take the key; return what is known of it when somebody else has. Of several at once one takes it."""
    before = utc(now - KEPT)
    await session.run("DELETE FROM ccdata.idempotency_keys WHERE created_at < %s LIMIT 100", (before,))
    await session.run(
        "DELETE FROM ccdata.idempotency_keys WHERE caller=%s AND word=%s AND created_at < %s",
        (caller, word, before),
    )
    taken = await session.run(
        "INSERT IGNORE INTO ccdata.idempotency_keys (caller, word, request, created_at)"
        " VALUES (%s, %s, %s, %s)",
        (caller, word, request, utc(now)),
    )
    if taken:
        return None
    rows = await session.rows(
        "SELECT request, status, location, answer, created_at FROM ccdata.idempotency_keys"
        " WHERE caller=%s AND word=%s",
        (caller, word),
    )
    if not rows:  # it failed and was given back in this moment
        return Kept(request, WORKING, "", "", now)
    row = rows[0]
    return Kept(
        str(row["request"]),
        int(row["status"]),
        str(row["location"]),
        str(row["answer"] or ""),
        row["created_at"].replace(tzinfo=UTC),
    )


async def finish(
    session: Session, caller: str, word: str, status: int, location: str = "", answer: str = ""
) -> None:
    """Keep the answer."""
    await session.run(
        "UPDATE ccdata.idempotency_keys SET status=%s, location=%s, answer=%s WHERE caller=%s AND word=%s",
        (status, location, answer, caller, word),
    )


async def give_back(session: Session, caller: str, word: str) -> None:
    """The request had no effect: the key may be used again."""
    await session.run("DELETE FROM ccdata.idempotency_keys WHERE caller=%s AND word=%s", (caller, word))

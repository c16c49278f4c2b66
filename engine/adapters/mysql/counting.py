"""What is counted for the metrics: the spool part by part along its primary key, and a few small things."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.adapters.mysql.database import Session, utc
from engine.ports.watch import SmallCounts, SpoolChunk, SpoolCount

#: The rows of one part, in the order of the primary key; read without a lock.
SPOOL = (
    "SELECT campaign, status, held_by, waits, COUNT(*) AS contacts, MAX(id) AS last FROM"
    " (SELECT id, campaign, status, held_by, (notbefore IS NOT NULL AND notbefore > %s) AS waits"
    " FROM ccdata.calls_spool WHERE id > %s ORDER BY id LIMIT %s) part"
    " GROUP BY campaign, status, held_by, waits"
)
ORDERS = "SELECT COUNT(*) AS orders FROM ccdata.orders FORCE INDEX (orders_new) WHERE status = 'new'"
_CLOCK = "SELECT UTC_TIMESTAMP(6) AS at"
_STATES = {0: "in_progress", 2: "set_aside", 3: "blocked"}


async def spool(session: Session, now: datetime, after: int, limit: int) -> SpoolChunk:
    """Count up to `limit` contacts with ids above `after`."""
    rows = await session.rows(SPOOL, (utc(now), after, limit))
    seen = sum(int(row["contacts"]) for row in rows)
    counts = tuple(
        SpoolCount(
            campaign=str(row["campaign"]),
            state=_STATES.get(int(row["status"]), "waiting" if row["waits"] else "ready"),
            reason=str(row["held_by"]),
            contacts=int(row["contacts"]),
        )
        for row in rows
    )
    return SpoolChunk(counts, max((int(row["last"]) for row in rows), default=after), seen == limit)


async def small(session: Session, now: datetime) -> SmallCounts:
    """Count what can be counted at once. The clock is read first: nothing lies between it and `now`."""
    at: datetime = (await session.rows(_CLOCK))[0]["at"]
    orders = await session.rows(ORDERS)
    return SmallCounts(int(orders[0]["orders"]), (at.replace(tzinfo=UTC) - now).total_seconds())

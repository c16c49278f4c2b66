"""What supervisors do with lists: count, switch, move, delete; large changes in batches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.adapters.mysql.database import Database, Session
from engine.adapters.mysql.numbers import in_spool, take_turn
from engine.adapters.mysql.zones import zone_of_list
from engine.domain.errors import FieldError, excerpt

#: Rows of one transaction.
BATCH = 1_000

_COUNTS = (
    "SELECT b.name, b.active, b.percentage, b.priority, b.timezone, b.recycled,"
    " COALESCE(SUM(s.status = 1 AND s.notbefore IS NULL), 0) AS ready,"
    " COALESCE(SUM(s.status = 1 AND s.notbefore IS NOT NULL), 0) AS waiting,"
    " COALESCE(SUM(s.status = 0), 0) AS in_progress, COALESCE(SUM(s.status = 3), 0) AS blocked,"
    " COALESCE(SUM(s.status = 2), 0) AS aside,"
    " (SELECT COUNT(*) FROM ccrepo.finished_contacts f WHERE f.campaign = b.campaign"
    "  AND f.dialerbase = b.name AND f.again_at IS NULL) AS finished"
    " FROM ccdata.dialer_base b LEFT JOIN ccdata.calls_spool s"
    " ON s.campaign = b.campaign AND s.dialerbase = b.name"
    " WHERE b.campaign = %s GROUP BY b.id ORDER BY b.active DESC, b.priority, b.name"
)


@dataclass(frozen=True, slots=True)
class ListCounts:
    """One list: how it serves, and where its contacts are. `waiting`: for a retry or until a rule allows."""

    name: str
    active: bool
    percentage: int | None
    priority: int
    timezone: str
    recycled: int
    ready: int
    waiting: int
    in_progress: int
    blocked: int
    aside: int
    finished: int


async def counts(database: Database, campaign: str) -> tuple[ListCounts, ...]:
    """Return all lists of a campaign."""

    async def work(session: Session) -> tuple[ListCounts, ...]:
        return tuple(_counts(row) for row in await session.rows(_COUNTS, (campaign,)))

    return await database.transaction(work)


def _counts(row: dict[str, Any]) -> ListCounts:
    return ListCounts(
        name=str(row["name"]),
        active=bool(row["active"]),
        percentage=row["percentage"],
        priority=int(row["priority"]),
        timezone=str(row["timezone"]),
        recycled=int(row["recycled"]),
        ready=int(row["ready"]),
        waiting=int(row["waiting"]),
        in_progress=int(row["in_progress"]),
        blocked=int(row["blocked"]),
        aside=int(row["aside"]),
        finished=int(row["finished"]),
    )


async def switch(
    database: Database,
    campaign: str,
    name: str,
    *,
    active: bool | None,
    percentage: int | None = None,
    priority: int | None = None,
    alone: bool = False,
    no_share: bool = False,
) -> int:
    """Activate or deactivate a list; its count is taken anew. What is None stays as it is; `alone`: the
    others go off; `no_share`: the list has no percentage any more.

    Returns how many contacts it has. Raises FieldError when there is no such list.
    """

    async def work(session: Session) -> int:
        base = await _known(session, campaign, name)
        if alone:
            await session.run(
                "UPDATE ccdata.dialer_base SET active=0 WHERE campaign=%s AND id<>%s", (campaign, base)
            )
        [count] = await session.rows(
            "SELECT COUNT(*) AS n FROM ccdata.calls_spool WHERE campaign=%s AND dialerbase=%s",
            (campaign, name),
        )
        await session.run(
            "UPDATE ccdata.dialer_base SET active=COALESCE(%s, active), records=%s,"
            " percentage=IF(%s, NULL, COALESCE(%s, percentage)), priority=COALESCE(%s, priority) WHERE id=%s",
            (None if active is None else int(active), count["n"], int(no_share), percentage, priority, base),
        )
        return int(count["n"])

    return await database.transaction(work)


async def _known(session: Session, campaign: str, name: str) -> int:
    rows = await session.rows(
        "SELECT id FROM ccdata.dialer_base WHERE campaign=%s AND name=%s ORDER BY id LIMIT 1 FOR UPDATE",
        (campaign, name),
    )
    if not rows:
        raise FieldError(
            "list",
            f"{campaign} has no list {excerpt(name)}",
            f"See them with 'overdial lists show {campaign}'.",
        )
    return int(rows[0]["id"])


@dataclass(frozen=True, slots=True)
class Moved:
    """How many contacts went, and how many stayed because the other campaign has their number already."""

    contacts: int
    stayed: int


async def move(database: Database, campaign: str, name: str, target: str) -> Moved:
    """Move the contacts of a list that are not being called to another campaign, with the list.

    Where the target has a list of this name, the contacts join it. Raises FieldError when the list or the
    target does not exist, or that list is in another time zone.
    """

    async def prepare(session: Session) -> None:
        base = await _known(session, campaign, name)
        if not await session.rows("SELECT id FROM ccdata.dialers WHERE campaign=%s", (target,)):
            raise FieldError("target", f"there is no dialer {excerpt(target)}", "Create it, or correct it.")
        there = await session.rows(
            "SELECT id FROM ccdata.dialer_base WHERE campaign=%s AND name=%s", (target, name)
        )
        if there:
            ours, theirs = [await zone_of_list(session, one, name) for one in (campaign, target)]
            if ours != theirs:
                raise FieldError(
                    "target",
                    f"its list {excerpt(name)} is in {theirs or 'the zones of its numbers'}, this one in"
                    f" {ours or 'the zones of its numbers'}",
                    "Give both the same time zone.",
                )
        else:
            await session.run(
                "INSERT INTO ccdata.dialer_base (campaign, name, active, percentage, timezone, priority)"
                " SELECT %s, name, 0, percentage, timezone, priority FROM ccdata.dialer_base WHERE id=%s",
                (target, base),
            )

    await database.transaction(prepare)

    async def part(session: Session, rows: Sequence[dict[str, Any]]) -> int:
        await take_turn(session, [target])
        there = await in_spool(session, target, [str(row["number"]) for row in rows])
        ids = []
        for row in rows:
            if str(row["number"]) not in there:
                there.add(str(row["number"]))
                ids.append(row["id"])
        if ids:
            marks = ",".join(["%s"] * len(ids))
            await session.run(
                f"UPDATE ccdata.calls_spool SET campaign=%s WHERE id IN ({marks})", (target, *ids)
            )
        return len(ids)

    moved, seen = await _in_batches(database, campaign, name, part)
    return Moved(moved, seen - moved)


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many contacts went, and how many stayed because they were called already, or are now."""

    contacts: int
    stayed: int


async def delete(database: Database, campaign: str, name: str) -> Deleted:
    """Delete the contacts of a list that were never called; the list's row stays, inactive. Raises
    FieldError when it does not exist."""

    async def close(session: Session) -> None:
        base = await _known(session, campaign, name)
        await session.run("UPDATE ccdata.dialer_base SET active=0 WHERE id=%s", (base,))

    await database.transaction(close)

    async def part(session: Session, rows: Sequence[dict[str, Any]]) -> int:
        marks = ",".join(["%s"] * len(rows))
        return await session.run(
            f"DELETE FROM ccdata.calls_spool WHERE id IN ({marks}) AND retries = 0 AND NOT EXISTS"
            " (SELECT 1 FROM ccdata.attempts a WHERE a.spool_id = calls_spool.id)",
            [row["id"] for row in rows],
        )

    deleted, _ = await _in_batches(database, campaign, name, part)

    async def count(session: Session) -> int:
        [left] = await session.rows(
            "SELECT COUNT(*) AS n FROM ccdata.calls_spool WHERE campaign=%s AND dialerbase=%s",
            (campaign, name),
        )
        await session.run(
            "UPDATE ccdata.dialer_base SET records=%s WHERE campaign=%s AND name=%s",
            (left["n"], campaign, name),
        )
        return int(left["n"])

    return Deleted(deleted, await database.transaction(count))


async def _in_batches(
    database: Database,
    campaign: str,
    name: str,
    part: Callable[[Session, Sequence[dict[str, Any]]], Awaitable[int]],
) -> tuple[int, int]:
    """Do something with every row of a list that is not in progress, each once, in the order of their ids.

    Returns to how many `part` says that it was done, and how many there were.
    """
    after = done = seen = 0
    while True:

        async def work(session: Session, after: int = after) -> tuple[int, int, int]:
            rows = await session.rows(
                "SELECT id, number FROM ccdata.calls_spool WHERE campaign=%s AND dialerbase=%s"
                " AND status <> 0 AND id > %s ORDER BY id LIMIT %s FOR UPDATE",
                (campaign, name, after, BATCH),
            )
            return (int(rows[-1]["id"]), await part(session, rows), len(rows)) if rows else (0, 0, 0)

        after, some, these = await database.transaction(work)
        if not these:
            return done, seen
        done, seen = done + some, seen + these


@dataclass(frozen=True, slots=True)
class NewList:
    """A list to be made."""

    name: str
    active: bool = False
    percentage: int | None = None
    priority: int = 0
    timezone: str = ""


async def create(session: Session, campaign: str, new: NewList) -> bool:
    """Make an empty list of a campaign whose row is locked; False when it has one of this name."""
    if await session.rows(
        "SELECT id FROM ccdata.dialer_base WHERE campaign=%s AND name=%s LIMIT 1", (campaign, new.name)
    ):
        return False
    await session.run(
        "INSERT INTO ccdata.dialer_base (campaign, name, active, percentage, priority, timezone)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (campaign, new.name, int(new.active), new.percentage, new.priority, new.timezone),
    )
    return True


async def set_zone(session: Session, campaign: str, name: str, zone: str) -> None:
    """Give a list's contacts another time zone; '' = their numbers tell. Raises FieldError."""
    base = await _known(session, campaign, name)
    await session.run("UPDATE ccdata.dialer_base SET timezone=%s WHERE id=%s", (zone, base))

"""Sent files in the table `uploads`: accepted, waiting for their turn, loaded once; what became of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from engine.adapters.mysql.contacts import lock_campaign
from engine.adapters.mysql.database import Database, Session, utc
from engine.domain.access import Scope
from engine.domain.integra.upload import UploadRequest

#: The same request within this time is the same once more (its answer was lost): content, list, campaign,
#: time zone and sender. One that left lines out is none: their cause may have been mended since.
SAME = timedelta(minutes=10)

#: Files that this engine is to load.
WAITING = (
    "SELECT id, list, username, timezone, stored FROM ccdata.uploads FORCE INDEX (uploads_waiting)"
    " WHERE status IN ('waiting', 'loading') AND holder=%s AND stored <> '' ORDER BY id"
)


@dataclass(frozen=True, slots=True)
class WaitingUpload:
    """A file that is to be loaded, or was being loaded when the engine ended."""

    id: int
    list: str
    user: str
    timezone: str
    stored: str


async def accept(
    session: Session, request: UploadRequest, sha256: str, stored: str, user: str, holder: str, now: datetime
) -> int:
    """Note a file; return the id of its upload, 0 when it is the same request once more.

    Raises FieldError when the campaign does not exist.
    """
    campaign = await lock_campaign(session, request.campaign)
    same = await session.rows(
        "SELECT id FROM ccdata.uploads WHERE sha256=%s AND list=%s AND campaign=%s AND timezone=%s"
        " AND username=%s AND (status IN ('waiting', 'loading')"
        " OR (status='done' AND refused=0 AND updated_at > %s)) LIMIT 1",
        (sha256, request.list, campaign, request.timezone, user, utc(now - SAME)),
    )
    if same:
        return 0
    await session.run(
        "INSERT INTO ccdata.uploads (file, sha256, list, status, campaign, username, timezone, announced,"
        " holder, stored, started_at, updated_at)"
        " VALUES (%s, %s, %s, 'waiting', %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            request.list, sha256, request.list, campaign, user, request.timezone, request.announced, holder,
            stored, utc(now), utc(now),
        ),
    )  # fmt: skip
    return int((await session.rows("SELECT LAST_INSERT_ID() AS id"))[0]["id"])


async def same_before(session: Session, upload: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the uploads that have loaded the same content into the same list within `SAME` before this one
    (a row of `uploads`), whoever sent them and for whichever campaign and time zone."""
    rows = await session.rows(
        "SELECT id FROM ccdata.uploads WHERE sha256=%s AND list=%s AND id < %s AND status='done'"
        " AND updated_at > %s ORDER BY id",
        (upload["sha256"], upload["list"], upload["id"], upload["started_at"] - SAME),
    )
    return tuple(int(row["id"]) for row in rows)


async def waiting(database: Database, holder: str) -> tuple[WaitingUpload, ...]:
    """Return the files in this engine's folder that are to be loaded, oldest first."""

    async def work(session: Session) -> tuple[WaitingUpload, ...]:
        return tuple(
            WaitingUpload(
                int(row["id"]),
                str(row["list"]),
                str(row["username"]),
                str(row["timezone"]),
                str(row["stored"]),
            )
            for row in await session.rows(WAITING, (holder,))
        )

    return await database.transaction(work)


async def scope_of(database: Database, user: str) -> Scope:
    """Return the campaigns that a user reaches now: lines of others are refused."""

    async def work(session: Session) -> Scope:
        rows = await session.rows("SELECT campaign FROM ccdata.user_campaigns WHERE user=%s", (user,))
        return Scope.of([str(row["campaign"]) for row in rows])

    return await database.transaction(work)


async def refuse(database: Database, upload: int, why: str, now: datetime) -> None:
    """Note that a file cannot be loaded."""

    async def work(session: Session) -> None:
        await session.run(
            "UPDATE ccdata.uploads SET status='refused', message=%s, updated_at=%s WHERE id=%s",
            (why[:500], utc(now), upload),
        )

    await database.transaction(work)


async def progress(
    session: Session,
    campaigns: Sequence[str] | None = None,
    *,
    upload: int = 0,
    before: int = 0,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Return uploads, the newest first: one by its id, or those before an id. `campaigns`: those that the
    caller may see; None = all."""
    where, args = ["1=1"], list[Any]()
    if campaigns is not None:
        names = list(campaigns) or [""]
        where.append(f"campaign IN ({', '.join(['%s'] * len(names))})")
        args += names
    if upload:
        where.append("id=%s")
        args.append(upload)
    if before:
        where.append("id < %s")
        args.append(before)
    chosen = " AND ".join(where)
    return await session.rows(
        "SELECT id, file, list, campaign, username, status, announced, lines_read, accepted, refused,"
        f" message, started_at, updated_at FROM ccdata.uploads WHERE {chosen} ORDER BY id DESC LIMIT %s",
        (*args, limit),
    )


async def refused_lines(
    session: Session, upload: int, *, after: int = 0, limit: int = 1000
) -> list[dict[str, Any]]:
    """Return the refused lines of an upload in the order of the file, those after line `after`."""
    return await session.rows(
        "SELECT line, reason, text FROM ccdata.upload_lines WHERE upload=%s AND line > %s"
        " ORDER BY line LIMIT %s",
        (upload, after, limit),
    )

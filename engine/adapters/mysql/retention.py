"""Old rows leave their tables in small batches, archived first where that is wanted.

A batch is read without a lock, written to the archive, and then deleted by primary key in a transaction of
its own, which is all that anybody may have to wait for. Its size follows how long that took.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

from engine.adapters.mysql.database import Database, Session
from engine.domain.localtime import LocalTime
from engine.domain.model import attempt_id
from engine.ports import StoreError

#: After a transaction that took longer than SLOW (s) the next one is smaller, up to FAST larger. Both are far
#: below the 0.1 s that nobody shall wait: a disk that is busy for a moment multiplies them.
SLOW, FAST = 0.01, 0.005
#: A deletion that takes longer (s) is taken back and tried with half the rows: to take it back takes about as
#: long again. MariaDB alone can be told so; to others the words before DELETE are a comment.
BOUND = 0.04
_BOUNDED = f"/*M!100100 SET STATEMENT max_statement_time={BOUND} FOR */ "
_TOO_LONG = "1969:"
#: Rows of the first batch, of the smallest (where the disk is slow, fewer would not be quicker), the largest.
FIRST, LEAST, MOST = 100, 10, 5_000
#: Parts are looked for of so many rows at once.
_WHOLES = 200

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    """How the old rows of a table are found. `key`: its primary key; `at`: the column that tells the age, in
    UTC unless `local`; `select`: follows an index and takes what its order needs, then a number of rows:
    `by_moment` the bound, `by_id` the last id and the id of the bound, else the last id. Without `archived`
    its rows are of use to nobody afterwards. `setting`: says how long rows stay, where it is not the table's
    own. `parts`: tables whose rows belong to those of this one, by the first column of both keys, and go
    before them; their `select` takes those keys for `{of}`, then a number, and their age is that of what
    they belong to."""

    name: str
    key: tuple[str, ...]
    at: str
    select: str
    local: bool = False
    by_id: bool = False
    by_moment: bool = False
    archived: bool = True
    setting: str = ""
    parts: tuple[Table, ...] = ()


#: By their names in the settings.
TABLES: Mapping[str, Table] = {
    "attempts": Table(
        "ccdata.attempts",
        ("id",),
        "claimed_at",
        # Ids begin with the moment: their order is that of the claims.
        "SELECT * FROM ccdata.attempts WHERE id > %s AND id < %s AND state = 'ended' ORDER BY id LIMIT %s",
        by_id=True,
    ),
    "cdr": Table(
        "ccrepo.cdr_repo",
        ("id",),
        "calldate",
        "SELECT * FROM ccrepo.cdr_repo FORCE INDEX (cdr_repo_time) WHERE calldate < %s"
        " ORDER BY calldate, id LIMIT %s",
        local=True,
        by_moment=True,
    ),
    "queue_log": Table(
        "ccrepo.queue_log_repo",
        ("id",),
        "datetime",
        "SELECT * FROM ccrepo.queue_log_repo FORCE INDEX (queue_log_repo_time) WHERE datetime < %s"
        " ORDER BY datetime, id LIMIT %s",
        local=True,
        by_moment=True,
    ),
    # These have no index on their age; ids tell it as well, and the search ends at the first young row.
    "orders": Table(
        "ccdata.orders", ("id",), "done_at", "SELECT * FROM ccdata.orders WHERE id > %s ORDER BY id LIMIT %s"
    ),
    "agent_acts": Table(
        "ccdata.agent_acts",
        ("id",),
        "acted_at",
        "SELECT * FROM ccdata.agent_acts WHERE id > %s ORDER BY id LIMIT %s",
    ),
    # Sixty rows a campaign: those that nobody writes any more are looked for among all.
    "decisions": Table(
        "ccdata.decisions",
        ("campaign", "slot"),
        "decided_at",
        "SELECT * FROM ccdata.decisions WHERE decided_at < %s LIMIT %s",
        by_moment=True,
    ),
    "dead_letters": Table(
        "ccdata.webhook_dead_letters",
        ("id",),
        "died_at",
        "SELECT * FROM ccdata.webhook_dead_letters WHERE id > %s ORDER BY id LIMIT %s",
    ),
    "dispositions": Table(
        "ccrepo.disposition_repo",
        ("id",),
        "datetime",
        # What waits for the end of its call has its effect before it.
        "SELECT * FROM ccrepo.disposition_repo FORCE INDEX (disposition_repo_age)"
        " WHERE datetime < %s AND effect <> 'waiting' ORDER BY datetime, id LIMIT %s",
        local=True,
        by_moment=True,
    ),
    "tags": Table(
        "ccrepo.tags",
        ("id",),
        "datetime",
        "SELECT * FROM ccrepo.tags FORCE INDEX (tags_time) WHERE datetime < %s"
        " ORDER BY datetime, id LIMIT %s",
        local=True,
        by_moment=True,
        setting="dispositions",
    ),
    "broadcast": Table(
        "ccdata.broadcast_results",
        ("attempt",),
        "ended_at",
        "SELECT r.* FROM ccdata.broadcast_results r"
        " LEFT JOIN ccdata.attempts a FORCE INDEX (PRIMARY) ON a.id = r.attempt AND a.state <> 'ended'"
        " WHERE r.attempt > %s AND r.attempt < %s AND a.id IS NULL ORDER BY r.attempt LIMIT %s",
        by_id=True,
        parts=(
            Table(
                "ccdata.broadcast_answers",
                ("attempt", "question"),
                "ended_at",
                "SELECT * FROM ccdata.broadcast_answers WHERE attempt IN ({of})"
                " ORDER BY attempt, question LIMIT %s",
            ),
        ),
    ),
    "uploads": Table(
        "ccdata.uploads",
        ("id",),
        "updated_at",
        # A load that was cut off goes on when its file comes again; and while the same file waits to be
        # loaded once more, those before tell which of its lines are there already.
        "SELECT u.* FROM ccdata.uploads u FORCE INDEX (uploads_time)"
        " LEFT JOIN ccdata.uploads o FORCE INDEX (uploads_file)"
        " ON o.sha256 = u.sha256 AND o.list = u.list AND o.status IN ('waiting', 'loading')"
        " WHERE u.updated_at < %s AND u.status IN ('done', 'refused') AND o.id IS NULL"
        " ORDER BY u.updated_at, u.id LIMIT %s",
        by_moment=True,
        parts=(
            Table(
                "ccdata.upload_lines",
                ("upload", "line"),
                "updated_at",
                "SELECT * FROM ccdata.upload_lines WHERE upload IN ({of}) ORDER BY upload, line LIMIT %s",
            ),
        ),
    ),
}

#: Answers to requests that no key asks for any more. They may hold the secret of a webhook.
EXPIRED = Table(
    "ccdata.idempotency_keys",
    ("caller", "word"),
    "created_at",
    "SELECT caller, word, created_at FROM ccdata.idempotency_keys FORCE INDEX (idempotency_keys_age)"
    " WHERE created_at < %s ORDER BY created_at LIMIT %s",
    by_moment=True,
    archived=False,
)


@dataclass(slots=True)
class Done:
    """What became of a table: rows deleted, in how many transactions, and the longest of them (s)."""

    table: str
    rows: int = 0
    batches: int = 0
    longest: float = 0.0
    times: list[float] = field(default_factory=list)

    def note(self, rows: int, seconds: float) -> None:
        self.rows += rows
        self.batches += 1
        self.longest = max(self.longest, seconds)
        self.times.append(seconds)


class Archive:
    """Rows as JSON lines, one compressed file a month for each table, below one folder.

    A row is there before it is deleted. After a crash in between it is there twice: its key tells.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, table: Table, rows: Sequence[Row]) -> None:
        """Write rows and bring them to disk. Raises OSError."""
        home = self._folder / table.name.partition(".")[2]
        home.mkdir(parents=True, exist_ok=True)

        def month(row: Row) -> str:
            at: datetime = row[table.at]
            return f"{at:%Y-%m}"

        for name, group in groupby(sorted(rows, key=month), key=month):
            text = b"".join(orjson.dumps(dict(row), default=str) + b"\n" for row in group)
            descriptor = os.open(home / f"{name}.jsonl.gz", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                with os.fdopen(descriptor, "ab", closefd=False) as file:
                    file.write(gzip.compress(text))  # one member after the other is one file to gunzip
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


async def clear(
    database: Database,
    table: Table,
    before: datetime,
    local: LocalTime,
    archive: Archive | None = None,
    told: Callable[[Done], None] = lambda done: None,
) -> Done:
    """Delete the rows of `table` that are older than `before` (aware). Raises StoreError, OSError.

    `told` hears of it, and of the parts, after every batch. Between two batches others have as much time as
    the last one took.
    """
    done, parts = Done(table.name), {part.name: Done(part.name) for part in table.parts}
    size = FIRST
    cursor: Any = 0 if not table.by_id else ""
    while True:
        rows, cursor, more = await _old(database, table, before, local, cursor, size)
        for part in table.parts:
            for start in range(0, len(rows), _WHOLES):
                wholes = {row[table.key[0]]: row[table.at] for row in rows[start : start + _WHOLES]}
                await _clear_parts(database, part, wholes, archive, told, parts[part.name])
        if rows:
            await _keep(archive, table, rows)
            size = await _delete_all(database, table, rows, size, lambda: told(done), done)
        if not more:
            return done


async def _clear_parts(
    database: Database,
    part: Table,
    wholes: Mapping[Any, datetime],
    archive: Archive | None,
    told: Callable[[Done], None],
    done: Done,
) -> None:
    """Delete what belongs to these rows (key → age), however much it is."""
    select, size = part.select.format(of=", ".join(["%s"] * len(wholes))), FIRST
    while True:
        limit = size
        found = await _rows(database, select, (*wholes, limit))
        if found:
            rows = [{**row, part.at: wholes[row[part.key[0]]]} for row in found]
            await _keep(archive, part, rows)
            size = await _delete_all(database, part, rows, size, lambda: told(done), done)
        if len(found) < limit:
            return


async def _keep(archive: Archive | None, table: Table, rows: Sequence[Row]) -> None:
    if archive is not None and table.archived:
        await asyncio.to_thread(archive.keep, table, rows)


async def _delete_all(
    database: Database, table: Table, rows: Sequence[Row], size: int, told: Callable[[], None], done: Done
) -> int:
    """Delete these rows, at once if that is quick; return the size of the next batch."""
    while rows:
        part = rows[:size]
        seconds = await _delete(database, table, part)
        if seconds is None:
            size = max(len(part) // 2, LEAST)
            await asyncio.sleep(2 * BOUND)
            continue
        rows = rows[len(part) :]
        done.note(len(part), seconds)
        told()
        size = next_size(size, seconds)
        await asyncio.sleep(seconds)
    return size


def next_size(size: int, seconds: float) -> int:
    """Return the number of rows of the next batch, after one of `size` that took so long."""
    if seconds > SLOW:
        return max(int(size * max(SLOW / seconds, 0.25)), LEAST)
    return min(size + size // 4 + 1, MOST) if seconds < FAST else size


async def _old(
    database: Database, table: Table, before: datetime, local: LocalTime, cursor: Any, size: int
) -> tuple[list[Row], Any, bool]:
    """Return old rows behind the cursor, the next cursor, and whether there may be more."""
    bound = local.naive(before) if table.local else before.astimezone(UTC).replace(tzinfo=None)
    args: tuple[Any, ...]
    if table.by_moment:
        args = (bound, size)
    elif table.by_id:
        args = (cursor, attempt_id(int(before.timestamp() * 1000), 0), size)
    else:
        args = (cursor, size)
    found = await _rows(database, table.select, args)
    if table.by_moment or table.by_id:
        return list(found), found[-1][table.key[0]] if found and table.by_id else cursor, len(found) == size
    rows: list[Row] = []
    for row in found:
        cursor = row[table.key[0]]
        if row[table.at] is None:
            continue  # nobody has answered it yet
        if row[table.at] >= bound:
            return rows, cursor, False
        rows.append(row)
    return rows, cursor, len(found) == size


async def _rows(database: Database, select: str, args: Sequence[Any]) -> list[dict[str, Any]]:
    return await database.transaction(lambda session: session.rows(select, args))


async def _delete(database: Database, table: Table, rows: Sequence[Row]) -> float | None:
    """Delete these rows; return how long the transaction took (s), None when it would have taken too long and
    did not happen. So few that fewer would not be quicker are given the time that they need."""
    sql, args = deletion(table, rows)
    if len(rows) > LEAST:
        sql = _BOUNDED + sql
    began = 0.0

    async def work(session: Session) -> None:
        nonlocal began
        began = time.perf_counter()  # what a try took that waited for another's lock, nobody waited for
        await session.run(sql, args)

    try:
        await database.transaction(work)
    except StoreError as error:
        if str(error).startswith(_TOO_LONG):
            return None
        raise
    return time.perf_counter() - began


def deletion(table: Table, rows: Sequence[Row]) -> tuple[str, list[Any]]:
    """Return the statement that deletes these rows by their primary keys."""
    one = "(" + ", ".join(["%s"] * len(table.key)) + ")" if len(table.key) > 1 else "%s"
    columns = f"({', '.join(table.key)})" if len(table.key) > 1 else table.key[0]
    marks = ", ".join([one] * len(rows))
    return f"DELETE FROM {table.name} WHERE {columns} IN ({marks})", [
        row[c] for row in rows for c in table.key
    ]


def bounds(days: Mapping[str, int], now: datetime) -> dict[str, datetime]:
    """Return, for each table whose rows do not stay for ever, the moment before which they go."""
    kept = {name: days[table.setting or name] for name, table in TABLES.items()}
    return {name: now - timedelta(days=many) for name, many in kept.items() if many > 0}

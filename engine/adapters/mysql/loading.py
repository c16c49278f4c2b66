"""Contact files into the spool: examined whole, then written batch by batch, each line once.

A batch, how far the file was read and what was refused are one transaction: a load that was cut off goes on
where it stopped when the same file is sent again.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pymysql.converters import escape_string

from engine.adapters.contact_file import LONGEST_LINE, ContactFile
from engine.adapters.mysql.database import Database, Session, utc
from engine.adapters.mysql.numbers import take_turn
from engine.adapters.mysql.uploads import same_before
from engine.domain.access import EVERYTHING, Scope
from engine.domain.errors import FieldError, excerpt
from engine.domain.upload import Line, Rules, campaigns_by_name, columns_of, read_line
from engine.ports import StoreError

#: Lines of one transaction.
BATCH = 5_000
#: Rows and characters of one INSERT: far below any server's max_allowed_packet.
_ROWS, _CHARACTERS = 1_000, 1_000_000
#: Faults named when a file is refused.
_TOLD = 10
_TOO_LONG = f"line: it has more than {LONGEST_LINE} characters. Fix: end it with a new line."
#: How the note on a line begins that was loaded nevertheless.
_PARTLY = "alternatives: loaded without "
_HEAD = (
    "INSERT INTO ccdata.calls_spool (campaign, destination, data, alternatives, dialerbase, priority,"
    " agentphone) VALUES "
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: the `list` that the contacts form, `active` at once or not, its time zone and
    share; `each_line`: refuse lines, never the file; `again`: even if the same file was loaded before;
    `batch`: lines of one transaction."""

    list: str
    active: bool = True
    timezone: str = ""
    percentage: int | None = None
    each_line: bool = False
    allow_at: bool = False
    batch: int = 0
    again: bool = False
    #: The upload that was accepted before (`uploads.py`), and the campaigns that its sender reaches.
    upload: int = 0
    scope: Scope = EVERYTHING


@dataclass(slots=True)
class Load:
    """How a load stands. `before`: lines that an earlier, interrupted load had read."""

    upload: int
    lines: int = 0
    accepted: int = 0
    refused: int = 0
    before: int = 0
    known: bool = False
    campaigns: Counter[str] = field(default_factory=Counter)
    #: Campaigns that this run has read good lines of, also where all of their numbers were there already.
    named: set[str] = field(default_factory=set)
    #: Uploads of the same content into the same list a moment ago: what they have accepted is loaded.
    earlier: tuple[int, ...] = ()


@dataclass(slots=True)
class _Batch:
    """Some lines of the file: what is good in them, what is not, and the last line's number."""

    lines: list[tuple[int, Line]] = field(default_factory=list)
    refused: list[tuple[int, str, str]] = field(default_factory=list)
    last: int = 0


async def load_file(
    database: Database,
    file: ContactFile,
    wish: Wish,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Callable[[Load], None] = lambda load: None,
) -> Load:
    """Load a file. Raises FieldError when it is refused (the table `uploads` says so, too), StoreError."""
    rules = Rules(await _campaigns(database, wish.scope), wish.allow_at)
    load = await _begin(database, file, wish, now())
    if load.known:
        return load
    if not wish.each_line and not load.before:
        faults = await asyncio.to_thread(_examine, file, rules)
        if faults:
            await _refuse(database, load, faults, now())
    batches = _batches(file, rules, load.before, wish.batch or BATCH)
    batch = await asyncio.to_thread(next, batches, None)
    while batch is not None:
        _, following = await asyncio.gather(
            _write(database, load, batch, wish, now()), asyncio.to_thread(next, batches, None)
        )
        progress(load)
        batch = following
    await _finish(database, load, wish, now())
    return load


def _examine(file: ContactFile, rules: Rules) -> list[tuple[int, str, str]]:
    """Return what forbids the file as a whole: the first such lines with number (0: the file), reason and
    text."""
    faults = []
    lines = 0
    for number, text in file.lines():
        lines += 1
        try:
            if text is None:
                raise FieldError("line", f"more than {LONGEST_LINE} characters", "End it with a new line.")
            columns_of(text, rules)
        except FieldError as error:
            faults.append((number, str(error), text or ""))
            if len(faults) >= _TOLD:
                break
    return faults if lines else [(0, "it has no line: write one contact a line", "")]


def _batches(file: ContactFile, rules: Rules, after: int, size: int) -> Iterator[_Batch]:
    lines = (item for item in file.lines() if item[0] > after)
    while chunk := list(itertools.islice(lines, size)):
        batch = _Batch(last=chunk[-1][0])
        for number, text in chunk:
            if text is None:
                batch.refused.append((number, _TOO_LONG, ""))
                continue
            try:
                batch.lines.append((number, read_line(text, rules)))
            except FieldError as error:
                batch.refused.append((number, str(error), text))
        yield batch


async def _campaigns(database: Database, scope: Scope) -> dict[str, str]:
    async def work(session: Session) -> dict[str, str]:
        rows = await session.rows("SELECT campaign FROM ccdata.dialers")
        names = [str(row["campaign"]) for row in rows]
        return campaigns_by_name([name for name in names if scope.reaches(name)])

    return await database.transaction(work)


async def _begin(database: Database, file: ContactFile, wish: Wish, at: datetime) -> Load:
    """Note the upload, or find the one that this file continues, or that it repeats."""

    async def work(session: Session) -> Load:
        if wish.upload:
            await session.run(
                "UPDATE ccdata.uploads SET status='loading', updated_at=%s WHERE id=%s",
                (utc(at), wish.upload),
            )
            [row] = await session.rows("SELECT * FROM ccdata.uploads WHERE id=%s", (wish.upload,))
            load = await _go_on(session, row, wish)
            load.earlier = await same_before(session, row)
            return load
        rows = await session.rows(
            "SELECT * FROM ccdata.uploads WHERE sha256=%s AND list=%s AND status IN ('loading', 'done')"
            " ORDER BY id DESC LIMIT 1",
            (file.sha256, wish.list),
        )
        if rows and not (wish.again and rows[0]["status"] == "done"):
            return await _go_on(session, rows[0], wish)
        await session.run(
            "INSERT INTO ccdata.uploads (file, sha256, list, started_at, updated_at)"
            " VALUES (%s, %s, %s, %s, %s)",
            (file.path.name[-255:], file.sha256, wish.list, utc(at), utc(at)),
        )
        return Load(int((await session.rows("SELECT LAST_INSERT_ID() AS id"))[0]["id"]))

    return await database.transaction(work)


async def _go_on(session: Session, row: Mapping[str, Any], wish: Wish) -> Load:
    """Return a load as its row says that it stands."""
    load = Load(int(row["id"]), int(row["lines_read"]), int(row["accepted"]), int(row["refused"]))
    load.before, load.known = load.lines, row["status"] == "done"
    if load.before and not load.known:
        load.campaigns.update(await _campaigns_of(session, wish.list))
    return load


async def _campaigns_of(session: Session, base: str) -> list[str]:
    """Return the campaigns that have contacts of a list: those of an interrupted load, too."""
    rows = await session.rows("SELECT campaign FROM ccdata.dialers")
    names = [str(row["campaign"]) for row in rows]
    there = "SELECT 1 FROM ccdata.calls_spool WHERE campaign=%s AND dialerbase=%s LIMIT 1"
    return [name for name in names if await session.rows(there, (name, base))]


async def _refuse(
    database: Database, load: Load, faults: Sequence[tuple[int, str, str]], at: datetime
) -> None:
    told = [f"line {number}: {reason}" if number else reason for number, reason, _ in faults]

    async def work(session: Session) -> None:
        await session.run(
            "UPDATE ccdata.uploads SET status='refused', message=%s, updated_at=%s WHERE id=%s",
            (f"nothing was loaded: {told[0]}"[:500], utc(at), load.upload),
        )
        await _note_lines(session, load, [fault for fault in faults if fault[0]])

    await database.transaction(work)
    more = f"\nand more: the first {_TOLD} are named" if len(faults) >= _TOLD else ""
    said = "\n".join(told) + more
    raise FieldError("file", f"nothing was loaded:\n{said.removesuffix('.')}", "Correct these lines.")


async def _write(database: Database, load: Load, batch: _Batch, wish: Wish, at: datetime) -> None:
    counts: Counter[str] = Counter()

    async def work(session: Session) -> tuple[int, int]:
        counts.clear()
        await _turn(session, load, batch)
        fresh, doubles = await _fresh(session, load, batch)
        for values in _values(fresh, wish.list):
            await session.run_text(_HEAD, values)
        refused = sorted([*batch.refused, *doubles])
        partly = [(number, _left_out(line), line.phone) for number, line in fresh if line.left_out]
        await _note_lines(session, load, refused + partly)
        await session.run(
            "UPDATE ccdata.uploads SET lines_read=%s, accepted=accepted+%s, refused=refused+%s, updated_at=%s"
            " WHERE id=%s",
            (batch.last, len(fresh), len(refused), utc(at), load.upload),
        )
        counts.update(line.campaign for _, line in fresh)
        return len(fresh), len(refused)

    accepted, refused = await database.transaction(work)
    load.lines = batch.last
    load.accepted += accepted
    load.refused += refused
    load.campaigns.update(counts)
    load.named.update(line.campaign for _, line in batch.lines)


async def _note_lines(session: Session, load: Load, lines: Sequence[tuple[int, str, str]]) -> None:
    """Write number, reason and beginning of lines that were refused, or loaded in part."""
    await session.run_many(
        "INSERT INTO ccdata.upload_lines (upload, line, reason, text) VALUES (%s, %s, %s, %s)",
        [(load.upload, number, reason[:255], _shown(text)) for number, reason, text in lines],
    )


def _left_out(line: Line) -> str:
    """Return what of a line that was loaded was not."""
    names = ", ".join(excerpt(entry) for entry in line.left_out)
    return f"{_PARTLY}{names}: no phone number. Fix: correct the contact."


def _shown(text: str) -> str:
    """Return how a refused line begins, in characters that a table can hold."""
    return text[:255].encode("utf-8", "replace").decode()


async def _turn(session: Session, load: Load, batch: _Batch) -> None:
    """Nobody else loads this file, nor anything into these campaigns, while the batch is written."""
    rows = await session.rows("SELECT lines_read FROM ccdata.uploads WHERE id=%s FOR UPDATE", (load.upload,))
    if not rows or int(rows[0]["lines_read"]) != load.lines:
        raise StoreError("the same file is being loaded by somebody else")
    await take_turn(session, {line.campaign for _, line in batch.lines})


async def _loaded(session: Session, load: Load, batch: _Batch) -> dict[int, int]:
    """Return the lines of a batch that an earlier upload of the same file has accepted → its id: their
    contacts may have been called and gone since."""
    loaded: dict[int, int] = {}
    for upload in load.earlier if batch.lines else ():
        rows = await session.rows(
            "SELECT line FROM ccdata.upload_lines WHERE upload=%s AND line BETWEEN %s AND %s"
            " AND reason NOT LIKE %s",
            (upload, batch.lines[0][0], batch.last, f"{_PARTLY}%"),
        )
        refused = {int(row["line"]) for row in rows}
        loaded.update((number, upload) for number, _ in batch.lines if number not in refused)
    return loaded


async def _fresh(
    session: Session, load: Load, batch: _Batch
) -> tuple[list[tuple[int, Line]], list[tuple[int, str, str]]]:
    """Return the lines whose number is not in the spool of their campaign, and the refusals of the rest."""
    there: set[tuple[str, str]] = set()
    fresh, doubles = list[tuple[int, Line]](), list[tuple[int, str, str]]()
    loaded = await _loaded(session, load, batch)
    for lines in _pieces(batch.lines):
        numbers = [line.number for _, line in lines]
        rows = await session.rows(
            "SELECT number, campaign FROM ccdata.calls_spool FORCE INDEX (calls_spool_number)"
            f" WHERE number IN ({','.join(['%s'] * len(numbers))})",
            numbers,
        )
        there.update((str(row["campaign"]).lower(), str(row["number"])) for row in rows)
    for number, line in batch.lines:
        key = (line.campaign.lower(), line.number)
        # As a line begins: its campaign says whose it is.
        shown = f"{line.campaign};{line.phone}"
        if number in loaded:
            doubles.append((number, f"line: upload {loaded[number]} has loaded it", shown))
        elif key in there:
            doubles.append((number, "phone: it is in the spool of this campaign already", shown))
        else:
            there.add(key)
            fresh.append((number, line))
    return fresh, doubles


def _pieces(lines: Sequence[tuple[int, Line]]) -> Iterator[Sequence[tuple[int, Line]]]:
    for start in range(0, len(lines), _ROWS):
        yield lines[start : start + _ROWS]


def _values(lines: Sequence[tuple[int, Line]], base: str) -> Iterator[str]:
    """Return the rows of INSERT statements. Written by hand: the driver's own way takes more time than the
    server does."""
    name = escape_string(base)
    values: list[str] = []
    size = 0
    for _, line in lines:
        row = (
            f"('{escape_string(line.campaign)}','{escape_string(line.phone)}','{escape_string(line.data)}',"
            f"'{escape_string(line.alternatives)}','{name}',{line.priority},'{escape_string(line.agent)}')"
        )
        values.append(row)
        size += len(row)
        if len(values) >= _ROWS or size > _CHARACTERS:
            yield ",".join(values)
            values, size = [], 0
    if values:
        yield ",".join(values)


async def _finish(database: Database, load: Load, wish: Wish, at: datetime) -> None:
    """The contacts are there: now their lists may be active, with the right counts."""

    async def work(session: Session) -> None:
        for campaign in sorted(load.campaigns):
            await list_ready(session, campaign, wish)
        for campaign in sorted(load.named.difference(load.campaigns) if wish.timezone else ()):
            # Nothing is new but the zone: a file that is sent again with the right one corrects it.
            await session.run(
                "UPDATE ccdata.dialer_base SET timezone=%s WHERE campaign=%s AND name=%s",
                (wish.timezone, campaign, wish.list),
            )
        await session.run(
            "UPDATE ccdata.uploads SET status='done', updated_at=%s WHERE id=%s", (utc(at), load.upload)
        )

    await database.transaction(work)


async def list_ready(session: Session, campaign: str, wish: Wish) -> None:
    """Write the row of a list: made, or with its count renewed."""
    count: Any = (
        await session.rows(
            "SELECT COUNT(*) AS n FROM ccdata.calls_spool WHERE campaign=%s AND dialerbase=%s",
            (campaign, wish.list),
        )
    )[0]["n"]
    changed = await session.run(
        "UPDATE ccdata.dialer_base SET records=%s, active=%s, timezone=COALESCE(NULLIF(%s, ''), timezone),"
        " percentage=COALESCE(%s, percentage) WHERE campaign=%s AND name=%s",
        (count, int(wish.active), wish.timezone, wish.percentage, campaign, wish.list),
    )
    exists = changed or await session.rows(
        "SELECT id FROM ccdata.dialer_base WHERE campaign=%s AND name=%s LIMIT 1", (campaign, wish.list)
    )
    if not exists:
        await session.run(
            "INSERT INTO ccdata.dialer_base (campaign, name, records, active, timezone, percentage)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (campaign, wish.list, count, int(wish.active), wish.timezone, wish.percentage),
        )

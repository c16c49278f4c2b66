"""Old rows leave their tables, archived first, in transactions that nobody has to wait for."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from engine.adapters.mysql import Database
from engine.adapters.mysql.retention import (
    FAST,
    LEAST,
    MOST,
    SLOW,
    TABLES,
    Archive,
    Done,
    clear,
    deletion,
    next_size,
)
from engine.cli import main
from engine.domain.localtime import LocalTime
from engine.domain.model import attempt_id
from engine.lab.mariadb import MariaDB
from tests.stage import Names

NOW = datetime(2026, 5, 13, 12, tzinfo=UTC)
BEFORE = NOW - timedelta(days=40)
LOCAL = LocalTime(UTC)


def moment(days_ago: float) -> datetime:
    return (NOW - timedelta(days=days_ago)).replace(tzinfo=None)


def an_id(days_ago: float, number: int = 0) -> str:
    return attempt_id(int((NOW - timedelta(days=days_ago)).timestamp() * 1000), number)


#: For each table: columns, and what is in a row that is so and so many days old.
ROWS: dict[str, Any] = {
    "attempts": ("id, campaign, spool_id, destination, owner, fence, state, claimed_at", lambda age, n: (
        an_id(age, n), "A", n, "5551234", "one", 1, "ended", moment(age))),
    "cdr": ("calldate, dst", lambda age, n: (moment(age), f"555{n}")),
    "queue_log": ("datetime, event", lambda age, n: (moment(age), "CONNECT")),
    "orders": ("kind, status, done_at", lambda age, n: ("hangup", "done", moment(age))),
    "agent_acts": ("acted_at, attempt, campaign, spool_id, destination, agent, act, via", lambda age, n: (
        moment(age), an_id(age, n), "A", 1, "5551234", "ana", "dial", "key")),
    "decisions": ("campaign, slot, decided_at, calls, bound, reason, detail", lambda age, n: (
        f"C{n}", 1, moment(age), 0, "nobody", "", "{}")),
    "dead_letters": ("webhook, event, kind, campaign, body, attempts, happened_at, died_at", lambda age, n: (
        1, f"{n:036d}", "call.ended", "A", "{}", 16, moment(age), moment(age))),
    "dispositions": ("datetime, campaign, level1", lambda age, n: (moment(age), "A", f"sale {n}")),
    "tags": ("datetime, comment", lambda age, n: (moment(age), f"tag {n}")),
    "broadcast": ("attempt, campaign, destination, result, ended_at", lambda age, n: (
        an_id(age, n), "A", "5551234", "completed", moment(age))),
    "uploads": ("file, sha256, list, status, started_at, updated_at", lambda age, n: (
        "l.txt", f"{n:064d}", "L", ("done", "refused")[n % 2], moment(age), moment(age))),
}  # fmt: skip

#: Tables with parts: what fills these, two rows for each that they belong to.
PARTS = {
    "broadcast": "INSERT INTO ccdata.broadcast_answers (attempt, question, answer) SELECT attempt, q.seq, '1'"
    " FROM ccdata.broadcast_results JOIN ccdata.seq_1_to_2 q",
    "uploads": "INSERT INTO ccdata.upload_lines (upload, line, reason, text)"
    " SELECT id, q.seq, 'no phone', 'Ana' FROM ccdata.uploads JOIN ccdata.seq_1_to_2 q",
}


async def fill(database: Database, name: str, ages: list[float]) -> None:
    columns, row = ROWS[name]
    marks = ", ".join(["%s"] * len(columns.split(", ")))
    async with database.session() as session:
        await session.run_many(
            f"INSERT INTO {TABLES[name].name} ({columns}) VALUES ({marks})",
            [row(age, number) for number, age in enumerate(sorted(ages, reverse=True))],
        )
        if name in PARTS:
            await session.run(PARTS[name])


async def ages(database: Database, name: str) -> list[int]:
    table = TABLES[name]
    async with database.session() as session:
        rows = await session.rows(f"SELECT {table.at} AS at FROM {table.name}")
    return sorted((NOW.replace(tzinfo=None) - row["at"]).days for row in rows)


@pytest.mark.parametrize("name", TABLES)
async def test_old_rows_go_into_the_archive_and_young_ones_stay(
    database: Database, name: str, tmp_path: Path
) -> None:
    await fill(database, name, [1.5, 39.5, 40.5, 41.5, *([90.5] * 300)])
    done = await clear(database, TABLES[name], BEFORE, LOCAL, Archive(tmp_path))
    assert (done.rows, done.batches > 1) == (302, True)
    assert await ages(database, name) == [1, 39]
    folder = tmp_path / TABLES[name].name.partition(".")[2]
    kept = {path.name: gzip.decompress(path.read_bytes()).splitlines() for path in folder.iterdir()}
    assert {month: len(lines) for month, lines in kept.items()} == {
        "2026-02.jsonl.gz": 300,
        "2026-04.jsonl.gz": 2,
    }
    assert all(TABLES[name].at in json.loads(line) for lines in kept.values() for line in lines)
    again = await clear(database, TABLES[name], BEFORE, LOCAL)
    assert (again.rows, again.batches) == (0, 0)
    for part in TABLES[name].parts:
        folder = tmp_path / part.name.partition(".")[2]
        lines = gzip.decompress((folder / "2026-02.jsonl.gz").read_bytes()).splitlines()
        assert len({tuple(json.loads(line)[key] for key in part.key) for line in lines}) == 600
        async with database.session() as session:
            [left] = await session.rows(
                f"SELECT COUNT(*) AS n, COUNT(w.{TABLES[name].key[0]}) AS whole FROM {part.name} p"
                f" LEFT JOIN {TABLES[name].name} w ON w.{TABLES[name].key[0]} = p.{part.key[0]}"
            )
        assert (left["n"], left["whole"]) == (4, 4)


async def test_what_has_not_ended_stays_however_old_it_is(database: Database) -> None:
    await fill(database, "attempts", [100, 101, 102])
    await fill(database, "orders", [100, 101, 102])
    async with database.session() as session:
        await session.run("UPDATE ccdata.attempts SET state = 'connected' WHERE id = %s", (an_id(101, 1),))
        await session.run(
            "UPDATE ccdata.orders SET status = 'new', done_at = NULL WHERE done_at = %s", (moment(101),)
        )
    for name in ("attempts", "orders"):
        assert (await clear(database, TABLES[name], BEFORE, LOCAL)).rows == 2
    async with database.session() as session:
        assert [row["state"] for row in await session.rows("SELECT state FROM ccdata.attempts")] == [
            "connected"
        ]
        assert [row["status"] for row in await session.rows("SELECT status FROM ccdata.orders")] == ["new"]


async def test_what_something_still_needs_stays_however_old_it_is(database: Database) -> None:
    """A disposition whose call has not ended; the result of such a call; a load that was cut off; the upload
    of a file that waits to be loaded once more. Their parts stay with them."""
    for name in ("dispositions", "broadcast", "uploads", "attempts"):
        await fill(database, name, [100, 101, 102, 103])
    async with database.session() as session:
        await session.run("UPDATE ccrepo.disposition_repo SET effect = 'waiting' WHERE level1 = 'sale 1'")
        await session.run("UPDATE ccdata.attempts SET state = 'connected' WHERE id = %s", (an_id(101, 2),))
        await session.run("UPDATE ccdata.uploads SET status = 'loading' WHERE sha256 = %s", (f"{1:064d}",))
        await session.run_many(
            "INSERT INTO ccdata.uploads (file, sha256, list, status, started_at, updated_at)"
            " VALUES ('l.txt', %s, %s, 'waiting', %s, %s)",
            [(f"{n:064d}", name, moment(60), moment(60)) for n, name in ((2, "L"), (3, "M"))],
        )
    for name, gone in (("dispositions", 3), ("broadcast", 3), ("uploads", 2)):
        assert (await clear(database, TABLES[name], BEFORE, LOCAL)).rows == gone, name
    async with database.session() as session:
        [disposition] = await session.rows("SELECT level1 FROM ccrepo.disposition_repo")
        answers = await session.rows("SELECT attempt FROM ccdata.broadcast_answers")
        uploads = await session.rows(
            "SELECT u.sha256, u.status, COUNT(l.line) AS parts FROM ccdata.uploads u"
            " LEFT JOIN ccdata.upload_lines l ON l.upload = u.id GROUP BY u.id ORDER BY u.id"
        )
    assert disposition["level1"] == "sale 1"
    assert [row["attempt"] for row in answers] == [an_id(101, 2)] * 2
    assert [(int(row["sha256"]), row["status"], row["parts"]) for row in uploads] == [
        (1, "loading", 2), (2, "done", 2), (2, "waiting", 0), (3, "waiting", 0),
    ]  # fmt: skip


async def test_lines_beyond_any_batch_go_before_their_upload(database: Database) -> None:
    """So many refused lines in one file that they take several transactions; a run that ends among them
    leaves the file."""
    await fill(database, "uploads", [90.5])
    async with database.session() as session:
        await session.run(
            "INSERT INTO ccdata.upload_lines (upload, line, reason) SELECT id, q.seq, 'no phone'"
            " FROM ccdata.uploads JOIN ccdata.seq_3_to_1000 q"
        )
    heard: list[tuple[str, int]] = []

    def told(done: Done) -> None:
        heard.append((done.table, done.rows))
        if len(heard) == 2:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        await clear(database, TABLES["uploads"], BEFORE, LOCAL, told=told)
    assert {table for table, _ in heard} == {"ccdata.upload_lines"}
    assert await ages(database, "uploads") == [90]
    await clear(database, TABLES["uploads"], BEFORE, LOCAL, told=told)
    assert heard[-1] == ("ccdata.uploads", 1)
    assert sum(1 for table, _ in heard[2:] if table == "ccdata.upload_lines") > 1
    assert heard[1][1] + heard[-2][1] == 1000
    assert await ages(database, "uploads") == []


async def test_what_cannot_be_archived_is_not_deleted(database: Database, tmp_path: Path) -> None:
    await fill(database, "cdr", [90, 91])
    (tmp_path / "cdr_repo").write_text("in the way")
    with pytest.raises(OSError, match="cdr_repo"):
        await clear(database, TABLES["cdr"], BEFORE, LOCAL, Archive(tmp_path))
    assert await ages(database, "cdr") == [90, 91]


def test_batches_grow_while_they_are_quick_and_shrink_as_soon_as_they_are_not() -> None:
    assert next_size(100, FAST / 2) == 126
    assert next_size(100, (FAST + SLOW) / 2) == 100
    assert next_size(100, SLOW * 2) == 50
    assert next_size(100, SLOW * 100) == 25
    assert next_size(LEAST, 10.0) == LEAST
    assert next_size(MOST, 0.0) == MOST


async def test_a_deletion_that_takes_too_long_is_taken_back_and_done_with_fewer_rows(
    database: Database,
) -> None:
    await fill(database, "cdr", [90.5] * 100)
    first: list[int] = []
    free = asyncio.Event()

    def told(done: Done) -> None:
        first.append(done.rows)
        free.set()

    async with database.session() as somebody:
        [last] = await somebody.rows("SELECT MAX(id) AS id FROM ccrepo.cdr_repo")
        await somebody.run("SELECT id FROM ccrepo.cdr_repo WHERE id = %s FOR UPDATE", (last["id"],))
        clearing = asyncio.ensure_future(clear(database, TABLES["cdr"], BEFORE, LOCAL, told=told))
        await free.wait()
    done = await clearing
    assert 0 < first[0] < 100
    assert done.rows == 100
    assert await ages(database, "cdr") == []


@pytest.mark.parametrize("name", [name for name in TABLES if name != "decisions"])
async def test_the_search_follows_an_index_and_the_deletion_the_primary_key(
    mariadb: MariaDB, names: Names, database: Database, name: str
) -> None:
    """Among twenty thousand rows not one is read for nothing."""
    table = TABLES[name]
    await fill(database, name, [50 + n / 1000 for n in range(2000)])
    mariadb.sql(names.put_into(f"ANALYZE TABLE {table.name}"))
    bound = ["'2026-04-03'"]
    args = bound if table.by_moment else ["''", f"'{an_id(40)}'"] if table.by_id else ["0"]
    select = table.select.replace("%s", "{}").format(*args, 100)
    first, *others = mariadb.sql(names.put_into(f"EXPLAIN {select}")).splitlines()
    wanted = re.compile(r"_time\b|_age\b" if table.by_moment else r"PRIMARY")
    assert wanted.search(first), first
    assert not re.search("filesort|temporary", first), first
    # What else is asked of a row is found by its key.
    assert len(others) == table.select.count("JOIN")
    for line in others:
        assert re.search(r"\b(eq_ref|ref)\b.*(PRIMARY|uploads_file)", line), line
    for one in (table, *table.parts):
        rows = [{key: an_id(age) if table.by_id else age for key in one.key} for age in (50, 51)]
        sql, values = deletion(one, rows)
        quoted = [f"'{value}'" for value in values]
        plan = mariadb.sql(names.put_into("EXPLAIN " + sql.replace("%s", "{}").format(*quoted))).splitlines()
        assert "PRIMARY" in plan[0], plan
        assert "range" in plan[0], plan
    for part in table.parts:
        mariadb.sql(names.put_into(f"ANALYZE TABLE {part.name}"))
        of = ", ".join(f"'{an_id(age)}'" if table.by_id else str(age) for age in range(50, 60))
        plan = mariadb.sql(
            names.put_into("EXPLAIN " + part.select.format(of=of).replace("%s", "100"))
        ).splitlines()
        assert len(plan) == 1
        assert re.search(r"\brange\b.*PRIMARY", plan[0]), plan
        assert "filesort" not in plan[0], plan


async def test_the_command_does_what_the_settings_say(
    database: Database, mariadb: MariaDB, names: Names, tmp_path: Path
) -> None:
    config = tmp_path / "overdial.toml"
    head = (
        f'[database]\nsocket = "{mariadb.socket}"\nuser = "root"\nconfiguration = "{names.configuration}"\n'
        f'history = "{names.history}"\n'
    )
    config.write_text(head)
    await fill(database, "cdr", [9000])
    told = await _run(["maintain", "--config", str(config)])
    assert "nothing is deleted" in told
    config.write_text(f'{head}[retention]\ncdr = 30\norders = 30\narchive = "{tmp_path}/old"\n')
    told = await _run(["maintain", "--config", str(config)])
    assert "ccrepo.cdr_repo: 1 rows deleted in 1 transactions; longest transaction" in told
    assert "ccdata.orders: 0 rows deleted in 0 transactions; nothing was old" in told
    assert len(list((tmp_path / "old" / "cdr_repo").iterdir())) == 1


async def test_keys_of_requests_go_after_a_day_and_into_no_archive(
    database: Database, mariadb: MariaDB, names: Names, tmp_path: Path
) -> None:
    async with database.session() as session:
        await session.run_many(
            "INSERT INTO ccdata.idempotency_keys (caller, word, request, status, answer, created_at)"
            " VALUES ('boss', %s, 'x', 201, 'secret', UTC_TIMESTAMP(3) - INTERVAL %s HOUR)",
            [(f"key-{hours}-{n}", hours) for hours in (1, 23, 25, 2000) for n in range(150)],
        )
    config = tmp_path / "overdial.toml"
    config.write_text(
        f'[database]\nsocket = "{mariadb.socket}"\nuser = "root"\nconfiguration = "{names.configuration}"\n'
        f'history = "{names.history}"\n[retention]\ncdr = 30\narchive = "{tmp_path}/old"\n'
    )
    told = await _run(["maintain", "--config", str(config)])
    assert "ccdata.idempotency_keys: 300 rows deleted" in told
    async with database.session() as session:
        [row] = await session.rows("SELECT COUNT(*) AS n FROM ccdata.idempotency_keys")
    assert row["n"] == 300
    assert not (tmp_path / "old" / "idempotency_keys").exists()


async def _run(argv: list[str]) -> str:
    import asyncio

    done = await asyncio.to_thread(CliRunner().invoke, main, argv)
    assert done.exit_code == 0, done.output
    return done.output

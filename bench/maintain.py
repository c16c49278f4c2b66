"""Old rows leave among many, while others write: the longest transaction, and how long a writer waited.

    make bench-maintain ARGS="--rows 1000000 --old 200000"

One JSON object per line. `maintain/<table>`: ms of the longest deleting transaction, of `--old` rows among
`--rows`; `p99` beside it, and rows per second (parts and what they belong to together). `writer/…`: the
longest wait (ms) of somebody who inserts a row into `cdr_repo` every 20 ms, with nothing else going on (the
baseline) and during the maintenance.
Commits reach the disk (`innodb_flush_log_at_trx_commit=1`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from engine.adapters.mysql import Database, DatabaseSettings
from engine.adapters.mysql.migrate import migrate
from engine.adapters.mysql.retention import TABLES, Archive, Done, clear
from engine.domain.localtime import LocalTime
from engine.lab.mariadb import MariaDB

NOW = datetime.now(UTC)
LOCAL = LocalTime(UTC)
#: Rows are a year old at most.
YEAR = timedelta(days=365)
_STEP = 100_000
#: Refused lines of one file.
_FILE = 5_000


def emit(name: str, value: float, unit: str, **more: float) -> None:
    print(json.dumps({"name": name, "value": round(value, 2), "unit": unit, **more}), flush=True)


async def fill(database: Database, rows: int) -> None:
    """Insert rows whose ages are spread evenly over a year, in steps that the server makes by itself."""
    for start in range(0, rows, _STEP):
        numbers = f"ccdata.seq_{start}_to_{min(start + _STEP, rows) - 1}"
        at = f"(%s - INTERVAL ROUND({YEAR.total_seconds()} * ({rows} - seq) / {rows}, 3) SECOND)"
        millis = f"LPAD(HEX(CAST(UNIX_TIMESTAMP({at}) * 1000 AS UNSIGNED)), 12, '0')"
        statements = (
            "INSERT INTO ccdata.attempts (id, campaign, spool_id, destination, number, contact, owner, fence,"
            " state, claimed_at, ended_at, outcome) SELECT LOWER(CONCAT(INSERT("
            f"{millis}, 9, 0, '-'), '-7000-8000-', LPAD(HEX(seq), 12, '0'))), CONCAT('C', seq % 50), seq,"
            f" 5550000000 + seq, 15550000000 + seq, CONCAT('K-', seq), 'one', 1, 'ended', {at}, {at},"
            " 'answered'"
            f" FROM {numbers}",
            "INSERT INTO ccrepo.cdr_repo (calldate, dst, campaign, guid, contact, parandvalues)"
            f" SELECT {at}, 5550000000 + seq, CONCAT('C', seq % 50), CONCAT('guid-', seq), CONCAT('K-', seq),"
            f" REPEAT('name=x:', 20) FROM {numbers}",
            "INSERT INTO ccrepo.queue_log_repo (datetime, callid, queuename, event)"
            f" SELECT {at}, CONCAT('guid-', seq), CONCAT('C', seq % 50), 'CONNECT' FROM {numbers}",
            "INSERT INTO ccrepo.disposition_repo (datetime, campaign, agent, callerid, guid, level1, comment)"
            f" SELECT {at}, CONCAT('C', seq % 50), 'ana', 5550000000 + seq, CONCAT('guid-', seq), 'sale',"
            f" REPEAT('note ', 10) FROM {numbers}",
            "INSERT INTO ccdata.broadcast_results (attempt, campaign, destination, result, ended_at)"
            f" SELECT a.id, a.campaign, a.destination, 'completed', a.claimed_at FROM ccdata.attempts a"
            f" JOIN {numbers} ON seq = a.spool_id",
            "INSERT INTO ccdata.broadcast_answers (attempt, question, answer)"
            f" SELECT a.id, 'price', '1' FROM ccdata.attempts a JOIN {numbers} ON seq = a.spool_id",
            "INSERT IGNORE INTO ccdata.uploads (id, file, sha256, list, status, started_at, updated_at)"
            f" SELECT 1 + seq DIV {_FILE}, 'list.txt', SHA2(seq DIV {_FILE}, 256), 'L', 'done', {at}, {at}"
            f" FROM {numbers} WHERE seq % {_FILE} = 0",
            "INSERT INTO ccdata.upload_lines (upload, line, reason, text)"
            f" SELECT 1 + seq DIV {_FILE}, 1 + seq % {_FILE}, 'phone: it is no number', REPEAT('Ana;', 10)"
            f" FROM {numbers}",
        )
        for sql in statements:
            async with database.session() as session:
                await session.run("SET SESSION time_zone = '+00:00'")
                marks = sql.count("%s")
                if marks:  # with nothing to put in, the driver leaves % as it is
                    sql = sql.replace(" % ", " %% ")
                await session.run(sql, (NOW.replace(tzinfo=None),) * marks)


async def write_on(database: Database, waits: list[float]) -> None:
    """Insert a row every 20 ms until cancelled; note how long each took (s)."""
    while True:
        began = time.perf_counter()
        async with database.session() as session:
            await session.run("INSERT INTO ccrepo.cdr_repo (calldate, dst) VALUES (NOW(), 'probe')")
        waits.append(time.perf_counter() - began)
        await asyncio.sleep(0.02)


async def writing(database: Database, during: float | None, work: object = None) -> list[float]:
    waits: list[float] = []
    async with asyncio.TaskGroup() as group:
        writer = group.create_task(write_on(database, waits))
        if during is not None:
            await asyncio.sleep(during)
        else:
            await work  # type: ignore[misc]
        writer.cancel()
    return waits


async def bench(server: MariaDB, home: Path, rows: int, old: int) -> None:
    settings = DatabaseSettings(
        socket=str(server.socket), user="root", configuration="b_cc", history="b_repo", timeout=60
    )
    database = Database(settings)
    try:
        await migrate(database)
        began = time.perf_counter()
        await fill(database, rows)
        emit("maintain/filled", time.perf_counter() - began, "s", rows=rows)
        before = NOW - YEAR + YEAR * (old / rows)
        quiet = await writing(database, 60.0)
        found: dict[str, float] = {}

        async def maintain() -> None:
            for name in ("attempts", "cdr", "queue_log", "dispositions", "broadcast", "uploads"):
                begun = time.perf_counter()
                left: dict[str, Done] = {}
                await clear(
                    database, TABLES[name], before, LOCAL, Archive(home / "archive"),
                    lambda done, left=left: left.update({done.table: done}),  # type: ignore[misc]
                )  # fmt: skip
                took = time.perf_counter() - begun
                for table, done in left.items():
                    p99 = sorted(done.times)[int(len(done.times) * 0.99)]
                    found[table] = done.longest
                    emit(
                        f"maintain/{table.partition('.')[2]}", done.longest * 1000, "ms",
                        p99=round(p99 * 1000, 2), rows=done.rows, batches=done.batches,
                        rows_per_s=round(sum(one.rows for one in left.values()) / took),
                    )  # fmt: skip

        busy = await writing(database, None, maintain())
        emit(
            "writer/quiet",
            max(quiet) * 1000,
            "ms",
            p99=round(sorted(quiet)[int(len(quiet) * 0.99)] * 1000, 2),
            n=len(quiet),
        )
        emit(
            "writer/maintenance",
            max(busy) * 1000,
            "ms",
            p99=round(sorted(busy)[int(len(busy) * 0.99)] * 1000, 2),
            n=len(busy),
        )
        emit("maintain/longest", max(found.values()) * 1000, "ms")
    finally:
        await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lab", type=Path, default=Path(".lab"))
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--old", type=int, default=200_000)
    options = parser.parse_args()
    home = options.lab.resolve() / "bench" / f"maintain-{os.getpid()}"
    server = MariaDB(home / "db", options=("--innodb-flush-log-at-trx-commit=1",))
    try:
        server.start()
        asyncio.run(bench(server, home, options.rows, options.old))
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()

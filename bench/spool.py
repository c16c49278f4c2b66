"""The spool under load: loading beside a raw LOAD DATA, and claims among many rows beside claims among few.

    make bench-spool ARGS="--rows 1000000 --spool 5000000 --campaigns 50 --claims 500"

One JSON object per line. `load/…`: seconds for the same rows into the same tables of one server, the raw
LOAD DATA being the baseline; peak memory of the command for all rows beside that for a tenth of them.
`claim/…`: ms for a claim of 20 under the rules of the US, in a spool of `--spool` rows beside one of 10,000
rows, the claims of both taken in turn. `outlook/…`: contacts that the surveyor judges in one second of its
own time, when each is new to it and when nothing has changed; the thread's time for one part of these; a
round over them as the engine does it, with a share of the time; over a campaign of `--rows` contacts that
were all judged the count by rule and the first page of `held_contacts`, beside those of `held_spool` alone.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from engine.adapters.clock import SteadyClock
from engine.adapters.legal import Legal
from engine.adapters.mysql import Database, DatabaseSettings, MysqlStore
from engine.adapters.mysql.migrate import migrate
from engine.adapters.mysql.outlook import MysqlSurveyor
from engine.domain.localtime import LocalTime
from engine.domain.model import CampaignName, attempt_id
from engine.lab.mariadb import MariaDB
from engine.ports import ClaimRequest, Clock
from engine.ports.survey import Part, Source
from engine.services.surveying import BATCH, Rounds

#: Wednesday noon in New York, where all numbers are.
NOON = datetime(2026, 5, 13, 16, 0, tzinfo=UTC)
SMALL = 10_000
_ids = itertools.count(1)


def emit(name: str, value: float, unit: str, baseline: float | None, n: int) -> None:
    ratio = round(value / baseline, 3) if baseline else None
    line = {
        "name": name,
        "value": round(value, 3),
        "unit": unit,
        "baseline": baseline,
        "ratio": ratio,
        "n": n,
    }
    print(json.dumps(line), flush=True)


def settings(server: MariaDB, name: str) -> DatabaseSettings:
    return DatabaseSettings(
        socket=str(server.socket),
        user="root",
        configuration=f"{name}_cc",
        history=f"{name}_repo",
        timeout=30.0,
    )


async def prepare(server: MariaDB, name: str, campaigns: int) -> Database:
    database = Database(settings(server, name))
    await migrate(database)
    async with database.session() as session:
        await session.run_many(
            "INSERT INTO ccdata.dialers (campaign, country, status) VALUES (%s, 'US', 1)",
            [(f"C{n}<-",) for n in range(campaigns)],
        )
    return database


async def _prepare_and_leave(server: MariaDB, name: str, campaigns: int) -> None:
    await (await prepare(server, name, campaigns)).close()


def write_file(path: Path, rows: int, campaigns: int) -> None:
    with path.open("w") as file:
        for n in range(rows):
            number = 2_120_000_000 + n
            file.write(
                f"C{n % campaigns}<-;{number};name=Customer {n}:state=NY;W=0={number + 5}:099{n};9999\n"
            )


def load(server: MariaDB, name: str, path: Path) -> tuple[float, float]:
    """Run `overdial load`; return seconds and its peak memory in MB."""
    names = settings(server, name)
    environment = {
        **os.environ,
        "OVERDIAL_DATABASE__SOCKET": names.socket,
        "OVERDIAL_DATABASE__USER": "root",
        "OVERDIAL_DATABASE__CONFIGURATION": names.configuration,
        "OVERDIAL_DATABASE__HISTORY": names.history,
        "OVERDIAL_DATABASE__TIMEOUT": "30",
        "OVERDIAL_ENGINE__LEASE": "60",
    }
    started = time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-m", "engine", "load", "--list", path.stem, str(path)],
        env=environment,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    said = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, said
    return time.monotonic() - started, usage.ru_maxrss / 1024


def bench_load(server: MariaDB, home: Path, rows: int) -> None:
    campaigns = 5
    path, tenth = home / "all.csv", home / "tenth.csv"
    write_file(path, rows, campaigns)
    write_file(tenth, rows // 10, campaigns)
    for name in ("raw", "mine", "less"):
        asyncio.run(_prepare_and_leave(server, name, campaigns))
    started = time.monotonic()
    server.sql(
        f"LOAD DATA INFILE '{path}' INTO TABLE raw_cc.calls_spool CHARACTER SET utf8mb4"
        " FIELDS TERMINATED BY ';' (campaign, destination, data, alternatives, priority) SET dialerbase='all'"
    )
    raw = time.monotonic() - started
    mine, memory = load(server, "mine", path)
    _, less = load(server, "less", tenth)
    for name in ("raw", "mine"):
        count = server.sql(f"SELECT COUNT(*) FROM {name}_cc.calls_spool").strip()
        assert count == str(rows), (name, count)
    emit("load/raw", raw, "s", None, rows)
    emit("load/overdial", mine, "s", round(raw, 3), rows)
    emit("load/rows", rows / mine, "1/s", None, rows)
    emit("load/memory", memory, "MB", round(less, 3), rows)
    for name in ("raw", "mine", "less"):
        server.sql(f"DROP DATABASE {name}_cc; DROP DATABASE {name}_repo")


async def bench_claim(server: MariaDB, rows: int, campaigns: int, claims: int) -> None:
    databases = {}
    for name, count in (("small", SMALL), ("large", rows)):
        databases[name] = await prepare(server, name, campaigns)
        for start in range(0, count, 100_000):
            part = min(100_000, count - start)
            server.sql(
                f"INSERT INTO {name}_cc.calls_spool (campaign, destination, data, alternatives, dialerbase)"
                f" SELECT CONCAT('C', seq % {campaigns}, '<-'), 2120000000 + seq,"
                f" CONCAT('name=Customer ', seq), CONCAT('W=0=', 2130000000 + seq),"
                f" CONCAT('L', FLOOR(seq / {campaigns}) % 3)"
                f" FROM {name}_cc.seq_{start}_to_{start + part - 1}"
            )
        server.sql(f"ANALYZE TABLE {name}_cc.calls_spool")
    times: dict[str, list[float]] = {"small": [], "large": []}
    stores = {
        name: MysqlStore(database, "bench", LocalTime(UTC), lambda: attempt_id(next(_ids), 1))
        for name, database in databases.items()
    }
    dice = random.Random(1)
    for turn in range(claims + 20):
        campaign = CampaignName(f"C{dice.randrange(campaigns)}<-")
        request = ClaimRequest(
            campaign, 20, tuple(dice.choices(("L0", "L1", "L2"), k=20)), ("L0", "L1", "L2"), True, NOON
        )
        for name, store in stores.items():
            started = time.perf_counter()
            result = await store.claim(request)
            if turn >= 20:
                times[name].append((time.perf_counter() - started) * 1000)
            assert len(result.attempts) == 20, (name, turn, result)
            await store.release(result.attempts, NOON)
    for share, label in ((0.5, "p50"), (0.99, "p99")):
        small, large = (sorted(times[name])[int(share * claims)] for name in ("small", "large"))
        emit(f"claim/{label}", large, "ms", round(small, 3), claims)
    for database in databases.values():
        await database.close()


def timed(server: MariaDB, sql: str) -> float:
    """Return how long a query takes (s)."""
    started = time.monotonic()
    server.sql(sql)
    return round(time.monotonic() - started, 3)


async def bench_outlook(server: MariaDB, contacts: int, rows: int) -> None:
    database = await prepare(server, "outlook", 2)
    for start in range(0, rows, 100_000):
        part = min(100_000, rows - start)
        server.sql(
            "INSERT INTO outlook_cc.calls_spool (campaign, destination, data, alternatives, dialerbase)"
            " SELECT 'C1<-', 2130000000 + seq, CONCAT('name=Customer ', seq), '', ''"
            f" FROM outlook_cc.seq_{start}_to_{start + part - 1};"
        )
    server.sql(
        "INSERT INTO outlook_cc.law_outlook (source, id, campaign, held_by, from_utc, until_utc, judged_at)"
        " SELECT 0, id, campaign, 'hours', UTC_TIMESTAMP(3) + INTERVAL id % 2 DAY,"
        " UTC_TIMESTAMP(3) + INTERVAL 2 DAY, UTC_TIMESTAMP(3) FROM outlook_cc.calls_spool;"
        "INSERT INTO outlook_cc.campaign_state (campaign, state, since, updated_at)"
        " VALUES ('C1<-', 'running', UTC_TIMESTAMP(), UTC_TIMESTAMP() + INTERVAL 1 DAY);"
        "ANALYZE TABLE outlook_cc.calls_spool, outlook_cc.law_outlook"
    )
    count = "SELECT held_by, COUNT(*) FROM outlook_cc.{} WHERE campaign = 'C1<-' GROUP BY held_by"
    page = "SELECT * FROM outlook_cc.{} WHERE campaign = 'C1<-' LIMIT 100"
    for name, sql in (("count", count), ("page", page)):
        half = timed(server, sql.format("held_spool"))
        emit(f"outlook/{name}", timed(server, sql.format("held_contacts")), "s", half, rows)
    server.sql("TRUNCATE outlook_cc.calls_spool; TRUNCATE outlook_cc.law_outlook")
    server.sql(
        "INSERT INTO outlook_cc.calls_spool (campaign, destination, data, alternatives, dialerbase)"
        " SELECT 'C0<-', 2120000000 + seq, CONCAT('name=Customer ', seq), CONCAT('W=0=', 2130000000 + seq),"
        f" 'L0' FROM outlook_cc.seq_1_to_{contacts}; ANALYZE TABLE outlook_cc.calls_spool"
    )
    surveyor = MysqlSurveyor(database, Legal(local=UTC), LocalTime(UTC))
    for name in ("new", "known"):
        cpu: list[float] = []
        started, part, more = time.monotonic(), Part(Source.SPOOL, 0, BATCH, "C0<-"), True
        while more:
            before = time.thread_time()
            look = await surveyor.look(part, NOON)
            cpu.append(time.thread_time() - before)
            part, more = replace(part, after=look.last), look.more
        emit(f"outlook/{name}", contacts / (time.monotonic() - started), "1/s", None, contacts)
    emit("outlook/part", sorted(cpu)[len(cpu) // 2] * 1000, "ms", None, BATCH)
    steady = SteadyClock()
    clock = Clock(lambda: NOON, LocalTime(UTC).at, steady.monotonic, steady.drift, steady.rebase, lambda n: 0)
    started = time.monotonic()
    assert await Rounds(surveyor, clock, _yes).round() == contacts
    emit("outlook/round", time.monotonic() - started, "s", None, contacts)
    await database.close()


async def _yes() -> bool:
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--spool", type=int, default=5_000_000)
    parser.add_argument("--campaigns", type=int, default=50)
    parser.add_argument("--claims", type=int, default=500)
    parser.add_argument("--outlook", type=int, default=30_000)
    parser.add_argument("--only", choices=["load", "claim", "outlook"])
    parser.add_argument("--lab", type=Path, default=Path(".lab"))
    options = parser.parse_args()
    home = options.lab.resolve() / "bench-spool"
    shutil.rmtree(home, ignore_errors=True)
    server = MariaDB(home / "db", options=("--innodb-buffer-pool-size=2G", "--innodb-log-file-size=512M"))
    server.start()
    try:
        if options.only in (None, "load"):
            bench_load(server, home, options.rows)
        if options.only in (None, "claim"):
            asyncio.run(bench_claim(server, options.spool, options.campaigns, options.claims))
        if options.only in (None, "outlook"):
            asyncio.run(bench_outlook(server, options.outlook, options.rows))
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()

"""getrecords over many CDRs: milliseconds for a page of 50 by filter and by how deep it lies.

    make bench-records ARGS="--rows 1000000"

One JSON object per line. `first`: the first page. `deep`: a page that lies behind nine tenths of what the
filter finds (at most), asked for out of order. `next`: the same page asked for after the one before it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import time
from pathlib import Path
from typing import Any

from engine.adapters.mysql import Database, DatabaseSettings
from engine.adapters.mysql.migrate import migrate
from engine.adapters.mysql.recordings import After, records
from engine.domain.integra.fields import Fields
from engine.domain.integra.records import read_page
from engine.lab.mariadb import MariaDB

PAGE = 50
#: Rows of one INSERT.
_CHUNK = 100_000
#: Filter → the part of all CDRs that it finds, roughly.
FILTERS: dict[str, tuple[dict[str, Any], float]] = {
    "none": ({}, 1.0),
    "days": ({"calldatei": "2026-02-01 00:00:00", "calldatef": "2026-02-28 23:59:59"}, 0.1),
    "campaign": ({"campaign": "Ventas->"}, 0.5),
    "agent": ({"agent": "agent5"}, 0.01),
    "source": ({"source": "18885550100"}, 1.0),
    "destination": ({"destination": "0997919"}, 0.0),
    "data": ({"data": "good"}, 0.02),
    "range": ({"range": "22:00-23:00"}, 0.04),
    "rating": ({"rating": "90"}, 0.1),
    "mindur": ({"mindur": "290"}, 0.03),
    "exclude": ({"exclude": "09942"}, 1.0),
    "cont": ({"cont": "3", "calldatei": "2026-02-01 00:00:00", "calldatef": "2026-02-28 23:59:59"}, 0.0),
}


def fill(server: MariaDB, history: str, rows: int) -> None:
    """Write CDRs of recorded calls, one every 20 s."""
    for start in range(0, rows, _CHUNK):
        server.sql(
            f"USE {history}; INSERT INTO cdr_repo (calldate, guid, campaign, accountcode, src, dst, duration,"
            f" userfield, rating, type) SELECT '2026-01-01' + INTERVAL (seq + {start}) * 20 SECOND, UUID(),"
            " IF(seq % 2, 'Ventas->', 'POWER<-'), CONCAT('agent', seq % 97), '18885550100',"
            " CONCAT('099', (seq * 7919) % 300000), seq % 300, IF(seq % 50, '', 'a very good tag'),"
            f" seq % 100, 'record' FROM seq_1_to_{min(_CHUNK, rows - start)}"
        )
    server.sql(f"USE {history}; ANALYZE TABLE cdr_repo;")


async def ask(
    database: Database, wanted: dict[str, Any], offset: int, after: After | None = None
) -> tuple[float, list[dict[str, Any]]]:
    """Return ms and rows of a page, the better of two."""
    form = {"lastrow": str(offset), "searchLimit": str(PAGE), "filter": json.dumps(wanted)}
    page = read_page(Fields(form))
    best, rows = float("inf"), list[dict[str, Any]]()
    for _ in range(2):
        begin = time.perf_counter()
        rows = await database.transaction(lambda session: records(session, page, None, after))
        best = min(best, (time.perf_counter() - begin) * 1000)
    return best, rows


def emit(name: str, value: float, n: int) -> None:
    print(json.dumps({"name": name, "value": round(value, 1), "unit": "ms", "n": n}), flush=True)


async def bench(server: MariaDB, rows: int) -> None:
    settings = DatabaseSettings(
        socket=str(server.socket), user="root", configuration="r_cc", history="r_repo", timeout=120.0
    )
    database = Database(settings)
    try:
        await migrate(database)
        await asyncio.to_thread(fill, server, "r_repo", rows)
        for name, (wanted, part) in FILTERS.items():
            first, found = await ask(database, wanted, 0)
            emit(f"records/{name}/first", first, len(found))
            deep = int(rows * part * 0.9) // PAGE * PAGE
            if deep:
                _, before = await ask(database, wanted, deep - PAGE)
                took, found = await ask(database, wanted, deep)
                emit(f"records/{name}/deep", took, len(found))
                last = After(before[-1]["calldate"], int(before[-1]["id"]))
                took, found = await ask(database, wanted, deep, last)
                emit(f"records/{name}/next", took, len(found))
    finally:
        await database.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--lab", type=Path, default=Path(".lab"))
    options = parser.parse_args()
    home = options.lab.resolve() / "bench-records"
    shutil.rmtree(home, ignore_errors=True)
    server = MariaDB(home / "db")
    server.start()
    try:
        asyncio.run(bench(server, options.rows))
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()

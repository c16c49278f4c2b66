"""Is the database as the engine needs it?"""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.domain.checkup.columns import judge_columns
from engine.domain.checkup.facts import DatabaseFacts
from engine.domain.checkup.finding import Finding, failed, good, warned
from engine.domain.checkup.shapes import judge_indexes, judge_views

#: SKIP LOCKED came with these.
OLDEST = {"MariaDB": (10, 6), "MySQL": (8, 0, 13)}
#: Connections that supervisors and integrations should find free beside ours.
SPARE = 10
#: Smallest packet in bytes in which uploads and batches of records fit.
PACKET = 16 * 1024 * 1024
#: Differences of clocks in s.
NOTICED, TOO_FAR = 1.0, 5.0
PART = "database"
#: With any of these variables on, a server takes no writes of ordinary accounts.
_READ_ONLY = ("read_only", "super_read_only", "innodb_read_only")


def version_of(text: str) -> tuple[str, tuple[int, ...]]:
    """Return the maker and the version of `SELECT VERSION()`."""
    maker = "MariaDB" if "mariadb" in text.lower() else "MySQL"
    numbers = re.findall(r"\d+", text.split("-")[0] if not text.startswith("5.5.5-") else text[6:])
    return maker, tuple(int(number) for number in numbers[:3])


def judge_database(facts: DatabaseFacts, pool: int) -> Iterator[Finding]:
    """Yield what was found; `pool`: connections that this engine may open, its HTTP API included."""
    yield _version(facts)
    yield _schema(facts)
    yield from _writes(facts)
    yield from _tables(facts)
    yield from _columns(facts)
    yield _isolation(facts)
    yield _connections(facts, pool)
    yield from _modes(facts)
    yield from _zone(facts)
    yield _clock(facts)


def _version(facts: DatabaseFacts) -> Finding:
    maker, version = version_of(facts.version)
    oldest = OLDEST[maker]
    if version < oldest:
        wanted = ".".join(str(part) for part in oldest)
        return failed(
            PART, "version", f"{facts.version} lacks SKIP LOCKED", f"Use {maker} {wanted} or newer."
        )
    return good(PART, "version", f"{maker} {'.'.join(str(part) for part in version)}")


def _schema(facts: DatabaseFacts) -> Finding:
    if facts.newer:
        return failed(
            PART,
            "schema",
            f"the schema is newer than this engine (it has {facts.newer[-1]})",
            "Install the engine version that made it.",
        )
    if facts.lacking:
        return failed(
            PART,
            "schema",
            f"the schema lacks {len(facts.lacking)} migrations, the first is {facts.lacking[0]}",
            "Run 'overdial migrate'.",
        )
    return good(PART, "schema", "every migration of this engine is applied")


def _writes(facts: DatabaseFacts) -> Iterator[Finding]:
    closed = [name for name in _READ_ONLY if facts.variables.get(name, "OFF").upper() not in ("OFF", "0")]
    if facts.denied:
        yield failed(
            PART,
            "rights",
            f"the account may not: {'; '.join(facts.denied)}",
            "GRANT ALL ON both databases to it (docs/install.md).",
        )
    if closed:
        text, fix = (
            f"the server is read-only ({', '.join(closed)})",
            (
                "Point [database] in overdial.toml at the primary; if this is the primary:"
                + "".join(f" SET GLOBAL {name} = 0;" for name in reversed(closed))
                + " (and in the server's configuration)."
            ),
        )
        if facts.refused:
            yield failed(PART, "read_only", f"{text}: no engine leads and nothing is dialled", fix)
        else:
            yield warned(
                PART, "read_only", f"{text}; this account writes nevertheless, as an administrator", fix
            )
    elif facts.refused:
        told = "; ".join(f"{what} ({words})" for what, words in facts.refused.items())
        yield failed(
            PART,
            "writes",
            f"the server does not: {told}",
            "Mend what it complains of (its error log says more), then check again.",
        )
    if not facts.denied and not facts.refused and not facts.lacking:
        yield good(PART, "rights", "the account may read and write")


def _tables(facts: DatabaseFacts) -> Iterator[Finding]:
    for name, what in sorted(facts.foreign_tables.items()):
        if what == "engine":
            yield failed(
                PART,
                "engine",
                f"{name} is no InnoDB table: there are no transactions on it",
                f"ALTER TABLE {name} ENGINE=InnoDB;",
            )
        else:
            yield failed(
                PART,
                "charset",
                f"{name} is {what}: names in other scripts are lost",
                f"ALTER TABLE {name} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;",
            )
    if not facts.foreign_tables and not facts.lacking:
        yield good(PART, "charset", "all tables are InnoDB and utf8mb4")


def _columns(facts: DatabaseFacts) -> Iterator[Finding]:
    known, views = facts.known, facts.known_views
    seen = {table for table, _ in facts.columns}
    if facts.denied:
        # The server lists nothing on which the account has no right at all.
        known = {key: column for key, column in known.items() if key[0] in seen}
        views = {name: view for name, view in views.items() if name in facts.views}
    told = frozenset(name for name, what in facts.foreign_tables.items() if what != "engine")
    yield from judge_columns(known, facts.columns, told)
    yield from judge_indexes(facts.known_indexes, facts.indexes, seen)
    yield from judge_views(views, facts.views)


def _isolation(facts: DatabaseFacts) -> Finding:
    level = facts.session_isolation.upper().replace("-", " ")
    if level != "READ COMMITTED":
        return failed(
            PART,
            "isolation",
            f"our sessions run at {level}, though they ask for READ COMMITTED",
            "Let no proxy or init_connect change the isolation level of this account.",
        )
    logged = facts.variables.get("log_bin", "OFF") in ("ON", "1")
    if logged and facts.variables.get("binlog_format", "ROW").upper() == "STATEMENT":
        return failed(
            PART,
            "isolation",
            "binlog_format is STATEMENT, with which InnoDB refuses writes at READ COMMITTED",
            "SET GLOBAL binlog_format = 'ROW' (and in the server's configuration), then reconnect.",
        )
    return good(PART, "isolation", "READ COMMITTED")


def _connections(facts: DatabaseFacts, pool: int) -> Finding:
    most = int(facts.variables.get("max_connections", "0"))
    free = most - facts.connections
    if free < pool + SPARE:
        return warned(
            PART,
            "max_connections",
            f"{facts.connections} of {most} connections are taken; this engine opens up to {pool}",
            f"SET GLOBAL max_connections = {max(most * 2, facts.connections + 2 * pool + 5 * SPARE)};",
        )
    return good(PART, "max_connections", f"{free} of {most} connections are free")


def _modes(facts: DatabaseFacts) -> Iterator[Finding]:
    has = facts.variables.get
    mode = has("sql_mode", "").upper()
    if "STRICT_ALL_TABLES" not in mode and "STRICT_TRANS_TABLES" not in mode:
        yield warned(
            PART,
            "sql_mode",
            "the server is not strict: what integrations insert too long is cut off silently",
            "Add STRICT_TRANS_TABLES to the server's sql_mode. (Our own sessions are strict.)",
        )
    else:
        yield good(PART, "sql_mode", "strict")
    if has("lower_case_table_names", "0") == "0":
        yield warned(
            PART,
            "lower_case_table_names",
            "table names are case-sensitive; documents and integrations write CALLS_SPOOL and calls_spool",
            "Start the server with lower_case_table_names = 1 (MySQL: only at its initialisation).",
        )
    if has("innodb_flush_log_at_trx_commit", "1") != "1":
        yield warned(
            PART,
            "durability",
            "a crash of the machine may lose the last second of commits: calls could be made twice",
            "SET GLOBAL innodb_flush_log_at_trx_commit = 1;",
        )
    if int(has("max_allowed_packet", str(PACKET))) < PACKET:
        yield warned(
            PART,
            "max_allowed_packet",
            f"packets end at {has('max_allowed_packet')} bytes",
            f"SET GLOBAL max_allowed_packet = {PACKET};",
        )
    if not facts.zones:
        yield warned(
            PART,
            "time_zones",
            "its time zone tables are empty: CONVERT_TZ in reports gives NULL (the engine needs none)",
            "mariadb-tzinfo-to-sql /usr/share/zoneinfo | mariadb mysql (MySQL: mysql_tzinfo_to_sql).",
        )


def _zone(facts: DatabaseFacts) -> Iterator[Finding]:
    if abs(facts.zone) >= 60:
        yield warned(
            PART,
            "time_zone",
            f"its local time is {facts.zone / 3600:+g} h off the engine's: rows that others insert with NOW()"
            " (calls_scheduler, black_list_schedule) mean another hour",
            "Give the server's default_time_zone and engine.timezone the same zone.",
        )


def _clock(facts: DatabaseFacts) -> Finding:
    text = f"its clock is {facts.offset:+.1f} s off this machine's"
    fix = "Let both machines follow one time server (chrony or systemd-timesyncd)."
    if abs(facts.offset) > TOO_FAR:
        return failed(PART, "clock", text, fix)
    if abs(facts.offset) > NOTICED:
        return warned(PART, "clock", text, fix)
    return good(PART, "clock", "its clock is ours")

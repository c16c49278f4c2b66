"""Reads from a live server what `overdial check` judges, and what the tables ask of Asterisk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pymysql

from engine.adapters.mysql import columns, migrate, shapes
from engine.adapters.mysql.database import Database, Session
from engine.domain.checkup.facts import DatabaseFacts, Needs
from engine.domain.dialstring import parse_dialstring
from engine.domain.errors import FieldError
from engine.domain.law.book import lawless
from engine.domain.localtime import LocalTime
from engine.domain.queue_tables import QueueMember, read_member

_VARIABLES = (
    "max_connections", "sql_mode", "lower_case_table_names", "innodb_flush_log_at_trx_commit",
    "max_allowed_packet", "log_bin", "binlog_format", "read_only", "super_read_only", "innodb_read_only",
)  # fmt: skip
#: Statements that change nothing and that only a sufficient account may run.
_PROBES = (
    ("SELECT and UPDATE in the configuration", "UPDATE ccdata.leases SET token = token WHERE 1 = 0"),
    (
        "INSERT in the configuration",
        "INSERT INTO ccdata.black_list (phone) SELECT '' FROM ccdata.leases WHERE 1 = 0",
    ),
    ("DELETE in the configuration", "DELETE FROM ccdata.calls_spool WHERE 1 = 0"),
    (
        "INSERT in the history",
        "INSERT INTO ccrepo.cdr_repo (calldate) SELECT calldate FROM ccrepo.cdr_repo WHERE 1 = 0",
    ),
    ("UPDATE in the history", "UPDATE ccrepo.cdr_repo SET note = note WHERE 1 = 0"),
    ("DELETE in the history", "DELETE FROM ccrepo.cdr_repo WHERE 1 = 0"),
)
_DENIED = (1044, 1142, 1143, 1227)
#: No such column, no such table, no default: the comparison of the columns tells it, with the fix.
_OF_THE_SCHEMA = (1054, 1146, 1364)


async def database_facts(database: Database, local: LocalTime) -> DatabaseFacts:
    """Ask everything; `local`: the engine's time zone.

    Raises StoreError or SchemaError when the server cannot be asked.
    """
    have = await migrate.applied(database)
    want = {one.version: one.name for one in migrate.known()}
    lacking = tuple(want[version] for version in sorted(want.keys() - have.keys()))
    newer = tuple(have[version] for version in sorted(have.keys() - want.keys()))
    denied, refused = ((), {}) if lacking else await _refusals(database)
    ours = not lacking and not newer

    async def work(session: Session) -> DatabaseFacts:
        variables = await _variables(session)
        return DatabaseFacts(
            version=str((await _one(session, "SELECT VERSION() AS v"))["v"]),
            variables=variables,
            session_isolation=await _isolation(session),
            lacking=lacking,
            newer=newer,
            foreign_tables=await _foreign(session, database),
            connections=int((await _one(session, "SHOW GLOBAL STATUS LIKE 'Threads_connected'"))["Value"]),
            zones=(await _one(session, "SELECT CONVERT_TZ(NOW(), 'UTC', 'Europe/Madrid') AS z"))["z"]
            is not None,
            offset=await _offset(session),
            zone=await _zone(session, local),
            denied=denied,
            refused=refused,
            known=columns.declared(database) if ours else {},
            columns=await columns.there(session, database),
            known_indexes=shapes.declared_indexes(database) if ours else {},
            indexes=await shapes.indexes_there(session, database),
            known_views=shapes.declared_views(database) if ours else {},
            views=await shapes.views_there(session, database),
        )

    return await database.transaction(work)


async def _one(session: Session, sql: str, args: tuple[Any, ...] = ()) -> dict[str, Any]:
    return (await session.rows(sql, args))[0]


async def _variables(session: Session) -> dict[str, str]:
    """GLOBAL: our own session has settings of its own."""
    marks = ",".join(["%s"] * len(_VARIABLES))
    rows = await session.rows(f"SHOW GLOBAL VARIABLES WHERE Variable_name IN ({marks})", _VARIABLES)
    return {str(row["Variable_name"]).lower(): str(row["Value"]) for row in rows}


async def _isolation(session: Session) -> str:
    """MySQL and MariaDB ≥ 11.1 call it transaction_isolation, older ones tx_isolation."""
    rows = await session.rows("SHOW SESSION VARIABLES LIKE 't%x_isolation'")
    rows += await session.rows("SHOW SESSION VARIABLES LIKE 'transaction_isolation'")
    return str(rows[-1]["Value"]) if rows else ""


async def _offset(session: Session) -> float:
    before = datetime.now(UTC)
    at: datetime = (await _one(session, "SELECT UTC_TIMESTAMP(3) AS t"))["t"]
    middle = before + (datetime.now(UTC) - before) / 2
    return (at.replace(tzinfo=UTC) - middle).total_seconds()


async def _zone(session: Session, local: LocalTime) -> float:
    """Return how far the server's local time is ahead of the engine's: zones, not clocks (s)."""
    theirs = (await _one(session, "SELECT TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(), NOW()) AS s"))["s"]
    ours = local.at(datetime.now(UTC)).utcoffset() or timedelta()
    return float(theirs) - ours.total_seconds()


async def _foreign(session: Session, database: Database) -> dict[str, str]:
    settings = database.settings
    rows = await session.rows(
        "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS n, ENGINE AS e, TABLE_COLLATION AS c"
        " FROM information_schema.TABLES WHERE TABLE_TYPE = 'BASE TABLE' AND TABLE_SCHEMA IN (%s, %s)",
        (settings.configuration, settings.history),
    )
    found = {}
    for row in rows:
        name = f"{row['s']}.{row['n']}"
        if str(row["e"]).lower() != "innodb":
            found[name] = "engine"
        elif not str(row["c"]).startswith(("utf8mb4", "ascii")):
            found[name] = str(row["c"])
    return found


async def _refusals(database: Database) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return what the account has no right to, and what the server does not do for another reason."""
    denied, refused = [], {}
    for what, sql in _PROBES:
        try:
            async with database.session() as session:
                await session.run(sql)
        except pymysql.err.MySQLError as error:
            code = error.args[0] if error.args else 0
            if code in _DENIED:
                denied.append(what)
            elif code not in _OF_THE_SCHEMA:
                refused[what] = f"{code}: {error.args[-1]}" if error.args else type(error).__name__
    return tuple(denied), refused


async def needs(database: Database) -> Needs:
    """Return what the tables ask of Asterisk; rows that cannot be read are told as faults."""

    async def work(session: Session) -> Needs:
        dialers = await session.rows("SELECT * FROM ccdata.dialers WHERE status <> 0")
        options = await session.rows("SELECT * FROM ccdata.dialer_options")
        agents = await session.rows("SELECT COUNT(*) AS n FROM ccdata.agent_options WHERE recording <> 0")
        rows = await session.rows("SELECT * FROM ccdata.queue_members")
        named = await session.rows("SELECT * FROM ccdata.law_options")
        laws = {str(row["campaign"]).lower(): row for row in named}
        trunks, faults = set(), []
        for row in dialers:
            try:
                dial = parse_dialstring(str(row["dialstring"]))
                trunks.add((dial.technology, dial.trunk))
            except FieldError as error:
                faults.append(f"dialer {row['campaign']!r}: {error}")
        members: list[QueueMember] = []
        for row in rows:
            try:
                members.append(read_member(row))
            except FieldError as error:
                faults.append(str(error))
        broadcasts = tuple(
            str(row["campaign"]) for row in dialers if str(row["dialertype"]).lower() == "voicebroadcast"
        )
        return Needs(
            campaigns=tuple(
                str(row["campaign"]) for row in dialers if str(row["campaign"]) not in broadcasts
            ),
            broadcasts=broadcasts,
            contexts=frozenset(str(row["context"]) for row in dialers),
            trunks=frozenset(trunks),
            members=tuple(members),
            detects_machines=any(row["am"] for row in dialers),
            records=bool(agents[0]["n"]) or any(str(row["recording"]).lower() != "none" for row in options),
            faults=tuple(faults),
            lawless=tuple(
                str(row["campaign"])
                for row in dialers
                if lawless(row, laws.get(str(row["campaign"]).lower()))
            ),
        )

    return await database.transaction(work)

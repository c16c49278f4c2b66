"""The indexes and views that schema.sql declares, and those that a server has."""

from __future__ import annotations

import re
from collections import defaultdict

import pymysql

from engine.adapters.mysql.database import Database, Session
from engine.domain.checkup.shapes import PRIMARY, Index, Indexes, View, Views
from engine.resources import resource

_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+\.\w+) \(\n(.*?)\n\) ENGINE=", re.S)
_KEY = re.compile(r"^  ((UNIQUE |PRIMARY )?KEY ?(\w*) \(([\w, ]+)\))", re.M)
_VIEW = re.compile(r"CREATE OR REPLACE VIEW (\w+\.\w+) AS\s+SELECT\s(.*?);\n", re.S)


def declared_indexes(database: Database) -> Indexes:
    """Return the indexes of schema.sql, under the names that the databases have here."""
    found = {}
    for table, body in _TABLE.findall(resource("schema.sql").read_text("utf-8")):
        for definition, kind, name, columns in _KEY.findall(body):
            parts = tuple(part.strip().lower() for part in columns.split(","))
            key = (database.names(table), name or PRIMARY)
            found[key] = Index(parts, bool(kind), definition)
    return found


async def indexes_there(session: Session, database: Database) -> Indexes:
    """Return the indexes that the server has."""
    rows = await session.rows(
        "SELECT * FROM information_schema.STATISTICS WHERE TABLE_SCHEMA IN (%s, %s)"
        " ORDER BY TABLE_SCHEMA, TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX",
        (database.settings.configuration, database.settings.history),
    )
    ours, columns = _ours(database), defaultdict[tuple[str, str], list[str]](list)
    unique, idle = set(), dict[tuple[str, str], str]()
    for row in rows:
        key = (f"{ours[str(row['TABLE_SCHEMA']).lower()]}.{row['TABLE_NAME']}", str(row["INDEX_NAME"]))
        part = "" if row["SUB_PART"] is None else f"({row['SUB_PART']})"
        columns[key].append(str(row["COLUMN_NAME"]).lower() + part)
        if not int(row["NON_UNIQUE"]):
            unique.add(key)
        if row.get("IGNORED") == "YES":
            idle[key] = "NOT IGNORED"  # MariaDB
        if row.get("IS_VISIBLE") == "NO":
            idle[key] = "VISIBLE"  # MySQL
    return {key: Index(tuple(parts), key in unique, idle=idle.get(key, "")) for key, parts in columns.items()}


def declared_views(database: Database) -> Views:
    """Return the views of schema.sql, under the names that the databases have here."""
    text = resource("schema.sql").read_text("utf-8")
    return {database.names(name): View(_selected(body)) for name, body in _VIEW.findall(text)}


def _selected(body: str) -> tuple[str, ...]:
    """Return the names of what a SELECT without its first word shows."""
    names, depth, part = [], 0, ""
    for word in re.findall(r"'[^']*'|[(),]|[^\s(),']+", body):
        depth += (word == "(") - (word == ")")
        if depth == 0 and word in (",", "FROM"):
            names.append(part.rpartition(".")[2].lower())
            if word == "FROM":
                break
        part = word
    return tuple(names)


async def views_there(session: Session, database: Database) -> Views:
    """Return the views that the server has; each is read, for one whose maker is gone refuses that."""
    rows = await session.rows(
        "SELECT v.TABLE_SCHEMA AS s, v.TABLE_NAME AS t, c.COLUMN_NAME AS c FROM information_schema.VIEWS v"
        " LEFT JOIN information_schema.COLUMNS c"
        " ON c.TABLE_SCHEMA = v.TABLE_SCHEMA AND c.TABLE_NAME = v.TABLE_NAME"
        " WHERE v.TABLE_SCHEMA IN (%s, %s) ORDER BY c.ORDINAL_POSITION",
        (database.settings.configuration, database.settings.history),
    )
    ours, columns = _ours(database), defaultdict[str, list[str]](list)
    for row in rows:
        shown = columns[f"{ours[str(row['s']).lower()]}.{row['t']}"]
        if row["c"] is not None:  # a view whose tables are gone shows none
            shown.append(str(row["c"]).lower())
    known = declared_views(database)
    return {
        name: View(tuple(parts), await _problem(session, name) if name in known else "")
        for name, parts in columns.items()
    }


async def _problem(session: Session, view: str) -> str:
    try:
        await session.rows(f"SELECT 1 FROM {view} WHERE 1 = 0")
    except pymysql.err.MySQLError as error:
        return f"{error.args[0]}: {error.args[-1]}" if error.args else type(error).__name__
    return ""


def _ours(database: Database) -> dict[str, str]:
    """A server that folds the case of names lists them as it keeps them."""
    return {name.lower(): name for name in (database.settings.configuration, database.settings.history)}

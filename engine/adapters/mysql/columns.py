"""The columns that schema.sql declares, and those that a server has."""

from __future__ import annotations

import re
from dataclasses import replace

from engine.adapters.mysql.database import Database, Session
from engine.domain.checkup.columns import Column, Columns, Kind
from engine.resources import resource

_TABLE = re.compile(
    r"CREATE TABLE IF NOT EXISTS (\w+\.\w+) \(\n(.*?)\n\) ENGINE=\w+ DEFAULT CHARACTER SET (\w+)", re.S
)
#: A column begins a line of two spaces with its name; longer ones go on in deeper lines.
_COLUMN = re.compile(r"^  ([a-z]\w*) ([A-Z]+)(?:\((\d+)[\d,]*\))?(.*(?:\n {3,}.*)*)", re.M)
_CHARSET = re.compile(r" CHARACTER SET (\w+)")
#: Type → bytes of whole numbers.
_BYTES = {"tinyint": 1, "smallint": 2, "mediumint": 3, "int": 4, "bigint": 8}
#: Type → bytes of texts without a length of their own.
_LONG = {"tinytext": 255, "text": 65_535, "mediumtext": 16_777_215, "longtext": 4_294_967_295}
_TIMES = ("datetime", "timestamp")


def declared(database: Database) -> Columns:
    """Return the columns of schema.sql, under the names that the databases have here."""
    text = resource("schema.sql").read_text("utf-8")
    found: dict[tuple[str, str], Column] = {}
    for table, body, charset in _TABLE.findall(text):
        for match in _COLUMN.finditer(body):
            name, kind, length, rest = match.groups()
            own = _CHARSET.search(rest)
            definition = re.sub(r"\s+", " ", match[0]).strip().removesuffix(",")
            rules = definition.partition(" COMMENT ")[0]
            null = " NOT NULL" not in rules
            given = " DEFAULT" in rules or " AUTO_INCREMENT" in rules
            found[database.names(table), name.lower()] = replace(
                _column(kind.lower(), int(length or 0), own[1] if own else charset),
                definition=definition,
                null=null,
                demands=not null and not given,
            )
    return found


async def there(session: Session, database: Database) -> Columns:
    """Return the columns that the server has."""
    settings = database.settings
    # A server that folds the case of names lists them as it keeps them.
    ours = {name.lower(): name for name in (settings.configuration, settings.history)}
    rows = await session.rows(
        "SELECT TABLE_SCHEMA AS s, TABLE_NAME AS t, COLUMN_NAME AS c, DATA_TYPE AS d,"
        " COALESCE(CHARACTER_MAXIMUM_LENGTH, DATETIME_PRECISION, 0) AS n, CHARACTER_SET_NAME AS charset,"
        " IS_NULLABLE AS nullable, COLUMN_DEFAULT AS value, EXTRA AS extra"
        " FROM information_schema.COLUMNS WHERE TABLE_SCHEMA IN (%s, %s)",
        (settings.configuration, settings.history),
    )
    return {
        (f"{ours[str(row['s']).lower()]}.{row['t']}", str(row["c"]).lower()): replace(
            _column(str(row["d"]).lower(), int(row["n"]), str(row["charset"] or "")),
            null=row["nullable"] == "YES",
            demands=row["nullable"] == "NO" and row["value"] is None and not row["extra"],
        )
        for row in rows
    }


def _column(kind: str, length: int, charset: str) -> Column:
    if kind in ("char", "varchar") or kind in _LONG:
        return Column(Kind.TEXT, _LONG.get(kind, length), charset)
    if kind in _BYTES:
        return Column(Kind.INTEGER, _BYTES[kind])
    if kind in _TIMES:
        return Column(Kind.TIME, length)
    return Column(Kind.DECIMAL if kind == "decimal" else Kind.OTHER)

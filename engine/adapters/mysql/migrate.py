"""Numbered plain-SQL migrations: which there are, which were applied, apply the rest in order.

Data definition is not transactional in MariaDB and MySQL, so every migration can be run twice:
one that was cut off is simply run again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pymysql

from engine.adapters.mysql.database import Database
from engine.ports import SchemaError
from engine.resources import resource

_FILE = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
#: Columns and keys cannot be added "if not exists" in MySQL: 1060 and 1061 say that a migration that was
#: cut off had got as far as that.
_THERE_ALREADY = (1060, 1061)
_LEDGER = """CREATE TABLE IF NOT EXISTS ccdata.schema_migrations (
  version INT NOT NULL,
  name VARCHAR(128) NOT NULL,
  applied_at DATETIME NOT NULL DEFAULT CURRENT_TIMESTAMP,
  PRIMARY KEY (version)
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"""


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    path: Path

    def statements(self) -> list[str]:
        """Return the statements: separated by ';' at a line's end, comment lines removed."""
        lines = [
            line for line in self.path.read_text("utf-8").splitlines() if not line.lstrip().startswith("--")
        ]
        parts = re.split(r";\s*(?:\n|$)", "\n".join(lines))
        return [part.strip() for part in parts if part.strip()]


def known(folder: Path | None = None) -> tuple[Migration, ...]:
    """Return all migrations that come with this engine, in order."""
    found = []
    for path in sorted((folder or resource("migrations")).glob("*.sql")):
        match = _FILE.fullmatch(path.name)
        if match:
            found.append(Migration(int(match[1]), path.stem, path))
    return tuple(found)


async def applied(database: Database) -> dict[int, str]:
    """Return version → name of what the database has; nothing when it has no schema yet."""
    try:
        async with database.session() as session:
            rows = await session.rows("SELECT version, name FROM ccdata.schema_migrations")
    except pymysql.err.ProgrammingError:  # 1146, 1049: no such table or database
        return {}
    except pymysql.err.OperationalError as error:
        if error.args and error.args[0] == 1049:
            return {}
        s = database.settings
        where = s.socket or f"{s.host}:{s.port}"
        raise SchemaError(
            f"the database at {where} cannot be read: {error.args[-1]}. "
            "Fix: start it, or correct the [database] settings."
        ) from error
    return {int(row["version"]): str(row["name"]) for row in rows}


async def check(database: Database, folder: Path | None = None) -> None:
    """Raise SchemaError unless the database has exactly the migrations of this engine."""
    have, want = await applied(database), {m.version: m.name for m in known(folder)}
    _refuse_newer(have, want)
    missing = sorted(set(want) - set(have))
    if missing:
        raise SchemaError(
            f"the schema lacks migration {want[missing[0]]}. Fix: run 'overdial migrate' first."
        )


def _refuse_newer(have: dict[int, str], want: dict[int, str]) -> None:
    newer = sorted(set(have) - set(want))
    if newer:
        raise SchemaError(
            f"the schema is newer than this engine (it has {have[newer[-1]]}). "
            "Fix: install the engine version that made it."
        )


async def pending(database: Database, folder: Path | None = None) -> tuple[Migration, ...]:
    """Return what `migrate` would apply, in order. Raises SchemaError, also for a newer schema."""
    have = await applied(database)
    migrations = known(folder)
    _refuse_newer(have, {m.version: m.name for m in migrations})
    return tuple(migration for migration in migrations if migration.version not in have)


async def migrate(database: Database, folder: Path | None = None) -> tuple[Migration, ...]:
    """Apply what is missing, in order; return what was applied. Raises SchemaError."""
    done = []
    for migration in await pending(database, folder):
        for statement in migration.statements():
            try:
                async with database.session() as session:
                    await session.run(statement)
            except pymysql.err.MySQLError as error:
                if error.args and error.args[0] in _THERE_ALREADY:
                    continue
                first = statement.splitlines()[0][:80]
                raise SchemaError(
                    f"migration {migration.name} stopped at '{first}': {error.args[-1]}. "
                    "Fix the cause and run 'overdial migrate' again; it goes on from here."
                ) from error
        async with database.session() as session:
            await session.run(_LEDGER)
            await session.run(
                "INSERT IGNORE INTO ccdata.schema_migrations (version, name) VALUES (%s, %s)",
                (migration.version, migration.name),
            )
        done.append(migration)
    return tuple(done)

"""Columns as the engine knows them, and as a server has them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.domain.checkup.finding import Finding, failed, good

PART = "database"


class Kind(StrEnum):
    """What a column holds."""

    TEXT = "text"
    INTEGER = "whole numbers"
    DECIMAL = "decimal numbers"
    TIME = "times"
    OTHER = "something else"


@dataclass(frozen=True, slots=True)
class Column:
    """`size`: how much it holds, comparable within a kind: characters of text, bytes of whole numbers, digits
    of a second of times, 0 where it does not matter; `charset`: '' for what is no text; `definition`: as it
    was declared, '' of a server's; `null`: may be NULL; `demands`: an INSERT must give it a value."""

    kind: Kind
    size: int = 0
    charset: str = ""
    definition: str = ""
    null: bool = True
    demands: bool = False


#: Table with its database, column in lower case.
Columns = Mapping[tuple[str, str], Column]
#: The character set in which nothing is lost.
_WHOLE = "utf8mb4"


def judge_columns(known: Columns, there: Columns, told: frozenset[str]) -> Iterator[Finding]:
    """Yield what of the `known` columns is not `there` as it should be.

    Columns that others have added are their own, as long as rows can be written without them. `told`: tables
    of which it has been said that they are in another character set.
    """
    if not known:
        return
    faulty = False
    tables = {table for table, _ in there}
    for table in sorted({table for table, _ in known} - tables):
        faulty = True
        yield failed(
            PART,
            "columns",
            f"the table {table} is not there",
            f"Restore it from a backup, or make it anew with its CREATE TABLE {table} of schema.sql.",
        )
    for (table, name), column in known.items():
        if table not in tables:
            continue
        found = there.get((table, name))
        finding = _missing(table, column) if found is None else _other(table, name, column, found, told)
        if finding is not None:
            faulty = True
            yield finding
    ours = {table for table, _ in known}
    for table, name in sorted(key for key in there.keys() - known.keys() if there[key].demands):
        if table in ours:
            faulty = True
            yield failed(
                PART,
                "columns",
                f"{table}.{name} is not the engine's and has no default: new rows are refused",
                f"ALTER TABLE {table} ALTER COLUMN {name} SET DEFAULT <value>; or let it be NULL.",
            )
    if not faulty:
        yield good(PART, "columns", f"all {len(known)} columns are there and hold what they should")


def _missing(table: str, column: Column) -> Finding:
    name = column.definition.partition(" ")[0]
    key = " PRIMARY KEY" if "AUTO_INCREMENT" in column.definition else ""
    return failed(
        PART,
        "columns",
        f"{table} lacks the column {name}: statements that name it are refused",
        f"ALTER TABLE {table} ADD COLUMN {column.definition}{key};",
    )


def _other(table: str, name: str, column: Column, found: Column, told: frozenset[str]) -> Finding | None:
    mend = f"ALTER TABLE {table} MODIFY {column.definition};"
    if found.kind is not column.kind:
        return failed(PART, "columns", f"{table}.{name} holds {found.kind}, not {column.kind}", mend)
    if found.size < column.size:
        text = (
            f"{table}.{name} holds less than it should ({found.size} of {column.size} {_UNITS[column.kind]})"
        )
        return failed(PART, "columns", text, mend)
    if column.null and not found.null:
        return failed(PART, "columns", f"{table}.{name} takes no NULL, which the engine may write", mend)
    if found.demands and not column.demands:
        return failed(PART, "columns", f"{table}.{name} has lost its default: new rows are refused", mend)
    if column.charset == _WHOLE and found.charset != _WHOLE and table not in told:
        text = f"{table}.{name} is {found.charset}: names in other scripts are lost, or refused"
        return failed(PART, "charset", text, mend)
    return None


_UNITS = {Kind.TEXT: "characters", Kind.INTEGER: "bytes", Kind.TIME: "digits of a second"}

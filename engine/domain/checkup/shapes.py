"""Indexes and views as the engine knows them, and as a server has them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from engine.domain.checkup.finding import Finding, failed, good, warned

PART = "database"


@dataclass(frozen=True, slots=True)
class Index:
    """`columns` in lower case, in their order; `unique`: it keeps a second row out; `definition`: as it was
    declared, '' of a server's; `idle`: it is there and not used,
    the server's word that mends it."""

    columns: tuple[str, ...]
    unique: bool = False
    definition: str = ""
    idle: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """`columns` in lower case, in their order; `problem`: what the server says when it is read."""

    columns: tuple[str, ...]
    problem: str = ""


#: Table or view with its database, index.
Indexes = Mapping[tuple[str, str], Index]
#: View with its database.
Views = Mapping[str, View]
PRIMARY = "PRIMARY"


def judge_indexes(known: Indexes, there: Indexes, tables: Collection[str]) -> Iterator[Finding]:
    """Yield what of the `known` indexes is not `there` as it should be; `tables`: those that exist at all.

    Indexes that others have added are their own, unless they keep rows out that the engine would write.
    """
    if not known:
        return
    faulty = False
    for (table, name), index in known.items():
        found = there.get((table, name))
        if table not in tables or _fits(found, index):
            continue
        faulty = True
        if found is None:
            text = f"{table} lacks the index {name} ({', '.join(index.columns)})"
        elif found.idle:
            text = f"{table}: the index {name} is switched off"
        else:
            text = f"{table}: the index {name} is on ({', '.join(found.columns)}), not as in schema.sql"
        effect = (
            "the same row may come twice"
            if index.unique
            else "statements that name it or need it fail or crawl"
        )
        drop = "" if found is None else f"DROP {_called(name)}, "
        mend = f"{drop}ADD {index.definition}"
        if found is not None and found.idle:
            mend = f"ALTER INDEX {name} {found.idle}"
        yield failed(PART, "index", f"{text}: {effect}", f"ALTER TABLE {table} {mend};")
    ours = {table for table, _ in known}
    for (table, name), index in sorted(there.items()):
        if table in ours and index.unique and (table, name) not in known:
            faulty = True
            yield warned(
                PART,
                "index",
                f"{table}: the unique index {name} ({', '.join(index.columns)}) is not the engine's:"
                " rows that repeat there are refused",
                f"ALTER TABLE {table} DROP {_called(name)}; unless you want that.",
            )
    if not faulty:
        yield good(PART, "index", f"all {len(known)} indexes are there")


def _fits(found: Index | None, index: Index) -> bool:
    return (
        found is not None
        and not found.idle
        and found.columns == index.columns
        and (found.unique or not index.unique)
    )


def _called(name: str) -> str:
    return "PRIMARY KEY" if name == PRIMARY else f"INDEX {name}"


def judge_views(known: Views, there: Views) -> Iterator[Finding]:
    """Yield what of the `known` views is not `there`, shows other columns, or cannot be read."""
    if not known:
        return
    faulty = False
    for name, view in known.items():
        found = there.get(name)
        if found is None:
            text = f"the view {name} is not there"
        elif found.problem:
            text = f"the view {name} cannot be read ({found.problem})"
        elif found.columns != view.columns:
            text = f"the view {name} shows other columns than in schema.sql"
        else:
            continue
        faulty = True
        yield failed(
            PART,
            "view",
            f"{text}: pages, commands or phones that read it fail",
            f"Make it anew with its CREATE OR REPLACE VIEW {name} of schema.sql, as the engine's account.",
        )
    if not faulty:
        yield good(PART, "view", f"all {len(known)} views are there and can be read")

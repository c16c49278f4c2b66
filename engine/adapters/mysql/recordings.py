"""Recorded calls by every documented filter, page by page, over any number of CDRs.

The page's ids come out of one index in its own order; only the rows of the page itself are joined to them.
A page costs what lies before it in the index; one that follows a page that was read goes on behind its last
row (`After`) and costs the same however deep it lies.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.adapters.mysql.database import Session
from engine.domain.integra.records import RecordFilter, RecordsPage
from engine.domain.integra.shapes import RECORD_KEYS

_COLUMNS = ", ".join(f"c.{key}" for key in RECORD_KEYS)


@dataclass(frozen=True, slots=True)
class After:
    """The last row of the page before."""

    calldate: datetime
    id: int


def page_query(
    page: RecordsPage,
    campaigns: Collection[str] | None,
    after: After | None = None,
    numbers: Sequence[str] | None = None,
) -> tuple[str, list[Any]]:
    """Return the statement of one page. `campaigns`: those that the caller may see; None = all. `numbers`:
    those that appear often enough, where they are few; None = they are counted in the statement."""
    wanted = page.filter
    where, args = _conditions(wanted, campaigns)
    if numbers is not None:
        where.append(f"k.dst IN ({', '.join(['%s'] * len(numbers))})")
        args += numbers
    elif wanted.appears > 1:
        where.append(f"k.dst IN ({OFTEN})")
        args += _often(wanted)
    if after is not None:
        where.append("k.calldate >= %s AND (k.calldate > %s OR k.id > %s)")
        args += [after.calldate, after.calldate, after.id]
    index = "cdr_repo_number_records" if numbers else _index(wanted)
    ids = (
        f"SELECT k.id FROM ccrepo.cdr_repo k FORCE INDEX ({index})"
        f" WHERE {' AND '.join(where)} ORDER BY k.calldate, k.id LIMIT %s OFFSET %s"
    )
    sql = (
        f"SELECT c.id, {_COLUMNS} FROM ({ids}) p STRAIGHT_JOIN ccrepo.cdr_repo c ON c.id = p.id"
        " ORDER BY c.calldate, c.id"
    )
    return sql, [*args, page.limit, 0 if after else page.offset]


def _index(wanted: RecordFilter) -> str:
    """The most selective index that has its rows in the order of time."""
    if wanted.destination:
        return "cdr_repo_number_records"
    if wanted.source:
        return "cdr_repo_source_records"
    if wanted.agent:
        return "cdr_repo_agent_records"
    if wanted.tag:
        return "cdr_repo_tags"  # not in the order of time, but only what is tagged is in it
    return "cdr_repo_campaign_records" if wanted.campaign else "cdr_repo_records"


def _conditions(wanted: RecordFilter, campaigns: Collection[str] | None) -> tuple[list[str], list[Any]]:
    where = ["k.type = 'record'"]
    args: list[Any] = []

    def add(condition: str, *values: Any) -> None:
        where.append(condition)
        args.extend(values)

    if wanted.begin:
        add("k.calldate >= %s", wanted.begin)
    if wanted.end:
        add("k.calldate <= %s", wanted.end)
    if wanted.agent:
        add("k.accountcode = %s", wanted.agent)
    if wanted.campaign:
        add("k.campaign = %s", wanted.campaign)
    if campaigns is not None:
        names = sorted(campaigns) or [""]
        add(f"k.campaign IN ({', '.join(['%s'] * len(names))})", *names)
    if wanted.destination:
        add("k.dst IN (%s, %s)", *_spellings(wanted.destination))
    if wanted.source:
        # One caller ID may be that of every call: two spellings would have to be sorted together.
        add("k.src = %s", wanted.source)
    if wanted.tag:
        add("k.userfield > '' AND LOCATE(%s, k.userfield) > 0", wanted.tag)
    if wanted.hours:
        begin, end = wanted.hours
        within = "TIME(k.calldate) BETWEEN %s AND %s"
        if begin > end:
            within = "(TIME(k.calldate) >= %s OR TIME(k.calldate) <= %s)"
        add(within, f"{begin:%H:%M:%S}", f"{end:%H:%M:%S}")
    if wanted.rating is not None:
        add("k.rating >= %s", wanted.rating)
    if wanted.shortest:
        add("k.duration >= %s", wanted.shortest)
    if wanted.exclude:
        pair = _spellings(wanted.exclude)
        add("k.dst NOT IN (%s, %s) AND k.src NOT IN (%s, %s)", *pair, *pair)
    return where, args


#: Numbers with so many records in these days, counted in one index and nothing else.
OFTEN = (
    "SELECT n.dst FROM ccrepo.cdr_repo n FORCE INDEX (cdr_repo_number_records)"
    " WHERE n.type = 'record' AND n.calldate >= %s AND n.calldate <= %s"
    " GROUP BY n.dst HAVING COUNT(*) >= %s"
)
_EVER = (datetime(1000, 1, 1), datetime(9999, 12, 31))  # noqa: DTZ001  # as the column: local time
#: So many numbers are named one by one.
_FEW = 1000


def _often(wanted: RecordFilter) -> tuple[datetime, datetime, int]:
    return wanted.begin or _EVER[0], wanted.end or _EVER[1], wanted.appears


def _spellings(number: str) -> tuple[str, str]:
    bare = number.removeprefix("+")
    return bare, f"+{bare}"


async def records(
    session: Session,
    page: RecordsPage,
    campaigns: Collection[str] | None = None,
    after: After | None = None,
) -> list[dict[str, Any]]:
    """Return the rows of one page, oldest first; `after`: the last row of the page before, if it is known."""
    numbers: list[str] | None = None
    if page.filter.appears > 1:
        found = await session.rows(f"{OFTEN} LIMIT {_FEW + 1}", _often(page.filter))
        if not found:
            return []
        numbers = [str(row["dst"]) for row in found] if len(found) <= _FEW else None
    sql, args = page_query(page, campaigns, after, numbers)
    return await session.rows(sql, args)


async def whose(session: Session, guid: str) -> tuple[str, str] | None:
    """Return the campaign and the agent ('' = none) of a call, from its attempt, its CDR or the order that is
    about to place it; None when nothing is known of it."""
    rows = await session.rows("SELECT campaign, agent FROM ccdata.attempts WHERE id=%s", (guid,))
    if not rows:
        rows = await session.rows(
            "SELECT campaign, accountcode AS agent FROM ccrepo.cdr_repo WHERE guid=%s LIMIT 1", (guid,)
        )
    if not rows:
        rows = await session.rows(
            "SELECT campaign, agent FROM ccdata.orders WHERE status='new' AND kind='call' AND guid=%s"
            " LIMIT 1",
            (guid,),
        )
    return (str(rows[0]["campaign"]), str(rows[0]["agent"] or "")) if rows else None

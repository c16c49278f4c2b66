"""Recycling: finished contacts become a new list, by their outcome, after a delay, so and so often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.adapters.mysql.database import Database, Session, utc
from engine.adapters.mysql.numbers import in_spool, take_turn
from engine.domain.errors import FieldError
from engine.domain.phones import join_alternatives, parse_alternatives
from engine.domain.recycling import RecycleRule, next_list, parse_recycle

#: Contacts of one transaction.
BATCH = 1_000

_PARTS = " AND ".join(("campaign=%s", "outcome=%s", "again_at IS NULL", "finished_at <= %s", "rounds < %s"))
_FINISHED = (
    "SELECT * FROM ccrepo.finished_contacts FORCE INDEX (finished_contacts_due)"
    f" WHERE {_PARTS} AND (%s = '' OR dialerbase = %s) ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED"
)
_AUTOMATIC = (
    "SELECT campaign, recycle, recyclecount FROM ccdata.dialers"
    " WHERE status = 1 AND recyclecount > 0 AND recycle NOT IN ('', '[]')"
)
_BUSY = (
    "SELECT 1 FROM ccdata.calls_spool FORCE INDEX (calls_spool_due)"
    " WHERE campaign=%s AND status IN (0, 1) LIMIT 1"
)


@dataclass(slots=True)
class Recycled:
    """What came of it: the new list ('' while nothing was due), and how many contacts it has."""

    list: str = ""
    contacts: int = 0


async def recycle(
    database: Database,
    campaign: str,
    rules: Sequence[RecycleRule],
    now: datetime,
    *,
    only: str = "",
    name: str = "",
) -> Recycled:
    """Make a list of the contacts that the rules choose, in batches; active once it is whole.

    `only`: those of one list; `name`: of the new list.
    """
    made = Recycled()
    for rule in rules:
        args = (campaign, rule.outcome, utc(now - rule.delay), rule.maximum, only, only, BATCH)
        while await _one_batch(database, campaign, args, now, name, made):
            pass

    async def activate(session: Session) -> None:
        await session.run(
            "UPDATE ccdata.dialer_base SET active=1, records=(SELECT COUNT(*) FROM ccdata.calls_spool s"
            " WHERE s.campaign=%s AND s.dialerbase=%s) WHERE campaign=%s AND name=%s",
            (campaign, made.list, campaign, made.list),
        )

    if made.contacts:
        await database.transaction(activate)
    return made


async def _one_batch(
    database: Database, campaign: str, args: Sequence[Any], now: datetime, name: str, made: Recycled
) -> bool:
    """Recycle some; False when there were none."""

    async def work(session: Session) -> tuple[str, int, int]:
        rows = await session.rows(_FINISHED, args)
        if not rows:
            return made.list, 0, 0
        await take_turn(session, [campaign])
        base = made.list or name or await _new_list(session, campaign, str(rows[0]["dialerbase"]))
        await _make_list(session, campaign, base)
        there = await in_spool(session, campaign, [_digits(row) for row in rows])
        fresh = []
        for row in rows:
            if _digits(row) not in there:
                there.add(_digits(row))
                fresh.append(row)
        tried = await _tried(session, [int(row["spool_id"]) for row in fresh])
        await session.run_many(
            "INSERT INTO ccdata.calls_spool (campaign, destination, data, alternatives, contact, dialerbase,"
            " priority, agentphone, rounds) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [_again(row, tried.get(int(row["spool_id"]), []), base) for row in fresh],
        )
        marks = ",".join(["%s"] * len(rows))
        await session.run(
            f"UPDATE ccrepo.finished_contacts SET again_at=%s WHERE id IN ({marks})",
            (utc(now), *(row["id"] for row in rows)),
        )
        return base, len(fresh), len(rows)

    made.list, fresh, seen = await database.transaction(work)
    made.contacts += fresh
    return seen > 0


def _digits(row: dict[str, Any]) -> str:
    text = str(row["destination"]).rpartition("=")[2]
    return text.translate(str.maketrans("", "", " \t-().+/"))


async def _tried(session: Session, spool_ids: Sequence[int]) -> dict[int, list[str]]:
    """Return the numbers that were called for each contact, in the order of their first call."""
    if not spool_ids:
        return {}
    marks = ",".join(["%s"] * len(spool_ids))
    rows = await session.rows(
        f"SELECT spool_id, destination FROM ccdata.attempts WHERE spool_id IN ({marks})"
        " GROUP BY spool_id, destination ORDER BY spool_id, MIN(claimed_at), MIN(id)",
        spool_ids,
    )
    tried: dict[int, list[str]] = {}
    for row in rows:
        tried.setdefault(int(row["spool_id"]), []).append(str(row["destination"]))
    return tried


def _again(row: dict[str, Any], tried: Sequence[str], name: str) -> tuple[Any, ...]:
    """The contact with all its numbers, the first one first as at the beginning."""
    last = str(row["destination"])
    bare = last.rpartition("=")[2]
    numbers = list(tried) or [bare]
    entries = [last if number == bare else number for number in numbers]
    left, _ = parse_alternatives(str(row["alternatives"]))
    alternatives = ":".join([*entries[1:], *filter(None, [join_alternatives(left)])])
    return (
        row["campaign"], entries[0], row["data"], alternatives[:1000], row["contact"], name,
        row["priority"], row["agentphone"], int(row["rounds"]) + 1,
    )  # fmt: skip


async def _new_list(session: Session, campaign: str, old: str) -> str:
    rows = await session.rows("SELECT name FROM ccdata.dialer_base WHERE campaign=%s", (campaign,))
    return next_list(old, frozenset(str(row["name"]) for row in rows))


async def _make_list(session: Session, campaign: str, name: str) -> None:
    rows = await session.rows(
        "SELECT id FROM ccdata.dialer_base WHERE campaign=%s AND name=%s LIMIT 1", (campaign, name)
    )
    if not rows:
        [last] = await session.rows(
            "SELECT COALESCE(MAX(recycled), 0) AS n FROM ccdata.dialer_base WHERE campaign=%s", (campaign,)
        )
        await session.run(
            "INSERT INTO ccdata.dialer_base (campaign, name, active, recycled) VALUES (%s, %s, 0, %s)",
            (campaign, name, int(last["n"]) + 1),
        )


async def recycle_due(database: Database, now: datetime) -> dict[str, Recycled]:
    """Recycle every enabled campaign whose spool has run dry, `recyclecount` times at most."""

    async def candidates(session: Session) -> list[dict[str, Any]]:
        found = []
        for row in await session.rows(_AUTOMATIC):
            [last] = await session.rows(
                "SELECT COALESCE(MAX(recycled), 0) AS n FROM ccdata.dialer_base WHERE campaign=%s",
                (row["campaign"],),
            )
            if int(last["n"]) < row["recyclecount"] and not await session.rows(_BUSY, (row["campaign"],)):
                found.append(row)
        return found

    done = {}
    for row in await database.transaction(candidates):
        try:
            rules = parse_recycle(str(row["recycle"]))
        except FieldError:
            continue  # the campaign is set aside with the reason: domain/settings.py
        campaign = str(row["campaign"])
        made = await recycle(database, campaign, rules, now)
        if made.contacts:
            done[campaign] = made
    return done

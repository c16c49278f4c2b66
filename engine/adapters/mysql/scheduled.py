"""Scheduled calls: what is due goes into the spool, first of all, oldest first; also what was missed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from engine.adapters.mysql.database import Session
from engine.adapters.mysql.numbers import take_turn
from engine.adapters.mysql.zones import kept_zone, known_zone
from engine.domain.errors import FieldError
from engine.domain.localtime import LocalTime
from engine.domain.model import FIRST
from engine.domain.phones import parse_phone

#: So many enter with one claim.
_MANY = 100

_DUE = (
    "SELECT id FROM ccdata.calls_scheduler FORCE INDEX (calls_scheduler_due)"
    f" WHERE campaign = %s AND calldate <= %s ORDER BY calldate LIMIT {_MANY}"
)
_THERE = (
    "SELECT id, status, contact, held_by FROM ccdata.calls_spool FORCE INDEX (calls_spool_number)"
    " WHERE number = %s AND campaign = %s ORDER BY id"
)


async def bring_due(session: Session, campaign: str, now: datetime, local: LocalTime) -> int:
    """Move the due rows of a campaign into the spool; return how many.

    A number is in the spool of a campaign once: a contact that waits there moves to the front, one that a
    rule blocked is judged anew, and one that is being called keeps its scheduled call for later. Rows of
    other contacts who share the number stay as they are. Found without locks first: see claim.DUE.
    """
    local_now = local.naive(now)
    ids = [row["id"] for row in await session.rows(_DUE, (campaign, local_now))]
    if not ids:
        return 0
    await take_turn(session, [campaign])
    marks = ",".join(["%s"] * len(ids))
    rows = await session.rows(
        f"SELECT * FROM ccdata.calls_scheduler WHERE id IN ({marks}) ORDER BY calldate, id"
        " FOR UPDATE SKIP LOCKED",
        ids,
    )
    done = [row["id"] for row in rows if await _bring(session, row, local)]
    if done:
        marks = ",".join(["%s"] * len(done))
        await session.run(f"DELETE FROM ccdata.calls_scheduler WHERE id IN ({marks})", done)
    return len(done)


async def _bring(session: Session, row: dict[str, Any], local: LocalTime) -> bool:
    """Put one row into the spool; False while its contact is being called."""
    try:
        number = parse_phone(str(row["destination"])).number.removeprefix("+")
    except FieldError:
        number = ""  # the claim sets it aside, with the reason
    mine = _mine(await session.rows(_THERE, (number, row["campaign"])) if number else [], row["contact"])
    if any(found["status"] == 0 for found in mine):
        return False
    # The oldest first: within a priority the spool is read in the order of `shuffle`.
    place = int(local.utc(row["calldate"]).astimezone(UTC).timestamp()) % 2**32
    if mine and mine[0]["status"] == 3 and not mine[0]["held_by"]:
        # Somebody blocked it by SQL: no rule of ours can say that he did not mean it.
        await session.run(
            "UPDATE ccdata.calls_spool SET reason=%s WHERE id=%s AND status=3 AND reason=''",
            (f"blocked: its call of {row['calldate']} was not made", mine[0]["id"]),
        )
        return True
    if mine:
        zone = f"COALESCE(NULLIF({kept_zone('calls_spool')}, ''), %s)"
        await session.run(
            # The zone first: the other columns say it as they are before.
            f"UPDATE ccdata.calls_spool SET timezone={zone}, status=1, dialerbase='', priority=%s,"
            " shuffle=%s, notbefore=NULL, retries=0, reason='', held_by='',"
            " agentphone=COALESCE(NULLIF(%s, ''), agentphone), data=COALESCE(NULLIF(%s, ''), data),"
            " contact=COALESCE(NULLIF(%s, ''), contact) WHERE id=%s AND status<>0",
            (
                row["timezone"], FIRST, place, row["agentphone"], row["data"], row["contact"], mine[0]["id"],
            ),
        )  # fmt: skip
        return True
    await session.run(
        "INSERT INTO ccdata.calls_spool (campaign, destination, data, alternatives, contact, dialerbase,"
        " priority, shuffle, agentphone, timezone) VALUES (%s, %s, %s, %s, %s, '', %s, %s, %s, %s)",
        (
            row["campaign"], row["destination"], row["data"] or "", row["alternatives"] or "",
            row["contact"] or "", FIRST, place, row["agentphone"] or "",
            row["timezone"] or await known_zone(session, row["campaign"], number, row["contact"] or ""),
        ),
    )  # fmt: skip
    return True


def _mine(there: list[dict[str, Any]], contact: str | None) -> list[dict[str, Any]]:
    """Return the rows of one number that may be this contact's, the likeliest first: of two contact ids that
    are given and differ one is another person."""
    wanted = (contact or "").casefold()
    order = {0: 0, 1: 1, 3: 2}
    rows = [row for row in there if not wanted or (row["contact"] or "").casefold() in ("", wanted)]
    return sorted(
        rows, key=lambda row: (order.get(row["status"], 3), (row["contact"] or "").casefold() != wanted)
    )


async def remove_scheduled(
    session: Session, campaign: str, number: str, begin: datetime, end: datetime
) -> int:
    """Delete the scheduled calls of a number, however it is written, from `begin` to `end` (local time, both
    included); return how many. Raises FieldError when it is no number, or `end` lies before `begin`."""
    if end < begin:
        raise FieldError("to", f"{end} lies before {begin}", "Give the earlier moment first.")
    wanted = parse_phone(number).number.removeprefix("+")
    rows = await session.rows(
        "SELECT id, destination FROM ccdata.calls_scheduler FORCE INDEX (calls_scheduler_due)"
        " WHERE campaign = %s AND calldate BETWEEN %s AND %s",
        (campaign, begin, end),
    )
    ids = [row["id"] for row in rows if _same(str(row["destination"]), wanted)]
    if not ids:
        return 0
    marks = ",".join(["%s"] * len(ids))
    return await session.run(f"DELETE FROM ccdata.calls_scheduler WHERE id IN ({marks})", ids)


def _same(destination: str, wanted: str) -> bool:
    try:
        return parse_phone(destination).number.removeprefix("+") == wanted
    except FieldError:
        return False

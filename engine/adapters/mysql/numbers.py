"""A number is in the spool of a campaign once: who puts rows there takes turns, and a claim trusts nobody.

Plain SQL may insert what it likes; of two rows with one number only one is ever dialled.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from engine.adapters.mysql.database import Session

THERE = (
    "SELECT id, number, campaign, dialerbase, status, contact FROM ccdata.calls_spool"
    " FORCE INDEX (calls_spool_number) WHERE number IN ({}) AND campaign = %s"
)


async def take_turn(session: Session, campaigns: Collection[str]) -> None:
    """Nobody else of us puts rows into these campaigns until the transaction ends: what is not in the spool
    now is not put there by another meanwhile."""
    names = sorted(set(campaigns))
    if names:
        marks = ",".join(["%s"] * len(names))
        await session.rows(
            f"SELECT id FROM ccdata.dialers WHERE campaign IN ({marks}) ORDER BY campaign FOR UPDATE", names
        )


async def in_spool(session: Session, campaign: str, numbers: Sequence[str]) -> set[str]:
    """Return which of these digits are in the spool of a campaign."""
    return {str(row["number"]) for row in await _rows(session, campaign, numbers)}


async def contacts_there(session: Session, campaign: str, numbers: Sequence[str]) -> dict[str, set[str]]:
    """Return whose rows with these digits are in the spool of a campaign: number → contact ids, '' for a row
    without one."""
    found: dict[str, set[str]] = {}
    for row in await _rows(session, campaign, numbers):
        found.setdefault(str(row["number"]), set()).add(str(row["contact"] or "").casefold())
    return found


def same_person(contact: str, others: Collection[str]) -> bool:
    """May a contact be one of these who have its number? Only ids that are given and differ say no."""
    mine = contact.casefold()
    return bool(others) and (not mine or "" in others or mine in others)


async def doubles(
    session: Session, campaign: str, rows: Sequence[dict[str, Any]], served: Collection[str]
) -> dict[int, int]:
    """Return which of the claimed rows must not be dialled, and the row that has their number: one that is
    being called, or that came earlier and waits in a list that is `served`.

    Two claims at once both see the earlier row as waiting or called, so they cannot dial both. Rows of
    different contacts (ids) who share a number are no doubles.
    """
    lists = {name.casefold() for name in served}
    mine = {int(row["id"]): row for row in rows}
    found: dict[int, int] = {}
    others: dict[str, list[dict[str, Any]]] = {}
    for other in await _rows(session, campaign, sorted({str(row["number"]) for row in rows})):
        others.setdefault(str(other["number"]), []).append(other)
    for row_id, row in mine.items():
        for other in others.get(str(row["number"]), []):
            waits = other["status"] == 1 and str(other["dialerbase"]).casefold() in lists
            first = other["status"] == 0 or (waits and int(other["id"]) < row_id)
            strangers = row["contact"] and other["contact"] and row["contact"] != other["contact"]
            if int(other["id"]) != row_id and first and not strangers:
                found[row_id] = int(other["id"])
                break
    return found


async def _rows(session: Session, campaign: str, numbers: Sequence[str]) -> list[dict[str, Any]]:
    numbers = [number for number in numbers if number]
    if not numbers:
        return []
    return await session.rows(THERE.format(",".join(["%s"] * len(numbers))), (*numbers, campaign))

"""The contact of a call as its agent's form gets it: what the form gives back is `Dialers/Respool`'s."""

from __future__ import annotations

from typing import Any

from engine.adapters.mysql.database import Session
from engine.domain.integra.contacts import AFTER_SCHEDULED, Respool
from engine.domain.phones import join_alternatives, parse_alternatives, parse_phone


async def form_of(session: Session, attempt: str) -> Respool | None:
    """Return the contact on its next number already, so that giving it back as it is goes on with that one;
    on the same number, one retry further, when there is no other. None when it is in no spool (any more).
    """
    rows = await session.rows(
        "SELECT s.*, a.destination AS dialled FROM ccdata.attempts a"
        " JOIN ccdata.calls_spool s ON s.id = a.spool_id WHERE a.id=%s",
        (attempt,),
    )
    return _turned(rows[0]) if rows else None


def _turned(row: dict[str, Any]) -> Respool:
    dialled = str(row["dialled"])
    phones, _ = parse_alternatives(f"{row['destination']}:{row['alternatives'] or ''}")
    others = tuple(phone for phone in phones if phone.number != dialled)
    same = next((phone for phone in phones if phone.number == dialled), None) or parse_phone(dialled)
    return Respool(
        campaign=str(row["campaign"]),
        phone=others[0] if others else same,
        list=str(row["dialerbase"]),
        data=str(row["data"] or ""),
        alternatives=join_alternatives(others[1:]),
        contact=str(row["contact"] or ""),
        retries=0 if others else int(row["retries"]) + 1,
        priority=max(int(row["priority"]), AFTER_SCHEDULED),
        agent=str(row["agentphone"] or ""),
    )

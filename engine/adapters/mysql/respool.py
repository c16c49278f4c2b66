"""Respool: a contact goes back into the spool of its campaign, on its number or on the next one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from engine.adapters.mysql.database import Database, Session
from engine.adapters.mysql.numbers import in_spool, take_turn
from engine.domain.errors import FieldError, excerpt
from engine.domain.phones import join_alternatives, parse_alternatives, parse_phone

#: The scheduler's own priority is 1.
_FIRST, _LAST = 2, 9999


@dataclass(frozen=True, slots=True)
class Respool:
    """A contact as a form or an integration gives it back: `retries` attempts were made on `destination`."""

    campaign: str
    destination: str
    list: str = ""
    data: str = ""
    alternatives: str = ""
    contact: str = ""
    retries: int = 0
    priority: int = _LAST
    agent: str = ""
    timezone: str = ""


async def respool(database: Database, wish: Respool) -> int:
    """Put a contact back; return the id of its row.

    Raises FieldError: no such dialer, no phone number, a priority that is none, or the number is in the spool
    of the campaign already (also while it is being called): it is there once, whoever asks at the same time.
    """
    number = parse_phone(wish.destination).number.removeprefix("+")
    if not _FIRST <= wish.priority <= _LAST:
        raise FieldError("priority", f"{wish.priority} is none", f"Use {_FIRST} (first) to {_LAST} (last).")
    if not 0 <= wish.retries <= 99:
        raise FieldError("retries", f"{wish.retries} is no count", "Use 0 to 99.")

    async def work(session: Session) -> int:
        await take_turn(session, [wish.campaign])
        rows = await session.rows("SELECT campaign FROM ccdata.dialers WHERE campaign=%s", (wish.campaign,))
        if not rows:
            raise FieldError("campaign", f"there is no dialer {excerpt(wish.campaign)}", "Correct it.")
        if await in_spool(session, wish.campaign, [number]):
            raise FieldError(
                "destination", "it is in the spool of the campaign already", "Respool an alternative."
            )
        await session.run(
            "INSERT INTO ccdata.calls_spool (campaign, destination, data, alternatives, contact, dialerbase,"
            " priority, agentphone, retries, timezone) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                str(rows[0]["campaign"]), wish.destination, wish.data, wish.alternatives, wish.contact,
                wish.list, wish.priority, wish.agent, wish.retries, wish.timezone,
            ),
        )  # fmt: skip
        return int((await session.rows("SELECT LAST_INSERT_ID() AS id"))[0]["id"])

    return await database.transaction(work)


async def respool_alternative(database: Database, wish: Respool) -> int:
    """Put a contact back on its first alternative; the number that it had becomes the last.

    Raises FieldError, as `respool`, and when there is no alternative.
    """
    phones, _ = parse_alternatives(wish.alternatives)
    if not phones:
        raise FieldError("alternatives", "there is none that can be dialled", "Respool the number itself.")
    turned = (*phones[1:], parse_phone(wish.destination))
    return await respool(
        database,
        replace(wish, destination=phones[0].entry(), alternatives=join_alternatives(turned), retries=0),
    )


async def form_of(database: Database, attempt: str) -> Respool | None:
    """Return the contact of a call as its agent's form gets it: on the next number already, which is what the
    form gives back; on the same one when there is no other. None when the contact is not in the spool.
    """

    async def work(session: Session) -> Respool | None:
        rows = await session.rows(
            "SELECT s.*, a.destination AS dialled FROM ccdata.attempts a"
            " JOIN ccdata.calls_spool s ON s.id = a.spool_id WHERE a.id=%s",
            (attempt,),
        )
        return _turned(rows[0]) if rows else None

    return await database.transaction(work)


def _turned(row: dict[str, Any]) -> Respool:
    dialled = str(row["dialled"])
    phones, _ = parse_alternatives(f"{row['destination']}:{row['alternatives'] or ''}")
    others = tuple(phone for phone in phones if phone.number != dialled)
    mine = next((phone.entry() for phone in phones if phone.number == dialled), dialled)
    return Respool(
        campaign=str(row["campaign"]),
        destination=others[0].entry() if others else mine,
        list=str(row["dialerbase"]),
        data=str(row["data"] or ""),
        alternatives=join_alternatives(others[1:]),
        contact=str(row["contact"] or ""),
        retries=0 if others else int(row["retries"]) + 1,
        priority=max(int(row["priority"]), _FIRST),
        agent=str(row["agentphone"] or ""),
        timezone=str(row["timezone"]),
    )

"""Calls: what was, page by page; what is up now; what people order for single ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.adapters.mysql.contact_pages import within
from engine.adapters.mysql.database import Session, utc
from engine.domain.access import Scope
from engine.domain.errors import FieldError
from engine.domain.model import attempt_id
from engine.domain.orders import read_order

Row = dict[str, Any]

_COLUMNS = (
    "id, campaign, destination, contact, dialerbase, attempt, state, outcome, cause, sip, agent, next_step,"
    " note, claimed_at, sent_at, ringing_at, answered_at, queued_at, connected_at, ended_at"
)
#: Attempts that have not ended, as the index has them.
LIVE = (
    f"SELECT {_COLUMNS} FROM ccdata.attempts FORCE INDEX (attempts_open) WHERE state IN ('claimed',"
    " 'offered', 'held', 'sent', 'ringing', 'answered', 'queued', 'connected', 'completed')"
)
#: Index of the history by what is asked for; the rest is filtered. Ids are in the order of time.
INDEXES: Mapping[str, str] = {
    "number": "attempts_number", "contact": "attempts_contact", "campaign": "attempts_campaign",
}  # fmt: skip
#: Calls shown at once, at most, of those that are up.
_MOST = 1000


@dataclass(frozen=True, slots=True)
class Filters:
    """What is asked for; '' and None: whatever. `number`: international digits where they are known."""

    campaign: str = ""
    number: str = ""
    contact: str = ""
    agent: str = ""
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None


def history(
    scope: Scope, filters: Filters, before: tuple[datetime, str] | None, limit: int
) -> tuple[str, list[Any]]:
    """Return the statement for a page of calls, the newest first, those before a moment and id."""
    where, values = within(scope)
    wheres = [where]
    plain = {"campaign": filters.campaign, "number": filters.number, "contact": filters.contact}
    for column, value in {**plain, "agent": filters.agent, "outcome": filters.outcome}.items():
        if value:
            wheres.append(f"{column}=%s")
            values.append(value)
    key = next((name for name in INDEXES if plain[name]), "")
    # Ids begin with the moment: without another filter the primary key is in the order of time.
    column = "claimed_at" if key else "id"
    for bound, sign in ((filters.since, ">="), (filters.until, "<")):
        if bound is not None:
            wheres.append(f"{column} {sign} %s")
            values.append(utc(bound) if key else attempt_id(max(int(bound.timestamp() * 1000), 0), 0))
    if before is not None:
        at, last = before
        if key:
            wheres.append("(claimed_at < %s OR claimed_at = %s AND id < %s)")
            values += [utc(at), utc(at), last]
        else:
            wheres.append("id < %s")
            values.append(last)
    order = "claimed_at DESC, id DESC" if key else "id DESC"
    index = INDEXES.get(key, "PRIMARY")
    sql = (
        f"SELECT {_COLUMNS} FROM ccdata.attempts FORCE INDEX ({index}) WHERE {' AND '.join(wheres)}"
        f" ORDER BY {order} LIMIT %s"
    )
    return sql, [*values, limit]


async def find(session: Session, call: str) -> Row | None:
    """Return one call; None when it is not one of ours."""
    rows = await session.rows(f"SELECT {_COLUMNS} FROM ccdata.attempts WHERE id=%s", (call,))
    return rows[0] if rows else None


async def live(session: Session, scope: Scope, campaign: str = "") -> list[Row]:
    """Return the calls that are up, the oldest first."""
    where, values = within(scope)
    more = " AND campaign=%s" if campaign else ""
    return await session.rows(
        f"{LIVE} AND {where}{more} ORDER BY id LIMIT {_MOST}", [*values, *([campaign] if campaign else [])]
    )


async def reservations(session: Session, scope: Scope) -> list[Row]:
    """Return the agents who are reserved for a call that has not reached its customer yet."""
    where, values = within(scope)
    return await session.rows(
        "SELECT id, campaign, agent, state, destination, contact, claimed_at FROM ccdata.attempts"
        f" FORCE INDEX (attempts_open) WHERE state IN ('offered', 'held') AND {where} ORDER BY id"
        f" LIMIT {_MOST}",
        values,
    )


async def order(session: Session, kind: str, values: Mapping[str, Any]) -> int:
    """Order something for a single call or seat; the engine takes it within 0.25 s. Raises FieldError."""
    plain = {
        "kind": kind, "campaign": "", "agent": "", "phone": "", "tech": "SIP", "context": "", "exten": "",
        "callerid": "", "destination": "", "attempt": "", "act": "", "reason": "", "variables": None,
        "guid": "",
    }  # fmt: skip
    row = {**plain, **values}
    for column, longest in (("agent", 80), ("phone", 80), ("context", 80), ("callerid", 80), ("reason", 255)):
        if len(str(row[column])) > longest:
            size = len(str(row[column]))
            raise FieldError(column, f"it has {size} characters", f"Use {longest} at most.")
    read_order(row)
    await session.run(
        f"INSERT INTO ccdata.orders ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})",
        tuple(row.values()),
    )
    [made] = await session.rows("SELECT LAST_INSERT_ID() AS id")
    return int(made["id"])


async def answer(session: Session, order_id: int) -> Row | None:
    """Return how an order stands, with campaign and agent of the call that it is about; None when there is
    none."""
    rows = await session.rows(
        "SELECT id, kind, campaign, agent, attempt, status, result, guid, created_at, done_at"
        " FROM ccdata.orders WHERE id=%s",
        (order_id,),
    )
    if rows and rows[0]["attempt"] and not rows[0]["campaign"]:
        call = await session.rows(
            "SELECT campaign, agent FROM ccdata.attempts WHERE id=%s", (rows[0]["attempt"],)
        )
        return {**rows[0], **(call[0] if call else {})}
    return rows[0] if rows else None

"""Contacts of the spool, scheduled calls and black lists, page by page and one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from engine.adapters.mysql.contacts import THERE, digits, lock_campaign
from engine.adapters.mysql.database import Session, utc
from engine.domain.access import Scope
from engine.domain.errors import Refused
from engine.domain.phones import Phone, parse_phone

Row = dict[str, Any]

_COLUMNS = (
    "id, campaign, destination, status, data, alternatives, contact, dialerbase, priority, agentphone,"
    " retries, notbefore, reason, held_by, rounds"
)
#: One page of a campaign's contacts, whatever else is asked for; and those of one number or contact.
PAGE = (
    f"SELECT {_COLUMNS} FROM ccdata.calls_spool FORCE INDEX (calls_spool_page) WHERE campaign=%s AND id > %s"
)
_BY_NUMBER = f"SELECT {_COLUMNS} FROM ccdata.calls_spool FORCE INDEX (calls_spool_number) WHERE number=%s"
_BY_CONTACT = f"SELECT {_COLUMNS} FROM ccdata.calls_spool FORCE INDEX (calls_spool_contact) WHERE contact=%s"


def within(scope: Scope, column: str = "campaign") -> tuple[str, list[Any]]:
    """Return a condition, and its arguments, that leaves the rows of a scope."""
    if scope.everything:
        return "1=1", []
    if not scope.names:
        return "1=0", []
    return f"{column} IN ({','.join(['%s'] * len(scope.names))})", sorted(scope.names)


async def page(
    session: Session, campaign: str, after: int, limit: int, filters: Mapping[str, object]
) -> list[Row]:
    """Return some contacts of a campaign in the order of their ids; `filters`: column → value."""
    more = "".join(f" AND ({column})=%s" for column in filters)
    return await session.rows(
        f"{PAGE}{more} ORDER BY id LIMIT %s", (campaign, after, *filters.values(), limit)
    )


async def search(session: Session, scope: Scope, *, number: str = "", contact: str = "") -> list[Row]:
    """Return the contacts with a number (its digits) or an id, in whatever campaign of the scope."""
    where, values = within(scope)
    sql, what = (_BY_NUMBER, number) if number else (_BY_CONTACT, contact)
    return await session.rows(f"{sql} AND {where} ORDER BY id LIMIT 500", (what, *values))


async def find(session: Session, spool_id: int, *, lock: bool = False) -> Row | None:
    """Return one contact; None when it has left the spool."""
    rows = await session.rows(
        f"SELECT {_COLUMNS} FROM ccdata.calls_spool WHERE id=%s{' FOR UPDATE' if lock else ''}", (spool_id,)
    )
    return rows[0] if rows else None


async def change(session: Session, row: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Change a contact that is not being called; `values`: columns. It is judged anew. Raises Refused."""
    if row["status"] == 0:
        raise Refused("The contact is being called.")
    if "destination" in values:
        phone = parse_phone(str(values["destination"]))
        there = await session.rows(THERE, (digits(phone), row["campaign"]))
        if any(other["id"] != row["id"] for other in there):
            raise Refused("The number is in the spool of this campaign already.")
    words = ", ".join(f"{name}=%s" for name in values)
    await session.run(
        f"UPDATE ccdata.calls_spool SET {words}, status=1, reason='', held_by='' WHERE id=%s AND status<>0",
        (*values.values(), row["id"]),
    )


async def remove(session: Session, spool_id: int) -> None:
    """Take a contact out of the spool; a call that is up goes on, and nothing follows it."""
    await session.run("DELETE FROM ccdata.calls_spool WHERE id=%s", (spool_id,))


async def bring_back(
    session: Session, campaign: str, now: datetime, *, number: str = "", contact: str = ""
) -> int:
    """Bring the contact back that left the spool of a campaign last, with all that is known of it; return its
    new id, 0 when there is none. Raises Refused when its number is in the spool, FieldError when there is no
    such campaign."""
    name = await lock_campaign(session, campaign)
    spool_ids: list[int] = []
    if number:
        rows = await session.rows(
            "SELECT DISTINCT spool_id FROM ccdata.attempts FORCE INDEX (attempts_number)"
            " WHERE number=%s AND campaign=%s AND spool_id <> 0 ORDER BY spool_id DESC LIMIT 100",
            (number, name),
        )
        spool_ids = [int(row["spool_id"]) for row in rows]
        if not spool_ids:
            return 0
    where = f"spool_id IN ({','.join(['%s'] * len(spool_ids))})" if number else "contact=%s"
    rows = await session.rows(
        "SELECT id, destination, data, alternatives, contact, dialerbase, priority, agentphone, rounds,"
        f" automatic, timezone FROM ccrepo.finished_contacts WHERE {where} AND campaign=%s"
        " AND again_at IS NULL ORDER BY id DESC LIMIT 1 FOR UPDATE",
        (*(spool_ids if number else [contact]), name),
    )
    if not rows:
        return 0
    row = rows[0]
    if await session.rows(THERE, (digits(parse_phone(str(row["destination"]))), name)):
        raise Refused("The number is in the spool of this campaign already.")
    await session.run(
        "INSERT INTO ccdata.calls_spool (campaign, destination, data, alternatives, contact, dialerbase,"
        " priority, agentphone, rounds, automatic, timezone)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            name, row["destination"], row["data"], row["alternatives"], row["contact"], row["dialerbase"],
            row["priority"], row["agentphone"], row["rounds"], row["automatic"], row["timezone"],
        ),
    )  # fmt: skip
    [made] = await session.rows("SELECT LAST_INSERT_ID() AS id")
    await session.run("UPDATE ccrepo.finished_contacts SET again_at=%s WHERE id=%s", (utc(now), row["id"]))
    return int(made["id"])


# Scheduled calls.


async def scheduled(session: Session, campaign: str, after: tuple[str, int], limit: int) -> Sequence[Row]:
    """Return scheduled calls of a campaign by their moment (local time), those after moment and id."""
    at, last = after
    return await session.rows(
        "SELECT id, calldate, campaign, destination, agentphone, alternatives, data, contact"
        " FROM ccdata.calls_scheduler FORCE INDEX (calls_scheduler_due)"
        " WHERE campaign=%s AND (calldate > %s OR calldate = %s AND id > %s) ORDER BY calldate, id LIMIT %s",
        (campaign, at, at, last, limit),
    )


async def drop_scheduled(session: Session, campaign: str, call: int) -> bool:
    """Delete a scheduled call; False when there is none."""
    return bool(
        await session.run("DELETE FROM ccdata.calls_scheduler WHERE id=%s AND campaign=%s", (call, campaign))
    )


# The black list.


async def black_listed(
    session: Session, scope: Scope, campaign: str, after: tuple[str, str], limit: int
) -> list[Row]:
    """Return entries by phone and campaign; of one `campaign`, or ('') of those of the scope and of all."""
    where, values = within(scope)
    if campaign:
        where, values = "campaign=%s", [campaign]
    elif not scope.everything:
        where = f"({where} OR campaign='*')"
    phone, last = after
    return await session.rows(
        "SELECT phone, campaign, username, company, job_title, name, created FROM ccdata.black_list"
        f" FORCE INDEX (PRIMARY) WHERE (phone > %s OR phone = %s AND campaign > %s) AND {where}"
        " ORDER BY phone, campaign LIMIT %s",
        (phone, phone, last, *values, limit),
    )


async def take_off(session: Session, phone: Phone, campaign: str) -> int:
    """Take a number off a campaign's black list ('*': off that of all); return how many entries it had."""
    return await session.run(
        "DELETE FROM ccdata.black_list WHERE number=%s AND campaign=%s", (digits(phone), campaign)
    )

"""Single contacts in and out of the spool: respool, tasks, scheduled calls, removals, the black list.

Whoever adds a contact holds the campaign's row in `dialers` meanwhile, as loading does: a number is in the
spool of a campaign once, whoever brings it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from engine.adapters.legal import Legal
from engine.adapters.mysql.blacklists import opt_out
from engine.adapters.mysql.database import Session
from engine.adapters.mysql.scheduled import remove_scheduled
from engine.adapters.mysql.zones import kept_zone, known_zone, zone_of_list
from engine.domain.errors import FieldError, excerpt
from engine.domain.integra.contacts import (
    AFTER_SCHEDULED,
    BlackEntry,
    Removal,
    Respool,
    Scheduled,
    Task,
    TaskKind,
)
from engine.domain.localtime import LocalTime
from engine.domain.model import FIRST
from engine.domain.phones import Phone

THERE = (
    "SELECT id, status, contact FROM ccdata.calls_spool FORCE INDEX (calls_spool_number)"
    " WHERE number = %s AND campaign = %s ORDER BY id FOR UPDATE"
)

#: A scheduled call that a request asks for once more.
SAME_CALL = (
    "SELECT id FROM ccdata.calls_scheduler FORCE INDEX (calls_scheduler_destination)"
    " WHERE destination=%s AND campaign=%s AND calldate=%s AND COALESCE(contact, '')=%s LIMIT 1 FOR UPDATE"
)


def digits(phone: Phone) -> str:
    """Return by what a number is known in the spool: calls_spool.number."""
    return phone.number.removeprefix("+")


async def lock_campaign(session: Session, campaign: str) -> str:
    """Have the campaign's spool alone until the transaction ends; return its name as it was created.

    Raises FieldError when there is no such dialer.
    """
    rows = await session.rows("SELECT campaign FROM ccdata.dialers WHERE campaign=%s FOR UPDATE", (campaign,))
    if not rows:
        raise FieldError("campaign", f"there is no dialer {excerpt(campaign)}", "Create it, or correct it.")
    return str(rows[0]["campaign"])


async def check_list(session: Session, campaign: str, name: str) -> None:
    """Raise FieldError unless the campaign has this list."""
    if not await session.rows(
        "SELECT id FROM ccdata.dialer_base WHERE campaign=%s AND name=%s LIMIT 1", (campaign, name)
    ):
        raise FieldError("dialerbase", f"{campaign} has no list {excerpt(name)}", "Name one that it has.")


async def respool(session: Session, wish: Respool, *, keep: bool = False) -> int:
    """Put a contact into its spool; return its id there. One that waits takes over what is sent. `keep`: what
    is empty says nothing, and stays as it is there.

    Raises FieldError when the number is being called or blocked, or its list is unknown.
    """
    campaign = await lock_campaign(session, wish.campaign)
    if wish.list:
        await check_list(session, campaign, wish.list)
    waiting = await _waiting(session, campaign, wish.phone, wish.contact)
    listed = await zone_of_list(session, campaign, wish.list) if wish.list else ""
    columns = (
        wish.phone.entry(), wish.data, wish.alternatives, wish.contact, wish.list, wish.priority, wish.agent,
        wish.retries,
    )  # fmt: skip
    if waiting:
        data, others, contact, agent = (
            f"COALESCE(NULLIF(%s, ''), {name})" if keep else "%s"
            for name in ("data", "alternatives", "contact", "agentphone")
        )
        await session.run(
            # The zone first: the other columns of the row say it as they are before.
            f"UPDATE ccdata.calls_spool SET timezone=IF(%s <> '', '', {kept_zone('calls_spool')}),"
            f" destination=%s, data={data}, alternatives={others}, contact={contact}, dialerbase=%s,"
            f" priority=%s, agentphone={agent}, retries=%s, notbefore=NULL, reason='', held_by=''"
            " WHERE id=%s AND status=1",
            (listed, *columns, waiting),
        )
        return waiting
    zone = "" if listed else await known_zone(session, campaign, digits(wish.phone), wish.contact)
    await session.run(
        "INSERT INTO ccdata.calls_spool (destination, data, alternatives, contact, dialerbase, priority,"
        " agentphone, retries, campaign, timezone) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (*columns, campaign, zone),
    )
    return await _made(session)


async def _made(session: Session) -> int:
    return int((await session.rows("SELECT LAST_INSERT_ID() AS id"))[0]["id"])


async def _waiting(session: Session, campaign: str, phone: Phone, contact: str = "") -> int:
    """Return the row in which a number waits for this contact, 0 for none. Raises FieldError when it may not
    be put there."""
    rows = await session.rows(THERE, (digits(phone), campaign))
    if any(row["status"] == 0 for row in rows):
        raise FieldError("destination", "the number is being called", "Respool an alternative number.")
    if any(row["status"] == 3 for row in rows):
        raise FieldError("destination", "the number is blocked", "See calls_spool.reason.")
    ids = ("", contact.casefold())
    own = [row for row in rows if not contact or (row["contact"] or "").casefold() in ids]
    return next((int(row["id"]) for row in own if row["status"] == 1), 0)


async def add_task(session: Session, task: Task, now: datetime, *, before_all: bool = False) -> int:
    """Carry out a DialerTask that goes through the dialer; return its id there. Raises FieldError.

    Tasks of kind A are first (priority 1), in the order in which they came; `before_all`: before those, too.
    Those of kind D come after what is scheduled. A number that waits in the spool moves there.
    """
    if task.kind is TaskKind.SCHEDULED:
        if task.at is None:
            raise FieldError("calldate", "it is empty", "Use YYYY-MM-DD HH:MM:SS.")
        wish = Scheduled(task.at, task.campaign, task.phone, task.alternatives, task.agent, task.data)
        return await add_scheduled(session, wish)
    campaign = await lock_campaign(session, task.campaign)
    waiting = await _waiting(session, campaign, task.phone, task.contact)
    priority = AFTER_SCHEDULED if task.kind is TaskKind.SPOOL else FIRST
    # Within a priority the spool is read in the order of `shuffle`: see scheduled.py.
    place = 0 if before_all else int(now.astimezone(UTC).timestamp()) % 2**32
    columns = (
        task.phone.entry(), task.data, task.alternatives, priority, place, task.agent, task.contact,
    )  # fmt: skip
    if waiting:
        await session.run(
            f"UPDATE ccdata.calls_spool SET timezone={kept_zone('calls_spool')}, destination=%s,"
            " data=COALESCE(NULLIF(%s, ''), data),"
            " alternatives=COALESCE(NULLIF(%s, ''), alternatives), priority=%s, shuffle=%s,"
            " agentphone=COALESCE(NULLIF(%s, ''), agentphone), contact=COALESCE(NULLIF(%s, ''), contact),"
            " dialerbase='', notbefore=NULL, retries=0, reason='', held_by='' WHERE id=%s AND status=1",
            (*columns, waiting),
        )
        return waiting
    zone = await known_zone(session, campaign, digits(task.phone), task.contact)
    await session.run(
        "INSERT INTO ccdata.calls_spool (destination, data, alternatives, priority, shuffle, agentphone,"
        " contact, dialerbase, campaign, timezone) VALUES (%s, %s, %s, %s, %s, %s, %s, '', %s, %s)",
        (*columns, campaign, zone),
    )
    return await _made(session)


async def add_scheduled(session: Session, wish: Scheduled) -> int:
    """Schedule a call; return its id. One of the same contact and number at the same moment is the same call,
    sent again: it takes over what is new. Raises FieldError when there is no such dialer."""
    campaign = await lock_campaign(session, wish.campaign)
    zone = wish.timezone or await known_zone(session, campaign, digits(wish.phone), wish.contact)
    same = await session.rows(SAME_CALL, (wish.phone.entry(), campaign, wish.at, wish.contact))
    if same:
        await session.run(
            "UPDATE ccdata.calls_scheduler SET agentphone=COALESCE(NULLIF(%s, ''), agentphone),"
            " alternatives=COALESCE(NULLIF(%s, ''), alternatives), data=COALESCE(NULLIF(%s, ''), data),"
            " timezone=%s WHERE id=%s",
            (wish.agent, wish.alternatives, wish.data, zone, same[0]["id"]),
        )
        return int(same[0]["id"])
    await session.run(
        "INSERT INTO ccdata.calls_scheduler (calldate, campaign, destination, agentphone, alternatives, data,"
        " contact, timezone) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            wish.at, campaign, wish.phone.entry(), wish.agent, wish.alternatives, wish.data, wish.contact,
            zone,
        ),
    )  # fmt: skip
    return await _made(session)


async def remove_contact(session: Session, campaign: str, phone: Phone) -> int:
    """Take a number out of a campaign's spool, also while it is being called (the call goes on, and nothing
    follows it); return how many rows it had."""
    campaign = await lock_campaign(session, campaign)
    return await session.run(
        "DELETE FROM ccdata.calls_spool WHERE number=%s AND campaign=%s", (digits(phone), campaign)
    )


async def remove_scheduled_calls(session: Session, removal: Removal) -> int:
    """Delete scheduled calls; return how many."""
    campaign = await lock_campaign(session, removal.campaign)
    return await remove_scheduled(session, campaign, removal.phone.number, removal.begin, removal.end)


async def black_list(
    session: Session, entry: BlackEntry, now: datetime, local: LocalTime, via: str = "api"
) -> None:
    """Never call a number again, for a campaign or ('*') for any. An entry that is there stays as it is; '*'
    is the person's own word and is kept among the opt-outs, too, which nothing takes back: under every number
    that it may be for one of the dialers, since nobody says of which country it is."""
    moment = local.naive(now)
    await session.run(
        "INSERT IGNORE INTO ccdata.black_list (phone, campaign, username, company, job_title, name, created)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (
            entry.phone.number, entry.campaign, entry.username, entry.company, entry.job_title, entry.name,
            moment,
        ),
    )  # fmt: skip
    await session.run(
        "INSERT INTO ccrepo.black_list_history (calldate, src, dst) VALUES (%s, %s, %s)",
        (moment, entry.username, entry.phone.number),
    )
    if entry.campaign == "*":
        rows = await session.rows(
            "SELECT DISTINCT country FROM ccdata.dialers UNION SELECT DISTINCT law FROM ccdata.law_options"
        )
        keys = Legal().keys(entry.phone.number, [str(row["country"] or "") for row in rows])
        await opt_out(session, (digits(entry.phone), *keys), now, via)


async def phone_of(session: Session, agent: str) -> dict[str, Any] | None:
    """Return extension and user name of an agent, whichever of the two is given; None for nobody's."""
    rows = await session.rows(
        "SELECT name AS extension, accountcode AS agent FROM ccdata.phones"
        " WHERE name=%s OR accountcode=%s ORDER BY name=%s DESC, id LIMIT 1",
        (agent, agent, agent),
    )
    return rows[0] if rows else None

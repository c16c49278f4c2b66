"""Dispositions: noted at once, with what they do to the contact; what must wait for the call's end waits.

The effect of a disposition and the note that it took place are one transaction: it happens once, also when
the process dies in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from engine.adapters.mysql.contacts import (
    THERE,
    add_scheduled,
    black_list,
    digits,
    lock_campaign,
)
from engine.adapters.mysql.database import Database, Session, utc
from engine.adapters.mysql.outbox import tell
from engine.adapters.mysql.zones import kept_zone
from engine.domain.errors import FieldError, excerpt
from engine.domain.integra.calls import (
    DialerAction,
    Disposition,
    Tag,
    finish_note,
    read_action,
)
from engine.domain.integra.contacts import BlackEntry, Scheduled
from engine.domain.localtime import LocalTime
from engine.domain.phones import Phone, join_alternatives, parse_alternatives, parse_phone
from engine.domain.webhooks import Kind

#: A note for a call whose CDR never came is given up after so long.
NOTES_KEPT = timedelta(days=2)
#: Dispositions and notes of one transaction.
_MANY = 100

_CONFIGURED = (
    "SELECT action FROM ccdata.dispositions WHERE campaign IN (%s, '*') AND level1=%s AND level2 IN (%s, '')"
    " AND level3 IN (%s, '') ORDER BY campaign='*', level2='', level3='' LIMIT 1"
)
_ATTEMPT = (
    "SELECT campaign, dialerbase, spool_id, contact, destination, state FROM ccdata.attempts WHERE id=%s"
)
#: Waiting ones whose call has ended (or was never ours), oldest first.
RIPE = (
    "SELECT d.id FROM ccrepo.disposition_repo d"
    " FORCE INDEX (disposition_repo_waiting) LEFT JOIN ccdata.attempts a ON a.id=d.guid"
    " WHERE d.effect='waiting' AND (a.state IS NULL OR a.state='ended')"
    f" ORDER BY d.id LIMIT {_MANY}"
)
_TAKE = (
    "SELECT id, guid, action FROM ccrepo.disposition_repo WHERE id=%s AND effect='waiting'"
    " FOR UPDATE SKIP LOCKED"
)
_NOTES = (
    "SELECT n.id, n.guid, n.phone, n.userfield, n.finishtime FROM ccdata.call_notes n"
    f" WHERE EXISTS (SELECT 1 FROM ccrepo.cdr_repo c WHERE c.guid=n.guid) ORDER BY n.id LIMIT {_MANY}"
)


async def dispose(session: Session, wish: Disposition, now: datetime, local: LocalTime) -> DialerAction:
    """Note a disposition, do what it does and tell whoever has subscribed to dispositions. Raises FieldError
    when it is not configured, or cannot be carried out."""
    action = await _action(session, wish)
    if action is DialerAction.SCHEDULE and wish.schedule is None:
        raise FieldError("schedule", "this disposition schedules a call", "Use YYYY-MM-DD HH:MM:SS.")
    effect, target = "none" if action is DialerAction.NOTHING else "done", ""
    if action is DialerAction.BLACKLIST:
        entry = BlackEntry(wish.phone, wish.campaign, wish.agent, "", "", "")
        await black_list(session, entry, now, local, "disposition")
    elif action is DialerAction.SCHEDULE:
        target = await _schedule(session, wish)
    elif action is not DialerAction.NOTHING:
        if not await session.rows(_ATTEMPT, (wish.guid,)):
            raise FieldError("guid", "no dialer has made this call", "Send the guid of the contact's call.")
        effect = "waiting"
    await session.run(
        "INSERT INTO ccrepo.disposition_repo (datetime, campaign, agent, callerid, guid, level1, level2,"
        " level3, data1, data2, comment, schedule, schedule_on, action, effect)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            local.naive(now), wish.campaign, wish.agent, wish.phone.number, wish.guid, *wish.levels,
            *wish.extra, wish.comment, wish.schedule, target, action.value, effect,
        ),
    )  # fmt: skip
    finish = finish_note(local.naive(now), wish.levels) if await _finishes(session, wish.campaign) else None
    await _note(session, wish.guid, "", wish.tag or None, finish, now)
    await _tell(session, wish, action, now)
    return action


async def _tell(session: Session, wish: Disposition, action: DialerAction, now: datetime) -> None:
    attempts = await session.rows(_ATTEMPT, (wish.guid,))
    data = {
        "call": wish.guid,
        "number": wish.phone.number,
        "contact": attempts[0]["contact"] if attempts else "",
        "list": attempts[0]["dialerbase"] if attempts else "",
        "agent": wish.agent,
        "levels": [level for level in wish.levels if level],
        "comment": wish.comment,
        "action": str(action),
    }
    await tell(session, Kind.DISPOSITION, wish.campaign, now, data)


async def _action(session: Session, wish: Disposition) -> DialerAction:
    rows = await session.rows(_CONFIGURED, (wish.campaign, *wish.levels))
    if not rows:
        raise FieldError(
            "l1", f"{wish.campaign} has no disposition {excerpt('/'.join(wish.levels))}", "Configure it."
        )
    return read_action(str(rows[0]["action"]))


async def _finishes(session: Session, campaign: str) -> bool:
    rows = await session.rows(
        "SELECT finishtime FROM ccdata.disposition_options WHERE campaign=%s", (campaign,)
    )
    return not rows or bool(rows[0]["finishtime"])


async def _schedule(session: Session, wish: Disposition) -> str:
    """Schedule a call of the number, with what is known of the contact; return on which dialer."""
    target = wish.schedule_on or wish.campaign
    known = await _contact(session, wish.guid)
    if wish.schedule is None:
        raise FieldError("schedule", "it is empty", "Use YYYY-MM-DD HH:MM:SS.")
    call = Scheduled(wish.schedule, target, wish.phone, "", "", "")
    if known:
        call = replace(
            call,
            alternatives=str(known["alternatives"] or ""),
            data=str(known["data"] or ""),
            agent=str(known["agentphone"] or ""),
            contact=str(known["contact"] or ""),
            timezone=str(known["timezone"] or ""),
        )
    await add_scheduled(session, call)
    return target


async def _contact(session: Session, guid: str) -> dict[str, Any] | None:
    """Return the contact of a call: from the spool, or from those that have left it."""
    attempts = await session.rows(_ATTEMPT, (guid,))
    if not attempts or not attempts[0]["spool_id"]:
        return None
    spool_id = attempts[0]["spool_id"]
    rows = await session.rows(
        f"SELECT data, alternatives, agentphone, contact, {kept_zone('s')} AS timezone"
        " FROM ccdata.calls_spool s WHERE id=%s",
        (spool_id,),
    ) or await session.rows(
        f"SELECT data, alternatives, agentphone, contact, {kept_zone('f')} AS timezone"
        " FROM ccrepo.finished_contacts f FORCE INDEX (finished_contacts_spool)"
        " WHERE spool_id=%s ORDER BY id DESC LIMIT 1",
        (spool_id,),
    )
    return rows[0] if rows else None


# What waited for the end of its call.


@dataclass(frozen=True, slots=True)
class Aftercare:
    """What one look has done."""

    dispositions: int = 0
    notes: int = 0


async def carry_out(database: Database, now: datetime) -> Aftercare:
    """Carry out the dispositions whose calls have ended, and write the notes whose CDRs are there."""

    async def ripe(session: Session) -> int:
        found = await session.rows(RIPE)
        for ready in found:
            for row in await session.rows(_TAKE, (ready["id"],)):
                why = await _again(session, row, now)
                await session.run(
                    "UPDATE ccrepo.disposition_repo SET effect=%s, reason=%s WHERE id=%s",
                    ("none" if why else "done", why[:255], row["id"]),
                )
        return len(found)

    async def notes(session: Session) -> int:
        rows = await session.rows(_NOTES)
        for row in rows:
            await _write(session, str(row["guid"]), str(row["phone"]), row["userfield"], row["finishtime"])
            await session.run("DELETE FROM ccdata.call_notes WHERE id=%s", (row["id"],))
        if not rows:
            await session.run("DELETE FROM ccdata.call_notes WHERE noted_at < %s", (utc(now - NOTES_KEPT),))
        return len(rows)

    return Aftercare(await database.transaction(ripe), await database.transaction(notes))


async def _again(session: Session, disposition: Mapping[str, Any], now: datetime) -> str:
    """Respool the contact of an ended call; return why that was not done, '' when it was."""
    attempts = await session.rows(_ATTEMPT, (disposition["guid"],))
    if not attempts or not attempts[0]["spool_id"]:
        return "the contact of this call is not known"
    attempt, other = attempts[0], disposition["action"] == DialerAction.ALTERNATIVE
    try:
        campaign = await lock_campaign(session, str(attempt["campaign"]))
    except FieldError as error:
        return str(error)
    rows = await session.rows(
        "SELECT id, status, destination, alternatives, notbefore FROM ccdata.calls_spool WHERE id=%s"
        " AND campaign=%s FOR UPDATE",
        (attempt["spool_id"], campaign),
    )
    if rows:
        return await _in_spool(session, rows[0], str(attempt["destination"]), other=other)
    return await _back(session, campaign, int(attempt["spool_id"]), now, other=other)


async def _in_spool(session: Session, row: Mapping[str, Any], called: str, *, other: bool) -> str:
    """The rules have put the contact back already; an alternative number may have to come first."""
    if row["status"] != 1:
        return "the contact is being called again" if row["status"] == 0 else "the contact is blocked"
    if not other or parse_phone(str(row["destination"])).number != called:
        return ""  # it is there; and what comes next is another number already
    following = _rotated(str(row["alternatives"] or ""), called)
    if following is None:
        return "there is no alternative number"
    phone, left = following
    await session.run(
        "UPDATE ccdata.calls_spool SET destination=%s, alternatives=%s, retries=0, notbefore=NULL"
        " WHERE id=%s",
        (phone.entry(), left, row["id"]),
    )
    return ""


def _rotated(alternatives: str, called: str) -> tuple[Phone, str] | None:
    """Return the first number that is not the called one, and those that are left."""
    phones = tuple(phone for phone in parse_alternatives(alternatives)[0] if phone.number != called)
    return (phones[0], join_alternatives(phones[1:])) if phones else None


async def _back(session: Session, campaign: str, spool_id: int, now: datetime, *, other: bool) -> str:
    """Bring a contact back that has left the spool, into its list; after the dialer's pause."""
    rows = await session.rows(
        "SELECT f.*, d.tbc_nocontact FROM ccrepo.finished_contacts f FORCE INDEX (finished_contacts_spool)"
        " JOIN ccdata.dialers d ON d.campaign=%s"
        " WHERE f.spool_id=%s AND f.again_at IS NULL ORDER BY f.id DESC LIMIT 1 FOR UPDATE",
        (campaign, spool_id),
    )
    if not rows:
        return "the contact was removed from the spool, or is back already"
    row = rows[0]
    phone, left = parse_phone(str(row["destination"])), str(row["alternatives"])
    not_before: datetime | None = now + timedelta(minutes=max(int(row["tbc_nocontact"]), 0))
    if other:
        following = _rotated(left, phone.number)
        if following is None:
            return "there is no alternative number"
        phone, left = following
        not_before = None
    if await session.rows(THERE, (digits(phone), campaign)):
        return "the number is in the spool already"
    await session.run(
        "INSERT INTO ccdata.calls_spool (campaign, destination, data, alternatives, contact, dialerbase,"
        " priority, agentphone, rounds, automatic, timezone, notbefore)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            campaign, phone.entry(), row["data"], left, row["contact"], row["dialerbase"],
            row["priority"], row["agentphone"], row["rounds"], row["automatic"], row["timezone"],
            utc(not_before) if not_before != now else None,
        ),
    )  # fmt: skip
    await session.run("UPDATE ccrepo.finished_contacts SET again_at=%s WHERE id=%s", (utc(now), row["id"]))
    return ""


# Tags.


async def tag_record(session: Session, tag: Tag, user: str, now: datetime, local: LocalTime) -> None:
    """Tag a call: in its CDR, now or when that is written, and in the history of tags."""
    await session.run(
        "INSERT INTO ccrepo.tags (datetime, user, guid, comment) VALUES (%s, %s, %s, %s)",
        (local.naive(now), user[:80], tag.guid, tag.text),
    )
    await _note(session, tag.guid, tag.phone, tag.text, None, now)


async def _note(
    session: Session, guid: str, phone: str, userfield: str | None, finish: str | None, now: datetime
) -> None:
    if userfield is None and finish is None:
        return
    if not await _write(session, guid, phone, userfield, finish):
        await session.run(
            "INSERT INTO ccdata.call_notes (guid, phone, userfield, finishtime, noted_at)"
            " VALUES (%s, %s, %s, %s, %s)",
            (guid, phone, userfield, finish, utc(now)),
        )


async def _write(session: Session, guid: str, phone: str, userfield: str | None, finish: str | None) -> bool:
    """Write into the CDR; False while there is none. A phone that is another than the call's tags nothing."""
    rows = await session.rows("SELECT id, dst FROM ccrepo.cdr_repo WHERE guid=%s", (guid,))
    meant = [row["id"] for row in rows if not phone or _same(str(row["dst"]), phone)]
    for record in meant:
        await session.run(
            "UPDATE ccrepo.cdr_repo SET userfield=COALESCE(%s, userfield),"
            " finishtime=COALESCE(%s, finishtime) WHERE id=%s",
            (userfield, finish, record),
        )
    return bool(rows)


def _same(one: str, other: str) -> bool:
    return one.removeprefix("+") == other.removeprefix("+")

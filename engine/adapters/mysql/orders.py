"""Orders for single calls: taken once, in the order in which they came, and answered in their rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from engine.adapters.mysql import members
from engine.adapters.mysql.blacklists import Block, note_blocks
from engine.adapters.mysql.claim import Claimant
from engine.adapters.mysql.compliance import Inquiry, Judged, campaign_law
from engine.adapters.mysql.database import Session, utc
from engine.domain.errors import FieldError
from engine.domain.model import Attempt, AttemptId
from engine.domain.orders import Leave, ManualCall, read_order
from engine.ports import TakenOrder

#: Whoever asked for a call has long turned to something else after so many seconds.
STALE = 60
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_TAKE = "SELECT * FROM ccdata.orders WHERE status = 'new' ORDER BY id LIMIT 20 FOR UPDATE SKIP LOCKED"


async def take(
    session: Session, claimant: Claimant, new_id: Callable[[], AttemptId], now: datetime
) -> tuple[TakenOrder, ...]:
    """Take what is new. What cannot be carried out is answered at once; a call gets its attempt here, in
    the same transaction, and its guid. What the law forbids is answered with the rule and its end."""
    rows = await session.rows(_TAKE)
    taken = []
    turns: frozenset[int] | None = None
    for row in rows:
        old = await session.rows(
            "SELECT 1 FROM ccdata.orders WHERE id = %s AND created_at < NOW(3) - INTERVAL %s SECOND",
            (row["id"], STALE),
        )
        try:
            order = read_order(row)
            attempt = None
            if isinstance(order, Leave):
                # Nobody waits for it, but the seat would stay: no age is too old, unless he is wanted again.
                if await members.sits(session, order.queue, order.interface):
                    raise FieldError("phone", "a row of queue_members seats it", "Delete the row as well.")
            elif old:
                raise FieldError("created_at", f"it waited for more than {STALE} s", "Ask again.")
            if isinstance(order, ManualCall):
                order = order.with_options(await _options(session, order.dialer.name))
                given = await _given(session, str(row["guid"]))
                inquiry = await _inquiry(session, order, claimant, now, turns)
                judged = await inquiry.judge([order.contact], 1, black_lists=True)
                turns = inquiry.turns
                if not judged:
                    continue  # another claim is about the same person: it is taken with the next look
                if fault := await _refused(session, order, judged[0], claimant, now):
                    raise fault
                attempt = Attempt(given or new_id(), order.contact, now, order.desk)
                await _insert(session, attempt, order, judged[0].key, claimant)
        except FieldError as error:
            await finish(session, int(row["id"]), str(error))
            continue
        await session.run(
            "UPDATE ccdata.orders SET status = 'taken', guid = %s WHERE id = %s",
            (attempt.id if attempt else row["guid"], row["id"]),
        )
        taken.append(TakenOrder(int(row["id"]), order, attempt))
    return tuple(taken)


async def give_up(session: Session) -> int:
    """Answer what was taken by an engine that is gone, or could not be answered then."""
    return await session.run(
        "UPDATE ccdata.orders SET status = 'failed', done_at = UTC_TIMESTAMP(3), result ="
        " 'what became of it is not known: it may have been carried out. Look before you ask again.'"
        " WHERE status = 'taken'"
    )


async def _given(session: Session, guid: str) -> AttemptId:
    """Return the id that the order's call is to have, '' where it is left to the engine."""
    if not guid:
        return AttemptId("")
    if not _GUID.fullmatch(guid):
        raise FieldError("guid", "it is no UUID", "Leave it empty, or give a fresh one.")
    if await session.rows("SELECT 1 FROM ccdata.attempts WHERE id = %s", (guid,)):
        raise FieldError("guid", "there is a call with this id", "Leave it empty, or give a fresh one.")
    return AttemptId(guid)


async def place(session: Session, row: Mapping[str, Any], guid: str = "") -> int:
    """Give an order; return its id. `row`: its columns; `guid`: the id that a call is to have."""
    names = [*row, "guid"]
    await session.run(
        f"INSERT INTO ccdata.orders ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})",
        (*row.values(), guid),
    )
    return int((await session.rows("SELECT LAST_INSERT_ID() AS id"))[0]["id"])


async def answer(session: Session, order_id: int) -> tuple[str, str]:
    """Return status and result of an order."""
    rows = await session.rows("SELECT status, result FROM ccdata.orders WHERE id = %s", (order_id,))
    return (str(rows[0]["status"]), str(rows[0]["result"])) if rows else ("failed", "the order is gone")


async def finish(session: Session, order_id: int, fault: str) -> None:
    """Answer an order; `fault` '' when it was carried out."""
    await session.run(
        "UPDATE ccdata.orders SET status = %s, result = %s, done_at = UTC_TIMESTAMP(3) WHERE id = %s",
        ("failed" if fault else "done", fault[:255], order_id),
    )


async def _options(session: Session, campaign: str) -> dict[str, Any] | None:
    rows = await session.rows("SELECT * FROM ccdata.dialer_options WHERE campaign = %s", (campaign,))
    return rows[0] if rows else None


async def refusal(
    session: Session, order: ManualCall, claimant: Claimant, now: datetime
) -> FieldError | None:
    """Return why the destination may not be called now, for somebody who is about to order it; None when it
    may. A block is noted, so the transaction must be kept. Raises FieldError: the campaign's rules."""
    inquiry = await _inquiry(session, order, claimant, now, only_asking=True)
    [judged] = await inquiry.judge([order.contact], 1, black_lists=True)
    return await _refused(session, order, judged, claimant, now)


async def _inquiry(
    session: Session,
    order: ManualCall,
    claimant: Claimant,
    now: datetime,
    turns: frozenset[int] | None = None,
    *,
    only_asking: bool = False,
) -> Inquiry:
    campaign = order.dialer.name
    law, _ = await campaign_law(session, claimant.legal, campaign)
    return Inquiry(
        session,
        claimant.legal,
        campaign,
        law.by_hand,
        now,
        claimant.local,
        only_asking=only_asking,
        turns=turns,
    )


async def _refused(
    session: Session, order: ManualCall, judged: Judged, claimant: Claimant, now: datetime
) -> FieldError | None:
    """Return the answer to an order that the law forbids, with the rule and its end; note whom it spared."""
    hold = judged.verdict.last
    if hold is None:
        return None
    if not hold.ban.calendar:
        block = Block(judged.contact.phone.number, order.dialer.name, hold.ban, str(hold))
        await note_blocks(session, [block], order.desk.name, claimant.local.naive(now))
    if hold.until is None:
        return FieldError("destination", f"{hold.ban}: {hold}", "Call another number.")
    end = f"{hold.until.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    return FieldError("destination", f"{hold.ban} until {end}: {hold}", "Call after that.")


async def _insert(
    session: Session, attempt: Attempt, order: ManualCall, number: str, claimant: Claimant
) -> None:
    await session.run(
        "INSERT INTO ccdata.attempts (id, campaign, spool_id, destination, number, owner, fence, state,"
        " claimed_at, agent) VALUES (%s, %s, 0, %s, %s, %s, %s, 'claimed', %s, %s)",
        (
            attempt.id,
            order.dialer.name,
            order.contact.phone.number,
            number,
            claimant.owner,
            claimant.fence,
            utc(attempt.claimed_at),
            order.desk.name[:80],
        ),
    )

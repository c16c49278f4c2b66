"""The claim: contacts leave the spool and their attempts are written, in one short transaction.

READ COMMITTED and SKIP LOCKED: supervisors' inserts never wait for a claim, and two claims never
meet. The plan of the select is guarded by a test (`calls_spool_claim` gives the rows in order).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import cycle, islice
from typing import Any

from engine.adapters.legal import Legal
from engine.adapters.mysql.blacklists import Block, note_blocks
from engine.adapters.mysql.compliance import (
    Inquiry,
    Judged,
    campaign_law,
    fingerprint,
    hold_back,
    judge_anew,
)
from engine.adapters.mysql.database import Session, utc
from engine.adapters.mysql.numbers import doubles
from engine.adapters.mysql.scheduled import bring_due
from engine.domain.errors import FieldError
from engine.domain.localtime import LocalTime
from engine.domain.model import Attempt, AttemptId, Contact
from engine.domain.settings import read_contact
from engine.ports import ClaimRequest, ClaimResult, StoreError

_COLUMNS = (
    "id, campaign, destination, alternatives, data, contact, dialerbase, priority, agentphone, retries,"
    " reason, number, timezone"
)

#: Retries whose time has come join the others; the claim's index then orders them all. Looked for without
#: locks: a locking range would take its neighbour with it, in another campaign perhaps.
DUE = (
    "SELECT id FROM ccdata.calls_spool FORCE INDEX (calls_spool_due)"
    " WHERE campaign = %s AND status = 1 AND notbefore <= %s LIMIT 500"
)

# The index is named: the optimizer's own choice changes with the statistics, and a wrong one sorts
# the whole list for every claim.
#: Priority first, random within it: `shuffle` was drawn when the row was inserted.
CLAIM = (
    f"SELECT {_COLUMNS} FROM ccdata.calls_spool FORCE INDEX (calls_spool_claim)"
    " WHERE campaign = %s AND dialerbase = %s AND status = 1 AND notbefore IS NULL"
    " ORDER BY priority, shuffle LIMIT %s FOR UPDATE SKIP LOCKED"
)

#: Scheduled calls that are due come before everything, oldest first (`scheduled.py`).
CLAIM_SCHEDULED = CLAIM.replace("notbefore IS NULL", "notbefore IS NULL AND priority = 1")

#: Tasks (rows without a list) are served in the order in which they came.
CLAIM_TASKS = (
    f"SELECT {_COLUMNS} FROM ccdata.calls_spool FORCE INDEX (calls_spool_task)"
    " WHERE campaign = %s AND dialerbase = %s AND status = 1 AND notbefore IS NULL"
    " ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED"
)


#: Where agents are reserved, scheduled calls that are bound to one are left to CLAIM_OWN_SCHEDULED.
CLAIM_FREE_TASKS = CLAIM_TASKS.replace(
    "notbefore IS NULL", "notbefore IS NULL AND (priority <> 1 OR COALESCE(agentphone, '') = '')"
)

#: Contacts bound to one agent, or (with '') to none, in one list. NULL is nobody's, too: see CLAIM_NOBODYS.
CLAIM_OWN = (
    f"SELECT {_COLUMNS} FROM ccdata.calls_spool FORCE INDEX (calls_spool_agent)"
    " WHERE campaign = %s AND dialerbase = %s AND status = 1 AND notbefore IS NULL AND agentphone = %s"
    " ORDER BY priority, shuffle LIMIT %s FOR UPDATE SKIP LOCKED"
)
CLAIM_NOBODYS = CLAIM_OWN.replace("agentphone = %s", "agentphone IS NULL")
#: Nobody's scheduled calls come before an agent's own contacts, or they would wait until he has none.
CLAIM_OWN_SCHEDULED, CLAIM_NOBODYS_SCHEDULED = (
    query.replace("notbefore IS NULL", "notbefore IS NULL AND priority = 1")
    for query in (CLAIM_OWN, CLAIM_NOBODYS)
)


_ASIDE = "UPDATE ccdata.calls_spool SET status=2, held_by=%s, reason=%s WHERE id=%s"

#: Where many rows must wait, a claim looks at more than it needs; never at more than these, nor more often.
_WIDER = 200
_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who claims: an engine, its token, the local time of the documented columns, and the law."""

    owner: str
    fence: int
    local: LocalTime
    legal: Legal = field(default_factory=Legal)


@dataclass(slots=True)
class _Harvest:
    """What a claim has so far."""

    taken: list[Judged] = field(default_factory=list)
    blocked: int = 0
    held: int = 0
    aside: int = 0

    @property
    def rows(self) -> int:
        return len(self.taken) + self.blocked + self.held + self.aside


async def claim_contacts(
    session: Session, request: ClaimRequest, claimant: Claimant, new_id: Callable[[], AttemptId]
) -> ClaimResult:
    """Take up to `request.limit` contacts that may be called now.

    A row that cannot be dialled is set aside (status 2, `reason`); one that may not be called is blocked
    (status 3) or held until that ends (`notbefore`), with `held_by` and `reason`; all count in the result.
    Where rows must wait, more are looked at, up to a bound.
    """
    try:
        law, mark = await campaign_law(session, claimant.legal, request.campaign)
    except FieldError as error:
        raise StoreError(str(error)) from error
    await _wake_due(session, request)
    await bring_due(session, request.campaign, request.now, claimant.local)
    if mark is not None and (current := fingerprint(claimant.legal, law)) != mark:
        await judge_anew(session, request.campaign, current, request.now)
    inquiry = Inquiry(session, claimant.legal, request.campaign, law, request.now, claimant.local)
    harvest = _Harvest()
    asked = request
    for _ in range(_ROUNDS):
        before = harvest.rows
        await _round(session, asked, request.limit - len(harvest.taken), claimant, inquiry, harvest)
        missing = request.limit - len(harvest.taken)
        if request.agents or not missing or harvest.rows == before:
            break
        wider = min(max(4 * missing, 50), _WIDER)
        slots = tuple(islice(cycle(request.slots), wider))
        # Each agent has got what is his own.
        asked = replace(request, limit=wider, slots=slots, free=None if request.free is None else ())
    attempts = tuple(Attempt(new_id(), one.contact, request.now) for one in harvest.taken)
    await _insert_attempts(session, attempts, [one.key for one in harvest.taken], request, claimant)
    return ClaimResult(attempts, blocked=harvest.blocked, held=harvest.held, set_aside=harvest.aside)


async def still_held(
    session: Session, claimant: Claimant, attempt: Attempt, campaign: str, now: datetime, *, black_lists: bool
) -> str:
    """Return what forbids the call now, '' when nothing does; see `Store.held_back`."""
    try:
        law, _ = await campaign_law(session, claimant.legal, campaign)
    except FieldError as error:
        return str(error)
    law = law if attempt.contact.id else law.by_hand
    inquiry = Inquiry(session, claimant.legal, campaign, law, now, claimant.local, only_asking=True)
    hold = (await inquiry.again(attempt, black_lists=black_lists)).last
    if hold is None:
        return ""
    if not attempt.contact.id and not hold.ban.calendar:
        # The contact of a campaign is judged by its next claim; an ordered call has none.
        block = Block(attempt.contact.phone.number, campaign, hold.ban, str(hold))
        who = attempt.desk.name if attempt.desk else claimant.owner
        await note_blocks(session, [block], who, claimant.local.naive(now))
    return str(hold)


async def _wake_due(session: Session, request: ClaimRequest) -> None:
    now = utc(request.now)
    due = [row["id"] for row in await session.rows(DUE, (request.campaign, now))]
    if due:
        marks = ",".join(["%s"] * len(due))
        still = f"id IN ({marks}) AND status = 1 AND notbefore <= %s"
        free = await session.rows(
            f"SELECT id FROM ccdata.calls_spool WHERE {still} FOR UPDATE SKIP LOCKED", (*due, now)
        )
        marks = ",".join(["%s"] * len(free))
        if free:
            await session.run(
                f"UPDATE ccdata.calls_spool SET notbefore = NULL WHERE id IN ({marks})",
                [row["id"] for row in free],
            )


async def _round(
    session: Session,
    request: ClaimRequest,
    limit: int,
    claimant: Claimant,
    inquiry: Inquiry,
    harvest: _Harvest,
) -> None:
    """Look at rows once; take up to `limit` of them."""
    rows = await (_select_for_agents if request.agents else _select)(session, request)
    if not rows:
        return
    live = await _under_way(session, rows)
    served = ("", *request.lists)
    double = await doubles(session, request.campaign, [r for r in rows if r["id"] not in live], served)
    contacts: list[Contact] = []
    aside: list[int] = []
    for row in rows:
        if row["id"] in live:
            continue
        if row["id"] in double:
            continue
        try:
            contacts.append(read_contact(row))
        except FieldError as error:
            await session.run(_ASIDE, ("", str(error)[:255], row["id"]))
            aside.append(row["id"])
    await _set_in_progress(session, live)
    aside += await _set_aside(session, double)
    judged = await inquiry.judge(contacts, limit, black_lists=request.check_black_list)
    away = await hold_back(
        session, judged, request.campaign, claimant.owner, claimant.local.naive(request.now)
    )
    taken = [one for one in judged if one.verdict.allowed]
    double = await _doubles_by_choice(session, request, rows, taken)
    taken = [one for one in taken if one.contact.id not in double]
    aside += await _set_aside(session, double)
    await _set_in_progress(session, [one.contact.id for one in taken])
    harvest.taken += taken
    harvest.blocked += away.blocked
    harvest.held += away.held
    harvest.aside += away.aside + len(aside) + len(live)


async def _set_aside(session: Session, double: Mapping[int, int]) -> list[int]:
    """Set doubles aside (row → the row that has its number); return them."""
    for row_id, other in double.items():
        place = ("double", f"the number is in the spool already: row {other}", row_id)
        await session.run(_ASIDE, place)
    return list(double)


async def _doubles_by_choice(
    session: Session, request: ClaimRequest, rows: Sequence[dict[str, Any]], taken: Sequence[Judged]
) -> dict[int, int]:
    """Return which of the taken have another's number now, because one of them came to it when its own was
    left out."""
    moved = {int(one.contact.id): one.contact.phone.number for one in taken if one.choice.left_out}
    moved = {row_id: number.removeprefix("+") for row_id, number in moved.items()}
    ids, numbers = {int(one.contact.id) for one in taken}, set(moved.values())
    alike = [{**row, "number": moved.get(row["id"], row["number"])} for row in rows if row["id"] in ids]
    alike = [row for row in alike if str(row["number"]) in numbers]
    return await doubles(session, request.campaign, alike, ("", *request.lists))


async def _under_way(session: Session, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Return the rows whose last call is still under way, whatever somebody set their status to."""
    ids = [row["id"] for row in rows]
    marks = ",".join(["%s"] * len(ids))
    found = await session.rows(
        f"SELECT DISTINCT spool_id FROM ccdata.attempts WHERE spool_id IN ({marks}) AND state <> 'ended'", ids
    )
    return [row["spool_id"] for row in found]


async def _select(session: Session, request: ClaimRequest) -> list[dict[str, Any]]:
    """Lock rows: tasks first, then each list its slots, then whoever has more for what is left.

    Our own locks do not hide rows from ourselves, and the database does not mind how a list's name
    is spelt: a row that is met again is skipped.
    """
    rows: dict[int, dict[str, Any]] = {}

    async def take(query: str, name: str, count: int, *agent: str) -> None:
        known = sum(1 for row in rows.values() if str(row["dialerbase"]).casefold() == name.casefold())
        for row in await session.rows(query, (request.campaign, name, *agent, count + known)):
            if count > 0 and row["id"] not in rows:
                rows[row["id"]] = row
                count -= 1

    if request.free is None:
        await take(CLAIM_SCHEDULED, "", request.limit)
        await take(CLAIM_TASKS, "", request.limit - len(rows))
    else:
        for names in request.free:
            before = len(rows)
            for agent in names:
                if len(rows) == before < request.limit:
                    await take(CLAIM_OWN_SCHEDULED, "", 1, agent)
        await take(CLAIM_OWN_SCHEDULED, "", request.limit - len(rows), "")
        await take(CLAIM_NOBODYS_SCHEDULED, "", request.limit - len(rows))
        await take(CLAIM_FREE_TASKS, "", request.limit - len(rows))
    for name, quota in Counter(request.slots[: request.limit - len(rows)]).items():
        await take(CLAIM, name, quota)
    for name in request.lists:
        if len(rows) < request.limit:
            await take(CLAIM, name, request.limit - len(rows))
    return list(rows.values())


async def _select_for_agents(session: Session, request: ClaimRequest) -> list[dict[str, Any]]:
    """Lock one row for each agent: scheduled calls, then his own before those that are nobody's, in each
    tasks before lists."""
    rows: dict[int, dict[str, Any]] = {}
    slots = iter(request.slots)
    for names in request.agents:
        lists = dict.fromkeys(("", next(slots, ""), *request.lists))
        scheduled: list[tuple[str, tuple[str, ...]]] = [
            *((CLAIM_OWN_SCHEDULED, ("", agent)) for agent in (*names, "")),
            (CLAIM_NOBODYS_SCHEDULED, ("",)),
        ]
        own = [(CLAIM_OWN, (name, agent)) for name in lists for agent in names]
        nobodys = [
            (query, (name, *nobody))
            for name in lists
            for query, nobody in ((CLAIM_OWN, ("",)), (CLAIM_NOBODYS, ()))
        ]
        for query, args in [*scheduled, *own, *nobodys]:
            # Our own locks do not hide rows from ourselves: one more than we have is asked for.
            found = await session.rows(query, (request.campaign, *args, len(rows) + 1))
            row = next((row for row in found if row["id"] not in rows), None)
            if row is not None:
                rows[row["id"]] = row
                break
    return list(rows.values())


async def _set_in_progress(session: Session, ids: Sequence[int]) -> None:
    if ids:
        marks = ",".join(["%s"] * len(ids))
        await session.run(
            f"UPDATE ccdata.calls_spool SET status=0, reason='', held_by='' WHERE id IN ({marks})", ids
        )


async def _insert_attempts(
    session: Session,
    attempts: Sequence[Attempt],
    numbers: Sequence[str],
    request: ClaimRequest,
    claimant: Claimant,
) -> None:
    await session.run_many(
        "INSERT INTO ccdata.attempts (id, campaign, spool_id, destination, number, entry, contact,"
        " dialerbase, attempt, owner, fence, state, claimed_at, note)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'claimed', %s, %s)",
        [
            (
                attempt.id,
                request.campaign,
                attempt.contact.id,
                attempt.contact.phone.number,
                number,
                attempt.contact.phone.entry(),
                attempt.contact.reference,
                attempt.contact.list_name,
                attempt.contact.retries + 1,
                claimant.owner,
                claimant.fence,
                utc(request.now),
                attempt.contact.remark[:255],
            )
            for attempt, number in zip(attempts, numbers, strict=True)
        ],
    )

"""The claim: contacts leave the spool and their attempts are written, in one short transaction.

READ COMMITTED and SKIP LOCKED: supervisors' inserts never wait for a claim, and two claims never
meet. The plan of the select is guarded by a test (`calls_spool_claim` gives the rows in order).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from engine.adapters.mysql.database import Session, utc
from engine.domain.errors import FieldError
from engine.domain.localtime import LocalTime
from engine.domain.model import Attempt, AttemptId, Contact
from engine.domain.settings import read_contact
from engine.ports import ClaimRequest, ClaimResult

_COLUMNS = (
    "id, campaign, destination, alternatives, data, contact, dialerbase, priority, agentphone, retries,"
    " reason"
)

#: Retries whose time has come join the others; the claim's index then orders them all.
DUE = (
    "SELECT id FROM ccdata.calls_spool FORCE INDEX (calls_spool_due)"
    " WHERE campaign = %s AND status = 1 AND notbefore <= %s LIMIT 500 FOR UPDATE SKIP LOCKED"
)

# The index is named: the optimizer's own choice changes with the statistics, and a wrong one sorts
# the whole list for every claim.
#: Priority first, random within it: `shuffle` was drawn when the row was inserted.
CLAIM = (
    f"SELECT {_COLUMNS} FROM ccdata.calls_spool FORCE INDEX (calls_spool_claim)"
    " WHERE campaign = %s AND dialerbase = %s AND status = 1 AND notbefore IS NULL"
    " ORDER BY priority, shuffle LIMIT %s FOR UPDATE SKIP LOCKED"
)

#: Tasks (rows without a list) are served in the order in which they came.
CLAIM_TASKS = (
    f"SELECT {_COLUMNS} FROM ccdata.calls_spool FORCE INDEX (calls_spool_task)"
    " WHERE campaign = %s AND dialerbase = %s AND status = 1 AND notbefore IS NULL"
    " ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED"
)


#: Contacts bound to one agent, or (with '') to none, in one list. NULL is nobody's, too: see CLAIM_NOBODYS.
CLAIM_OWN = (
    f"SELECT {_COLUMNS} FROM ccdata.calls_spool FORCE INDEX (calls_spool_agent)"
    " WHERE campaign = %s AND dialerbase = %s AND status = 1 AND notbefore IS NULL AND agentphone = %s"
    " ORDER BY priority, shuffle LIMIT %s FOR UPDATE SKIP LOCKED"
)
CLAIM_NOBODYS = CLAIM_OWN.replace("agentphone = %s", "agentphone IS NULL")


@dataclass(frozen=True, slots=True)
class Claimant:
    """Who claims: an engine, its token, and the local time of the black lists."""

    owner: str
    fence: int
    local: LocalTime


async def claim_contacts(
    session: Session, request: ClaimRequest, claimant: Claimant, new_id: Callable[[], AttemptId]
) -> ClaimResult:
    """Take up to `request.limit` contacts.

    A row that cannot be dialled is set aside (status 2, `reason`), one on the black list is
    blocked (status 3) or held until its temporary block ends, with its row in black_list_history;
    all count in the result, and what they left free is asked for again by the next claim.
    """
    now = utc(request.now)
    due = [row["id"] for row in await session.rows(DUE, (request.campaign, now))]
    if due:
        marks = ",".join(["%s"] * len(due))
        await session.run(f"UPDATE ccdata.calls_spool SET notbefore = NULL WHERE id IN ({marks})", due)
    rows = await (_select_for_agents if request.agents else _select)(session, request)
    if not rows:
        return ClaimResult()

    live = await _under_way(session, rows)
    contacts: list[Contact] = []
    broken: list[tuple[int, str]] = []
    for row in rows:
        if row["id"] in live:
            continue
        try:
            contacts.append(read_contact(row))
        except FieldError as error:
            broken.append((int(row["id"]), str(error)))
    await _set_status(session, 0, "", live)
    for row_id, reason in broken:
        await session.run(
            "UPDATE ccdata.calls_spool SET status=2, reason=%s WHERE id=%s", (reason[:255], row_id)
        )
    contacts, blocked, held = await _sift(session, request, contacts, claimant)
    await _set_status(session, 0, "", [contact.id for contact in contacts])
    attempts = tuple(Attempt(new_id(), contact, request.now) for contact in contacts)
    await _insert_attempts(session, attempts, request, claimant)
    return ClaimResult(attempts, blocked=blocked, held=held, set_aside=len(broken) + len(live))


async def _under_way(session: Session, rows: Sequence[dict[str, Any]]) -> list[int]:
    """Return the rows whose last call is still under way, whatever somebody set their status to."""
    ids = [row["id"] for row in rows]
    marks = ",".join(["%s"] * len(ids))
    found = await session.rows(
        f"SELECT DISTINCT spool_id FROM ccdata.attempts WHERE spool_id IN ({marks}) AND state <> 'ended'", ids
    )
    return [row["spool_id"] for row in found]


async def _sift(
    session: Session, request: ClaimRequest, contacts: list[Contact], claimant: Claimant
) -> tuple[list[Contact], int, int]:
    """Keep back the numbers on the black lists; return who may be called, how many were blocked for
    good (status 3) and how many until a moment (`notbefore`)."""
    if not request.check_black_list or not contacts:
        return contacts, 0, 0
    digits = {contact.id: contact.phone.number.removeprefix("+") for contact in contacts}
    local_now = claimant.local.naive(request.now)
    listed, until = await black_listed(session, request.campaign, local_now, sorted(set(digits.values())))
    blocked = [contact for contact in contacts if digits[contact.id] in listed]
    held = [c for c in contacts if digits[c.id] in until and digits[c.id] not in listed]
    await _set_status(session, 3, "the number is on the black list", [contact.id for contact in blocked])
    for contact in held:
        await session.run(
            "UPDATE ccdata.calls_spool SET notbefore=%s, reason=%s WHERE id=%s",
            (
                utc(claimant.local.utc(until[digits[contact.id]])),
                "the number is on the temporary black list",
                contact.id,
            ),
        )
    await session.run_many(
        "INSERT INTO ccrepo.black_list_history (calldate, src, dst) VALUES (%s, %s, %s)",
        [(local_now, claimant.owner[:80], contact.phone.number) for contact in blocked + held],
    )
    kept_back = {contact.id for contact in blocked + held}
    return [c for c in contacts if c.id not in kept_back], len(blocked), len(held)


async def _select(session: Session, request: ClaimRequest) -> list[dict[str, Any]]:
    """Lock rows: tasks first, then each list its slots, then whoever has more for what is left.

    Our own locks do not hide rows from ourselves, and the database does not mind how a list's name
    is spelt: a row that is met again is skipped.
    """
    rows: dict[int, dict[str, Any]] = {}

    async def take(query: str, name: str, count: int) -> None:
        known = sum(1 for row in rows.values() if str(row["dialerbase"]).casefold() == name.casefold())
        for row in await session.rows(query, (request.campaign, name, count + known)):
            if count > 0 and row["id"] not in rows:
                rows[row["id"]] = row
                count -= 1

    await take(CLAIM_TASKS, "", request.limit)
    for name, quota in Counter(request.slots[: request.limit - len(rows)]).items():
        await take(CLAIM, name, quota)
    for name in request.lists:
        if len(rows) < request.limit:
            await take(CLAIM, name, request.limit - len(rows))
    return list(rows.values())


async def _select_for_agents(session: Session, request: ClaimRequest) -> list[dict[str, Any]]:
    """Lock one row for each agent: his own before those that are nobody's, in each tasks before lists."""
    rows: dict[int, dict[str, Any]] = {}
    slots = iter(request.slots)
    for names in request.agents:
        lists = dict.fromkeys(("", next(slots, ""), *request.lists))
        own = [(CLAIM_OWN, (name, agent)) for name in lists for agent in names]
        nobodys = [
            (query, (name, *nobody))
            for name in lists
            for query, nobody in ((CLAIM_OWN, ("",)), (CLAIM_NOBODYS, ()))
        ]
        for query, args in [*own, *nobodys]:
            # Our own locks do not hide rows from ourselves: one more than we have is asked for.
            found = await session.rows(query, (request.campaign, *args, len(rows) + 1))
            row = next((row for row in found if row["id"] not in rows), None)
            if row is not None:
                rows[row["id"]] = row
                break
    return list(rows.values())


async def _set_status(session: Session, status: int, reason: str, ids: Sequence[int]) -> None:
    if ids:
        marks = ",".join(["%s"] * len(ids))
        await session.run(
            f"UPDATE ccdata.calls_spool SET status=%s, reason=%s WHERE id IN ({marks})",
            (status, reason, *ids),
        )


async def black_listed(
    session: Session, campaign: str, local_now: datetime, numbers: Sequence[str]
) -> tuple[set[str], dict[str, datetime]]:
    """Return which numbers may not be called, and which not before a (local) moment.

    `number` is what the lists' phones come to without layout, type and +, as parse_phone reads them.
    """
    marks = ",".join(["%s"] * len(numbers))
    listed = await session.rows(
        f"SELECT number FROM ccdata.black_list WHERE number IN ({marks}) AND campaign IN (%s, '*')",
        (*numbers, campaign),
    )
    until = await session.rows(
        "SELECT number, MAX(removedate) AS until FROM ccdata.black_list_schedule"
        f" WHERE number IN ({marks}) AND removedate > %s GROUP BY number",
        (*numbers, local_now),
    )
    return {str(row["number"]) for row in listed}, {str(row["number"]): row["until"] for row in until}


async def _insert_attempts(
    session: Session,
    attempts: Sequence[Attempt],
    request: ClaimRequest,
    claimant: Claimant,
) -> None:
    await session.run_many(
        "INSERT INTO ccdata.attempts (id, campaign, spool_id, destination, contact, dialerbase,"
        " attempt, owner, fence, state, claimed_at, note)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'claimed', %s, %s)",
        [
            (
                attempt.id,
                request.campaign,
                attempt.contact.id,
                attempt.contact.phone.number,
                attempt.contact.reference,
                attempt.contact.list_name,
                attempt.contact.retries + 1,
                claimant.owner,
                claimant.fence,
                utc(request.now),
                attempt.contact.remark[:255],
            )
            for attempt in attempts
        ],
    )

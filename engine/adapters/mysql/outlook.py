"""The outlook: which rule of the law holds a contact that waits, or will next, and until when.

The engine alone writes it, for the view `held_contacts`. Contacts are read without locks; only the outlook's
own rows are written, and only those that changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from engine.adapters.legal import Legal
from engine.adapters.mysql.compliance import Inquiry, campaign_law
from engine.adapters.mysql.database import Database, Session, utc
from engine.domain.errors import FieldError
from engine.domain.law import Facts, Prospect, appointment, prospect
from engine.domain.law.prospect import SETTINGS
from engine.domain.localtime import LocalTime
from engine.domain.model import Contact
from engine.domain.settings import read_contact
from engine.ports.survey import Look, Part, Source

#: What the engine writes when a row itself cannot be used.
_ROW = "row"
_READY, _IN_PROGRESS = 1, 0

_CONTACT = "id, campaign, destination, alternatives, data, contact, agentphone, timezone"
_SPOOL = f"{_CONTACT}, dialerbase, priority, retries, reason, status"
_SCHEDULED = f"{_CONTACT}, calldate"
#: The plans of these are guarded by a test: each reads its own part alone.
OF_CAMPAIGN = (
    f"SELECT {_SPOOL} FROM ccdata.calls_spool FORCE INDEX (calls_spool_page)"
    " WHERE campaign = %s AND id > %s ORDER BY id LIMIT %s"
)
OF_ALL = {
    Source.SPOOL: f"SELECT {_SPOOL} FROM ccdata.calls_spool WHERE id > %s ORDER BY id LIMIT %s",
    Source.SCHEDULER: f"SELECT {_SCHEDULED} FROM ccdata.calls_scheduler WHERE id > %s ORDER BY id LIMIT %s",
}
CAMPAIGNS = "SELECT campaign FROM ccdata.calls_spool FORCE INDEX (calls_spool_page) GROUP BY campaign"
_NEWEST = {
    Source.SPOOL: "SELECT MAX(id) AS id FROM ccdata.calls_spool",
    Source.SCHEDULER: "SELECT MAX(id) AS id FROM ccdata.calls_scheduler",
}
_KNOWN = (
    "SELECT id, campaign, held_by, from_utc, until_utc FROM ccdata.law_outlook"
    " WHERE source = %s AND id IN ({})"
)
_PART = (
    "SELECT COUNT(*) AS contacts, MAX(id) AS last FROM (SELECT id FROM ccdata.law_outlook"
    " WHERE source = %s AND id > %s ORDER BY id LIMIT %s) part"
)
GONE = {
    Source.SPOOL: "SELECT o.id FROM ccdata.law_outlook o LEFT JOIN ccdata.calls_spool s ON s.id = o.id"
    " WHERE o.source = 0 AND o.id > %s AND o.id <= %s AND s.id IS NULL",
    Source.SCHEDULER: "SELECT o.id FROM ccdata.law_outlook o LEFT JOIN ccdata.calls_scheduler s"
    " ON s.id = o.id WHERE o.source = 1 AND o.id > %s AND o.id <= %s AND s.id IS NULL",
}
_WRITE = (
    "INSERT INTO ccdata.law_outlook (source, id, campaign, held_by, reason, from_utc, until_utc, judged_at)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON DUPLICATE KEY UPDATE campaign=VALUES(campaign),"
    " held_by=VALUES(held_by), reason=VALUES(reason), from_utc=VALUES(from_utc),"
    " until_utc=VALUES(until_utc), judged_at=VALUES(judged_at)"
)

Row = Mapping[str, Any]


class MysqlSurveyor:
    """Judges the contacts of the spool and of the scheduler; `local`: the zone of the documented columns."""

    def __init__(self, database: Database, legal: Legal, local: LocalTime) -> None:
        self._database = database
        self._legal = legal
        self._local = local

    async def newest(self, source: Source) -> int:
        async def work(session: Session) -> int:
            return int((await session.rows(_NEWEST[source]))[0]["id"] or 0)

        return await self._database.transaction(work)

    async def campaigns(self) -> tuple[str, ...]:
        async def work(session: Session) -> tuple[str, ...]:
            return tuple(str(row["campaign"]) for row in await session.rows(CAMPAIGNS))

        return await self._database.transaction(work)

    async def look(self, part: Part, now: datetime) -> Look:
        async def work(session: Session) -> Look:
            if part.campaign:
                rows = await session.rows(OF_CAMPAIGN, (part.campaign, part.after, part.most))
            else:
                rows = await session.rows(OF_ALL[part.source], (part.after, part.most))
            if rows:
                await self._judge(session, part.source, rows, now)
            last = max((int(row["id"]) for row in rows), default=part.after)
            return Look(len(rows), last, len(rows) == part.most)

        return await self._database.transaction(work)

    async def sweep(self, source: Source, after: int, most: int) -> Look:
        async def work(session: Session) -> Look:
            [part] = await session.rows(_PART, (int(source), after, most))
            last = int(part["last"] or after)
            gone = await session.rows(GONE[source], (after, last))
            await _forget(session, source, [int(row["id"]) for row in gone])
            return Look(int(part["contacts"]), last, part["contacts"] == most)

        return await self._database.transaction(work)

    async def _judge(self, session: Session, source: Source, rows: Sequence[Row], now: datetime) -> None:
        """Write what of the outlook of these contacts has changed."""
        ahead: dict[int, Prospect | None] = {}
        for campaign in dict.fromkeys(str(row["campaign"]) for row in rows):
            ours = [row for row in rows if str(row["campaign"]) == campaign]
            ahead |= await prospects(session, self._legal, self._local, source, campaign, ours, now)
        under_way = {int(row["id"]) for row in rows if row.get("status") == _IN_PROGRESS}
        marks = ",".join(["%s"] * len(rows))
        ids = sorted(int(row["id"]) for row in rows)
        known = {int(row["id"]): row for row in await session.rows(_KNOWN.format(marks), (int(source), *ids))}
        gone = [n for n in known if ahead.get(n) is None and n not in under_way]
        await _forget(session, source, gone)
        fresh = []
        for row in sorted(rows, key=lambda row: int(row["id"])):
            n, campaign = int(row["id"]), str(row["campaign"])
            held = ahead.get(n)
            if held is None or _same(known.get(n), campaign, held, now):
                continue
            begins, until = _stored(held.begins), _stored(held.until)
            fresh.append((int(source), n, campaign, held.rule, held.text[:255], begins, until, _stored(now)))
        await session.run_many(_WRITE, fresh)


async def prospects(
    session: Session,
    legal: Legal,
    local: LocalTime,
    source: Source,
    campaign: str,
    rows: Iterable[Row],
    now: datetime,
) -> dict[int, Prospect | None]:
    """Return what is ahead of those contacts of one campaign that wait, by id."""
    waiting = [row for row in rows if row.get("status", _READY) == _READY]
    try:
        law, _ = await campaign_law(session, legal, campaign)
    except FieldError as error:
        return {int(row["id"]): Prospect(SETTINGS, str(error), now) for row in waiting}
    ahead: dict[int, Prospect | None] = {}
    contacts: list[Contact] = []
    due: dict[int, datetime] = {}
    for row in waiting:
        try:
            contacts.append(read_contact(row if source is Source.SPOOL else _as_contact(row)))
        except FieldError as error:
            # The problem quotes the value, which may be a number; the row has it anyway.
            text = f"{error.field}: it cannot be used. {error.fix}"
            ahead[int(row["id"])] = Prospect(_ROW, text, now)
            continue
        if source is Source.SCHEDULER:
            due[contacts[-1].id] = local.utc(row["calldate"])
    inquiry = Inquiry(session, legal, campaign, law, now, local, only_asking=True)
    # Most contacts differ in nothing that the law asks about.
    alike: dict[tuple[int, Facts], Prospect | None] = {}
    for contact, (rules, facts) in zip(contacts, await inquiry.facts(contacts), strict=True):
        if contact.id in due:
            ahead[-contact.id] = appointment(rules, facts, due[contact.id], now)
            continue
        kind = (id(rules), facts)
        if kind not in alike:
            alike[kind] = prospect(rules, facts, now)
        ahead[contact.id] = alike[kind]
    return ahead


def _as_contact(row: Row) -> Row:
    """Return a scheduled call as the row of the spool that it is going to be. No call has been made for it:
    its id is below those of the spool, whose calls it must not be taken for."""
    return {**row, "id": -int(row["id"]), "dialerbase": "", "priority": 1, "retries": 0, "reason": ""}


def _stored(at: datetime | None) -> datetime | None:
    """Return a moment as a column holds it: UTC, in ms."""
    naive = utc(at)
    return naive and naive.replace(microsecond=naive.microsecond // 1000 * 1000)


def _same(known: Row | None, campaign: str, held: Prospect, now: datetime) -> bool:
    """Does the outlook say so already? What holds now may have begun earlier."""
    if known is None or known["campaign"] != campaign or known["held_by"] != held.rule:
        return False
    if known["until_utc"] != _stored(held.until):
        return False
    if held.begins <= now:
        return bool(known["from_utc"].replace(tzinfo=UTC) <= now)
    return bool(known["from_utc"] == _stored(held.begins))


async def _forget(session: Session, source: Source, ids: Sequence[int]) -> None:
    if ids:
        marks = ",".join(["%s"] * len(ids))
        await session.run(
            f"DELETE FROM ccdata.law_outlook WHERE source = %s AND id IN ({marks})",
            (int(source), *sorted(ids)),
        )

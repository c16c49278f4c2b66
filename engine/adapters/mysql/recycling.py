"""Recycling: finished contacts become a new list, by their outcome, after a delay, so and so often.

Every list becomes a list of its own, with its time zone, share and priority: a contact is called again where
it lives and in its list's turn.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.adapters.mysql.database import Database, Session, utc
from engine.adapters.mysql.numbers import contacts_there, same_person, take_turn
from engine.adapters.mysql.zones import zone_of_list
from engine.domain.errors import FieldError, excerpt
from engine.domain.phones import known_digits, parse_alternatives
from engine.domain.recycling import RecycleRule, list_of_round, next_list, parse_recycle
from engine.domain.settings import active_lists

#: Contacts of one transaction.
BATCH = 1_000
#: What calls_spool.alternatives can hold, in characters.
_LONGEST = 1_000
#: Whoever is recycled by hand may come by himself as often as he likes.
_ALWAYS = 2**31 - 1

_PARTS = " AND ".join(
    ("campaign=%s", "outcome=%s", "again_at IS NULL", "finished_at <= %s", "rounds < %s", "automatic < %s")
)
_DUE = (
    " FROM ccrepo.finished_contacts FORCE INDEX (finished_contacts_due)"
    f" WHERE {_PARTS} AND (%s = '' OR dialerbase = %s)"
)
_FINISHED = f"SELECT *{_DUE} ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED"
_SOURCES = f"SELECT DISTINCT dialerbase{_DUE}"
_AUTOMATIC = (
    "SELECT campaign, recycle, recyclecount FROM ccdata.dialers"
    " WHERE status = 1 AND recyclecount > 0 AND recycle NOT IN ('', '[]')"
)
_BUSY = (
    "SELECT 1 FROM ccdata.calls_spool FORCE INDEX (calls_spool_claim)"
    " WHERE campaign=%s AND dialerbase=%s AND status IN (0, 1) LIMIT 1"
)


@dataclass(slots=True)
class Recycled:
    """What came of it: how many contacts came into which list; `there`: finished contacts that are in the
    spool by another way already and stay as they are there."""

    lists: Counter[str] = field(default_factory=Counter)
    there: int = 0

    @property
    def list(self) -> str:
        """The first of the lists; '' while nothing was due."""
        return next(iter(self.lists), "")

    @property
    def contacts(self) -> int:
        return self.lists.total()


@dataclass(frozen=True, slots=True)
class _Target:
    """The list into which contacts come, and its time zone."""

    name: str
    zone: str


@dataclass(frozen=True, slots=True)
class _Job:
    """One recycling. `named`: the list that somebody named; `automatic`: nobody asked for it."""

    campaign: str
    now: datetime
    named: _Target | None
    automatic: bool
    #: By the source, and where it is automatic by the round.
    targets: dict[tuple[str, int], _Target] = field(default_factory=dict)

    def key(self, row: dict[str, Any]) -> tuple[str, int]:
        return str(row["dialerbase"]).casefold(), int(row["rounds"]) if self.automatic else 0


async def recycle(
    database: Database,
    campaign: str,
    rules: Sequence[RecycleRule],
    now: datetime,
    *,
    only: str = "",
    name: str = "",
    count: int = 0,
) -> Recycled:
    """Make lists of the contacts that the rules choose, one of each list, in batches.

    `only`: contacts of one list; `name`: of the one new list; `count`: nobody asked for it, and each contact
    comes by itself so many times at most. Raises FieldError when `name` is a list in another time zone.
    """
    made = Recycled()
    chosen = [
        (campaign, rule.outcome, utc(now - rule.delay), rule.maximum, count or _ALWAYS, only, only)
        for rule in rules
    ]

    async def named(session: Session) -> _Target:
        return await _named(session, campaign, name, chosen)

    job = _Job(campaign, now, await database.transaction(named) if name else None, count > 0)
    for due in chosen:
        while await _one_batch(database, job, (*due, BATCH), made):
            pass
    return made


async def _named(session: Session, campaign: str, name: str, chosen: Sequence[Sequence[Any]]) -> _Target:
    """Return the list that somebody named, in the zone of all contacts that come there, if they have one."""
    zones = set()
    for due in chosen:
        for row in await session.rows(_SOURCES, due):
            zones.add(await zone_of_list(session, campaign, str(row["dialerbase"])))
    there = await zone_of_list(session, campaign, name)
    if there and "" in zones:
        raise FieldError(
            "name", f"the contacts would get the time zone of the list {excerpt(name)}", "Name a new list."
        )
    known = await session.rows(
        "SELECT id FROM ccdata.dialer_base WHERE campaign=%s AND name=%s LIMIT 1", (campaign, name)
    )
    return _Target(name, there if known or len(zones) != 1 else zones.pop())


async def _one_batch(database: Database, job: _Job, args: Sequence[Any], made: Recycled) -> bool:
    """Recycle some; False when there were none."""
    targets: dict[tuple[str, int], _Target] = {}
    lists: Counter[str] = Counter()

    async def work(session: Session) -> int:
        targets.clear()
        lists.clear()
        rows = await session.rows(_FINISHED, args)
        if not rows:
            return 0
        await take_turn(session, [job.campaign])
        fresh = await _fresh(session, job.campaign, rows)
        for row in fresh:
            if job.key(row) not in {**job.targets, **targets}:
                targets[job.key(row)] = await _target(session, job, row)
        places = {**job.targets, **targets}
        tried = await _tried(session, [int(row["spool_id"]) for row in fresh])
        zones = {base: await zone_of_list(session, job.campaign, base) for base in _bases(fresh)}
        await session.run_many(
            "INSERT INTO ccdata.calls_spool (campaign, destination, data, alternatives, contact, dialerbase,"
            " priority, agentphone, rounds, automatic, timezone)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                _again(row, tried.get(int(row["spool_id"]), {}), places[job.key(row)], zones, job.automatic)
                for row in fresh
            ],
        )
        lists.update(places[job.key(row)].name for row in fresh)
        for name, contacts in lists.items():
            await session.run(
                "UPDATE ccdata.dialer_base SET active=1, records=records+%s WHERE campaign=%s AND name=%s",
                (contacts, job.campaign, name),
            )
        marks = ",".join(["%s"] * len(rows))
        await session.run(
            f"UPDATE ccrepo.finished_contacts SET again_at=%s WHERE id IN ({marks})",
            (utc(job.now), *(row["id"] for row in rows)),
        )
        return len(rows)

    seen = await database.transaction(work)
    job.targets.update(targets)
    made.lists.update(lists)
    made.there += seen - lists.total()
    return seen > 0


async def _fresh(session: Session, campaign: str, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return those who are not in the spool by another way. Who shares a number with somebody there is."""
    there = await contacts_there(session, campaign, [_digits(row) for row in rows])
    fresh = []
    for row in rows:
        others = there.setdefault(_digits(row), set())
        if not same_person(str(row["contact"]), others):
            others.add(str(row["contact"]).casefold())
            fresh.append(row)
    return fresh


def _bases(rows: Sequence[dict[str, Any]]) -> set[str]:
    return {str(row["dialerbase"]) for row in rows}


def _digits(row: dict[str, Any]) -> str:
    return known_digits(str(row["destination"]))


async def _tried(session: Session, spool_ids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return the numbers that were called for each contact, in the order of their first call, each as the
    contact has it: with its type."""
    if not spool_ids:
        return {}
    marks = ",".join(["%s"] * len(spool_ids))
    rows = await session.rows(
        f"SELECT spool_id, destination, MAX(entry) AS entry FROM ccdata.attempts WHERE spool_id IN ({marks})"
        " GROUP BY spool_id, destination ORDER BY spool_id, MIN(claimed_at), MIN(id)",
        spool_ids,
    )
    tried: dict[int, dict[str, str]] = {}
    for row in rows:
        number = str(row["destination"])
        tried.setdefault(int(row["spool_id"]), {})[number] = str(row["entry"] or number)
    return tried


def _again(
    row: dict[str, Any], tried: dict[str, str], target: _Target, zones: dict[str, str], automatic: bool
) -> tuple[Any, ...]:
    """The contact with all its numbers, the first one first as at the beginning."""
    last = str(row["destination"])
    bare = last.rpartition("=")[2]
    entries = {**(tried or {bare: last})}
    if bare in entries:
        entries[bare] = last
    for phone in parse_alternatives(str(row["alternatives"]))[0]:
        entries.setdefault(phone.number, phone.entry())
    first, *others = entries.values()
    zone = str(row["timezone"]) or zones[str(row["dialerbase"])]
    return (
        row["campaign"], first, row["data"], _joined(others), row["contact"], target.name,
        row["priority"], row["agentphone"], int(row["rounds"]) + 1, int(row["automatic"]) + automatic,
        "" if zone == target.zone else zone,
    )  # fmt: skip


def _joined(entries: Sequence[str]) -> str:
    """Return alternatives as the spool holds them; what does not fit is left out as a whole number."""
    text = ""
    for entry in entries:
        longer = f"{text}:{entry}" if text else entry
        if len(longer) > _LONGEST:
            break
        text = longer
    return text


async def _target(session: Session, job: _Job, row: dict[str, Any]) -> _Target:
    """Return the list that a contact's list becomes; it is made where there is none."""
    source, round_ = str(row["dialerbase"]), int(row["rounds"]) + 1
    target = job.named
    if target is None:
        target = _Target("", await zone_of_list(session, job.campaign, source))
        rows = await session.rows(
            "SELECT name, active, recycled, timezone FROM ccdata.dialer_base WHERE campaign=%s ORDER BY id",
            (job.campaign,),
        )
        name = ""
        if job.automatic:
            fitting = [
                str(base["name"])
                for base in reversed(rows)
                if base["active"] and int(base["recycled"]) == round_ and base["timezone"] == target.zone
            ]
            name = list_of_round(source, fitting)
        taken = frozenset(str(base["name"]) for base in rows)
        target = _Target(name or next_list(source, taken), target.zone)
    if not await session.rows(
        "SELECT id FROM ccdata.dialer_base WHERE campaign=%s AND name=%s LIMIT 1", (job.campaign, target.name)
    ):
        old = await session.rows(
            "SELECT percentage, priority FROM ccdata.dialer_base WHERE campaign=%s AND name=%s"
            " ORDER BY id DESC LIMIT 1",
            (job.campaign, source),
        )
        share, order = (old[0]["percentage"], old[0]["priority"]) if old else (None, 0)
        await session.run(
            "INSERT INTO ccdata.dialer_base (campaign, name, active, recycled, timezone, percentage,"
            " priority) VALUES (%s, %s, 0, %s, %s, %s, %s)",
            (job.campaign, target.name, round_, target.zone, share, order),
        )
    return target


async def recycle_due(database: Database, now: datetime) -> dict[str, Recycled]:
    """Recycle every enabled campaign whose lists are dry, each contact `recyclecount` times at most.

    Contacts that wait in a list that does not serve hold nothing up.
    """

    async def candidates(session: Session) -> list[dict[str, Any]]:
        return [row for row in await session.rows(_AUTOMATIC) if await _dry(session, str(row["campaign"]))]

    done = {}
    for row in await database.transaction(candidates):
        try:
            rules = parse_recycle(str(row["recycle"]))
        except FieldError:
            continue  # the campaign is set aside with the reason: domain/settings.py
        campaign = str(row["campaign"])
        made = await recycle(database, campaign, rules, now, count=int(row["recyclecount"]))
        if made.contacts:
            done[campaign] = made
    return done


async def _dry(session: Session, campaign: str) -> bool:
    """Is nobody left in the lists that serve, nor among the tasks?"""
    rows = await session.rows(
        "SELECT campaign, name, active, percentage, priority FROM ccdata.dialer_base WHERE campaign=%s",
        (campaign,),
    )
    for name in ("", *(served.name for served in active_lists(rows, campaign))):
        if await session.rows(_BUSY, (campaign, name)):
            return False
    return True

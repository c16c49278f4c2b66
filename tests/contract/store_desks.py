"""A supervisor's desk over each Store: put rows in, look at what is there."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.adapters.mysql import Database, MysqlStore
from engine.domain import events as ev
from engine.domain.call import Call, step
from engine.domain.entries import Ending, Entry, Progress, Written, ending, progress
from engine.domain.localtime import LocalTime
from engine.domain.model import Attempt, CampaignName, Dialer, attempt_id
from engine.domain.records import QueueLogRow, cdr, queue_log
from engine.domain.rules import next_step
from engine.ports import Batch, CampaignReport, ClaimRequest, ClaimResult, Store
from tests import builders as b
from tests.builders import NOW, QUEUE, a_dialer, later
from tests.memory_store import MemoryStore

Row = dict[str, Any]
OWNER = "test"
REST = timedelta(hours=72)
_numbers = itertools.count(1)


class Desk(ABC):
    """What a supervisor can do by plain SQL, and the store under test."""

    store: Store

    @abstractmethod
    def seen_by(self, owner: str) -> Store:
        """Return another engine's view of the same rows."""

    @abstractmethod
    async def contact(self, destination: str, **columns: Any) -> int:
        """Insert a spool row; return its id."""

    @abstractmethod
    async def row(self, spool_id: int) -> Row | None:
        """Return a spool row."""

    @abstractmethod
    async def change(self, spool_id: int, **columns: Any) -> None:
        """Change a spool row."""

    @abstractmethod
    async def remove(self, spool_id: int) -> None:
        """Delete a spool row."""

    @abstractmethod
    async def block(self, phone: str, campaign: str = "*") -> None:
        """Put a number on the black list."""

    @abstractmethod
    async def block_until(self, phone: str, until: datetime) -> None:
        """Block a number for a time."""

    @abstractmethod
    async def blocked(self) -> list[str]:
        """Return the numbers in the history of the black list."""

    @abstractmethod
    async def attempt(self, attempt: str) -> Row:
        """Return the row of an attempt."""

    @abstractmethod
    async def cdrs(self) -> list[tuple[str, str]]:
        """Return guid and disposition of all CDRs."""

    @abstractmethod
    async def log(self) -> list[tuple[str, str]]:
        """Return call and event of all queue_log rows, in order."""

    @abstractmethod
    async def report(self, campaign: str) -> tuple[object, ...]:
        """Return state, field, reason, bound, calls, ready and paused of a campaign."""

    @abstractmethod
    async def dialer(self, campaign: str) -> None:
        """Insert a dialer with its queue, an active list L1 and an inactive list OLD."""

    @abstractmethod
    async def caller_id(self, campaign: str, entry: str, enabled: int = 1) -> None:
        """Insert a row of caller_ids."""

    @abstractmethod
    async def caller_id_state(self, number: str) -> tuple[object, ...]:
        """Return attempts, answers, rejections, flagged, resting_until, reason and rests of a number."""


class MemoryDesk(Desk):
    """Rows in memory."""

    def __init__(self) -> None:
        self.memory = MemoryStore(OWNER)
        self.store = self.memory

    def seen_by(self, owner: str) -> Store:
        return self.memory.seen_by(owner)

    async def contact(self, destination: str, **columns: Any) -> int:
        return self.memory.add_contact(destination=destination, **columns)

    async def row(self, spool_id: int) -> Row | None:
        return self.memory.spool.get(spool_id)

    async def change(self, spool_id: int, **columns: Any) -> None:
        self.memory.spool[spool_id].update(columns)

    async def remove(self, spool_id: int) -> None:
        del self.memory.spool[spool_id]

    async def block(self, phone: str, campaign: str = "*") -> None:
        self.memory.black_list.add((phone, campaign))

    async def block_until(self, phone: str, until: datetime) -> None:
        self.memory.black_list_schedule.append((phone, until))

    async def blocked(self) -> list[str]:
        return self.memory.black_list_history

    async def attempt(self, attempt: str) -> Row:
        return self.memory.attempts[attempt]

    async def cdrs(self) -> list[tuple[str, str]]:
        return [(row.guid, row.disposition) for row in self.memory.cdr]

    async def log(self) -> list[tuple[str, str]]:
        return [(row.call, row.event) for row in self.memory.queue_log]

    async def report(self, campaign: str) -> tuple[object, ...]:
        report: CampaignReport = self.memory.reports[campaign]
        decision, snapshot = report.decision, report.snapshot
        reason = report.reason or (decision.reason if decision else "")
        bound, calls = (str(decision.bound), decision.calls) if decision else ("", 0)
        ready, paused = (snapshot.ready, report.paused) if snapshot else (0, 0)
        return report.state, report.field, reason, bound, calls, ready, paused

    async def dialer(self, campaign: str) -> None:
        self.memory.add_dialer(campaign)
        old = {"campaign": campaign, "name": "OLD", "active": 0, "percentage": None}
        self.memory.lists.append(old)

    async def caller_id(self, campaign: str, entry: str, enabled: int = 1) -> None:
        self.memory.add_caller_id(campaign, entry, enabled)

    async def caller_id_state(self, number: str) -> tuple[object, ...]:
        row = self.memory.caller_id_state[number]
        until = row["resting_until"]
        return (*row["counts"], naive(until) if until else None, row["reason"], row["rests"])


class MysqlDesk(Desk):
    """Rows in the private database server."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.store = self.seen_by(OWNER)

    def seen_by(self, owner: str) -> Store:
        return MysqlStore(
            self._database,
            owner,
            LocalTime(UTC),
            lambda: attempt_id(next(_numbers), 0),
        )

    async def _run(self, sql: str, *args: Any) -> None:
        async with self._database.session() as session:
            await session.run(sql, args)

    async def _rows(self, sql: str, *args: Any) -> list[Row]:
        async with self._database.session() as session:
            return await session.rows(sql, args)

    async def contact(self, destination: str, **columns: Any) -> int:
        values = {"destination": destination, **columns}
        marks = ", ".join(["%s"] * len(values))
        async with self._database.session() as session:
            await session.run(
                f"INSERT INTO ccdata.calls_spool ({', '.join(values)}) VALUES ({marks})",
                tuple(values.values()),
            )
            return int((await session.rows("SELECT LAST_INSERT_ID() AS id"))[0]["id"])

    async def row(self, spool_id: int) -> Row | None:
        rows = await self._rows("SELECT * FROM ccdata.calls_spool WHERE id=%s", spool_id)
        return rows[0] if rows else None

    async def change(self, spool_id: int, **columns: Any) -> None:
        words = ", ".join(f"{name}=%s" for name in columns)
        await self._run(f"UPDATE ccdata.calls_spool SET {words} WHERE id=%s", *columns.values(), spool_id)

    async def remove(self, spool_id: int) -> None:
        await self._run("DELETE FROM ccdata.calls_spool WHERE id=%s", spool_id)

    async def block(self, phone: str, campaign: str = "*") -> None:
        await self._run("INSERT INTO ccdata.black_list (phone, campaign) VALUES (%s, %s)", phone, campaign)

    async def block_until(self, phone: str, until: datetime) -> None:
        sql = "INSERT INTO ccdata.black_list_schedule (phone, removedate) VALUES (%s, %s)"
        await self._run(sql, phone, until)

    async def blocked(self) -> list[str]:
        rows = await self._rows("SELECT dst FROM ccrepo.black_list_history ORDER BY id")
        return [str(row["dst"]) for row in rows]

    async def attempt(self, attempt: str) -> Row:
        return (await self._rows("SELECT * FROM ccdata.attempts WHERE id=%s", attempt))[0]

    async def cdrs(self) -> list[tuple[str, str]]:
        rows = await self._rows("SELECT guid, disposition FROM ccrepo.cdr_repo ORDER BY id")
        return [(str(row["guid"]), str(row["disposition"])) for row in rows]

    async def log(self) -> list[tuple[str, str]]:
        rows = await self._rows("SELECT callid, event FROM ccrepo.queue_log_repo ORDER BY id")
        return [(str(row["callid"]), str(row["event"])) for row in rows]

    async def report(self, campaign: str) -> tuple[object, ...]:
        sql = (
            "SELECT state, field, reason, bound, calls, ready, paused FROM ccdata.campaign_state"
            " WHERE campaign=%s"
        )
        return tuple((await self._rows(sql, campaign))[0].values())

    async def dialer(self, campaign: str) -> None:
        await self._run("INSERT INTO ccdata.queues (name, queue_timeout) VALUES (%s, 5)", campaign)
        await self._run(
            "INSERT INTO ccdata.dialers (campaign, schedule, dialstring, callerid, status)"
            " VALUES (%s, 'sun-sat;00:00-23:59', 'SIP/CARRIER/', '18885550100', 1)",
            campaign,
        )
        for name, active in (("L1", 1), ("OLD", 0)):
            sql = "INSERT INTO ccdata.dialer_base (campaign, name, active) VALUES (%s, %s, %s)"
            await self._run(sql, campaign, name, active)

    async def caller_id(self, campaign: str, entry: str, enabled: int = 1) -> None:
        sql = "INSERT INTO ccdata.caller_ids (campaign, entry, enabled) VALUES (%s, %s, %s)"
        await self._run(sql, campaign, entry, enabled)

    async def caller_id_state(self, number: str) -> tuple[object, ...]:
        sql = (
            "SELECT attempts, answers, rejections, flagged, resting_until, reason, rests"
            " FROM ccdata.caller_id_state WHERE number=%s"
        )
        return tuple((await self._rows(sql, number))[0].values())


def naive(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(tzinfo=None)


async def claim(
    desk: Desk, limit: int = 10, slots: str = "", lists: str = "L1", black: bool = True, at: datetime = NOW
) -> ClaimResult:
    names = tuple(lists.split())
    return await desk.store.claim(
        ClaimRequest(
            CampaignName(QUEUE), limit, tuple(slots.split()) or names[:1] * limit, names, black,
            at,
        )
    )  # fmt: skip


async def contacts(desk: Desk, *numbers: str, base: str = "L1", **columns: Any) -> list[int]:
    return [await desk.contact(n, campaign=QUEUE, dialerbase=base, **columns) for n in numbers]


def numbers(result: ClaimResult) -> list[str]:
    return [attempt.contact.phone.number for attempt in result.attempts]


def finished(attempt: Attempt, *events: ev.CallEvent, dialer: Dialer | None = None) -> Ending:
    """Let `events` happen to the attempt's call; return what its end leaves to be written."""
    call = Call(attempt, dialer or a_dialer())
    rows: tuple[QueueLogRow, ...] = ()
    for event in (b.sent(), *events):
        own = replace(event, call=attempt.id)
        before, call = call, step(call, own)
        rows = queue_log(before, own, call)
    assert call.outcome is not None
    following = next_step(attempt.contact, call.outcome, call.dialer, later(90), REST)
    return ending(call, cdr(call), following, rows)


def so_far(attempt: Attempt, *events: ev.CallEvent) -> Progress:
    """Let `events` happen to the attempt's call; return the step that it has come to."""
    call = Call(attempt, a_dialer())
    for event in (b.sent(), *events):
        call = step(call, replace(event, call=attempt.id))
    return progress(call)


def entered(attempt: Attempt, t: float = 0) -> QueueLogRow:
    """Return the row of a caller who joins the queue."""
    return QueueLogRow(later(t), attempt.id, QUEUE, "NONE", "ENTERQUEUE")


def missed(attempt: Attempt, t: float) -> QueueLogRow:
    """Return the row of an agent who did not take the call."""
    return QueueLogRow(later(t), attempt.id, QUEUE, "Ana", "RINGNOANSWER", ("1000",))


BUSY = (b.hung_up(t=5, cause=17, sip=486),)
TALKED = (b.answered(), b.joined(), b.connected(), b.completed(), b.hung_up())
LOST = (b.answered(), b.joined(), b.abandoned(), b.hung_up())
#: Nobody saw how it ended.
UNSEEN = (b.vanished(),)


def batch(*entries: Entry, fence: int = 0, journal: str = "journal", first: int = 0) -> Batch:
    """Return entries of a journal, made under `fence`; new ones unless it is said which is the first."""
    start = first or next(_numbers)
    written = tuple(Written(number, fence, entry) for number, entry in enumerate(entries, start))
    for _ in entries[1:]:
        next(_numbers)
    return Batch(journal, written)


async def record(desk: Desk, *entries: Entry, fence: int = 0) -> None:
    """Write what has not been written before."""
    await desk.store.record(batch(*entries, fence=fence))


async def one(desk: Desk, number: str = "1001", **columns: Any) -> tuple[int, Attempt]:
    """Insert one contact, claim it and mark it sent."""
    [spool_id] = await contacts(desk, number, **columns)
    [attempt] = (await claim(desk)).attempts
    await desk.store.mark_sent([attempt], NOW)
    return spool_id, attempt


async def status(desk: Desk, spool_id: int) -> tuple[int, str]:
    row = await desk.row(spool_id)
    assert row is not None, f"row {spool_id} is gone"
    return row["status"], row["reason"]

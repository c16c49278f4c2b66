"""The Store port in memory: the rows that MysqlStore keeps in tables are dictionaries here."""

from __future__ import annotations

import asyncio
import copy
import itertools
import random
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from engine.domain.call import Call, State
from engine.domain.errors import FieldError
from engine.domain.model import Attempt, AttemptId, CampaignName, Contact, SpoolId, attempt_id
from engine.domain.phones import Phone, join_alternatives
from engine.domain.records import CdrRow, QueueLogRow
from engine.domain.rules import Step
from engine.domain.settings import SettingsRows, read_contact
from engine.ports import (
    CampaignReport,
    ClaimRequest,
    ClaimResult,
    Finished,
    OpenAttempt,
    Records,
    StoreError,
)

Row = dict[str, Any]


def naive(at: datetime | None) -> datetime | None:
    """Return UTC without a zone: what our own DATETIME columns hold."""
    return None if at is None else at.astimezone(UTC).replace(tzinfo=None)


def same(one: object, other: object) -> bool:
    """Compare as the tables' collation does: neither case nor trailing spaces matter."""
    return str(one).rstrip(" ").lower() == str(other).rstrip(" ").lower()


class MemoryStore:
    """One engine's view of the rows; `seen_by` gives another engine's view of the same rows.

    `fail` makes every method raise, or only those in `fail_in`; what concerns a call in `poison` is
    refused for good; a method in `held` waits for its event first (then it is in `waiting`); `done` is told
    of each method that took effect.
    """

    def __init__(self, owner: str = "test") -> None:
        self.owner = owner
        self.dialers: dict[str, Row] = {}
        self.queues: dict[str, Row] = {}
        self.lists: list[Row] = []
        self.spool: dict[int, Row] = {}
        self.attempts: dict[str, Row] = {}
        self.cdr: list[CdrRow] = []
        self.queue_log: list[QueueLogRow] = []
        self.black_list: set[tuple[str, str]] = set()
        self.black_list_schedule: list[tuple[str, datetime]] = []
        self.black_list_history: list[str] = []
        self.reports: dict[str, CampaignReport] = {}
        self.calls: Counter[str] = Counter()
        self.fail: StoreError | None = None
        self.fail_in: frozenset[str] = frozenset()
        self.poison: set[str] = set()
        self.held: dict[str, asyncio.Event] = {}
        self.waiting: set[str] = set()
        self.done: Callable[[str], None] = lambda method: None
        self.batches: dict[str, str] = {}
        self.leases: dict[str, datetime] = {}
        self._numbers = itertools.count(1)

    def seen_by(self, owner: str) -> MemoryStore:
        """Return another engine's view: the rows are shared, the switches are not."""
        other = copy.copy(self)
        other.owner = owner
        return other

    def add_dialer(self, campaign: str, **columns: Any) -> None:
        """Insert a queue row and an enabled dialer with its one list L1."""
        self.queues[campaign] = {"name": campaign, "queue_timeout": 5, "wrapuptime": 0}
        self.dialers[campaign] = {
            "campaign": campaign, "schedule": "sun-sat;00:00-23:59", "dialertype": "PowerDialer",
            "status": 1, "dialstring": "SIP/CARRIER/", "context": "PowerDialer", "exten": "${EXTEN}",
            "am": 0, "sound": "", "maxchannels": 30, "variables": "", "timeout": 3,
            "callerid": "18885550100", "retries": 0, "tbc": -100, "dncr": 1, "tbc_nocontact": 0,
            **columns,
        }  # fmt: skip
        self.lists.append({"campaign": campaign, "name": "L1", "active": 1, "percentage": None})

    def add_contact(self, **columns: Any) -> int:
        """Insert a spool row; return its id."""
        number = next(self._numbers)
        self.spool[number] = {
            "id": number, "campaign": "", "destination": "", "status": 1, "data": "", "alternatives": "",
            "contact": "", "dialerbase": "", "priority": 9999, "agentphone": "", "retries": 0,
            "notbefore": None, "shuffle": random.random(), "reason": "", **columns,
        }  # fmt: skip
        return number

    async def _begin(self, method: str) -> None:
        await asyncio.sleep(0)
        if method in self.held:
            self.waiting.add(method)
            await self.held[method].wait()
            self.waiting.discard(method)
        self.calls[method] += 1
        if self.fail is not None and (not self.fail_in or method in self.fail_in):
            raise self.fail

    async def check_schema(self) -> None:
        await self._begin("check_schema")

    async def settings(self) -> SettingsRows:
        await self._begin("settings")
        lists = tuple(dict(row) for row in self.lists if row["active"])
        queues = tuple(dict(row) for row in self.queues.values())
        return SettingsRows(tuple(dict(row) for row in self.dialers.values()), lists, queues)

    async def claim(self, request: ClaimRequest) -> ClaimResult:
        await self._begin("claim")
        blocked = held = broken = 0
        attempts = []
        for row in self._select(request):
            if any(a["spool_id"] == row["id"] and a["state"] != "ended" for a in self.attempts.values()):
                row.update(status=0)
                broken += 1
                continue
            try:
                contact = read_contact(row)
            except FieldError as error:
                row.update(status=2, reason=str(error)[:255])
                broken += 1
                continue
            if request.check_black_list and self._black_listed(contact.phone.number, request):
                row.update(status=3, reason="the number is on the black list")
                self.black_list_history.append(contact.phone.number)
                blocked += 1
                continue
            until = self._held_until(contact.phone.number, request) if request.check_black_list else None
            if until is not None:
                ahead = request.local_now - request.now.replace(tzinfo=None)
                row.update(notbefore=until - ahead, reason="the number is on the temporary black list")
                self.black_list_history.append(contact.phone.number)
                held += 1
                continue
            row.update(status=0, reason="")
            attempt = Attempt(attempt_id(next(self._numbers), 0), contact, request.now)
            self.attempts[attempt.id] = self._attempt_row(attempt, request)
            attempts.append(attempt)
        self.done("claim")
        return ClaimResult(tuple(attempts), blocked=blocked, held=held, set_aside=broken)

    def _select(self, request: ClaimRequest) -> list[Row]:
        """Tasks first by id, then each slot its list, then any list for what is left."""
        now = naive(request.now)
        ready = [r for r in self.spool.values() if same(r["campaign"], request.campaign) and r["status"] == 1]
        for row in ready:
            if row["notbefore"] is not None and now is not None and row["notbefore"] <= now:
                row["notbefore"] = None
        picked: dict[int, Row] = {}

        def take(name: str, limit: int) -> None:
            rows = [
                r
                for r in ready
                if r["notbefore"] is None and r["id"] not in picked and same(r["dialerbase"], name)
            ]
            rows.sort(key=lambda r: (r["priority"], r["shuffle"]) if name else (r["id"], 0))
            picked.update((row["id"], row) for row in rows[: max(limit, 0)])

        take("", request.limit)
        for slot in request.slots[: request.limit - len(picked)]:
            take(slot, 1)
        for name in request.lists:
            take(name, request.limit - len(picked))
        return list(picked.values())

    def _black_listed(self, number: str, request: ClaimRequest) -> bool:
        return any(
            digits(phone) == digits(number) and (campaign == "*" or same(campaign, request.campaign))
            for phone, campaign in self.black_list
        )

    def _held_until(self, number: str, request: ClaimRequest) -> datetime | None:
        ends = [u for p, u in self.black_list_schedule if digits(p) == digits(number)]
        return max((until for until in ends if until > request.local_now), default=None)

    def _attempt_row(self, attempt: Attempt, request: ClaimRequest) -> Row:
        contact = attempt.contact
        return {
            "id": attempt.id, "campaign": request.campaign, "spool_id": contact.id,
            "destination": contact.phone.number, "contact": contact.reference,
            "dialerbase": contact.list_name, "attempt": contact.retries + 1, "owner": self.owner,
            "lease_until": naive(request.lease_until), "state": "claimed", "claimed_at": naive(request.now),
            "sent_at": None, "ringing_at": None, "answered_at": None, "connected_at": None,
            "ended_at": None, "outcome": None, "cause": None, "sip": None, "agent": "", "next_step": "",
            "note": "",
        }  # fmt: skip

    async def mark_sent(self, attempts: Sequence[Attempt], at: datetime) -> frozenset[AttemptId]:
        await self._begin("mark_sent")
        ours = {a.id: self.attempts[a.id] for a in attempts if self.attempts[a.id]["owner"] == self.owner}
        for row in ours.values():
            if row["state"] == "claimed":
                row.update(state="sent", sent_at=naive(at))
        self.done("mark_sent")
        return frozenset(attempt for attempt, row in ours.items() if row["state"] == "sent")

    async def release(self, attempts: Sequence[Attempt], at: datetime) -> None:
        await self._begin("release")
        for attempt in attempts:
            row = self.attempts[attempt.id]
            if row["state"] == "ended" or row["owner"] != self.owner:
                continue
            row.update(state="ended", ended_at=naive(at), outcome="cancelled", next_step="released")
            self._move(attempt.contact.id)
        self.done("release")

    async def release_claimed(self, campaign: CampaignName, at: datetime) -> None:
        await self._begin("release_claimed")
        for row in self.attempts.values():
            if (row["state"], row["owner"], row["campaign"]) == ("claimed", self.owner, campaign):
                row.update(state="ended", ended_at=naive(at), outcome="cancelled", next_step="released")
                self._move(row["spool_id"])
        self.done("release_claimed")

    async def record(self, records: Records) -> None:
        await self._begin("record")
        about = {call.attempt.id for call in records.progress} | {row.call for row in records.queue_log}
        about |= {finished.call.attempt.id for finished in records.finished}
        if about & self.poison:
            raise StoreError("1406: data too long", data=True)
        if self.batches.get(self.owner) == records.batch:
            return
        self.batches[self.owner] = records.batch
        for call in records.progress:
            row = self.attempts.get(call.attempt.id)
            if row is not None and row["state"] != "ended":
                state = State.RINGING if call.state is State.FAILING else call.state
                row.update(_facts(call), state=str(state))
        self.queue_log += records.queue_log
        for finished in records.finished:
            if self._end(finished):
                self.queue_log += finished.queue_log
                self.cdr.append(finished.cdr)
        self.done("record")

    def _end(self, finished: Finished) -> bool:
        call, step = finished.call, finished.step
        row = self.attempts.get(call.attempt.id)
        if row is None or row["state"] == "ended":
            return False
        row.update(_facts(call), state="ended", ended_at=naive(call.ended_at), outcome=call.outcome)
        row.update(cause=call.cause, sip=call.sip, next_step=str(step.step), note=call.note)
        if step.step is Step.FINISHED:
            if self.spool.get(call.attempt.contact.id, {}).get("status") == 0:
                del self.spool[call.attempt.contact.id]
        else:
            self._move(
                call.attempt.contact.id,
                destination=step.phone.entry(),
                alternatives=join_alternatives(step.alternatives),
                retries=step.retries,
                notbefore=naive(step.not_before),
                reason=call.note if step.step in (Step.AGAIN, Step.ASIDE) else "",
            )
            if step.step is Step.ASIDE and call.attempt.contact.id in self.spool:
                self.spool[call.attempt.contact.id]["status"] = 2
        return True

    def _move(self, spool_id: int, **columns: Any) -> None:
        """Back to ready; only a row in progress moves."""
        row = self.spool.get(spool_id)
        if row is not None and row["status"] == 0:
            row.update(columns, status=1)

    async def open_attempts(self, now: datetime, *, own: bool) -> tuple[OpenAttempt, ...]:
        await self._begin("open_attempts")
        moment = now.astimezone(UTC).replace(tzinfo=None)
        left = []
        for row in self.attempts.values():
            mine = row["owner"] == self.owner
            lease = max(row["lease_until"], self.leases.get(row["owner"], row["lease_until"]))
            if row["state"] != "ended" and (own if mine else lease < moment):
                row["owner"] = self.owner
                left.append(self._open(row))
        return tuple(left)

    def _open(self, row: Row) -> OpenAttempt:
        def aware(at: datetime | None) -> datetime | None:
            return None if at is None else at.replace(tzinfo=UTC)

        return OpenAttempt(
            AttemptId(row["id"]), CampaignName(row["campaign"]), row["state"], self._contact(row),
            row["claimed_at"].replace(tzinfo=UTC), aware(row["sent_at"]), aware(row["ringing_at"]),
            aware(row["answered_at"]), aware(row.get("queued_at")), aware(row["connected_at"]), row["agent"],
        )  # fmt: skip

    def _contact(self, row: Row) -> Contact:
        if row["spool_id"] in self.spool:
            return read_contact(self.spool[row["spool_id"]])
        return Contact(
            SpoolId(row["spool_id"]), CampaignName(row["campaign"]), Phone(row["destination"]), (), "",
            row["contact"], row["dialerbase"], 9999, "", max(row["attempt"] - 1, 0),
        )  # fmt: skip

    async def still_ours(self, attempts: Sequence[Attempt]) -> frozenset[AttemptId]:
        await self._begin("still_ours")
        rows = (self.attempts[attempt.id] for attempt in attempts)
        return frozenset(r["id"] for r in rows if r["owner"] == self.owner and r["state"] != "ended")

    async def renew(self, lease_until: datetime) -> None:
        await self._begin("renew")
        moment = naive(lease_until)
        assert moment is not None
        self.leases[self.owner] = moment

    async def publish(self, reports: Sequence[CampaignReport], now: datetime) -> None:
        await self._begin("publish")
        self.reports.update((report.campaign, report) for report in reports)
        self.done("publish")


def digits(phone: str) -> str:
    """Return a phone without type, layout and +."""
    return "".join(mark for mark in phone.rpartition("=")[2] if mark not in " -()./+")


def _facts(call: Call) -> Row:
    return {
        "ringing_at": naive(call.ringing_at),
        "answered_at": naive(call.answered_at),
        "queued_at": naive(call.queued_at),
        "connected_at": naive(call.connected_at),
        "agent": call.agent,
    }

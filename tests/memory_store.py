"""The Store port in memory: the rows that MysqlStore keeps in tables are dictionaries here."""

from __future__ import annotations

import asyncio
import copy
import itertools
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from engine.domain.callerid import key
from engine.domain.entries import AgentAct, Ending, Entry, Heard, OptOut, Progress, attempt_of
from engine.domain.errors import FieldError
from engine.domain.model import Attempt, AttemptId, CampaignName, Contact, SpoolId, attempt_id
from engine.domain.orders import ManualCall, read_order
from engine.domain.pacing import DayTotals, Profile, Since
from engine.domain.phones import Phone, join_alternatives
from engine.domain.records import CdrRow, QueueLogRow
from engine.domain.rules import Step
from engine.domain.settings import SettingsRows, read_contact
from engine.ports import (
    Batch,
    CampaignReport,
    ClaimRequest,
    ClaimResult,
    FencedError,
    LeaseState,
    OpenAttempt,
    StoreError,
    TakenOrder,
)
from engine.ports.watch import SmallCounts, SpoolChunk, SpoolCount
from tests.memory_caller_ids import MemoryCallerIds

Row = dict[str, Any]


def naive(at: datetime | None) -> datetime | None:
    """Return UTC without a zone: what our own DATETIME columns hold."""
    return None if at is None else at.astimezone(UTC).replace(tzinfo=None)


def same(one: object, other: object) -> bool:
    """Compare as the tables' collation does: neither case nor trailing spaces matter."""
    return str(one).rstrip(" ").lower() == str(other).rstrip(" ").lower()


def task_order(row: Row) -> tuple[Any, ...]:
    """Among the tasks scheduled calls (priority 1) come first, oldest first; then whoever came first."""
    return (0, row["shuffle"]) if row["priority"] == 1 else (1, row["id"])


class MemoryStore(MemoryCallerIds):
    """One engine's view of the rows; `seen_by` gives another engine's view of the same rows.

    `fail` makes every method raise, or only those in `fail_in`; what concerns a call in `poison` is
    refused for good; a method in `held` waits for its event first (then it is in `waiting`); `done` is told
    of each method that took effect.
    """

    def __init__(self, owner: str = "test", monotonic: Callable[[], float] = time.monotonic) -> None:
        self.owner = owner
        self.fence = 0
        self.monotonic = monotonic
        self.dialers: dict[str, Row] = {}
        self.queues: dict[str, Row] = {}
        self.lists: list[Row] = []
        self.trunks: list[Row] = []
        self.options: list[Row] = []
        self.agent_options: list[Row] = []
        self.agent_acts: list[AgentAct] = []
        self.orders: dict[int, Row] = {}
        self.heard: list[Heard] = []
        self.broadcast: list[Row] = []
        self.drains: list[Row] = []
        self.spool: dict[int, Row] = {}
        self.attempts: dict[str, Row] = {}
        self.cdr: list[CdrRow] = []
        self.queue_log: list[QueueLogRow] = []
        self.black_list: set[tuple[str, str]] = set()
        self.black_list_schedule: list[tuple[str, datetime]] = []
        self.black_list_history: list[str] = []
        self.caller_id_rows: list[Row] = []
        self.caller_id_state: dict[str, Row] = {}
        #: What the next recycling finds to do: campaign → contacts.
        self.recyclable: dict[str, int] = {}
        self.reports: dict[str, CampaignReport] = {}
        self.calls: Counter[str] = Counter()
        self.fail: StoreError | None = None
        self.fail_in: frozenset[str] = frozenset()
        self.poison: set[str] = set()
        self.held: dict[str, asyncio.Event] = {}
        self.waiting: set[str] = set()
        self.done: Callable[[str], None] = lambda method: None
        self.journals: dict[str, int] = {}
        self.lease: Row = {"owner": "", "process": "", "token": 0, "until": float("-inf")}
        self._numbers = itertools.count(1)

    def seen_by(self, owner: str) -> MemoryStore:
        """Return another engine's view: the rows are shared, the switches are not."""
        other = copy.copy(self)
        other.owner = owner
        other.fence = 0
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

    @property
    def fault(self) -> str:
        return str(self.fail) if self.fail is not None and not self.fail_in else ""

    async def count_spool(self, now: datetime, after: int, limit: int) -> SpoolChunk:
        await self._begin("count_spool")
        ids = sorted(number for number in self.spool if number > after)[:limit]
        found: Counter[tuple[str, str, str]] = Counter()
        for number in ids:
            row = self.spool[number]
            waits = row["notbefore"] is not None and row["notbefore"] > naive(now)
            known = {0: "in_progress", 2: "set_aside", 3: "blocked"}
            state = known.get(row["status"], "waiting" if waits else "ready")
            found[row["campaign"], state, row.get("held_by", "")] += 1
        counts = tuple(SpoolCount(*key, count) for key, count in found.items())
        return SpoolChunk(counts, ids[-1] if ids else after, len(ids) == limit)

    async def count_small(self, now: datetime) -> SmallCounts:
        await self._begin("count_small")
        return SmallCounts(sum(row["status"] == "new" for row in self.orders.values()), 0.0)

    async def check_schema(self) -> None:
        await self._begin("check_schema")

    async def settings(self) -> SettingsRows:
        await self._begin("settings")
        lists = tuple(dict(row) for row in self.lists if row["active"])
        queues = tuple(dict(row) for row in self.queues.values())
        trunks = tuple(dict(row) for row in self.trunks)
        return SettingsRows(
            tuple(dict(row) for row in self.dialers.values()),
            lists,
            queues,
            trunks,
            tuple(self.options),
            tuple(self.agent_options),
            tuple(self.broadcast),
            *self._steered(),
            tuple(self.drains),
        )

    async def claim(self, request: ClaimRequest) -> ClaimResult:
        await self._begin("claim")
        self._check_lease()
        blocked = held = broken = 0
        attempts = []
        for row in self._select(request):
            if any(a["spool_id"] == row["id"] and a["state"] != "ended" for a in self.attempts.values()):
                row.update(status=0)
                broken += 1
                continue
            if self._is_double(row, ("", *request.lists)):
                row.update(status=2, reason="the number is in the spool already")
                broken += 1
                continue
            try:
                contact = read_contact(row)
            except FieldError as error:
                row.update(status=2, reason=str(error)[:255])
                broken += 1
                continue
            phones = (contact.phone, *contact.alternatives)
            free = [p for p in phones if not self._black_listed(p.number, request)]
            if request.check_black_list and contact.phone not in free:
                # What comes before the first free number is left out; without one all are blocked.
                listed = phones[: phones.index(free[0])] if free else phones
                self.black_list_history += [phone.number for phone in listed]
                if not free:
                    row.update(status=3, reason="the number is on the black list")
                    blocked += 1
                    continue
                contact = replace(contact, phone=free[0], alternatives=phones[len(listed) + 1 :], retries=0)
                row.update(
                    destination=free[0].entry(),
                    alternatives=join_alternatives(contact.alternatives),
                    retries=0,
                )
            until = self._held_until(contact.phone.number, request) if request.check_black_list else None
            if until is not None:
                row.update(notbefore=until, reason="the number is on the temporary black list")
                self.black_list_history.append(contact.phone.number)
                held += 1
                continue
            row.update(status=0, reason="")
            attempt = Attempt(attempt_id(next(self._numbers), 0), contact, request.now)
            self.attempts[attempt.id] = self._attempt_row(attempt, request)
            attempts.append(attempt)
        self.done("claim")
        return ClaimResult(tuple(attempts), blocked=blocked, held=held, set_aside=broken)

    def _is_double(self, row: Row, served: Sequence[str]) -> bool:
        """Is the number being called, or does an earlier row with it wait in a list that is served?"""

        def number(one: Row) -> str:
            return digits(str(one["destination"]).rpartition("=")[2])

        return any(
            other["id"] != row["id"]
            and same(other["campaign"], row["campaign"])
            and number(other) == number(row)
            and not (row["contact"] and other["contact"] and row["contact"] != other["contact"])
            and (
                other["status"] == 0
                or (
                    other["status"] == 1
                    and other["id"] < row["id"]
                    and any(same(other["dialerbase"], name) for name in served)
                )
            )
            for other in self.spool.values()
        )

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
            # Among the tasks scheduled calls (priority 1) come first, then whoever came first.
            rows.sort(key=lambda r: (r["priority"], r["shuffle"]) if name else task_order(r))
            picked.update((row["id"], row) for row in rows[: max(limit, 0)])

        if request.agents:
            return self._select_for_agents(request, ready)
        if request.free is not None:
            bound = [
                row for row in ready if row["priority"] == 1 and not row["dialerbase"] and row["agentphone"]
            ]
            ready = [row for row in ready if row not in bound]
            for names in request.free:
                own = [
                    r for r in bound if any(same(r["agentphone"], n) for n in names) and not r["notbefore"]
                ]
                own.sort(key=lambda row: row["shuffle"])
                picked.update((row["id"], row) for row in own[:1] if len(picked) < request.limit)
        take("", request.limit - len(picked))
        for slot in request.slots[: request.limit - len(picked)]:
            take(slot, 1)
        for name in request.lists:
            take(name, request.limit - len(picked))
        return list(picked.values())

    def _select_for_agents(self, request: ClaimRequest, ready: list[Row]) -> list[Row]:
        """For each agent what is scheduled, his own row, or one that is nobody's; tasks first, then his
        slot's list."""
        picked: list[Row] = []
        slots = iter(request.slots)
        for names in request.agents:
            lists = ["", next(slots, ""), *request.lists]

            def place(row: Row, lists: list[str] = lists) -> tuple[Any, ...]:
                number = [same(row["dialerbase"], name) for name in lists].index(True)
                scheduled = number == 0 and row["priority"] == 1
                return (not scheduled, not row["agentphone"], number, row["priority"], row["shuffle"])

            fitting = [
                row
                for row in ready
                if row not in picked
                and row["notbefore"] is None
                and any(same(row["dialerbase"], name) for name in lists)
                and (not row["agentphone"] or any(same(row["agentphone"], name) for name in names))
            ]
            picked += sorted(fitting, key=place)[:1]
        return picked

    def _black_listed(self, number: str, request: ClaimRequest) -> bool:
        return any(
            digits(phone) == digits(number) and (campaign == "*" or same(campaign, request.campaign))
            for phone, campaign in self.black_list
        )

    def _held_until(self, number: str, request: ClaimRequest) -> datetime | None:
        ends = [u for p, u in self.black_list_schedule if digits(p) == digits(number)]
        return max((until for until in ends if until > request.now.replace(tzinfo=None)), default=None)

    def _attempt_row(self, attempt: Attempt, request: ClaimRequest) -> Row:
        contact = attempt.contact
        return {
            "id": attempt.id, "campaign": request.campaign, "spool_id": contact.id,
            "destination": contact.phone.number, "contact": contact.reference,
            "dialerbase": contact.list_name, "attempt": contact.retries + 1, "owner": self.owner,
            "fence": self.fence, "state": "claimed", "claimed_at": naive(request.now),
            "sent_at": None, "ringing_at": None, "answered_at": None, "connected_at": None,
            "ended_at": None, "outcome": None, "cause": None, "sip": None, "agent": "", "next_step": "",
            "note": "", "caller_id": "",
        }  # fmt: skip

    def _check_lease(self) -> None:
        if self.lease["token"] not in (0, self.fence):
            raise FencedError(f"{self.lease['owner']} has taken over")

    def add_order(self, kind: str, **columns: Any) -> int:
        """Insert an order; return its id."""
        number = next(self._numbers)
        empty = dict.fromkeys(
            ("campaign", "agent", "phone", "context", "exten", "callerid", "destination", "attempt", "act"),
            "",
        )
        self.orders[number] = {
            **empty, "id": number, "kind": kind, "tech": "SIP", "reason": "", "variables": None,
            "status": "new", "result": "", "guid": "", **columns,
        }  # fmt: skip
        return number

    async def take_orders(self, now: datetime) -> tuple[TakenOrder, ...]:
        await self._begin("take_orders")
        self._check_lease()
        taken = []
        for row in self.orders.values():
            if row["status"] != "new":
                continue
            try:
                order = read_order(row)
                attempt = None
                if isinstance(order, ManualCall):
                    order = order.with_options(self._options_of(order.dialer.name))
                    number, name = order.contact.phone.number, order.dialer.name
                    request = ClaimRequest(name, 1, (), (), True, now)
                    if self._black_listed(number, request) or self._held_until(number, request):
                        raise FieldError("destination", "the number is on the black list", "Call another.")
                    attempt = Attempt(attempt_id(next(self._numbers), 0), order.contact, now, order.desk)
                    self.attempts[attempt.id] = self._attempt_row(attempt, request)
            except FieldError as error:
                row.update(status="failed", result=str(error))
                continue
            row.update(status="taken", guid=attempt.id if attempt else "")
            taken.append(TakenOrder(row["id"], order, attempt))
        self.done("take_orders")
        return tuple(taken)

    def _options_of(self, campaign: str) -> Row | None:
        return next((row for row in self.options if row["campaign"].lower() == campaign.lower()), None)

    async def give_up_orders(self) -> int:
        await self._begin("give_up_orders")
        self._check_lease()
        left = [row for row in self.orders.values() if row["status"] == "taken"]
        for row in left:
            row.update(status="failed", result="the engine that took it is gone")
        return len(left)

    async def finish_order(self, order: int, fault: str) -> None:
        await self._begin("finish_order")
        self.orders[order].update(status="failed" if fault else "done", result=fault)

    async def held_back(
        self, attempt: Attempt, campaign: CampaignName, check_black_list: bool, now: datetime
    ) -> str:
        await self._begin("held_back")
        number, request = (
            attempt.contact.phone.number,
            ClaimRequest(campaign, 1, (), (), check_black_list, now),
        )
        listed = self._black_listed(number, request) or self._held_until(number, request)
        return "the number is on the black list" if check_black_list and listed else ""

    async def mark_sent(self, attempts: Sequence[Attempt], at: datetime) -> frozenset[AttemptId]:
        await self._begin("mark_sent")
        self._check_lease()
        ours = {a.id: self.attempts[a.id] for a in attempts if self.attempts[a.id]["fence"] == self.fence}
        shown = {attempt.id: key(attempt.caller_id) for attempt in attempts}
        for attempt in attempts:
            if attempt.id in ours and attempt.desk is not None:
                ours[attempt.id]["agent"] = attempt.desk.name
        for attempt, row in ours.items():
            if row["state"] in ("claimed", "offered", "held"):
                row.update(state="sent", sent_at=naive(at), caller_id=shown[attempt])
        self.done("mark_sent")
        return frozenset(attempt for attempt, row in ours.items() if row["state"] == "sent")

    async def release(self, attempts: Sequence[Attempt], at: datetime) -> None:
        await self._begin("release")
        for attempt in attempts:
            self._free(self.attempts[attempt.id], at)
        self.done("release")

    def _free(self, row: Row, at: datetime) -> bool:
        if row["state"] == "ended" or row["fence"] != self.fence:
            return False
        row.update(state="ended", ended_at=naive(at), outcome="cancelled", next_step="released")
        self._move(row["spool_id"])
        return True

    async def release_claimed(self, campaign: CampaignName, at: datetime) -> None:
        await self._begin("release_claimed")
        for row in self.attempts.values():
            if (row["state"], row["campaign"]) == ("claimed", campaign):
                self._free(row, at)
        self.done("release_claimed")

    async def release_forgotten(self, before: datetime, at: datetime) -> int:
        await self._begin("release_forgotten")
        moment = naive(before)
        assert moment is not None
        old = [r for r in self.attempts.values() if r["state"] == "claimed" and r["claimed_at"] < moment]
        return sum(self._free(row, at) for row in old)

    async def record(self, batch: Batch) -> None:
        await self._begin("record")
        if any(attempt_of(written.entry) in self.poison for written in batch.entries):
            raise StoreError("1406: data too long", data=True)
        position = self.journals.get(batch.journal, 0)
        for written in batch.entries:
            if written.number > position:
                self._record(written.entry, written.fence)
        self.journals[batch.journal] = max(position, batch.last)
        self.done("record")

    def _record(self, entry: Entry, fence: int) -> None:
        row = self.attempts.get(attempt_of(entry))
        late = row is not None and fence < row["fence"]
        match entry:
            case Progress():
                early = row is not None and row["sent_at"] and entry.state in ("offered", "held")
                if row is not None and row["state"] != "ended" and not late and not early:
                    row.update(_facts(entry), state=entry.state)
            case AgentAct():
                self.agent_acts.append(entry)
            case Heard():
                self.heard.append(entry)
            case OptOut():
                self.black_list.add((entry.phone, "*"))
            case QueueLogRow():
                self._log(entry, row)
            case Ending():
                self._record_end(entry, row, late)

    def _log(self, entry: QueueLogRow, attempt: Row | None) -> None:
        def same_thing(other: QueueLogRow) -> bool:
            one = (entry.call, entry.queue, entry.agent, entry.event)
            close = entry.event != "RINGNOANSWER" or abs((other.at - entry.at).total_seconds()) <= 5
            return close and one == (other.call, other.queue, other.agent, other.event)

        told_by_two = attempt is not None and attempt.get("taken_over")
        if not (told_by_two and any(same_thing(other) for other in self.queue_log)):
            self.queue_log.append(entry)

    def _record_end(self, end: Ending, row: Row | None, late: bool) -> None:
        if row is None or (late and end.outcome == "unknown"):
            return
        if row["state"] == "ended":
            if not (late and row["outcome"] == "unknown"):
                return
            self.cdr[:] = [cdr for cdr in self.cdr if cdr.guid != end.attempt]
            outcalls = [r for r in self.queue_log if r.call == end.attempt and r.event == "OUTCALL"]
            for outcall in outcalls:
                self.queue_log.remove(outcall)
            own = list(self.attempts).index(end.attempt)
            later = [a for a in list(self.attempts.values())[own + 1 :] if a["spool_id"] == end.spool_id]
            expected = None if later else 1
        else:
            expected = 0
        row.update(_facts(end), state="ended", ended_at=naive(end.ended_at), outcome=end.outcome)
        row.update(cause=end.cause, sip=end.sip, next_step=str(end.step), note=end.note)
        self.cdr += [end.cdr] if end.cdr else []
        for item in end.queue_log:
            self._log(item, row)
        spool = self.spool.get(end.spool_id)
        if spool is None or spool["status"] != expected:
            return
        if end.step is Step.FINISHED:
            del self.spool[end.spool_id]
            return
        spool.update(
            status=2 if end.step is Step.ASIDE else 1,
            destination=end.destination,
            alternatives=end.alternatives,
            retries=end.retries,
            notbefore=naive(end.not_before),
            reason=end.reason,
        )

    def _move(self, spool_id: int, **columns: Any) -> None:
        """Back to ready; only a row in progress moves."""
        row = self.spool.get(spool_id)
        if row is not None and row["status"] == 0:
            row.update(columns, status=1)

    async def strays(self) -> frozenset[AttemptId]:
        await self._begin("strays")
        open_ones = (row for row in self.attempts.values() if row["state"] != "ended")
        return frozenset(row["id"] for row in open_ones if row["fence"] < self.fence)

    async def take_over(self, attempts: frozenset[AttemptId]) -> tuple[OpenAttempt, ...]:
        await self._begin("take_over")
        self._check_lease()
        left = []
        for row in (self.attempts[attempt] for attempt in sorted(attempts)):
            if row["state"] != "ended":
                row.update(owner=self.owner, fence=max(row["fence"], self.fence), taken_over=True)
                left.append(self._open(row))
        self.done("take_over")
        return tuple(left)

    async def ended(self, attempts: frozenset[AttemptId]) -> frozenset[AttemptId]:
        await self._begin("ended")
        known = (self.attempts[attempt] for attempt in attempts if attempt in self.attempts)
        return frozenset(row["id"] for row in known if row["state"] == "ended")

    async def take_lease(self, process: str, length: timedelta, dead: str = "") -> LeaseState:
        await self._begin("take_lease")
        now, lease = self.monotonic(), self.lease
        ours = lease["until"] < now or lease["process"] == process or (dead and lease["process"] == dead)
        if ours:
            lease.update(owner=self.owner, process=process, token=lease["token"] + 1)
            lease.update(until=now + length.total_seconds())
            self.fence = lease["token"]
        self.done("take_lease")
        return LeaseState(lease["token"], bool(ours), lease["owner"], lease["process"])

    async def renew_lease(self, length: timedelta) -> bool:
        await self._begin("renew_lease")
        if self.lease["token"] != self.fence:
            return False
        self.lease["until"] = self.monotonic() + length.total_seconds()
        return True

    async def end_lease(self) -> None:
        await self._begin("end_lease")
        if self.lease["token"] == self.fence:
            self.lease["until"] = self.monotonic() - 1

    async def forget_journal(self, journal: str) -> None:
        await self._begin("forget_journal")
        self.journals.pop(journal, None)

    def _open(self, row: Row) -> OpenAttempt:
        def aware(at: datetime | None) -> datetime | None:
            return None if at is None else at.replace(tzinfo=UTC)

        return OpenAttempt(
            AttemptId(row["id"]), CampaignName(row["campaign"]), row["state"], self._contact(row),
            row["claimed_at"].replace(tzinfo=UTC), aware(row["sent_at"]), aware(row["ringing_at"]),
            aware(row["answered_at"]), aware(row.get("queued_at")), aware(row["connected_at"]), row["agent"],
            row["caller_id"],
        )  # fmt: skip

    def _contact(self, row: Row) -> Contact:
        if row["spool_id"] in self.spool:
            return read_contact(self.spool[row["spool_id"]])
        return Contact(
            SpoolId(row["spool_id"]), CampaignName(row["campaign"]), Phone(row["destination"]), (), "",
            row["contact"], row["dialerbase"], 9999, "", max(row["attempt"] - 1, 0),
        )  # fmt: skip

    async def day_totals(
        self, campaign: CampaignName, today: date, profile: Profile
    ) -> tuple[DayTotals, ...]:
        await self._begin("day_totals")
        found = []
        for day in (today - timedelta(days=back) for back in range(profile.window_days)):
            rows = [
                row
                for row in self.attempts.values()
                if row["campaign"] == campaign and row["claimed_at"].date() == day
            ]
            answered = [row for row in rows if row["outcome"] in ("answered", "abandoned")]
            lost = [
                row
                for row in answered
                if row["outcome"] == "abandoned"
                or row["connected_at"] - _counted_from(row, profile) > timedelta(seconds=profile.seconds)
            ]
            machines = sum(row["outcome"] == "machine" for row in rows)
            if answered or machines:
                found.append(DayTotals(day, len(answered), len(lost), machines))
        return tuple(found)

    async def recycle_due(self, now: datetime) -> dict[str, int]:
        await self._begin("recycle_due")
        self._check_lease()
        due, self.recyclable = self.recyclable, {}
        self.done("recycle_due")
        return due

    async def publish(self, reports: Sequence[CampaignReport], now: datetime) -> None:
        await self._begin("publish")
        self.reports.update((report.campaign, report) for report in reports)
        self.done("publish")


def _counted_from(row: Row, profile: Profile) -> datetime:
    greeted = row.get("queued_at") if profile.since is Since.GREETING else None
    return greeted or row["answered_at"]


def digits(phone: str) -> str:
    """Return a phone without type, layout and +."""
    return "".join(mark for mark in phone.rpartition("=")[2] if mark not in " -()./+")


def _facts(entry: Progress | Ending) -> Row:
    facts = {
        "ringing_at": naive(entry.ringing_at),
        "answered_at": naive(entry.answered_at),
        "connected_at": naive(entry.connected_at),
        "agent": entry.agent,
    }
    known = isinstance(entry, Progress) or entry.queued_at is not None
    return facts | ({"queued_at": naive(entry.queued_at)} if known else {})

"""The Store port over MySQL: settings, endings, what campaigns are doing. The claim has its own file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from engine.adapters.legal import Legal
from engine.adapters.mysql import callerids, counting, lease, migrate, orders, recycling
from engine.adapters.mysql.claim import Claimant, claim_contacts, still_held
from engine.adapters.mysql.database import Database, Session, utc
from engine.adapters.mysql.outbox import Subscriptions, budget_warning
from engine.adapters.mysql.record import write_batch
from engine.domain.callerid import key
from engine.domain.callerid_health import Result
from engine.domain.errors import FieldError
from engine.domain.localtime import LocalTime
from engine.domain.model import Attempt, AttemptId, CampaignName, Contact, SpoolId
from engine.domain.pacing import DayTotals, Decision, Profile, Since
from engine.domain.phones import Phone
from engine.domain.settings import SettingsRows, read_contact
from engine.ports import (
    DECISIONS_KEPT,
    Batch,
    CampaignReport,
    ClaimRequest,
    ClaimResult,
    LeaseState,
    OpenAttempt,
    TakenOrder,
)
from engine.ports.callerids import CallerIdFigures, CallerIdRecord, CallerIdRest
from engine.ports.watch import SmallCounts, SpoolChunk

#: Unfinished attempts of other terms. Every state but the last is named, so that the index serves.
STRAYS = (
    "SELECT id FROM ccdata.attempts FORCE INDEX (attempts_open) WHERE state IN ('claimed', 'offered',"
    " 'held', 'sent', 'ringing', 'answered', 'queued', 'connected', 'completed') AND fence < %s"
)
#: A day of a campaign: answered by a person, abandoned as the law counts it, taken for machines.
TOTALS = (
    "SELECT SUM(outcome IN ('answered', 'abandoned')) AS answered,"
    " SUM(outcome = 'abandoned' OR (outcome = 'answered'"
    " AND TIMESTAMPDIFF(MICROSECOND, IF(%s, COALESCE(queued_at, answered_at), answered_at), connected_at)"
    " > %s)) AS abandoned,"
    " SUM(outcome = 'machine') AS machines FROM ccdata.attempts FORCE INDEX (attempts_campaign)"
    " WHERE campaign = %s AND claimed_at >= %s AND claimed_at < %s"
)
#: So many attempts change hands in one transaction.
_MANY = 500


class MysqlStore:
    """One engine's view of the database. `owner` names the engine in leases and reports."""

    def __init__(
        self,
        database: Database,
        owner: str,
        local: LocalTime,
        new_id: Callable[[], AttemptId],
        legal: Legal | None = None,
    ) -> None:
        self.database = database
        self._legal = legal or Legal(local=local.zone)
        self.owner = owner
        self._local = local
        self._new_id = new_id
        self._fence = 0
        self._subscriptions = Subscriptions()
        self._steered = callerids.Steered()

    @property
    def fault(self) -> str:
        return self.database.fault

    async def count_spool(self, now: datetime, after: int, limit: int) -> SpoolChunk:
        return await self.database.transaction(lambda session: counting.spool(session, now, after, limit))

    async def count_small(self, now: datetime) -> SmallCounts:
        return await self.database.transaction(lambda session: counting.small(session, now))

    async def check_schema(self) -> None:
        await migrate.check(self.database)

    async def settings(self) -> SettingsRows:
        async def work(session: Session) -> SettingsRows:
            return SettingsRows(
                dialers=tuple(await session.rows("SELECT * FROM ccdata.dialers")),
                lists=tuple(
                    await session.rows(
                        "SELECT campaign, name, active, percentage, priority FROM ccdata.dialer_base"
                        " WHERE active <> 0"
                    )
                ),
                queues=tuple(await session.rows("SELECT name, queue_timeout, wrapuptime FROM ccdata.queues")),
                trunks=tuple(await session.rows("SELECT name, channels, cps FROM ccdata.trunks")),
                options=tuple(await session.rows("SELECT * FROM ccdata.dialer_options")),
                broadcast=tuple(await session.rows("SELECT * FROM ccdata.broadcast_options")),
                agents=tuple(await session.rows("SELECT agent, recording FROM ccdata.agent_options")),
                caller_ids=await self._steered.rows(session),
                resting=await callerids.resting(session),
                drains=tuple(await session.rows("SELECT campaign, reason FROM ccdata.drains")),
            )

        return await self.database.transaction(work)

    @property
    def fence(self) -> int:
        return self._fence

    async def take_lease(self, process: str, length: timedelta, dead: str = "") -> LeaseState:
        async def work(session: Session) -> LeaseState:
            return await lease.take(session, self.owner, process, length, dead)

        state = await self.database.transaction(work)
        if state.ours:
            self._fence = state.token
        return state

    async def renew_lease(self, length: timedelta) -> bool:
        return await self.database.transaction(lambda session: lease.renew(session, self._fence, length))

    async def end_lease(self) -> None:
        await self.database.transaction(lambda session: lease.end(session, self._fence))

    @property
    def _claimant(self) -> Claimant:
        return Claimant(self.owner, self._fence, self._local, self._legal)

    async def claim(self, request: ClaimRequest) -> ClaimResult:
        async def work(session: Session) -> ClaimResult:
            await lease.check(session, self._fence)
            return await claim_contacts(session, request, self._claimant, self._new_id)

        return await self.database.transaction(work)

    async def take_orders(self, now: datetime) -> tuple[TakenOrder, ...]:
        async def work(session: Session) -> tuple[TakenOrder, ...]:
            await lease.check(session, self._fence)
            return await orders.take(session, self._claimant, self._new_id, now)

        return await self.database.transaction(work)

    async def give_up_orders(self) -> int:
        async def work(session: Session) -> int:
            await lease.check(session, self._fence)
            return await orders.give_up(session)

        return await self.database.transaction(work)

    async def finish_order(self, order: int, fault: str) -> None:
        await self.database.transaction(lambda session: orders.finish(session, order, fault))

    async def held_back(
        self, attempt: Attempt, campaign: CampaignName, check_black_list: bool, now: datetime
    ) -> str:
        async def work(session: Session) -> str:
            return await still_held(
                session, self._claimant, attempt.contact, campaign, now, black_lists=check_black_list
            )

        return await self.database.transaction(work)

    async def mark_sent(self, attempts: Sequence[Attempt], at: datetime) -> frozenset[AttemptId]:
        ids = [attempt.id for attempt in attempts]
        marks = ",".join(["%s"] * len(ids))
        shown = "CASE id " + "WHEN %s THEN %s " * len(ids) + "ELSE '' END"
        numbers = [word for attempt in attempts for word in (attempt.id, key(attempt.caller_id)[:32])]

        async def work(session: Session) -> frozenset[AttemptId]:
            await lease.check(session, self._fence)
            await session.run(
                f"UPDATE ccdata.attempts SET state='sent', sent_at=%s, caller_id={shown}"
                f" WHERE id IN ({marks}) AND state IN ('claimed', 'offered', 'held') AND fence=%s",
                (utc(at), *numbers, *ids, self._fence),
            )
            # Whoever takes the call over knows for whom it was meant.
            await session.run_many(
                "UPDATE ccdata.attempts SET agent=%s WHERE id=%s AND state='sent' AND fence=%s",
                [(a.desk.name[:80], a.id, self._fence) for a in attempts if a.desk is not None],
            )
            rows = await session.rows(
                f"SELECT id FROM ccdata.attempts WHERE id IN ({marks}) AND state='sent' AND fence=%s",
                (*ids, self._fence),
            )
            return frozenset(AttemptId(str(row["id"])) for row in rows)

        return await self.database.transaction(work) if ids else frozenset()

    async def release(self, attempts: Sequence[Attempt], at: datetime) -> None:
        ids = [attempt.id for attempt in attempts]
        marks = ",".join(["%s"] * len(ids))
        if ids:
            await self._free(f"id IN ({marks})", ids, at)

    async def release_claimed(self, campaign: CampaignName, at: datetime) -> None:
        await self._free("state='claimed' AND campaign=%s", [campaign], at)

    async def release_forgotten(self, before: datetime, at: datetime) -> int:
        return await self._free("state='claimed' AND claimed_at < %s", [utc(before)], at)

    async def _free(self, where: str, args: Sequence[Any], at: datetime) -> int:
        """End open attempts that were never dialled, and only with them free their contacts: the row of
        an attempt that had ended before may have been claimed anew."""

        async def work(session: Session) -> int:
            rows = await session.rows(
                f"SELECT id, spool_id FROM ccdata.attempts WHERE {where} AND state <> 'ended'"
                " AND fence=%s FOR UPDATE",
                (*args, self._fence),
            )
            if rows:
                marks = ",".join(["%s"] * len(rows))
                await session.run(
                    "UPDATE ccdata.attempts SET state='ended', ended_at=%s, outcome='cancelled',"
                    f" next_step='released' WHERE id IN ({marks})",
                    (utc(at), *(row["id"] for row in rows)),
                )
                await session.run(
                    f"UPDATE ccdata.calls_spool SET status=1 WHERE id IN ({marks}) AND status=0",
                    [row["spool_id"] for row in rows],
                )
            return len(rows)

        return await self.database.transaction(work)

    async def record(self, batch: Batch) -> None:
        async def work(session: Session) -> None:
            await write_batch(session, batch, self._local, self._subscriptions)

        await self.database.transaction(work)

    async def forget_journal(self, journal: str) -> None:
        async def work(session: Session) -> None:
            await session.run("DELETE FROM ccdata.journals WHERE id=%s", (journal,))

        await self.database.transaction(work)

    async def strays(self) -> frozenset[AttemptId]:
        async def work(session: Session) -> frozenset[AttemptId]:
            rows = await session.rows(STRAYS, (self._fence,))
            return frozenset(AttemptId(str(row["id"])) for row in rows)

        return await self.database.transaction(work)

    async def take_over(self, attempts: frozenset[AttemptId]) -> tuple[OpenAttempt, ...]:
        taken: list[OpenAttempt] = []
        ids = sorted(attempts)
        for start in range(0, len(ids), _MANY):
            taken += await self._take_over(ids[start : start + _MANY])
        return tuple(taken)

    async def _take_over(self, ids: Sequence[AttemptId]) -> tuple[OpenAttempt, ...]:
        marks = ",".join(["%s"] * len(ids))

        async def work(session: Session) -> tuple[OpenAttempt, ...]:
            await lease.check(session, self._fence)
            await session.run(
                f"UPDATE ccdata.attempts SET owner=%s, fence=%s, taken_over=1 WHERE id IN ({marks})"
                " AND state <> 'ended' AND fence < %s",
                (self.owner, self._fence, *ids, self._fence),
            )
            rows = await session.rows(
                "SELECT a.id AS attempt_id, a.campaign AS attempt_campaign, a.spool_id, a.state,"
                " a.destination AS attempt_destination, a.contact AS attempt_contact,"
                " a.dialerbase AS attempt_list, a.attempt, a.claimed_at, a.sent_at, a.ringing_at,"
                " a.answered_at, a.queued_at, a.connected_at, a.agent, a.caller_id,"
                " s.id, s.campaign, s.destination,"
                " s.alternatives, s.data, s.contact, s.dialerbase, s.priority, s.agentphone, s.retries"
                " FROM ccdata.attempts a LEFT JOIN ccdata.calls_spool s ON s.id = a.spool_id"
                f" WHERE a.id IN ({marks}) AND a.fence = %s AND a.state <> 'ended'",
                (*ids, self._fence),
            )
            return tuple(_open_attempt(row) for row in rows)

        return await self.database.transaction(work)

    async def ended(self, attempts: frozenset[AttemptId]) -> frozenset[AttemptId]:
        ids = sorted(attempts)
        marks = ",".join(["%s"] * len(ids))

        async def work(session: Session) -> frozenset[AttemptId]:
            rows = await session.rows(
                f"SELECT id FROM ccdata.attempts WHERE id IN ({marks}) AND state = 'ended'", ids
            )
            return frozenset(AttemptId(str(row["id"])) for row in rows)

        return await self.database.transaction(work) if ids else frozenset()

    async def day_totals(
        self, campaign: CampaignName, today: date, profile: Profile
    ) -> tuple[DayTotals, ...]:
        async def work(session: Session) -> tuple[DayTotals, ...]:
            found = []
            for day in (today - timedelta(days=back) for back in range(profile.window_days)):
                begin, end = (datetime.combine(at, time()) for at in (day, day + timedelta(days=1)))
                rows = await session.rows(
                    TOTALS,
                    (
                        profile.since is Since.GREETING,
                        int(profile.seconds * 1_000_000),
                        campaign,
                        utc(self._local.utc(begin)),
                        utc(self._local.utc(end)),
                    ),
                )
                answered, abandoned, machines = (int(value or 0) for value in rows[0].values())
                if answered or machines:
                    found.append(DayTotals(day, answered, abandoned, machines))
            return tuple(found)

        return await self.database.transaction(work)

    async def recycle_due(self, now: datetime) -> dict[str, int]:
        done = await recycling.recycle_due(self.database, now)
        return {campaign: made.contacts for campaign, made in done.items()}

    async def caller_id_records(self, now: datetime) -> tuple[CallerIdRecord, ...]:
        return await self.database.transaction(lambda session: callerids.records(session, now))

    async def caller_id_calls(
        self, numbers: Sequence[str], since: datetime, before: datetime, limit: int
    ) -> Mapping[str, Sequence[Result]]:
        return await self.database.transaction(
            lambda session: callerids.calls(session, numbers, since, before, limit)
        )

    async def keep_caller_ids(
        self,
        figures: Sequence[CallerIdFigures],
        rests: Sequence[CallerIdRest],
        proven: Sequence[str],
    ) -> None:
        async def work(session: Session) -> None:
            await lease.check(session, self._fence)
            await callerids.keep(session, figures, rests, proven)

        if figures or rests or proven:
            await self.database.transaction(work)

    async def forget_caller_ids(self, before: datetime) -> None:
        await self.database.transaction(lambda session: callerids.forget(session, before))

    async def publish(self, reports: Sequence[CampaignReport], now: datetime) -> None:
        async def work(session: Session) -> None:
            await session.run_many(
                "INSERT INTO ccdata.campaign_state (campaign, state, field, reason, bound, calls,"
                " overdial, ready, ringing, talking, wrapup, paused, dialling, waiting, channels,"
                " owner, since, until_utc, updated_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
                " ON DUPLICATE KEY UPDATE state=VALUES(state), field=VALUES(field),"
                " reason=VALUES(reason), bound=VALUES(bound), calls=VALUES(calls),"
                " overdial=VALUES(overdial), ready=VALUES(ready), ringing=VALUES(ringing),"
                " talking=VALUES(talking), wrapup=VALUES(wrapup), paused=VALUES(paused),"
                " dialling=VALUES(dialling), waiting=VALUES(waiting), channels=VALUES(channels),"
                " owner=VALUES(owner), since=VALUES(since), until_utc=VALUES(until_utc),"
                " updated_at=VALUES(updated_at)",
                [self._report(report, now) for report in reports],
            )
            await session.run_many(
                "REPLACE INTO ccdata.decisions (campaign, slot, decided_at, calls, bound, reason, detail)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [_decision(report, report.decision, now) for report in reports if report.decision],
            )
            today = int(self._local.at(now).strftime("%Y%m%d"))
            for report in reports:
                if report.decision:
                    detail = report.decision.detail
                    await budget_warning(session, self._subscriptions, report.campaign, detail, now, today)

        if reports:
            await self.database.transaction(work)

    def _report(self, report: CampaignReport, now: datetime) -> tuple[Any, ...]:
        snapshot, decision = report.snapshot, report.decision
        counts = (
            (
                snapshot.dialer.overdial,
                snapshot.ready,
                snapshot.ringing,
                snapshot.talking,
                snapshot.wrapup,
                report.paused,
                snapshot.dialling,
                snapshot.waiting,
                snapshot.channels,
            )
            if snapshot
            else (0,) * 9
        )
        reason = report.reason or (decision.reason if decision else "")
        return (
            report.campaign[:128],
            report.state,
            report.field[:32],
            reason[:500],
            decision.bound if decision else "",
            decision.calls if decision else 0,
            *counts,
            self.owner,
            utc(report.since),
            utc(report.until),
            utc(now),
        )


def _decision(report: CampaignReport, decision: Decision, now: datetime) -> tuple[Any, ...]:
    numbers = {name: round(value, 4) for name, value in decision.detail.items()}
    return (
        report.campaign[:128],
        report.sequence % DECISIONS_KEPT,
        utc(now),
        decision.calls,
        decision.bound,
        decision.reason[:500],
        json.dumps(numbers)[:2000],
    )


def _aware(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)


def _open_attempt(row: dict[str, Any]) -> OpenAttempt:
    return OpenAttempt(
        id=AttemptId(str(row["attempt_id"])),
        campaign=CampaignName(str(row["attempt_campaign"])),
        state=str(row["state"]),
        contact=_contact_of(row),
        claimed_at=row["claimed_at"].replace(tzinfo=UTC),
        sent_at=_aware(row["sent_at"]),
        ringing_at=_aware(row["ringing_at"]),
        answered_at=_aware(row["answered_at"]),
        queued_at=_aware(row["queued_at"]),
        connected_at=_aware(row["connected_at"]),
        agent=str(row["agent"]),
        caller_id=str(row["caller_id"]),
    )


def _contact_of(row: dict[str, Any]) -> Contact:
    """The contact as its spool row says; from the attempt alone where the row is gone or broken."""
    if row["id"] is not None:
        try:
            return read_contact(row)
        except FieldError:
            pass
    return Contact(
        id=SpoolId(int(row["spool_id"])),
        campaign=CampaignName(str(row["attempt_campaign"])),
        phone=Phone(str(row["attempt_destination"])),
        alternatives=(),
        data="",
        reference=str(row["attempt_contact"]),
        list_name=str(row["attempt_list"]),
        priority=9999,
        agent_phone="",
        retries=max(int(row["attempt"]) - 1, 0),
    )

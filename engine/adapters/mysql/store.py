"""The Store port over MySQL: settings, endings, what campaigns are doing. The claim has its own file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Any

from engine.adapters.legal import Legal
from engine.adapters.mysql import (
    callerids,
    counting,
    lease,
    migrate,
    orders,
    recycling,
    reporting,
    taking_over,
)
from engine.adapters.mysql.claim import Claimant, claim_contacts, still_held
from engine.adapters.mysql.database import Database, Session, utc
from engine.adapters.mysql.outbox import Subscriptions, budget_warning
from engine.adapters.mysql.record import write_batch
from engine.domain.callerid import key
from engine.domain.callerid_health import Result
from engine.domain.localtime import LocalTime
from engine.domain.model import Attempt, AttemptId, CampaignName
from engine.domain.pacing import DayTotals, Profile, Since
from engine.domain.settings import SettingsRows
from engine.ports import (
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
                laws=tuple(await session.rows("SELECT campaign, law FROM ccdata.law_options")),
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
                session, self._claimant, attempt, campaign, now, black_lists=check_black_list
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
            part = ids[start : start + _MANY]
            taken += await self.database.transaction(partial(self._take_over, part))
        return tuple(taken)

    async def _take_over(self, ids: Sequence[AttemptId], session: Session) -> tuple[OpenAttempt, ...]:
        await lease.check(session, self._fence)
        return await taking_over.take(session, ids, self.owner, self._fence)

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
            await reporting.publish(session, reports, self.owner, now)
            today = int(self._local.at(now).strftime("%Y%m%d"))
            for report in reports:
                if report.decision:
                    detail = report.decision.detail
                    await budget_warning(session, self._subscriptions, report.campaign, detail, now, today)

        if reports:
            await self.database.transaction(work)

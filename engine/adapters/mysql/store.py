"""The Store port over MySQL: settings, endings, what campaigns are doing. The claim has its own file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from engine.adapters.mysql import migrate
from engine.adapters.mysql.claim import claim_contacts
from engine.adapters.mysql.database import Database, Local, Session, utc
from engine.adapters.mysql.record import write_records
from engine.domain.errors import FieldError
from engine.domain.model import Attempt, AttemptId, CampaignName, Contact, SpoolId
from engine.domain.phones import Phone
from engine.domain.settings import SettingsRows, read_contact
from engine.ports import (
    CampaignReport,
    ClaimRequest,
    ClaimResult,
    OpenAttempt,
    Records,
)

#: Every state of an attempt but the last.
_OPEN = "('claimed', 'sent', 'ringing', 'answered', 'queued', 'connected', 'completed')"


class MysqlStore:
    """One engine's view of the database. `owner` names the engine in leases and reports."""

    def __init__(
        self,
        database: Database,
        owner: str,
        local: Local,
        new_id: Callable[[], AttemptId],
    ) -> None:
        self.database = database
        self.owner = owner
        self._local = local
        self._new_id = new_id

    async def check_schema(self) -> None:
        await migrate.check(self.database)

    async def settings(self) -> SettingsRows:
        async def work(session: Session) -> SettingsRows:
            return SettingsRows(
                dialers=tuple(await session.rows("SELECT * FROM ccdata.dialers")),
                lists=tuple(
                    await session.rows(
                        "SELECT campaign, name, active, percentage FROM ccdata.dialer_base WHERE active <> 0"
                    )
                ),
                queues=tuple(await session.rows("SELECT name, queue_timeout, wrapuptime FROM ccdata.queues")),
            )

        return await self.database.transaction(work)

    async def claim(self, request: ClaimRequest) -> ClaimResult:
        async def work(session: Session) -> ClaimResult:
            return await claim_contacts(session, request, self.owner, self._new_id)

        return await self.database.transaction(work)

    async def mark_sent(self, attempts: Sequence[Attempt], at: datetime) -> frozenset[AttemptId]:
        ids = [attempt.id for attempt in attempts]
        marks = ",".join(["%s"] * len(ids))

        async def work(session: Session) -> frozenset[AttemptId]:
            await session.run(
                f"UPDATE ccdata.attempts SET state='sent', sent_at=%s WHERE id IN ({marks})"
                " AND state='claimed' AND owner=%s",
                (utc(at), *ids, self.owner),
            )
            rows = await session.rows(
                f"SELECT id FROM ccdata.attempts WHERE id IN ({marks}) AND state='sent' AND owner=%s",
                (*ids, self.owner),
            )
            return frozenset(AttemptId(str(row["id"])) for row in rows)

        return await self.database.transaction(work) if ids else frozenset()

    async def release(self, attempts: Sequence[Attempt], at: datetime) -> None:
        marks = ",".join(["%s"] * len(attempts))

        async def work(session: Session) -> None:
            ids = [attempt.id for attempt in attempts]
            await _free(session, f"id IN ({marks}) AND owner = %s", [*ids, self.owner], at)

        if attempts:
            await self.database.transaction(work)

    async def release_claimed(self, campaign: CampaignName, at: datetime) -> None:
        async def work(session: Session) -> None:
            where = "state = 'claimed' AND owner = %s AND campaign = %s"
            await _free(session, where, [self.owner, campaign], at)

        await self.database.transaction(work)

    async def record(self, records: Records) -> None:
        async def work(session: Session) -> None:
            await write_records(session, records, self.owner, self._local)

        if len(records):
            await self.database.transaction(work)

    async def open_attempts(self, now: datetime, *, own: bool) -> tuple[OpenAttempt, ...]:
        async def work(session: Session) -> tuple[OpenAttempt, ...]:
            left = await session.rows(
                f"SELECT a.id, a.owner FROM ccdata.attempts a LEFT JOIN ccdata.engines e ON e.name = a.owner"
                f" WHERE a.state IN {_OPEN} AND ((a.owner = %s AND %s) OR (a.owner <> %s"
                " AND a.lease_until < %s AND (e.name IS NULL OR e.lease_until < %s)))",
                (self.owner, own, self.owner, utc(now), utc(now)),
            )
            if not left:
                return ()
            ids = [row["id"] for row in left]
            marks = ",".join(["%s"] * len(ids))
            for former in sorted({str(row["owner"]) for row in left} - {self.owner}):
                # Whoever is quicker has it: the former owner's name is the fence.
                await session.run(
                    f"UPDATE ccdata.attempts SET owner=%s WHERE id IN ({marks}) AND owner=%s"
                    " AND state <> 'ended'",
                    (self.owner, *ids, former),
                )
            rows = await session.rows(
                "SELECT a.id AS attempt_id, a.campaign AS attempt_campaign, a.spool_id, a.state,"
                " a.destination AS attempt_destination, a.contact AS attempt_contact,"
                " a.dialerbase AS attempt_list, a.attempt, a.claimed_at, a.sent_at, a.ringing_at,"
                " a.answered_at, a.queued_at, a.connected_at, a.agent, s.id, s.campaign, s.destination,"
                " s.alternatives, s.data, s.contact, s.dialerbase, s.priority, s.agentphone, s.retries"
                " FROM ccdata.attempts a LEFT JOIN ccdata.calls_spool s ON s.id = a.spool_id"
                f" WHERE a.id IN ({marks}) AND a.owner = %s AND a.state <> 'ended'",
                (*ids, self.owner),
            )
            return tuple(_open_attempt(row) for row in rows)

        return await self.database.transaction(work)

    async def still_ours(self, attempts: Sequence[Attempt]) -> frozenset[AttemptId]:
        ids = [attempt.id for attempt in attempts]
        marks = ",".join(["%s"] * len(ids))

        async def work(session: Session) -> frozenset[AttemptId]:
            rows = await session.rows(
                f"SELECT id FROM ccdata.attempts WHERE id IN ({marks}) AND owner=%s AND state <> 'ended'",
                (*ids, self.owner),
            )
            return frozenset(AttemptId(str(row["id"])) for row in rows)

        return await self.database.transaction(work) if ids else frozenset()

    async def renew(self, lease_until: datetime) -> None:
        async def work(session: Session) -> None:
            await session.run(
                "INSERT INTO ccdata.engines (name, lease_until) VALUES (%s, %s)"
                " ON DUPLICATE KEY UPDATE lease_until=VALUES(lease_until)",
                (self.owner, utc(lease_until)),
            )

        await self.database.transaction(work)

    async def publish(self, reports: Sequence[CampaignReport], now: datetime) -> None:
        async def work(session: Session) -> None:
            await session.run_many(
                "INSERT INTO ccdata.campaign_state (campaign, state, field, reason, bound, calls,"
                " overdial, ready, ringing, talking, wrapup, paused, dialling, waiting, channels,"
                " owner, since, updated_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
                " ON DUPLICATE KEY UPDATE state=VALUES(state), field=VALUES(field),"
                " reason=VALUES(reason), bound=VALUES(bound), calls=VALUES(calls),"
                " overdial=VALUES(overdial), ready=VALUES(ready), ringing=VALUES(ringing),"
                " talking=VALUES(talking), wrapup=VALUES(wrapup), paused=VALUES(paused),"
                " dialling=VALUES(dialling), waiting=VALUES(waiting), channels=VALUES(channels),"
                " owner=VALUES(owner), since=VALUES(since), updated_at=VALUES(updated_at)",
                [self._report(report, now) for report in reports],
            )

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
            utc(now),
        )


async def _free(session: Session, where: str, args: Sequence[Any], at: datetime) -> None:
    """End open attempts that were never dialled, and only with them free their contacts: the row of
    an attempt that had ended before may have been claimed anew."""
    rows = await session.rows(
        f"SELECT id, spool_id FROM ccdata.attempts WHERE {where} AND state <> 'ended' FOR UPDATE", args
    )
    if not rows:
        return
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

"""The Store port over MySQL: settings, endings, what campaigns are doing. The claim has its own file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from engine.adapters.mysql import migrate
from engine.adapters.mysql.claim import claim_contacts
from engine.adapters.mysql.database import Database, Session
from engine.domain.call import Call, State
from engine.domain.errors import FieldError
from engine.domain.model import Attempt, AttemptId, CampaignName, Contact, SpoolId
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
)

#: Every state of an attempt but the last.
_OPEN = "('claimed', 'sent', 'ringing', 'answered', 'queued', 'connected', 'completed')"

Local = Callable[[datetime], datetime]


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
                (_utc(at), *ids, self.owner),
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
            if await self._written_before(session, records.batch):
                return
            for call in records.progress:
                await self._progress(session, call)
            rows = list(records.queue_log)
            cdrs: list[CdrRow] = []
            for finished in records.finished:
                if await self._end(session, finished):
                    rows += finished.queue_log
                    cdrs.append(finished.cdr)
            await self._queue_log(session, rows)
            await self._cdrs(session, cdrs)

        if len(records):
            await self.database.transaction(work)

    async def _written_before(self, session: Session, batch: str) -> bool:
        """Note the batch in the transaction that writes it; True when it is the last one noted: then
        it was committed and only the answer was lost. Batches are written one after the other."""
        await session.run(
            "INSERT IGNORE INTO ccdata.engines (name, lease_until) VALUES (%s, '2000-01-01')", (self.owner,)
        )
        changed = await session.run(
            "UPDATE ccdata.engines SET last_batch=%s WHERE name=%s AND last_batch <> %s",
            (batch, self.owner, batch),
        )
        return changed == 0

    @staticmethod
    async def _progress(session: Session, call: Call) -> None:
        await session.run(
            "UPDATE ccdata.attempts SET state=%s, ringing_at=%s, answered_at=%s, queued_at=%s,"
            " connected_at=%s, agent=%s WHERE id=%s AND state <> 'ended'",
            (
                _state_word(call.state),
                _utc(call.ringing_at),
                _utc(call.answered_at),
                _utc(call.queued_at),
                _utc(call.connected_at),
                call.agent[:80],
                call.attempt.id,
            ),
        )

    async def _end(self, session: Session, finished: Finished) -> bool:
        """End one attempt and move its contact on; False when it had been ended before."""
        call, step = finished.call, finished.step
        ended = await session.run(
            "UPDATE ccdata.attempts SET state='ended', ringing_at=%s, answered_at=%s,"
            " connected_at=%s, ended_at=%s, outcome=%s, cause=%s, sip=%s, agent=%s, next_step=%s,"
            " note=COALESCE(NULLIF(%s, ''), note) WHERE id=%s AND state <> 'ended'",
            (
                _utc(call.ringing_at),
                _utc(call.answered_at),
                _utc(call.connected_at),
                _utc(call.ended_at),
                call.outcome,
                call.cause,
                call.sip,
                call.agent[:80],
                step.step,
                call.note[:255],
                call.attempt.id,
            ),
        )
        if ended == 0:
            return False
        # Only a row that is still in progress moves: a supervisor may have removed or blocked it.
        if step.step is Step.FINISHED:
            await session.run(
                "DELETE FROM ccdata.calls_spool WHERE id=%s AND status=0", (call.attempt.contact.id,)
            )
        else:
            await session.run(
                "UPDATE ccdata.calls_spool SET status=1, destination=%s, alternatives=%s,"
                " retries=%s, notbefore=%s, reason=%s, shuffle=FLOOR(RAND() * 4294967295)"
                " WHERE id=%s AND status=0",
                (
                    step.phone.entry(),
                    join_alternatives(step.alternatives),
                    step.retries,
                    _utc(step.not_before),
                    call.note[:255] if step.step is Step.AGAIN else "",
                    call.attempt.contact.id,
                ),
            )
        return True

    async def _queue_log(self, session: Session, rows: Sequence[QueueLogRow]) -> None:
        await session.run_many(
            "INSERT INTO ccrepo.queue_log_repo (datetime, callid, queuename, agent, event,"
            " data1, data2, data3, data4, data5) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    self._local(row.at),
                    row.call[:64],
                    row.queue[:128],
                    row.agent[:128],
                    row.event,
                    *(word[:255] for word in (*row.data, "", "", "", "", "")[:5]),
                )
                for row in rows
            ],
        )

    async def _cdrs(self, session: Session, cdrs: Sequence[CdrRow]) -> None:
        await session.run_many(
            "INSERT INTO ccrepo.cdr_repo (calldate, clid, src, dst, dcontext, channel, dstchannel,"
            " lastapp, duration, billsec, disposition, accountcode, guid, causecode, campaign,"
            " contact, dialerbase, parandvalues, uniqueid, note)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    self._local(c.calldate),
                    c.clid[:128],
                    c.src[:80],
                    c.dst[:80],
                    c.dcontext,
                    c.channel[:128],
                    c.dstchannel[:128],
                    c.lastapp,
                    c.duration,
                    c.billsec,
                    c.disposition,
                    c.accountcode[:80],
                    c.guid,
                    c.causecode,
                    c.campaign,
                    c.contact[:64],
                    c.dialerbase,
                    c.parandvalues[:4000],
                    c.guid,
                    c.note[:255],
                )
                for c in cdrs
            ],
        )

    async def open_attempts(self, now: datetime, *, own: bool) -> tuple[OpenAttempt, ...]:
        async def work(session: Session) -> tuple[OpenAttempt, ...]:
            left = await session.rows(
                f"SELECT a.id FROM ccdata.attempts a LEFT JOIN ccdata.engines e ON e.name = a.owner"
                f" WHERE a.state IN {_OPEN} AND ((a.owner = %s AND %s) OR (a.owner <> %s"
                " AND a.lease_until < %s AND (e.name IS NULL OR e.lease_until < %s))) FOR UPDATE",
                (self.owner, own, self.owner, _utc(now), _utc(now)),
            )
            if not left:
                return ()
            ids = [row["id"] for row in left]
            marks = ",".join(["%s"] * len(ids))
            await session.run(
                f"UPDATE ccdata.attempts SET owner=%s WHERE id IN ({marks}) AND state <> 'ended'",
                (self.owner, *ids),
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

    async def renew(self, lease_until: datetime) -> None:
        async def work(session: Session) -> None:
            await session.run(
                "INSERT INTO ccdata.engines (name, lease_until) VALUES (%s, %s)"
                " ON DUPLICATE KEY UPDATE lease_until=VALUES(lease_until)",
                (self.owner, _utc(lease_until)),
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
            _utc(report.since),
            _utc(now),
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
        (_utc(at), *(row["id"] for row in rows)),
    )
    await session.run(
        f"UPDATE ccdata.calls_spool SET status=1 WHERE id IN ({marks}) AND status=0",
        [row["spool_id"] for row in rows],
    )


def _state_word(state: State) -> str:
    """`failing` is a moment of the engine, not a state that anybody outside could act on."""
    return State.RINGING if state is State.FAILING else state


def _utc(at: datetime | None) -> datetime | None:
    """Return the naive UTC time that our own DATETIME columns hold."""
    return None if at is None else at.astimezone(UTC).replace(tzinfo=None)


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

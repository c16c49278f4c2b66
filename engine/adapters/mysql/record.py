"""What happened, into the tables: steps and ends of attempts, queue_log, CDRs, the contact's next place."""

from __future__ import annotations

from collections.abc import Sequence

from engine.adapters.mysql.database import Local, Session, utc
from engine.domain.call import Call, State
from engine.domain.phones import join_alternatives
from engine.domain.records import CdrRow, QueueLogRow
from engine.domain.rules import Step
from engine.ports import Finished, Records


async def write_records(session: Session, records: Records, owner: str, local: Local) -> None:
    """Write a batch, all of it or (when it was written before) nothing. `local` gives naive local time
    for the documented columns; our own hold UTC."""
    if await _written_before(session, owner, records.batch):
        return
    for call in records.progress:
        await _progress(session, call)
    rows = list(records.queue_log)
    cdrs: list[CdrRow] = []
    for finished in records.finished:
        if await _end(session, finished):
            rows += finished.queue_log
            cdrs.append(finished.cdr)
    await _queue_log(session, rows, local)
    await _cdrs(session, cdrs, local)


async def _written_before(session: Session, owner: str, batch: str) -> bool:
    """Note the batch in the transaction that writes it; True when it is the last one noted: then
    it was committed and only the answer was lost. Batches are written one after the other."""
    changed = await session.run(
        "UPDATE ccdata.engines SET last_batch=%s WHERE name=%s AND last_batch <> %s",
        (batch, owner, batch),
    )
    if changed:
        return False
    if await session.rows("SELECT name FROM ccdata.engines WHERE name=%s", (owner,)):
        return True
    await session.run(
        "INSERT INTO ccdata.engines (name, lease_until, last_batch) VALUES (%s, '2000-01-01', %s)",
        (owner, batch),
    )
    return False


async def _progress(session: Session, call: Call) -> None:
    await session.run(
        "UPDATE ccdata.attempts SET state=%s, ringing_at=%s, answered_at=%s, queued_at=%s,"
        " connected_at=%s, agent=%s WHERE id=%s AND state <> 'ended'",
        (
            _state_word(call.state),
            utc(call.ringing_at),
            utc(call.answered_at),
            utc(call.queued_at),
            utc(call.connected_at),
            call.agent[:80],
            call.attempt.id,
        ),
    )


async def _end(session: Session, finished: Finished) -> bool:
    """End one attempt and move its contact on; False when it had been ended before."""
    call, step = finished.call, finished.step
    ended = await session.run(
        "UPDATE ccdata.attempts SET state='ended', ringing_at=%s, answered_at=%s,"
        " connected_at=%s, ended_at=%s, outcome=%s, cause=%s, sip=%s, agent=%s, next_step=%s,"
        " note=COALESCE(NULLIF(%s, ''), note) WHERE id=%s AND state <> 'ended'",
        (
            utc(call.ringing_at),
            utc(call.answered_at),
            utc(call.connected_at),
            utc(call.ended_at),
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
            "UPDATE ccdata.calls_spool SET status=%s, destination=%s, alternatives=%s,"
            " retries=%s, notbefore=%s, reason=%s, shuffle=FLOOR(RAND() * 4294967295)"
            " WHERE id=%s AND status=0",
            (
                2 if step.step is Step.ASIDE else 1,
                step.phone.entry(),
                join_alternatives(step.alternatives),
                step.retries,
                utc(step.not_before),
                call.note[:255] if step.step in (Step.AGAIN, Step.ASIDE) else "",
                call.attempt.contact.id,
            ),
        )
    return True


async def _queue_log(session: Session, rows: Sequence[QueueLogRow], local: Local) -> None:
    await session.run_many(
        "INSERT INTO ccrepo.queue_log_repo (datetime, callid, queuename, agent, event,"
        " data1, data2, data3, data4, data5) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            (
                local(row.at),
                row.call[:64],
                row.queue[:128],
                row.agent[:128],
                row.event,
                *(word[:255] for word in (*row.data, "", "", "", "", "")[:5]),
            )
            for row in rows
        ],
    )


async def _cdrs(session: Session, cdrs: Sequence[CdrRow], local: Local) -> None:
    await session.run_many(
        "INSERT INTO ccrepo.cdr_repo (calldate, clid, src, dst, dcontext, channel, dstchannel,"
        " lastapp, duration, billsec, disposition, accountcode, guid, causecode, campaign,"
        " contact, dialerbase, parandvalues, uniqueid, note)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            (
                local(c.calldate),
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


def _state_word(state: State) -> str:
    """`failing` is a moment of the engine, not a state that anybody outside could act on."""
    return State.RINGING if state is State.FAILING else state

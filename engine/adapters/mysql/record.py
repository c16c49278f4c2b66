"""What happened, into the tables: steps and ends of attempts, queue_log, CDRs, the contact's next place.

Each entry once, whoever brings it: an engine's own journal, or a journal that was left by an engine
whose calls another has taken over meanwhile (its entries are *late*: made under an older token).
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.adapters.mysql.blacklists import audit, contact_key, opt_out
from engine.adapters.mysql.broadcast import heard
from engine.adapters.mysql.database import Session, utc
from engine.adapters.mysql.outbox import Subscriptions, calls_ended
from engine.domain.entries import AgentAct, Ending, Heard, OptOut, Progress, Written, attempt_of
from engine.domain.localtime import LocalTime
from engine.domain.outcomes import Outcome
from engine.domain.records import CdrRow, QueueLogRow
from engine.domain.rules import Step
from engine.ports import Batch

#: What may happen to a call several times with the same agent; two so close together (s) are one.
_REPEATED, _SAME = "RINGNOANSWER", 5


async def write_batch(
    session: Session, batch: Batch, local: LocalTime, subscriptions: Subscriptions | None = None
) -> None:
    """Write what of `batch` is not in the tables yet. Documented columns hold `local` time, ours UTC.

    Who has subscribed to ended calls hears of them: the events are written with what they tell of.
    """
    entries = await _unwritten(session, batch)
    if not entries:
        return
    handed_over = await _handed_over(session, entries)
    steps: dict[str, Progress] = {}
    rows: list[QueueLogRow] = []
    told_by_two: list[QueueLogRow] = []
    cdrs: list[CdrRow] = []
    ended: list[str] = []
    corrected: list[str] = []
    for written in entries:
        entry = written.entry
        attempt = attempt_of(entry)
        is_late = written.fence < handed_over.get(attempt, 0)
        log = told_by_two if attempt in handed_over else rows
        match entry:
            case Progress() if not is_late:
                steps[attempt] = entry  # of several steps of one call only the last is worth a statement
            case QueueLogRow():
                log.append(entry)
            case OptOut():
                await _opt_out(session, entry, local)
            case AgentAct():
                await _agent_act(session, entry)
            case Heard():
                await heard(session, entry, local)
            case Ending():
                steps.pop(attempt, None)
                if is_late and entry.outcome is Outcome.UNKNOWN:
                    continue  # who took the call over knows better
                if await _end(session, entry):
                    ended.append(attempt)
                    log.extend(entry.queue_log)
                    cdrs += [entry.cdr] if entry.cdr else []
                elif is_late and await _correct(session, entry, local):
                    corrected.append(attempt)
                    log.extend(entry.queue_log)
    for step in steps.values():
        await _progress(session, step)
    for row in told_by_two:
        await _queue_log_once(session, row, local)
    await _queue_log(session, rows, local)
    await _cdrs(session, cdrs, local)
    await calls_ended(session, subscriptions or Subscriptions(), ended + corrected, corrected)


async def _unwritten(session: Session, batch: Batch) -> list[Written]:
    """Note how far the journal is written, in the transaction that writes it; return what is new."""
    known = await session.rows(
        "SELECT position FROM ccdata.journals WHERE id=%s FOR UPDATE", (batch.journal,)
    )
    position = int(known[0]["position"]) if known else 0
    if batch.last <= position:
        return []
    await session.run(
        "INSERT INTO ccdata.journals (id, position) VALUES (%s, %s)"
        " ON DUPLICATE KEY UPDATE position=VALUES(position)",
        (batch.journal, batch.last),
    )
    return [written for written in batch.entries if written.number > position]


async def _handed_over(session: Session, entries: Sequence[Written]) -> dict[str, int]:
    """Return those of the attempts that changed hands, with the tokens under which they are now."""
    ids = sorted({attempt_of(written.entry) for written in entries} - {""})
    if not ids:
        return {}
    marks = ",".join(["%s"] * len(ids))
    rows = await session.rows(
        f"SELECT id, fence FROM ccdata.attempts WHERE id IN ({marks}) AND taken_over = 1", ids
    )
    return {str(row["id"]): int(row["fence"]) for row in rows}


async def _opt_out(session: Session, entry: OptOut, local: LocalTime) -> None:
    """On the black list of every campaign and among the opt-outs, at once and for good; a block that is
    there stays as it is. The person's other numbers are meant, too, where the contact has an id."""
    rows = await session.rows(
        "SELECT number, contact, campaign FROM ccdata.attempts WHERE id=%s", (entry.attempt,)
    )
    known = rows[0] if rows else {"number": "", "contact": "", "campaign": ""}
    who = (entry.phone.removeprefix("+"), str(known["number"]), contact_key(str(known["contact"])))
    await opt_out(session, who, entry.at, "key", str(known["campaign"]), entry.attempt)
    await session.run(
        "INSERT IGNORE INTO ccdata.black_list (phone, campaign, username, created)"
        " VALUES (%s, '*', 'opt-out by key', %s)",
        (entry.phone, local.naive(entry.at)),
    )
    said = f"opt-out by key: {entry.phone} in {known['campaign']}, call {entry.attempt}"
    await audit(session, local.naive(entry.at), "", said)


async def _agent_act(session: Session, entry: AgentAct) -> None:
    """One decision per attempt counts: the first."""
    await session.run(
        "INSERT IGNORE INTO ccdata.agent_acts (acted_at, attempt, campaign, spool_id, contact, destination,"
        " agent, interface, act, reason, via) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            utc(entry.at),
            entry.attempt,
            entry.campaign,
            entry.spool_id,
            entry.contact[:64],
            entry.destination,
            entry.agent[:80],
            entry.interface[:128],
            entry.act,
            entry.reason[:255],
            entry.via,
        ),
    )


async def _progress(session: Session, step: Progress) -> None:
    await session.run(
        "UPDATE ccdata.attempts SET state=%s, ringing_at=%s, answered_at=%s, queued_at=%s,"
        " connected_at=%s, agent=%s WHERE id=%s AND state <> 'ended'"
        # A step before the order to the customer may be written after it.
        " AND (sent_at IS NULL OR %s NOT IN ('offered', 'held'))",
        (
            step.state,
            utc(step.ringing_at),
            utc(step.answered_at),
            utc(step.queued_at),
            utc(step.connected_at),
            step.agent[:80],
            step.attempt,
            step.state,
        ),
    )


async def _end(session: Session, end: Ending) -> bool:
    """End one attempt and move its contact on; False when it had been ended before."""
    if not await _write_end(session, end, "state <> 'ended'"):
        return False
    # Only a row that is still in progress moves: a supervisor may have removed or blocked it.
    await _move(session, end, "status=0")
    return True


async def _correct(session: Session, end: Ending, local: LocalTime) -> bool:
    """Put what really happened in the place of 'unknown', which was all that others could say.

    The contact follows as long as it was not claimed anew.
    """
    if not await _write_end(session, end, "state = 'ended' AND outcome = 'unknown'"):
        return False
    noted = await session.rows(
        "SELECT userfield, finishtime FROM ccrepo.cdr_repo WHERE guid=%s LIMIT 1", (end.attempt,)
    )
    await session.run("DELETE FROM ccrepo.cdr_repo WHERE guid=%s", (end.attempt,))
    await _cdrs(session, [end.cdr] if end.cdr else [], local)
    for row in noted:  # what people wrote there stays
        await session.run(
            "UPDATE ccrepo.cdr_repo SET userfield=%s, finishtime=%s WHERE guid=%s",
            (row["userfield"], row["finishtime"], end.attempt),
        )
    # The row of the call's end that told of 'unknown' makes room for the real one.
    await session.run("DELETE FROM ccrepo.queue_log_repo WHERE callid=%s AND event='OUTCALL'", (end.attempt,))
    later = await session.rows(
        "SELECT l.id FROM ccdata.attempts l JOIN ccdata.attempts e ON e.id=%s"
        " WHERE l.spool_id=%s AND l.id <> e.id AND l.claimed_at >= e.claimed_at LIMIT 1",
        (end.attempt, end.spool_id),
    )
    if not later:
        await _move(session, end, "status=1")
    return True


async def _write_end(session: Session, end: Ending, where: str) -> bool:
    ended = await session.run(
        "UPDATE ccdata.attempts SET state='ended', ringing_at=%s, answered_at=%s,"
        " queued_at=COALESCE(%s, queued_at), connected_at=%s, ended_at=%s, outcome=%s, cause=%s, sip=%s,"
        " agent=%s, next_step=%s,"
        f" note=COALESCE(NULLIF(%s, ''), note) WHERE id=%s AND {where}",
        (
            utc(end.ringing_at),
            utc(end.answered_at),
            utc(end.queued_at),
            utc(end.connected_at),
            utc(end.ended_at),
            end.outcome,
            end.cause,
            end.sip,
            end.agent[:80],
            end.step,
            end.note[:255],
            end.attempt,
        ),
    )
    return ended > 0


async def _move(session: Session, end: Ending, where: str) -> None:
    if end.step is Step.FINISHED:
        await session.run(
            "INSERT INTO ccrepo.finished_contacts (spool_id, campaign, dialerbase, contact, destination,"
            " alternatives, data, priority, agentphone, outcome, finished_at, rounds,"
            " automatic, timezone)"
            " SELECT id, campaign, dialerbase, COALESCE(contact, ''), %s, %s, COALESCE(data, ''), priority,"
            f" COALESCE(agentphone, ''), %s, %s, rounds, automatic, timezone"
            f" FROM ccdata.calls_spool WHERE id=%s AND {where}",
            (end.destination, end.alternatives, end.outcome, utc(end.ended_at), end.spool_id),
        )
        await session.run(f"DELETE FROM ccdata.calls_spool WHERE id=%s AND {where}", (end.spool_id,))
        return
    await session.run(
        "UPDATE ccdata.calls_spool SET status=%s, destination=%s, alternatives=%s,"
        " retries=%s, notbefore=%s, reason=%s, shuffle=FLOOR(RAND() * 4294967295)"
        f" WHERE id=%s AND {where}",
        (
            2 if end.step is Step.ASIDE else 1,
            end.destination,
            end.alternatives,
            end.retries,
            utc(end.not_before),
            end.reason[:255],
            end.spool_id,
        ),
    )


def _columns(row: QueueLogRow, local: LocalTime) -> tuple[object, ...]:
    return (
        local.naive(row.at),
        row.call[:64],
        row.queue[:128],
        row.agent[:128],
        row.event,
        *(word[:255] for word in (*row.data, "", "", "", "", "")[:5]),
    )


async def _queue_log(session: Session, rows: Sequence[QueueLogRow], local: LocalTime) -> None:
    await session.run_many(
        "INSERT INTO ccrepo.queue_log_repo (datetime, callid, queuename, agent, event,"
        " data1, data2, data3, data4, data5) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [_columns(row, local) for row in rows],
    )


async def _queue_log_once(session: Session, row: QueueLogRow, local: LocalTime) -> None:
    """Write a row unless the other engine that had the call has told of the same thing. Its time tells
    little: an engine that was frozen hears late of everything."""
    columns = _columns(row, local)
    await session.run(
        "INSERT INTO ccrepo.queue_log_repo (datetime, callid, queuename, agent, event,"
        " data1, data2, data3, data4, data5)"
        " SELECT %s, %s, %s, %s, %s, %s, %s, %s, %s, %s FROM DUAL WHERE NOT EXISTS ("
        "SELECT 1 FROM ccrepo.queue_log_repo q WHERE q.callid=%s AND q.queuename=%s AND q.agent=%s"
        f" AND q.event=%s AND (q.event <> '{_REPEATED}'"
        f" OR ABS(TIMESTAMPDIFF(SECOND, q.datetime, %s)) <= {_SAME}))",
        (*columns, *columns[1:5], columns[0]),
    )


async def _cdrs(session: Session, cdrs: Sequence[CdrRow], local: LocalTime) -> None:
    await session.run_many(
        "INSERT INTO ccrepo.cdr_repo (calldate, clid, src, dst, dcontext, channel, dstchannel,"
        " lastapp, duration, billsec, disposition, accountcode, guid, causecode, campaign,"
        " contact, dialerbase, parandvalues, uniqueid, note, type)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            (
                local.naive(c.calldate),
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
                "record" if c.recorded else "",
            )
            for c in cdrs
        ],
    )

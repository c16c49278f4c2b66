"""What a call leaves behind: its CDR and its queue_log rows, in the documented columns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine.domain import events as ev
from engine.domain.call import EXITS_WITHOUT_AGENT, Call, State
from engine.domain.outcomes import CDR_DISPOSITION, DIAL_STATUS, NOT_CALLED, Outcome

#: Asterisk's word for "no agent" in queue_log.
NOBODY = "NONE"
#: In the ids of our calls and of their legs, and in no other's.
_OURS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)


@dataclass(frozen=True, slots=True)
class QueueLogRow:
    """One row of queue_log_repo; `data` holds data1…data5, missing ones are empty."""

    at: datetime
    call: str
    queue: str
    agent: str
    event: str
    data: tuple[str, ...] = ()
    kind: Literal["queue_log"] = "queue_log"


@dataclass(frozen=True, slots=True)
class CdrRow:
    """One row of cdr_repo. Times are aware UTC; `duration` and `billsec` in whole seconds."""

    calldate: datetime
    clid: str
    src: str
    dst: str
    dcontext: str
    channel: str
    dstchannel: str
    lastapp: str
    duration: int
    billsec: int
    disposition: str
    accountcode: str
    guid: str
    causecode: str
    campaign: str
    contact: str
    dialerbase: str
    parandvalues: str
    note: str
    recorded: bool = False


def queue_log(before: Call, event: ev.CallEvent, after: Call) -> tuple[QueueLogRow, ...]:
    """Return the rows that `event` writes, given the call before and after it."""
    if before.state is State.ENDED or before == after:
        return ()  # heard twice
    campaign = after.dialer.name

    def row(name: str, *data: object, agent: str = NOBODY, queue: str = campaign) -> QueueLogRow:
        words = tuple(str(value) for value in data)
        return QueueLogRow(event.at, after.attempt.id, queue, agent, name, words)

    match event:
        case ev.CallerJoined():
            return (row("ENTERQUEUE", "", event.caller_id, event.position, queue=event.queue),)
        case ev.AgentMissed():
            return (row("RINGNOANSWER", event.ring_ms, agent=event.agent, queue=event.queue),)
        case ev.AgentLegFailed() | ev.AgentLegEnded() if before.state is State.OFFERED:
            rung = int((event.at - before.attempt.claimed_at).total_seconds() * 1000)
            return (row("RINGNOANSWER", rung, agent=after.agent),)
        case ev.AgentConnected() if _joined_already(before, event):
            return ()
        case ev.AgentConnected():
            return (
                row(
                    "CONNECT", event.hold, event.channel_id, event.ring, agent=event.agent, queue=event.queue
                ),
            )
        case ev.AgentCompleted(by="transfer"):
            # Where to is not known here: data1 and data2 (extension, context) stay empty.
            data = ("", "", event.hold, event.talk, after.position)
            return (row("TRANSFER", *data, agent=event.agent, queue=event.queue),)
        case ev.AgentCompleted():
            name = "COMPLETEAGENT" if event.by == "agent" else "COMPLETECALLER"
            return (row(name, event.hold, event.talk, after.position, agent=event.agent, queue=event.queue),)
        case ev.QueueExited() if after.connected_at is None and event.status in EXITS_WITHOUT_AGENT:
            return (row(EXITS_WITHOUT_AGENT[event.status], *_places(after, event)),)
    if after.outcome is None or after.outcome in NOT_CALLED:
        return ()
    outcall = row("OUTCALL", *_outcall(after), agent=after.agent or NOBODY)
    in_queue = after.queued_at is not None or after.abandoned is not None
    if after.outcome is Outcome.ABANDONED and in_queue and after.queue_exit not in EXITS_WITHOUT_AGENT:
        return (row("ABANDON", *_places(after, event)), outcall)
    return (outcall,)


def others_queue_log(event: ev.CallEvent) -> tuple[QueueLogRow, ...]:
    """Return the rows of a caller whom no campaign called (he called us, or another program him), as far as
    events tell: his place at the end of a talk is not known, nor whether he left or had waited too long."""
    if not isinstance(event, ev.QueueEvent) or not event.call or _OURS.search(event.call):
        return ()

    def row(name: str, *data: object, agent: str = NOBODY) -> tuple[QueueLogRow, ...]:
        words = tuple(str(value) for value in data)
        return (QueueLogRow(event.at, event.call, event.queue, agent, name, words),)

    match event:
        case ev.CallerJoined():
            return row("ENTERQUEUE", "", event.caller_id, event.position)
        case ev.CallerAbandoned():
            return row("ABANDON", event.position, event.original_position, event.hold)
        case ev.AgentMissed():
            return row("RINGNOANSWER", event.ring_ms, agent=event.agent)
        case ev.AgentConnected():
            return row("CONNECT", event.hold, event.channel_id, event.ring, agent=event.agent)
        case ev.AgentCompleted(by="transfer"):
            return row("TRANSFER", "", "", event.hold, event.talk, agent=event.agent)
        case ev.AgentCompleted():
            name = "COMPLETEAGENT" if event.by == "agent" else "COMPLETECALLER"
            return row(name, event.hold, event.talk, agent=event.agent)
    return ()


def _joined_already(call: Call, event: ev.AgentConnected) -> bool:
    """Does this tell of a talk that was told of before? Records that are read afterwards do."""
    same = event.agent == call.agent or event.interface == call.agent_interface
    return same and call.state in (State.CONNECTED, State.COMPLETED)


def _places(call: Call, event: ev.CallEvent) -> tuple[int, int, int]:
    """Position, original position and seconds waited, for a caller who leaves without an agent."""
    if call.abandoned is not None:
        gone = call.abandoned
        return gone.position, gone.original_position, gone.hold
    waited = int((event.at - call.queued_at).total_seconds()) if call.queued_at else 0
    return call.position, call.position, waited


def _outcall(call: Call) -> tuple[object, ...]:
    """OUTCALL: dialstatus, seconds answered, seconds in all, number, guid."""
    outcome = call.outcome or Outcome.UNKNOWN
    total, answered = _durations(call)
    status = "ANSWER" if call.answered_at else DIAL_STATUS[outcome]
    return status, answered, total, call.attempt.contact.phone.number, call.attempt.id


def _durations(call: Call) -> tuple[int, int]:
    end = call.ended_at or call.attempt.claimed_at
    start = call.sent_at or call.attempt.claimed_at
    total = round((end - start).total_seconds())
    answered = round((end - call.answered_at).total_seconds()) if call.answered_at else 0
    return max(total, 0), max(answered, 0)


def cdr(call: Call, *, recorded: bool = False) -> CdrRow:
    """Return the CDR of an ended call; `recorded`: there is a file of it."""
    outcome = call.outcome or Outcome.UNKNOWN
    contact = call.attempt.contact
    total, answered = _durations(call)
    codes = [str(code) for code in (call.cause,) if code is not None]
    if call.sip is not None:
        codes.append(f"SIP {call.sip}")
    return CdrRow(
        calldate=call.sent_at or call.attempt.claimed_at,
        clid=f'"{call.caller_id}" <{call.caller_id}>' if call.caller_id else "",
        src=call.caller_id,
        dst=contact.phone.number,
        dcontext=call.dialer.context,
        channel=call.channel,
        dstchannel=call.agent_channel,
        lastapp="Bridge"
        if call.attempt.desk and call.connected_at
        else "Queue"
        if call.queued_at
        else ("AMD" if call.amd else ""),
        duration=total,
        billsec=answered,
        disposition="ANSWERED" if call.answered_at else CDR_DISPOSITION[outcome],
        accountcode=call.agent,
        guid=call.attempt.id,
        causecode=" ".join(codes),
        campaign=call.dialer.name,
        contact=contact.reference,
        dialerbase=contact.list_name,
        parandvalues=contact.data,
        note=call.note,
        recorded=recorded,
    )

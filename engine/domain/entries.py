"""What must get into the tables, as plain values: it can be kept in a file while the database is away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from engine.domain.call import Call, State
from engine.domain.events import AgentDecided
from engine.domain.outcomes import Outcome
from engine.domain.phones import join_alternatives
from engine.domain.records import CdrRow, QueueLogRow
from engine.domain.rules import NextStep, Step


@dataclass(frozen=True, slots=True)
class Progress:
    """A step of an attempt that has not ended. Times are aware UTC."""

    attempt: str
    state: str
    ringing_at: datetime | None
    answered_at: datetime | None
    queued_at: datetime | None
    connected_at: datetime | None
    agent: str
    kind: Literal["progress"] = "progress"


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of an attempt, its CDR and last queue_log rows, and the contact's next place.

    `destination`, `alternatives`, `retries`, `not_before` and `reason` are the spool row's columns after
    it; for a finished contact, whose row goes, they mean nothing.
    """

    attempt: str
    spool_id: int
    ringing_at: datetime | None
    answered_at: datetime | None
    connected_at: datetime | None
    ended_at: datetime | None
    outcome: Outcome
    cause: int | None
    sip: int | None
    agent: str
    note: str
    step: Step
    destination: str
    alternatives: str
    retries: int
    not_before: datetime | None
    reason: str
    cdr: CdrRow | None
    queue_log: tuple[QueueLogRow, ...] = ()
    queued_at: datetime | None = None
    kind: Literal["ending"] = "ending"


@dataclass(frozen=True, slots=True)
class OptOut:
    """A person does not want to be called again, by any campaign."""

    at: datetime
    attempt: str
    phone: str
    kind: Literal["opt_out"] = "opt_out"


@dataclass(frozen=True, slots=True)
class AgentAct:
    """Evidence: an agent decided about a call before the customer was called."""

    at: datetime
    attempt: str
    campaign: str
    spool_id: int
    contact: str
    destination: str
    agent: str
    interface: str
    act: str
    reason: str
    via: str
    kind: Literal["agent_act"] = "agent_act"


@dataclass(frozen=True, slots=True)
class Heard:
    """How a broadcast call ended. `seconds`: how long it listened; `answers`: question, key, recording;
    `consent`: given (True), refused (False), or not asked for."""

    at: datetime
    attempt: str
    campaign: str
    contact: str
    destination: str
    result: str
    keys: str
    seconds: float
    answers: tuple[tuple[str, str, str], ...]
    consent: bool | None
    kind: Literal["heard"] = "heard"


Entry = Progress | QueueLogRow | Ending | OptOut | AgentAct | Heard


@dataclass(frozen=True, slots=True)
class Written:
    """An entry with its number in its journal and the fencing token under which it was made."""

    number: int
    fence: int
    entry: Entry


def progress(call: Call) -> Progress:
    """Return what the supervisor may read of a call that goes on.

    `failing` is a moment of the engine, not a state that anybody outside could act on.
    """
    return Progress(
        attempt=call.attempt.id,
        state=str(State.RINGING if call.state is State.FAILING else call.state),
        ringing_at=call.ringing_at,
        answered_at=call.answered_at,
        queued_at=call.queued_at,
        connected_at=call.connected_at,
        agent=call.agent or (call.attempt.desk.name if call.attempt.desk else ""),
    )


def agent_act(call: Call, event: AgentDecided) -> AgentAct:
    """Return the evidence of a decision."""
    contact = call.attempt.contact
    return AgentAct(
        at=event.at,
        attempt=call.attempt.id,
        campaign=call.dialer.name,
        spool_id=contact.id,
        contact=contact.reference,
        destination=contact.phone.number,
        agent=call.agent,
        interface=call.agent_interface,
        act=event.act,
        reason=event.reason,
        via=event.via,
    )


def ending(call: Call, record: CdrRow | None, following: NextStep, rows: tuple[QueueLogRow, ...]) -> Ending:
    """Return what the end of a call leaves. Raises ValueError for a call that has not ended."""
    if call.outcome is None:
        raise ValueError(f"call {call.attempt.id} ended without an outcome")
    return Ending(
        attempt=call.attempt.id,
        spool_id=call.attempt.contact.id,
        ringing_at=call.ringing_at,
        answered_at=call.answered_at,
        connected_at=call.connected_at,
        ended_at=call.ended_at,
        outcome=call.outcome,
        cause=call.cause,
        sip=call.sip,
        agent=call.agent,
        note=call.note,
        step=following.step,
        destination=following.phone.entry(),
        alternatives=join_alternatives(following.alternatives),
        retries=following.retries,
        not_before=following.not_before,
        reason=call.note if following.step in (Step.AGAIN, Step.ASIDE) else "",
        cdr=record,
        queue_log=rows,
        queued_at=call.queued_at,
    )


def attempt_of(entry: Entry) -> str:
    """Return the attempt that an entry is about, '' for none; a stranger's call is no attempt."""
    return entry.call if isinstance(entry, QueueLogRow) else entry.attempt

"""The call attempt: what is known of it after each event, and how it ended.

Which event leads from which state to which, `call_states` says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from engine.domain import events as ev
from engine.domain.call_states import EVENTS, TABLE, State
from engine.domain.model import Attempt, Dialer
from engine.domain.modes import Machines, Mode
from engine.domain.outcomes import Outcome, unanswered_outcome
from engine.domain.settings import REFUSED

__all__ = ["EVENTS", "EXITS_WITHOUT_AGENT", "TABLE", "Call", "State", "deadline_seconds", "step"]

#: QUEUESTATUS → the documented queue_log event, for callers who were sent on without an agent.
EXITS_WITHOUT_AGENT = {
    "TIMEOUT": "EXITWITHTIMEOUT",
    "FULL": "EXITEMPTY",
    "JOINEMPTY": "EXITEMPTY",
    "LEAVEEMPTY": "EXITEMPTY",
    "JOINUNAVAIL": "EXITEMPTY",
    "LEAVEUNAVAIL": "EXITEMPTY",
    # The dialplan's own word where no queue is involved: the reserved agent is not there.
    "NOAGENT": "EXITEMPTY",
}

_DIALLING = frozenset((State.CLAIMED, State.OFFERED, State.HELD, State.SENT, State.RINGING, State.FAILING))


@dataclass(frozen=True, slots=True)
class Call:
    """An attempt in flight and what is known of it. Times are aware UTC."""

    attempt: Attempt
    dialer: Dialer
    caller_id: str = ""
    state: State = State.CLAIMED
    sent_at: datetime | None = None
    accepted: bool = False
    ringing_at: datetime | None = None
    answered_at: datetime | None = None
    queued_at: datetime | None = None
    connected_at: datetime | None = None
    completed_at: datetime | None = None
    ended_at: datetime | None = None
    channel: str = ""
    dial_status: str = ""
    reason: int | None = None
    cause: int | None = None
    sip: int | None = None
    amd: str = ""
    agent: str = ""
    agent_interface: str = ""
    agent_channel: str = ""
    offered: frozenset[str] = frozenset()
    agent_leg: bool = False
    decision: str = ""
    position: int = 0
    abandoned: ev.CallerAbandoned | None = None
    queue_exit: str = ""
    refused_alone: bool = False
    withdrawn: bool = False
    note: str = ""
    outcome: Outcome | None = None

    @property
    def waiting(self) -> bool:
        """Answered and without an agent, none being rung for it: the next free one is owed to it."""
        if self.offered or self.queue_exit or self.abandoned is not None or self.attempt.desk is not None:
            return False
        if self.state is State.ANSWERED and self.dialer.mode is Mode.BROADCAST:
            return False  # hears a message
        # A machine is in the queue only where the campaign sends machines to agents.
        return self.state is State.QUEUED or (self.state is State.ANSWERED and self.amd != "MACHINE")

    @property
    def left_to_machine(self) -> bool:
        """Was a machine heard that no agent will talk to?"""
        return self.amd == "MACHINE" and self.dialer.options.machines is not Machines.AGENT

    @property
    def called(self) -> bool:
        """May the customer's phone have rung, or ring yet?"""
        return self.sent_at is not None

    @property
    def held(self) -> bool:
        """Is the reserved agent on the line, and the customer not called yet?"""
        return self.state is State.HELD

    @property
    def uncertain(self) -> bool:
        """May the order still lie somewhere on its way to Asterisk, with nothing heard of it?"""
        return self.state is State.SENT and not self.accepted

    @property
    def dialling(self) -> bool:
        """Placed and not yet answered."""
        return self.state in _DIALLING


def step(call: Call, event: ev.CallEvent) -> Call:
    """Return the call after `event`. Pure; raises KeyError for an event type nobody listed."""
    state = TABLE[call.state][type(event)]
    if call.state is State.ENDED:
        return call
    call = replace(_note(call, event), state=state)
    if state is State.ENDED:
        call = replace(call, ended_at=event.at, outcome=_outcome(call, event))
    return call


def _note(call: Call, event: ev.CallEvent) -> Call:
    """Write down what the event says; first times are kept when an event comes twice."""
    match event:
        case ev.OriginateSent():
            return replace(call, sent_at=call.sent_at or event.at)
        case ev.OriginateAccepted():
            return replace(call, accepted=True)
        case ev.OriginateRefused():
            return replace(call, note=f"{REFUSED}{event.text}", refused_alone=event.alone)
        case ev.OriginateFailed():
            return replace(call, reason=event.reason)
        case ev.Ringing():
            return replace(call, ringing_at=call.ringing_at or event.at, channel=event.channel)
        case ev.Answered():
            return replace(call, answered_at=call.answered_at or event.at, channel=event.channel)
        case ev.DialEnded():
            return replace(call, dial_status=event.status)
        case ev.MachineJudged():
            return replace(_answered(call, event.at), amd=event.status)
        case ev.CallerJoined() if call.state is State.QUEUED and not (call.queue_exit or call.abandoned):
            return call  # seen in a list before its own event came
        case ev.CallerJoined():
            return replace(
                _answered(call, event.at),
                queued_at=event.at,
                position=event.position,
                abandoned=None,
                queue_exit="",
            )
        case ev.CallerLeft():
            return _answered(call, event.at)
        case ev.CallerAbandoned():
            return replace(_answered(call, event.at), abandoned=event)
        case ev.QueueExited():
            return replace(_answered(call, event.at), queue_exit=event.status)
        case ev.OptedOut():
            return replace(_answered(call, event.at), note="opted out by key")
        case ev.AgentOffered():
            return replace(_answered(call, event.at), offered=call.offered | {event.interface})
        case ev.AgentMissed():
            return replace(_answered(call, event.at), offered=call.offered - {event.interface})
        case ev.AgentConnected():
            return replace(
                _answered(call, event.at),
                connected_at=call.connected_at or event.at,
                agent=event.agent,
                agent_interface=event.interface,
                # Who was called first is on the channel that his leg was answered on.
                agent_channel=event.channel or call.agent_channel,
                offered=frozenset(),
            )
        case ev.AgentCompleted():
            return replace(
                _answered(call, event.at),
                connected_at=call.connected_at or event.at,
                completed_at=event.at,
                agent=event.agent,
            )
        case ev.AgentLegOrdered():
            desk = call.attempt.desk
            return replace(
                call,
                agent_leg=True,
                agent=desk.name if desk else call.agent,
                agent_interface=desk.interface if desk else call.agent_interface,
            )
        case ev.AgentLegAnswered():
            return replace(call, agent_channel=event.channel)
        case ev.AgentLegFailed() | ev.AgentLegEnded():
            return replace(call, agent_leg=False)
        case ev.AgentDecided():
            return call if call.called else replace(call, decision=call.decision or event.act)
        case ev.AgentDismissed():
            return call
        case ev.AgentLost():
            return replace(call, connected_at=None, queue_exit="NOAGENT")
        case ev.HungUp():
            return replace(call, cause=event.cause, sip=event.sip, channel=event.channel or call.channel)
        case ev.HangUpOrdered():
            return replace(call, withdrawn=True)
        case ev.Overdue():
            return replace(call, note="nothing was heard of the call in its time")
        case ev.Vanished():
            return replace(call, note="the channel was gone when Asterisk was asked")
        case _:
            raise KeyError(type(event))


def _answered(call: Call, at: datetime) -> Call:
    """A call that does this has been answered, even when that event was missed."""
    return call if call.answered_at else replace(call, answered_at=at)


#: What an agent's decision makes of a call that was not placed for it.
_UNCALLED = {"skip": Outcome.SKIPPED, "later": Outcome.POSTPONED}


def _outcome(call: Call, event: ev.CallEvent) -> Outcome:
    """What the end means, from the strongest evidence to the weakest."""
    if call.sent_at is None and call.attempt.desk is not None:
        missed = Outcome.WITHHELD if isinstance(event, ev.AgentDismissed) else Outcome.AGENT_MISSED
        return _UNCALLED.get(call.decision, missed)
    if call.dialer.early_media and call.sip is not None and call.sip >= 400:
        # What was taken for an answer was an announcement: the call itself was refused in the end.
        return unanswered_outcome(sip=call.sip, cause=call.cause, status="", reason=call.reason)
    if call.connected_at is not None:
        return Outcome.ANSWERED
    if call.amd == "MACHINE":
        return Outcome.MACHINE
    if call.abandoned is not None or call.queue_exit in EXITS_WITHOUT_AGENT:
        return Outcome.ABANDONED
    if isinstance(event, ev.Overdue | ev.Vanished) and call.reason is None:
        return Outcome.UNKNOWN
    if call.answered_at is not None:
        # Who hears a message has reached what he was called for; who left the queue was abandoned above.
        return Outcome.ANSWERED if call.dialer.mode is Mode.BROADCAST else Outcome.ABANDONED
    if isinstance(event, ev.OriginateRefused):
        return Outcome.NOT_PLACED
    if call.withdrawn:
        return Outcome.WITHDRAWN
    outcome = unanswered_outcome(sip=call.sip, cause=call.cause, status=call.dial_status, reason=call.reason)
    if outcome is Outcome.NOT_PLACED and call.ringing_at is not None:
        return Outcome.FAILED
    return outcome


def deadline_seconds(state: State, ring_timeout: int, decision_time: int = 0) -> float | None:
    """Return how long a call may stay in `state` before Asterisk must be asked (s), or None.

    An agent who is on the line has `decision_time` where he decides (else 0). Talking and waiting have
    no limit of ours; setting up has the ring time and a margin, and the hang-up that follows a failure
    comes at once or never.
    """
    if state in (State.OFFERED, State.SENT, State.RINGING):
        return ring_timeout + 15.0
    if state is State.HELD:
        return decision_time + 15.0
    return 2.0 if state is State.FAILING else None

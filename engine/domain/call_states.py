"""The states of a call attempt and its one transition table.

Every state lists every event; what is not listed stops the program at import. Events may come
late, twice or out of order (OriginateResponse and Hangup do): a row says what each then means.
"""

from __future__ import annotations

import enum

from engine.domain import events as ev


class State(enum.StrEnum):
    """How far an attempt has come; the words are those of `attempts.state`."""

    CLAIMED = "claimed"  # chosen and written, nothing sent yet
    OFFERED = "offered"  # the reserved agent's phone rings, the customer's does not
    HELD = "held"  # the reserved agent is on the line; the customer is not called yet
    SENT = "sent"  # the order to call the customer may have left
    RINGING = "ringing"
    FAILING = "failing"  # given up by Asterisk, its hang-up is still to come
    ANSWERED = "answered"  # a far end answered; AMD or the dialplan is at work
    QUEUED = "queued"  # waits for an agent
    CONNECTED = "connected"  # talks with an agent
    COMPLETED = "completed"  # the talk is over, the channel not yet gone
    ENDED = "ended"


# What may happen to a call. A tuple, not a union: the table is checked against it.
EVENTS: tuple[type[ev.CallEvent], ...] = (
    ev.OriginateSent,
    ev.OriginateAccepted,
    ev.OriginateRefused,
    ev.OriginateFailed,
    ev.Ringing,
    ev.Answered,
    ev.DialEnded,
    ev.MachineJudged,
    ev.CallerJoined,
    ev.CallerLeft,
    ev.CallerAbandoned,
    ev.QueueExited,
    ev.OptedOut,
    ev.AgentOffered,
    ev.AgentMissed,
    ev.AgentConnected,
    ev.AgentCompleted,
    ev.AgentLost,
    ev.AgentLegOrdered,
    ev.AgentLegAnswered,
    ev.AgentLegFailed,
    ev.AgentLegEnded,
    ev.AgentDecided,
    ev.AgentDismissed,
    ev.HangUpOrdered,
    ev.HungUp,
    ev.Overdue,
    ev.Vanished,
)

_END = dict.fromkeys((ev.HungUp, ev.Overdue, ev.Vanished), State.ENDED)
#: Once the customer is called, what happens to the reserved agent's leg is noted and moves nothing.
_AGENT_LEG: tuple[type[ev.CallEvent], ...] = (
    ev.AgentLegOrdered,
    ev.AgentLegAnswered,
    ev.AgentLegFailed,
    ev.AgentLegEnded,
    ev.AgentDecided,
    ev.AgentDismissed,
)
# From here a call may be seen further on than we knew: events between were missed.
_FURTHER: dict[type[ev.CallEvent], State] = {
    ev.Answered: State.ANSWERED,
    ev.MachineJudged: State.ANSWERED,
    ev.CallerJoined: State.QUEUED,
    ev.AgentOffered: State.QUEUED,
    ev.AgentMissed: State.QUEUED,
    ev.CallerAbandoned: State.QUEUED,
    ev.CallerLeft: State.QUEUED,
    ev.QueueExited: State.QUEUED,
    ev.OptedOut: State.QUEUED,
    ev.AgentLost: State.QUEUED,
    ev.AgentConnected: State.CONNECTED,
    ev.AgentCompleted: State.COMPLETED,
}

#: State → event → next state. The same state means: noted, no step.
TABLE: dict[State, dict[type[ev.CallEvent], State]] = {
    State.CLAIMED: {
        # Nothing was sent, so nothing can be heard; a refusal is our own (withdrawn).
        **dict.fromkeys(EVENTS, State.CLAIMED),
        ev.OriginateSent: State.SENT,
        ev.OriginateRefused: State.ENDED,
        ev.AgentLegOrdered: State.OFFERED,
    },
    State.OFFERED: {
        # The customer knows of nothing yet: only the agent's side can move or end it.
        **dict.fromkeys(EVENTS, State.OFFERED),
        ev.AgentLegAnswered: State.HELD,
        ev.AgentLegFailed: State.ENDED,
        ev.AgentLegEnded: State.ENDED,
        ev.AgentDismissed: State.ENDED,
        ev.Overdue: State.ENDED,
        ev.Vanished: State.ENDED,
    },
    State.HELD: {
        **dict.fromkeys(EVENTS, State.HELD),
        ev.OriginateSent: State.SENT,
        ev.AgentLegFailed: State.ENDED,
        ev.AgentLegEnded: State.ENDED,
        ev.AgentDismissed: State.ENDED,
        ev.Overdue: State.ENDED,
        ev.Vanished: State.ENDED,
    },
    State.SENT: {
        ev.OriginateSent: State.SENT,
        ev.OriginateAccepted: State.SENT,
        ev.OriginateRefused: State.ENDED,
        ev.OriginateFailed: State.FAILING,
        ev.DialEnded: State.SENT,
        ev.HangUpOrdered: State.SENT,
        ev.Ringing: State.RINGING,
        **dict.fromkeys(_AGENT_LEG, State.SENT),
        **_FURTHER,
        **_END,
    },
    State.RINGING: {
        ev.OriginateSent: State.RINGING,
        ev.OriginateAccepted: State.RINGING,
        ev.OriginateRefused: State.RINGING,
        ev.OriginateFailed: State.FAILING,
        ev.DialEnded: State.RINGING,
        ev.HangUpOrdered: State.RINGING,
        ev.Ringing: State.RINGING,
        **dict.fromkeys(_AGENT_LEG, State.RINGING),
        **_FURTHER,
        **_END,
    },
    State.FAILING: {
        **dict.fromkeys(EVENTS, State.FAILING),
        # Failure and answer can cross on the wire; a call that talks has not failed.
        **_FURTHER,
        **_END,
    },
    State.ANSWERED: {
        **dict.fromkeys(EVENTS, State.ANSWERED),
        **_FURTHER,
        **_END,
    },
    State.QUEUED: {
        **dict.fromkeys(EVENTS, State.QUEUED),
        ev.AgentConnected: State.CONNECTED,
        ev.AgentCompleted: State.COMPLETED,
        **_END,
    },
    State.CONNECTED: {
        **dict.fromkeys(EVENTS, State.CONNECTED),
        ev.AgentCompleted: State.COMPLETED,
        ev.AgentLost: State.QUEUED,
        **_END,
    },
    State.COMPLETED: {
        **dict.fromkeys(EVENTS, State.COMPLETED),
        # Transferred into a queue again.
        ev.CallerJoined: State.QUEUED,
        ev.AgentConnected: State.CONNECTED,
        **_END,
    },
    State.ENDED: dict.fromkeys(EVENTS, State.ENDED),
}

for _state in State:
    _missing = set(EVENTS) ^ set(TABLE[_state])
    if _missing:
        raise RuntimeError(f"call machine: state {_state} lists {_missing} wrongly")

"""What can happen: to a call, to a queue and its agents, to the link with Asterisk.

Vendor words end before this module: adapters translate AMI messages into these.
`call` is the channel id of the customer's leg; for calls of ours it is the attempt id.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class CallEvent:
    """Something that happened to one customer call, at `at` (aware, UTC)."""

    at: datetime
    call: str


@dataclass(frozen=True, slots=True)
class OriginateSent(CallEvent):
    """The order to dial is about to leave; from here on it may have left."""


@dataclass(frozen=True, slots=True)
class OriginateAccepted(CallEvent):
    """Asterisk took the order: from here on the channel exists or has existed."""


@dataclass(frozen=True, slots=True)
class OriginateRefused(CallEvent):
    """Asterisk refused the order (or it never left): no channel exists.

    `alone`: orders for others are accepted, so it is this contact's fault.
    """

    text: str
    alone: bool = False


@dataclass(frozen=True, slots=True)
class OriginateFailed(CallEvent):
    """Asterisk gave up setting the call up. The hang-up of its channel usually follows."""

    reason: int


@dataclass(frozen=True, slots=True)
class Ringing(CallEvent):
    """The far end rings (180) or plays early media (183)."""

    channel: str


@dataclass(frozen=True, slots=True)
class Answered(CallEvent):
    channel: str


@dataclass(frozen=True, slots=True)
class DialEnded(CallEvent):
    """The dialling phase ended without an answer, with Asterisk's word for it."""

    status: str


@dataclass(frozen=True, slots=True)
class MachineJudged(CallEvent):
    """AMD's verdict: HUMAN, MACHINE, NOTSURE or HANGUP, with its cause."""

    status: str
    cause: str


@dataclass(frozen=True, slots=True)
class QueueEvent(CallEvent):
    """Something that happened to one caller in one queue."""

    queue: str


@dataclass(frozen=True, slots=True)
class CallerJoined(QueueEvent):
    position: int
    caller_id: str


@dataclass(frozen=True, slots=True)
class CallerLeft(QueueEvent):
    """The caller is no longer in the queue, whatever the reason."""


@dataclass(frozen=True, slots=True)
class CallerAbandoned(QueueEvent):
    """The caller left without an agent: hung up, or waited too long. `hold` in s."""

    position: int
    original_position: int
    hold: int


@dataclass(frozen=True, slots=True)
class QueueExited(CallEvent):
    """The dialplan went on after the queue, with Asterisk's QUEUESTATUS."""

    status: str


@dataclass(frozen=True, slots=True)
class AgentOffered(QueueEvent):
    """An agent's phone begins to ring for this caller."""

    interface: str
    agent: str


@dataclass(frozen=True, slots=True)
class AgentMissed(QueueEvent):
    """The agent did not take the call. `ring_ms` in ms."""

    interface: str
    agent: str
    ring_ms: int


@dataclass(frozen=True, slots=True)
class AgentConnected(QueueEvent):
    """Customer and agent hear each other. `hold` and `ring` in s."""

    interface: str
    agent: str
    channel: str
    channel_id: str
    hold: int
    ring: int


@dataclass(frozen=True, slots=True)
class AgentCompleted(QueueEvent):
    """The talk ended. `by` is agent, caller or transfer; `hold` and `talk` in s."""

    interface: str
    agent: str
    by: str
    hold: int
    talk: int


@dataclass(frozen=True, slots=True)
class AgentLegOrdered(CallEvent):
    """The order to ring the reserved agent is about to leave; the customer is not called yet."""


@dataclass(frozen=True, slots=True)
class AgentLegAnswered(CallEvent):
    """The reserved agent is on the line."""

    channel: str


@dataclass(frozen=True, slots=True)
class AgentLegFailed(CallEvent):
    """The reserved agent's phone could not be rung, or nobody took it."""

    reason: int


@dataclass(frozen=True, slots=True)
class AgentLegEnded(CallEvent):
    """The reserved agent's channel is gone."""

    cause: int | None


@dataclass(frozen=True, slots=True)
class AgentDecided(CallEvent):
    """The agent said what is to become of the call: `act` is dial, skip, later or timeout.

    `via`: by `key` on the phone or by an `order` from outside.
    """

    act: str
    reason: str
    via: str


@dataclass(frozen=True, slots=True)
class AgentDismissed(CallEvent):
    """We let the agent go: the customer will not be called for him now."""


@dataclass(frozen=True, slots=True)
class AgentLost(CallEvent):
    """The customer answered and could not be joined with the agent who was there a moment before."""


@dataclass(frozen=True, slots=True)
class OptedOut(CallEvent):
    """The called person pressed the key that the safe-harbour message offers: never call again."""


@dataclass(frozen=True, slots=True)
class HungUp(CallEvent):
    """The customer's channel is gone. `cause`: Q.850; `sip`: answer code where known."""

    channel: str
    cause: int | None
    sip: int | None


@dataclass(frozen=True, slots=True)
class HangUpOrdered(CallEvent):
    """We are about to hang the call up ourselves."""


@dataclass(frozen=True, slots=True)
class Overdue(CallEvent):
    """Nothing was heard of the call although its time is over."""


@dataclass(frozen=True, slots=True)
class Vanished(CallEvent):
    """Asterisk was asked and does not know the channel (any more)."""


@dataclass(frozen=True, slots=True)
class Member:
    """The facts about one member of one queue, as Asterisk reports them.

    `device`: Asterisk's device state (0 unknown … 8 on hold); `wrapup`: member's own wrap-up in s.
    """

    queue: str
    interface: str
    name: str
    device: int
    paused: bool
    in_call: bool
    paused_reason: str = ""
    wrapup: int = 0
    last_call: datetime | None = None


@dataclass(frozen=True, slots=True)
class MemberSeen:
    """A member's facts, from an event or a query. `change`: status, pause, added or listed."""

    at: datetime
    member: Member
    change: str


@dataclass(frozen=True, slots=True)
class MemberGone:
    """A member was removed from a queue."""

    at: datetime
    queue: str
    interface: str
    name: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A caller who waits in a queue, as listed by a query."""

    queue: str
    call: str
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class QueueFacts:
    """What Asterisk says of one queue: its averages and its service level are seconds; `completed` counts
    since its start."""

    queue: str
    strategy: str = ""
    service_level: int = 0
    hold: int = 0
    talk: int = 0
    completed: int = 0


@dataclass(frozen=True, slots=True)
class QueuesListed:
    """The full picture of all queues at one moment; replaces what was known."""

    at: datetime
    queues: tuple[str, ...]
    members: tuple[Member, ...]
    waiting: tuple[Waiting, ...]
    facts: tuple[QueueFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class ChannelsListed:
    """All live channels at one moment, and whether each is answered."""

    at: datetime
    live: dict[str, bool]


@dataclass(frozen=True, slots=True)
class LinkUp:
    """Asterisk can be asked and ordered again; the picture must be taken anew."""

    at: datetime


@dataclass(frozen=True, slots=True)
class LinkDown:
    """Asterisk cannot be reached: nothing can be dialled, events are being missed."""

    at: datetime
    reason: str


AgentEvent = MemberSeen | MemberGone | QueuesListed
LinkEvent = LinkUp | LinkDown
Event = CallEvent | AgentEvent | ChannelsListed | LinkEvent

"""From AMI messages to our events: pure, one function per AMI event, unknown ones are nothing.

Field names and meanings: Asterisk 20 and 22 AMI event reference, checked against Asterisk 22.10.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.domain import events as ev
from engine.domain.model import leg_owner

#: A parsed AMI message: header access without regard to case, '' for what is missing.
Message = Any


def translate(message: Message, at: datetime) -> ev.Event | None:
    """Return what `message` means, or None when it means nothing to us."""
    maker = _MAKERS.get(message.event)
    event = maker(message, at) if maker else None
    if isinstance(event, ev.CallEvent):
        attempt = leg_owner(event.call)
        return event if attempt is None else _agent_leg(event, attempt)
    return event


def _agent_leg(event: ev.CallEvent, attempt: str) -> ev.Event | None:
    """Return what happened to a call whose reserved agent's leg this happened to."""
    match event:
        case ev.Answered():
            return ev.AgentLegAnswered(event.at, attempt, event.channel)
        case ev.OriginateFailed():
            return ev.AgentLegFailed(event.at, attempt, event.reason)
        case ev.HungUp():
            return ev.AgentLegEnded(event.at, attempt, event.cause)
    return None


#: Asterisk sends no larger number in earnest, and neither the tables nor the calendar could hold one.
_LARGEST = 2**31 - 1


def _int(text: object, default: int = 0, largest: int = _LARGEST) -> int:
    """A number; what is none, or larger than any, is `default`."""
    try:
        value = int(float(str(text)))
    except (ValueError, OverflowError):
        return default
    return value if abs(value) <= largest else default


#: In the year 4147: a wrap-up that begins before is over before the calendar is.
_LAST_MOMENT = 2**36


def _moment(seconds: int) -> datetime | None:
    """A Unix time; 0 means that there is none."""
    return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None


def _code(text: object) -> int | None:
    """A cause or SIP code; 0 and nonsense mean that there is none."""
    return _int(text) or None


def _dial_state(m: Message, at: datetime) -> ev.Event | None:
    # A dial with a calling channel is a queue ringing an agent; ours has none.
    if "uniqueid" in m or m.dialstatus not in ("RINGING", "PROGRESS"):
        return None
    return ev.Ringing(at, m.destuniqueid, m.destchannel)


def _dial_end(m: Message, at: datetime) -> ev.Event | None:
    if "uniqueid" in m:
        return None
    if m.dialstatus == "ANSWER":
        return ev.Answered(at, m.destuniqueid, m.destchannel)
    return ev.DialEnded(at, m.destuniqueid, m.dialstatus)


ORIGINATE_ID = "originate/"


def _originate_response(m: Message, at: datetime) -> ev.Event | None:
    # The ActionID is ours and always there; the Uniqueid is missing when no channel could be made.
    call = m.actionid.removeprefix(ORIGINATE_ID) if m.actionid.startswith(ORIGINATE_ID) else m.uniqueid
    if m.response == "Success":
        return ev.Answered(at, call, m.channel)
    return ev.OriginateFailed(at, call, _int(m.reason))


def _hangup(m: Message, at: datetime) -> ev.Event:
    sip = m.techcause.removeprefix("SIP").strip()
    return ev.HungUp(at, m.uniqueid, m.channel, _code(m.cause), _code(sip))


def _joined(m: Message, at: datetime) -> ev.Event:
    return ev.CallerJoined(at, m.uniqueid, m.queue, _int(m.position, 1), m.calleridnum)


def _left(m: Message, at: datetime) -> ev.Event:
    return ev.CallerLeft(at, m.uniqueid, m.queue)


def _abandoned(m: Message, at: datetime) -> ev.Event:
    return ev.CallerAbandoned(
        at, m.uniqueid, m.queue, _int(m.position), _int(m.originalposition), _int(m.holdtime)
    )


def _called(m: Message, at: datetime) -> ev.Event:
    return ev.AgentOffered(at, m.uniqueid, m.queue, m.interface, m.membername)


def _missed(m: Message, at: datetime) -> ev.Event:
    return ev.AgentMissed(at, m.uniqueid, m.queue, m.interface, m.membername, _int(m.ringtime))


def _connected(m: Message, at: datetime) -> ev.Event:
    return ev.AgentConnected(
        at,
        m.uniqueid,
        m.queue,
        m.interface,
        m.membername,
        m.destchannel,
        m.destuniqueid,
        _int(m.holdtime),
        _int(m.ringtime),
    )


def _completed(m: Message, at: datetime) -> ev.Event:
    return ev.AgentCompleted(
        at,
        m.uniqueid,
        m.queue,
        m.interface,
        m.membername,
        m.reason,
        _int(m.holdtime),
        _int(m.talktime),
    )


def _member(m: Message) -> ev.Member:
    return ev.Member(
        queue=m.queue,
        # QueueMember (a list item) and the events name the same fields differently.
        interface=m.interface or m.location,
        name=m.membername or m.name,
        device=_int(m.status),
        paused=m.paused == "1",
        in_call=m.incall == "1",
        paused_reason=m.pausedreason,
        wrapup=_int(m.wrapuptime),
        last_call=_moment(_int(m.lastcall, largest=_LAST_MOMENT)),
    )


def _member_event(change: str) -> Callable[[Message, datetime], ev.Event]:
    def make(m: Message, at: datetime) -> ev.Event:
        return ev.MemberSeen(at, _member(m), change)

    return make


def _removed(m: Message, at: datetime) -> ev.Event:
    return ev.MemberGone(at, m.queue, m.interface, m.membername)


#: The keys of an agent who decides (docs/modes.md); '' is no key in time.
_KEYS = {"1": "dial", "2": "skip", "3": "later", "": "timeout"}


def _decision(m: Message, at: datetime, call: str) -> ev.Event | None:
    act = _KEYS.get(m.key)
    reason = f"key {m.reason}" if m.reason else ""
    return ev.AgentDecided(at, call, act, reason, "key") if act else None


def _user_event(m: Message, at: datetime) -> ev.Event | None:
    call = m.attempt or m.uniqueid
    if m.userevent == "OverdialQueueExit":
        return ev.QueueExited(at, call, m.status)
    if m.userevent == "OverdialOptOut":
        return ev.OptedOut(at, call)
    if m.userevent == "OverdialJoined":
        return ev.AgentConnected(
            at, call, m.queue, m.interface, m.agent, m.agentchannel, m.agentleg, 0, _int(m.ring)
        )
    if m.userevent == "OverdialLeft":
        return ev.AgentCompleted(at, call, m.queue, m.interface, m.agent, m.by, 0, _int(m.talk))
    if m.userevent == "OverdialAgentLost":
        return ev.AgentLost(at, call)
    if m.userevent == "OverdialDecision":
        return _decision(m, at, call)
    if m.userevent == "OverdialAmd":
        return ev.MachineJudged(at, call, m.status, m.cause)
    return None


_MAKERS: dict[str, Callable[[Message, datetime], ev.Event | None]] = {
    "DialState": _dial_state,
    "DialEnd": _dial_end,
    "OriginateResponse": _originate_response,
    "Hangup": _hangup,
    "QueueCallerJoin": _joined,
    "QueueCallerLeave": _left,
    "QueueCallerAbandon": _abandoned,
    "AgentCalled": _called,
    "AgentRingNoAnswer": _missed,
    "AgentConnect": _connected,
    "AgentComplete": _completed,
    "QueueMemberStatus": _member_event("status"),
    "QueueMemberPause": _member_event("pause"),
    "QueueMemberAdded": _member_event("added"),
    "QueueMemberRemoved": _removed,
    "UserEvent": _user_event,
}


def queues_listed(messages: Iterable[Message], at: datetime) -> ev.QueuesListed:
    """Return the picture that a QueueStatus answer draws."""
    queues: list[str] = []
    facts: list[ev.QueueFacts] = []
    members: list[ev.Member] = []
    waiting: list[ev.Waiting] = []
    for message in messages:
        if message.event == "QueueParams":
            queues.append(message.queue)
            facts.append(_facts(message))
        elif message.event == "QueueMember":
            members.append(_member(message))
        elif message.event == "QueueEntry":
            since = at - timedelta(seconds=max(_int(message.wait), 0))
            waiting.append(ev.Waiting(message.queue, message.uniqueid, since))
    return ev.QueuesListed(at, tuple(queues), tuple(members), tuple(waiting), tuple(facts))


def _facts(m: Message) -> ev.QueueFacts:
    numbers = (_int(m.servicelevel), _int(m.holdtime), _int(m.talktime), _int(m.completed))
    return ev.QueueFacts(m.queue, m.strategy, *numbers)


def channels_listed(messages: Iterable[Message], at: datetime) -> ev.ChannelsListed:
    """Return what a CoreShowChannels answer says: channel id → answered (channel state 6, Up)."""
    return ev.ChannelsListed(
        at, {m.uniqueid: m.channelstate == "6" for m in messages if m.event == "CoreShowChannel"}
    )


def quote_variable(name: str, value: str) -> str:
    """Return `name=value` as the Variable header wants it.

    Asterisk splits that header at commas and reads quotes, brackets and backslashes
    (main/manager.c, astman_get_variables; main/app.c, __ast_app_separate_args): each of them is
    taken literally after a backslash.
    """
    return name + "=" + "".join("\\" + mark if mark in '\\",()[]{}' else mark for mark in value)

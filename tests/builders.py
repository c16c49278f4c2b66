"""Ready-made dialers, contacts, attempts, calls and events, so that a test names only what it is about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from engine.domain import events as ev
from engine.domain.call import Call, step
from engine.domain.callerid import parse_callerid
from engine.domain.dialstring import parse_dialstring
from engine.domain.model import Attempt, AttemptId, CampaignName, Contact, Dialer, DialerType, SpoolId
from engine.domain.phones import Phone
from engine.domain.schedule import parse_schedule
from engine.domain.variables import Variables

#: A Monday afternoon.
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
ID = AttemptId("0195573e-0000-7000-8000-000000000001")
QUEUE = "DEMO007<-"
AGENT = "Ana"
PHONE = "PJSIP/101"
CHANNEL = "PJSIP/CARRIER-00000001"

#: For property tests: how long an example takes is no concern of theirs, and none is stored.
PURE = settings(deadline=None, database=None)
#: Any text at all, lone surrogates included.
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=80)


def near(*pieces: str) -> st.SearchStrategy[str]:
    """Texts that are nearly right: pieces of a grammar in any order, or anything at all."""
    return st.lists(st.sampled_from(pieces), max_size=14).map("".join) | ANY_TEXT


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def a_dialer(**changes: Any) -> Dialer:
    dialer = Dialer(
        name=CampaignName(QUEUE),
        dialer_type=DialerType.POWER,
        schedule=parse_schedule("sun-sat;00:00-23:59"),
        dial_string=parse_dialstring("SIP/CARRIER/9898"),
        context="PowerDialer",
        exten="${EXTEN}",
        caller_id=parse_callerid("18885751288"),
        variables=Variables(()),
        max_channels=100,
        timeout=30,
        tbc=0,
        tbc_nocontact=30,
        retries=0,
    )
    return replace(dialer, **changes)


def a_contact(**changes: Any) -> Contact:
    contact = Contact(
        id=SpoolId(7),
        campaign=CampaignName(QUEUE),
        phone=Phone("0991234567"),
        alternatives=(),
        data="name=Mario:other=x",
        reference="C-42",
        list_name="march",
        priority=9999,
        agent_phone="",
        retries=0,
    )
    return replace(contact, **changes)


def an_attempt(contact: Contact | None = None) -> Attempt:
    return Attempt(ID, contact or a_contact(), NOW)


def a_call(*events: ev.CallEvent, **changes: Any) -> Call:
    """A call of the default dialer and contact, after `events`."""
    call = replace(Call(attempt=an_attempt(), dialer=a_dialer(), caller_id="18885751288"), **changes)
    return play(call, *events)


def play(call: Call, *events: ev.CallEvent) -> Call:
    for event in events:
        call = step(call, event)
    return call


# Events of the one call that these tests tell of; `t` is in seconds after NOW.


def sent(t: float = 0) -> ev.OriginateSent:
    return ev.OriginateSent(later(t), ID)


def refused(t: float = 0, text: str = "Extension does not exist.") -> ev.OriginateRefused:
    return ev.OriginateRefused(later(t), ID, text)


def failed(reason: int, t: float = 30) -> ev.OriginateFailed:
    return ev.OriginateFailed(later(t), ID, reason)


def ringing(t: float = 2) -> ev.Ringing:
    return ev.Ringing(later(t), ID, CHANNEL)


def answered(t: float = 10) -> ev.Answered:
    return ev.Answered(later(t), ID, CHANNEL)


def dial_ended(status: str, t: float = 20) -> ev.DialEnded:
    return ev.DialEnded(later(t), ID, status)


def judged(status: str, t: float = 12) -> ev.MachineJudged:
    return ev.MachineJudged(later(t), ID, status, "INITIALSILENCE-1500")


def joined(t: float = 11, position: int = 1) -> ev.CallerJoined:
    return ev.CallerJoined(later(t), ID, QUEUE, position, "0991234567")


def left(t: float = 20) -> ev.CallerLeft:
    return ev.CallerLeft(later(t), ID, QUEUE)


def abandoned(t: float = 31, position: int = 2, original: int = 3, hold: int = 20) -> ev.CallerAbandoned:
    return ev.CallerAbandoned(later(t), ID, QUEUE, position, original, hold)


def queue_exit(status: str, t: float = 31) -> ev.QueueExited:
    return ev.QueueExited(later(t), ID, status)


def offered(t: float = 13, interface: str = PHONE, agent: str = AGENT) -> ev.AgentOffered:
    return ev.AgentOffered(later(t), ID, QUEUE, interface, agent)


def missed(t: float = 18, interface: str = PHONE, agent: str = AGENT) -> ev.AgentMissed:
    return ev.AgentMissed(later(t), ID, QUEUE, interface, agent, 5000)


def connected(t: float = 15) -> ev.AgentConnected:
    return ev.AgentConnected(later(t), ID, QUEUE, PHONE, AGENT, "PJSIP/101-00000002", "1741.2", 4, 2)


def completed(by: str = "agent", t: float = 75) -> ev.AgentCompleted:
    return ev.AgentCompleted(later(t), ID, QUEUE, PHONE, AGENT, by, 4, 60)


def hung_up(t: float = 80, cause: int | None = 16, sip: int | None = None) -> ev.HungUp:
    return ev.HungUp(later(t), ID, CHANNEL, cause, sip)


def overdue(t: float = 90) -> ev.Overdue:
    return ev.Overdue(later(t), ID)


def vanished(t: float = 90) -> ev.Vanished:
    return ev.Vanished(later(t), ID)


def hang_up_ordered(t: float = 40) -> ev.HangUpOrdered:
    return ev.HangUpOrdered(later(t), ID)


def any_event() -> st.SearchStrategy[ev.CallEvent]:
    """Any event that can happen to the call, at any second of ten minutes."""
    t = st.integers(0, 600)
    code = st.none() | st.integers(0, 130)
    exits = st.sampled_from(["TIMEOUT", "FULL", "LEAVEEMPTY", "CONTINUE", ""])
    return st.one_of(
        *(st.builds(make, t) for make in (sent, refused, ringing, answered, joined, left, abandoned)),
        *(st.builds(make, t) for make in (offered, missed, connected, overdue, vanished)),
        st.builds(hang_up_ordered, t),
        st.builds(failed, st.integers(0, 9), t),
        st.builds(dial_ended, st.sampled_from(["BUSY", "CANCEL", "NOANSWER", ""]), t),
        st.builds(judged, st.sampled_from(["HUMAN", "MACHINE", "NOTSURE", "HANGUP"]), t),
        st.builds(queue_exit, exits, t),
        st.builds(completed, st.sampled_from(["agent", "caller", "transfer"]), t),
        st.builds(hung_up, t, code, st.none() | st.integers(400, 620)),
    )


def a_member(**changes: Any) -> ev.Member:
    """An agent whose phone is free (device state 1)."""
    return replace(ev.Member(QUEUE, PHONE, AGENT, device=1, paused=False, in_call=False), **changes)

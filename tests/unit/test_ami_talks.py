"""Ends of talks that Asterisk tells without their call."""

from __future__ import annotations

from datetime import UTC, datetime

from engine.adapters.ami.talks import Talks
from engine.adapters.ami.translate import translate
from engine.adapters.ami.wire import Message
from engine.domain import events as ev

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def heard(talks: Talks, kind: str, call: str = "", interface: str = "PJSIP/agent101") -> ev.Event | None:
    """What becomes of one message: `call` '' as when the caller has left Asterisk's cache."""
    fields = {
        "Event": kind,
        "Queue": "SALES<-",
        "Interface": interface,
        "MemberName": "Ana",
        "Reason": "caller",
    }
    event = translate(Message(fields | ({"Uniqueid": call} if call else {})), NOW)
    assert event is not None
    return talks.named(event)


def test_the_end_of_a_talk_that_names_no_call_is_that_of_the_seat() -> None:
    talks = Talks()
    heard(talks, "AgentConnect", "one")
    heard(talks, "AgentConnect", "two", "PJSIP/agent102")
    ended = heard(talks, "AgentComplete")
    assert isinstance(ended, ev.AgentCompleted)
    assert (ended.call, ended.agent, ended.by) == ("one", "Ana", "caller")
    assert heard(talks, "AgentComplete") is None, "it is told once"


def test_an_end_that_names_its_call_is_as_it_was_told() -> None:
    talks = Talks()
    heard(talks, "AgentConnect", "one")
    heard(talks, "AgentConnect", "two")
    late = heard(talks, "AgentComplete", "one")
    assert isinstance(late, ev.AgentCompleted)
    assert late.call == "one"
    ended = heard(talks, "AgentComplete")
    assert isinstance(ended, ev.AgentCompleted)
    assert ended.call == "two"


def test_what_is_no_end_of_a_talk_passes_and_an_end_of_an_unknown_one_does_not() -> None:
    talks = Talks()
    assert isinstance(heard(talks, "AgentCalled", "one"), ev.AgentOffered)
    assert heard(talks, "AgentComplete") is None

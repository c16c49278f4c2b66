"""The call machine: what becomes of an attempt, whatever is heard of it and in whatever order."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import events as ev
from engine.domain.call import State, deadline_seconds, step
from engine.domain.outcomes import Outcome
from tests import builders as b
from tests.builders import PURE, a_call, any_event, later, play

IN_QUEUE = (b.sent(), b.ringing(), b.answered(), b.joined())
TALKING = (*IN_QUEUE, b.offered(), b.connected())


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ((*TALKING, b.completed("agent"), b.hung_up()), Outcome.ANSWERED),
        ((*TALKING, b.completed("caller"), b.hung_up()), Outcome.ANSWERED),
        ((*TALKING, b.hung_up()), Outcome.ANSWERED),
        ((*TALKING, b.vanished()), Outcome.ANSWERED),
        ((*IN_QUEUE, b.abandoned(), b.left(), b.hung_up()), Outcome.ABANDONED),
        ((*IN_QUEUE, b.hung_up()), Outcome.ABANDONED),
        ((*IN_QUEUE, b.abandoned(), b.queue_exit("TIMEOUT"), b.hung_up()), Outcome.ABANDONED),
        ((b.sent(), b.answered(), b.hung_up()), Outcome.ABANDONED),
        ((b.sent(), b.answered(), b.judged("HUMAN"), b.hung_up()), Outcome.ABANDONED),
        ((b.sent(), b.answered(), b.judged("MACHINE"), b.hung_up()), Outcome.MACHINE),
        ((b.sent(), b.answered(), b.judged("MACHINE"), b.vanished()), Outcome.MACHINE),
        ((b.sent(), b.answered(), b.judged("MACHINE"), b.connected(), b.hung_up()), Outcome.ANSWERED),
        ((b.sent(), b.ringing(), b.hung_up(cause=17, sip=486)), Outcome.BUSY),
        ((b.sent(), b.dial_ended("BUSY"), b.failed(5), b.hung_up(cause=17)), Outcome.BUSY),
        ((b.sent(), b.hung_up(cause=34, sip=503)), Outcome.CONGESTION),
        ((b.sent(), b.failed(8), b.hung_up(cause=34)), Outcome.CONGESTION),
        ((b.sent(), b.hung_up(cause=1, sip=404)), Outcome.INVALID),
        ((b.sent(), b.ringing(), b.hung_up(cause=21, sip=603)), Outcome.REJECTED),
        ((b.sent(), b.hung_up(cause=21, sip=403)), Outcome.REJECTED),
        ((b.sent(), b.ringing(), b.hung_up(cause=16, sip=487)), Outcome.CANCELLED),
        ((b.sent(), b.ringing(), b.failed(3), b.hung_up(cause=16, sip=480)), Outcome.NO_ANSWER),
        ((b.sent(), b.ringing(), b.failed(3), b.hung_up(cause=16, sip=487)), Outcome.NO_ANSWER),
        ((b.sent(), b.ringing(), b.hung_up(cause=19, sip=480), b.failed(3)), Outcome.NO_ANSWER),
        ((b.sent(), b.ringing(), b.failed(3), b.overdue()), Outcome.NO_ANSWER),
        ((b.sent(), b.failed(0), b.overdue()), Outcome.NOT_PLACED),
        ((b.sent(), b.refused()), Outcome.NOT_PLACED),
        ((b.refused(),), Outcome.NOT_PLACED),
        ((b.sent(), b.overdue()), Outcome.UNKNOWN),
        ((b.sent(), b.ringing(), b.vanished()), Outcome.UNKNOWN),
        ((b.sent(), b.answered(), b.vanished()), Outcome.UNKNOWN),
    ],
)
def test_every_way_a_call_ends_has_its_outcome(events: tuple[ev.CallEvent, ...], outcome: Outcome) -> None:
    call = a_call(*events)
    assert call.state is State.ENDED
    assert call.outcome is outcome


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ((b.sent(), b.connected(), b.hung_up()), Outcome.ANSWERED),
        ((b.sent(), b.completed(), b.hung_up()), Outcome.ANSWERED),
        ((b.sent(), b.joined(), b.hung_up()), Outcome.ABANDONED),
        ((b.sent(), b.offered(), b.hung_up()), Outcome.ABANDONED),
        ((b.sent(), b.missed(), b.hung_up()), Outcome.ABANDONED),
        ((b.sent(), b.abandoned(), b.hung_up()), Outcome.ABANDONED),
        ((b.sent(), b.left(), b.hung_up()), Outcome.ABANDONED),
        ((b.sent(), b.queue_exit("TIMEOUT"), b.hung_up()), Outcome.ABANDONED),
        ((b.sent(), b.judged("MACHINE"), b.hung_up()), Outcome.MACHINE),
    ],
)
def test_a_call_seen_further_on_was_answered_even_when_the_events_before_were_missed(
    events: tuple[ev.CallEvent, ...], outcome: Outcome
) -> None:
    assert a_call(*events).outcome is outcome


@pytest.mark.parametrize("gone", [b.vanished(), b.overdue()])
@pytest.mark.parametrize("why", [b.abandoned(), b.queue_exit("TIMEOUT")])
def test_a_caller_seen_leaving_without_an_agent_is_abandoned_though_the_hang_up_was_missed(
    why: ev.CallEvent, gone: ev.CallEvent
) -> None:
    assert a_call(*IN_QUEUE, why, gone).outcome is Outcome.ABANDONED


def test_a_call_that_rang_was_placed_even_when_its_end_gives_no_code() -> None:
    assert a_call(b.sent(), b.ringing(), b.hung_up(cause=None)).outcome is not Outcome.NOT_PLACED


def test_failure_and_answer_can_cross_and_a_call_that_talks_has_not_failed() -> None:
    call = a_call(b.sent(), b.ringing(), b.failed(3), *TALKING[2:])
    assert call.state is State.CONNECTED
    assert play(call, b.completed(), b.hung_up()).outcome is Outcome.ANSWERED


def test_what_comes_after_the_end_changes_nothing() -> None:
    ended = a_call(b.sent(), b.hung_up(cause=17, sip=486))
    assert play(ended, b.failed(5), b.ringing(), b.answered(), b.connected(), b.hung_up(t=99)) == ended


def test_an_event_heard_twice_changes_nothing() -> None:
    script = (*TALKING, b.completed(), b.hung_up())
    assert a_call(*(event for event in script for _ in range(2))) == a_call(*script)


def test_the_first_time_counts_when_an_event_comes_again_later() -> None:
    call = a_call(b.sent(0), b.ringing(2), b.ringing(5), b.answered(10), b.answered(12), b.connected(15))
    assert (call.sent_at, call.ringing_at, call.answered_at) == (later(0), later(2), later(10))
    assert play(call, b.connected(16)).connected_at == later(15)


def test_a_late_ringing_does_not_take_an_answered_call_back() -> None:
    assert a_call(b.sent(), b.answered(), b.ringing()).state is State.ANSWERED


def test_a_refusal_cannot_end_a_call_that_already_rings() -> None:
    assert a_call(b.sent(), b.ringing(), b.refused()).state is State.RINGING


def test_a_call_transferred_into_a_queue_waits_again() -> None:
    call = a_call(*TALKING, b.completed("transfer"), b.joined(t=80))
    assert call.state is State.QUEUED
    assert call.waiting
    assert play(call, b.hung_up(t=99)).outcome is Outcome.ANSWERED


@pytest.mark.parametrize(
    ("events", "waiting", "dialling"),
    [
        ((), False, True),
        ((b.sent(), b.ringing()), False, True),
        ((b.sent(), b.answered()), True, False),
        (IN_QUEUE, True, False),
        ((*IN_QUEUE, b.offered()), False, False),
        ((*IN_QUEUE, b.offered(), b.missed()), True, False),
        ((*IN_QUEUE, b.abandoned()), False, False),
        ((*IN_QUEUE, b.queue_exit("TIMEOUT")), False, False),
        ((*IN_QUEUE, b.queue_exit("TIMEOUT"), b.joined(t=40)), True, False),
        (TALKING, False, False),
        ((*TALKING, b.completed()), False, False),
        ((*TALKING, b.completed(), b.hung_up()), False, False),
    ],
)
def test_an_agent_is_owed_to_a_caller_who_waits_and_is_not_being_offered(
    events: tuple[ev.CallEvent, ...], waiting: bool, dialling: bool
) -> None:
    call = a_call(*events)
    assert (call.waiting, call.dialling) == (waiting, dialling)


def test_a_caller_for_whom_a_second_phone_still_rings_is_owed_no_other_agent() -> None:
    ringing_two = (b.offered(13, "PJSIP/101", "Ana"), b.offered(13, "PJSIP/102", "Luis"))
    assert not a_call(*IN_QUEUE, *ringing_two, b.missed(15, "PJSIP/101", "Ana")).waiting


def test_setting_up_has_a_limit_and_talking_has_none() -> None:
    limits = {state: deadline_seconds(state, ring_timeout=30) for state in State}
    assert (limits[State.SENT] or 0) > 30
    assert (limits[State.RINGING] or 0) > 30
    assert 0 < (limits[State.FAILING] or 0) < 30
    assert {limits[s] for s in (State.ANSWERED, State.QUEUED, State.CONNECTED, State.COMPLETED)} == {None}


def test_an_event_that_nobody_listed_is_an_error() -> None:
    @dataclass(frozen=True, slots=True)
    class Unheard(ev.CallEvent):
        pass

    with pytest.raises(KeyError):
        step(a_call(), Unheard(b.NOW, b.ID))


ENDS = (ev.HungUp, ev.Overdue, ev.Vanished)
AGENT_SPOKE = (ev.AgentConnected, ev.AgentCompleted)


@PURE
@given(st.lists(any_event(), max_size=25))
def test_a_placed_call_ends_exactly_when_its_end_is_heard_and_stays_ended(events: list[ev.CallEvent]) -> None:
    call = a_call(b.sent())
    for event in events:
        refused = isinstance(event, ev.OriginateRefused) and call.state is State.SENT
        after = step(call, event)
        if call.state is State.ENDED:
            assert after == call
        else:
            assert (after.state is State.ENDED) == (isinstance(event, ENDS) or refused)
        assert (after.state is State.ENDED) == (after.outcome is not None) == (after.ended_at is not None)
        call = after


@PURE
@given(st.lists(any_event(), max_size=25))
def test_a_call_counts_as_answered_only_when_an_agent_was_connected(events: list[ev.CallEvent]) -> None:
    call, agent_spoke = a_call(b.sent()), False
    for event in events:
        agent_spoke = agent_spoke or (call.outcome is None and isinstance(event, AGENT_SPOKE))
        call = step(call, event)
    if call.outcome is not None:
        assert (call.outcome is Outcome.ANSWERED) == agent_spoke


@PURE
@given(st.lists(any_event(), max_size=25))
def test_before_its_order_is_sent_only_a_refusal_can_end_a_call(events: list[ev.CallEvent]) -> None:
    call = a_call()
    for event in events:
        if isinstance(event, ev.OriginateSent | ev.OriginateRefused):
            break
        call = step(call, event)
    assert call.state is State.CLAIMED


def test_a_call_that_we_hang_up_before_an_answer_is_withdrawn_and_one_that_talks_is_answered() -> None:
    assert b.a_call(b.sent(), b.ringing(), b.hang_up_ordered(), b.hung_up()).outcome is Outcome.WITHDRAWN
    assert b.a_call(*TALKING, b.hang_up_ordered(), b.hung_up()).outcome is Outcome.ANSWERED

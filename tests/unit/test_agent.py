"""The agent seat: what one agent is doing, from the facts that Asterisk reports."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.agent import Seat, SeatState
from tests.builders import NOW, PURE, a_member, later


@pytest.mark.parametrize(
    ("device", "state"),
    [
        (0, SeatState.READY),
        (1, SeatState.READY),
        (2, SeatState.BUSY),
        (3, SeatState.BUSY),
        (4, SeatState.GONE),
        (5, SeatState.GONE),
        (6, SeatState.RINGING),
        (7, SeatState.RINGING),
        (8, SeatState.BUSY),
    ],
)
def test_an_idle_seat_is_what_its_phone_is(device: int, state: SeatState) -> None:
    assert Seat(a_member(device=device)).state(NOW) is state


@pytest.mark.parametrize("device", range(9))
def test_a_paused_seat_takes_no_call_whatever_its_phone_does(device: int) -> None:
    assert Seat(a_member(device=device, paused=True)).state(NOW) is SeatState.PAUSED


@pytest.mark.parametrize(
    "facts", [{"device": 2}, {"device": 1}, {"device": 8}, {"device": 5}, {"device": 2, "paused": True}]
)
def test_a_talk_outranks_everything_even_a_pause_asked_for_during_it(facts: dict[str, Any]) -> None:
    assert Seat(a_member(**facts)).connect("call").state(NOW) is SeatState.TALKING
    assert Seat(a_member(in_call=True, **facts)).state(NOW) is SeatState.TALKING


def test_a_seat_that_is_offered_a_call_rings_before_its_phone_says_so() -> None:
    seat = Seat(a_member()).offer("call")
    assert seat.state(NOW) is SeatState.RINGING
    assert seat.refuse("call").state(NOW) is SeatState.READY


def test_missing_one_call_does_not_end_the_offer_of_another() -> None:
    assert Seat(a_member()).offer("second").refuse("first").state(NOW) is SeatState.RINGING


def test_after_a_talk_the_seat_has_its_wrap_up_and_then_is_ready() -> None:
    seat = Seat(a_member()).offer("call").connect("call").complete(NOW, wrapup=15)
    assert seat.state(NOW) is SeatState.WRAPUP
    assert seat.state(later(14.9)) is SeatState.WRAPUP
    assert seat.state(later(15)) is SeatState.READY


def test_without_wrap_up_the_seat_is_ready_at_once() -> None:
    assert Seat(a_member()).connect("call").complete(NOW, wrapup=0).state(NOW) is SeatState.READY


def test_the_wrap_up_of_the_member_outranks_that_of_the_queue() -> None:
    seat = Seat(a_member(wrapup=60)).connect("call").complete(NOW, wrapup=15)
    assert seat.state(later(59)) is SeatState.WRAPUP
    assert seat.state(later(60)) is SeatState.READY


def test_a_completed_talk_is_over_even_when_the_last_facts_still_said_in_call() -> None:
    seat = Seat(a_member(in_call=True, device=1)).connect("call").complete(NOW, wrapup=0)
    assert seat.state(NOW) is SeatState.READY


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        ({"device": 2}, SeatState.BUSY),
        ({"device": 6}, SeatState.RINGING),
        ({"device": 5}, SeatState.GONE),
        ({"paused": True}, SeatState.PAUSED),
        ({"device": 1}, SeatState.WRAPUP),
    ],
)
def test_what_happens_during_wrap_up_is_seen(facts: dict[str, Any], state: SeatState) -> None:
    seat = Seat(a_member()).connect("call").complete(NOW, wrapup=30)
    assert seat.seen(a_member(**facts)).state(later(5)) is state


def test_a_new_talk_ends_the_wrap_up_of_the_last_one() -> None:
    seat = Seat(a_member()).connect("first").complete(NOW, wrapup=60).offer("second").connect("second")
    assert seat.state(later(1)) is SeatState.TALKING
    assert seat.complete(later(2), wrapup=0).state(later(3)) is SeatState.READY


def test_new_facts_do_not_end_a_talk() -> None:
    seat = Seat(a_member()).connect("call").seen(a_member(device=1))
    assert seat.state(NOW) is SeatState.TALKING


@PURE
@given(
    st.integers(0, 8),
    st.booleans(),
    st.booleans(),
    st.lists(st.sampled_from(["offer", "refuse", "connect", "complete"]), max_size=8),
    st.integers(0, 100),
)
def test_a_ready_seat_is_never_paused_talking_ringing_or_unreachable(
    device: int, paused: bool, in_call: bool, story: list[str], seconds: int
) -> None:
    seat = Seat(a_member(device=device, paused=paused, in_call=in_call))
    for word in story:
        match word:
            case "offer":
                seat = seat.offer("call")
            case "refuse":
                seat = seat.refuse("call")
            case "connect":
                seat = seat.connect("call")
            case _:
                seat = seat.complete(NOW, wrapup=30)
    if seat.state(later(seconds)) is SeatState.READY:
        assert device in (0, 1)
        assert not paused
        assert not seat.call
        assert not seat.offered

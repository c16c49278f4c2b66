"""The live picture of the queues: who sits there, who waits there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import events as ev
from engine.domain.agent import SeatState
from engine.domain.picture import Picture
from tests import builders as b
from tests.builders import ID, NOW, PHONE, PURE, QUEUE, a_member, any_event, later

OTHER = "0195573e-0000-7000-8000-000000000002"


def seen(t: float = 0, **facts: Any) -> ev.MemberSeen:
    return ev.MemberSeen(later(t), a_member(**facts), "status")


def listed(
    *members: ev.Member, t: float = 0, waiting: tuple[str, ...] = (), queues: tuple[str, ...] = (QUEUE,)
) -> ev.QueuesListed:
    return ev.QueuesListed(later(t), queues, members, tuple(ev.Waiting(QUEUE, call) for call in waiting))


def a_picture(*events: ev.Event, wrapup: int = 0) -> Picture:
    picture = Picture()
    picture.set_wrapup({QUEUE: wrapup})
    for event in events:
        picture.apply(event)
    return picture


def only_seat(picture: Picture, t: float = 0) -> SeatState:
    (state,) = picture.queue(QUEUE).states(later(t)).elements()
    return state


def test_a_queue_that_nobody_named_has_no_seats_and_nobody_waits() -> None:
    queue = Picture().queue("NEW<-")
    assert not queue.states(NOW)
    assert not queue.waiting
    assert queue.next_free(NOW) is None


def test_it_is_known_since_when_a_seat_is_in_its_state() -> None:
    def since(t: float) -> float | None:
        (seat,) = picture.queue(QUEUE).seats.values()
        began = seat.since(later(t))
        return None if began is None else (began - NOW).total_seconds()

    picture = a_picture(listed(a_member()), wrapup=15)
    assert since(1) is None, "it began before anybody looked"
    picture.apply(b.offered(13))
    picture.apply(seen(14, device=6))
    assert since(14) == 13, "what changes nothing begins nothing"
    picture.apply(b.connected(15))
    picture.apply(seen(20, paused=True))
    assert since(20) == 15, "a talk outranks the pause"
    picture.apply(b.completed(t=75))
    picture.apply(seen(80, paused=False))
    assert since(81) == 80, "he was paused for five seconds of his wrap-up"
    assert since(95) == 90, "the wrap-up has run out by itself"
    picture.apply(listed(a_member(), t=100))
    assert since(101) == 90
    picture.apply(seen(110, paused=True))
    picture.apply(listed(a_member(paused=True), t=120))
    assert since(121) == 110


def test_a_seat_follows_one_call_from_offer_to_wrap_up() -> None:
    picture = a_picture(seen(), wrapup=15)
    assert only_seat(picture) is SeatState.READY
    picture.apply(b.offered(13))
    assert only_seat(picture, 13) is SeatState.RINGING
    picture.apply(b.connected(15))
    assert only_seat(picture, 15) is SeatState.TALKING
    picture.apply(b.completed(t=75))
    assert only_seat(picture, 75) is SeatState.WRAPUP
    assert picture.queue(QUEUE).next_free(later(75)) == later(90)
    assert only_seat(picture, 90) is SeatState.READY
    assert picture.queue(QUEUE).next_free(later(90)) is None


def test_the_next_free_agent_is_the_one_whose_wrap_up_ends_first() -> None:
    picture = a_picture(seen(wrapup=60), seen(interface="PJSIP/102", wrapup=20))
    for event in (b.connected(15), b.completed(t=75)):
        picture.apply(event)
        picture.apply(replace(event, interface="PJSIP/102"))
    assert picture.queue(QUEUE).next_free(later(75)) == later(95)


def test_a_missed_call_leaves_the_agent_free() -> None:
    assert only_seat(a_picture(seen(), b.offered(), b.missed()), 18) is SeatState.READY


def test_a_caller_waits_until_he_leaves_is_connected_or_hangs_up() -> None:
    for end in (b.left(), b.connected(), b.hung_up()):
        picture = a_picture(seen(), b.joined())
        assert picture.queue(QUEUE).waiting == {ID}
        picture.apply(end)
        assert not picture.queue(QUEUE).waiting


def test_a_hang_up_ends_the_talk_even_when_the_queue_did_not_say_so() -> None:
    picture = a_picture(seen(), b.connected(15), b.hung_up(t=80), wrapup=15)
    assert only_seat(picture, 80) is SeatState.WRAPUP
    assert only_seat(picture, 95) is SeatState.READY


def test_a_hang_up_while_the_phone_rings_leaves_the_agent_free_without_wrap_up() -> None:
    assert only_seat(a_picture(seen(), b.offered(), b.hung_up(t=14), wrapup=15), 14) is SeatState.READY


def test_the_hang_up_of_a_stranger_changes_nothing() -> None:
    picture = a_picture(seen(), b.connected(15))
    assert picture.apply(replace(b.hung_up(), call=OTHER)) is None
    assert only_seat(picture, 80) is SeatState.TALKING


def test_a_second_caller_who_gives_up_while_he_is_offered_does_not_end_the_talk() -> None:
    picture = a_picture(seen(), b.connected(15), replace(b.offered(20), call=OTHER))
    picture.apply(replace(b.hung_up(t=25), call=OTHER))
    assert only_seat(picture, 25) is SeatState.TALKING


def test_a_caller_for_whom_a_second_phone_still_rings_is_still_being_offered() -> None:
    picture = a_picture(seen(), seen(interface="PJSIP/102"), b.joined(), b.offered())
    picture.apply(b.offered(interface="PJSIP/102"))
    picture.apply(b.missed())
    assert ID in picture.queue(QUEUE).offered


@pytest.mark.parametrize(
    ("facts", "state"),
    [({"paused": True}, SeatState.PAUSED), ({"device": 5}, SeatState.GONE), ({"device": 2}, SeatState.BUSY)],
)
def test_new_facts_about_a_member_are_seen_at_once(facts: dict[str, Any], state: SeatState) -> None:
    assert only_seat(a_picture(seen(), seen(**facts))) is state


def test_new_facts_do_not_end_a_wrap_up() -> None:
    picture = a_picture(seen(), b.connected(15), b.completed(t=75), seen(76), wrapup=15)
    assert only_seat(picture, 80) is SeatState.WRAPUP


def test_a_member_who_is_removed_has_no_seat() -> None:
    picture = a_picture(seen(), ev.MemberGone(NOW, QUEUE, PHONE, b.AGENT))
    assert not picture.queue(QUEUE).states(NOW)
    assert picture.apply(ev.MemberGone(NOW, QUEUE, PHONE, b.AGENT)) == QUEUE


def test_an_agent_of_two_queues_has_a_seat_in_each() -> None:
    picture = a_picture(seen(), seen(queue="OTHER<-", paused=True))
    assert only_seat(picture) is SeatState.READY
    assert picture.queue("OTHER<-").states(NOW) == {SeatState.PAUSED: 1}


def test_a_full_list_replaces_what_was_known() -> None:
    picture = a_picture(seen(interface="PJSIP/199"), b.joined())
    picture.apply(listed(a_member(), waiting=(OTHER,)))
    assert set(picture.queue(QUEUE).seats) == {PHONE}
    assert picture.queue(QUEUE).waiting == {OTHER}


def test_a_talk_and_its_hang_up_survive_a_full_list() -> None:
    picture = a_picture(seen(), b.connected(15), listed(a_member(in_call=True, device=2), t=20))
    assert only_seat(picture, 20) is SeatState.TALKING
    picture.apply(seen(79, device=1))
    picture.apply(b.hung_up(t=80))
    assert only_seat(picture, 80) is SeatState.READY


def test_a_talk_that_ended_unheard_is_over_in_the_full_list() -> None:
    picture = a_picture(seen(), b.connected(15), listed(a_member(), t=100))
    assert only_seat(picture, 100) is SeatState.READY


def test_wrap_up_is_known_from_a_full_list_by_the_end_of_the_last_call() -> None:
    picture = a_picture(listed(a_member(last_call=later(-5))), wrapup=15)
    assert only_seat(picture) is SeatState.WRAPUP
    assert picture.queue(QUEUE).next_free(NOW) == later(10)
    assert only_seat(a_picture(listed(a_member(last_call=later(-15))), wrapup=15)) is SeatState.READY


@pytest.mark.parametrize(
    "event", [b.joined(), b.left(), b.offered(), b.missed(), b.connected(), b.completed(), seen()]
)
def test_the_queue_that_changed_is_named(event: ev.Event) -> None:
    assert a_picture(seen()).apply(event) == QUEUE


@pytest.mark.parametrize(
    "event", [b.sent(), b.ringing(), b.answered(), ev.LinkDown(NOW, "x"), ev.LinkUp(NOW)]
)
def test_what_is_no_business_of_a_queue_changes_none(event: ev.Event) -> None:
    assert a_picture(seen(), b.joined()).apply(event) is None


@PURE
@given(st.lists(any_event() | st.builds(seen, device=st.integers(0, 8)), max_size=30))
def test_whatever_happens_a_caller_who_hung_up_holds_no_seat_and_waits_no_more(
    events: list[ev.Event],
) -> None:
    picture = a_picture(seen(), *events, b.hung_up(t=600))
    queue = picture.queue(QUEUE)
    assert ID not in queue.waiting
    assert ID not in queue.offered
    assert all(ID not in (seat.call, seat.offered) for seat in queue.seats.values())


def test_a_queue_is_the_same_however_its_name_is_spelt() -> None:
    picture = a_picture(seen())
    assert picture.queue(QUEUE.lower()).states(NOW) == picture.queue(QUEUE).states(NOW)
    assert sum(picture.queue(QUEUE.lower()).states(NOW).values()) == 1

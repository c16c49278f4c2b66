"""What a trunk may be given, shared by all campaigns; and what pacers are told of seats and calls."""

from __future__ import annotations

import pytest

from engine.domain.agent import Seat, SeatState
from engine.domain.errors import FieldError
from engine.domain.events import Member
from engine.domain.model import CampaignName
from engine.domain.pacing import Bound, Decision
from engine.domain.pacing.rivals import Rivals
from engine.domain.pacing.watch import SeatWatch, open_call, traits_of
from engine.domain.settings import TrunkLimits, read_trunks
from engine.services.trunks import Trunks
from tests import builders as b
from tests.builders import NOW, QUEUE, a_call, a_contact, a_dialer, later


def a_trunk(channels: int | None, cps: float | None) -> Trunks:
    trunks = Trunks()
    trunks.follow({"CARRIER": TrunkLimits(channels, cps)})
    return trunks


def test_a_trunk_without_a_row_has_no_limit() -> None:
    assert Trunks().room("CARRIER", 500) is None
    assert Trunks().calls("CARRIER", NOW) == (None, None)


def test_what_one_campaign_has_decided_another_does_not_count_on() -> None:
    trunks = a_trunk(10, None)
    trunks.reserve("CARRIER", 4, NOW)
    assert trunks.room("CARRIER", 3) == 3
    trunks.settle("CARRIER", 4, 2, NOW)
    assert trunks.room("CARRIER", 5) == 5, "two are in the book now, two were not needed"


def test_calls_per_second_are_spread_and_what_was_not_used_comes_back() -> None:
    trunks = a_trunk(None, 2.0)
    assert trunks.calls("CARRIER", NOW)[0] == 1
    trunks.reserve("CARRIER", 1, NOW)
    assert trunks.calls("CARRIER", NOW) == (0, later(0.5))
    trunks.settle("CARRIER", 1, 0, NOW)
    assert trunks.calls("CARRIER", NOW)[0] == 1


def test_changed_limits_hold_at_once_and_a_removed_row_frees_the_trunk() -> None:
    trunks = a_trunk(1, None)
    trunks.reserve("CARRIER", 1, NOW)
    trunks.follow({"CARRIER": TrunkLimits(3, None)})
    assert trunks.room("CARRIER", 0) == 2
    trunks.follow({})
    assert trunks.room("CARRIER", 0) is None


@pytest.mark.parametrize(
    ("row", "field"),
    [({"channels": -1, "cps": None}, "trunks.channels"), ({"channels": None, "cps": 0}, "trunks.cps")],
)
def test_a_limit_that_cannot_be_meant_is_named(row: dict[str, object], field: str) -> None:
    with pytest.raises(FieldError, match=field):
        read_trunks([{"name": "CARRIER", **row}])


def test_seats_tell_how_long_they_were_in_a_state() -> None:
    watch = SeatWatch()
    free = Seat(Member(QUEUE, "PJSIP/101", "Ana", 1, False, False))
    assert watch.look({"PJSIP/101": free}, NOW) == []
    talking = {"PJSIP/101": free.connect("call")}
    [change] = watch.look(talking, later(5))
    assert (change.before, change.after, change.lasted) == (SeatState.READY, SeatState.TALKING, 5.0)
    [seat] = watch.in_use(talking)
    assert (seat.state, seat.since) == (SeatState.TALKING, later(5))
    wrapping = {"PJSIP/101": talking["PJSIP/101"].complete(later(65), 10)}
    [change] = watch.look(wrapping, later(65))
    assert (change.after, change.lasted) == (SeatState.WRAPUP, 60.0)
    assert watch.in_use(wrapping)[0].until == later(75)
    watch.look({}, later(66))
    assert watch.in_use({}) == (), "who logged off is nobody's seat"


def test_a_call_is_open_until_it_needs_an_agent_or_cannot() -> None:
    traits = traits_of(a_contact(retries=2, list_name="march"), 15)
    assert (traits.attempt, traits.list_name, traits.hour) == (3, "march", 15)
    assert open_call(a_call(b.sent(), b.ringing()), traits) is not None
    assert open_call(a_call(b.sent(), b.answered()), traits) is None
    listening = a_call(b.sent(), b.answered(), dialer=a_dialer(am=1))
    still = open_call(listening, traits)
    assert still is not None
    assert still.answered is not None
    assert open_call(a_call(b.sent(), b.failed(0)), traits) is None


def test_campaigns_that_share_seats_count_with_each_others_callers() -> None:
    rivals = Rivals()
    decision = Decision(1, Bound.AGENTS, "", {"expected": 3.0, "waiting": 1.0, "relief": 2.0})
    rivals.note(a_dialer().name, decision, frozenset("abcd"))
    other = CampaignName("OTHER<-")
    assert rivals.of(other, frozenset("ab")) == (2.0, 1.0, 0.5)
    assert rivals.of(a_dialer().name, frozenset("ab")) == (0.0, 0.0, 1.0), (
        "its own are in the picture already"
    )
    rivals.rest(a_dialer().name, calls=1)
    assert rivals.of(other, frozenset("ab")) == (2.0, 1.0, 1.0), "who places none leaves the agents to others"
    rivals.rest(a_dialer().name, calls=0)
    assert rivals.of(other, frozenset("ab")) == (0.0, 0.0, 1.0)
    rivals.note(a_dialer().name, decision, frozenset("abcd"))
    rivals.forget(a_dialer().name)
    assert rivals.of(other, frozenset("ab")) == (0.0, 0.0, 1.0)

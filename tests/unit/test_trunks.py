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
    rivals.note(a_dialer().name, decision, frozenset("abcd"), NOW)
    other = CampaignName("OTHER<-")
    assert rivals.of(other, frozenset("ab"), NOW) == (2.0, 1.0, 0.5)
    assert rivals.of(a_dialer().name, frozenset("ab"), NOW) == (0.0, 0.0, 1.0), (
        "its own are in the picture already"
    )
    rivals.rest(a_dialer().name, calls=1)
    assert rivals.of(other, frozenset("ab"), NOW) == (2.0, 1.0, 1.0), (
        "who places none leaves the agents to others"
    )
    rivals.rest(a_dialer().name, calls=0)
    assert rivals.of(other, frozenset("ab"), NOW) == (0.0, 0.0, 1.0)
    rivals.note(a_dialer().name, decision, frozenset("abcd"), NOW)
    rivals.forget(a_dialer().name)
    assert rivals.of(other, frozenset("ab"), NOW) == (0.0, 0.0, 1.0)


def test_every_call_of_a_campaign_that_may_lose_none_keeps_its_agent() -> None:
    rivals = Rivals()
    numbers = {"expected": 0.5, "dialling": 1.0, "channels": 1.0, "target": 0.0}
    for bound in (Bound.DATA, Bound.BUDGET):
        rivals.note("learns", Decision(1, bound, "", numbers), frozenset("ab"), NOW)
        assert rivals.of("fed", frozenset("ab"), NOW).callers == 2.0
    rivals.note("learns", Decision(1, Bound.BUDGET, "", numbers | {"target": 0.01}), frozenset("ab"), NOW)
    assert rivals.of("fed", frozenset("ab"), NOW).callers == 0.5


SEATS = frozenset("ab")
NO_CALL = Decision(0, Bound.BUDGET, "", {"channels": 0.0})


def test_who_has_had_no_calls_for_a_while_gets_a_turn_until_it_has_some() -> None:
    rivals = Rivals()
    for at in (0, 30, 61):
        rivals.note("hungry", NO_CALL, SEATS, later(at))
        rivals.note("fed", Decision(1, Bound.AGENTS, "", {"channels": 2.0}), SEATS, later(at))
        assert (rivals.of("fed", SEATS, later(at)).share == 0.0) == (at == 61)
        assert rivals.of("hungry", SEATS, later(at)).share > 0.0
    assert rivals.of("elsewhere", frozenset("xy"), later(61)).share == 1.0, "with other agents"
    rivals.note("hungry", Decision(2, Bound.AGENTS, "", {"channels": 0.0}), SEATS, later(62))
    assert rivals.of("fed", SEATS, later(62)).share > 0.0


def test_of_several_who_wait_the_one_that_has_waited_longest_has_its_turn_alone() -> None:
    rivals = Rivals()
    rivals.note("first", NO_CALL, SEATS, later(0))
    rivals.note("second", NO_CALL, SEATS, later(5))
    shares = [rivals.of(name, SEATS, later(90)).share for name in ("first", "second", "fed")]
    assert [share > 0.0 for share in shares] == [True, False, False]


def test_a_turn_that_is_of_no_use_ends_and_comes_more_rarely() -> None:
    rivals = Rivals()
    turns = []
    for second in range(600):
        rivals.note("hungry", NO_CALL, SEATS, later(second))
        turns.append(rivals.of("fed", SEATS, later(second)).share == 0.0)
    assert turns[:60] == [False] * 60
    assert all(turns[60:105])
    assert not any(turns[105:225])
    assert sum(turns) <= 3 * 45 + 5


def test_who_wants_no_calls_or_has_some_takes_no_turn() -> None:
    rivals = Rivals()
    for at in (0, 100):
        rivals.note("talks", Decision(0, Bound.NOBODY, "", {"channels": 1.0}), SEATS, later(at))
        rivals.note("empty", Decision(0, Bound.SPOOL, "", {"channels": 0.0}), SEATS, later(at))
        rivals.note("nobody there", Decision(0, Bound.NOBODY, "", {}), SEATS, later(at))
        rivals.note("rests", NO_CALL, SEATS, later(at))
        rivals.rest("rests", calls=1)
    assert rivals.of("fed", SEATS, later(100)).share > 0.0

"""Predictive dialling: how many calls, why not more, and that nothing makes it dial into the void."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import events as ev
from engine.domain.agent import SeatState
from engine.domain.model import DialerType
from engine.domain.pacing import (
    PROFILES,
    STRICT,
    Bound,
    CallInFlight,
    ChannelPacer,
    DayTotals,
    Pacer,
    Placed,
    PredictivePacer,
    Profile,
    SeatChanged,
    SeatInUse,
    Snapshot,
    pacer_for,
)
from tests.builders import NOW, PURE, a_dialer, later

PREDICTIVE = a_dialer(dialer_type=DialerType.PREDICTIVE, max_channels=20)


def a_snapshot(**changes: object) -> Snapshot:
    empty = Snapshot(PREDICTIVE, ready=0, ringing=0, talking=0, wrapup=0, dialling=0, waiting=0, channels=0)
    return replace(empty, **changes)  # type: ignore[arg-type]


def talking(count: int, since: float = -60.0) -> tuple[SeatInUse, ...]:
    return tuple(SeatInUse(SeatState.TALKING, later(since - index)) for index in range(count))


def taught(
    pacer: Pacer, *, calls: int = 400, answers: int = 4, until: datetime = NOW, served: bool = True
) -> Pacer:
    """Every `answers`-th call is answered after 10 s and talks for 60 s, the rest end after 20 s."""
    start = until - timedelta(seconds=2 * calls + 30)
    for index in range(calls):
        at, call = start + timedelta(seconds=2 * index), f"past{index}"
        pacer.observe(Placed(at, call))
        if index % answers:
            pacer.observe(ev.HungUp(at + timedelta(seconds=20), call, "", 16, None))
            continue
        joined = at + timedelta(seconds=10)
        pacer.observe(ev.CallerJoined(joined, call, "Q", 1, ""))
        if served:
            pacer.observe(ev.AgentConnected(joined, call, "Q", "S", "S", "", "", 0, 0))
            pacer.observe(SeatChanged(joined, SeatState.TALKING, SeatState.READY, 50.0 + index % 20))
        else:
            pacer.observe(ev.CallerAbandoned(joined, call, "Q", 1, 1, 2))
        pacer.observe(ev.HungUp(joined, call, "", 16, None))
    return pacer


def a_pacer(**changes: object) -> PredictivePacer:
    pacer = PredictivePacer(STRICT)
    pacer.budget.begin(NOW.date())
    taught(pacer, **changes)  # type: ignore[arg-type]
    return pacer


def test_predictive_has_a_pacer_and_learns_under_the_dialers_jurisdiction() -> None:
    pacer = pacer_for(replace(PREDICTIVE, jurisdiction="usa"))
    assert isinstance(pacer, PredictivePacer)
    assert pacer.profile is PROFILES["US"]
    assert isinstance(pacer_for(a_dialer(dialer_type=DialerType.VOICE_BROADCAST)), ChannelPacer)


def test_at_the_start_every_free_agent_has_one_call_and_no_more() -> None:
    pacer = pacer_for(PREDICTIVE)
    decision = pacer.decide(a_snapshot(ready=20), NOW)
    assert (decision.calls, decision.bound) == (20, Bound.DATA)
    assert "needed" in decision.reason
    again = pacer.decide(a_snapshot(ready=20, dialling=20, channels=20), later(1))
    assert again.calls == 0, "no burst while the first calls still ring"


def test_where_one_in_four_answers_more_calls_than_free_agents_are_placed() -> None:
    pacer = a_pacer()
    decision = pacer.decide(a_snapshot(ready=5, talking=15, seats=talking(15)), NOW)
    assert decision.calls > 7
    assert decision.detail["answer_rate"] == pytest.approx(0.25, abs=0.05)
    assert decision.bound is Bound.AGENTS


def test_calls_are_placed_for_agents_who_will_be_free_in_time() -> None:
    pacer = a_pacer()
    soon = pacer.decide(a_snapshot(talking=20, seats=talking(20, since=-55)), NOW)
    late = a_pacer().decide(a_snapshot(talking=20, seats=talking(20, since=10)), NOW)
    assert soon.calls > late.calls


def test_who_is_certain_to_be_free_in_time_counts_as_free() -> None:
    wrapping = tuple(SeatInUse(SeatState.WRAPUP, later(-5), until=later(1)) for _ in range(6))
    pacer = a_pacer()
    certain = pacer.decide(a_snapshot(wrapup=6, seats=wrapping), NOW)
    ready = a_pacer().decide(a_snapshot(ready=6), NOW)
    assert certain.calls == ready.calls > 6


def test_calls_in_flight_count_by_their_age() -> None:
    """A call that has rung longer than anybody takes to answer takes no agent any more."""
    fresh = tuple(CallInFlight(f"c{index}", later(-9)) for index in range(12))
    stale = tuple(CallInFlight(f"c{index}", later(-18)) for index in range(12))
    common = {"ready": 6, "dialling": 12, "channels": 12}
    assert (
        a_pacer().decide(a_snapshot(calls=stale, **common), NOW).calls
        > a_pacer().decide(a_snapshot(calls=fresh, **common), NOW).calls
    )


def test_callers_who_wait_take_their_agents_first() -> None:
    waiting = a_pacer().decide(a_snapshot(ready=6, waiting=6), NOW)
    nobody = a_pacer().decide(a_snapshot(ready=6), NOW)
    assert waiting.calls < nobody.calls


def test_callers_of_other_campaigns_take_agents_too() -> None:
    shared = a_pacer().decide(a_snapshot(ready=8, rivals=4.0), NOW)
    alone = a_pacer().decide(a_snapshot(ready=8), NOW)
    assert shared.calls < alone.calls


def test_a_day_over_its_budget_goes_on_without_risk_and_says_so() -> None:
    pacer = a_pacer()
    pacer.observe(DayTotals(NOW.date(), answered=400, abandoned=40))
    decision = pacer.decide(a_snapshot(ready=6), NOW)
    assert (decision.calls, decision.bound) == (6, Bound.BUDGET)
    assert "40" in decision.reason
    assert decision.detail["target"] == 0.0
    tomorrow = later(86_400)
    assert pacer.decide(a_snapshot(ready=6), tomorrow).calls == 6, "a day begins without risk"
    pacer.observe(DayTotals(tomorrow.date(), answered=400, abandoned=4))
    assert pacer.decide(a_snapshot(ready=6), tomorrow).calls > 6, "and recovers by itself"


def test_a_window_over_its_limit_is_named_as_what_bound_not_today() -> None:
    pacer = PredictivePacer(PROFILES["US"])
    pacer.budget.begin(NOW.date())
    taught(pacer)
    pacer.observe(DayTotals(NOW.date() - timedelta(days=3), answered=5000, abandoned=250))
    decision = pacer.decide(a_snapshot(ready=6), NOW)
    assert (decision.calls, decision.bound) == (6, Bound.BUDGET)
    assert "in 30 days" in decision.reason


def test_where_hardly_anybody_answers_more_calls_follow_and_it_says_so() -> None:
    pacer = a_pacer(calls=1000, answers=100)
    pacer.observe(DayTotals(NOW.date(), answered=400, abandoned=4))
    decision = pacer.decide(a_snapshot(ready=20), NOW)
    assert decision.bound is Bound.BATCH
    assert decision.detail["risk"] <= decision.detail["theta"], "it was not the risk that bound"
    assert "find no agent" not in decision.reason


def test_rules_with_a_minutes_patience_and_calls_that_ring_long_are_forecast() -> None:
    pacer = PredictivePacer(Profile("patient", seconds=60.0))
    pacer.budget.begin(NOW.date())
    for index in range(40):
        at, call = later(-300 + index), f"past{index}"
        pacer.observe(Placed(at, call))
        pacer.observe(ev.CallerJoined(at + timedelta(seconds=89), call, "Q", 1, ""))
        pacer.observe(ev.AgentConnected(at + timedelta(seconds=89), call, "Q", "S", "S", "", "", 0, 0))
        pacer.observe(SeatChanged(at, SeatState.TALKING, SeatState.READY, 50.0))
    decision = pacer.decide(a_snapshot(ready=2, talking=3, seats=talking(3)), NOW)
    assert decision.calls >= 2


def test_the_end_of_the_list_is_kept_in_mind_like_the_end_of_the_day() -> None:
    evening = {"ready": 6, "closes_at": later(8 * 3600)}
    targets = []
    for left in (None, 100_000, 40, 0):
        pacer = a_pacer()
        pacer.observe(DayTotals(NOW.date(), answered=1000, abandoned=29))
        decision = pacer.decide(a_snapshot(left=left, **evening), NOW)
        assert decision.calls >= 6, "the count is old: it limits no decision"
        targets.append(decision.detail["target"])
    assert targets[0] == targets[1] > targets[2] >= targets[3]


def test_a_call_is_only_safe_where_no_other_campaigns_caller_may_take_the_agent() -> None:
    pacer = PredictivePacer(STRICT)
    assert pacer.decide(a_snapshot(ready=5), NOW).calls == 5
    shared = pacer.decide(a_snapshot(ready=5, rivals=1.2), NOW)
    assert (shared.calls, shared.bound) == (3, Bound.DATA)


@pytest.mark.parametrize("kind", [DialerType.PREDICTIVE, DialerType.POWER, DialerType.PREVIEW])
def test_nothing_is_placed_while_it_is_another_campaigns_turn(kind: DialerType) -> None:
    pacer = taught(pacer_for(replace(PREDICTIVE, dialer_type=kind)))
    snapshot = a_snapshot(ready=5, dialer=replace(PREDICTIVE, dialer_type=kind))
    assert pacer.decide(snapshot, NOW).calls >= 5
    turn = pacer.decide(replace(snapshot, share=0.0), NOW)
    assert (turn.calls, turn.bound) == (0, Bound.AGENTS)
    assert "turn" in turn.reason


def test_a_lower_limit_is_taken_from_tbc_and_a_higher_one_from_nobody() -> None:
    pacer = a_pacer()
    low = pacer.decide(a_snapshot(ready=6, dialer=replace(PREDICTIVE, tbc=-1)), NOW)
    assert low.detail["limit"] == 0.01
    high = pacer.decide(a_snapshot(ready=6, dialer=replace(PREDICTIVE, tbc=-9)), NOW)
    assert high.detail["limit"] == 0.03


def test_late_events_and_an_empty_house_stop_the_prediction() -> None:
    pacer = a_pacer()
    late = pacer.decide(a_snapshot(ready=6, lag=1.5), NOW)
    assert (late.calls, late.bound) == (6, Bound.LAG)
    nobody = pacer.decide(a_snapshot(), NOW)
    assert (nobody.calls, nobody.bound) == (0, Bound.NOBODY)


def test_a_shorter_delay_of_events_makes_it_more_careful() -> None:
    prompt = a_pacer().decide(a_snapshot(talking=20, seats=talking(20, since=-50)), NOW)
    late = a_pacer().decide(a_snapshot(talking=20, seats=talking(20, since=-50), lag=0.9), NOW)
    assert late.calls <= prompt.calls


@pytest.mark.parametrize(
    ("changes", "bound", "calls"),
    [
        ({"dialer": replace(PREDICTIVE, max_channels=1), "channels": 4}, Bound.CHANNELS, 2),
        ({"trunk_room": 3}, Bound.TRUNK_CHANNELS, 3),
        ({"contacts": 2}, Bound.SPOOL, 2),
        ({"contacts": 0}, Bound.SPOOL, 0),
        ({"trunk_calls": 1, "trunk_next": later(0.2)}, Bound.CPS, 1),
    ],
)
def test_the_limit_that_bound_is_named(changes: dict[str, object], bound: Bound, calls: int) -> None:
    decision = a_pacer().decide(a_snapshot(ready=6, **changes), NOW)
    assert (decision.bound, decision.calls) == (bound, calls)
    assert decision.reason


def test_channels_of_a_predictive_dialer_are_per_agent_on_duty() -> None:
    decision = a_pacer().decide(a_snapshot(ready=6, dialer=replace(PREDICTIVE, max_channels=2)), NOW)
    assert decision.detail["maxchannels"] == 12


def test_an_agent_who_comes_too_late_counts_as_abandonment() -> None:
    pacer = a_pacer()
    before = pacer.budget.day.abandoned
    for call, wait in (("a", 1.0), ("b", 2.5)):
        pacer.observe(Placed(NOW, call))
        pacer.observe(ev.CallerJoined(later(10), call, "Q", 1, ""))
        pacer.observe(ev.AgentConnected(later(10 + wait), call, "Q", "S", "S", "", "", 0, 0))
    assert pacer.budget.day.abandoned == before + 1


def test_after_amd_the_seconds_count_as_the_law_has_it() -> None:
    lost = {}
    for name in ("US", "STRICT"):
        pacer = PredictivePacer(PROFILES[name])
        pacer.budget.begin(NOW.date())
        pacer.decide(a_snapshot(dialer=replace(PREDICTIVE, am=1)), NOW)
        pacer.observe(Placed(NOW, "a"))
        pacer.observe(ev.Answered(later(10), "a", ""))
        pacer.observe(ev.MachineJudged(later(13), "a", "HUMAN", ""))
        pacer.observe(ev.AgentConnected(later(13.5), "a", "Q", "S", "S", "", "", 0, 0))
        lost[name] = pacer.budget.day.abandoned
    assert lost == {"US": 0, "STRICT": 1}


def test_where_amd_outlasts_the_laws_seconds_the_budget_says_so() -> None:
    pacer = PredictivePacer(STRICT)
    dialer = replace(PREDICTIVE, am=1)
    pacer.decide(a_snapshot(dialer=dialer), later(-900))
    for index in range(400):
        call, at = f"past{index}", later(-850 + 2 * index)
        pacer.observe(Placed(at, call))
        pacer.observe(ev.Answered(at + timedelta(seconds=10), call, ""))
        judged = at + timedelta(seconds=13)
        pacer.observe(ev.MachineJudged(judged, call, "HUMAN", ""))
        pacer.observe(ev.AgentConnected(judged, call, "Q", "S", "S", "", "", 0, 0))
        pacer.observe(SeatChanged(judged, SeatState.TALKING, SeatState.READY, 60.0))
    decision = pacer.decide(a_snapshot(ready=3, dialer=dialer), NOW)
    assert (decision.calls, decision.bound) == (3, Bound.BUDGET)
    assert "AMD takes 3.0 of the 2 s" in decision.reason


def test_events_that_come_twice_late_or_for_nobody_change_nothing() -> None:
    pacer = a_pacer()
    day = replace(pacer.budget.day)
    for call in ("unknown", "past0"):
        pacer.observe(ev.Answered(NOW, call, ""))
        pacer.observe(ev.CallerAbandoned(NOW, call, "Q", 1, 1, 0))
        pacer.observe(ev.HungUp(NOW, call, "", 16, None))
    assert pacer.budget.day == day


COUNTS = st.integers(0, 60)


@PURE
@given(COUNTS, COUNTS, COUNTS, COUNTS, COUNTS, st.integers(0, 200), st.integers(0, 50), st.integers(0, 9))
def test_never_negative_and_never_beyond_channels_list_or_trunk(
    ready: int, talk: int, wrap: int, dialling: int, waiting: int, channels: int, contacts: int, cps: int
) -> None:
    decision = TAUGHT.decide(
        a_snapshot(
            ready=ready,
            talking=talk,
            wrapup=wrap,
            seats=talking(talk),
            dialling=dialling,
            waiting=waiting,
            channels=channels,
            contacts=contacts,
            trunk_calls=cps,
        ),
        NOW,
    )
    room = 20 * (ready + talk + wrap) - channels
    assert 0 <= decision.calls <= max(min(room, contacts, cps), 0)


@PURE
@given(st.integers(0, 40), st.integers(0, 30), st.integers(0, 30))
def test_another_free_agent_never_means_fewer_calls(ready: int, talk: int, dialling: int) -> None:
    def calls(free: int) -> int:
        snapshot = a_snapshot(ready=free, talking=talk, seats=talking(talk), dialling=dialling)
        return TAUGHT.decide(snapshot, NOW).calls

    assert calls(ready + 1) >= calls(ready)


@PURE
@given(st.integers(1, 40), st.integers(0, 30))
def test_a_call_more_in_flight_never_means_more_calls(ready: int, dialling: int) -> None:
    def calls(flying: int) -> int:
        views = tuple(CallInFlight(f"c{index}", later(-index % 8)) for index in range(flying))
        return TAUGHT.decide(a_snapshot(ready=ready, dialling=flying, calls=views), NOW).calls

    assert calls(dialling + 1) <= calls(dialling)


TAUGHT = a_pacer()

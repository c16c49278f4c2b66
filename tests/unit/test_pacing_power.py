"""Power dialling: how many calls are placed now, and why not more."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.domain import events as ev
from engine.domain.pacing import Bound, Decision, Placed, PowerPacer, Snapshot, pacer_for
from tests import builders as b
from tests.builders import NOW, PURE, a_dialer, later


def decide(
    *,
    tbc: int = 0,
    max_channels: int = 100,
    ready: int = 0,
    dialling: int = 0,
    waiting: int = 0,
    channels: int | None = None,
    last: float | None = None,
) -> Decision:
    snapshot = Snapshot(
        dialer=a_dialer(tbc=tbc, max_channels=max_channels),
        ready=ready,
        ringing=1,
        talking=2,
        wrapup=3,
        dialling=dialling,
        waiting=waiting,
        channels=dialling + waiting if channels is None else channels,
        last_originate=None if last is None else later(last),
    )
    return PowerPacer().decide(snapshot, NOW)


@pytest.mark.parametrize(
    ("overdial", "ready", "calls"),
    [
        (0, 4, 4),
        (0, 1, 1),
        (50, 4, 6),
        (100, 3, 6),
        (10, 4, 4),
        (10, 5, 6),
        (30, 1, 1),
        (50, 1, 2),
        (5, 10, 11),
    ],
)
def test_each_free_agent_has_one_call_and_the_overdial_rounded_half_up(
    overdial: int, ready: int, calls: int
) -> None:
    decision = decide(tbc=-overdial, ready=ready)
    assert (decision.calls, decision.bound) == (calls, Bound.AGENTS)


def test_calls_already_dialling_count_towards_the_target() -> None:
    assert decide(tbc=-50, ready=4, dialling=2).calls == 4
    assert decide(tbc=-50, ready=4, dialling=6).calls == 0
    assert decide(tbc=-50, ready=4, dialling=20).calls == 0


def test_a_waiting_caller_takes_an_agent_whatever_the_overdial_is() -> None:
    assert decide(tbc=-100, ready=4, waiting=1).calls == 6
    assert decide(tbc=-100, ready=1, waiting=1).calls == 0
    assert decide(tbc=-100, ready=1, waiting=5).calls == 0


def test_nobody_is_called_when_no_agent_is_free() -> None:
    decision = decide(tbc=-100)
    assert (decision.calls, decision.bound) == (0, Bound.NOBODY)
    assert decide(ready=2, waiting=2).bound is Bound.NOBODY


@pytest.mark.parametrize(
    ("max_channels", "channels", "calls"), [(10, 8, 2), (10, 10, 0), (10, 12, 0), (0, 0, 0), (5, 0, 5)]
)
def test_the_dialers_channels_are_never_exceeded(max_channels: int, channels: int, calls: int) -> None:
    decision = decide(ready=20, max_channels=max_channels, channels=channels)
    assert (decision.calls, decision.bound) == (calls, Bound.CHANNELS)
    assert str(max_channels) in decision.reason


def test_a_channel_limit_that_is_just_enough_binds_nobody() -> None:
    assert decide(ready=2, max_channels=2).bound is Bound.AGENTS


def test_between_two_calls_the_gap_passes() -> None:
    decision = decide(tbc=2000, ready=5, last=-1)
    assert (decision.calls, decision.bound, decision.wake_at) == (0, Bound.GAP, later(1))


@pytest.mark.parametrize("last", [None, -2, -60])
def test_after_the_gap_one_call_is_placed_and_the_next_one_is_due_after_another(last: float | None) -> None:
    decision = decide(tbc=2000, ready=5, last=last)
    assert (decision.calls, decision.bound, decision.wake_at) == (1, Bound.GAP, later(2))


def test_a_gap_means_no_overdial_and_does_not_hide_a_full_house() -> None:
    assert decide(tbc=2000, ready=1).calls == 1
    assert decide(tbc=2000, ready=1, dialling=1).calls == 0
    assert decide(tbc=2000).bound is Bound.NOBODY
    assert decide(tbc=2000, ready=5, max_channels=3, channels=3, last=-1).bound is Bound.CHANNELS


def test_the_decision_explains_itself_in_words_and_numbers() -> None:
    decision = decide(tbc=-50, ready=4, waiting=1, dialling=2)
    assert decision.reason
    assert decision.detail["ready"] == 4
    assert decision.detail["waiting"] == 1
    assert decision.detail["dialling"] == 2
    assert decision.detail["overdial"] == 50


def test_power_dialling_learns_nothing_from_what_happens() -> None:
    pacer = pacer_for(a_dialer())
    snapshot = Snapshot(
        a_dialer(), ready=3, ringing=0, talking=0, wrapup=0, dialling=0, waiting=0, channels=0
    )
    before = pacer.decide(snapshot, NOW)
    for event in (b.sent(), b.answered(), b.hung_up()):
        pacer.observe(event)
    assert pacer.decide(snapshot, NOW) == before


def test_an_overdial_worked_out_in_real_time_begins_with_one_call_per_free_agent_and_then_rises() -> None:
    pacer = PowerPacer()
    snapshot = Snapshot(
        a_dialer(tbc=-1), ready=8, ringing=0, talking=12, wrapup=0, dialling=0, waiting=0, channels=12
    )
    assert (pacer.decide(snapshot, NOW).calls, pacer.decide(snapshot, NOW).bound) == (8, Bound.DATA)
    for index in range(400):
        at, call = later(2 * index), f"c{index}"
        pacer.observe(Placed(at, call))
        if index % 4:
            pacer.observe(ev.HungUp(at + timedelta(seconds=20), call, "", 16, None))
            continue
        pacer.observe(ev.CallerJoined(at + timedelta(seconds=10), call, "Q", 1, ""))
        pacer.observe(ev.AgentConnected(at + timedelta(seconds=10), call, "Q", "S", "S", "", "", 0, 0))
    decision = pacer.decide(snapshot, later(830))
    assert 12 < decision.calls <= 32
    assert "risk" in decision.detail
    later_on = replace(snapshot, dialling=decision.calls, channels=12 + decision.calls)
    assert pacer.decide(later_on, later(831)).calls == 0, "what is placed is not placed again"
    nobody_free = replace(snapshot, ready=0)
    assert pacer.decide(nobody_free, later(831)).calls == 0, "busy agents are not counted on"


COUNTS = st.integers(0, 300)


@PURE
@given(
    COUNTS,
    COUNTS,
    COUNTS,
    COUNTS,
    COUNTS,
    st.integers(-10_000, 60_000).filter(lambda tbc: tbc != -1),
    st.none() | st.integers(-90, 0),
)
def test_never_less_than_no_call_nor_more_than_free_channels_or_the_target(
    ready: int, dialling: int, waiting: int, channels: int, limit: int, tbc: int, last: int | None
) -> None:
    decision = decide(
        tbc=tbc,
        max_channels=limit,
        ready=ready,
        dialling=dialling,
        waiting=waiting,
        channels=channels,
        last=last,
    )
    assert 0 <= decision.calls <= max(limit - channels, 0)
    assert decision.calls <= decision.detail["target"]
    assert decision.wake_at is None or decision.wake_at > NOW
    if ready <= waiting:
        assert decision.calls == 0


@PURE
@given(st.integers(0, 500), st.integers(0, 500).filter(lambda overdial: overdial != 1))
@example(25, 82)  # 45.5, which floating point makes a little less
def test_the_target_is_rounded_half_up_exactly(ready: int, overdial: int) -> None:
    exact = ready * (1 + Fraction(overdial, 100))
    assert decide(tbc=-overdial, ready=ready, max_channels=100_000).calls == int(exact + Fraction(1, 2))

"""What the pacer learns: answer rate and its jumps, delays, contacts, agents' times, the risk itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import events as ev
from engine.domain.agent import SeatState
from engine.domain.pacing import PROFILES, Traits, learn_contacts
from engine.domain.pacing.base import Placed
from engine.domain.pacing.follow import CallFollower
from engine.domain.pacing.learn_agents import AgentForecast
from engine.domain.pacing.learn_answers import AnswerRate, Delays
from engine.domain.pacing.learn_contacts import ContactWeights, weight_of
from engine.domain.pacing.risk import ExactOutlook, NormalOutlook
from tests.builders import PURE, later

CHANCES = st.lists(st.floats(0.0, 1.0), max_size=7)


def delays_of(seconds: float) -> Delays:
    delays = Delays(12.0)
    for _ in range(300):
        delays.became_caller(seconds)
        delays.ended(20.0)
    delays.refit()
    return delays


def play(rate: AnswerRate, share: float, seconds: range, dice: Random) -> None:
    """One call a second; who answers does so 10 s later."""
    delays = delays_of(10.2)
    due: list[int] = []
    for second in seconds:
        rate.placed(later(second), 1.0, delays.density)
        if dice.random() < share:
            due.append(second + 10)
        while due and due[0] <= second:
            due.pop(0)
            rate.answered()


@pytest.mark.parametrize("share", [0.05, 0.25, 0.6])
def test_the_answer_rate_is_found(share: float) -> None:
    rate = AnswerRate()
    play(rate, share, range(1500), Random(3))
    assert rate.share == pytest.approx(share, rel=0.2)


@pytest.mark.parametrize(("before", "after"), [(0.15, 0.4), (0.3, 0.1)])
def test_a_step_of_the_answer_rate_is_followed_within_two_minutes(before: float, after: float) -> None:
    rate, dice = AnswerRate(), Random(5)
    play(rate, before, range(2000), dice)
    play(rate, after, range(2000, 2120), dice)
    assert rate.share == pytest.approx(after, rel=0.4)


def test_calls_that_cannot_have_answered_yet_do_not_lower_the_rate() -> None:
    rate = AnswerRate()
    play(rate, 0.25, range(1500), Random(3))
    before, density = rate.share, delays_of(10.2).density
    for _ in range(200):
        rate.placed(later(1500), 1.0, density)
    rate.advance(later(1503), density)
    assert rate.share == pytest.approx(before, rel=0.1)


def test_the_chance_of_a_ringing_call_falls_once_answers_are_overdue() -> None:
    delays = delays_of(10.2)
    young, old = delays.chances(0.25, 10, [40])[0], delays.chances(0.25, 30, [40])[0]
    assert young == pytest.approx(0.25, abs=0.03)
    assert old < 0.05


@PURE
@given(st.floats(0.01, 0.95), st.integers(0, 180), st.integers(0, 60))
def test_a_chance_is_a_probability_and_grows_with_the_time_ahead(share: float, age: int, ahead: int) -> None:
    sooner, later = DELAYS.chances(share, age, [ahead, ahead + 5])
    assert 0.0 <= sooner <= later <= 1.0 + 1e-9


def weigh(good: float, bad: float) -> tuple[float, float]:
    weights, dice = ContactWeights(), Random(2)
    fresh, old = Traits("fresh", 1), Traits("old", 3)
    for _ in range(4000):
        for traits, share in ((fresh, good), (old, bad)):
            chance = 0.25 * weight_of(weights.level(traits))
            weights.learn(traits, chance, dice.random() < share)
    return weight_of(weights.level(fresh)), weight_of(weights.level(old))


def test_contacts_that_answer_more_often_are_told_apart() -> None:
    fresh, old = weigh(0.4, 0.1)
    assert fresh / old == pytest.approx(4.0, rel=0.25)


def test_after_weeks_of_daily_lists_a_new_one_is_still_told_from_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(learn_contacts, "_MEMORY", 400.0)
    weights, dice = ContactWeights(), Random(2)
    for day in range(100):
        for _ in range(200):
            weights.learn(Traits(f"list of day {day}", 1, "M", 9), 0.2, dice.random() < 0.2)
    for _ in range(1000):
        for name, share in (("good", 0.4), ("poor", 0.05)):
            weights.learn(Traits(name, 1, "M", 9), 0.2, dice.random() < share)
    good, poor = (weight_of(weights.level(Traits(name, 1, "M", 9))) for name in ("good", "poor"))
    assert good > 3 * poor


def test_traits_that_carry_nothing_change_nothing() -> None:
    assert weigh(0.25, 0.25) == (1.0, 1.0)


def refit(forecast: AgentForecast, horizons: Sequence[float], talking: Sequence[float] = ()) -> None:
    """All parts of the work at once."""
    for _ in forecast.refit(horizons, {SeatState.TALKING: list(talking)}):
        pass


def test_agents_who_have_talked_long_are_expected_sooner_where_talks_end_alike() -> None:
    forecast, dice = AgentForecast(), Random(1)
    for _ in range(400):
        forecast.changed(SeatState.TALKING, SeatState.WRAPUP, dice.gauss(60.0, 5.0))
        forecast.changed(SeatState.WRAPUP, SeatState.READY, dice.uniform(4.0, 6.0))
    refit(forecast, (5.0, 15.0))
    talking = forecast.rows[SeatState.TALKING]
    chances = [row[1] for row in talking]
    assert chances[10] < 0.1, "after 5 s hardly anybody is free 15 s later"
    assert max(chances) > 0.45, "near 60 s it is many times as likely"
    assert forecast.handling == pytest.approx(65.0, rel=0.15)


def test_who_leaves_after_every_second_call_is_counted_on_by_half() -> None:
    staying, leaving = AgentForecast(), AgentForecast()
    for index in range(400):
        staying.changed(SeatState.WRAPUP, SeatState.READY, 5.0)
        leaving.changed(SeatState.WRAPUP, SeatState.PAUSED if index % 2 else SeatState.READY, 5.0)
    for forecast in (staying, leaving):
        refit(forecast, (20.0,))
    ratio = leaving.rows[SeatState.WRAPUP][2][0] / staying.rows[SeatState.WRAPUP][2][0]
    assert ratio == pytest.approx(0.5, abs=0.1)


def test_at_the_start_talks_that_go_on_keep_the_ended_ones_from_looking_typical() -> None:
    alone, among = AgentForecast(), AgentForecast()
    for forecast in (alone, among):
        for _ in range(10):
            forecast.changed(SeatState.TALKING, SeatState.READY, 10.0)
    refit(alone, (10.0,))
    refit(among, (10.0,), [60.0] * 40)
    assert among.rows[SeatState.TALKING][0][0] < 0.5 * alone.rows[SeatState.TALKING][0][0]


@PURE
@given(st.integers(-2, 5), CHANCES, CHANCES)
def test_the_exact_risk_is_that_of_counting_all_cases(
    net: int, free: list[float], calls: list[float]
) -> None:
    chances = [round(chance, 2) for chance in free], [round(chance, 2) for chance in calls]
    total = 0.0
    for outcome in product((0, 1), repeat=len(free) + len(calls)):
        probability = 1.0
        for happens, chance in zip(outcome, [*chances[0], *chances[1]], strict=True):
            probability *= chance if happens else 1.0 - chance
        if net + sum(outcome[: len(free)]) - sum(outcome[len(free) :]) <= 0:
            total += probability
    assert ExactOutlook(net, *chances).risk() == pytest.approx(total, abs=1e-6)


def test_the_normal_risk_is_close_to_the_exact_one() -> None:
    for net in range(-2, 8):
        free, calls = [0.3] * 20, [0.2] * 15
        exact = ExactOutlook(net, free, calls)
        mean = net + sum(free) - sum(calls)
        spread = [p * (1 - p) for p in free], [p * (1 - p) for p in calls]
        third = sum(v * (1 - 2 * p) for v, p in zip(spread[0], free, strict=True))
        third -= sum(v * (1 - 2 * p) for v, p in zip(spread[1], calls, strict=True))
        normal = NormalOutlook(mean, sum(spread[0]) + sum(spread[1]), third)
        for _ in range(3):
            assert normal.risk() == pytest.approx(exact.risk(), abs=0.01)
            normal.add(0.25)
            exact.add(0.25)


DELAYS = delays_of(10.2)


def test_agents_who_pick_up_late_must_be_free_earlier() -> None:
    follow = CallFollower(PROFILES["UK"], lambda lost: None, lambda: None)
    assert follow.seconds == 2.0
    for n in range(30):
        call, at = f"c{n}", later(10 * n)
        follow.observe(Placed(at, call))
        follow.observe(ev.Answered(at, call, "PJSIP/x"))
        follow.observe(ev.AgentOffered(at, call, "Q", "PJSIP/a", "a"))
        talk = at + timedelta(seconds=0.5)
        follow.observe(ev.AgentConnected(talk, call, "Q", "PJSIP/a", "a", "", "", 0, 0))
    assert follow.seconds == pytest.approx(1.5)

"""The abandonment budget: days, windows, profiles; and the trunk's token bucket."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.pacing import PROFILES, STRICT, DayTotals, Profile, Since, TokenBucket, profile_for
from engine.domain.pacing.budget import Budget
from tests.builders import NOW, PURE, later

TODAY = NOW.date()


def a_budget(answered: int = 0, abandoned: int = 0, profile: Profile = STRICT, machines: int = 0) -> Budget:
    budget = Budget(profile, profile.rate)
    budget.begin(TODAY)
    budget.load(DayTotals(TODAY, answered, abandoned, machines))
    return budget


def test_a_day_begins_without_risk_and_grows_into_its_rate() -> None:
    assert a_budget().target(None) == 0.0
    early, later_on = a_budget(100).target(None), a_budget(300).target(None)
    assert 0.0 < early < later_on


def test_near_the_limit_the_rate_falls_to_nothing() -> None:
    rates = [a_budget(1000, lost).target(None) for lost in (0, 15, 20, 25, 30, 40)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == 0.0


def test_a_surplus_never_buys_a_burst() -> None:
    assert a_budget(10_000, 0).target(None) <= 2 * STRICT.rate
    assert a_budget(10_000, 0).target(5.0) <= 1.25 * STRICT.rate


def test_what_cannot_be_made_up_for_any_more_is_not_spent() -> None:
    assert a_budget(1000, 28).target(5000.0) > 0.0
    assert a_budget(1000, 28).target(5.0) == 0.0


def test_the_laws_window_binds_beside_the_day() -> None:
    us = PROFILES["US"]
    budget = a_budget(1000, 5, us)
    alone = budget.target(None)
    budget.load(DayTotals(TODAY - timedelta(days=3), 5000, 250))
    assert budget.target(None) == 0.0, "the window is over its limit, however good today is"
    budget.begin(TODAY + timedelta(days=29))
    budget.load(DayTotals(TODAY + timedelta(days=29), 1000, 5))
    assert budget.target(None) == pytest.approx(alone), "the bad day has left the window"


def test_a_good_past_does_not_pay_for_a_bad_day() -> None:
    budget = a_budget(200, 7, PROFILES["US"])
    budget.load(DayTotals(TODAY - timedelta(days=1), 10_000, 0))
    assert budget.target(None) == 0.0


def test_false_positives_of_amd_count_where_the_law_counts_them() -> None:
    assert a_budget(1000, 5, PROFILES["UK"], machines=800).target(None) < a_budget(1000, 5).target(None)
    us = PROFILES["US"]
    assert a_budget(1000, 5, us, machines=800).target(None) == a_budget(1000, 5, us).target(None)


def test_profiles_are_found_by_country_and_unknown_ones_are_strict() -> None:
    assert profile_for("usa").window_days == 30
    assert profile_for("UK").false_positives > 0
    assert profile_for("Atlantis") is STRICT
    own = Profile("own", rate=0.01, seconds=1.0, since=Since.GREETING)
    assert profile_for("own", {"OWN": own}) is own


@pytest.mark.parametrize("wrong", [{"rate": 1.5}, {"window_days": 0}, {"seconds": 0.0}])
def test_a_profile_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="profile mine"):
        Profile("mine", **wrong)  # type: ignore[arg-type]


@PURE
@given(st.integers(0, 5000), st.integers(0, 300), st.none() | st.floats(0, 5000), st.floats(0, 0.05))
def test_the_target_is_a_rate_and_more_abandoned_never_raises_it(
    answered: int, abandoned: int, remaining: float | None, wrong: float
) -> None:
    here = a_budget(answered, abandoned).target(remaining, wrong)
    assert 0.0 <= here <= 2 * STRICT.rate
    assert a_budget(answered + 1, abandoned + 1).target(remaining, wrong) <= here + 1e-3


@pytest.mark.parametrize("rate", [0.5, 5.0, 50.0])
def test_a_trunk_never_gets_more_calls_than_its_rate_allows(rate: float) -> None:
    bucket, placed = TokenBucket(rate), 0
    for tick in range(1000):
        now = later(tick / 50)
        calls = bucket.available(now)
        assert calls <= max(1, rate * 0.2), "no burst after a rest"
        bucket.take(calls, now)
        placed += calls
    assert placed == pytest.approx(20 * rate, abs=max(2.0, 0.05 * 20 * rate))


def test_the_bucket_says_when_the_next_call_may_leave() -> None:
    bucket = TokenBucket(2.0)
    bucket.take(1, NOW)
    assert bucket.available(NOW) == 0
    assert bucket.next_at(NOW) == later(0.5)
    assert bucket.available(later(0.5)) == 1


def test_it_says_of_which_days_it_speaks() -> None:
    us = PROFILES["US"]
    budget = a_budget(1000, 5, us)
    budget.load(DayTotals(TODAY - timedelta(days=3), 5000, 250))
    assert budget.spent() == "255 of 6000 answered calls were abandoned in 30 days (limit 3.0%)"
    assert a_budget(1000, 40, us).spent() == "40 of 1000 answered calls were abandoned today (limit 3.0%)"

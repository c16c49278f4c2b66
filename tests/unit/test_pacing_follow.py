"""What AMD costs is learnt from the calls, and shortens how long a caller may wait."""

from __future__ import annotations

import pytest

from engine.domain import events as ev
from engine.domain.pacing.base import Placed
from engine.domain.pacing.follow import CallFollower
from engine.domain.pacing.profiles import STRICT, US, Profile
from tests.builders import later


def listened(profile: Profile, *seconds: float) -> CallFollower:
    """Return a follower that has seen calls of which AMD took so many seconds each."""
    follower = CallFollower(profile, lambda abandoned: None, lambda: None)
    follower.judges = True
    for number, took in enumerate(seconds):
        call, at = f"call {number}", 100.0 * number
        follower.observe(Placed(later(at), call))
        follower.observe(ev.Answered(later(at + 5), call, ""))
        verdict = "MACHINE" if number % 2 else "HUMAN"
        follower.observe(ev.MachineJudged(later(at + 5 + took), call, verdict, ""))
    return follower


def test_the_first_calls_tell_what_amd_costs() -> None:
    assert listened(STRICT, 1.5).listening == pytest.approx(1.5)
    assert listened(STRICT, 1.0, 2.0, 3.0).listening == pytest.approx(2.0)


def test_later_calls_move_it_slowly() -> None:
    follower = listened(STRICT, *[1.0] * 100, *[2.0] * 100)
    assert 1.9 < follower.listening <= 2.0


def test_it_shortens_the_wait_where_the_law_counts_from_the_answer() -> None:
    assert listened(STRICT, 1.5).seconds == pytest.approx(STRICT.seconds - 1.5)
    assert listened(STRICT, 9.0).seconds == 0.0
    assert listened(US, 1.5).seconds == pytest.approx(US.seconds)


def test_calls_that_the_network_refuses_at_once_say_nothing_of_who_answers() -> None:
    """A trunk that refuses nine in ten for a while must not leave the rate at a tenth of what it is."""
    follower = CallFollower(STRICT, lambda abandoned: None, lambda: None)
    for number in range(400):
        at, call = later(number), f"call {number}"
        follower.observe(Placed(at, call))
        if number % 4:
            follower.observe(ev.HungUp(later(number + 20), call, "", 16, None))
        else:
            follower.observe(ev.Answered(later(number + 10), call, ""))
    before = follower.rate.share
    for number in range(4000):
        at, call = later(400 + number / 10), f"refused {number}"
        follower.observe(Placed(at, call))
        follower.observe(ev.HungUp(later(400.3 + number / 10), call, "", 34, None))
    follower.rate.advance(later(900), follower.dialled.density)
    assert before == pytest.approx(0.25, abs=0.05)
    assert follower.rate.share == pytest.approx(before, rel=0.2)

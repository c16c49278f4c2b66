"""The breaker of a trunk: opens after failures in a row, probes, closes with the first sign of life."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.domain.outcomes import Outcome
from engine.domain.trunk import FIRST_REST, LONGEST_REST, THRESHOLD, Breaker, trunk_failed
from tests import builders as b
from tests.builders import NOW


def _failing(count: int = THRESHOLD) -> Breaker:
    breaker = Breaker()
    for _ in range(count):
        breaker.ended(True, NOW)
    return breaker


def test_a_few_failures_are_no_outage() -> None:
    breaker = _failing(THRESHOLD - 1)
    assert not breaker.suspicious
    assert not breaker.resting(NOW)


def test_failures_in_a_row_make_the_trunk_rest_and_then_be_probed() -> None:
    breaker = _failing()
    assert breaker.resting(NOW)
    later = NOW + FIRST_REST
    assert not breaker.resting(later)
    assert breaker.suspicious, "one call at a time until it works"


def test_every_failed_probe_doubles_the_rest_up_to_a_limit() -> None:
    breaker, now, rests = _failing(), NOW, []
    for _ in range(8):
        assert breaker.rest_until is not None
        now = breaker.rest_until
        breaker.ended(True, now)
        rests.append(breaker.rest)
    assert rests[:3] == [FIRST_REST * 2, FIRST_REST * 4, FIRST_REST * 8]
    assert rests[-1] == LONGEST_REST


def test_failures_of_calls_that_were_already_under_way_do_not_prolong_the_rest() -> None:
    breaker = _failing()
    until = breaker.rest_until
    breaker.ended(True, NOW + timedelta(seconds=1))
    assert breaker.rest_until == until


def test_one_call_that_works_closes_it() -> None:
    breaker = _failing()
    breaker.ended(False, NOW + FIRST_REST)
    assert not breaker.suspicious
    assert not breaker.resting(NOW + FIRST_REST)


@pytest.mark.parametrize(
    ("script", "outcome", "failed"),
    [
        ((b.sent(), b.hung_up(cause=34, sip=503)), Outcome.CONGESTION, True),
        ((b.sent(), b.refused()), Outcome.NOT_PLACED, None),
        ((b.sent(), b.failed(reason=0), b.overdue()), Outcome.NOT_PLACED, True),
        ((b.sent(), b.failed(reason=3), b.hung_up(cause=19, sip=480)), Outcome.NO_ANSWER, True),
        ((b.sent(), b.ringing(), b.failed(reason=3), b.hung_up(cause=19, sip=480)), Outcome.NO_ANSWER, None),
        ((b.sent(), b.hung_up(cause=18, sip=408)), Outcome.NO_ANSWER, True),
        ((b.sent(), b.hung_up(cause=19, sip=480)), Outcome.NO_ANSWER, False),
        ((b.sent(), b.hung_up(cause=17, sip=486)), Outcome.BUSY, False),
        ((b.sent(), b.hung_up(cause=1, sip=404)), Outcome.INVALID, False),
        ((b.sent(), b.vanished()), Outcome.UNKNOWN, None),
    ],
)
def test_what_speaks_against_a_trunk(
    script: tuple[object, ...], outcome: Outcome, failed: bool | None
) -> None:
    call = b.a_call(*script)  # type: ignore[arg-type]
    assert call.outcome is outcome
    assert trunk_failed(call) is failed

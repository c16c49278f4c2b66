"""When a caller ID rests, and when it does not."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from engine.domain.callerid_health import Cause, Counts, HealthRules, Ledger, Result, at_most, result_of
from engine.domain.outcomes import Outcome
from tests.builders import NOW, later

RULES = HealthRules()


def result(*, answered: bool = False, sip: int = 0, campaign: str = "spring", sent: datetime = NOW) -> Result:
    outcome = Outcome.ANSWERED if answered else Outcome.REJECTED if sip else Outcome.NO_ANSWER
    found = result_of(sent, campaign, outcome, sip or None)
    assert found is not None
    return found


def filled(rates: dict[str, tuple[int, int]], campaign: str = "spring") -> Ledger:
    """A ledger with the calls and answers of each number."""
    ledger = Ledger(RULES)
    for number, (calls, answers) in rates.items():
        for place in range(calls):
            ledger.add(number, result(answered=place < answers, campaign=campaign))
    return ledger


def cause(ledger: Ledger, number: str) -> Cause | None:
    verdict = ledger.judge(number)
    return verdict.cause if verdict else None


@pytest.mark.parametrize(
    ("outcome", "sip", "expected"),
    [
        (Outcome.ANSWERED, None, (True, False, False)),
        (Outcome.ABANDONED, None, (True, False, False)),
        (Outcome.MACHINE, None, (False, False, False)),
        (Outcome.NO_ANSWER, None, (False, False, False)),
        (Outcome.BUSY, 486, (False, False, False)),
        (Outcome.REJECTED, 403, (False, True, False)),
        (Outcome.REJECTED, 603, (False, True, False)),
        (Outcome.REJECTED, 607, (False, True, True)),
        (Outcome.REJECTED, 608, (False, True, True)),
        (Outcome.REJECTED, None, (False, True, False)),  # Asterisk 20 tells the cause alone
    ],
)
def test_what_a_call_says_of_its_number(
    outcome: Outcome, sip: int | None, expected: tuple[bool, bool, bool]
) -> None:
    found = result_of(NOW, "Spring", outcome, sip)
    assert found is not None
    assert (found.answered, found.rejected, found.flagged) == expected
    assert found.campaign == "spring"


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome.CONGESTION, Outcome.INVALID, Outcome.FAILED, Outcome.NOT_PLACED, Outcome.WITHDRAWN,
        Outcome.UNKNOWN, Outcome.SKIPPED, Outcome.AGENT_MISSED,
    ],
)  # fmt: skip
def test_what_never_got_there_says_nothing(outcome: Outcome) -> None:
    assert result_of(NOW, "spring", outcome, 503) is None


@pytest.mark.parametrize("code", [607, 608])
def test_three_words_against_the_caller_are_enough(code: int) -> None:
    ledger = Ledger(RULES)
    for count in range(1, 4):
        assert cause(ledger, "1") is None
        ledger.add("1", result(sip=code))
        assert ledger.counts("1") == Counts(count, 0, count, count)
    assert cause(ledger, "1") is Cause.FLAGGED


@pytest.mark.parametrize(
    ("declined", "calls", "rests"),
    [(4, 4, False), (5, 5, True), (5, 33, True), (5, 34, False), (8, 60, False)],
)
def test_declined_calls_count_when_they_are_many(declined: int, calls: int, rests: bool) -> None:
    ledger = Ledger(RULES)
    for place in range(calls):
        ledger.add("1", result(sip=603) if place < declined else result(answered=True))
    assert (cause(ledger, "1") is Cause.DECLINED) is rests


def test_whom_everybody_declines_is_not_declined_for_the_number() -> None:
    ledger = Ledger(RULES)
    for number in ("1", "2", "3"):
        for place in range(50):
            ledger.add(number, result(sip=403) if place % 4 == 0 else result(answered=True))
    assert [cause(ledger, number) for number in ("1", "2", "3")] == [None] * 3
    for _ in range(40):
        ledger.add("1", result(sip=403))
    assert cause(ledger, "1") is Cause.DECLINED


@pytest.mark.parametrize(
    ("calls", "answers", "rests"),
    [
        (39, 0, False),  # too few calls
        (60, 4, True),
        (60, 12, False),  # a little below what the others get
        (60, 20, False),
        (200, 25, True),
    ],
)
def test_who_is_answered_far_less_than_the_others_rests(calls: int, answers: int, rests: bool) -> None:
    ledger = filled({"1": (calls, answers), "2": (200, 55), "3": (200, 60)})
    assert (cause(ledger, "1") is Cause.ANSWER_RATE) is rests
    assert cause(ledger, "2") is None


def test_without_others_there_is_nothing_to_compare_with() -> None:
    assert cause(filled({"1": (200, 0)}), "1") is None
    assert cause(filled({"1": (200, 0), "2": (39, 39)}), "1") is None


def test_each_campaign_has_its_own_measure() -> None:
    """A number that serves a hard list beside an easy one is not blamed for the list."""
    ledger = filled({"2": (200, 160)}, campaign="easy")
    for place in range(200):
        ledger.add("3", result(answered=place < 16, campaign="hard"))
    for place in range(100):
        ledger.add("1", result(answered=place < 8, campaign="hard"))
    assert cause(ledger, "1") is None
    for _ in range(60):
        ledger.add("1", result(answered=False, campaign="easy"))
    assert cause(ledger, "1") is Cause.ANSWER_RATE


def test_a_window_lets_go_of_what_is_beyond_it_or_too_old() -> None:
    ledger = Ledger(replace(RULES, window=10))
    for _ in range(10):
        ledger.add("1", result(answered=True))
    for place in range(4):
        ledger.add("1", result(sent=later(place)))
    assert ledger.counts("1") == Counts(10, 6, 0, 0)
    assert not ledger.expire("1", NOW + timedelta(hours=23))
    assert ledger.expire("1", NOW + timedelta(hours=24, seconds=2))
    assert ledger.counts("1") == Counts(2, 0, 0, 0)
    ledger.drop("1")
    assert "1" not in ledger


def test_after_a_rest_only_later_calls_count() -> None:
    ledger = filled({"1": (100, 0), "2": (200, 100)})
    assert cause(ledger, "1") is Cause.ANSWER_RATE
    ledger.begin_anew("1", later(3600))
    assert cause(ledger, "1") is None
    assert not ledger.add("1", result(sent=later(3599)))
    assert ledger.add("1", result(sent=later(3600)))
    assert ledger.counts("1") == Counts(1, 0, 0, 0)
    assert ledger.counted_from("1") == later(3600)
    assert not ledger.proven("1")


def test_calls_of_an_earlier_term_stand_before_those_of_this_one() -> None:
    ledger = Ledger(replace(RULES, window=5))
    ledger.add("1", result(answered=True, sent=later(60)))
    ledger.restore("1", [result(sip=603, sent=later(place)) for place in range(9)])
    assert ledger.counts("1") == Counts(5, 1, 4, 0)
    assert ledger.proven("1")


def test_every_rest_in_a_row_is_twice_as_long_up_to_the_longest() -> None:
    hours = [RULES.length(rests) / timedelta(hours=1) for rests in range(10)]
    assert hours == [1, 2, 4, 8, 16, 32, 64, 128, 168, 168]
    assert RULES.length(10_000) == RULES.longest


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.4])
def test_healthy_numbers_hardly_ever_rest_and_a_labelled_one_soon_does(rate: float) -> None:
    dice, ledger = random.Random(11), Ledger(RULES)
    rested: list[tuple[str, int]] = []
    for turn in range(300):
        for number in map(str, range(10)):
            chance = rate / 4 if number == "0" else rate
            ledger.add(number, result(answered=dice.random() < chance))
            if ledger.judge(number):
                rested.append((number, turn))
                ledger.begin_anew(number, NOW)
    assert sum(number != "0" for number, _ in rested) <= 1
    assert ("0" in dict(rested)) or rate == 0.05


def test_the_binomial_tail() -> None:
    assert at_most(0, 10, 0.5) == pytest.approx(1 / 1024)
    assert at_most(5, 10, 0.5) == pytest.approx(0.623046875)
    assert at_most(9, 10, 1.0) == 0.0
    assert at_most(10, 10, 1.0) == 1.0

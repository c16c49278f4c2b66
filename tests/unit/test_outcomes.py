"""How an unanswered attempt ended, from what Asterisk says of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.outcomes import CDR_DISPOSITION, DIAL_STATUS, Outcome, unanswered_outcome
from tests.builders import PURE


def outcome(
    sip: int | None = None, cause: int | None = None, status: str = "", reason: int | None = None
) -> Outcome:
    return unanswered_outcome(sip=sip, cause=cause, status=status, reason=reason)


@pytest.mark.parametrize(
    ("sip", "expected"),
    [
        (404, Outcome.INVALID),
        (410, Outcome.INVALID),
        (484, Outcome.INVALID),
        (604, Outcome.INVALID),
        (408, Outcome.NO_ANSWER),
        (480, Outcome.NO_ANSWER),
        (486, Outcome.BUSY),
        (600, Outcome.BUSY),
        (403, Outcome.REJECTED),
        (603, Outcome.REJECTED),
        (607, Outcome.REJECTED),
        (608, Outcome.REJECTED),
        (487, Outcome.CANCELLED),
        (500, Outcome.CONGESTION),
        (503, Outcome.CONGESTION),
        (488, Outcome.FAILED),
        (606, Outcome.FAILED),
        (302, Outcome.FAILED),
        (401, Outcome.NOT_PLACED),
        (407, Outcome.NOT_PLACED),
    ],
)
def test_the_sip_answer_decides(sip: int, expected: Outcome) -> None:
    assert outcome(sip=sip) is expected
    assert outcome(sip=sip, cause=58, status="NOANSWER", reason=0) is expected, "as Asterisk sends it"


@pytest.mark.parametrize(
    ("cause", "expected"),
    [
        (1, Outcome.INVALID),
        (22, Outcome.INVALID),
        (28, Outcome.INVALID),
        (16, Outcome.CANCELLED),
        (17, Outcome.BUSY),
        (18, Outcome.NO_ANSWER),
        (19, Outcome.NO_ANSWER),
        (21, Outcome.REJECTED),
        (34, Outcome.CONGESTION),
        (38, Outcome.CONGESTION),
        (42, Outcome.CONGESTION),
        (127, Outcome.FAILED),
    ],
)
def test_without_a_sip_answer_the_cause_decides(cause: int, expected: Outcome) -> None:
    assert outcome(cause=cause) is expected


def test_the_sip_answer_is_trusted_more_than_the_cause_it_was_folded_into() -> None:
    assert outcome(sip=404, cause=21) is Outcome.INVALID
    assert outcome(sip=603, cause=17) is Outcome.REJECTED


def test_an_answer_code_that_says_nothing_leaves_the_word_to_the_cause() -> None:
    assert outcome(sip=499, cause=17) is Outcome.BUSY
    assert outcome(sip=499, cause=127, status="BUSY") is Outcome.BUSY
    assert outcome(sip=499, cause=127, reason=8) is Outcome.CONGESTION


@pytest.mark.parametrize("sip", [None, 404, 480, 487, 603])
@pytest.mark.parametrize("cause", [None, 16, 17])
def test_our_own_ring_time_out_is_no_answer_whatever_code_comes_with_it(
    sip: int | None, cause: int | None
) -> None:
    assert outcome(sip=sip, cause=cause, reason=3) is Outcome.NO_ANSWER


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("BUSY", Outcome.BUSY),
        ("CONGESTION", Outcome.CONGESTION),
        ("NOANSWER", Outcome.NO_ANSWER),
        ("CANCEL", Outcome.CANCELLED),
        ("CHANUNAVAIL", Outcome.FAILED),
    ],
)
def test_the_dial_status_speaks_where_there_are_no_codes(status: str, expected: Outcome) -> None:
    assert outcome(status=status) is expected
    assert outcome(status=status, reason=0) is expected


@pytest.mark.parametrize(("reason", "expected"), [(5, Outcome.BUSY), (8, Outcome.CONGESTION)])
def test_the_reason_of_the_failed_order_speaks_last(reason: int, expected: Outcome) -> None:
    assert outcome(reason=reason) is expected


@pytest.mark.parametrize("reason", [None, 0])
def test_an_order_of_which_nothing_was_heard_was_not_placed(reason: int | None) -> None:
    assert outcome(reason=reason) is Outcome.NOT_PLACED


@PURE
@given(
    st.none() | st.integers(100, 699),
    st.none() | st.integers(0, 127),
    st.text(max_size=12) | st.sampled_from(["BUSY", "CANCEL"]),
    st.none() | st.integers(0, 30),
)
def test_an_unanswered_call_never_counts_as_answered(
    sip: int | None, cause: int | None, status: str, reason: int | None
) -> None:
    result = outcome(sip, cause, status, reason)
    assert CDR_DISPOSITION[result] != "ANSWERED"
    assert DIAL_STATUS[result] != "ANSWER"


@pytest.mark.parametrize("result", list(Outcome))
def test_every_outcome_has_its_word_in_the_cdr_and_in_the_queue_log(result: Outcome) -> None:
    a_person_or_machine_spoke = result in (Outcome.ANSWERED, Outcome.ABANDONED, Outcome.MACHINE)
    assert (CDR_DISPOSITION[result] == "ANSWERED") is a_person_or_machine_spoke
    assert (DIAL_STATUS[result] == "ANSWER") is a_person_or_machine_spoke
    assert CDR_DISPOSITION[result] in ("ANSWERED", "NO ANSWER", "BUSY", "CONGESTION", "FAILED")

"""The contact's next step: which number, when, or none."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.model import Contact
from engine.domain.outcomes import Outcome
from engine.domain.phones import Phone
from engine.domain.rules import NextStep, Step, next_step
from tests.builders import NOW, PURE, a_contact, a_dialer

HOME, MOBILE = Phone("022345678", "H", 0), Phone("0997654321", "M", 2)
REST = timedelta(hours=72)
IN_VAIN = [
    Outcome.MACHINE,
    Outcome.NO_ANSWER,
    Outcome.BUSY,
    Outcome.CONGESTION,
    Outcome.REJECTED,
    Outcome.CANCELLED,
    Outcome.FAILED,
    Outcome.UNKNOWN,
]


def after(outcome: Outcome, contact: Contact, retries: int = 0, wait: int = 30) -> NextStep:
    return next_step(contact, outcome, a_dialer(retries=retries, tbc_nocontact=wait), NOW, REST)


def test_a_contact_that_was_reached_is_finished_whatever_it_has_left() -> None:
    assert after(Outcome.ANSWERED, a_contact(alternatives=(HOME,)), retries=5).step is Step.FINISHED


def test_an_abandoned_number_rests_and_keeps_its_retries() -> None:
    contact = a_contact(retries=1, alternatives=(HOME,))
    assert after(Outcome.ABANDONED, contact, retries=1) == NextStep(
        Step.REST, contact.phone, (HOME,), 1, NOW + REST
    )


def test_a_call_that_was_never_placed_comes_again_soon_and_is_not_counted() -> None:
    contact = a_contact(retries=1, alternatives=(HOME,))
    again = after(Outcome.NOT_PLACED, contact, retries=1)
    assert (again.step, again.phone, again.alternatives) == (Step.AGAIN, contact.phone, (HOME,))
    assert again.retries == 1
    assert again.not_before is not None
    assert NOW < again.not_before <= NOW + timedelta(minutes=5)


@pytest.mark.parametrize("outcome", IN_VAIN)
def test_no_retries_mean_one_attempt(outcome: Outcome) -> None:
    assert after(outcome, a_contact(), retries=0).step is Step.FINISHED


@pytest.mark.parametrize("outcome", IN_VAIN)
def test_a_number_with_attempts_left_is_tried_again_after_the_wait(outcome: Outcome) -> None:
    contact = a_contact(retries=1, alternatives=(HOME,))
    wait = timedelta(minutes=30)
    assert after(outcome, contact, retries=2) == NextStep(Step.RETRY, contact.phone, (HOME,), 2, NOW + wait)


def test_without_a_wait_the_number_is_tried_again_at_once() -> None:
    again = after(Outcome.BUSY, a_contact(), retries=1, wait=0)
    assert (again.step, again.not_before) == (Step.RETRY, None)


@pytest.mark.parametrize("outcome", IN_VAIN)
def test_a_number_that_is_used_up_makes_way_for_the_next_one_at_once(outcome: Outcome) -> None:
    contact = a_contact(retries=2, alternatives=(HOME, MOBILE))
    assert after(outcome, contact, retries=2) == NextStep(Step.ALTERNATIVE, HOME, (MOBILE,), 0, None)


def test_a_wrong_number_is_never_dialled_again() -> None:
    contact = a_contact(alternatives=(HOME,))
    assert after(Outcome.INVALID, contact, retries=9) == NextStep(Step.ALTERNATIVE, HOME, (), 0, None)
    assert after(Outcome.INVALID, a_contact(), retries=9).step is Step.FINISHED


@pytest.mark.parametrize(
    ("phone", "made", "dialers", "step"),
    [
        (MOBILE, 1, 0, Step.RETRY),
        (MOBILE, 2, 9, Step.FINISHED),
        (HOME, 0, 9, Step.FINISHED),
        (Phone("099", "W"), 0, 1, Step.RETRY),
        (Phone("099", "W"), 1, 1, Step.FINISHED),
    ],
)
def test_the_retries_of_a_typed_number_outrank_those_of_the_dialer(
    phone: Phone, made: int, dialers: int, step: Step
) -> None:
    assert after(Outcome.BUSY, a_contact(phone=phone, retries=made), retries=dialers).step is step


def test_a_contact_that_nobody_answers_is_called_as_often_as_the_settings_say() -> None:
    contact, dialled = a_contact(alternatives=(HOME, MOBILE)), []
    while True:
        dialled.append(contact.phone.number)
        then = after(Outcome.NO_ANSWER, contact, retries=1)
        if then.step is Step.FINISHED:
            break
        contact = a_contact(phone=then.phone, alternatives=then.alternatives, retries=then.retries)
    assert dialled == ["0991234567"] * 2 + [HOME.number] + [MOBILE.number] * 3


@PURE
@given(
    st.sampled_from(list(Outcome)),
    st.integers(0, 5),
    st.integers(0, 5),
    st.lists(st.sampled_from([HOME, MOBILE]), max_size=3).map(tuple),
)
def test_no_number_is_lost_or_called_before_now(
    outcome: Outcome, made: int, retries: int, alternatives: tuple[Phone, ...]
) -> None:
    contact = a_contact(retries=made, alternatives=alternatives)
    then = after(outcome, contact, retries)
    assert then.not_before is None or then.not_before > NOW
    if then.step is Step.ALTERNATIVE:
        assert (then.phone, *then.alternatives) == alternatives
    else:
        assert (then.phone, then.alternatives) == (contact.phone, alternatives)

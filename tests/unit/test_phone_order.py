"""schedulephones: which phone of a contact comes first at which of its hours."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.errors import FieldError
from engine.domain.phone_order import parse_phone_order
from engine.domain.phones import Phone
from tests.builders import PURE, a_contact, near

DAY = parse_phone_order(":".join(f"{h}=MWH" if 8 <= h <= 18 else f"{h}=HMW" for h in range(24)))


def phones(*entries: str) -> tuple[Phone, ...]:
    return tuple(Phone(number, kind) for kind, _, number in (entry.partition("=") for entry in entries))


@pytest.mark.parametrize(
    ("hour", "first", "order"),
    [
        (9, ("H=1", "M=2", "W=3"), "231"),
        (7, ("W=3", "M=2", "H=1"), "123"),
        (19, ("W=3", "M=2", "H=1"), "123"),
        (9, ("W=3", "U=9", "P=8", "M=2", "=4"), "82349"),
        (9, ("=4", "=5"), "45"),  # nothing is typed: list order
        (9, ("M=2", "M=3"), "23"),
    ],
)
def test_phones_come_in_the_order_of_the_hour(hour: int, first: tuple[str, ...], order: str) -> None:
    main, *rest = phones(*first)
    arranged = DAY.arrange(a_contact(phone=main, alternatives=tuple(rest)), hour)
    assert "".join(p.number for p in (arranged.phone, *arranged.alternatives)) == order


def test_a_number_that_is_being_retried_stays_and_an_hour_without_order_changes_nothing() -> None:
    contact = a_contact(phone=Phone("1", "H"), alternatives=(Phone("2", "M"),))
    assert DAY.arrange(replace(contact, retries=1), 9).phone.number == "1"
    assert parse_phone_order("9=MWH").arrange(contact, 10) == contact
    assert parse_phone_order("").arrange(contact, 10) == contact


@pytest.mark.parametrize("text", ["24=HMW", "x", "9", "9=XYZ", "9=", "-1=H", "9=H;10=M"])
def test_a_bad_order_is_named(text: str) -> None:
    with pytest.raises(FieldError, match="schedulephones: "):
        parse_phone_order(text)


@PURE
@given(text=near("9", "=", "HMW", ":", "23", " "), hour=st.integers(0, 23))
def test_any_text_is_an_order_or_a_refusal_and_no_phone_is_lost(text: str, hour: int) -> None:
    try:
        order = parse_phone_order(text)
    except FieldError:
        return
    assert all(0 <= known <= 23 for known in order.by_hour)
    contact = a_contact(phone=Phone("1", "H"), alternatives=phones("M=2", "=3"))
    arranged = order.arrange(contact, hour)
    assert sorted(p.number for p in (arranged.phone, *arranged.alternatives)) == ["1", "2", "3"]

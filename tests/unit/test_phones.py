"""Phone fields of the spool: what is dialled, what is refused, what survives storing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.errors import FieldError
from engine.domain.phones import Phone, join_alternatives, parse_alternatives, parse_phone
from tests.builders import ANY_TEXT, PURE, near

NEARLY = near("H", "m", "W", "P", "U", "X", "=", "2", "0991234567", "+", "*", "#", ":", " ", "-", "(", "²")
NUMBERS = st.from_regex(r"\+?[0-9]{1,32}", fullmatch=True)
PHONES = st.builds(Phone, NUMBERS) | st.builds(
    Phone, NUMBERS, st.sampled_from("HMWPU"), st.none() | st.integers(0, 99)
)


@pytest.mark.parametrize(
    ("text", "phone"),
    [
        ("0991234567", Phone("0991234567")),
        ("+593991234567", Phone("+593991234567")),
        ("M=0991234567", Phone("0991234567", "M")),
        ("M=0=098447120", Phone("098447120", "M", 0)),
        ("W=2=099111111", Phone("099111111", "W", 2)),
        ("p=1=099111111", Phone("099111111", "P", 1)),
        ("U=99=099111111", Phone("099111111", "U", 99)),
        (" H = 1 = 099 11-11.11 ", Phone("099111111", "H", 1)),
        ("+593 (99) 123-4567", Phone("+593991234567")),
        ("099/123.4567", Phone("0991234567")),
        ("099\u00a0123\u00a04567", Phone("0991234567")),
        ("06.12.34.56.00", Phone("0612345600")),
        ("+44 (0)20 7946 0958", Phone("+442079460958")),
        ("M=0044 (0)20 7946 0958", Phone("00442079460958", "M")),
        ("(0)20 7946 0958", Phone("02079460958")),
        ("00 1 650 253 0000 1234", Phone("0016502530000" + "1234")),
        ("1" * 32, Phone("1" * 32)),
    ],
)
def test_a_phone_is_read_as_people_write_it(text: str, phone: Phone) -> None:
    assert parse_phone(text) == phone


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "+",
        "0991234+",
        "call me",
        "1" * 33,
        "X=0991234567",
        "=0991234567",
        "M=",
        "M=2=",
        "M==0991234567",
        "M=-1=0991234567",
        "M=100=0991234567",
        "M=two=0991234567",
        "M=1=2=0991234567",
        "2=0991234567",
        "0991234567;0997654321",
        "0991234567,n",
        "0991234567@host",
        "0991234567#",
        "0991234567##",
        "0991234567*2",
        "*67#0991234567",
        "٠٩٩١٢٣٤",
        "0991\n234",
        "0991\x00234",
        "0991234567.0",
        "M=0=+598991234567.00",
        "0991234567/0992345678",
        "0991234567 0992345678",
        "(099) 12345678-09912345",
    ],
)
def test_what_cannot_be_dialled_is_refused_by_the_name_of_its_field(text: str) -> None:
    with pytest.raises(FieldError) as refusal:
        parse_phone(text, "phone")
    assert refusal.value.field == "phone"
    assert refusal.value.fix


def test_a_refusal_shows_only_a_short_printable_extract() -> None:
    with pytest.raises(FieldError) as refusal:
        parse_phone("\x1b[2J" + "x" * 5000)
    assert len(str(refusal.value)) < 200
    assert str(refusal.value).isprintable()


def test_alternatives_are_read_in_their_order() -> None:
    phones, broken = parse_alternatives("099111111:M=0=098447120:H=0=99955555:W=0=99966666")
    assert phones == (
        Phone("099111111"),
        Phone("098447120", "M", 0),
        Phone("99955555", "H", 0),
        Phone("99966666", "W", 0),
    )
    assert broken == ()


def test_a_broken_alternative_does_not_cost_the_contact_its_good_ones() -> None:
    phones, broken = parse_alternatives("099111111:unknown:M=0=098447120")
    assert [phone.number for phone in phones] == ["099111111", "098447120"]
    assert broken == ("unknown",)


@pytest.mark.parametrize("text", ["", ":", " : :: "])
def test_no_alternatives_are_no_error(text: str) -> None:
    assert parse_alternatives(text) == ((), ())


@PURE
@given(NEARLY)
def test_any_text_is_a_phone_that_survives_storing_or_a_field_error(text: str) -> None:
    try:
        phone = parse_phone(text)
    except FieldError:
        return
    assert parse_phone(phone.entry()) == phone


@PURE
@given(st.lists(PHONES, max_size=6).map(tuple))
def test_stored_alternatives_are_read_back_unchanged(phones: tuple[Phone, ...]) -> None:
    assert parse_alternatives(join_alternatives(phones)) == (phones, ())


@PURE
@given(NEARLY | ANY_TEXT)
def test_alternatives_never_stop_a_contact_and_lose_no_entry(text: str) -> None:
    phones, broken = parse_alternatives(text)
    assert len(phones) + len(broken) == sum(1 for entry in text.split(":") if entry.strip())
    assert parse_alternatives(join_alternatives(phones)) == (phones, ())


@PURE
@given(NEARLY)
def test_what_is_dialled_holds_nothing_that_a_dialplan_could_read_as_an_order(text: str) -> None:
    phones, _ = parse_alternatives(text)
    assert all(set(phone.number) <= set("+0123456789") for phone in phones)

"""Caller-ID rules: which number a destination sees."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.callerid import CallerIdEntry, key, parse_callerid, parse_entry
from engine.domain.errors import FieldError
from tests.builders import PURE, near

NEARLY = near("593", "#", "2345", "-", "00", "99", "07", ",", "\n", "+", " ", "x", ";", "²")


def first(n: int) -> int:
    assert n > 0
    return 0


def last(n: int) -> int:
    assert n > 0
    return n - 1


def shown(text: str, destination: str) -> set[str]:
    """Every caller ID that `destination` may see, tried with many draws."""
    rules, dice = parse_callerid(text), random.Random(7)
    return {rules.choose(destination, dice.randrange) for _ in range(400)}


def test_no_rules_set_no_caller_id() -> None:
    assert parse_callerid("").choose("0991", first) == ""
    assert parse_callerid(" \r\n , ").choose("0991", first) == ""


def test_one_number_is_shown_to_everybody() -> None:
    assert shown("18885751288", "0991") == {"18885751288"}


@pytest.mark.parametrize("separator", [",", "\n", "\r\n", " , "])
def test_entries_are_separated_by_comma_or_line(separator: str) -> None:
    assert shown(separator.join(["100", "200", "300"]), "0991") == {"100", "200", "300"}


def test_a_matching_prefix_beats_the_generic_numbers() -> None:
    rules = "593#100,593#200,1#300,400,500"
    assert shown(rules, "5939912") == {"100", "200"}
    assert shown(rules, "1888575") == {"300"}
    assert shown(rules, "0991234") == {"400", "500"}


def test_all_matching_prefixes_are_drawn_from_whatever_their_length() -> None:
    assert shown("5#100,593#200,300", "5939912") == {"100", "200"}


@pytest.mark.parametrize("prefix", ["593", "+593"])
@pytest.mark.parametrize("destination", ["5939912", "+5939912"])
def test_a_plus_before_prefix_or_destination_says_nothing(prefix: str, destination: str) -> None:
    assert shown(f"{prefix}#+100,400", destination) == {"+100"}
    assert shown(f"{prefix}#+100,400", "+1593") == {"400"}


@pytest.mark.parametrize(
    ("text", "draw", "number"),
    [
        ("2345-00-99", first, "234500"),
        ("2345-00-99", last, "234599"),
        ("2345-07-07", last, "234507"),
        ("2345-0000-9999", first, "23450000"),
        ("2345-098-101", last, "2345101"),
        ("-5550000-5559999", first, "5550000"),
        ("+1888-0-9", last, "+18889"),
    ],
)
def test_a_range_appends_a_padded_number(text: str, draw: Callable[[int], int], number: str) -> None:
    assert parse_callerid(text).choose("0991", draw) == number


def test_every_number_of_a_range_can_be_drawn() -> None:
    assert shown("555-08-12", "0991") == {"55508", "55509", "55510", "55511", "55512"}


@pytest.mark.parametrize(
    "text",
    [
        "593#100",
        "593#100,1#200",
        "abc",
        "100-00",
        "100-0-99",
        "100-99-00",
        "593#",
        "#100",
        "100-00-99-11",
        "593#1#100",
        "100;200",
        "John <100>",
        "٣٤٥",
        "100\x00",
    ],
)
def test_a_rule_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(FieldError) as refusal:
        parse_callerid(text)
    assert refusal.value.field == "callerid"
    assert refusal.value.fix


@pytest.mark.parametrize("text", ["+", "593#+,100"])
def test_a_lone_plus_is_no_caller_id(text: str) -> None:
    with pytest.raises(FieldError):
        parse_callerid(text)


@PURE
@given(NEARLY, st.integers(min_value=0))
def test_any_text_is_a_set_of_rules_or_a_field_error(text: str, seed: int) -> None:
    try:
        rules = parse_callerid(text)
    except FieldError:
        return
    number = rules.choose("5939912", lambda n: seed % n)
    assert set(number) <= set("+0123456789")
    assert bool(number) == bool(rules.entries)


DIGITS = st.text("0123456789", min_size=1, max_size=12)
ENTRIES = st.builds(
    lambda prefix, base, ends: CallerIdEntry(prefix, base, *ends),
    st.one_of(st.just(""), DIGITS, DIGITS.map("+{}".format)),
    st.one_of(DIGITS, DIGITS.map("+{}".format)),
    st.one_of(
        st.just(("", "")),
        st.integers(1, 6).flatmap(
            lambda size: st.tuples(*[st.text("0123456789", min_size=size, max_size=size)] * 2).map(
                lambda ends: (min(ends), max(ends))
            )
        ),
    ),
)


@PURE
@given(ENTRIES, st.integers(min_value=0))
def test_an_entry_reads_as_it_was_written_and_its_numbers_are_its_own(
    entry: CallerIdEntry, seed: int
) -> None:
    assert parse_entry(entry.text()) == entry
    number = entry.number(lambda n: seed % n)
    assert number == entry.at(seed % entry.size)
    assert number.startswith(entry.base)
    assert len(number) == len(entry.base) + len(entry.low)
    assert key(number).isdigit()


@PURE
@given(NEARLY)
def test_an_entry_is_read_and_written_alike_or_refused(text: str) -> None:
    try:
        entry = parse_entry(text)
    except FieldError:
        return
    assert entry.text() == text

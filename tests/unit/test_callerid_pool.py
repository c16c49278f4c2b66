"""Whose turn it is among a campaign's caller IDs."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from engine.adapters.legal import Legal
from engine.adapters.places import locality
from engine.domain.callerid import key, parse_callerid, parse_entry
from engine.domain.callerid_pool import DRAWN, LISTED, Locality, Pool, Turns, choose_own, uncounted

NEW_YORK = "12125556789"


def where(number: str) -> Locality:
    return locality(number, "US")


class Table:
    """A pool and what its numbers have been through."""

    def __init__(self, text: str, *, seed: int = 1) -> None:
        self.pool = Pool((parse_entry(word) for word in text.split()), where)
        self.used: dict[str, float] = {}
        self.rest: set[str] = set()
        self.dice = random.Random(seed)

    @property
    def turns(self) -> Turns:
        return Turns(self.used, self.rest)

    def show(self, destination: str = NEW_YORK, *, local: bool = False) -> str:
        number = self.pool.choose(destination, self.turns, self.dice.randrange, local=local)
        if number:
            self.used[key(number)] = len(self.used) + max(self.used.values(), default=0.0) + 1.0
        return number


def test_each_number_has_its_turn_before_any_has_a_second() -> None:
    table = Table("100 200 300 400")
    first = [table.show() for _ in range(4)]
    assert sorted(first) == ["100", "200", "300", "400"]
    assert [table.show() for _ in range(8)] == first * 2


def test_numbers_that_were_never_used_come_first_and_equals_are_drawn() -> None:
    seen = {Table("100 200 300", seed=seed).show() for seed in range(40)}
    assert seen == {"100", "200", "300"}
    table = Table("100 200")
    table.used["100"] = 5.0
    assert table.show() == "200"


def test_every_number_of_a_short_range_takes_its_turn() -> None:
    table = Table("555-08-12")
    assert sorted(table.show() for _ in range(5)) == ["55508", "55509", "55510", "55511", "55512"]


def test_of_a_range_too_long_to_be_listed_the_longest_unused_of_some_is_shown() -> None:
    assert LISTED < 10**6
    table = Table("1555-000000-999999")
    shown = Counter(table.show() for _ in range(100))
    assert len(shown) > 95
    assert DRAWN > 1
    assert table.pool.has("1555012345")
    assert not table.pool.has("155501234")
    assert table.pool.size == 10**6


@pytest.mark.parametrize(
    ("destination", "expected"),
    [("5939912", {"100", "200"}), ("1888575", {"300"}), ("0991234", {"400", "500"})],
)
def test_the_grammars_prefixes_decide_first(destination: str, expected: set[str]) -> None:
    table = Table("593#100 593#200 1#300 400 500")
    assert {table.show(destination) for _ in range(6)} == expected


def test_resting_numbers_are_never_shown_and_the_generic_ones_stand_in() -> None:
    table = Table("593#100 593#200 400")
    table.rest |= {"100"}
    assert {table.show("5939912") for _ in range(4)} == {"200"}
    table.rest |= {"200"}
    assert {table.show("5939912") for _ in range(4)} == {"400"}
    assert table.pool.serves_all(table.turns)
    table.rest |= {"400"}
    assert table.show("5939912") == ""
    assert not table.pool.serves_all(table.turns)


def test_a_plus_makes_no_other_number_of_it() -> None:
    table = Table("+12125550101")
    assert table.pool.has("12125550101")
    table.rest |= {"12125550101"}
    assert table.show() == ""


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("12125556789", {"+12125550101", "2125550102"}),  # the area, however it is written
        ("2125556789", {"+12125550101", "2125550102"}),
        ("13055556789", {"13055550103"}),
        ("14155556789", {"+12125550101", "2125550102", "13055550103"}),  # the country
        ("442079460000", {"+442079460001"}),
        ("33140205050", {"+12125550101", "2125550102", "13055550103", "+442079460001"}),  # anybody
        ("12", {"+12125550101", "2125550102", "13055550103", "+442079460001"}),  # no number at all
    ],
)
def test_with_local_presence_the_nearest_numbers_take_turns(destination: str, expected: set[str]) -> None:
    table = Table("+12125550101 2125550102 13055550103 +442079460001")
    destination = f"+{destination}" if destination[:2] in ("44", "33") else destination
    assert {table.show(destination, local=True) for _ in range(8)} == expected
    without = Table("+12125550101 2125550102 13055550103 +442079460001")
    assert len({without.show(destination) for _ in range(4)}) == 4


def test_a_near_number_that_rests_gives_way_to_the_next_nearest() -> None:
    table = Table("12125550101 13055550103 +442079460001")
    table.rest |= {"12125550101"}
    assert table.show(local=True) == "13055550103"
    table.rest |= {"13055550103"}
    assert table.show(local=True) == "+442079460001"


def test_local_presence_chooses_among_the_dialers_own_rules_too() -> None:
    rules, dice = parse_callerid("2125550101,3055550103,593#100"), random.Random(3)
    assert {choose_own(rules, "3055556789", dice.randrange, where) for _ in range(20)} == {"3055550103"}
    assert {choose_own(rules, "4155556789", dice.randrange, where) for _ in range(50)} == {
        "2125550101", "3055550103",
    }  # fmt: skip
    assert {choose_own(rules, "5939912", dice.randrange, where) for _ in range(20)} == {"100"}
    assert {choose_own(rules, "3055556789", dice.randrange, None) for _ in range(50)} == {
        "2125550101", "3055550103",
    }  # fmt: skip
    assert choose_own(parse_callerid(""), "3055556789", dice.randrange, where) == ""


def test_numbers_of_long_ranges_are_not_told_apart() -> None:
    rules = parse_callerid("1555-0000-9999,1777-00-99,1888")
    assert uncounted(rules, "+15551234")
    assert not uncounted(rules, "177712")
    assert not uncounted(rules, "1888")


@pytest.mark.parametrize(
    ("number", "country", "area", "code"),
    [
        ("2125550100", "US", "1212", "1"),
        ("+12125550100", "", "1212", "1"),
        ("12125550100", "", "1212", "1"),
        ("02079460000", "UK", "4420", "44"),
        ("0991234567", "EC", "59399", "593"),  # a mobile network's code: its numbers have no area
        ("59399", "EC", "", ""),
        ("0", "", "", ""),
    ],
)
def test_where_a_number_belongs(number: str, country: str, area: str, code: str) -> None:
    assert Legal().locality(number, country) == Locality(area, code)


@pytest.mark.parametrize("prefix", ["1212", "+1212"])
def test_a_plus_before_prefix_or_destination_says_nothing(prefix: str) -> None:
    table = Table(f"{prefix}#12125550001 18885550001")
    assert {table.show(NEW_YORK), table.show(f"+{NEW_YORK}")} == {"12125550001"}
    assert table.show("+13055551234") == "18885550001"

"""How many contacts the lists will still bring."""

from __future__ import annotations

import pytest

from engine.domain.pacing.list_end import ListEnd
from tests.builders import later


def after(counts: list[int], called: int = 10, seconds: float = 10.0) -> float:
    """Return what is expected after these counts, with so many calls between any two."""
    lists = ListEnd()
    for number, left in enumerate(counts[:-1]):
        lists.expected(left, later(seconds * number))
        for _ in range(called):
            lists.called()
    return lists.expected(counts[-1], later(seconds * len(counts)))


def test_a_list_that_is_called_up_brings_what_it_has() -> None:
    assert after([1000]) == 1000
    assert after(list(range(1000, 0, -10))) == pytest.approx(10)
    assert after([1000, 0]) == 0.0


def test_a_list_that_is_fed_while_it_is_called_has_no_end_in_sight() -> None:
    assert after([50, 51] * 100) > 500


def test_a_count_that_stays_the_same_is_believed_after_a_while() -> None:
    assert after([50] * 40, seconds=10.0) > 500
    assert after([50] * 5, seconds=10.0) == 50, "it may be the same count still"


def test_retries_come_again() -> None:
    """Of ten that are called three come back."""
    assert after(list(range(1000, 0, -7))) == pytest.approx(6 / 0.7, rel=0.1)


def test_a_load_of_many_at_once_promises_no_other() -> None:
    counts = [*range(1000, 500, -10), *range(5500, 5000, -10)]
    assert after(counts) == pytest.approx(counts[-1], rel=0.05)

"""Recycling: the rules' text, the names of new lists, the loop that looks for dry campaigns."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

import pytest
from hypothesis import given

from engine.domain.errors import FieldError
from engine.domain.outcomes import Outcome
from engine.domain.recycling import RecycleRule, next_list, parse_recycle
from engine.ports import StoreError
from engine.services import lists
from engine.services.lists import recycle_lists
from tests.builders import PURE, near
from tests.doubles import FakeClock, MemoryStore, background, until


def test_rules_are_read() -> None:
    text = '[{"outcome": "busy", "delay": 30, "maximum": 2}, {"outcome": "No_Answer"}]'
    assert parse_recycle(text) == (
        RecycleRule(Outcome.BUSY, timedelta(minutes=30), 2),
        RecycleRule(Outcome.NO_ANSWER, timedelta(), 1),
    )
    assert parse_recycle("[]") == parse_recycle(" ") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("busy", "recycle: it is not JSON"),
        ('{"outcome": "busy"}', "recycle: it is not a list"),
        ("[5]", r"recycle\[1\]: it is not an object"),
        ('[{"outcome": "bussy"}]', r"recycle\[1\].outcome: 'bussy' is unknown.*no_answer"),
        ('[{"outcome": "invalid"}]', r"recycle\[1\].outcome: invalid is never called again"),
        ('[{"outcome": "busy"}, {"outcome": "busy", "delay": -1}]', r"recycle\[2\].delay"),
        ('[{"outcome": "busy", "maximum": 0}]', r"recycle\[1\].maximum"),
        ('[{"outcome": "busy", "maximum": true}]', r"recycle\[1\].maximum"),
        ('[{"outcome": "busy", "wait": 5}]', r"recycle\[1\].*wait.*unknown"),
    ],
)
def test_a_bad_rule_is_named(text: str, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        parse_recycle(text)


@PURE
@given(near("[", "]", "{", "}", '"outcome"', ":", '"busy"', ",", "1e999", '"delay"', "[" * 3000))
def test_any_text_is_rules_or_a_refusal(text: str) -> None:
    with suppress(FieldError):
        parse_recycle(text)


@pytest.mark.parametrize(
    ("name", "taken", "new"),
    [
        ("MARCH", {"MARCH"}, "MARCH-R1"),
        ("MARCH", {"MARCH", "march-r1"}, "MARCH-R2"),
        ("MARCH-R1", {"MARCH", "MARCH-R1"}, "MARCH-R2"),
        ("", set(), "tasks-R1"),
    ],
)
def test_a_recycled_list_is_numbered(name: str, taken: set[str], new: str) -> None:
    assert next_list(name, frozenset(taken)) == new


async def test_dry_campaigns_are_looked_for_also_after_a_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "PERIOD", 0.001)
    store = MemoryStore()
    store.recyclable = {"A<-": 12}
    store.fail = StoreError("gone")
    async with background(recycle_lists(store, FakeClock().port())):
        await until(lambda: store.calls["recycle_due"] > 2, "looks")
        assert store.recyclable
        store.fail = None
        await until(lambda: not store.recyclable, "the recycling")

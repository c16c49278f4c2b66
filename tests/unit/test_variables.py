"""`name=value:name=value` fields, and what a channel is given of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.commands import originate
from engine.domain.variables import MAX_VALUE, merge, parse_variables, printable
from tests.builders import ANY_TEXT, ID, PURE, a_contact, a_dialer, an_attempt, near

AMD = (
    "FORM=Totality:language=default:initialSilence=1500:greeting=2000:afterGreetingSilence=1000:"
    "totalAnalysisTime=2500:minWordLength=100:betweenWordSilence=50:maxNumberOfWords=2:silenceThreshold=256"
)
NEARLY = near("name", "FORM", "MONITOR_EXEC", "_x", "9", "=", ":", " ", "Mario", "\n", "\x00", "ñ", "x" * 500)


def test_the_documented_sample_is_read_whole() -> None:
    variables = parse_variables(AMD)
    assert variables.refused == ()
    assert variables.get("FORM") == "Totality"
    assert variables.get("language") == "default"
    assert variables.get("silenceThreshold") == "256"
    assert len(variables.pairs) == 10


def test_only_the_first_equals_sign_ends_the_name() -> None:
    assert parse_variables("link=https=a=b").get("link") == "https=a=b"


def test_an_empty_value_is_a_value_and_an_empty_pair_is_nothing() -> None:
    assert parse_variables(":name=::other=x:").pairs == (("name", ""), ("other", "x"))


def test_the_last_of_two_pairs_wins_and_a_missing_one_has_its_default() -> None:
    variables = parse_variables("a=1:a=2")
    assert variables.get("a") == "2"
    assert variables.get("b", "none") == "none"


@pytest.mark.parametrize(
    "name",
    [
        "MONITOR_EXEC",
        "MIXMONITOR_EXEC",
        "QUEUE_PRIO",
        "LIMIT_TIMEOUT_FILE",
        "DIAL_NUMBER",
        "GOSUB_RESULT",
        "MEMBERINTERFACE",
        "ARG1",
        "TRANSFER_CONTEXT",
        "FORWARD_CONTEXT",
        "DYNAMIC_FEATURES",
        "OUTBOUND_GROUP",
        "OD_ATTEMPT",
        "__inherited",
        "_inherited",
        "SIPADDHEADER",
        "AMDSTATUS",
        "EXTEN",
    ],
)
def test_a_contact_cannot_steer_asterisk_by_a_variable(name: str) -> None:
    variables = parse_variables(f"{name}=evil:name=Mario")
    assert variables.pairs == (("name", "Mario"),)
    assert variables.refused == (name,)


@pytest.mark.parametrize(
    "pair", ["9lives=x", "na me=x", "name", "SHELL(ls)=x", "año=x", "=x", "a" * 65 + "=x"]
)
def test_what_cannot_be_a_variable_is_named_to_the_supervisor(pair: str) -> None:
    variables = parse_variables(f"name=Mario:{pair}")
    assert variables.pairs == (("name", "Mario"),)
    assert len(variables.refused) == 1


@pytest.mark.parametrize("letter", ["x", "ñ", "☎"])
def test_a_value_is_kept_up_to_its_limit_in_bytes(letter: str) -> None:
    fits = letter * (MAX_VALUE // len(letter.encode()))
    assert parse_variables(f"v={fits}").get("v") == fits
    assert parse_variables(f"v={fits}{letter}").refused == ("v",)


def test_a_line_break_in_a_value_cannot_begin_a_header() -> None:
    value = parse_variables("name=Mario\r\nAction= Originate\x00").get("name")
    assert value == "Mario  Action= Originate"


def test_later_variables_override_earlier_ones_in_the_place_of_the_first() -> None:
    assert merge([("a", "1"), ("b", "2")], [("c", "3"), ("a", "4")]) == (("a", "4"), ("b", "2"), ("c", "3"))


def test_the_contact_overrides_the_dialer_and_nobody_overrides_the_engine() -> None:
    dialer = a_dialer(variables=parse_variables("language=en:am=9"), am=1, sound="hello")
    contact = a_contact(data="language=es:OD_ATTEMPT=stolen:am=0:sound=evil")
    carried = dict(originate(dialer, an_attempt(contact), "18885751288").variables)
    assert carried["language"] == "es"
    assert carried["OD_ATTEMPT"] == ID
    assert (carried["am"], carried["sound"]) == ("1", "hello")
    assert carried["OD_NUMBER"] == contact.phone.number
    assert carried["OD_CONTACT"] == contact.reference
    assert carried["OD_CAMPAIGN"] == dialer.name


@pytest.mark.parametrize(("exten", "dialled"), [("${EXTEN}", "0991234567"), ("s", "s"), ("100", "100")])
def test_an_answered_call_enters_the_dialplan_where_the_dialer_says(exten: str, dialled: str) -> None:
    order = originate(a_dialer(exten=exten), an_attempt(), "")
    assert (order.context, order.exten) == ("PowerDialer", dialled)
    assert order.channel == "PJSIP/98980991234567@CARRIER"
    assert order.timeout == 30


@PURE
@given(NEARLY)
def test_any_text_gives_variables_that_a_channel_can_carry(text: str) -> None:
    variables = parse_variables(text)
    for name, value in variables.pairs:
        assert name.isascii()
        assert name.isidentifier()
        assert printable(value) == value
        assert len(value.encode()) <= MAX_VALUE
    assert all(len(name) <= 64 for name in variables.refused)


@PURE
@given(ANY_TEXT | st.just("a\u2028b\x85c\x1fd\x7fe"))
def test_printable_text_is_one_line_that_any_protocol_can_carry(text: str) -> None:
    clean = printable(text)
    assert len(clean.splitlines()) <= 1
    assert not any(ord(mark) < 32 or 127 <= ord(mark) < 160 for mark in clean)
    clean.encode()


def test_a_line_break_in_a_row_reaches_the_channel_as_a_space() -> None:
    contact = a_contact(data="name=Ana\r\n", reference="C-1\r")
    order = originate(a_dialer(), an_attempt(contact), "")
    carried = dict(order.variables)
    assert carried["OD_CONTACT"] == "C-1 "
    assert "\r" not in carried["OD_DATA"]
    assert "\n" not in carried["OD_DATA"]

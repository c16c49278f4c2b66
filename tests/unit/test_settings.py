"""From rows as supervisors write them to checked settings."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.errors import FieldError
from engine.domain.model import DialerType
from engine.domain.phones import Phone
from engine.domain.settings import active_lists, read_contact, read_dialer
from tests.builders import ANY_TEXT, PURE

SAMPLE: dict[str, Any] = {
    "campaign": "DEMO007<-",
    "schedule": "mon,tue,wed,thu,fri,sat;08:00-21:00",
    "dialertype": "PowerDialer",
    "status": 1,
    "dialstring": "SIP/CLEVERSIP/9898",
    "context": "PowerDialer",
    "exten": "${EXTEN}",
    "am": 0,
    "sound": "",
    "maxchannels": 2,
    "variables": "FORM=Totality:language=default:initialSilence=1500:silenceThreshold=256",
    "timeout": 30,
    "callerid": "18885751288",
    "retries": 0,
    "callerpres": 20,
    "tbc": -5,
    "dncr": 1,
    "tbc_nocontact": 0,
}
QUEUE_ROW: dict[str, Any] = {"name": "DEMO007<-", "queue_timeout": 600, "wrapuptime": 10}
CONTACT: dict[str, Any] = {
    "id": 7,
    "campaign": "DEMO007<-",
    "destination": "M=2=0991234567",
    "data": None,
    "alternatives": None,
    "contact": None,
    "dialerbase": "march",
    "priority": 9999,
    "agentphone": None,
    "retries": 1,
}


def test_the_documented_sample_is_a_dialer() -> None:
    dialer = read_dialer(SAMPLE, QUEUE_ROW)
    assert dialer.name == "DEMO007<-"
    assert dialer.dialer_type is DialerType.POWER
    assert dialer.dial_string.channel("0991") == "PJSIP/98980991@CLEVERSIP"
    assert (dialer.max_channels, dialer.timeout, dialer.retries) == (2, 30, 0)
    assert (dialer.overdial, dialer.gap) == (5, 0.0)
    assert dialer.caller_id.choose("0991", lambda n: 0) == "18885751288"
    assert dialer.variables.get("FORM") == "Totality"
    assert (dialer.queue_timeout, dialer.wrapup) == (600, 10)


@pytest.mark.parametrize("spelling", ["powerdialer", "POWERDIALER", " PowerDialer "])
def test_the_dialer_type_is_read_without_regard_to_case(spelling: str) -> None:
    assert read_dialer({**SAMPLE, "dialertype": spelling}, QUEUE_ROW).dialer_type is DialerType.POWER


@pytest.mark.parametrize("kind", list(DialerType))
def test_every_documented_type_is_known(kind: DialerType) -> None:
    row = {**SAMPLE, "dialertype": kind.value, "context": kind.value}
    assert read_dialer(row, QUEUE_ROW).dialer_type is kind


@pytest.mark.parametrize(("country", "seconds"), [("US", 15), ("", 9)])
def test_where_a_jurisdiction_is_named_it_rings_as_long_as_its_rules_want(country: str, seconds: int) -> None:
    assert read_dialer({**SAMPLE, "country": country, "timeout": 9}, QUEUE_ROW).timeout == seconds


@pytest.mark.parametrize("name", ["DEMO007<-", "campName->", "Ventas Norte_2.1", "Campaña"])
def test_campaign_names_keep_their_suffix_and_their_language(name: str) -> None:
    assert read_dialer({**SAMPLE, "campaign": name}, QUEUE_ROW).name == name


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("campaign", ""),
        ("campaign", "x" * 129),
        ("campaign", "a,b"),
        ("campaign", "a\nb"),
        ("dialertype", "Turbo"),
        ("schedule", ""),
        ("schedule", "always"),
        ("dialstring", ""),
        ("dialstring", "CARRIER"),
        ("context", ""),
        ("context", "a,b"),
        ("exten", ""),
        ("exten", "${SHELL(ls)}"),
        ("exten", "${EXTEN}1"),
        ("callerid", "593#100"),
        ("callerid", "anonymous"),
        ("variables", "MONITOR_EXEC=rm"),
        ("variables", "novalue"),
        ("maxchannels", -1),
        ("maxchannels", None),
        ("timeout", 0),
        ("timeout", 601),
        ("timeout", "soon"),
        ("tbc", -10_001),
        ("tbc_nocontact", -1),
        ("retries", -1),
        ("am", 2),
        ("sound", "a;b"),
        ("dncr", 2),
    ],
)
def test_a_wrong_setting_is_named_by_its_column_with_the_fix(column: str, value: object) -> None:
    with pytest.raises(FieldError) as refusal:
        read_dialer({**SAMPLE, column: value}, QUEUE_ROW)
    assert refusal.value.field == column
    assert refusal.value.fix


@pytest.mark.parametrize(
    ("column", "value", "field"),
    [("queue_timeout", 0, "queues.queue_timeout"), ("wrapuptime", -1, "queues.wrapuptime")],
)
def test_a_wrong_setting_of_the_queue_is_named_with_its_table(column: str, value: int, field: str) -> None:
    with pytest.raises(FieldError) as refusal:
        read_dialer(SAMPLE, {**QUEUE_ROW, column: value})
    assert refusal.value.field == field


def test_a_dialer_without_its_queue_is_refused() -> None:
    with pytest.raises(FieldError, match="queues"):
        read_dialer(SAMPLE, None)


@pytest.mark.parametrize("column", ["callerid", "variables", "sound"])
def test_an_optional_setting_may_be_null(column: str) -> None:
    assert read_dialer({**SAMPLE, column: None}, QUEUE_ROW).name == "DEMO007<-"


def test_several_audios_may_be_joined() -> None:
    assert read_dialer({**SAMPLE, "sound": "hello&en/bye-1"}, QUEUE_ROW).sound == "hello&en/bye-1"


def lists(*rows: tuple[str, int, int | None]) -> dict[str, float]:
    table = [
        {"campaign": "DEMO007<-", "name": name, "active": active, "percentage": percentage}
        for name, active, percentage in rows
    ]
    table.append({"campaign": "OTHER<-", "name": "foreign", "active": 1, "percentage": 50})
    return {entry.name: entry.share for entry in active_lists(table, "demo007<-")}


def test_the_shares_of_active_lists_are_normalised() -> None:
    assert lists(("a", 1, 30), ("b", 1, 10), ("c", 0, 60)) == {"a": 0.75, "b": 0.25}


@pytest.mark.parametrize("percentage", [None, 0, 40, 100])
def test_a_single_list_gets_everything(percentage: int | None) -> None:
    assert lists(("a", 1, percentage)) == {"a": 1.0}


def test_lists_without_any_share_are_equal_and_beside_one_with_a_share_serve_when_it_is_dry() -> None:
    assert lists(("a", 1, None), ("b", 1, 0)) == {"a": 0.5, "b": 0.5}
    assert list(lists(("a", 1, None), ("b", 1, 20), ("c", 1, 0)).items()) == [("b", 1.0), ("a", 0.0)]


def test_a_campaign_without_an_active_list_has_none() -> None:
    assert lists(("a", 0, 100)) == {}


def test_a_spool_row_with_few_columns_is_a_contact() -> None:
    contact = read_contact(CONTACT)
    assert contact.phone == Phone("0991234567", "M", 2)
    assert (contact.alternatives, contact.data, contact.reference) == ((), "", "")
    assert (contact.agent_phone, contact.list_name, contact.retries) == ("", "march", 1)


def test_a_broken_alternative_is_left_out_and_a_broken_number_is_refused() -> None:
    assert read_contact({**CONTACT, "alternatives": "junk:0991"}).alternatives == (Phone("0991"),)
    with pytest.raises(FieldError) as refusal:
        read_contact({**CONTACT, "destination": "junk"})
    assert refusal.value.field == "destination"


TEXT_COLUMNS = "campaign schedule dialertype dialstring context exten sound variables callerid timeout tbc"


@PURE
@given(st.sampled_from(TEXT_COLUMNS.split()), ANY_TEXT)
def test_any_text_in_any_column_is_a_setting_or_a_field_error(column: str, text: str) -> None:
    blamed = column
    try:
        read_dialer({**SAMPLE, column: text}, QUEUE_ROW)
    except FieldError as refusal:
        blamed = refusal.field
    assert blamed == column

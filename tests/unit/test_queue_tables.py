"""Rows of `queues` and `queue_members` as Asterisk wants them; what cannot be used never reaches it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.domain.errors import FieldError
from engine.domain.queue_tables import QueueMember, queues_conf, read_member


def a_queue(name: str = "SALES<-", **columns: Any) -> dict[str, Any]:
    return {
        "name": name, "musiconhold": "default", "announce": "", "context": "", "timeout": 15, "retry": 3,
        "wrapuptime": 10, "maxlen": 100, "servicelevel": 15, "strategy": "rrmemory", "joinempty": "yes",
        "leavewhenempty": "no", "weight": 0, "memberdelay": 0, "timeoutrestart": 1, "ringinuse": 0,
        "setinterfacevar": 1, "reportholdtime": 0, "announceFrequency": 0, "announceRoundSeconds": 0,
        "announceHoldtime": "no", "announcePosition": "no", "periodicAnnounce": "",
        "periodicAnnounceFrequency": "0", **columns,
    }  # fmt: skip


def a_member(**columns: Any) -> dict[str, Any]:
    return {
        "queue_name": "SALES<-", "interface": "SIP/101", "membername": "maria", "state_interface": "",
        "penalty": 0, "paused": 0, **columns,
    }  # fmt: skip


def test_a_queue_becomes_a_section_with_its_settings() -> None:
    text, faults = queues_conf([a_queue(strategy="LeastRecent", wrapuptime=25, joinempty="paused, inuse")])
    assert faults == ()
    lines = text.splitlines()
    assert "[SALES<-]" in lines
    assert {"strategy = leastrecent", "wrapuptime = 25", "ringinuse = no"} <= set(lines)
    assert "joinempty = paused,inuse" in lines


def test_what_is_empty_is_left_out() -> None:
    text, _ = queues_conf([a_queue()])
    assert "announce =" not in text
    assert "periodic-announce =" not in text


def test_the_same_rows_in_any_order_give_the_same_text() -> None:
    rows = [a_queue("B->"), a_queue("a<-")]
    assert queues_conf(rows) == queues_conf(rows[::-1])


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("strategy", "roundrobin"),
        ("joinempty", "sometimes"),
        ("timeout", -1),
        ("musiconhold", "x\n[general]"),
        ("announce", "a;b"),
        ("context", "a#include b"),
        ("periodicAnnounceFrequency", "often"),
        ("announceHoldtime", "maybe"),
    ],
)
def test_a_value_that_cannot_be_used_is_told_and_left_out(column: str, value: object) -> None:
    text, faults = queues_conf([a_queue(**{column: value})])
    assert len(faults) == 1
    assert faults[0].startswith(f"queue SALES<-: queues.{column}: ")
    assert str(value) not in text.replace("SALES<-", "")
    assert "wrapuptime = 10" in text
    assert text.count("strategy = rrmemory") == 1


def test_a_queue_whose_name_would_open_a_section_of_its_own_is_left_out() -> None:
    text, faults = queues_conf([a_queue("x](y)\n[general"), a_queue("GOOD->")])
    assert len(faults) == 1
    assert "[general" not in text
    assert "[GOOD->]" in text


def test_a_members_sip_phone_is_asterisks_pjsip_phone() -> None:
    member = read_member(a_member(state_interface="sip/101", penalty=2, paused=1))
    assert member == QueueMember("SALES<-", "PJSIP/101", "maria", "PJSIP/101", 2, True)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("interface", "101"),
        ("interface", "SIP/1\r\nAction: Command"),
        ("state_interface", "x y"),
        ("penalty", -1),
        ("membername", "a\nb"),
        ("queue_name", "x\n"),
    ],
)
def test_a_member_that_cannot_be_used_names_the_column(column: str, value: object) -> None:
    with pytest.raises(FieldError) as error:
        read_member(a_member(**{column: value}))
    assert error.value.field == f"queue_members.{column}"

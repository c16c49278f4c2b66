"""The engine, the dialplan and its page agree on every channel variable and every event."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from engine.adapters.ami import translate as tr
from engine.domain.commands import originate, ring_agent
from engine.domain.model import Desk, DialerType
from engine.domain.modes import DEFAULT_OPTIONS, Machines, Mode, Options
from engine.resources import resource
from tests.builders import NOW, a_contact, a_dialer, an_attempt
from tests.ways import SETTINGS

CONF = resource("asterisk-conf")
DIALPLAN = (CONF / "overdial/extensions.conf").read_text("utf-8")
PAGE = (CONF / "README.md").read_text("utf-8")
#: For flows of a site's own: ours need them not.
FOR_OTHERS = {"OD_NUMBER", "OD_CONTACT", "OD_DATA"}


def carried(mode: Mode) -> set[str]:
    """Return the names that the engine gives to the legs of a call of this mode."""
    kind, columns = SETTINGS[mode]
    values: dict[str, Any] = {name: bool(value) for name, value in columns.items()}
    options: Options = replace(DEFAULT_OPTIONS, machines=Machines.MESSAGE, machine_sound="x", **values)
    dialer = a_dialer(dialer_type=DialerType(kind), options=options, auto_answer=True)
    desk = Desk("PJSIP/101", "Ana") if mode.reserves else None
    attempt = replace(an_attempt(a_contact(data="")), desk=desk)
    orders = [originate(dialer, attempt, "1", record="x.wav")]
    orders += [ring_agent(dialer, attempt)] if mode.agent_first else []
    return {name for order in orders for name, _ in order.variables}


def read() -> set[str]:
    return set(re.findall(r"\$\{(?:MASTER_CHANNEL\()?(OD_[A-Z_]+|am|sound)\b", DIALPLAN)) - {"OD_RECORD_"}


def own() -> set[str]:
    """Return what the dialplan sets by itself."""
    return set(re.findall(r"(?:Set\((?:MASTER_CHANNEL\()?|Read\()(OD_[A-Z_]+)", DIALPLAN))


@pytest.mark.parametrize("mode", list(Mode))
def test_every_variable_of_the_engine_is_on_the_page_and_of_use(mode: Mode) -> None:
    names = carried(mode)
    assert {name for name in names if f"`{name}`" not in PAGE} == set()
    assert names - read() - FOR_OTHERS == set()


def test_the_dialplan_reads_nothing_that_nobody_sets() -> None:
    given = set().union(*(carried(mode) for mode in Mode))
    assert read() - own() - given == set()
    assert {name for name in own() if f"`{name}`" not in PAGE} == set()
    # Made for one agent while he is rung: services/errands.py.
    assert "OD_RECORD_${CHANNEL(endpoint)}" in DIALPLAN
    assert "`OD_RECORD_<extension>`" in PAGE


def test_what_runs_on_the_agents_phone_is_asked_for_as_asterisk_20_and_later_ones_want_it() -> None:
    """Up to 20 the seventh argument of Queue() is a macro, the eighth the subroutine; 21 has no macro."""
    queues = re.findall(r"Queue\(\$\{OD_CAMPAIGN\},.*", DIALPLAN)
    assert len(queues) == 2
    for line in queues:
        test, older, newer = re.findall(r"\$\{IF\((.*)\?(.*):(.*)\)\}\)$", line)[0]
        assert test == '$["${VERSION(ASTERISK_VERSION_NUM):0:2}" = "20"]'
        before = line.partition("${IF(")[0].removeprefix("Queue(").split(",")
        assert len(before) + older.count(",") == 8
        assert len(before) + newer.count(",") == 7
        assert {older.lstrip(","), newer} == {"overdial-taken"}


def test_every_event_of_the_dialplan_is_on_the_page_and_understood() -> None:
    said = set(re.findall(r"UserEvent\((\w+)", DIALPLAN))
    assert {name for name in said if f"`{name}`" not in PAGE} == set()

    class Message(dict[str, str]):
        def __getattr__(self, name: str) -> str:
            return self.get(name, "")

    for name in said - {"OverdialCheck"}:  # for `overdial check` alone
        message = Message(event="UserEvent", userevent=name, attempt="x", status="MACHINE", key="1")
        assert tr.translate(message, NOW) is not None, name

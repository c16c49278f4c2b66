"""asterisk-conf/ loads as it stands, and the manager user has what it needs and no more."""

from __future__ import annotations

import re

from engine.lab.asterisk import Asterisk
from tests.stage import CAMPAIGN


def test_it_loads_without_a_warning_or_error(asterisk: Asterisk) -> None:
    log = (asterisk.home / "log/messages.log").read_text()
    boot = log[: log.rfind("Default country")]
    assert not re.findall(r"^.*(?:WARNING|ERROR).*$", boot, re.MULTILINE)


def test_every_module_that_is_asked_for_runs(asterisk: Asterisk) -> None:
    wanted = set(re.findall(r"^load = (\S+)", (asterisk.home / "etc/modules.conf").read_text(), re.MULTILINE))
    shown = asterisk.command("module show")
    assert len(wanted) > 40
    assert {name for name in wanted if name not in shown} == set()


def test_the_campaign_queue_has_its_agents_and_never_rings_a_busy_one(asterisk: Asterisk) -> None:
    shown = asterisk.command(f"queue show {CAMPAIGN}")
    assert shown.count("PJSIP/agent") == 3
    assert shown.count("ringinuse disabled") == 3


def test_the_manager_user_may_dial_and_ask_but_run_no_command(asterisk: Asterisk) -> None:
    shown = asterisk.command("manager show user overdial")
    write = next(line for line in shown.splitlines() if "write perm" in line)
    assert "originate" in write
    assert "command" not in write
    assert "system" not in write
    assert "config" not in write

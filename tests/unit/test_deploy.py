"""The deploy scripts, the unit, the example settings and the engine agree with each other."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from engine.config import Config
from engine.resources import resource

DEPLOY = Path(__file__).parents[2] / "deploy"
SCRIPTS = sorted(DEPLOY.glob("*.sh"))
#: Parts that the scripts share.
SOURCED = {"asterisk.sh", "database.sh", "lib.sh"}
INSTALL = (DEPLOY / "install.sh").read_text()
LIB = (DEPLOY / "lib.sh").read_text()
EXAMPLE = (DEPLOY / "overdial.toml.example").read_text()


def value(name: str) -> str:
    """Return a path that lib.sh sets."""
    return re.search(rf"^{name}=(\S+)$", LIB, re.MULTILINE)[1]  # type: ignore[index]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_each_script_is_shell_that_bash_understands(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)
    assert "set -euo pipefail" in script.read_text() or script.name in SOURCED


def test_the_unit_starts_what_the_script_installs() -> None:
    unit = (DEPLOY / "overdial.service").read_text()
    start = f"ExecStart={value('PREFIX')}/current/bin/overdial run --config {value('CONFIG')}/overdial.toml"
    assert start in unit
    assert f"ReadWritePaths=-{value('SHARED')}" in unit
    assert "StateDirectory=overdial\n" in unit
    assert f"d {value('SHARED')} 2750 overdial asterisk" in (DEPLOY / "tmpfiles.conf").read_text()


def test_what_was_spoken_to_contacts_leaves_and_queues_stay() -> None:
    """Texts hold names. Systemd removes what nobody has read for the age in the last field."""
    rules = [line.split() for line in (DEPLOY / "tmpfiles.conf").read_text().splitlines() if line[0] == "d"]
    ages = {rule[1]: rule[-1] for rule in rules}
    assert ages == {value("SHARED"): "-", f"{value('SHARED')}/tts": "10d"}


def test_the_nightly_job_starts_what_the_script_installs_and_leaves_with_the_rest() -> None:
    unit = (DEPLOY / "overdial-maintain.service").read_text()
    command = f"{value('PREFIX')}/current/bin/overdial maintain --config {value('CONFIG')}/overdial.toml"
    assert f"ExecStart={command}\n" in unit
    assert '"$here/overdial-maintain.service" "$here/overdial-maintain.timer" "$UNITS/"' in INSTALL
    assert '"$UNITS"/overdial-maintain.{service,timer}' in (DEPLOY / "uninstall.sh").read_text()


def test_the_settings_that_the_script_fills_in_are_in_the_example() -> None:
    keys = re.findall(r"fill \w+ (\w+) ", INSTALL)
    assert {"socket", "cdr_file", "queues_file", "url", "tts_folder"} <= set(keys)
    for key in keys:
        assert re.search(rf"^# {key} = ", EXAMPLE, re.MULTILINE), key


def test_every_key_of_the_example_is_one_that_the_engine_knows() -> None:
    text = re.sub(r"^# (\w+ = [^#\n]*?)( *#.*)?$", r"\1", EXAMPLE, flags=re.MULTILINE)
    text = re.sub(r"^# (\[[\w.]+\])", r"\1", text, flags=re.MULTILINE)
    # Of two ways to give the same secret the example shows both.
    Config(**tomllib.loads(text))


def test_what_the_script_includes_is_there() -> None:
    for name in re.findall(r"#include (overdial/\S+?)'", INSTALL):
        assert (resource("asterisk-conf") / name).is_file(), name


def test_the_tools_that_build_the_package_are_pinned_as_for_development() -> None:
    def pin(name: str) -> str:
        text = (DEPLOY.parent / "requirements" / name).read_text()
        return re.search(r"^hatchling==(\S+)", text, re.MULTILINE)[1]  # type: ignore[index]

    assert pin("build.txt") == pin("dev.txt")

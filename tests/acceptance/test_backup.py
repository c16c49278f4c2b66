"""Backup while calls are made, and restore into a fresh server, by the commands of docs/operations.md."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.adapters.mysql import Database
from engine.adapters.mysql.migrate import migrate
from engine.lab.asterisk import Asterisk
from engine.lab.mariadb import MariaDB
from engine.lab.parts import tool
from engine.lab.sipp import Sipp
from tests.conftest import LAB
from tests.stage import Names, Stage, set_stage

ROOT = Path(__file__).parents[2]
KEPT, LOST = Names("cc_kept", "repo_kept"), Names("cc_lost", "repo_lost")
_ENDED = "SELECT COUNT(*) FROM ccdata.attempts WHERE state = 'ended'"


@pytest.fixture(scope="module")
def source(home: Path) -> Iterator[MariaDB]:
    """A server of this test's own, with a binary log."""
    logs = home / "source-logs"
    logs.mkdir()
    server = MariaDB(home / "source", options=(f"--log-bin={logs}/bin", "--server-id=1"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def target(home: Path) -> Iterator[MariaDB]:
    """The fresh server into which it is restored."""
    server = MariaDB(home / "target")
    server.start()
    yield server
    server.stop()


async def _create(server: MariaDB, names: Names) -> None:
    database = Database(names.settings(server))
    try:
        await migrate(database)
    finally:
        await database.close()


def run_block(name: str, server: MariaDB, names: Names, folder: Path, binlogs: Path) -> None:
    """Run the commands that the page shows under `tried: <name>`."""
    page = (ROOT / "docs/operations.md").read_text("utf-8")
    [block] = re.findall(rf"<!-- tried: {name} -->\n```sh\n(.*?)```", page, re.DOTALL)
    tools = Path(tool("mariadb-dump", LAB)).parent
    environment = {
        **os.environ,
        "PATH": f"{tools}:{os.environ['PATH']}",
        "DATABASE": f"--socket={server.socket} --user=root",
        "NAMES": f"{names.configuration} {names.history}",
        "BACKUP": str(folder),
        "BINLOGS": str(binlogs),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block], env=environment, capture_output=True, text=True, timeout=90
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_dump_alone_is_whole_and_an_engine_starts_on_it(
    asterisk: Asterisk,
    carrier: Sipp,
    mariadb: MariaDB,
    target: MariaDB,
    source: MariaDB,
    home: Path,
    tmp_path: Path,
) -> None:
    """Calls that were open in the dump are settled, and who was not called yet is called."""
    asyncio.run(_create(source, KEPT))
    with set_stage(source, asterisk, carrier, KEPT, tmp_path) as stage:
        stage.dialer(tbc=0)
        stage.contacts(*({"destination": f"55530{n:02d}200"} for n in range(6)))
        stage.start()
        stage.wait_for_value("SELECT COUNT(*) FROM ccdata.attempts WHERE state = 'connected'", 3)
        stage.sql("UPDATE ccdata.dialers SET status = 0")
        stage.wait_for_value("SELECT state FROM ccdata.campaign_state", "disabled")
        run_block("backup", source, KEPT, tmp_path, home / "source-logs")
        assert stage.engine is not None
        stage.engine.kill()
        asterisk.command("channel request hangup all")
        dump = f"gunzip -c '{tmp_path}/overdial.sql.gz' | mariadb --socket={target.socket} --user=root"
        subprocess.run(["bash", "-euo", "pipefail", "-c", dump], check=True, timeout=60)
        stage.mariadb = target
        stage.rotate_log()
        stage.start()
        stage.ended(3, limit=60.0)
        assert stage.value("SELECT COUNT(*) FROM ccdata.calls_spool WHERE status = 0") == "0"
        assert stage.value("SELECT token FROM ccdata.leases") == "2", "it leads under a token of its own"
        stage.sql("UPDATE ccdata.dialers SET status = 1")
        stage.wait(lambda: len(stage.invites()) == 6, "the others are called")
        assert len(set(stage.invites())) == 6


def test_a_lost_database_comes_back_from_dump_binary_log_and_journal(
    asterisk: Asterisk, carrier: Sipp, source: MariaDB, target: MariaDB, home: Path, tmp_path: Path
) -> None:
    asyncio.run(_create(source, LOST))
    with set_stage(source, asterisk, carrier, LOST, tmp_path) as stage:
        stage.database_lines = "timeout = 1\n"
        stage.dialer(tbc=-100, maxchannels=6)
        numbers = [f"55520{n:02d}{100 if n % 2 else 404}" for n in range(40)]
        stage.contacts(*({"destination": number} for number in numbers))
        # Somebody talks until he is hung up: of his end nobody but the journal will hear.
        stage.contacts({"destination": "5552099200", "priority": 1}, base="")
        stage.start()
        stage.wait(lambda: int(stage.value(_ENDED)) >= 4, "calls are made")
        run_block("backup", source, LOST, tmp_path, home / "source-logs")
        before = int(stage.value(_ENDED))
        stage.wait(lambda: int(stage.value(_ENDED)) >= before + 6, "calls are made after the dump")
        open_call = (
            "SELECT COUNT(*) FROM ccdata.attempts WHERE destination = '5552099200' AND state = 'connected'"
        )
        stage.wait_for_value(open_call, 1)
        _lose_the_database(stage, source)

        run_block("restore", target, LOST, tmp_path, home / "source-logs")
        stage.mariadb = target
        assert int(stage.value(_ENDED)) >= before + 6, "the binary log has what came after the dump"
        stage.rotate_log()
        stage.start()
        stage.wait(lambda: stage.logged("recorder.inherited"), "what only the journal knew is written")
        stage.ended(41, limit=90.0)
        outcome = "SELECT outcome FROM ccdata.attempts WHERE destination = '5552099200'"
        assert stage.value(outcome) == "answered", "as only the journal knew"
        _check(stage, [*numbers, "5552099200"])
        assert stage.stop() == 0


def _lose_the_database(stage: Stage, source: MariaDB) -> None:
    """The server is gone while calls are up; what becomes of them only the journal hears."""
    assert source.child is not None
    assert stage.engine is not None
    source.child.kill()
    stage.asterisk.command("channel request hangup all")
    stage.wait(lambda: stage.logged("recorder.failing"), "the engine has lost its database")
    stage.engine.kill()


def _check(stage: Stage, numbers: list[str]) -> None:
    invites = stage.invites()
    assert sorted(invites) == sorted(numbers), "everybody was called once"
    assert stage.value("SELECT COUNT(*) FROM ccrepo.cdr_repo") == str(len(numbers))
    assert stage.value("SELECT COUNT(DISTINCT guid) FROM ccrepo.cdr_repo") == str(len(numbers))
    assert stage.value("SELECT COUNT(*) FROM ccdata.calls_spool WHERE status = 0") == "0"

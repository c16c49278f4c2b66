"""`queues` and `queue_members` take effect in a real Asterisk, by plain SQL."""

from __future__ import annotations

import asyncio
import re
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from engine.adapters.ami import AmiCallControl, AmiSettings
from engine.adapters.ami.queues import AmiQueues
from engine.adapters.mysql import Database
from engine.adapters.mysql.queues import MysqlQueues
from engine.adapters.queue_file import ConfFile
from engine.domain import events as ev
from engine.lab.parts import poll
from engine.services.queues import QueueKeeper
from tests.conftest import LAB
from tests.doubles import background
from tests.switch_conf import Switch

PHONES = "".join(
    f"[phone{n}](overdial-agent)\naors = phone{n}\n[phone{n}](overdial-agent-aor)\n" for n in (1, 2)
)


@pytest.fixture(scope="module")
def generated(home: Path) -> Path:
    return home / "generated.conf"


@pytest.fixture(scope="module")
def switch(home: Path, generated: Path) -> Iterator[Switch]:
    part = Switch(LAB, home / "queues", {}, PHONES)
    (part.asterisk.home / "etc/local/queues.conf").write_text(f"#tryinclude {generated}\n")
    part.asterisk.start()
    yield part
    part.asterisk.stop()


@asynccontextmanager
async def kept(switch: Switch, database: Database, file: Path) -> AsyncIterator[QueueKeeper]:
    settings = AmiSettings(port=switch.asterisk.ami_port, secret=switch.asterisk.secret)
    control = AmiCallControl(settings, lambda: datetime.now(UTC))
    async with background(control.run()):
        while not isinstance(await control.next_event(), ev.LinkUp):
            pass
        yield QueueKeeper(MysqlQueues(database), AmiQueues(control.link), ConfFile(file), lambda: None)


async def run(database: Database, *statements: str) -> None:
    async with database.session() as session:
        for statement in statements:
            await session.run(statement)


async def test_rows_become_queues_and_members_and_follow_every_change(
    switch: Switch, database: Database, generated: Path
) -> None:
    def shown(queue: str) -> str:
        return switch.asterisk.command(f"queue show {queue}")

    async with kept(switch, database, generated) as keeper:
        await run(
            database,
            "INSERT INTO ccdata.queues (name, wrapuptime, strategy, weight, joinempty, announceHoldtime,"
            " periodicAnnounce, periodicAnnounceFrequency, leavewhenempty)"
            " VALUES ('TABLE->', 7, 'leastrecent', 4, 'paused,inuse', 'once', 'queue-thankyou', '60',"
            " 'strict')",
            "INSERT INTO ccdata.queue_members (queue_name, interface, membername, penalty)"
            " VALUES ('TABLE->', 'SIP/phone1', 'maria', 3), ('table->', 'PJSIP/phone2', 'juan', 0)",
        )
        await keeper.follow()
        first = shown("TABLE->")
        assert "'leastrecent' strategy" in first
        assert "W:4" in first
        assert re.search(r"maria \(PJSIP/phone1\) with penalty 3 .*\(dynamic\)", _plain(first))
        assert "juan (PJSIP/phone2)" in _plain(first)
        assert _mode(generated) == 0o640

        await run(
            database,
            "UPDATE ccdata.queue_members SET penalty = 5, paused = 1 WHERE membername = 'maria'",
            "UPDATE ccdata.queues SET strategy = 'rrmemory'",
            "DELETE FROM ccdata.queue_members WHERE membername = 'juan'",
        )
        await keeper.follow()
        second = shown("TABLE->")
        assert "'rrmemory' strategy" in second
        assert re.search(r"maria .*with penalty 5 .*\(paused", _plain(second))
        assert "juan" not in second

        # A reload of the settings leaves the members as they are.
        await run(database, "UPDATE ccdata.queues SET wrapuptime = 30")
        await keeper.follow()
        assert re.search(r"maria .*with penalty 5 .*\(paused", _plain(shown("TABLE->")))

        await run(database, "DELETE FROM ccdata.queues", "DELETE FROM ccdata.queue_members")
        await keeper.follow()
        assert "No such queue" in shown("TABLE->")
    log = switch.log()
    assert "Unknown keyword" not in log
    assert not re.findall(r"^.*(?:WARNING|ERROR).*$", log, re.MULTILINE)


async def test_members_come_back_after_asterisk_was_started_anew(
    switch: Switch, database: Database, generated: Path
) -> None:
    async with kept(switch, database, generated) as keeper:
        await run(
            database,
            "INSERT INTO ccdata.queues (name) VALUES ('BACK->')",
            "INSERT INTO ccdata.queue_members (queue_name, interface) VALUES ('BACK->', 'SIP/phone1')",
        )
        await keeper.follow()
        assert "phone1" in switch.asterisk.command("queue show BACK->")
        switch.asterisk.stop()
        switch.asterisk.start()
        assert "phone1" not in switch.asterisk.command("queue show BACK->")
        keeping = asyncio.ensure_future(keeper.run())
        await asyncio.to_thread(
            poll, lambda: "phone1" in switch.asterisk.command("queue show BACK->"), "he sits there again"
        )
        keeping.cancel()


async def test_who_was_taken_out_before_his_row_went_is_no_fault(
    switch: Switch, database: Database, generated: Path
) -> None:
    async with kept(switch, database, generated) as keeper:
        await run(
            database,
            "INSERT INTO ccdata.queues (name) VALUES ('LEFT->')",
            "INSERT INTO ccdata.queue_members (queue_name, interface) VALUES ('LEFT->', 'SIP/phone2')",
        )
        await keeper.follow()
        switch.asterisk.command("queue remove member PJSIP/phone2 from LEFT->")
        await run(database, "DELETE FROM ccdata.queue_members")
        with structlog.testing.capture_logs() as told:
            await keeper.follow()
        assert told == []


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)

"""Private real parts for the tests: one MariaDB, one Asterisk and one SIPp carrier for the whole run."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from engine.adapters.mysql import Database
from engine.adapters.mysql.migrate import migrate
from engine.lab.asterisk import Asterisk, AsteriskInstall
from engine.lab.mariadb import MariaDB
from engine.lab.sipp import Sipp
from engine.resources import resource
from tests.stage import CAMPAIGN, OTHER, Names

LAB = Path(os.environ.get("OVERDIAL_LAB", ".lab")).resolve()
HOME = LAB / "test"


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A private database server."""
    server = MariaDB(HOME / "db")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def carrier() -> Iterator[Sipp]:
    """SIPp as the carrier; the number's last three digits decide what it answers."""
    shutil.rmtree(HOME / "sipp", ignore_errors=True)
    sipp = Sipp(Path(__file__).parent / "acceptance" / "carrier.xml", HOME / "sipp")
    sipp.start()
    yield sipp
    sipp.stop()


@pytest.fixture(scope="session")
def asterisk(carrier: Sipp) -> Iterator[Asterisk]:
    """A private Asterisk with asterisk-conf/, two campaign queues of three agents, the SIPp trunk."""
    part = Asterisk(
        AsteriskInstall.find(LAB),
        resource("asterisk-conf"),
        HOME / "asterisk",
        {"extensions-parts.conf": "[globals]\nLAB_TALK_MIN = 1\nLAB_TALK_MAX = 2\n"},
    )
    part.queue(3, CAMPAIGN, wrapup=1)
    part.queue(3, OTHER, wrapup=0, first=201)
    part.trunk("CARRIER", carrier.port)
    part.trunk("LOOPBACK", part.sip_port)
    part.start()
    yield part
    part.stop()


@pytest.fixture
def names(mariadb: MariaDB, request: pytest.FixtureRequest) -> Iterator[Names]:
    """Two databases of this test alone, with the schema in them; gone after the test."""
    suffix = f"{abs(hash(request.node.nodeid)) % 10**8:08d}"
    own = Names(f"cc_{suffix}", f"repo_{suffix}")
    asyncio.run(_create(mariadb, own))
    yield own
    mariadb.sql(f"DROP DATABASE {own.configuration}; DROP DATABASE {own.history};")


async def _create(mariadb: MariaDB, own: Names) -> None:
    database = Database(own.settings(mariadb))
    try:
        await migrate(database)
    finally:
        await database.close()


@pytest.fixture
async def database(mariadb: MariaDB, names: Names) -> AsyncIterator[Database]:
    """The engine's gateway to this test's databases."""
    gateway = Database(names.settings(mariadb))
    yield gateway
    await gateway.close()


@pytest.fixture(autouse=True)
async def no_orphans() -> AsyncIterator[None]:
    """A task that a test leaves behind, or an error that nobody fetched, fails the test."""
    loop = asyncio.get_running_loop()
    complaints: list[str] = []
    loop.set_exception_handler(lambda _, context: complaints.append(str(context)))
    before = asyncio.all_tasks()
    yield
    mine = {asyncio.current_task()}
    left = [task for task in asyncio.all_tasks() - before - mine if not task.done()]
    assert not left, f"tasks left behind: {left}"
    assert not complaints, complaints

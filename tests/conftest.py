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
from engine.lab.parts import free_port
from engine.lab.sipp import Sipp
from engine.resources import resource
from tests.api_rig import ApiRig, api_rig
from tests.stage import CAMPAIGN, OTHER, PAIR, SLEEPY, Names

LAB = Path(os.environ.get("OVERDIAL_LAB", ".lab")).resolve()
# Whatever is installed on this machine is none of the tests' business.
os.environ["OVERDIAL_CONFIG"] = ""
#: A folder of this run alone, so that two runs on one machine do not meet.
HOME = LAB / "test" / str(os.getpid())


@pytest.fixture(scope="session", autouse=True)
def home() -> Iterator[Path]:
    """The folder of this run's parts; gone afterwards, with what earlier runs left."""
    for old in (LAB / "test").glob("*"):
        if not Path(f"/proc/{old.name}").exists():
            shutil.rmtree(old, ignore_errors=True)
    HOME.mkdir(parents=True, exist_ok=True)
    yield HOME
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def mariadb(home: Path) -> Iterator[MariaDB]:
    """A private database server."""
    server = MariaDB(home / "db", free_port())
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def carrier(home: Path) -> Iterator[Sipp]:
    """SIPp as the carrier; the number's last three digits decide what it answers."""
    sipp = Sipp(Path(__file__).parent / "acceptance" / "carrier.xml", home / "sipp")
    sipp.start()
    yield sipp
    sipp.stop()


_GLOBALS = "[globals]\nLAB_TALK_MIN = 1\nLAB_TALK_MAX = 2\nOVERDIAL_TRUNK = CARRIER\n"
#: A customer who hears a recording out of the queue and presses 9.
_OPTS_OUT = """
[opts-out]
exten => _X.,1,Answer()
 same => n,Wait(3)
 same => n,SendDTMF(9)
 same => n,Wait(10)
"""


#: Persons who are called by a broadcast: 71x presses x, 73x leaves, 74x speaks, 75x and 76x press many keys,
#: others listen.
_PRESSERS = """
[pressers]
exten => _X.,1,Answer()
 same => n,GotoIf($["${EXTEN:-2:1}" = "1"]?press)
 same => n,GotoIf($["${EXTEN:-2:1}" = "3"]?leave)
 same => n,GotoIf($["${EXTEN:-2:1}" = "4"]?speak)
 same => n,GotoIf($["${EXTEN:-2:1}" = "5"]?again)
 same => n,GotoIf($["${EXTEN:-2:1}" = "6"]?burst)
 same => n,Wait(60)
 same => n(again),Wait(1)
 same => n,SendDTMF(22222222)
 same => n,Wait(20)
 same => n(burst),Wait(1)
 same => n,SendDTMF(7#*79112)
 same => n,Wait(20)
 same => n(press),Wait(1.5)
 same => n,SendDTMF(${EXTEN:-1})
 same => n,Wait(12)
 same => n,Hangup(16)
 same => n(leave),Wait(1)
 same => n,Hangup(16)
 same => n(speak),Wait(1)
 same => n,PlayTones(500)
 same => n,Wait(20)
"""
#: Somebody from outside who calls an agent directly; the number ends in the agent's.
_INBOUND = """
[inbound]
exten => _X.,1,Dial(PJSIP/agent${EXTEN:-3})
"""
#: An answering machine that calls a number when something is said after its beep.
_MACHINE = """
[lab-loopback](+)
exten => 5559300888,1,Answer()
 same => n,Playback(vm-intro)
 same => n,WaitForNoise(100,1,12)
 same => n,GotoIf($["${WAITSTATUS}" != "NOISE"]?bye)
 same => n,Dial(PJSIP/55977100@CARRIER,3)
 same => n(bye),Hangup(16)
"""
#: A flow of the dialplan that calls a number made of what it was given.
_FLOW = """
[flow]
exten => start,1,Answer()
 same => n,Dial(PJSIP/5599${n}100@CARRIER,5)
"""


#: Agents who do one thing each when they are rung, and the queues in which they sit alone.
SOLISTS = {
    "DIALS->": (311, "Answer()", "Wait(0.5)", "SendDTMF(1)", "Wait(600)"),
    "SKIPS->": (312, "Answer()", "Wait(0.5)", "SendDTMF(2)", "Wait(0.5)", "SendDTMF(7)", "Wait(600)"),
    "LATER->": (313, "Answer()", "Wait(0.5)", "SendDTMF(3)", "Wait(600)"),
    "REJECTS->": (314, "Hangup(21)"),
    "DEAF->": (315, "Ringing()", "Wait(600)"),
    "LEAVES->": (316, "Answer()", "Wait(0.6)", "Hangup(16)"),
    "MUTE->": (317, "Answer()", "Wait(600)"),
    "STAYS->": (318, "Answer()", "Wait(600)"),
    SLEEPY: (319, "Answer()", "Wait(1)", "Hangup(16)"),
}


def _solists() -> str:
    lines = ["[lab-loopback](+)"]
    for number, first, *others in SOLISTS.values():
        lines += [f"exten => agent{number},1,{first}", *(f" same => n,{step}" for step in others)]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def asterisk(home: Path, carrier: Sipp) -> Iterator[Asterisk]:
    """A private Asterisk with asterisk-conf/, two campaign queues of three agents, the SIPp trunk."""
    part = Asterisk(
        AsteriskInstall.find(LAB),
        resource("asterisk-conf"),
        home / "asterisk",
        {
            "extensions-parts.conf": _GLOBALS
            + _OPTS_OUT
            + _FLOW
            + _INBOUND
            + _PRESSERS
            + _MACHINE
            + _solists()
        },
    )
    part.queue(3, CAMPAIGN, wrapup=1)
    part.queue(3, OTHER, wrapup=0, first=201)
    part.queue(2, PAIR, wrapup=1, first=301)
    for queue, (number, *_) in SOLISTS.items():
        part.queue(1, queue, wrapup=0, first=number, lines="retry = 9\n" if queue == SLEEPY else "")
    # The same agent in a second queue, and an agent whose phone is not there.
    with (part.home / "etc/local/queues.conf").open("a") as queues:
        queues.write("[SHARED->](overdial-campaign)\nmember => PJSIP/agent318,0,Agent 318,PJSIP/agent318\n")
    with (part.home / "etc/local/pjsip-parts.conf").open("a") as parts:
        parts.write("[agent399](overdial-agent)\naors = agent399\ntransport = lab\n[agent399]\ntype = aor\n")
    part.phone("TRACED->", "phone200", carrier.port)
    part.trunk("CARRIER", carrier.port)
    part.trunk("LOOPBACK", part.sip_port)
    part.start()
    yield part
    part.stop()


@pytest.fixture
def names(mariadb: MariaDB, request: pytest.FixtureRequest) -> Iterator[Names]:
    """Two databases of this test alone, with the schema in them; gone after the test."""
    yield from databases(mariadb, request.node.nodeid)


def databases(mariadb: MariaDB, whose: str) -> Iterator[Names]:
    """Two databases with the schema in them; gone afterwards. A module may have one pair for all its tests:
    it then overrides `names` and empties its tables."""
    suffix = f"{abs(hash(whose)) % 10**8:08d}"
    own = Names(f"cc_{suffix}", f"repo_{suffix}")
    asyncio.run(create(mariadb, own))
    yield own
    mariadb.sql(f"DROP DATABASE {own.configuration}; DROP DATABASE {own.history};")


async def empty(database: Database, *tables: str) -> None:
    """Empty these tables: those of a module that shares its databases."""
    for table in tables:
        async with database.session() as session:
            await session.run(f"DELETE FROM {table}")


async def create(mariadb: MariaDB, own: Names) -> None:
    """Make the two databases with the schema in them."""
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


@pytest.fixture(scope="module")
def api_names(mariadb: MariaDB, request: pytest.FixtureRequest) -> Iterator[Names]:
    """Two databases that the API tests of one file share; gone after the last."""
    suffix = f"{abs(hash(request.node.nodeid)) % 10**8:08d}"
    own = Names(f"capi_{suffix}", f"rapi_{suffix}")
    asyncio.run(create(mariadb, own))
    yield own
    mariadb.sql(f"DROP DATABASE {own.configuration}; DROP DATABASE {own.history};")


@pytest.fixture
async def api(mariadb: MariaDB, api_names: Names, home: Path) -> AsyncIterator[ApiRig]:
    """The HTTP API on a free port; its database is that of the test's file."""
    async with api_rig(mariadb, api_names, home) as rig:
        yield rig


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

"""The real parts of a chaos run, the lines between them, and what faults may do with time."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from engine.domain.modes import Mode
from engine.lab.asterisk import Asterisk, AsteriskInstall
from engine.lab.mariadb import MariaDB
from engine.lab.parts import Child, free_port, poll
from engine.lab.sipp import Sipp
from engine.resources import resource
from tests.proxy import Proxy
from tests.stage import CAMPAIGN, Names, Stage, Standby, set_stage

AGENTS = 8
#: The engines' lease in s unless told otherwise: short, so that hundreds of faults fit into the time.
LEASE = 4.0
_SCENARIOS = Path(__file__).parent.parent / "acceptance"
#: An AMI user of the tests' own, who may flood the engine with events.
FLOODER = "flooder"


@dataclass
class Scene:
    """What faults act on. `ami`, `ari` and `db` are the first engine's lines; the standby has its own."""

    stage: Stage
    ami: Proxy
    ari: Proxy
    db: Proxy
    storm: Sipp
    dice: Random
    mode: Mode = Mode.POWER
    #: From each fault of a leader to the standby at work, in s.
    takeovers: list[float] = field(default_factory=list)
    #: Of the user who sends files, and what the API had against them.
    token: str = ""
    refused: list[str] = field(default_factory=list)

    @property
    def engine(self) -> Child:
        """The first engine's process."""
        assert self.stage.engine is not None
        return self.stage.engine

    def take_over(self, fault: Callable[[], None]) -> Standby:
        """Let `fault` befall the leader beside a fresh standby; return when the standby leads and dials."""
        standby = self.stage.start_standby()
        began = time.monotonic()
        fault()
        poll(lambda: standby.logged("engine.serving"), "the standby leads", 60.0)
        self.takeovers.append(time.monotonic() - began)
        self.working()
        return standby

    def away(self, least: float, most: float) -> None:
        """Let time pass while a part is broken: the length of the fault is the point of it."""
        time.sleep(self.dice.uniform(least, most))

    def working(self) -> None:
        """Wait until a contact is claimed from now on: somebody dials again."""
        now = self.stage.value("SELECT UTC_TIMESTAMP(3)")
        claimed = f"SELECT COUNT(*) > 0 FROM ccdata.attempts WHERE claimed_at > '{now}'"
        self.stage.wait(lambda: self.stage.value(claimed) == "1", "contacts are claimed again", 90.0)

    def calls(self) -> list[tuple[str, str]]:
        """Return (number, attempt) of every INVITE that reached the carrier."""
        return self.stage.carrier.calls() + self.storm.calls()

    def agents_work(self) -> None:
        """Wait until every agent has been reserved for a call from now on: none is kept for ever. Who did not
        take calls is left alone for a while, so it may take a minute or two."""
        now = self.stage.value("SELECT UTC_TIMESTAMP(3)")
        busy = (
            "SELECT COUNT(DISTINCT agent) FROM ccdata.attempts"
            f" WHERE claimed_at > '{now}' AND agent <> '' AND connected_at IS NOT NULL"
        )
        self.stage.wait_for_value(busy, AGENTS, 200.0)

    def leader(self) -> str:
        return self.stage.value("SELECT owner FROM ccdata.leases WHERE lease_until > UTC_TIMESTAMP(3)")


@contextmanager
def set_scene(
    lab: Path, home: Path, dice: Random, lease: float = LEASE, mode: Mode = Mode.POWER
) -> Iterator[Scene]:
    """Start all real parts and the engine; all are gone afterwards. Agents who decide do so by key."""
    shutil.rmtree(home, ignore_errors=True)
    mariadb = MariaDB(home / "db", free_port())
    carrier = Sipp(_SCENARIOS / "carrier.xml", home / "sipp")
    storm = Sipp(_SCENARIOS / "storm.xml", home / "storm", carrier.port)
    asterisk = Asterisk(
        AsteriskInstall.find(lab),
        resource("asterisk-conf"),
        home / "asterisk",
        {
            "extensions-parts.conf": "[globals]\nLAB_TALK_MIN = 1\nLAB_TALK_MAX = 2\n"
            f"LAB_AGENT_KEYS = {'yes' if mode.decides else 'no'}\n"
        },
    )
    with (home / "asterisk/etc/local/manager-port.conf").open("a") as manager:
        manager.write(f"[{FLOODER}]\nsecret = {asterisk.secret}\nwrite = user\n")
    asterisk.queue(AGENTS, CAMPAIGN, wrapup=0)
    # Whoever talks with a carrier that is gone is hung up by Asterisk.
    asterisk.trunk("CARRIER", carrier.port, "rtp_timeout = 4\n")
    try:
        mariadb.start()
        carrier.start()
        asterisk.start()
        mariadb.sql(resource("schema.sql").read_text("utf-8") + _RIGHTS)
        with (
            Proxy(asterisk.ami_port) as ami,
            Proxy(asterisk.http_port) as ari,
            Proxy(mariadb.port) as db,
            set_stage(mariadb, asterisk, carrier, Names("ccdata", "ccrepo"), home / "engine") as stage,
        ):
            stage.ami_port = ami.port
            stage.ari_port = ari.port
            stage.http_port = free_port()
            stage.asterisk_lines = f'cdr_file = "{asterisk.cdr_file}"\n'
            stage.engine_lines = f"lease = {lease}\n"
            stage.database_lines = f"timeout = {lease / 2}\n"
            stage.database_address = f'port = {db.port}\nuser = "overdial"\npassword = "overdial"\n'
            yield Scene(stage, ami, ari, db, storm, dice, mode)
    finally:
        asterisk.stop()
        storm.stop()
        carrier.stop()
        mariadb.stop()


#: What a production database gives the engine, and no more.
_RIGHTS = """
CREATE USER overdial@'127.0.0.1' IDENTIFIED BY 'overdial';
GRANT SELECT, INSERT, UPDATE, DELETE ON ccdata.* TO overdial@'127.0.0.1';
GRANT SELECT, INSERT, UPDATE, DELETE ON ccrepo.* TO overdial@'127.0.0.1';
"""

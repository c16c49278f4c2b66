"""A test's own engine process with its own databases, beside the shared real parts."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engine.adapters.mysql import DatabaseSettings
from engine.lab.asterisk import Asterisk
from engine.lab.mariadb import MariaDB
from engine.lab.parts import Child, free_port, poll, wait_until
from engine.lab.sipp import Sipp

CAMPAIGN = "POWER<-"
OTHER = "OTHER<-"
#: Two agents for campaigns that call agents first.
PAIR = "PAIR->"
#: One agent; a caller who finds him busy looks again after nine seconds.
SLEEPY = "SLEEPY->"


@dataclass(frozen=True)
class Names:
    """The names of one test's databases."""

    configuration: str
    history: str

    def settings(self, mariadb: MariaDB) -> DatabaseSettings:
        return DatabaseSettings(
            socket=str(mariadb.socket),
            user="root",
            configuration=self.configuration,
            history=self.history,
        )

    def put_into(self, sql: str) -> str:
        return sql.replace("ccdata.", f"{self.configuration}.").replace("ccrepo.", f"{self.history}.")


@dataclass
class Standby:
    """A second engine process."""

    child: Child
    log: Path

    def logged(self, action: str) -> bool:
        return f'"action":"{action}"' in self.log.read_text(errors="replace")


@dataclass
class Stage:
    """Plain SQL in, an engine process, plain SQL out: what a supervisor has."""

    mariadb: MariaDB
    asterisk: Asterisk
    carrier: Sipp
    names: Names
    home: Path
    extra: str = ""
    engine: Child | None = None
    metrics_port: int = field(default_factory=free_port)
    invited_before: int = 0
    loaded: int = 0
    ami_port: int = 0
    ari_port: int = 0
    #: Of the first engine's HTTP API; 0 = as `extra` says.
    http_port: int = 0
    #: Further lines of the configuration's sections; the first engine's way to the database.
    engine_lines: str = ""
    asterisk_lines: str = ""
    database_lines: str = ""
    ari_lines: str = ""
    database_address: str = ""
    standby: Standby | None = None

    def sql(self, text: str) -> list[list[str]]:
        """Run statements with the ordinary client; `ccdata.` and `ccrepo.` are this test's own."""
        output = self.mariadb.sql(self.names.put_into(text))
        return [line.split("\t") for line in output.splitlines()]

    def value(self, text: str) -> str:
        """Return the one value of a query, or '' when there is no row."""
        rows = self.sql(text)
        return rows[0][0] if rows else ""

    def dialer(self, campaign: str = CAMPAIGN, **columns: object) -> None:
        """Insert a campaign's queue row and its dialer, enabled unless told otherwise."""
        values: dict[str, object] = {
            "campaign": campaign,
            "schedule": "sun-sat;00:00-23:59",
            "dialstring": "SIP/CARRIER/",
            "callerid": "18885550100",
            "timeout": 3,
            "maxchannels": 30,
            "tbc": -300,
            "tbc_nocontact": 0,
            "status": 1,
            **columns,
        }
        names = ", ".join(values)
        literals = ", ".join(_literal(value) for value in values.values())
        self.sql(
            f"INSERT INTO ccdata.queues (name, wrapuptime, queue_timeout) VALUES ('{campaign}', 1, 5);"
            f"INSERT INTO ccdata.dialers ({names}) VALUES ({literals});"
        )

    def contacts(self, *rows: dict[str, object], campaign: str = CAMPAIGN, base: str = "L1") -> None:
        """Insert contacts, then their list: the documented order."""
        for row in rows:
            values: dict[str, object] = {"campaign": campaign, "dialerbase": base, **row}
            literals = ", ".join(_literal(value) for value in values.values())
            self.sql(f"INSERT INTO ccdata.calls_spool ({', '.join(values)}) VALUES ({literals});")
        self.sql(
            f"INSERT INTO ccdata.dialer_base (campaign, name, active) VALUES ('{campaign}', '{base}', 1);"
        )

    def start(self, *, fresh_log: bool = False, leads: bool = True) -> None:
        """Start the engine process and wait until it leads (or stands by) and its picture is current."""
        self.home.mkdir(parents=True, exist_ok=True)
        if fresh_log:
            self.rotate_log()
        self.engine = self._launch("test", self.home, self.metrics_port, self.database_address)
        place = "engine.serving" if leads else "engine.standby"
        self.wait(lambda: self.logged("reconcile.current") and self.logged(place), "the engine is up")

    def start_standby(self) -> Standby:
        """Start a second engine beside the first, as on another machine, and wait until it stands by."""
        home = self.home / "standby"
        home.mkdir(parents=True, exist_ok=True)
        (home / "engine.log").unlink(missing_ok=True)
        child = self._launch("standby", home, free_port(), "")
        self.standby = standby = Standby(child, home / "engine.log")
        wait_until(lambda: standby.logged("engine.standby"), child, "the standby")
        return standby

    def _launch(self, name: str, home: Path, metrics_port: int, address: str) -> Child:
        address = address or f'socket = "{self.mariadb.socket}"\nuser = "root"\n'
        served = f"[http]\nport = {self.http_port}\n" if self.http_port and name == "test" else ""
        config = home / "overdial.toml"
        config.write_text(
            f'[engine]\nname = "{name}"\nstate = "{home}"\n{self.engine_lines}\n'
            f"[asterisk]\nport = {self.ami_port or self.asterisk.ami_port}\n"
            f'secret = "{self.asterisk.secret}"\nping_interval = 0.5\nping_timeout = 1\n'
            f"{self.asterisk_lines}\n[database]\n{address}{self.database_lines}"
            f'configuration = "{self.names.configuration}"\n'
            f'history = "{self.names.history}"\n\n'
            f'[ari]\nurl = "http://127.0.0.1:{self.ari_port or self.asterisk.http_port}"\n'
            f'secret = "{self.asterisk.secret}"\n'
            f'{self.ari_lines}tts_folder = "{home}/tts"\n\n'
            f"[metrics]\nport = {metrics_port}\n\n{served}{self.extra}"
        )
        argv = [sys.executable, "-m", "engine", "run", "--config", str(config)]
        return Child(argv, home / "engine.log")

    def rotate_log(self) -> None:
        """Begin a new log; the running engine's further words come into it as well."""
        log = self.home / "engine.log"
        with (self.home / "engine.log.1").open("ab") as old:
            old.write(log.read_bytes())
        os.truncate(log, 0)

    def log(self) -> str:
        return (self.home / "engine.log").read_text(errors="replace")

    def logged(self, action: str) -> bool:
        return f'"action":"{action}"' in self.log()

    def stop(self) -> int:
        assert self.engine is not None
        return self.engine.stop(60.0)

    def signal(self, number: signal.Signals) -> None:
        assert self.engine is not None
        self.engine.process.send_signal(number)

    def wait(self, ready: Callable[[], bool], what: str, limit: float = 40.0) -> None:
        """Wait on a status; says what was waited for, and the engine's last words, when it fails."""

        def alive_and_ready() -> bool:
            if self.engine is not None and not self.engine.running():
                raise AssertionError(f"the engine ended: {self.engine.tail(10)}")
            return ready()

        poll(alive_and_ready, what, limit)

    def wait_for_value(self, query: str, expected: object, limit: float = 40.0) -> None:
        self.wait(lambda: self.value(query) == str(expected), f"{query} gives {expected}", limit)

    def invites(self) -> list[str]:
        """Return the numbers that the carrier was asked for since this stage was set."""
        return self.carrier.invites()[self.invited_before :]

    def ended(self, count: int, limit: float = 40.0) -> None:
        """Wait until `count` attempts have ended."""
        self.wait_for_value("SELECT COUNT(*) FROM ccdata.attempts WHERE state = 'ended'", count, limit)


def _literal(value: object) -> str:
    if isinstance(value, int | float):
        return str(value)
    if value is None:
        return "NULL"
    return "'" + str(value).replace("\\", "\\\\").replace("'", "''") + "'"


@contextmanager
def set_stage(
    mariadb: MariaDB, asterisk: Asterisk, carrier: Sipp, names: Names, home: Path, extra: str = ""
) -> Iterator[Stage]:
    """Give a stage; whatever the test does, its engine and its calls are gone afterwards."""
    stage = Stage(mariadb, asterisk, carrier, names, home, extra)
    stage.invited_before = len(carrier.invites())
    try:
        yield stage
    finally:
        if stage.engine is not None:
            stage.engine.kill()
        if stage.standby is not None:
            stage.standby.child.kill()
        asterisk.command("channel request hangup all")
        poll(lambda: asterisk.channels() == 0, "all channels are gone", 20.0)

"""Runs the demo: private parts up, rows in, engine on, watch, report, everything down again."""

from __future__ import annotations

import fcntl
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.live import Live

from engine.demo import report, scene, view
from engine.domain.modes import Mode
from engine.lab.asterisk import Asterisk, AsteriskInstall
from engine.lab.mariadb import MariaDB
from engine.lab.parts import Child, LabError, free_port
from engine.resources import resource

_LOOK_EVERY = 0.4


@dataclass(frozen=True)
class DemoOptions:
    """What `overdial demo` was asked for. `duration`: seconds of dialling at most."""

    agents: int
    contacts: int
    duration: int
    plain: bool
    lab: Path
    mode: Mode = Mode.POWER


def play(options: DemoOptions) -> int:
    """Run the demo; return the exit status (0: report printed, 130: interrupted)."""
    console = Console(highlight=False, force_terminal=False if options.plain else None)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with _only_one(options.lab):
            return _Stage(options, console).run()
    except KeyboardInterrupt:
        console.print("interrupted; everything that was started has been stopped")
        return 130


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _only_one(lab: Path) -> Iterator[None]:
    """Two demos in one folder would pull the database away under each other."""
    lab.mkdir(parents=True, exist_ok=True)
    with (lab / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise LabError(
                f"another demo runs in {lab}. Fix: wait for it, stop it, or give --lab another folder."
            ) from error
        yield


class _Stage:
    """The parts of one run, in the order in which they were started."""

    def __init__(self, options: DemoOptions, console: Console) -> None:
        self.options = options
        self.campaign = scene.campaign_of(options.mode)
        self.console = console
        self.home = options.lab / "demo"
        self.database = MariaDB(self.home / "db")
        self.asterisk: Asterisk | None = None
        self.engine: Child | None = None

    def run(self) -> int:
        try:
            self._set_up()
            self._watch()
            self._stop_engine()
            self.console.print(
                report.render(report.read(self.database, self.campaign, self.options.agents, scene.WRAPUP))
            )
            return 0
        finally:
            self._tear_down()

    def _say(self, text: str) -> None:
        self.console.print(f"==> {text}")

    def _set_up(self) -> None:
        options = self.options
        self._say("private MariaDB")
        self.database.start()
        self._say(
            f"private Asterisk with asterisk-conf/ and {options.agents} agents in queue {self.campaign}"
        )
        talk = f"LAB_TALK_MIN = {scene.TALK[0]}\nLAB_TALK_MAX = {scene.TALK[1]}\n"
        if options.mode.decides:
            talk += "LAB_AGENT_KEYS = yes\n"
        self.asterisk = Asterisk(
            AsteriskInstall.find(options.lab),
            resource("asterisk-conf"),
            self.home / "asterisk",
            {"extensions-parts.conf": f"[globals]\n{talk}"},
        )
        self.asterisk.queue(options.agents, self.campaign, scene.WRAPUP)
        self.asterisk.trunk("LOOPBACK", self.asterisk.sip_port)
        self.asterisk.start()
        metrics_port = free_port()
        config = self.home / "overdial.toml"
        state = self.home / "state"
        # The journal of a demo that was killed belongs to a database that is gone.
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()
        config.write_text(
            scene.config_toml(
                self.asterisk.ami_port,
                self.asterisk.http_port,
                self.asterisk.secret,
                str(self.database.socket),
                metrics_port,
                state,
            )
        )
        self._say("schema (overdial migrate)")
        migrate = self._overdial("migrate", config, "migrate.log")
        if migrate.process.wait(60) != 0:
            raise LabError(f"overdial migrate failed: {migrate.tail(3)}. Fix: read {migrate.log}.")
        self._say(f"{options.contacts} contacts by plain SQL: calls_spool, then dialer_base")
        self.database.sql(scene.settings_sql(options.agents, options.mode))
        rows = scene.contacts(options.contacts, 7, options.mode, options.agents)
        self.database.sql(scene.list_sql(rows, options.mode))
        self._say(f"engine (overdial run); metrics on http://127.0.0.1:{metrics_port}/metrics")
        self.engine = self._overdial("run", config, "engine.log")

    def _overdial(self, command: str, config: Path, log: str) -> Child:
        argv = [sys.executable, "-m", "engine", command, "--config", str(config)]
        return Child(argv, self.home / log)

    def _watch(self) -> None:
        started = time.monotonic()
        last_line = -10.0
        with Live(console=self.console, refresh_per_second=4, transient=False) as live:
            while (seconds := time.monotonic() - started) < self.options.duration:
                self._check_engine()
                picture = view.look(self.database, self.campaign, self.options.contacts)
                if not self.options.plain and self.console.is_terminal:
                    live.update(view.render(picture, seconds, f"{self.campaign} ({self.options.mode})"))
                elif seconds - last_line >= 5:
                    print(view.line(picture, seconds), flush=True)
                    last_line = seconds
                if picture.finished:
                    return
                time.sleep(_LOOK_EVERY)
        self._say(f"{self.options.duration} s are over: the engine is asked to stop")

    def _check_engine(self) -> None:
        if self.engine is not None and not self.engine.running():
            raise LabError(
                f"the engine ended with status {self.engine.process.returncode}: "
                f"{self.engine.tail(3)}. Fix: read {self.engine.log}."
            )

    def _stop_engine(self) -> None:
        if self.engine is not None:
            status = self.engine.stop(60.0)
            if status != 0:
                raise LabError(f"the engine ended with status {status}. Fix: read {self.engine.log}.")

    def _tear_down(self) -> None:
        """Stop in the reverse order; an interrupt must not leave anything behind."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if self.engine is not None:
            self.engine.stop(3.0)
        if self.asterisk is not None:
            self.asterisk.stop()
        self.database.stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

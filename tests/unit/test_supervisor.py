"""What systemd hears of the engine, and that the unit's times fit the engine's."""

from __future__ import annotations

import asyncio
import configparser
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine import app
from engine.adapters.supervisor import Supervisor
from engine.config import Config
from tests.doubles import until

UNIT = Path(__file__).parents[2] / "deploy/overdial.service"


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """systemd's end."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.setblocking(False)
        yield line


@dataclass
class Heart:
    """An engine as far as the watch looks at it."""

    alive: bool = True
    started: asyncio.Event = field(default_factory=asyncio.Event)


def heard(manager: socket.socket) -> list[str]:
    said = []
    while True:
        try:
            said.append(manager.recv(4096).decode())
        except BlockingIOError:
            return said


def test_it_says_what_systemd_waits_for(manager: socket.socket) -> None:
    supervisor = Supervisor(manager.getsockname())
    supervisor.ready()
    supervisor.alive()
    supervisor.stopping(65.5)
    assert heard(manager) == ["READY=1", "WATCHDOG=1", "STOPPING=1\nEXTEND_TIMEOUT_USEC=65500000"]


def test_an_abstract_socket_is_reached_too() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(f"\0overdial-test-{id(line)}")
        line.setblocking(False)
        Supervisor(f"@overdial-test-{id(line)}").ready()
        assert heard(line) == ["READY=1"]


def test_what_systemd_said_is_taken_once_and_kept_from_children() -> None:
    environment = {
        "NOTIFY_SOCKET": "/run/x",
        "WATCHDOG_USEC": "30000000",
        "WATCHDOG_PID": "7",
        "PATH": "/bin",
    }
    assert Supervisor.of(environment, 7).interval == 10.0
    assert environment == {"PATH": "/bin"}


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"NOTIFY_SOCKET": "/run/x"},
        {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"},
        {"NOTIFY_SOCKET": "vsock:1:2", "WATCHDOG_USEC": "30000000"},
        {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "30000000"},
    ],
)
def test_without_a_watchdog_there_is_none_to_feed(environment: dict[str, str]) -> None:
    assert Supervisor.of(environment, 7).interval == 0.0


def test_a_manager_that_is_gone_stops_nothing(tmp_path: Path) -> None:
    Supervisor(str(tmp_path / "nobody")).ready()
    Supervisor().ready()


async def test_the_watchdog_is_fed_only_while_the_engine_is_well(manager: socket.socket) -> None:
    heart, opened, said = Heart(), asyncio.Event(), list[str]()

    def count(word: str) -> int:
        said.extend(heard(manager))
        return said.count(word)

    watching = asyncio.ensure_future(
        app.watch(Supervisor(manager.getsockname(), patience=0.003), heart, opened)  # type: ignore[arg-type]
    )
    await asyncio.sleep(0)
    assert count("READY=1") == 0, "it is not ready before it leads or stands by"
    heart.started.set()
    await asyncio.sleep(0)
    assert count("READY=1") == 0, "nor before its office is open"
    opened.set()
    await until(lambda: count("WATCHDOG=1") > 2, "signs of life")
    assert said[0] == "READY=1"
    heart.alive = False
    await asyncio.sleep(0.01)
    before = count("WATCHDOG=1")
    await asyncio.sleep(0.02)
    assert count("WATCHDOG=1") == before
    watching.cancel()


async def test_an_office_that_does_not_open_delays_ready_only_a_little(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app, "_OPENING", 0.001)
    heart, said = Heart(), list[str]()
    heart.started.set()
    supervisor = Supervisor(manager.getsockname())
    await app.watch(supervisor, heart, asyncio.Event())  # type: ignore[arg-type]
    await until(lambda: bool(said.extend(heard(manager)) or said), "it is ready")
    assert said == ["READY=1"]


def _unit() -> configparser.SectionProxy:
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str  # type: ignore[method-assign, assignment]
    parser.read(UNIT)
    return parser["Service"]


def test_systemd_waits_longer_than_a_stop_takes() -> None:
    assert float(_unit()["TimeoutStopSec"]) >= app.stop_budget(Config()) + 5


def test_systemd_is_more_patient_than_the_engines_own_idea_of_health() -> None:
    """An engine counts as hanging after its lease; a watchdog that bit before would hit a busy one."""
    assert float(_unit()["WatchdogSec"]) >= 2 * Config().engine.lease
    assert _unit()["Type"] == "notify"

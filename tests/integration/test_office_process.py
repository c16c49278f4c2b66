"""The engine's watch over the office process, with real processes that misbehave."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import structlog

from engine.adapters.office import keeper
from engine.adapters.office.keeper import OfficeProcess
from engine.api import server
from engine.lab.parts import free_port
from tests.doubles import until

#: A process that takes up the line as the office does. It gets what it needs as arguments.
_HEAD = """
import os, signal, socket, sys, time
line = socket.socket(fileno=int(sys.argv[sys.argv.index("--line") + 1]))
line.sendall(b"logged info 2\\nopen\\n")
"""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper, "FIRST", 0.01)
    monkeypatch.setattr(keeper, "LONGEST", 0.02)


class Watch:
    """What the engine hears of its office."""

    def __init__(
        self, script: str, listening: socket.socket | None = None, program: str = "", before: str = ""
    ) -> None:
        self.lines: list[tuple[str, int]] = []
        self.restarts = 0
        self.office = OfficeProcess(
            (program or sys.executable, "-c", before + _HEAD + script),
            listening,
            lambda level, count: self.lines.append((level, count)),
            self._restarted,
        )

    def _restarted(self) -> None:
        self.restarts += 1

    async def until_restarted(self, times: int = 2) -> None:
        await until(lambda: self.restarts >= times, f"{times} restarts")


@asynccontextmanager
async def kept(watch: Watch) -> AsyncIterator[asyncio.Task[None]]:
    """Keep the office; it is gone where the block ends."""
    running = asyncio.ensure_future(watch.office.run({"calls": lambda: [f"{n:100000}" for n in range(20)]}))
    try:
        yield running
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def watched(watch: Watch) -> AsyncIterator[list[str]]:
    """Run the watch; give the reasons of every end that was logged."""
    with structlog.testing.capture_logs() as logged:
        reasons: list[str] = []
        async with kept(watch):
            yield reasons
            reasons += [line["reason"] for line in logged if line["action"] == "office.ended"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "it was ended by signal 9"),
        ("sys.exit(3)", "it ended with status 3"),
        ("line.sendall(b'rubbish here\\n'); time.sleep(60)", "it says what nobody understands"),
        ("time.sleep(60)", "nothing was heard of it for 0 s"),
        ("line.sendall(b'ask calls\\n'); time.sleep(60)", "nothing was heard of it for 0 s"),
    ],
)
async def test_an_office_that_fails_is_started_again_and_its_end_is_told(
    script: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "nothing" in reason:
        monkeypatch.setattr(keeper, "SILENCE", 0.2)
        monkeypatch.setattr(keeper, "AGAIN", 0.1)
    watch = Watch(script)
    async with watched(watch) as reasons:
        await watch.until_restarted()
    assert set(reasons) == {reason}
    assert ("info", 2) in watch.lines or "nothing" in reason


async def test_an_office_whose_start_takes_long_is_not_taken_for_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a machine that is busy with calls it would be killed again and again, and never be open."""
    monkeypatch.setattr(keeper, "SILENCE", 0.05)
    monkeypatch.setattr(keeper, "AGAIN", 0.05)
    slow = "import time; time.sleep(1)\n"
    watch = Watch("while True: line.sendall(b'alive\\n'); time.sleep(0.01)", before=slow)
    async with watched(watch), asyncio.timeout(30):
        await watch.office.opened.wait()
        assert watch.restarts == 0


async def test_an_engine_that_stood_still_does_not_take_its_office_for_silent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeper, "SILENCE", 0.3)
    watch = Watch("while True: line.sendall(b'logged info 1\\n'); time.sleep(0.02)")
    async with watched(watch):
        await watch.office.opened.wait()
        time.sleep(0.6)  # noqa: ASYNC251  # the machine is paused
        heard = len(watch.lines)
        await until(lambda: len(watch.lines) > heard + 50, "it is heard again")
        assert watch.restarts == 0


async def test_an_office_that_cannot_be_started_costs_the_engine_nothing_and_is_tried_again() -> None:
    watch = Watch("", program="/nonexistent/python")
    async with watched(watch) as reasons:
        await watch.until_restarted()
        assert not watch.office.component.ok
        assert "started again" in watch.office.component.detail
    assert set(reasons) == {"it cannot be started: No such file or directory"}


async def test_who_connects_while_the_office_is_away_waits_and_is_refused_after_the_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeper, "PATIENCE", 0.2)
    port = free_port()
    listening = socket.create_server(("127.0.0.1", port))
    serves = "listening = socket.socket(fileno=int(sys.argv[sys.argv.index('--listening') + 1]))\n"
    serves += "taken, _ = listening.accept(); taken.sendall(b'served'); taken.close()\n"
    watch = Watch(serves, listening)
    with socket.create_connection(("127.0.0.1", port)):  # before anybody serves
        pass
    async with kept(watch) as running:
        await watch.until_restarted(1)
        for _ in range(3):  # each is served by another process
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            async with asyncio.timeout(30):
                assert await reader.read() == b"served"
            writer.close()
        watch.office.stop()
        await running
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port)).close()


@pytest.mark.parametrize(
    ("script", "patience"), [("line.recv(5)", 30.0), ("time.sleep(60)", 0.2)], ids=["hears", "is deaf"]
)
async def test_the_stop_waits_for_the_office_but_not_for_ever(
    script: str, patience: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "PATIENCE", patience)
    watch = Watch(script)
    async with kept(watch) as running, asyncio.timeout(30):
        await watch.office.opened.wait()
        assert watch.office.component.ok
        watch.office.stop()
        await running
    assert (watch.restarts, watch.office.component.detail) == (0, "it is being stopped")


async def test_an_engine_that_fails_leaves_no_office_behind() -> None:
    watch = Watch("time.sleep(60)")
    async with kept(watch):
        await watch.office.opened.wait()
        process = watch.office._process
        assert process is not None
    assert process.returncode == -9


def test_an_office_that_finds_its_engine_gone_ends_before_it_serves() -> None:
    """Killed while its office starts, an engine would leave one that holds its port."""
    ours, theirs = socket.socketpair()
    with ours, theirs, socket.create_server(("127.0.0.1", 0)) as listening:
        gone = subprocess.Popen(["true"])
        gone.wait()
        command = [sys.executable, "-m", "engine.office_process", "--engine", str(gone.pid)]
        command += ["--line", str(theirs.fileno()), "--listening", str(listening.fileno())]
        office = subprocess.run(
            command,
            pass_fds=(theirs.fileno(), listening.fileno()),
            check=False,
            timeout=60,
            capture_output=True,
        )
    assert (office.returncode, office.stderr) == (1, b"")


def test_requests_that_have_begun_have_their_time_before_the_office_is_killed() -> None:
    assert keeper.PATIENCE > server.GRACE + 1

"""Faults of the office process while files are sent: each that was accepted is loaded once."""

from __future__ import annotations

import http.client
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.lab.parts import poll
from tests.acceptance.test_v1 import AT, Client
from tests.chaos.scene import Scene
from tests.stage import CAMPAIGN

#: Lines of a file: several transactions each.
LINES = 1_200
#: Seconds between two files.
_PAUSE = 0.5
_PASSWORD = re.compile(r"with the password (\S+)")


def office_killed(scene: Scene) -> None:
    """kill -9 of the office, again and again, while files are sent and loaded."""
    with _sending(scene):
        for _ in range(scene.dice.randint(1, 3)):
            scene.away(0.0, 1.5)
            _signal(scene, signal.SIGKILL)


def office_frozen(scene: Scene) -> None:
    """The office stands still while files are sent and loaded."""
    with _sending(scene):
        scene.away(0.0, 0.5)
        office = _signal(scene, signal.SIGSTOP)
        scene.away(0.5, 4.0)
        with suppress(ProcessLookupError):
            os.kill(office, signal.SIGCONT)


def office_without_database(scene: Scene) -> None:
    """Office and engine lose the database while files are sent and loaded; then the office dies, too."""
    with _sending(scene):
        scene.away(0.0, 0.5)
        scene.db.freeze()
        scene.away(0.2, 3.0)
        _signal(scene, signal.SIGKILL)
        scene.db.allow()


def office_orphaned(scene: Scene) -> None:
    """kill -9 of the engine alone while files are sent; the next one has its port and its files."""
    with _sending(scene):
        scene.away(0.0, 1.0)
        assert scene.stage.engine is not None
        scene.stage.engine.process.kill()
        scene.stage.engine.process.wait()
        scene.stage.engine = None
        scene.away(0.0, 0.5)
        scene.stage.start(fresh_log=True)


def offices(engine: int) -> list[int]:
    """Return the children of a process that live."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if int(parent) == engine and state not in "ZX":
                found.append(int(stat.parent.name))
    return found


def _signal(scene: Scene, number: signal.Signals) -> int:
    engine = scene.stage.engine
    assert engine is not None
    poll(lambda: bool(offices(engine.pid)), "there is an office")
    [office] = offices(engine.pid)
    with suppress(ProcessLookupError):
        os.kill(office, number)
    return office


@contextmanager
def _sending(scene: Scene) -> Iterator[None]:
    """Send one file after the other meanwhile, each until its answer is heard; afterwards wait until all are
    loaded."""
    client = Client(scene.stage.http_port)
    if not scene.token:
        scene.token = _token(scene, client)
    client.token = scene.token
    over = threading.Event()
    sender = threading.Thread(target=_send, args=(scene, client, over))
    sender.start()
    try:
        yield
    finally:
        over.set()
        sender.join()
    waiting = "SELECT COUNT(*) FROM ccdata.uploads WHERE status IN ('waiting', 'loading')"
    scene.stage.wait(lambda: scene.stage.value(waiting) == "0", "every file is loaded", 120.0)


def _token(scene: Scene, client: Client) -> str:
    """Log in with the password that the first start has told; a busy machine takes its time to serve."""
    logs = (scene.stage.home / name for name in ("engine.log", "engine.log.1"))
    [word] = [word for log in logs if log.exists() for word in _PASSWORD.findall(log.read_text())]

    def logged_in() -> bool:
        with suppress(OSError, http.client.HTTPException):
            client.log_in(word)
        return bool(client.token)

    poll(logged_in, "the API is served", 120.0)
    return client.token


def _send(scene: Scene, client: Client, over: threading.Event) -> None:
    while not over.is_set() and not scene.refused:
        first = scene.stage.loaded
        lines = (f"{CAMPAIGN};7{n:07d}100;;;9\n" for n in range(first, first + LINES))
        _send_one(scene, client, "".join(lines).encode())
        scene.stage.loaded += LINES
        over.wait(_PAUSE)


def _send_one(scene: Scene, client: Client, content: bytes) -> None:
    """Send a file until it is accepted: an answer that was lost is asked for once more."""
    while True:
        with suppress(OSError, http.client.HTTPException):
            answer = client.open("POST", f"{AT}/uploads?list=U", content)
            said = answer.read()
            if answer.status in (202, 409):
                return
            if answer.status < 500:
                scene.refused.append(f"a file was refused: {answer.status} {said!r}")
                return
        time.sleep(0.05)

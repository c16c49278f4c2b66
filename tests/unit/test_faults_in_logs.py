"""A fault that nobody foresaw is told in the log with its place, and without a word of whom it concerned."""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
import structlog

from engine import telemetry
from engine.adapters.ami.link import AmiSettings
from engine.adapters.ari.link import AriSettings
from engine.adapters.mysql import DatabaseSettings
from engine.adapters.mysql.webhooks import Subscription
from engine.domain.commands import Originate
from engine.domain.webhooks import Reply
from engine.ports.webhooks import Delivery
from engine.services.webhooks import Courier
from tests.builders import QUEUE
from tests.doubles import FakeClock, RecordingObserver, background, until
from tests.service_rig import EngineRoom, hurry

NUMBER, NAME, SSN, SECRET = "0995550123", "Quetzalcoatl", "123456", "whsec_c2VjcmV0"
VALUES = (NUMBER, NAME, SSN, SECRET)


@pytest.fixture(autouse=True)
def after() -> Iterator[None]:
    """Other tests have the logs and hooks that they had."""
    root, hooks = logging.getLogger(), (sys.excepthook, threading.excepthook)
    handlers = root.handlers[:]
    yield
    structlog.reset_defaults()
    root.handlers[:] = handlers
    sys.excepthook, threading.excepthook = hooks


def clean(text: str, *expected: str) -> None:
    for value in VALUES:
        assert value not in text
    for word in expected:
        assert word in text


async def heard(capsys: pytest.CaptureFixture[str], event: str) -> str:
    """Wait until the log tells of `event`; return all of it."""
    said = ""

    def told() -> bool:
        nonlocal said
        said += capsys.readouterr().err
        return event in said

    await until(told, event)
    return said


@pytest.mark.parametrize("style", ["json", "console"])
async def test_a_call_that_fails_in_an_unforeseen_way_names_nobody(
    style: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hurry(monkeypatch)
    room = EngineRoom()
    room.store.add_dialer(QUEUE, tbc=0, maxchannels=1)
    room.seats(1)
    room.contacts(NUMBER, data=f"first_name={NAME}:ssn={SSN}")
    seen: list[Originate] = []

    async def ask(order: Originate) -> None:
        seen.append(order)
        cause = ValueError(f"{order.channel} of {NAME}")
        raise RuntimeError(f"cannot dial {order.channel} for {order.variables}") from cause

    monkeypatch.setattr(room.switch, "originate", ask)
    telemetry.configure_logging("info", style)
    async with room.running():
        said = await heard(capsys, "originate failed")
    assert NUMBER in seen[0].channel
    clean(said, "RuntimeError", "ValueError", "services/placing.py:", "ask")


class BrokenSender:
    """A sender with a fault of its own."""

    async def send(self, delivery: Delivery, at: int) -> Reply:
        raise KeyError(delivery.secrets[0], delivery.url, delivery)

    async def close(self) -> None:
        """Nothing is open."""


class OneDelivery:
    """An outbox with one event in it."""

    def __init__(self) -> None:
        self.left = [Delivery(1, 2, f"https://x/{NUMBER}", (SECRET,), "call.ended", NUMBER.encode(), 1)]

    async def take(self, *_: Any) -> tuple[Delivery, ...]:
        taken, self.left = tuple(self.left), []
        return taken

    async def look(self) -> None:
        """No list is finished."""

    async def tidy(self) -> dict[str, int]:
        return {}


async def test_a_webhook_that_fails_in_an_unforeseen_way_shows_neither_secret_nor_address(
    capsys: pytest.CaptureFixture[str],
) -> None:
    telemetry.configure_logging("info", "json")
    outbox: Any = OneDelivery()
    observer: Any = RecordingObserver()
    observer.outbox = lambda _: None
    async with background(Courier(outbox, BrokenSender(), observer, FakeClock().port()).run()):
        said = await heard(capsys, "delivery failed")
    clean(said, "KeyError")
    [line] = said.splitlines()
    assert json.loads(line)["faults"][0]["fault"] == "KeyError"


async def test_what_nobody_caught_is_told_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry.configure_logging("info", "json")
    telemetry.catch_the_unforeseen()

    async def lost(number: str) -> None:
        raise RuntimeError(number)

    task = asyncio.get_running_loop().create_task(lost(NUMBER), name="a task")
    await asyncio.wait([task])
    asyncio.get_running_loop().call_exception_handler(
        {"message": f"Exception in callback x({NUMBER!r})", "exception": task.exception(), "task": task}
    )
    thread = threading.Thread(target=int, args=(NAME,), name="a thread")
    thread.start()
    await asyncio.to_thread(thread.join)
    try:
        raise ExceptionGroup(NAME, [RuntimeError(NUMBER), OSError(SSN)])
    except ExceptionGroup as error:
        sys.excepthook(type(error), error, error.__traceback__)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    clean(str(lines))
    kinds = [[one["fault"] for one in line["faults"]] for line in lines]
    assert kinds == [["RuntimeError"], ["ValueError"], ["ExceptionGroup", "RuntimeError", "OSError"]]
    assert [line.get("part") for line in lines] == ["a task", "a thread", None]
    assert lines[0]["faults"][0]["at"][-1].endswith(" lost")


def test_a_librarys_fault_is_told_without_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    logging.getLogger().handlers[:] = []
    telemetry.configure_logging("info", "json")
    try:
        raise RuntimeError(NUMBER)
    except RuntimeError:
        logging.getLogger("a.library").exception("it failed")
    clean(capsys.readouterr().err, "a.library: it failed", "RuntimeError", "test_faults_in_logs.py:")


@pytest.mark.parametrize(
    "thing",
    [
        AmiSettings(secret=SECRET),
        AriSettings("http://x", "me", SECRET),
        DatabaseSettings(password=SECRET),
        Subscription("*", "https://x", secret=SECRET),
        replace(OneDelivery().left[0], url="https://x", body=b""),
    ],
)
def test_what_holds_a_secret_does_not_show_it(thing: object) -> None:
    assert SECRET not in repr(thing)


def test_a_log_that_cannot_be_written_costs_nothing_but_its_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stderr", full)
        telemetry.configure_logging("info", "json")
        for _ in range(1000):
            structlog.get_logger().info("call ended", action="call.ended")
        logging.getLogger("uvicorn").warning("a library's word")
        with suppress(OSError):
            full.close()

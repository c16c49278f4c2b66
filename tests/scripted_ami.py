"""A small Asterisk manager that does what a test tells it, and the rig that a test runs it in."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from engine.adapters.ami import AmiCallControl, AmiSettings
from engine.domain.commands import Originate
from engine.domain.events import LinkUp
from engine.domain.model import AttemptId

BANNER = b"Asterisk Call Manager/11.0.0\r\n"
#: The longest that any wait of a test may take, in s. Nothing is ever measured against it.
PATIENCE = 10.0
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

K = TypeVar("K")


@dataclass(frozen=True)
class Action:
    """One action as it came over the wire: its header lines, in order."""

    headers: list[tuple[str, str]]

    def get(self, name: str) -> str:
        """Return the first value of a header, '' where it is missing."""
        return next(iter(self.all(name)), "")

    def all(self, name: str) -> list[str]:
        """Return every value of a header."""
        return [value for key, value in self.headers if key.lower() == name.lower()]

    @property
    def name(self) -> str:
        return self.get("Action")


def frame(*headers: tuple[str, str]) -> bytes:
    """Return one AMI message."""
    return "".join(f"{name}: {value}\r\n" for name, value in headers).encode() + b"\r\n"


def event(name: str, **headers: str) -> bytes:
    """Return one event."""
    return frame(("Event", name), *headers.items())


def reply(action: Action, response: str = "Success", **headers: str) -> bytes:
    """Return the response to `action`."""
    return frame(("Response", response), ("ActionID", action.get("ActionID")), *headers.items())


@dataclass(eq=False)
class Connection:
    """One connection that the server accepted, and the actions that came over it."""

    writer: asyncio.StreamWriter
    actions: list[Action] = field(default_factory=list)
    closed: bool = False

    def count(self, name: str) -> int:
        return sum(action.name == name for action in self.actions)

    async def send(self, *pieces: bytes) -> None:
        """Send raw bytes, each piece in a write of its own."""
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    def close(self) -> None:
        """Close after what was written has left."""
        self.writer.close()

    def abort(self) -> None:
        """Close at once."""
        self.writer.transport.abort()


Answer = Callable[[Connection, Action], bytes | None]


def silence(connection: Connection, action: Action) -> None:
    """Answer nothing."""


def drop(connection: Connection, action: Action) -> None:
    """Close the connection in place of an answer."""
    connection.abort()


def answer_and_drop(connection: Connection, action: Action) -> None:
    """Answer with Success, then close the connection."""
    connection.writer.write(reply(action))
    connection.close()


def refuse(connection: Connection, action: Action) -> bytes:
    """Answer with Error."""
    return reply(action, "Error", Message="Permission denied")


class ScriptedAmi:
    """A manager on 127.0.0.1. Without a script it behaves like Asterisk; `on` scripts one action.

    `banner`: what it says first; None: it never says anything, not even an answer.
    """

    def __init__(self) -> None:
        self.banner: bytes | None = BANNER
        self.fully_booted = True
        self.refuse_login = False
        self.connections: list[Connection] = []
        self.port = 0
        self._answers: dict[str, Answer] = {
            "Login": self._login,
            "Ping": lambda _, action: reply(action, Ping="Pong"),
            "Originate": lambda _, action: reply(action, Message="Originate successfully queued"),
            "Hangup": lambda _, action: reply(action, Message="Channel Hungup"),
        }
        self._changed = asyncio.Condition()
        self._handlers: set[asyncio.Task[Any]] = set()
        self._server: asyncio.Server | None = None

    def on(self, name: str, answer: Answer) -> None:
        """Let `answer` say what is answered to the action `name`; None is no answer."""
        self._answers[name] = answer

    @property
    def actions(self) -> list[Action]:
        """Every action received, connection by connection."""
        return [action for connection in self.connections for action in connection.actions]

    def count(self, name: str) -> int:
        """Return how many actions of this name were received on all connections."""
        return sum(connection.count(name) for connection in self.connections)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close everything and wait until every handler has ended."""
        if self._server is not None:
            self._server.close()
        for connection in self.connections:
            connection.abort()
        if self._handlers:
            await asyncio.wait(self._handlers, timeout=PATIENCE)
        if self._server is not None:
            await self._server.wait_closed()

    async def wait_until(self, true: Callable[[], bool], timeout: float = PATIENCE) -> None:
        """Wait until `true` holds; it is asked again whenever something has come or gone."""
        async with asyncio.timeout(timeout), self._changed:
            await self._changed.wait_for(true)

    async def wait_for(self, name: str, count: int = 1, timeout: float = PATIENCE) -> Action:
        """Wait until `count` actions of this name were received; return the latest of them."""
        await self.wait_until(lambda: self.count(name) >= count, timeout)
        return [action for action in self.actions if action.name == name][-1]

    async def wait_connections(self, count: int, timeout: float = PATIENCE) -> Connection:
        """Wait until `count` connections were made; return the latest of them."""
        await self.wait_until(lambda: len(self.connections) >= count, timeout)
        return self.connections[-1]

    async def wait_closed(self, connection: Connection, timeout: float = PATIENCE) -> None:
        """Wait until `connection` is over."""
        await self.wait_until(lambda: connection.closed, timeout)

    def logged_in(self, connection: Connection, action: Action) -> bytes:
        """Return what is said to a login that succeeds."""
        booted = event("FullyBooted", Privilege="system,all", Status="Fully Booted")
        return reply(action, Message="Authentication accepted") + (booted if self.fully_booted else b"")

    def _login(self, connection: Connection, action: Action) -> bytes | None:
        if not self.refuse_login:
            return self.logged_in(connection, action)
        connection.writer.write(reply(action, "Error", Message="Authentication failed"))
        connection.close()
        return None

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._handlers.add(task)
            task.add_done_callback(self._handlers.discard)
        connection = Connection(writer)
        self.connections.append(connection)
        await self._notify()
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            if self.banner is not None:
                await connection.send(self.banner)
            while True:
                await self._handle(connection, await reader.readuntil(b"\r\n\r\n"))
        connection.closed = True
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        await self._notify()

    async def _handle(self, connection: Connection, raw: bytes) -> None:
        lines = [line.partition(":") for line in raw.decode().split("\r\n") if line]
        action = Action([(name, value.removeprefix(" ")) for name, _, value in lines])
        connection.actions.append(action)
        await self._notify()
        if self.banner is None:
            return
        answer = self._answers.get(action.name, refuse)(connection, action)
        if answer is not None:
            await connection.send(answer)


def order(attempt: str = "call-1", **changes: Any) -> Originate:
    """Return an order to dial."""
    values: dict[str, Any] = {
        "attempt": AttemptId(attempt),
        "channel": "PJSIP/1001@trunk",
        "context": "overdial",
        "exten": "1001",
        "caller_id": "2002",
        "timeout": 30,
        "variables": (("OD_CAMPAIGN", "spring"),),
    }
    return Originate(**(values | changes))


class Rig:
    """One scripted server and one AmiCallControl that talks to it.

    `stop` cancels the control's run and proves that it leaves nothing behind.
    """

    def __init__(self) -> None:
        self.server = ScriptedAmi()
        self.control: AmiCallControl | None = None
        self.run: asyncio.Task[None] | None = None
        #: How long each answer took (s).
        self.answered: list[float] = []
        self._unhandled: list[dict[str, Any]] = []

    async def start(self) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, what: self._unhandled.append(what))
        await self.server.start()

    def make(self, **settings: Any) -> AmiCallControl:
        """Make the control without running it. What a test does not give is long, so that only
        the time-outs under test ever end, or short where it is a pause between two tries."""
        values: dict[str, Any] = {
            "port": self.server.port,
            "secret": "secret",
            "action_timeout": PATIENCE,
            "ping_interval": PATIENCE * 2,
            "ping_timeout": PATIENCE,
            "backoff_first": 0.05,
            "backoff_most": 0.1,
            "backoff_refused": 0.1,
        }
        self.control = AmiCallControl(
            AmiSettings(**(values | settings)), lambda: NOW, lambda: 1.0, self.answered.append
        )
        return self.control

    def launch(self, **settings: Any) -> AmiCallControl:
        """Make the control, unless there is one, and run it."""
        control = self.control or self.make(**settings)
        self.run = asyncio.get_running_loop().create_task(control.run())
        return control

    async def up(self, **settings: Any) -> AmiCallControl:
        """Run a control and wait until it is linked."""
        control = self.launch(**settings)
        await self.event(LinkUp)
        return control

    async def event(self, kind: type[K]) -> K:
        """Return the next event, which must be of this kind."""
        if self.control is None:
            raise AssertionError("there is no control")
        async with asyncio.timeout(PATIENCE):
            what = await self.control.next_event()
        assert isinstance(what, kind), f"expected {kind.__name__}, got {what!r}"
        return what

    async def round_trip(self) -> None:
        """Send one harmless action and wait for its answer: all that was sent before has arrived."""
        if self.control is None:
            raise AssertionError("there is no control")
        async with asyncio.timeout(PATIENCE):
            assert await self.control.hang_up("round-trip")

    async def cancel(self) -> None:
        """Cancel the control's run and wait for its end."""
        if self.run is None:
            return
        self.run.cancel()
        await asyncio.wait((self.run,), timeout=PATIENCE)
        assert self.run.cancelled(), f"run() did not end by its cancellation: {self.run!r}"
        self.run = None

    async def stop(self) -> None:
        """Stop the control, then the server; fail if a task or an unseen error is left over."""
        try:
            await self.cancel()
        finally:
            await self.server.stop()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        assert not left, f"tasks left over: {left}"
        gc.collect()
        assert not self._unhandled, f"errors that nobody saw: {self._unhandled}"

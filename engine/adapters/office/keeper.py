"""The engine's end of the line: starts the office process, answers it, starts it again when it dies."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import structlog

from engine.adapters.office.wire import ALIVE, ASK, LOGGED, OPEN, Kind, frame
from engine.domain.errors import where
from engine.ports.watch import Component

log = structlog.get_logger(__name__)

T = TypeVar("T")

#: Seconds until an office that died is started again: at first, at most (twice as long each time), and how
#: long one must have lived for the next pause to be a short one.
FIRST, LONGEST, STEADY = 0.2, 10.0, 60.0
#: Seconds of silence after which an office is taken for stuck and killed; before it is open, too: on a
#: machine that is busy with calls its start takes as long as they leave it.
SILENCE, BEGINNING = 30.0, 180.0
#: Seconds for which it is listened to once more then.
AGAIN = 1.0
#: Seconds that it may take to stop: for requests that have begun (api.server.GRACE), and a little.
PATIENCE = 8.0
#: Seconds of work on an answer, at most, before the engine's loop has a turn for its calls.
SLICE = 0.0003

#: What may be asked for, by name.
Parts = Mapping[str, Callable[[], Iterable[object]]]


class OfficeProcess:
    """The office process, as long as `run` runs. It costs the engine no call, whatever happens to it.

    `listening`: the socket that it serves on, None for none. It stays open here as well: who connects while
    the office is started again waits instead of being refused. `logged`: so many lines of a level went into
    the log; `restarted`: it is started again.
    """

    def __init__(
        self,
        command: Sequence[str],
        listening: socket.socket | None,
        logged: Callable[[str, int], None],
        restarted: Callable[[], None],
    ) -> None:
        self._command = tuple(command)
        self._listening = listening
        self._logged, self._restarted = logged, restarted
        self._writer: asyncio.StreamWriter | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._end: asyncio.TimerHandle | None = None
        self._trouble = "it is being started"
        self._served = (
            f"port {listening.getsockname()[1]} is served" if listening is not None else "no port is served"
        )
        #: Set while it is open: after its start, until it dies.
        self.opened = asyncio.Event()

    @property
    def component(self) -> Component:
        """How it is. One that is being stopped is as it should be."""
        up = self.opened.is_set()
        return Component("office", up or self._stopping.is_set(), self._served if up else self._trouble)

    async def run(self, parts: Parts) -> None:
        """Keep it running until `stop`, and see it to its end."""
        loop, pause = asyncio.get_running_loop(), FIRST
        try:
            while not self._stopping.is_set():
                began = loop.time()
                fault = await self._once(parts)
                self.opened.clear()
                if self._stopping.is_set():
                    break
                pause = FIRST if loop.time() - began >= STEADY else pause
                self._trouble = f"{fault}; it is being started again"
                log.error(
                    "the office process ended", action="office.ended", reason=fault, again_in=round(pause, 1)
                )
                try:
                    async with asyncio.timeout(pause):
                        await self._stopping.wait()
                except TimeoutError:
                    self._restarted()
                    pause = min(2 * pause, LONGEST)
        finally:
            self._close_port()
            if self._end is not None:
                self._end.cancel()

    def stop(self) -> None:
        """Take no more requests; `run` ends when those that have begun are answered."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._trouble = "it is being stopped"
        self._close_port()
        self._order(Kind.STOP)
        self._end = asyncio.get_running_loop().call_later(PATIENCE, self._kill)

    def log_as(self, level: str, style: str) -> None:
        """Change level and format of its log."""
        self._order(Kind.LOGGING, (level, style))

    def _close_port(self) -> None:
        if self._listening is not None:
            self._listening.close()

    def _order(self, kind: Kind, value: object = None) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(frame(kind, value))

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def _once(self, parts: Parts) -> str:
        """Start it and see it to its end; return why it ended."""
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            return f"it cannot be started: {error.strerror}"
        handed = [theirs.fileno()]
        options = ["--engine", str(os.getpid()), "--line", str(theirs.fileno())]
        if self._listening is not None:
            handed.append(self._listening.fileno())
            options += ["--listening", str(self._listening.fileno())]
        try:
            self._process = process = await asyncio.create_subprocess_exec(
                *self._command, *options, stdin=asyncio.subprocess.DEVNULL, pass_fds=handed
            )
        except BaseException as error:
            ours.close()
            if isinstance(error, OSError):
                return f"it cannot be started: {error.strerror}"
            raise
        finally:
            theirs.close()
        reader, self._writer = await asyncio.open_connection(sock=ours)
        fault = ""
        try:
            if self._stopping.is_set():
                self._order(Kind.STOP)
            fault = await self._talk(reader, self._writer, parts)
            if not fault:
                await _within(PATIENCE, process)  # leaving the line is its last act, unless it hangs
        finally:
            self._kill()
            self._writer.close()
            self._writer = None
            await _within(PATIENCE, process)
            self._process = None
        return fault or _ended(process.returncode)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, parts: Parts) -> str:
        """Listen to it until it leaves the line; return what is wrong with it, '' for nothing."""
        try:
            while True:
                words = (await self._patiently(reader.readline)).decode().split()
                match words:
                    case []:
                        return ""
                    case [str(word), str(part)] if word == ASK:
                        await self._answer(parts, part, writer)
                    case [str(word), str(level), str(lines)] if word == LOGGED:
                        self._logged(level, int(lines))
                    case [str(word)] if word == OPEN:
                        self.opened.set()
                        log.info("the office is open", action="office.open", serves=self._served)
                    case [str(word)] if word == ALIVE:
                        pass
                    case _:
                        raise ValueError
        except ConnectionError:
            return ""
        except ValueError:
            return "it says what nobody understands"
        except TimeoutError:
            return f"nothing was heard of it for {self._silence:.0f} s"

    async def _patiently(self, wait: Callable[[], Awaitable[T]]) -> T:
        """Wait until it says something, or takes what was said to it. Where the engine itself stood still,
        what was said then lies in the line, and is looked at before anybody is called silent. Raises
        TimeoutError."""
        try:
            async with asyncio.timeout(self._silence):
                return await wait()
        except TimeoutError:
            async with asyncio.timeout(AGAIN):
                return await wait()

    @property
    def _silence(self) -> float:
        return SILENCE if self.opened.is_set() else BEGINNING

    async def _answer(self, parts: Parts, part: str, writer: asyncio.StreamWriter) -> None:
        """Answer in pieces. The engine's calls have their turn after each."""
        try:
            rest = iter(parts[part]())
            while True:
                piece: list[Any] = []
                until = time.perf_counter() + SLICE
                more = False
                for one in rest:
                    piece.append(one)
                    if more := time.perf_counter() >= until:
                        break
                if time.perf_counter() >= until:
                    await asyncio.sleep(0)  # what was long to gather is written in a turn of its own
                writer.write(frame(Kind.PIECE if more else Kind.LAST, piece))
                if not more:
                    break
                await asyncio.sleep(0)
                await self._patiently(writer.drain)
        except (ConnectionError, TimeoutError):
            raise
        except Exception as error:
            # A fault in a view of the engine must not become one of the engine.
            log.error("a question of the office failed", action="office.fault", part=part, fault=where(error))
            writer.write(frame(Kind.FAULT))
        await self._patiently(writer.drain)


async def _within(seconds: float, process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await process.wait()


def _ended(status: int | None) -> str:
    if status is None:
        return "it does not end"
    return f"it was ended by signal {-status}" if status < 0 else f"it ended with status {status}"

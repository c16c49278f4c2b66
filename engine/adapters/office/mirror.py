"""The office's end of the line: the engine's picture as the office sees it, and what it is told to do."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.adapters.office.wire import ALIVE, ASK, LOGGED, OPEN, PULSE, Kind, read_frame
from engine.domain.live import CallNow, CallsNow, QueueNow
from engine.ports import CampaignReport
from engine.ports.live import EngineSilentError

#: Seconds for which a part is kept: however many ask, the engine is asked ten times a second at most.
KEPT = 0.1
#: Seconds after which an engine that does not answer is not waited for any longer.
PATIENCE = 5.0


@dataclass(slots=True)
class _Question:
    """Asked at `at`; whoever wants to know within KEPT shares its answer. None: there is none."""

    at: float
    answer: asyncio.Future[list[Any] | None]
    pieces: list[Any] = field(default_factory=list)


class Mirror:
    """Implements `ports.live.Live` over the line. Invariant: at most one question for each part is open."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._asked: dict[str, _Question] = {}
        self._open: deque[_Question] = deque()
        self._lines: deque[str] = deque()

    def logged(self, level: str) -> None:
        """A line went into the log, whichever thread wrote it; the engine counts it."""
        self._lines.append(level)

    async def connect(self) -> None:
        """Take up the line, before anything else."""
        self._reader, self._writer = await asyncio.open_connection(sock=self._line)

    def opened(self) -> None:
        """Tell the engine that the office is open."""
        self._say(OPEN)

    async def run(self, stop: Callable[[], None], logging: Callable[[str, str], None]) -> None:
        """Listen until the engine is gone. `stop`: the engine ends; `logging`: level and format changed."""
        async with asyncio.TaskGroup() as group:
            living = group.create_task(self._live())
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await self._listen(stop, logging)
            living.cancel()

    async def close(self) -> None:
        """Hand over what has been counted, and leave the line."""
        if self._writer is not None:
            self._tell_lines()
            self._writer.close()

    async def _live(self) -> None:
        while True:
            self._say(ALIVE)
            self._tell_lines()
            await asyncio.sleep(PULSE)

    def _tell_lines(self) -> None:
        counted: Counter[str] = Counter()
        while self._lines:
            counted[self._lines.popleft()] += 1
        for level, lines in counted.items():
            self._say(LOGGED, level, str(lines))

    def _say(self, *words: str) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(" ".join(words).encode() + b"\n")

    async def _listen(self, stop: Callable[[], None], logging: Callable[[str, str], None]) -> None:
        assert self._reader is not None  # noqa: S101  # connected before it runs
        while True:
            kind, value = await read_frame(self._reader)
            match kind:
                case Kind.PIECE:
                    self._open[0].pieces.extend(value)
                case Kind.LAST:
                    question = self._open.popleft()
                    question.answer.set_result([*question.pieces, *value])
                case Kind.FAULT:
                    self._open.popleft().answer.set_result(None)
                case Kind.STOP:
                    stop()
                case Kind.LOGGING:
                    logging(*value)

    async def _part(self, name: str) -> list[Any]:
        loop = asyncio.get_running_loop()
        known = self._asked.get(name)
        if known is None or (known.answer.done() and loop.time() - known.at >= KEPT):
            known = self._asked[name] = _Question(loop.time(), loop.create_future())
            self._open.append(known)
            self._say(ASK, name)
        # One who goes away must not take the answer from the others.
        answered, _ = await asyncio.wait((known.answer,), timeout=PATIENCE)
        found = known.answer.result() if answered else None
        if found is None:
            raise EngineSilentError("the engine does not answer")
        return found

    # Live.

    async def current(self) -> bool:
        """See `ports.live.Live`, as for all that follows."""
        return bool((await self._part("current"))[0])

    async def leading(self) -> bool:
        return bool((await self._part("leading"))[0])

    async def queues(self) -> Sequence[QueueNow]:
        return await self._part("queues")

    async def calls(self) -> Mapping[str, CallsNow]:
        return dict(await self._part("calls"))

    async def each_call(self) -> Sequence[CallNow]:
        return await self._part("each_call")

    async def reports(self) -> Sequence[CampaignReport]:
        return await self._part("reports")

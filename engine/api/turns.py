"""Requests give way to the engine: however many are served, one goes on per round of the event loop."""

from __future__ import annotations

import asyncio
import types
from collections import deque
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


class Turns:
    """Whoever is served here goes on only when it is his turn. Between two turns the loop does everything
    else that is ready: events of Asterisk, decisions, answers of the database."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = False

    async def serve(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, one turn for every stretch between two waits."""
        try:
            await self.take()
        except BaseException:
            work.close()
            raise
        result: T = await self._stretches(work)
        return result

    @types.coroutine
    def _stretches(self, work: Coroutine[Any, Any, T]) -> Generator[Any, Any, T]:
        error: BaseException | None = None
        while True:
            try:
                wanted = work.send(None) if error is None else work.throw(error)
            except StopIteration as done:
                result: T = done.value
                return result
            try:
                yield wanted
                yield from self.take().__await__()
                error = None
            except BaseException as raised:  # also the cancellation: it belongs to who waits inside
                error = raised

    async def take(self) -> None:
        """Wait for one's turn."""
        loop = asyncio.get_running_loop()
        if self._taken:
            turn = loop.create_future()
            self._waiting.append(turn)
            await turn
            return
        self._taken = True
        loop.call_soon(self._next)

    def _next(self) -> None:
        """The round is over: the next one begins, unless he has gone meanwhile."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                asyncio.get_running_loop().call_soon(self._next)
                return
        self._taken = False

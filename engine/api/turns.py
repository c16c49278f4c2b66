"""Requests take turns with the engine: however many come at once, one begins per round of the event loop."""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """`take` returns when it is one's turn. Between two turns the loop does everything else that is ready:
    events of Asterisk, decisions, answers of the database."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._taken = False

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

"""How long the server waits for clients: for the head of a request, and for one who does not read."""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


def patient(head: float, answer: float) -> type[H11Protocol]:
    """Return the protocol of connections that are cut `head` s after they began without a whole head of a
    request, and `answer` s after the client has stopped to read what it asked for."""

    class Patient(H11Protocol):
        """uvicorn's own protocol waits for both without end."""

        _head: asyncio.TimerHandle | None = None
        _answer: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._head = self.loop.call_later(head, transport.abort)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self.cycle is not None and not self.cycle.response_complete:
                self._cancel()  # the head is there, the request is being served
            elif self._head is None:
                self._head = self.loop.call_later(head, self.transport.abort)

        def pause_writing(self) -> None:
            super().pause_writing()
            self._answer = self.loop.call_later(answer, self.transport.abort)

        def resume_writing(self) -> None:
            super().resume_writing()
            self._cancel_answer()

        def connection_lost(self, exc: Exception | None) -> None:
            self._cancel()
            self._cancel_answer()
            super().connection_lost(exc)

        def _cancel(self) -> None:
            if self._head is not None:
                self._head.cancel()
                self._head = None

        def _cancel_answer(self) -> None:
            if self._answer is not None:
                self._answer.cancel()
                self._answer = None

    return Patient

"""`/api/v1/events`: live views by server-sent events."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from engine.api.office import Office
from engine.api.v1.gate import Asking, InOffice, needs
from engine.api.v1.resource import Resource
from engine.api.v1.stream import Stream, Watcher, shown
from engine.domain.access import Right
from engine.ports import StoreError

router = APIRouter(route_class=Resource, tags=["events"])

#: Seconds of silence until a sign of life, and that a watcher may need to read what it was sent.
HEARTBEAT, SLOW = 15.0, 10.0
#: Seconds between two looks whether the session still has its rights, however much there is to tell. What
#: changes over this API is looked at before anything more is sent; this is for changes by SQL or elsewhere.
CHECK = 5.0
#: Milliseconds after which a browser comes back.
_RETRY = 2000
_DESCRIBED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "`event:` campaign, decision, seat, call; reset (forget what you know: the picture of"
        " everything follows), ready (that was all of it); `data:` JSON; `id:` for Last-Event-ID.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


class _Events(Response):
    """Sends what a watcher gets, until one of the two has enough."""

    media_type = "text/event-stream"

    def __init__(self, office: Office, stream: Stream, watcher: Watcher, token: str) -> None:
        super().__init__()
        self._office, self._stream, self._watcher = office, stream, watcher
        self._token = token
        self._checked, self._changes = asyncio.get_running_loop().time(), -1

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [
            (b"content-type", b"text/event-stream; charset=utf-8"),
            (b"cache-control", b"no-store"),
            (b"x-accel-buffering", b"no"),  # a proxy would keep events back
        ]
        sending = asyncio.ensure_future(self._send_all(headers, send))
        leaving = asyncio.ensure_future(_left(receive))
        try:
            await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            self._stream.leave(self._watcher)
            for task in (sending, leaving):
                task.cancel()
            await asyncio.gather(sending, leaving, return_exceptions=True)

    async def _send_all(self, headers: list[tuple[bytes, bytes]], send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            await self._piece(send, f"retry: {_RETRY}\n\n".encode())
            while await self._piece(send, await self._next()):
                pass
        except TimeoutError:
            self._watcher.end("too slow")
        if self._watcher.over != "too slow":
            await send({"type": "http.response.body", "body": b""})

    async def _piece(self, send: Send, text: bytes) -> bool:
        if text:
            async with asyncio.timeout(SLOW):
                await send({"type": "http.response.body", "body": text, "more_body": True})
        return bool(text)

    async def _next(self) -> bytes:
        """Return what is to be sent next; nothing when it is over."""
        watcher, quiet = self._watcher, False
        try:
            async with asyncio.timeout(HEARTBEAT):
                await watcher.some.wait()
        except TimeoutError:
            quiet = True
        now = asyncio.get_running_loop().time()
        changes = self._office.guard.changes
        if quiet or now - self._checked >= CHECK or changes != self._changes:
            self._checked, self._changes = now, changes
            if not await self._may_still():
                return b""
        if quiet:
            return b": alive\n\n"
        if watcher.over:
            return b""
        watcher.some.clear()
        pieces = []
        while watcher.waiting:
            event = watcher.waiting.popleft()
            data = shown(watcher.caller, event)
            mark = f"id: {self._stream.name(event.number)}\n" if event.number else ""
            pieces.append(f"{mark}event: {event.kind}\ndata: ".encode() + data + b"\n\n")
        return b"".join(pieces) or b": alive\n\n"

    async def _may_still(self) -> bool:
        """Whether the token is live, with the same rights: they may have changed since."""
        try:
            caller = await self._office.guard.holds(self._token)
        except StoreError:
            return True
        if caller is None:
            return False
        mine = self._watcher.caller
        return (caller.role, caller.scope, caller.phones) == (mine.role, mine.scope, mine.phones)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@router.get("/events", status_code=200, response_class=_Events, responses=_DESCRIBED)
@needs(Right.KNOWN, query_token=True)
async def events(
    caller: Asking,
    office: InOffice,
    request: Request,
    token: Annotated[str, Query(max_length=1000, description="For EventSource, which sends no header.")] = "",
    last_event_id: Annotated[str, Header(description="`id` of the last event that was read.")] = "",
) -> Response:
    """Watch campaigns, decisions, seats and calls as they change; go on where you were by `Last-Event-ID`.

    Agents see their own seat and calls, without numbers. Who does not read for ten seconds is dropped.
    """
    watcher = await office.stream.watch(caller, last_event_id)
    if watcher is None:
        raise HTTPException(429, "Too many watch already: close another connection.", {"Retry-After": "5"})
    return _Events(office, office.stream, watcher, request.state.token)

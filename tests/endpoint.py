"""A customer's endpoint for webhooks: a real HTTP server that answers as it is told and keeps what it got."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web


@dataclass(frozen=True)
class Hit:
    """One request: its headers and its bytes."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))


@dataclass
class Endpoint:
    """`answer` says what a hit gets: a status, or a whole response."""

    answer: Callable[[Hit], int | web.StreamResponse] = lambda hit: 204
    hits: list[Hit] = field(default_factory=list)
    url: str = ""

    async def _take(self, request: web.Request) -> web.StreamResponse:
        hit = Hit({name.lower(): value for name, value in request.headers.items()}, await request.read())
        self.hits.append(hit)
        reply = self.answer(hit)
        return web.Response(status=reply) if isinstance(reply, int) else reply

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Endpoint]:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._take)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        try:
            yield self
        finally:
            await runner.cleanup()


def verified(secret: str, hit: Hit) -> bool:
    """The verifier of docs/webhooks.md: it shares no line with the engine."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{hit.headers['webhook-id']}.{hit.headers['webhook-timestamp']}.".encode() + hit.body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    given = [word.removeprefix("v1,") for word in hit.headers["webhook-signature"].split()]
    return any(hmac.compare_digest(expected, word) for word in given)

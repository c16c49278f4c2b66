"""What every resource of `/api/v1` shares: the gate, and requests that are carried out once."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from engine.adapters.mysql import idempotency
from engine.adapters.mysql.database import Session
from engine.api.guard import Forbidden
from engine.api.office import Office
from engine.api.v1.gate import Gate
from engine.api.v1.problems import NotFound
from engine.domain.access import Caller
from engine.domain.errors import FieldError, Refused
from engine.ports import StoreError
from engine.ports.live import EngineSilentError

_KEY = re.compile(r"[\x21-\x7e]{1,255}")
#: No request takes longer: one that has not ended by then was cut off with its engine.
_LONGEST = timedelta(minutes=5)
#: What is told of a larger body is worked out in a thread: a file has 128 MB.
_SMALL = 65_536
#: Whatever raises one of these has had no effect: the engine is asked before anything is done.
_HARMLESS = (
    FieldError, Refused, NotFound, Forbidden, EngineSilentError, RequestValidationError, HTTPException,
)  # fmt: skip
_HEADER = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Up to 255 visible characters of your choice. The same request with the same key is"
    " carried out once within 24 hours; the others get its answer.",
    "schema": {"type": "string", "maxLength": 255},
}

_Inner = Callable[[Request], Awaitable[Response]]


class _Once(APIRoute):
    """A POST with an Idempotency-Key has one effect, however often, and from how many places at once, it is
    sent."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            office: Office = request.app.state.office
            word = request.headers.get("idempotency-key")
            if request.method != "POST" or word is None:
                return await inner(request)
            if not _KEY.fullmatch(word):
                raise FieldError("Idempotency-Key", "it is no key", "Use up to 255 visible characters.")
            body = await request.body()
            if len(body) > _SMALL:
                digest = await asyncio.to_thread(_digest, request, body)
            else:
                digest = _digest(request, body)
            return await _once(request, office, word, digest, inner)

        return handle


class Resource(Gate, _Once):
    """The class of every route of `/api/v1`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        if "POST" in (more.get("methods") or ()):
            extra = dict(more.get("openapi_extra") or {})
            extra["parameters"] = [*extra.get("parameters", ()), _HEADER]
            more["openapi_extra"] = extra
        super().__init__(path, endpoint, **more)


def _digest(request: Request, body: bytes) -> str:
    """Return what tells requests apart."""
    digest = hashlib.sha256()
    for part in (request.url.path, request.url.query, request.headers.get("content-type", "")):
        digest.update(part.encode() + b"\0")
    digest.update(body)
    return digest.hexdigest()


async def _once(request: Request, office: Office, word: str, digest: str, inner: _Inner) -> Response:
    caller: Caller = request.state.caller
    who, run = caller.user, office.database.transaction
    now = office.clock.now()
    known = await run(lambda s: idempotency.begin(s, who, word, digest, now))
    if known is not None:
        return _known(known, digest, now)
    try:
        answer = await inner(request)
    except _HARMLESS:
        await run(lambda s: idempotency.give_back(s, who, word))
        raise
    except StoreError as error:
        if error.data:
            await run(lambda s: idempotency.give_back(s, who, word))
        else:
            await run(lambda s: idempotency.finish(s, who, word, idempotency.UNKNOWN))
        raise
    except Exception:
        await run(lambda s: idempotency.finish(s, who, word, idempotency.UNKNOWN))
        raise
    text = bytes(answer.body).decode()
    location = answer.headers.get("location", "")

    async def keep(session: Session) -> None:
        await idempotency.finish(session, who, word, answer.status_code, location, text)

    await run(keep)
    return answer


def _known(known: idempotency.Kept, digest: str, now: datetime) -> Response:
    if known.request != digest:
        raise FieldError(
            "Idempotency-Key", "it was used for another request", "Use a new key for every request."
        )
    lost = known.status == idempotency.WORKING and now - known.created_at > _LONGEST
    if known.status == idempotency.WORKING and not lost:
        raise HTTPException(
            409, "The same request is being carried out: ask again for its answer.", {"Retry-After": "1"}
        )
    if lost or known.status == idempotency.UNKNOWN:
        raise HTTPException(
            409, "This request was cut off: look whether it had an effect, then use a new key."
        )
    headers = {"Idempotency-Replayed": "true"}
    if known.location:
        headers["Location"] = known.location
    kind = "application/json" if known.answer else None
    return Response(known.answer or None, status_code=known.status, headers=headers, media_type=kind)

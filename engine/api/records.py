"""`/records/…`: files of recorded calls in the documented places, with range requests, for who may listen.

The documents give these addresses without any authorization. Here a token is asked for: as header like
everywhere, as cookie `token`, or as `?token=`, because an <audio> element can send no header.
"""

from __future__ import annotations

import asyncio
import re

import structlog
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from engine.api.guard import Forbidden, TooMany, UnknownCaller
from engine.api.integra.desk import host_of, queried_token, token_of
from engine.api.integra.supervisor import check_recording
from engine.api.office import Office
from engine.domain.access import Right
from engine.domain.errors import FieldError
from engine.domain.integra.records import recording_folder
from engine.ports import StoreError

log = structlog.get_logger(__name__)

_MEDIA = {"mp3": "audio/mpeg", "gsm": "audio/x-gsm", "wav": "audio/wav"}


def record_routes(office: Office) -> list[Route]:
    """Return the routes; none where `http.recordings` names no folder."""
    if office.recordings is None:
        return []
    files = office.recordings

    async def serve(request: Request) -> Response:
        try:
            caller = await office.guard.admit(_token(request), Right.LISTEN, host_of(request))
            name = request.path_params["name"]
            folder = recording_folder(request.path_params.get("folder", ""))
            path = await asyncio.to_thread(files.find, name, folder)
            await check_recording(office, caller, name.rpartition(".")[0])
        except UnknownCaller:
            return _word(401, {"WWW-Authenticate": "Basic"})
        except Forbidden:
            return _word(403)
        except TooMany:
            return _word(429, {"Retry-After": "1"})
        except FieldError:
            return _word(404)
        except StoreError as error:
            log.warning("recording not served", action="api.database", reason=str(error))
            return _word(503, {"Retry-After": "1"})
        if path is None:
            return _word(404)
        return _Recording(path, media_type=_MEDIA[path.suffix[1:]], content_disposition_type="inline")

    return [
        Route("/records/{name}", serve, methods=["GET"]),
        Route("/records/{folder}/{name}", serve, methods=["GET"]),
    ]


#: `Range` as RFC 9110 §14.1.2 has it for bytes.
_RANGES = re.compile(
    rb"bytes=[ \t,]*(?:[0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})(?:[ \t]*,[ \t]*"
    rb"(?:[0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})?)*[ \t]*",
    re.IGNORECASE,
)
_BACKWARDS = re.compile(rb"([0-9]+)-([0-9]+)")


class _Recording(FileResponse):
    """A file. A range of another unit, or one that is none, is ignored (RFC 9110 §14.2)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(key, value) for key, value in scope["headers"] if key != b"range" or _is_range(value)]
        await super().__call__({**scope, "headers": headers}, receive, send)


def _is_range(value: bytes) -> bool:
    if not _RANGES.fullmatch(value):
        return False
    return all(int(first) <= int(last) for first, last in _BACKWARDS.findall(value))


def _token(request: Request) -> str:
    return token_of(request) or queried_token(request) or request.cookies.get("token", "").strip('"')


def _word(status: int, headers: dict[str, str] | None = None) -> Response:
    return Response("0", status, headers, media_type="text/plain")

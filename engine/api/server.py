"""The ASGI application of both APIs, and the server that runs it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Mount
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.api.integra import ROUTES
from engine.api.integra.desk import web_route
from engine.api.office import Office
from engine.api.patience import patient
from engine.api.records import record_routes
from engine.api.v1.app import build as build_v1
from engine.api.v1.problems import problem
from engine.config import HttpSection
from engine.domain.errors import where

log = structlog.get_logger(__name__)

#: Seconds that requests which have begun may take at the stop.
GRACE = 5


def build(office: Office) -> ASGIApp:
    """Return the application: the documented endpoints and `/api/v1`."""
    app = Starlette(
        routes=[
            *(web_route(office, route) for route in ROUTES),
            *record_routes(office),
            Mount("/api/v1", build_v1(office)),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=list(office.settings.allowed_origins),
                allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
                allow_headers=["*"],
                expose_headers=["ETag", "Idempotency-Replayed", "Link", "Location", "Retry-After"],
                max_age=600,
            ),
        ],
        exception_handlers={HTTPException: _plain},
    )
    # A redirection would name the server as the client does, and without TLS behind a proxy that has it.
    app.router.redirect_slashes = False
    encrypted = office.settings.tls_certificate is not None
    return Outermost(app, (*_SAFE, _STRICT) if encrypted else _SAFE)


async def _plain(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    if request.url.path.startswith("/api/"):
        return problem(status)
    headers = error.headers if isinstance(error, HTTPException) else None
    return Response("0", status, headers, media_type="text/plain")


class Outermost:
    """Answers what nothing inside has answered; adds the headers that every answer has."""

    def __init__(self, app: ASGIApp, headers: tuple[tuple[bytes, bytes], ...]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        scope = {**scope, "path": _spelt(scope["path"])}
        begun = False

        async def say(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = list(message.get("headers", ()))
                names = {name.lower() for name, _ in headers}
                headers += [(name, value) for name, value in self._headers if name not in names]
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self._app(scope, receive, say)
        except ClientDisconnect:
            pass  # it went away in the middle of its request: there is nobody to answer
        except Exception as error:
            # A fault of ours: where it happened is told, never with what.
            log.error("request failed", action="api.fault", fault=where(error))
            if not begun:
                broken = problem(500) if scope["path"].startswith("/api/") else Response("0", 500)
                await broken(scope, receive, say)


def _spelt(path: str) -> str:
    """Return the one spelling of a path: the documents write some with a leading slash, so that clients put
    two behind the server's name; a slash at the end of a documented path is none."""
    if path.startswith(("http://", "https://")):  # the absolute form, RFC 9112 §3.2.2
        path = "/" + path.partition("://")[2].partition("/")[2]
    if path.startswith("//"):
        path = "/" + path.lstrip("/")
    return path.rstrip("/") if path.startswith("/Integra/") else path


_SAFE = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_STRICT = (b"strict-transport-security", b"max-age=31536000")


class _Quiet(uvicorn.Server):
    """Leaves the signals to the process that it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class HttpServer:
    """Serves on a socket that listens already, until it is told to stop. Raises OSError (also ssl.SSLError)
    when certificate or key cannot be used.

    `works` run beside the server; `farewell` ends answers that would never end by themselves.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: HttpSection,
        listening: socket.socket,
        works: Sequence[Callable[[], Coroutine[Any, Any, None]]] = (),
        farewell: Callable[[], None] = lambda: None,
    ) -> None:
        self._works, self._farewell = works, farewell
        self._socket = listening
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            http=patient(settings.header_timeout, settings.body_timeout),
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=list(settings.trusted_proxies),
            limit_concurrency=settings.max_connections,
            timeout_graceful_shutdown=GRACE,
            ssl_certfile=settings.tls_certificate,
            ssl_keyfile=settings.tls_key,
        )
        config.load()
        self._server = _Quiet(config)

    async def run(self) -> None:
        """Serve until `stop`."""
        log.info("serving HTTP", action="api.serving", port=self.port)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(work()) for work in self._works]
            await self._server.serve(sockets=[self._socket])
            for task in tasks:
                task.cancel()

    def stop(self) -> None:
        """Take no more requests; `run` ends when those that have begun are answered."""
        self._farewell()
        self._server.should_exit = True

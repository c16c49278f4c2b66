"""The pages of the metrics port: /metrics, /healthz, /readyz and /state, served by threads of their own.

They answer also when the engine's loop is stuck, and then say so.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import orjson
from prometheus_client import make_wsgi_app

from engine.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

#: Seconds after which a client that says nothing more is left.
_PATIENCE = 10


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE

    def log_message(self, format: str, *args: Any) -> None:
        """Scrapes are no news."""


def application(metrics: Metrics) -> WSGIApplication:
    """Return what answers the requests."""
    numbers = make_wsgi_app(metrics.registry)
    board = metrics.board
    pages: dict[str, Callable[[], tuple[bool, dict[str, Any]]]] = {
        "/healthz": board.health,
        "/readyz": board.readiness,
        "/state": board.state,
    }

    def answer(environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        if path == "/metrics":
            found: Iterable[bytes] = numbers(environ, start)
            return found
        page = pages.get(path)
        if page is None:
            start("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [f"Nothing is here. There are: /metrics {' '.join(pages)}\n".encode()]
        well, body = page()
        words = "200 OK" if well else "503 Service Unavailable"
        start(words, [("Content-Type", "application/json"), ("Cache-Control", "no-store")])
        return [orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE)]

    return answer


def serve(metrics: Metrics, address: str, port: int) -> WSGIServer:
    """Serve in a thread of its own. Raises OSError when the port is taken."""
    kind = _Server6 if ":" in address else _Server
    server = make_server(address, port, application(metrics), kind, _Handler)
    threading.Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    return server

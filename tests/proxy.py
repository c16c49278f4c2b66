"""A TCP line that a test can cut, freeze and mend, between the engine and a real part."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from types import TracebackType


class Proxy:
    """Forwards a loopback port of its own to `target`, in threads: tests of processes are synchronous."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._open = threading.Event()
        self._flowing = threading.Event()
        self._open.set()
        self._flowing.set()
        self._closing = False
        #: Seconds that each piece of data takes on its way.
        self.delay = 0.0
        self._torn = False
        self._sockets: list[socket.socket] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def refuse(self) -> None:
        """Cut every connection and take no new one."""
        self._open.clear()
        self._cut()

    def freeze(self) -> None:
        """Keep connections open and carry nothing: a peer that is there and says nothing."""
        self._flowing.clear()

    def tear(self) -> None:
        """Carry half of the next piece of data either way, and nothing more."""
        self._torn = True

    def allow(self) -> None:
        """Mend the line; frozen connections are cut."""
        self._torn = False
        self._cut()
        self._flowing.set()
        self._open.set()

    def _cut(self) -> None:
        for end in self._sockets:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._sockets = []

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            if not self._open.is_set():
                client.close()
                continue
            try:
                upstream = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                client.close()  # the part itself is away
                continue
            self._sockets += [client, upstream]
            for one, other in ((client, upstream), (upstream, client)):
                threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self._flowing.wait()
                if self.delay:
                    time.sleep(self.delay)
                if self._torn:
                    sink.sendall(data[: len(data) // 2])
                    self.freeze()
                    self._flowing.wait()
                    return
                sink.sendall(data)
        except OSError:
            pass
        finally:
            for end in (source, sink):
                # A socket that another thread reads from is not closed by close alone.
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._flowing.set()
        self._cut()
        self._server.close()

"""What systemd is told: ready, alive, stopping (sd_notify(3), without its library)."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, MutableMapping

import structlog

log = structlog.get_logger(__name__)

#: A service may say that it lives this many times before it is missed once.
_OFTEN = 3


class Supervisor:
    """Sends datagrams to the socket that systemd names; says nothing where there is none.

    `interval`: seconds between two signs of life that systemd waits for, a third of its patience;
    0 when it waits for none.
    """

    def __init__(self, address: str = "", patience: float = 0.0) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self.interval = patience / _OFTEN if address else 0.0
        self._told = False

    @classmethod
    def of(cls, environment: MutableMapping[str, str], pid: int) -> Supervisor:
        """Read what systemd said and forget it, so that no child process speaks in our name."""
        address = environment.pop("NOTIFY_SOCKET", "")
        patience = _patience(environment, pid)
        for name in ("WATCHDOG_USEC", "WATCHDOG_PID"):
            environment.pop(name, None)
        return cls(address if address[:1] in ("/", "@") else "", patience)

    def ready(self) -> None:
        """The service does its work."""
        self._say("READY=1")

    def alive(self) -> None:
        """The service is well."""
        self._say("WATCHDOG=1")

    def stopping(self, seconds: float) -> None:
        """The service ends, and needs up to so many seconds for it."""
        self._say(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}")

    def _say(self, text: str) -> None:
        """A manager that cannot be reached must not stop a service that works."""
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.setblocking(False)
                line.sendto(text.encode(), self._address)
        except OSError as error:
            if not self._told:
                self._told = True
                log.warning("systemd not told", action="process.notify", reason=str(error))


def _patience(environment: Mapping[str, str], pid: int) -> float:
    """Return after how many seconds without a sign of life systemd would end this process; 0: never."""
    owner = environment.get("WATCHDOG_PID", "")
    text = environment.get("WATCHDOG_USEC", "")
    if not text.isdecimal() or (owner and owner != str(pid)):
        return 0.0
    return int(text) / 1_000_000


def from_environment() -> Supervisor:
    """Return the supervisor of this process."""
    return Supervisor.of(os.environ, os.getpid())

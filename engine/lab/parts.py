"""What every private part shares: free ports, a child process that can be stopped for certain."""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1


class LabError(Exception):
    """A part cannot be provided. The message is one line and ends with the fix."""


def tool(program: str, lab: Path) -> str:
    """Return a program that deploy/lab/tools.sh provides: the lab's, else the machine's. Raises LabError."""
    own = lab / "tools" / "usr" / "bin" / program
    found = str(own) if own.exists() else shutil.which(program)
    if found is None:
        raise LabError(f"{program} is not installed. Fix: run deploy/lab/tools.sh.")
    return found


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    """Return a loopback port that was free a moment ago (`kind`: SOCK_STREAM or SOCK_DGRAM)."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def check_port(port: int, kind: int, purpose: str) -> None:
    """Raise LabError when `port` on loopback is taken by somebody else."""
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind == socket.SOCK_STREAM:
            # A port that only waits out its last connection is free. For datagrams the option
            # would mean sharing.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise LabError(
                f"port {port} ({purpose}) is taken: {error.strerror}. "
                f"Fix: stop what listens there, or choose another port."
            ) from error


def _die_with_parent() -> None:
    """In the child: end when the one who started us is gone, however it went (Linux prctl)."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


class Child:
    """A child process in its own session, with its output in a file.

    Its own session keeps Ctrl-C away from it: the one who started it stops it, in order.
    """

    def __init__(
        self,
        argv: Sequence[str],
        log: Path,
        *,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
    ) -> None:
        self.argv = list(argv)
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                self.argv,
                cwd=cwd,
                env=None if env is None else {**os.environ, **env},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def running(self) -> bool:
        return self.process.poll() is None

    def cpu_seconds(self) -> float:
        """CPU time used so far, user and system together (Linux /proc)."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self) -> float:
        """Resident memory in MB (Linux /proc)."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1_000_000

    def stop(self, patience: float = 10.0) -> int:
        """Ask the process to end (SIGTERM), and end it (SIGKILL) after `patience` seconds."""
        if self.running():
            with contextlib.suppress(ProcessLookupError):
                self.process.terminate()
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.kill()
        return self.process.wait()

    def kill(self) -> None:
        """End the process and whatever it started, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()

    def tail(self, lines: int = 5) -> str:
        """Return the last lines of the output, for an error message."""
        with contextlib.suppress(OSError):
            return " | ".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""


def poll(ready: Callable[[], bool], what: str, limit: float = 30.0) -> None:
    """Wait until `ready()` is true. Raises LabError naming `what` when it is not within `limit` s."""
    deadline = time.monotonic() + limit
    while not ready():
        if time.monotonic() > deadline:
            raise LabError(f"{what}: not within {limit:.0f} s. Fix: read the logs of the parts.")
        time.sleep(0.05)


def wait_until(ready: Callable[[], bool], child: Child, what: str, limit: float = 60.0) -> None:
    """Wait until a starting child is ready. Raises LabError when it ends or `limit` s pass first."""

    def ready_or_dead() -> bool:
        if not child.running():
            raise LabError(f"{what} ended while it was starting: {child.tail()}. Fix: read {child.log}.")
        return ready()

    poll(ready_or_dead, f"{what} (log: {child.log}) is not ready", limit)

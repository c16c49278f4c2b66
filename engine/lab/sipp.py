"""SIPp as the carrier: a scenario on a loopback port, whose own message log is the judge."""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path

from engine.lab.parts import Child, LabError, free_port, wait_until

_CALL_ID = re.compile(r"^Call-ID: *(\S+)", re.MULTILINE | re.IGNORECASE)
_ATTEMPT = re.compile(r"^X-Overdial-Attempt: *(\S+)", re.MULTILINE | re.IGNORECASE)
_INVITE = re.compile(r"^INVITE sip:([^@\s]+)@", re.MULTILINE)


class Sipp:
    """One running SIPp. `port`: where it answers; 0: any that is free."""

    def __init__(self, scenario: Path, home: Path, port: int = 0) -> None:
        program = shutil.which("sipp")
        if program is None:
            raise LabError("sipp is not installed. Fix: run deploy/lab/packages.sh (make does it).")
        self._program = program
        self.scenario = scenario
        self.home = home
        self.port = port or free_port(socket.SOCK_DGRAM)
        self.messages = home / "messages.log"
        self.child: Child | None = None

    def start(self) -> None:
        """Start and wait until the socket is bound."""
        self.home.mkdir(parents=True, exist_ok=True)
        # One second of a 500 Hz square wave in µ-law, 8,000 samples/s: loud enough to be heard.
        (self.home / "tone.ulaw").write_bytes((b"\x90" * 8 + b"\x10" * 8) * 500)
        argv = [self._program, "-sf", str(self.scenario), "-i", "127.0.0.1", "-p", str(self.port)]
        # Media ports below those that Asterisk and the kernel hand out.
        argv += ["-mp", str(5_000 + self.port % 1_000 * 4), "-nostdin", "-aa"]
        argv += ["-trace_msg", "-message_file", str(self.messages), "-trace_err", "-error_file", "errors.log"]
        # Started again, it writes on.
        argv += ["-message_overwrite", "false"]
        self.child = Child(argv, self.home / "sipp.log", cwd=self.home, env={"TERM": "dumb"})
        wait_until(self._listening, self.child, "SIPp")

    def _listening(self) -> bool:
        """Asked of the kernel: whoever tried the port himself could be there first."""
        return f"0100007F:{self.port:04X} " in Path("/proc/net/udp").read_text()

    def calls(self) -> list[tuple[str, str]]:
        """Return (number, attempt id) of every call asked for so far, retransmissions left out."""
        try:
            text = self.messages.read_text(errors="replace")
        except OSError:
            return []
        calls, seen = [], set()
        for message in re.split(r"^-{10,}.*$", text, flags=re.MULTILINE):
            match = _INVITE.search(message)
            call = _CALL_ID.search(message)
            if match and call and call[1] not in seen and "received" in message:
                seen.add(call[1])
                attempt = _ATTEMPT.search(message)
                calls.append((match[1], attempt[1] if attempt else ""))
        return calls

    def invites(self) -> list[str]:
        """Return the numbers of all calls asked for so far."""
        return [number for number, _ in self.calls()]

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop(3.0)

    def kill(self) -> None:
        if self.child is not None:
            self.child.kill()

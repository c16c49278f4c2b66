"""Which process this is, in words that another one on the same machine can check (Linux /proc)."""

from __future__ import annotations

import os
from pathlib import Path


def this_process() -> str:
    """Return this process's name: machine start, PID namespace, PID and start time, 100 bytes or so."""
    return f"{_here()}:{os.getpid()}:{_start_time(os.getpid())}"


def is_dead(process: str) -> bool:
    """Is the named process certainly gone? False for one whose life cannot be seen from here.

    One of this machine's present run and our PID namespace is dead when its PID is free, has gone to
    another process or belongs to a zombie. Of any other nothing can be said.
    """
    here, _, rest = process.rpartition(":")
    here, _, pid = here.rpartition(":")
    if here != _here() or not (pid.isascii() and pid.isdigit()):
        return False
    return _start_time(int(pid)) != rest


def _here() -> str:
    """This run of this machine and our PID namespace."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}:{os.readlink('/proc/self/ns/pid')}"


def _start_time(pid: int) -> str:
    """The start of a living process in clock ticks; '' when there is none (field 22 of proc(5))."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]

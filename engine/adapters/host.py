"""Looks at this machine: folders, files, ports, limits, its clock (Linux)."""

from __future__ import annotations

import ctypes
import os
import pwd
import resource
import shutil
import socket
import ssl
import stat
import subprocess
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.domain.checkup.facts import HostFacts

#: What adjtimex(2) returns when nothing disciplines the clock.
_UNSYNCHRONISED = 5


@dataclass(frozen=True, slots=True)
class Places:
    """What of the configuration lies on this machine. Port 0: no metrics, no HTTP API."""

    state: Path
    secrets: tuple[Path, ...] = ()
    cdr_file: Path | None = None
    queues_file: Path | None = None
    tts_command: tuple[str, ...] = ()
    tts_folder: Path | None = None
    spool: Path | None = None
    records: bool = False
    unit: str = "overdial.service"
    metrics_address: str = "127.0.0.1"
    metrics_port: int = 0
    http_address: str = "127.0.0.1"
    http_port: int = 0
    certificate: Path | None = None
    certificate_key: Path | None = None


def host_facts(places: Places, further: dict[str, str]) -> HostFacts:
    """Look at everything; `further`: problems with settings that others have found."""
    problems = dict(further)
    _folder(problems, "engine.state", places.state)
    if places.queues_file is not None:
        _folder(problems, "asterisk.queues_file", places.queues_file.parent)
    if places.tts_command:
        if shutil.which(places.tts_command[0]) is None:
            problems["ari.tts_command"] = f"there is no program {places.tts_command[0]}"
        if places.tts_folder is not None:
            _folder(problems, "ari.tts_folder", places.tts_folder)
    if places.cdr_file is not None and not os.access(places.cdr_file, os.R_OK):
        there = "cannot be read" if places.cdr_file.exists() else "is not there"
        problems["asterisk.cdr_file"] = f"{places.cdr_file} {there}"
    runs = _engine_runs(places)
    if not runs:
        _port(problems, "metrics.port", places.metrics_address, places.metrics_port)
        _port(problems, "http.port", places.http_address, places.http_port)
    if places.http_port and places.certificate is not None:
        _certificate(problems, places.certificate, places.certificate_key)
    folders = [places.state, *([places.spool] if places.spool else [])]
    recordings = places.spool / "monitor" if places.spool and places.records else None
    return HostFacts(
        user=pwd.getpwuid(os.geteuid()).pw_name,
        problems=problems,
        exposed=tuple(str(path) for path in places.secrets if _open_to_all(path)),
        open_files=open_files(places.unit),
        recordings="" if recordings is None or recordings.is_dir() else str(recordings),
        synchronised=synchronised(),
        free_megabytes=_free(folders),
        engine_runs=runs,
    )


def _folder(problems: dict[str, str], setting: str, folder: Path) -> None:
    """A folder that is missing must at least be possible to make."""
    if folder.is_dir():
        if not os.access(folder, os.W_OK | os.X_OK):
            problems[setting] = f"{folder} cannot be written to"
    elif folder.exists():
        problems[setting] = f"{folder} is no folder"
    elif not os.access(_nearest(folder), os.W_OK | os.X_OK):
        problems[setting] = f"{folder} is missing and cannot be made"


def _nearest(folder: Path) -> Path:
    return next((parent for parent in folder.absolute().parents if parent.is_dir()), Path("/"))


def _open_to_all(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def _port(problems: dict[str, str], setting: str, address: str, port: int) -> None:
    """A port that shall be served must be free; 0 is none."""
    if not port:
        return
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            problems[setting] = f"{port} cannot be used: {error.strerror or error}"


def _certificate(problems: dict[str, str], certificate: Path, key: Path | None) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        problems["http.tls_certificate"] = f"{certificate} and its key cannot be used: {error}"


def _engine_runs(places: Places) -> bool:
    """Does an engine answer at the port? Then that it is taken is as it should be."""
    if not places.metrics_port:
        return False
    host = places.metrics_address if places.metrics_address not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
    host = f"[{host}]" if ":" in host else host
    try:
        with urllib.request.urlopen(f"http://{host}:{places.metrics_port}/metrics", timeout=2) as page:
            return b"overdial_" in page.read(1 << 20)
    except (urllib.error.URLError, OSError, ValueError):
        return False


def open_files(unit: str) -> int:
    """Return how many files the engine may open: what its unit says, else what this process may."""
    here = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return here
    argv = [systemctl, "show", "--property=LoadState,LimitNOFILESoft", unit]
    try:
        told = subprocess.run(argv, capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return here
    said = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
    limit = said.get("LimitNOFILESoft", "")
    return int(limit) if said.get("LoadState") == "loaded" and limit.isdecimal() else here


def synchronised() -> bool | None:
    """Does something keep the machine's clock right? None: the kernel does not say."""
    try:
        state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.create_string_buffer(256))
    except (OSError, AttributeError):
        return None
    return None if state < 0 else state != _UNSYNCHRONISED


def _free(folders: Sequence[Path]) -> dict[str, int]:
    found = {}
    for folder in folders:
        if folder.is_dir():
            found[str(folder)] = shutil.disk_usage(folder).free // 1_000_000
    return found

"""Looks at this machine: folders, files, ports, limits, its clock (Linux)."""

from __future__ import annotations

import ctypes
import os
import pwd
import shutil
import socket
import ssl
import stat
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from engine.adapters.cdr_file import CdrFile as AsteriskCdrs
from engine.adapters.unit import closed, open_files
from engine.domain.checkup.facts import CdrFile, HostFacts, Validity
from engine.ports import PastCall

#: What adjtimex(2) returns when nothing disciplines the clock.
_UNSYNCHRONISED = 5
#: Seconds in which Asterisk has written a call that has ended.
_CDR_TAKES = 2.0
#: Less than the smallest distance of a time zone from UTC.
_CDR_CLOCK = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Places:
    """What of the configuration lies on this machine. Port 0: no metrics, no HTTP API. `cdr_place`:
    where Asterisk says that it writes its CDRs; `calls`: channels there that have just ended, an answered one
    and one that was not; `cdr_size`: bytes of its file before;
    `archive`: where the nightly job writes; `read`: what the engine must read besides, by its settings."""

    state: Path
    secrets: tuple[Path, ...] = ()
    cdr_file: Path | None = None
    cdr_place: Path | None = None
    cdr_size: int = 0
    calls: tuple[str, ...] = ()
    queues_file: Path | None = None
    tts_command: tuple[str, ...] = ()
    tts_folder: Path | None = None
    spool: Path | None = None
    records: bool = False
    archive: Path | None = None
    read: Mapping[str, Path] = field(default_factory=dict)
    unit: str = "overdial.service"
    nightly_unit: str = "overdial-maintain.service"
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
    runs = _engine_runs(places)
    if not runs:
        _port(problems, "metrics.port", places.metrics_address, places.metrics_port)
        _port(problems, "http.port", places.http_address, places.http_port)
    validity = None
    if places.http_port and places.certificate is not None:
        validity = _certificate(problems, places.certificate, places.certificate_key)
    folders = [places.state, *([places.spool] if places.spool else [])]
    recordings = places.spool / "monitor" if places.spool and places.records else None
    return HostFacts(
        user=pwd.getpwuid(os.geteuid()).pw_name,
        problems=problems,
        kept=_kept_by_units(places),
        exposed=tuple(str(path) for path in places.secrets if _open_to_all(path)),
        open_files=open_files(places.unit),
        recordings="" if recordings is None or recordings.is_dir() else str(recordings),
        synchronised=synchronised(),
        free_megabytes=_free(folders),
        engine_runs=runs,
        cdr=CdrFile.READABLE if places.cdr_file is None else _cdr(places.cdr_file, places),
        cdr_file=str(places.cdr_file or ""),
        cdr_place=str(places.cdr_place or ""),
        certificate=validity,
    )


def _kept_by_units(places: Places) -> dict[str, str]:
    """What this user may do and the services may not."""
    written = {"engine.state": places.state}
    if places.queues_file is not None:
        written["asterisk.queues_file"] = places.queues_file.parent
    if places.tts_command and places.tts_folder is not None:
        written["ari.tts_folder"] = places.tts_folder
    problems = closed(places.unit, written, places.read)
    if places.archive is not None:
        problems |= closed(places.nightly_unit, {"retention.archive": places.archive}, {})
    return problems


def _cdr(path: Path, places: Places) -> CdrFile:
    if os.access(path, os.R_OK):
        return _written(path, places) if places.calls else CdrFile.READABLE
    if places.cdr_place is not None and os.path.realpath(path) != os.path.realpath(places.cdr_place):
        return CdrFile.ELSEWHERE
    if not all(os.access(folder, os.X_OK) for folder in path.absolute().parents if os.path.exists(folder)):
        return CdrFile.CLOSED
    if os.path.lexists(path):
        return CdrFile.UNREADABLE
    if not path.parent.is_dir():
        return CdrFile.NO_FOLDER
    return _written(path, places) if places.calls else CdrFile.NOT_YET


def _written(path: Path, places: Places) -> CdrFile:
    """Look for the calls that have just ended: Asterisk writes them moments after it has told of it."""
    wanted = frozenset(places.calls)
    found: Mapping[str, PastCall] = {}
    for _ in range(int(_CDR_TAKES / 0.05)):
        if os.access(path, os.R_OK):
            found = AsteriskCdrs(path).find(wanted)
        if wanted == found.keys():
            break
        time.sleep(0.05)
    if path.exists() and not os.access(path, os.R_OK):
        return CdrFile.UNREADABLE
    answered = found.get(places.calls[0])
    if answered is None:
        grown = path.exists() and path.stat().st_size != places.cdr_size
        return CdrFile.NAMELESS if grown else CdrFile.UNWRITTEN
    if abs(datetime.now(UTC) - answered.ended_at) > _CDR_CLOCK:
        return CdrFile.LOCAL_TIME
    return CdrFile.READABLE if wanted == found.keys() else CdrFile.ANSWERED_ONLY


def size_of(path: Path | None) -> int:
    """Return the bytes of a file; 0 of none, or of one that we may not see."""
    try:
        return path.stat().st_size if path is not None else 0
    except OSError:
        return 0


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


def _certificate(problems: dict[str, str], certificate: Path, key: Path | None) -> Validity | None:
    """Return how long the server's own certificate, the first of the file, holds."""
    try:
        # A password of none: without it an encrypted key would ask on the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
        first = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    except (OSError, ValueError) as error:
        problems["http.tls_certificate"] = f"{certificate} and its key cannot be used: {error}"
        return None
    now = datetime.now(UTC)
    return Validity(
        str(certificate),
        begins=(first.not_valid_before_utc - now) / timedelta(days=1),
        ends=(first.not_valid_after_utc - now) / timedelta(days=1),
    )


def _engine_runs(places: Places) -> bool:
    """Does an engine answer at the port? Then that it is taken is as it should be."""
    if not places.metrics_port:
        return False
    everywhere = places.metrics_address in ("0.0.0.0", "::")  # noqa: S104  # compared, nothing is bound to it
    host = "127.0.0.1" if everywhere else places.metrics_address
    host = f"[{host}]" if ":" in host else host
    try:
        with urllib.request.urlopen(f"http://{host}:{places.metrics_port}/metrics", timeout=2) as page:
            return b"overdial_" in page.read(1 << 20)
    except (urllib.error.URLError, OSError, ValueError):
        return False


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

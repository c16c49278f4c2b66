"""What the engine does for its HTTP API before anything is served: the port, the schema, the day so far, the
first administrator. The API itself runs in the office process."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import sys
from pathlib import Path

import structlog

from engine.adapters.mysql import Database
from engine.adapters.mysql.migrate import check
from engine.adapters.mysql.today import day_figures
from engine.api.guard import Guard
from engine.api.staff import first_administrator
from engine.build import local_time
from engine.config import Config, ConfigError, HttpSection
from engine.domain.figures import Figures
from engine.ports import Clock

log = structlog.get_logger(__name__)

#: In the state folder: the first administrator's password, where standard error is the journal.
HANDED_OVER = "admin-password"
#: Seconds for which a port that is taken is tried again: the office process of an engine that was killed a
#: moment ago may still be dying.
_PATIENCE, _LOOK = 2.0, 0.1


async def open_doors(
    config: Config, database: Database, hands: Clock, figures: Figures
) -> socket.socket | None:
    """Return the socket on which the API will be served, None when there is no port.

    Raises ConfigError, or StoreError when the database is not as this engine needs it.
    """
    if not config.http.port:
        return None
    listening = await take_port(config.http)
    try:
        await check(database)
        today = hands.local(hands.now()).date()
        figures.begin(today, await day_figures(database, today))
        guard = Guard(database, hands, local_time(config), config.http, config.passwords.policy)
        word = await first_administrator(guard)
    except BaseException:
        listening.close()
        raise
    if word:
        _hand_over(word, config.engine.state / HANDED_OVER)
    return listening


def _hand_over(word: str, path: Path) -> None:
    """Give the first administrator's password to whoever starts the engine for the first time, and to nobody
    else: no log that is kept has it."""
    if not _journal_listens():
        sys.stderr.write(f"overdial: user 'admin' was made with the password {word} (shown this once)\n")
        sys.stderr.flush()
        return
    try:
        path.unlink(missing_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{word}\n")
    except OSError as error:
        log.error(
            "user 'admin' was made, his password could not be kept. Fix: overdial users passwd admin",
            action="http.administrator",
            path=str(path),
            reason=error.strerror,
        )
        return
    log.warning(
        "user 'admin' was made; read his password in the file, then delete it",
        action="http.administrator",
        path=str(path),
    )


def _journal_listens() -> bool:
    """Does systemd's journal keep what goes to standard error? It says so itself (systemd.exec(5))."""
    try:
        place = os.fstat(2)
    except OSError:
        return False
    return os.environ.get("JOURNAL_STREAM") == f"{place.st_dev}:{place.st_ino}"


async def take_port(settings: HttpSection) -> socket.socket:
    """Return a socket that listens where the settings say. Raises ConfigError, also for bad TLS files."""
    _check_tls(settings)
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE
    while True:
        try:
            return _listen(settings)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or loop.time() >= until:
                raise ConfigError(
                    f"http.port: {settings.address} port {settings.port} cannot be used: {error.strerror}. "
                    "Fix: choose another address or a free port, or 0 for none."
                ) from error
        await asyncio.sleep(_LOOK)


def _listen(settings: HttpSection) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.address else socket.AF_INET
    # The protocol is named because asyncio switches Nagle's algorithm off only where it is: without that
    # answers wait 40 ms for an acknowledgement.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.address, settings.port))
        listening.listen(256)
    except OSError:
        listening.close()
        raise
    return listening


def _check_tls(settings: HttpSection) -> None:
    if settings.tls_certificate is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_certificate, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"http.tls_certificate, http.tls_key: {error}. Fix: give a certificate and its key in PEM."
        ) from error

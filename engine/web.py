"""Builds the HTTP server: what its routes need, and what runs beside it."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterator

import structlog

from engine.adapters.mysql import Database
from engine.adapters.recordings import Recordings
from engine.adapters.upload_folder import UploadFolder
from engine.api.clerk import Clerk
from engine.api.guard import Guard
from engine.api.office import Office
from engine.api.server import HttpServer, build
from engine.api.v1.stream import Event, Stream, picture
from engine.build import legal, local_time, new_attempt_id, profiles, reach
from engine.config import Config
from engine.ports import Clock, StoreError
from engine.ports.live import Live

log = structlog.get_logger(__name__)


def office(config: Config, database: Database, hands: Clock, live: Live) -> Office:
    """Return what the routes of the HTTP API need."""
    local = local_time(config)
    return Office(
        database=database,
        clock=hands,
        local=local,
        legal=legal(config),
        live=live,
        new_id=new_attempt_id,
        guard=Guard(database, hands, local, config.http, config.passwords.policy),
        settings=config.http,
        recordings=Recordings(config.http.recordings) if config.http.recordings else None,
        profiles=profiles(config),
        clerk=Clerk(database, hands, UploadFolder(config.engine.state / "uploads"), config.engine.name),
        stream=live_stream(live),
        reach=reach(config),
    )


def live_stream(live: Live) -> Stream:
    """Return the live events. Their ids begin with a mark of this process: another one knows none of them."""

    async def look() -> Iterator[Event]:
        return picture(await live.reports(), await live.queues(), await live.each_call())

    return Stream(look, secrets.token_hex(4))


async def open_web(
    config: Config, database: Database, hands: Clock, live: Live, listening: socket.socket
) -> HttpServer:
    """Return the HTTP server. Raises ConfigError, or OSError when certificate or key cannot be used."""
    room = office(config, database, hands, live)
    try:
        await room.clerk.tidy()
    except StoreError as error:
        # The files stay until the next start; requests are answered as the database allows.
        log.warning("files not tidied", action="uploads.database", reason=str(error))
    return HttpServer(
        build(room), config.http, listening, (room.clerk.run, room.stream.run), room.stream.close
    )

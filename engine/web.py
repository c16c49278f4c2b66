"""Builds the HTTP server: what its routes need, and the first administrator."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator

from engine.adapters.mysql import Database
from engine.adapters.mysql.migrate import check
from engine.adapters.mysql.today import day_figures
from engine.adapters.recordings import Recordings
from engine.adapters.upload_folder import UploadFolder
from engine.api.clerk import Clerk
from engine.api.guard import Guard
from engine.api.office import Live, Office
from engine.api.server import HttpServer, build
from engine.api.staff import first_administrator
from engine.api.v1.stream import Event, Stream, picture
from engine.build import legal, local_time, new_attempt_id, profiles, reach
from engine.config import Config
from engine.domain.figures import Figures
from engine.ports import Clock


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
        stream=live_stream(hands, live),
        reach=reach(config),
    )


def live_stream(hands: Clock, live: Live) -> Stream:
    """Return the live events. Their ids begin with a mark of this process: another one knows none of them."""

    def look() -> Iterator[Event]:
        return picture(live.reports(), live.queues(hands.now()), live.each_call())

    return Stream(look, secrets.token_hex(4))


async def open_web(
    config: Config, database: Database, hands: Clock, live: Live, figures: Figures
) -> HttpServer | None:
    """Return the HTTP server, its port taken; None when there is none."""
    if not config.http.port:
        return None
    room = office(config, database, hands, live)
    await check(database)
    await room.clerk.tidy()
    today = hands.local(hands.now()).date()
    figures.begin(today, await day_figures(database, today))
    word = await first_administrator(room.guard)
    if word:
        # No log line: it is for whoever starts the engine for the first time, and for nobody else.
        sys.stderr.write(f"overdial: user 'admin' was made with the password {word} (shown this once)\n")
    return HttpServer(build(room), config.http, (room.clerk.run, room.stream.run), room.stream.close)

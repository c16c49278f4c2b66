"""The office process: serves the HTTP API and judges who may be called, beside the engine, whose own loop
only dials.

Started by the engine alone, as `python -m engine.office_process`, with its end of a private line and the
socket that already listens. It knows of this moment what the engine tells it, lives no longer than the
engine, and is started again when it dies (adapters/office/keeper.py).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import structlog

from engine.adapters.mysql import Database
from engine.adapters.mysql.outlook import MysqlSurveyor
from engine.adapters.office.mirror import Mirror
from engine.build import clock, database_settings, legal, local_time
from engine.config import Config, ConfigError, load
from engine.domain.errors import where
from engine.ports.live import EngineSilentError
from engine.services.surveying import survey
from engine.telemetry import catch_the_unforeseen, configure_logging

log = structlog.get_logger(__name__)

#: How much the office stands back where processors are scarce (nice(2)): a call that waits is lost, a page
#: that comes a few milliseconds later is not.
NICENESS = 5
_PR_SET_PDEATHSIG = 1


def main() -> int:
    """Run until the engine says so, or is gone; return the exit status."""
    read = argparse.ArgumentParser()
    read.add_argument("--config", type=Path)
    read.add_argument("--engine", type=int, required=True)
    read.add_argument("--line", type=int, required=True)
    read.add_argument("--listening", type=int)
    given = read.parse_args()
    if not _dies_with(given.engine):
        return 1
    # A Ctrl-C or a hang-up of the terminal reaches every process there: what it means the engine tells us.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    structlog.contextvars.bind_contextvars(process="office")
    mirror = Mirror(socket.socket(fileno=given.line))
    listening = socket.socket(fileno=given.listening) if given.listening is not None else None
    try:
        config = load(given.config)
        configure_logging(config.log.level, config.log.format, mirror.logged)
        with contextlib.suppress(PermissionError):  # a sandbox without setpriority: it works all the same
            os.setpriority(os.PRIO_PROCESS, 0, NICENESS)  # whatever the engine's own is
        asyncio.run(_run(config, mirror, listening))
    except ConfigError as error:
        log.error("the office cannot be opened", action="office.config", reason=str(error))
        return 1
    except Exception as error:
        log.error("the office failed", action="office.failed", fault=where(error))
        return 1
    return 0


def _dies_with(engine: int) -> bool:
    """An engine that is killed leaves nobody behind who holds its port; False: it is gone already. Where the
    kernel does not know this, the end of the line tells the same a moment later."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # What dies before it is asked for sends no signal (prctl(2), PR_SET_PDEATHSIG).
    return os.getppid() == engine


async def _run(config: Config, mirror: Mirror, listening: socket.socket | None) -> None:
    catch_the_unforeseen()
    await mirror.connect()
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)

    def log_as(level: str, style: str) -> None:
        configure_logging(level, style, mirror.logged)

    line = asyncio.ensure_future(mirror.run(stopping.set, log_as))
    work = asyncio.ensure_future(_work(config, mirror, listening, stopping))
    try:
        await asyncio.wait((line, work), return_when=asyncio.FIRST_COMPLETED)
        if work.done():
            work.result()
    finally:
        for task in (work, line):
            task.cancel()
        await asyncio.gather(work, line, return_exceptions=True)
        await mirror.close()


async def _work(
    config: Config, mirror: Mirror, listening: socket.socket | None, stopping: asyncio.Event
) -> None:
    """Judge who may be called, and serve where there is a port, until it is time to stop."""
    # Connections of its own: requests, however many, never keep a claim or an outcome waiting for one.
    database = Database(replace(database_settings(config), pool=config.http.pool))
    surveyor = MysqlSurveyor(database, legal(config), local_time(config))
    surveying = asyncio.ensure_future(survey(surveyor, clock(config), partial(_leads, mirror)))
    try:
        await _serve(config, mirror, listening, stopping, database)
    finally:
        surveying.cancel()
        await asyncio.gather(surveying, return_exceptions=True)
        await database.close()


async def _serve(
    config: Config,
    mirror: Mirror,
    listening: socket.socket | None,
    stopping: asyncio.Event,
    database: Database,
) -> None:
    if listening is None:
        mirror.opened()
        await stopping.wait()
        return
    from engine.web import open_web  # without a port nothing of it is needed

    web = await open_web(config, database, clock(config), mirror, listening)
    gc.collect()
    gc.freeze()  # what has been built stays
    async with asyncio.TaskGroup() as group:
        serving = group.create_task(web.run(), name="http")
        ending = group.create_task(_then(stopping, web.stop), name="stop")
        mirror.opened()
        await serving
        ending.cancel()


async def _leads(mirror: Mirror) -> bool:
    """Does our engine lead? One that does not answer is left alone."""
    try:
        return await mirror.leading()
    except EngineSilentError:
        return False


async def _then(happened: asyncio.Event, act: Callable[[], None]) -> None:
    await happened.wait()
    act()


if __name__ == "__main__":
    sys.exit(main())

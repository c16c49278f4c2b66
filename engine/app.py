"""The composition root: builds the parts from the configuration, starts them, passes signals on."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from engine import __version__, telemetry
from engine.adapters.ami import AmiCallControl
from engine.adapters.ami.queues import AmiQueues
from engine.adapters.ari import AriVoice
from engine.adapters.cdr_file import CdrFile, NoHistory
from engine.adapters.journal import JournalFolder
from engine.adapters.mysql import Database, MysqlStore
from engine.adapters.mysql.migrate import Migration, migrate, pending
from engine.adapters.mysql.queues import MysqlQueues
from engine.adapters.office.keeper import PATIENCE as OFFICE_PATIENCE
from engine.adapters.office.keeper import OfficeProcess
from engine.adapters.process import is_dead, this_process
from engine.adapters.queue_file import ConfFile
from engine.adapters.speech import SpokenTexts
from engine.adapters.supervisor import Supervisor, from_environment
from engine.build import (
    ami_settings,
    ari_settings,
    clock,
    courier,
    database_settings,
    engine_settings,
    legal,
    local_time,
    new_attempt_id,
    profiles,
)
from engine.config import Config, ConfigError, load
from engine.opening import open_doors
from engine.ports.queues import QueueOffice
from engine.reload import changes, contents, taken_over
from engine.services.engine import Engine, Outside
from engine.services.lease import Identity
from engine.services.live import LivePicture

log = structlog.get_logger(__name__)

#: Seconds that the office is waited for before the engine is called ready.
_OPENING = 10.0


@dataclass(slots=True)
class Told:
    """What a running engine was told: the settings that it goes by, their file, and what the files held that
    they name, when it started."""

    config: Config
    path: Path | None
    read: Mapping[str, str]


async def run(path: Path | None) -> int:
    """Run the engine until SIGTERM or SIGINT; return the exit status."""
    config = load(path)
    read = contents(config)
    metrics = telemetry.Metrics()
    telemetry.configure_logging(config.log.level, config.log.format, metrics.logged)
    telemetry.catch_the_unforeseen()
    hands = clock(config)
    database = Database(database_settings(config), metrics.transaction)
    voice = AriVoice(ari_settings(config)) if config.ari.url else None
    laws = legal(config)
    store = MysqlStore(database, config.engine.name, local_time(config), new_attempt_id, laws)
    control = AmiCallControl(ami_settings(config), hands.now, answered=metrics.answered_in)
    metrics.watch_link(lambda: control.numbers)
    outside = Outside(
        control=control,
        store=store,
        journals=_journals(config.engine.state),
        history=CdrFile(config.asterisk.cdr_file) if config.asterisk.cdr_file else NoHistory(),
        observer=metrics,
        clock=hands,
        identity=Identity(this_process(), is_dead),
        profiles=profiles(config),
        voice=voice,
        speech=SpokenTexts(config.ari.tts_command, config.ari.tts_folder),
        locate=laws.locality,
        name=config.engine.name,
        queues=QueueOffice(MysqlQueues(database), AmiQueues(control.link), _queues_file(config)),
        courier=courier(config, database, metrics, hands),
    )
    engine = Engine(outside, engine_settings(config))
    if config.metrics.port:
        try:
            telemetry.serve(metrics, config.metrics.address, config.metrics.port)
        except OSError as error:
            raise ConfigError(
                f"metrics.port: {config.metrics.port} cannot be used: {error.strerror}. "
                "Fix: choose a free port, or 0 for none."
            ) from error
    supervisor = from_environment()  # before there is a child: nobody else speaks in our name
    office = OfficeProcess(
        _office_command(path),
        await open_doors(config, database, hands, engine.dispatcher.figures),
        metrics.logged,
        metrics.office_restarted,
    )
    engine.beside = lambda: (office.component,)
    _on_signals(engine, office, Told(config, path, read), metrics, supervisor)
    # What has been built lives as long as the process. Looking through it for garbage again and again
    # would stop the event loop for tens of milliseconds each time.
    gc.collect()
    gc.freeze()
    log.info("engine starting", action="engine.starting", version=__version__, engine=config.engine.name)
    watched = asyncio.ensure_future(watch(supervisor, engine, office.opened))
    try:
        clean = await _run(engine, office)
    finally:
        watched.cancel()
        await database.close()
    return 0 if clean else 1


def stop_budget(config: Config) -> float:
    """Return how long a stop may take (s): its stages, then the lease and the journal's row; the office is
    given its own time meanwhile."""
    return max(engine_settings(config).stop.total + 2 * config.database.timeout, OFFICE_PATIENCE)


async def watch(supervisor: Supervisor, engine: Engine, opened: asyncio.Event) -> None:
    """Tell systemd when the engine is ready and, for as long as it is well, that it lives. This runs in the
    engine's own event loop: a loop that hangs says nothing. An office that is not `opened` delays it a
    little, no more: calls need none."""
    await engine.started.wait()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_OPENING):
            await opened.wait()
    supervisor.ready()
    while supervisor.interval:
        if engine.alive:
            supervisor.alive()
        else:
            log.error("the engine hangs", action="process.hangs")
        await asyncio.sleep(supervisor.interval)


def _queues_file(config: Config) -> ConfFile | None:
    path = config.asterisk.queues_file
    return None if path is None else ConfFile(path)


def _office_command(path: Path | None) -> list[str]:
    return [
        sys.executable, "-m", "engine.office_process", *(("--config", str(path)) if path is not None else ())
    ]  # fmt: skip


async def _run(engine: Engine, office: OfficeProcess) -> bool:
    """Run the engine, and the office as long as it does."""
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(office.run(LivePicture(engine).parts()), name="office")
            try:
                return await engine.run()
            finally:
                office.stop()
    except BaseExceptionGroup as failed:
        if len(failed.exceptions) == 1:
            raise failed.exceptions[0] from failed  # what the command explains has no group around it
        raise


def _journals(folder: Path) -> JournalFolder:
    try:
        return JournalFolder(folder / "journal")
    except OSError as error:
        raise ConfigError(
            f"engine.state: {folder}: {error.strerror}. Fix: give a folder that the engine may write to."
        ) from error


def _on_signals(
    engine: Engine,
    office: OfficeProcess,
    told: Told,
    metrics: telemetry.Metrics,
    supervisor: Supervisor,
) -> None:
    loop = asyncio.get_running_loop()

    def reload() -> None:
        _reload(engine, office, told, metrics)

    def stop() -> None:
        supervisor.stopping(stop_budget(told.config))
        office.stop()
        engine.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, reload)


def _reload(engine: Engine, office: OfficeProcess, told: Told, metrics: telemetry.Metrics) -> None:
    """Read the configuration again; take over what can change while running, name what cannot. What waits
    for a restart is named at every reload until it comes."""
    try:
        fresh = load(told.path)
    except ConfigError as error:
        log.error("configuration not reloaded", action="engine.reload_refused", reason=str(error))
        return
    found = changes(told.config, fresh, told.read, contents(fresh))
    engine.reconfigure(engine_settings(fresh))
    telemetry.configure_logging(fresh.log.level, fresh.log.format, metrics.logged)
    office.log_as(fresh.log.level, fresh.log.format)
    log.info(
        "configuration reloaded",
        action="engine.reloaded",
        changed=[f"{c.key}: {c.before} -> {c.after}" for c in found if c.live],
        needs_restart=[c.key for c in found if not c.live],
    )
    # What runs keeps what it was started with: the next reload is compared with that.
    told.config = taken_over(told.config, fresh)


async def migrate_schema(path: Path | None, *, look_only: bool = False) -> tuple[Migration, ...]:
    """Bring the database's schema up to this engine's; return what was applied, or what would be."""
    database = Database(database_settings(load(path)))
    try:
        return await (pending if look_only else migrate)(database)
    finally:
        await database.close()

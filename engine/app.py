"""The composition root: builds the parts from the configuration, starts them, passes signals on."""

from __future__ import annotations

import asyncio
import secrets
import signal
import time
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from engine import __version__, telemetry
from engine.adapters.ami import AmiCallControl, AmiSettings
from engine.adapters.ami.queues import AmiQueues
from engine.adapters.ari import AriSettings, AriVoice
from engine.adapters.cdr_file import CdrFile, NoHistory
from engine.adapters.clock import SteadyClock
from engine.adapters.journal import JournalFolder
from engine.adapters.lawbooks import load_laws
from engine.adapters.legal import Legal
from engine.adapters.mysql import Database, DatabaseSettings, MysqlStore
from engine.adapters.mysql.history import learn
from engine.adapters.mysql.migrate import Migration, migrate, pending
from engine.adapters.mysql.queues import MysqlQueues
from engine.adapters.process import is_dead, this_process
from engine.adapters.queue_file import ConfFile
from engine.adapters.registry import Registry
from engine.adapters.speech import SpokenTexts
from engine.adapters.supervisor import Supervisor, from_environment
from engine.config import Config, ConfigError, load, secret
from engine.domain.callerid_health import HealthRules
from engine.domain.errors import FieldError
from engine.domain.localtime import LocalTime
from engine.domain.model import AttemptId, attempt_id
from engine.domain.pacing import PROFILES, Profile, Since
from engine.ports import Clock
from engine.ports.queues import QueueOffice
from engine.reload import changes, taken_over
from engine.services.engine import Engine, EngineSettings, Outside
from engine.services.lease import Identity
from engine.services.term import StopLimits

log = structlog.get_logger(__name__)


def new_attempt_id() -> AttemptId:
    """Return a fresh attempt id."""
    return attempt_id(time.time_ns() // 1_000_000, secrets.randbits(74))


def database_settings(config: Config) -> DatabaseSettings:
    """Return the gateway's settings. Raises ConfigError when the password file is unreadable."""
    section = config.database
    return DatabaseSettings(
        host=section.host,
        port=section.port,
        socket=section.socket,
        user=section.user,
        password=secret(section.password, section.password_file, "database.password_file"),
        configuration=section.configuration,
        history=section.history,
        pool=section.pool,
        timeout=section.timeout,
    )


def ami_settings(config: Config) -> AmiSettings:
    """Return the link's settings. Raises ConfigError when there is no secret."""
    section = config.asterisk
    word = secret(section.secret, section.secret_file, "asterisk.secret_file")
    if not word:
        raise ConfigError("asterisk.secret: it is empty. Fix: give secret or secret_file.")
    return AmiSettings(
        host=section.host,
        port=section.port,
        username=section.username,
        secret=word,
        action_timeout=section.action_timeout,
        ping_interval=section.ping_interval,
        ping_timeout=section.ping_timeout,
    )


def ari_settings(config: Config) -> AriSettings:
    """Return the settings of the link to ARI. Raises ConfigError when there is no secret."""
    section = config.ari
    word = secret(section.secret, section.secret_file, "ari.secret_file")
    if not word:
        raise ConfigError("ari.secret: it is empty. Fix: give secret or secret_file, or leave url empty.")
    return AriSettings(url=section.url, user=section.user, secret=word, timeout=section.timeout)


def engine_settings(config: Config) -> EngineSettings:
    """Return what the services are told."""
    stop = config.stop
    return EngineSettings(
        lease=timedelta(seconds=config.engine.lease),
        abandoned_rest=timedelta(hours=config.engine.abandoned_rest_hours),
        stop=StopLimits(stop.claims, stop.drain, stop.hang_up, stop.flush),
        caller_ids=health_rules(config),
    )


def health_rules(config: Config) -> HealthRules:
    """Return when caller IDs rest."""
    section = config.caller_ids
    return HealthRules(
        window=section.window,
        hours=section.hours,
        minimum=section.minimum,
        significance=section.significance,
        flagged=section.flagged,
        declined=section.declined,
        declined_share=section.declined_share,
        rest=timedelta(hours=section.rest_hours),
        longest=timedelta(hours=section.longest_hours),
    )


def profiles(config: Config) -> dict[str, Profile]:
    """Return the built-in rules on abandoned calls and the configured ones, which win."""
    own = {
        name.upper(): Profile(
            name,
            rate=section.rate,
            window_days=section.window_days,
            seconds=section.seconds,
            since=Since(section.since),
            false_positives=section.false_positives,
        )
        for name, section in config.profiles.items()
    }
    return {**PROFILES, **own}


def local_time(config: Config) -> LocalTime:
    """Return the configured time zone."""
    return LocalTime(ZoneInfo(config.engine.timezone) if config.engine.timezone else None)


def legal(config: Config) -> Legal:
    """Return the law files and registries of the configuration. Raises ConfigError."""
    try:
        return Legal(
            load_laws(config.law.folder),
            {name.upper(): Registry(path) for name, path in config.law.registries.items()},
            local_time(config).zone,
        )
    except FieldError as error:
        raise ConfigError(str(error)) from error


def clock(config: Config) -> Clock:
    """Return real time in the configured zone, and real dice."""
    steady = SteadyClock()
    return Clock(
        now=steady.now,
        local=local_time(config).at,
        monotonic=steady.monotonic,
        drift=steady.drift,
        rebase=steady.rebase,
        draw=secrets.randbelow,
    )


async def run(path: Path | None) -> int:
    """Run the engine until SIGTERM or SIGINT; return the exit status."""
    config = load(path)
    metrics = telemetry.Metrics()
    telemetry.configure_logging(config.log.level, config.log.format, metrics.logged)
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
    supervisor = from_environment()
    _on_signals(engine, config, path, metrics, supervisor)
    log.info("engine starting", action="engine.starting", version=__version__, engine=config.engine.name)
    watched = asyncio.ensure_future(watch(supervisor, engine))
    try:
        clean = await engine.run()
    finally:
        watched.cancel()
        await database.close()
    return 0 if clean else 1


def stop_budget(config: Config) -> float:
    """Return how long a stop may take (s): its stages, then the lease and the journal's row."""
    return engine_settings(config).stop.total + 2 * config.database.timeout


async def watch(supervisor: Supervisor, engine: Engine) -> None:
    """Tell systemd when the engine is ready and, for as long as it is well, that it lives. This runs in the
    engine's own event loop: a loop that hangs says nothing."""
    await engine.started.wait()
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


def _journals(folder: Path) -> JournalFolder:
    try:
        return JournalFolder(folder / "journal")
    except OSError as error:
        raise ConfigError(
            f"engine.state: {folder}: {error.strerror}. Fix: give a folder that the engine may write to."
        ) from error


def _on_signals(
    engine: Engine, config: Config, path: Path | None, metrics: telemetry.Metrics, supervisor: Supervisor
) -> None:
    loop = asyncio.get_running_loop()
    current = config

    def reload() -> None:
        nonlocal current
        current = _reload(engine, current, path, metrics)

    def stop() -> None:
        supervisor.stopping(stop_budget(current))
        engine.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, reload)


def _reload(engine: Engine, config: Config, path: Path | None, metrics: telemetry.Metrics) -> Config:
    """Read the configuration again; take over what can change while running, name what cannot. What waits
    for a restart is named at every reload until it comes."""
    try:
        fresh = load(path)
    except ConfigError as error:
        log.error("configuration not reloaded", action="engine.reload_refused", reason=str(error))
        return config
    found = changes(config, fresh)
    engine.reconfigure(engine_settings(fresh))
    telemetry.configure_logging(fresh.log.level, fresh.log.format, metrics.logged)
    log.info(
        "configuration reloaded",
        action="engine.reloaded",
        changed=[f"{c.key}: {c.before} -> {c.after}" for c in found if c.live],
        needs_restart=[c.key for c in found if not c.live],
    )
    # What runs keeps what it was started with: the next reload is compared with that.
    return taken_over(config, fresh)


async def migrate_schema(path: Path | None, *, look_only: bool = False) -> tuple[Migration, ...]:
    """Bring the database's schema up to this engine's; return what was applied, or what would be."""
    database = Database(database_settings(load(path)))
    try:
        return await (pending if look_only else migrate)(database)
    finally:
        await database.close()


async def learn_traffic(path: Path | None, campaign: str, list_name: str) -> dict[str, str] | None:
    """Return what the records say of a campaign's traffic, or of one list's; None when it is too little."""
    database = Database(database_settings(load(path)))
    try:
        return await learn(database, campaign, list_name)
    finally:
        await database.close()

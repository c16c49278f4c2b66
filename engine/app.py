"""The composition root: builds the parts from the configuration, starts them, passes signals on."""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from engine import __version__, telemetry
from engine.adapters.ami import AmiCallControl, AmiSettings
from engine.adapters.ari import AriSettings, AriVoice
from engine.adapters.cdr_file import CdrFile, NoHistory
from engine.adapters.clock import SteadyClock
from engine.adapters.journal import JournalFolder
from engine.adapters.lawbooks import load_laws
from engine.adapters.legal import Legal
from engine.adapters.mysql import Database, DatabaseSettings, MysqlStore
from engine.adapters.mysql.history import learn
from engine.adapters.mysql.migrate import Migration, check, migrate
from engine.adapters.mysql.outbox import Keeping, MysqlOutbox
from engine.adapters.mysql.today import day_figures
from engine.adapters.process import is_dead, this_process
from engine.adapters.recordings import Recordings
from engine.adapters.registry import Registry
from engine.adapters.speech import SpokenTexts
from engine.adapters.upload_folder import UploadFolder
from engine.adapters.webhooks import HttpSender
from engine.api.clerk import Clerk
from engine.api.guard import Guard
from engine.api.office import Live, Office
from engine.api.server import HttpServer, build
from engine.api.staff import first_administrator
from engine.api.v1.stream import Event, Stream, picture
from engine.config import Config, ConfigError, load, secret
from engine.domain.callerid_health import HealthRules
from engine.domain.errors import FieldError
from engine.domain.figures import Figures
from engine.domain.localtime import LocalTime
from engine.domain.model import AttemptId, attempt_id
from engine.domain.pacing import PROFILES, Profile, Since
from engine.domain.webhooks import Reach
from engine.ports import Clock
from engine.services.engine import Engine, EngineSettings, Outside
from engine.services.lease import Identity
from engine.services.live import LivePicture
from engine.services.term import StopLimits
from engine.services.webhooks import Courier, CourierSettings

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


def reach(config: Config) -> Reach:
    """Return where webhooks may go."""
    return Reach(config.webhooks.http, config.webhooks.networks)


def courier(config: Config, database: Database, metrics: telemetry.Metrics, hands: Clock) -> Courier:
    """Return who delivers webhooks."""
    section = config.webhooks
    keeping = Keeping(timedelta(days=section.keep_days), timedelta(hours=section.give_up_hours))
    return Courier(
        MysqlOutbox(database, keeping),
        HttpSender(reach(config), section.timeout),
        metrics,
        hands,
        CourierSettings(section.attempts, section.first_retry, section.each, section.timeout),
    )


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
    telemetry.configure_logging(config.log.level, config.log.format)
    hands = clock(config)
    database = Database(database_settings(config))
    voice = AriVoice(ari_settings(config)) if config.ari.url else None
    metrics = telemetry.Metrics()
    laws = legal(config)
    store = MysqlStore(database, config.engine.name, local_time(config), new_attempt_id, laws)
    control = AmiCallControl(ami_settings(config), hands.now)
    metrics.count_ami_events(lambda: control.received)
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
        courier=courier(config, database, metrics, hands),
    )
    engine = Engine(outside, engine_settings(config))
    if config.metrics.port:
        try:
            metrics.serve(config.metrics.address, config.metrics.port)
        except OSError as error:
            raise ConfigError(
                f"metrics.port: {config.metrics.port} cannot be used: {error.strerror}. "
                "Fix: choose a free port, or 0 for none."
            ) from error
    # Connections of its own: requests, however many, never keep a claim or an outcome waiting for one.
    apart = Database(replace(database_settings(config), pool=config.http.pool))
    web = await _web(config, apart, hands, LivePicture(engine), engine.dispatcher.figures)
    _on_signals(engine, web, config, path)
    log.info("engine starting", action="engine.starting", version=__version__, engine=config.engine.name)
    try:
        clean = await _run(engine, web)
    finally:
        await apart.close()
        await database.close()
    return 0 if clean else 1


async def _run(engine: Engine, web: HttpServer | None) -> bool:
    """Run the engine, and the HTTP server as long as it does."""
    if web is None:
        return await engine.run()
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(web.run(), name="http")
            try:
                return await engine.run()
            finally:
                web.stop()
    except BaseExceptionGroup as failed:
        if len(failed.exceptions) == 1:
            raise failed.exceptions[0] from failed  # what the command explains has no group around it
        raise


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


async def _web(
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


def _journals(folder: Path) -> JournalFolder:
    try:
        return JournalFolder(folder / "journal")
    except OSError as error:
        raise ConfigError(
            f"engine.state: {folder}: {error.strerror}. Fix: give a folder that the engine may write to."
        ) from error


def _on_signals(engine: Engine, web: HttpServer | None, config: Config, path: Path | None) -> None:
    loop = asyncio.get_running_loop()
    current = config

    def reload() -> None:
        nonlocal current
        current = _reload(engine, current, path)

    def stop() -> None:
        if web is not None:
            web.stop()
        engine.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, reload)


def _reload(engine: Engine, config: Config, path: Path | None) -> Config:
    """Read the configuration again; take over what can change while running, name what cannot."""
    try:
        fresh = load(path)
    except ConfigError as error:
        log.error("configuration not reloaded", action="engine.reload_refused", reason=str(error))
        return config
    telemetry.configure_logging(fresh.log.level, fresh.log.format)
    engine.reconfigure(engine_settings(fresh))
    fixed = ("asterisk", "ari", "database", "metrics", "profiles", "law", "webhooks", "http", "passwords")
    restart = [name for name in fixed if getattr(fresh, name) != getattr(config, name)]
    for key in ("name", "timezone", "state"):
        if getattr(fresh.engine, key) != getattr(config.engine, key):
            restart.append(f"engine.{key}")
    log.info("configuration reloaded", action="engine.reloaded", needs_restart=restart)
    return fresh


async def migrate_schema(path: Path | None) -> tuple[Migration, ...]:
    """Bring the database's schema up to this engine's; return what was applied."""
    database = Database(database_settings(load(path)))
    try:
        return await migrate(database)
    finally:
        await database.close()


async def learn_traffic(path: Path | None, campaign: str, list_name: str) -> dict[str, str] | None:
    """Return what the records say of a campaign's traffic, or of one list's; None when it is too little."""
    database = Database(database_settings(load(path)))
    try:
        return await learn(database, campaign, list_name)
    finally:
        await database.close()

"""Builds the parts from the configuration: settings of adapters and services, law, time."""

from __future__ import annotations

import secrets
import time
from datetime import timedelta
from zoneinfo import ZoneInfo

from engine import telemetry
from engine.adapters.ami import AmiSettings
from engine.adapters.ari import AriSettings
from engine.adapters.clock import SteadyClock
from engine.adapters.lawbooks import load_laws
from engine.adapters.legal import Legal
from engine.adapters.mysql import Database, DatabaseSettings
from engine.adapters.mysql.outbox import Keeping, MysqlOutbox
from engine.adapters.registry import Registry
from engine.adapters.webhooks import HttpSender
from engine.config import Config, ConfigError, secret
from engine.domain.callerid_health import HealthRules
from engine.domain.errors import FieldError
from engine.domain.localtime import LocalTime
from engine.domain.model import AttemptId, attempt_id
from engine.domain.pacing import PROFILES, Profile, Since
from engine.domain.webhooks import Reach
from engine.ports import Clock
from engine.services.engine import EngineSettings
from engine.services.term import StopLimits
from engine.services.webhooks import Courier, CourierSettings


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

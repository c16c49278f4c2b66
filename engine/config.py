"""The settings of one engine: a TOML file, overridden by the environment; unknown keys are refused.

Environment: OVERDIAL_<SECTION>__<KEY>, for example OVERDIAL_DATABASE__PASSWORD.
"""

from __future__ import annotations

import os
import socket
import tomllib
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    IPvAnyNetwork,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from engine.domain.passwords import Policy

Port = Annotated[int, Field(ge=1, le=65535)]
Seconds = Annotated[float, Field(gt=0, le=3600)]


#: The longest window of the laws and profiles that come with the engine (days).
KEPT_FOR_THE_LAW = 31


class ConfigError(Exception):
    """The configuration cannot be used. Each line names the setting and what is wrong with it."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EngineSection(_Section):
    """Who this engine is. `timezone`: of schedules and documented date columns; '' = the machine's;
    `lease`: s that it leads without a sign of life; `state`: folder of its journal, which engines of
    one machine share."""

    name: str = Field(default_factory=socket.gethostname, min_length=1, max_length=64)
    timezone: str = ""
    lease: Seconds = 10.0
    state: Path = Field(default_factory=lambda: Path(os.environ.get("STATE_DIRECTORY", "/var/lib/overdial")))
    abandoned_rest_hours: float = Field(default=72.0, ge=0)

    @model_validator(mode="after")
    def _zone_exists(self) -> Self:
        if self.timezone:
            try:
                ZoneInfo(self.timezone)
            except (KeyError, ValueError, OSError) as error:
                raise ValueError(
                    f"timezone {self.timezone!r} is unknown; use a name like America/New_York"
                ) from error
        return self


class AsteriskSection(_Section):
    """Asterisk's manager interface. Give `secret` or `secret_file`. `cdr_file`: its own CDRs, to learn
    how calls ended that nobody watched; `queues_file`: where the engine writes Asterisk's queues from the
    table `queues`."""

    host: str = "127.0.0.1"
    port: Port = 5038
    username: str = "overdial"
    secret: SecretStr = SecretStr("")
    secret_file: Path | None = None
    action_timeout: Seconds = 10.0
    ping_interval: Seconds = 5.0
    ping_timeout: Seconds = 5.0
    cdr_file: Path | None = None
    queues_file: Path | None = None


class DatabaseSection(_Section):
    """MariaDB or MySQL. `socket` wins over host and port; give `password` or `password_file`."""

    host: str = "127.0.0.1"
    port: Port = 3306
    socket: str = ""
    user: str = "overdial"
    password: SecretStr = SecretStr("")
    password_file: Path | None = None
    configuration: str = Field(default="ccdata", pattern=r"^[A-Za-z0-9_]+$")
    history: str = Field(default="ccrepo", pattern=r"^[A-Za-z0-9_]+$")
    pool: int = Field(default=8, ge=2, le=100)
    timeout: Seconds = 5.0


class AriSection(_Section):
    """Asterisk's REST interface, for voice broadcast; without `url` there is none. `tts_command` speaks a
    {text} into a WAV {file} (8,000 samples/s, mono); `tts_folder` must be readable for Asterisk."""

    url: str = Field(default="", pattern=r"^(https?://[^/]+)?$")
    user: str = "overdial"
    secret: SecretStr = SecretStr("")
    secret_file: Path | None = None
    timeout: Seconds = 5.0
    tts_command: tuple[str, ...] = ()
    tts_folder: Path = Path("tts")


class MetricsSection(_Section):
    """Prometheus endpoint; `port` 0 switches it off."""

    address: str = "127.0.0.1"
    port: int = Field(default=9469, ge=0, le=65535)


class LogSection(_Section):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class HttpSection(_Section):
    """The HTTP API (docs/api.md); `port` 0 = none. Off this machine it is served over TLS, unless
    `allow_plain` says that something else encrypts. Limits: `…_rate` requests/s, bursts of ten seconds."""

    address: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535)
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    allow_plain: bool = False
    trusted_proxies: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ("*",)
    token_hours: float = Field(default=24.0, gt=0, le=8784)
    token_rate: float = Field(default=100.0, gt=0)
    address_rate: float = Field(default=200.0, gt=0)
    login_rate: float = Field(default=1.0, gt=0)
    max_body: int = Field(default=1_048_576, ge=1024)
    max_upload: int = Field(default=134_217_728, ge=1024)
    max_connections: int = Field(default=256, ge=8, le=10_000)
    header_timeout: Seconds = 10.0
    body_timeout: Seconds = 120.0
    pool: int = Field(default=4, ge=1, le=100)
    recordings: Path | None = None

    @model_validator(mode="after")
    def _encrypted_off_this_machine(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key: give both, or none")
        if (
            self.port
            and not self.allow_plain
            and self.tls_certificate is None
            and not _loopback(self.address)
        ):
            raise ValueError(
                f"address {self.address} is reached from other machines: give tls_certificate and tls_key,"
                " or set allow_plain when a proxy encrypts"
            )
        return self


def _loopback(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


class PasswordSection(_Section):
    """Rules on passwords and accounts of the HTTP API (docs/api.md); 0 switches a rule off."""

    minimum: int = Field(default=12, ge=8, le=64)
    lower: bool = True
    upper: bool = True
    digit: bool = True
    special: bool = False
    expires_days: int = Field(default=90, ge=0)
    history: int = Field(default=5, ge=0, le=24)
    failures: int = Field(default=5, ge=0)
    unblock_minutes: int = Field(default=30, ge=0)
    idle_days: int = Field(default=90, ge=0)

    @property
    def policy(self) -> Policy:
        """The same as the domain reads it."""
        return Policy(**self.model_dump())


class StopSection(_Section):
    """Seconds for each stage of the stop; their sum must stay below systemd's TimeoutStopSec."""

    claims: Seconds = 5.0
    drain: float = Field(default=30.0, ge=0, le=3600)
    hang_up: Seconds = 5.0
    flush: Seconds = 10.0


class ProfileSection(_Section):
    """Own rules on abandoned calls, by the name that `dialers.country` gives them
    (engine/domain/pacing/profiles.py has the meanings)."""

    rate: float = Field(default=0.03, ge=0, lt=1)
    window_days: int = Field(default=1, ge=1, le=366)
    seconds: float = Field(default=2.0, gt=0, le=60)
    since: Literal["answer", "greeting"] = "answer"
    false_positives: float = Field(default=0.0, ge=0, le=1)


class CallerIdSection(_Section):
    """When a number that calls show rests by itself (docs/caller-id.md)."""

    window: int = Field(default=200, ge=10, le=1000)
    hours: float = Field(default=24.0, gt=0, le=720)
    minimum: int = Field(default=40, ge=1, le=1000)
    significance: float = Field(default=0.001, ge=0, lt=1)
    flagged: int = Field(default=3, ge=1)
    declined: int = Field(default=5, ge=1)
    declined_share: float = Field(default=0.15, ge=0, le=1)
    rest_hours: float = Field(default=1.0, gt=0, le=720)
    longest_hours: float = Field(default=168.0, gt=0, le=8760)


class LawSection(_Section):
    """`folder`: own law files, which win over those that come with the engine; `registries`: national
    registry by name → file made by `overdial registry` (docs/law.md)."""

    folder: Path | None = None
    registries: dict[str, Path] = Field(default_factory=dict)


class RetentionSection(_Section):
    """Days for which `overdial maintain` keeps rows of each table; 0 = for ever. `dispositions`: also of
    tags; `broadcast`: results and answers; `uploads`: files and their refused lines. `archive`: folder into
    which rows are written before they are deleted; without it they are gone."""

    attempts: int = Field(default=0, ge=0, le=36_500)
    cdr: int = Field(default=0, ge=0, le=36_500)
    queue_log: int = Field(default=0, ge=0, le=36_500)
    orders: int = Field(default=0, ge=0, le=36_500)
    agent_acts: int = Field(default=0, ge=0, le=36_500)
    decisions: int = Field(default=0, ge=0, le=36_500)
    dead_letters: int = Field(default=0, ge=0, le=36_500)
    dispositions: int = Field(default=0, ge=0, le=36_500)
    broadcast: int = Field(default=0, ge=0, le=36_500)
    uploads: int = Field(default=0, ge=0, le=36_500)
    archive: Path | None = None


class WebhooksSection(_Section):
    """Events for other systems (docs/webhooks.md). `attempts` until an event is a dead letter, the first
    again after `first_retry` s; `each` requests to one endpoint at the same time, `timeout` s long at most;
    `http` allows endpoints without TLS, `networks` addresses that are not public; what was delivered can be
    replayed for `keep_days`; what nobody takes for `give_up_hours` is a dead letter."""

    attempts: int = Field(default=16, ge=1, le=100)
    first_retry: Seconds = 5.0
    each: int = Field(default=4, ge=1, le=32)
    timeout: float = Field(default=10.0, gt=0, le=60)
    http: bool = False
    networks: tuple[IPvAnyNetwork, ...] = ()
    keep_days: float = Field(default=7.0, gt=0, le=366)
    give_up_hours: float = Field(default=72.0, gt=0, le=8784)


class Config(BaseSettings):
    """Everything that one engine is told. Frozen; a changed file is read anew on SIGHUP."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix="OVERDIAL_", env_nested_delimiter="__"
    )

    engine: EngineSection = EngineSection()
    asterisk: AsteriskSection = AsteriskSection()
    database: DatabaseSection = DatabaseSection()
    ari: AriSection = AriSection()
    metrics: MetricsSection = MetricsSection()
    log: LogSection = LogSection()
    http: HttpSection = HttpSection()
    passwords: PasswordSection = PasswordSection()
    stop: StopSection = StopSection()
    law: LawSection = LawSection()
    caller_ids: CallerIdSection = CallerIdSection()
    retention: RetentionSection = RetentionSection()
    webhooks: WebhooksSection = WebhooksSection()
    profiles: dict[str, ProfileSection] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _lease_is_long_enough(self) -> Self:
        if self.engine.lease < 2 * self.database.timeout:
            raise ValueError(
                f"engine.lease ({self.engine.lease:g} s) must be at least twice database.timeout"
                f" ({self.database.timeout:g} s): one slow transaction must not cost it"
            )
        return self

    @model_validator(mode="after")
    def _attempts_are_kept_for_the_law(self) -> Self:
        """The law's caps and the abandonment budget are counted from attempts."""
        days = max([KEPT_FOR_THE_LAW, *(profile.window_days for profile in self.profiles.values())]) + 1
        if 0 < self.retention.attempts < days:
            raise ValueError(
                f"retention.attempts ({self.retention.attempts}) must be 0 or at least {days} days:"
                " caps on calls and the abandonment budget are counted from attempts"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file (which comes in as keyword arguments)."""
        return env_settings, init_settings


#: Where an installation has its file (deploy/lib.sh).
INSTALLED = Path("/etc/overdial/overdial.toml")


def file_of(given: Path | None) -> Path | None:
    """Return the settings' file: the one that is given, else that of OVERDIAL_CONFIG (empty: none), else the
    installation's, where there is one; None: the environment alone."""
    if given is not None:
        return given
    named = os.environ.get("OVERDIAL_CONFIG")
    if named is not None:
        return Path(named) if named else None
    try:
        INSTALLED.stat()
    except PermissionError:
        return INSTALLED  # it may be there, and whoever asks has to know that it is closed to him
    except OSError:
        return None
    return INSTALLED


def load(given: Path | None) -> Config:
    """Read the file (see `file_of`) and the environment. Raises ConfigError."""
    values: dict[str, Any] = {}
    path = file_of(given)
    if path is not None:
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except PermissionError as error:
            fix = "run this as root, or as the engine's user: runuser -u overdial -- overdial …"
            raise ConfigError(f"{path}: {error.strerror}. Fix: {fix}") from error
        except OSError as error:
            raise ConfigError(f"{path}: {error.strerror}. Fix: give a readable file.") from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: not TOML: {error}") from error
    try:
        config = Config(**values)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(item, path) for item in error.errors())) from error
    return config


def _explain(item: Any, path: Path | None) -> str:
    where = ".".join(str(part) for part in item["loc"]) or "settings"
    what = "is unknown; check its spelling" if item["type"] == "extra_forbidden" else item["msg"]
    return f"{path or 'environment'}: {where}: {what}"


def secret(value: SecretStr, file: Path | None, name: str) -> str:
    """Return a secret from its setting or its file. Raises ConfigError when the file is unreadable."""
    if file is None:
        return value.get_secret_value()
    try:
        return file.read_text("utf-8").strip()
    except OSError as error:
        raise ConfigError(f"{name}: {file}: {error.strerror}") from error

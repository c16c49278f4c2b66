"""The port of the HTTP API: taken, left a moment ago, or with a certificate that is none; who sees the first
password."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from engine import opening, telemetry
from engine.adapters.mysql import Database
from engine.build import clock
from engine.config import Config, ConfigError, HttpSection
from engine.domain.figures import Figures
from engine.lab.parts import free_port
from engine.opening import open_doors, take_port

Journal = Callable[[], str]


@pytest.fixture
def other() -> socket.socket:
    """Somebody who listens already."""
    return socket.create_server(("127.0.0.1", 0))


async def test_a_port_that_somebody_leaves_in_a_moment_is_waited_for(other: socket.socket) -> None:
    settings = HttpSection(port=other.getsockname()[1])
    taking = asyncio.ensure_future(take_port(settings))
    await asyncio.sleep(0)
    other.close()
    with await taking as listening:
        assert listening.getsockname()[1] == settings.port


async def test_a_port_that_stays_taken_is_named_with_the_fix(
    other: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "_PATIENCE", 0.0)
    with other, pytest.raises(ConfigError, match=r"http\.port: .* in use\. Fix:"):
        await take_port(HttpSection(port=other.getsockname()[1]))


async def test_an_address_that_is_not_ours_is_refused_at_once() -> None:
    with pytest.raises(ConfigError, match=r"http\.port: 192\.0\.2\.1 port"):
        await take_port(HttpSection(address="192.0.2.1", port=9, allow_plain=True))


async def test_a_certificate_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "tls.pem").write_text("no certificate")
    with pytest.raises(ConfigError, match=r"http\.tls_certificate, http\.tls_key: .* Fix:"):
        await take_port(
            HttpSection(port=9, tls_certificate=tmp_path / "tls.pem", tls_key=tmp_path / "tls.pem")
        )


async def opened(database: Database, state: Path) -> None:
    """Open the doors of an engine whose database has no user yet."""
    config = Config(**{"engine": {"state": state}, "http": {"port": free_port()}})
    telemetry.configure_logging("info", "json")
    listening = await open_doors(config, database, clock(config), Figures())
    assert listening is not None
    with listening:
        assert listening.getsockname()[1] == config.http.port


@pytest.fixture(autouse=True)
def after() -> Iterator[None]:
    """Other tests have the log that they had."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def journal(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Journal:
    """What is written to standard error is the journal's, as systemd says."""
    place = os.fstat(2)
    monkeypatch.setenv("JOURNAL_STREAM", f"{place.st_dev}:{place.st_ino}")
    return lambda: capfd.readouterr().err


async def test_under_systemd_the_first_password_is_in_a_file_and_not_in_the_journal(
    database: Database, tmp_path: Path, journal: Journal
) -> None:
    path = tmp_path / "admin-password"
    path.write_text("of an engine that was here before\n")
    await opened(database, tmp_path)
    word = path.read_text().strip()
    assert len(word) >= 12
    assert path.stat().st_mode & 0o777 == 0o600
    said = journal()
    assert word not in said
    assert str(path) in said


async def test_who_starts_it_by_hand_is_shown_the_first_password_once(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")  # somebody else's: of a shell that a service has started
    await opened(database, tmp_path)
    assert "user 'admin' was made with the password " in capfd.readouterr().err
    assert not os.listdir(tmp_path)
    await opened(database, tmp_path)
    assert "password" not in capfd.readouterr().err


async def test_a_first_password_that_cannot_be_kept_is_not_told_instead(
    database: Database, tmp_path: Path, journal: Journal
) -> None:
    await opened(database, tmp_path / "nowhere")
    said = journal()
    assert "overdial users passwd admin" in said
    assert "No such file" in said
    assert "with the password" not in said

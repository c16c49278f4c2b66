"""The port of the HTTP API: taken, left a moment ago, or with a certificate that is none."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest

from engine import opening
from engine.config import ConfigError, HttpSection
from engine.opening import take_port


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

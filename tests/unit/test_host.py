"""What the check sees of this machine: ports that are taken, certificates that cannot be used."""

from __future__ import annotations

import socket
from pathlib import Path

from engine.adapters.host import Places, host_facts
from engine.lab.parts import free_port


def test_a_port_that_somebody_else_has_is_named_by_its_setting(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        taken = other.getsockname()[1]
        assert list(host_facts(Places(tmp_path, http_port=taken), {}).problems) == ["http.port"]
        assert list(host_facts(Places(tmp_path, metrics_port=taken), {}).problems) == ["metrics.port"]
    assert host_facts(Places(tmp_path, http_port=free_port()), {}).problems == {}
    assert host_facts(Places(tmp_path), {}).problems == {}


def test_a_certificate_that_is_none_is_told(tmp_path: Path) -> None:
    bad = tmp_path / "cert.pem"
    bad.write_text("no certificate")
    places = Places(tmp_path, http_port=free_port(), certificate=bad, certificate_key=bad)
    assert list(host_facts(places, {}).problems) == ["http.tls_certificate"]

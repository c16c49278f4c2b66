"""What the check sees of this machine: ports that are taken, certificates that cannot be used."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.adapters.host import Places, host_facts
from engine.domain.checkup import CdrFile, Level, judge_host
from engine.lab.parts import free_port
from tests.switch_conf import write_certificate


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


@pytest.mark.parametrize(
    ("begun", "days", "level"),
    [
        (400, 365, Level.FAIL),
        (-1, 365, Level.FAIL),
        (360, 365, Level.WARN),
        (300, 365, Level.OK),
        (2, 6, Level.OK),
        (5, 6, Level.WARN),
    ],
    ids=["over", "not yet", "ends soon", "holds", "short and new", "short and old"],
)
def test_how_long_a_certificate_holds(tmp_path: Path, begun: float, days: float, level: Level) -> None:
    write_certificate(tmp_path, datetime.now(UTC) - timedelta(days=begun), days)
    certificate, key = tmp_path / "overdial.crt", tmp_path / "overdial.key"
    places = Places(tmp_path, http_port=free_port(), certificate=certificate, certificate_key=key)
    [found] = [one for one in judge_host(host_facts(places, {})) if one.name == "http.tls_certificate"]
    assert found.level is level
    assert bool(found.fix) is (level is not Level.OK)


def test_each_way_in_which_the_cdr_file_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cdr-csv/Master.csv"

    def state(place: Path | None = path, *, calls: tuple[str, ...] = ()) -> CdrFile:
        return host_facts(Places(tmp_path, cdr_file=path, cdr_place=place, calls=calls), {}).cdr

    assert state() is CdrFile.NO_FOLDER
    path.parent.mkdir()
    assert state() is state(None) is CdrFile.NOT_YET
    assert state(tmp_path / "other/Master.csv") is CdrFile.ELSEWHERE
    monkeypatch.setattr("engine.adapters.host._CDR_TAKES", 0.1)
    assert state(calls=("a", "b")) is CdrFile.UNWRITTEN
    path.touch()
    assert state(tmp_path / "other/Master.csv") is CdrFile.READABLE
    access = os.access
    monkeypatch.setattr(os, "access", lambda where, how: where != path and access(where, how))
    assert state() is CdrFile.UNREADABLE
    monkeypatch.setattr(os, "access", lambda where, how: False)
    assert state() is CdrFile.CLOSED


def _line(call: str, ended: datetime, *further: str) -> str:
    """A record as Asterisk's cdr_csv writes it."""
    at = f"{ended:%Y-%m-%d %H:%M:%S}"
    fields = [
        "",
        "",
        "s",
        "overdial-check",
        "",
        "Local/s",
        "",
        "Queue",
        "",
        at,
        at,
        at,
        "1",
        "1",
        "ANSWERED",
        "3",
        call,
    ]
    return ",".join(f'"{field}"' for field in (*fields, *further)) + "\n"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("ab", CdrFile.READABLE),
        ("a", CdrFile.ANSWERED_ONLY),
        ("x", CdrFile.NAMELESS),
        ("", CdrFile.UNWRITTEN),
        ("early", CdrFile.LOCAL_TIME),
    ],
)
def test_old_records_do_not_hide_that_the_new_ones_are_wrong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, expected: CdrFile
) -> None:
    monkeypatch.setattr("engine.adapters.host._CDR_TAKES", 0.1)
    path, now = tmp_path / "Master.csv", datetime.now(UTC)
    path.write_text(_line("old", now - timedelta(days=9)))
    size = path.stat().st_size
    with path.open("a") as file:
        for call in "ab" if lines == "early" else lines:
            file.write(_line(call, now - timedelta(hours=5 * (lines == "early"))))
    places = Places(tmp_path, cdr_file=path, cdr_size=size, calls=("a", "b"))
    assert host_facts(places, {}).cdr is expected


_UNIT = """#!/bin/sh
echo ProtectSystem=strict; echo ProtectHome=yes; echo StateDirectory=overdial
case "$*" in
    *maintain*) echo LoadState=loaded ;;
    *) echo LoadState=LOADED; echo LimitNOFILESoft=2000; echo ReadWritePaths=-SHARED ;;
esac
"""


@pytest.mark.parametrize("loaded", [True, False])
def test_what_the_unit_keeps_from_the_service_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loaded: bool
) -> None:
    """A check at the prompt may write where the service may not."""
    text = _UNIT.replace("SHARED", str(tmp_path / "shared"))
    systemctl = tmp_path / "systemctl"
    systemctl.write_text(text.replace("LOADED", "loaded" if loaded else "not-found"))
    systemctl.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda name: str(systemctl))
    places = Places(
        Path("/srv/overdial"),
        queues_file=tmp_path / "shared/queues.conf",
        archive=Path("/var/lib/overdial/archive"),
        read={"law.folder": Path("/root/law"), "http.tls_key": Path("/etc/ssl/private/ours.key")},
    )
    facts = host_facts(places, {})
    assert set(facts.kept) == ({"engine.state", "law.folder"} if loaded else set())
    assert (facts.open_files == 2000) is loaded
    elsewhere = host_facts(replace(places, archive=Path("/srv/archive")), {})
    assert "retention.archive" in elsewhere.kept


@pytest.mark.parametrize("cdr", [state for state in CdrFile if state is not CdrFile.READABLE])
def test_what_is_wrong_with_the_cdr_file_has_a_fix_of_its_own(tmp_path: Path, cdr: CdrFile) -> None:
    facts = replace(host_facts(Places(tmp_path), {}), cdr=cdr, cdr_file="/a/cdr-csv/Master.csv")
    [found] = [one for one in judge_host(facts) if one.name == "asterisk.cdr_file"]
    assert found.level is (Level.WARN if cdr is CdrFile.NOT_YET else Level.FAIL)
    assert found.fix

"""Start, reload, stop, crash: what the engineer does, and what happens to him."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from engine.lab.parts import poll
from tests.proxy import Proxy
from tests.stage import CAMPAIGN, Stage

_CONNECTED = "SELECT COUNT(*) FROM ccdata.attempts WHERE state = 'connected'"


def _overdial(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "engine", *argv], capture_output=True, text=True, timeout=60, check=False
    )


def test_systemd_hears_that_the_engine_is_ready_alive_and_stopping(
    stage: Stage, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(home / "notify"))
        manager.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(home / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "300000")
        stage.start()
        assert manager.recv(4096) == b"READY=1"
        assert manager.recv(4096) == b"WATCHDOG=1"
        stage.signal(signal.SIGTERM)
        said = b"WATCHDOG=1"
        while said == b"WATCHDOG=1":
            said = manager.recv(4096)
        assert said.startswith(b"STOPPING=1\nEXTEND_TIMEOUT_USEC=")
        assert stage.stop() == 0


def test_sigterm_lets_calls_end_gives_claims_back_and_exits_clean(stage: Stage) -> None:
    stage.extra = "[stop]\ndrain = 20\n"
    stage.dialer(tbc=0)
    stage.contacts(*({"destination": f"55510{n:02d}100"} for n in range(8)))
    stage.start()
    stage.wait(lambda: int(stage.value(_CONNECTED)) >= 1, "somebody talks")
    assert stage.stop() == 0
    assert stage.value("SELECT COUNT(*) FROM ccdata.attempts WHERE state <> 'ended'") == "0"
    attempts = int(stage.value("SELECT COUNT(*) FROM ccdata.attempts WHERE next_step <> 'released'"))
    assert stage.value("SELECT COUNT(*) FROM ccrepo.cdr_repo") == str(attempts), "one CDR per attempt"
    assert len(stage.invites()) == attempts, "one INVITE per attempt"
    left = int(stage.value("SELECT COUNT(*) FROM ccdata.calls_spool WHERE status = 1"))
    assert left == int(stage.value("SELECT COUNT(*) FROM ccdata.calls_spool")), "nobody left in progress"
    assert left + attempts == 8
    assert stage.value("SELECT state FROM ccdata.campaign_state") == "stopped"


def test_what_does_not_end_in_time_is_hung_up(stage: Stage) -> None:
    stage.extra = "[stop]\ndrain = 0.5\n"
    stage.dialer(tbc=0)
    stage.contacts({"destination": "5551000200"})
    stage.start()
    stage.wait_for_value(_CONNECTED, 1)
    assert stage.stop() == 0
    assert stage.value("SELECT outcome FROM ccdata.attempts") == "answered"
    poll(lambda: stage.asterisk.channels() == 0, "no channel is left")


def test_sighup_takes_over_what_can_change_and_names_what_cannot(stage: Stage) -> None:
    stage.dialer()
    stage.start()
    config = stage.home / "overdial.toml"
    text = config.read_text()
    config.write_text(text.replace('name = "test"', 'name = "renamed"') + '\n[log]\nlevel = "debug"\n')
    stage.signal(signal.SIGHUP)
    stage.wait(lambda: stage.logged("engine.reloaded"), "reloaded")
    assert '"needs_restart":["engine.name"]' in stage.log()
    config.write_text(text + "\n[log]\nlevle = 1\n")
    stage.signal(signal.SIGHUP)
    stage.wait(lambda: stage.logged("engine.reload_refused"), "refused")
    assert "log.levle: is unknown" in stage.log()
    assert stage.stop() == 0


def test_a_killed_engine_is_followed_by_one_that_dials_nobody_twice(stage: Stage) -> None:
    stage.dialer(tbc=0)
    stage.contacts(*({"destination": f"55510{n:02d}200"} for n in range(3)), {"destination": "5551050404"})
    stage.start()
    stage.wait_for_value(_CONNECTED, 3)
    assert stage.engine is not None
    stage.engine.kill()
    (stage.home / "engine.log").unlink()
    stage.start()
    assert stage.logged("reconcile.adopted")
    assert stage.value(_CONNECTED) == "3", "live calls are taken over, not hung up"
    stage.asterisk.command("channel request hangup all")
    stage.ended(4)
    assert len(stage.invites()) == len(set(stage.invites())) == 4
    outcomes = stage.sql("SELECT outcome, COUNT(*) FROM ccdata.attempts GROUP BY outcome ORDER BY outcome")
    assert outcomes == [["answered", "3"], ["invalid", "1"]]
    assert stage.value("SELECT COUNT(*) FROM ccrepo.cdr_repo") == "4"


def test_calls_that_ended_while_the_engine_was_dead_get_their_cdr_and_are_not_redialled(stage: Stage) -> None:
    stage.dialer(tbc=0)
    stage.contacts({"destination": "5551000200"})
    stage.start()
    stage.wait_for_value(_CONNECTED, 1)
    assert stage.engine is not None
    stage.engine.kill()
    stage.asterisk.command("channel request hangup all")
    poll(lambda: stage.asterisk.channels() == 0, "the calls are gone")
    (stage.home / "engine.log").unlink()
    stage.start()
    stage.ended(1)
    assert stage.value("SELECT COUNT(*) FROM ccrepo.cdr_repo") == "1"
    assert len(stage.invites()) == 1


def test_a_lost_ami_connection_costs_no_call_and_comes_back(stage: Stage) -> None:
    """The line is cut while one call talks and another rings; what happens meanwhile is made up for."""
    with Proxy(stage.asterisk.ami_port) as line:
        stage.ami_port = line.port
        stage.dialer(tbc=0, timeout=4)
        stage.contacts({"destination": "5551000200"}, {"destination": "5551001777"})
        stage.start()
        stage.wait_for_value(_CONNECTED, 1)
        stage.wait_for_value("SELECT COUNT(*) FROM ccdata.attempts WHERE state = 'ringing'", 1)
        line.refuse()
        stage.wait(lambda: stage.logged("ami.down"), "the loss is noticed")
        stage.asterisk.command("channel request hangup all")
        poll(lambda: stage.asterisk.channels() == 0, "both calls end unseen")
        stage.contacts({"destination": "5551002404"}, base="L2")
        line.allow()
        stage.ended(3)
    assert len(stage.invites()) == len(set(stage.invites())) == 3
    assert stage.value("SELECT COUNT(*) FROM ccrepo.cdr_repo") == "3"
    outcomes = {row[0]: row[1] for row in stage.sql("SELECT destination, outcome FROM ccdata.attempts")}
    assert outcomes == {"5551000200": "answered", "5551001777": "unknown", "5551002404": "invalid"}


def test_a_silent_asterisk_is_noticed_and_nothing_is_dialled_meanwhile(stage: Stage) -> None:
    with Proxy(stage.asterisk.ami_port) as line:
        stage.ami_port = line.port
        stage.dialer(tbc=0)
        stage.start()
        line.freeze()
        stage.wait(lambda: stage.logged("ami.down"), "the silence is noticed")
        stage.contacts({"destination": "5551000404"})
        stage.wait_for_value("SELECT bound FROM ccdata.campaign_state", "link")
        assert stage.invites() == []
        line.allow()
        stage.ended(1)
    assert stage.invites() == ["5551000404"]


def test_metrics_count_and_carry_no_phone_number(stage: Stage) -> None:
    stage.dialer()
    stage.contacts({"destination": "5551000404"}, {"destination": "5551001100"})
    stage.start()
    stage.ended(2)
    url = f"http://127.0.0.1:{stage.metrics_port}/metrics"
    text = urllib.request.urlopen(url, timeout=5).read().decode()
    assert f'overdial_attempts_ended_total{{campaign="{CAMPAIGN}",outcome="invalid"}} 1.0' in text
    assert f'overdial_attempts_ended_total{{campaign="{CAMPAIGN}",outcome="answered"}} 1.0' in text
    assert "overdial_asterisk_up 1.0" in text
    assert "555100" not in text
    assert "555100" not in stage.log(), "phone numbers are no business of the log"


def test_a_bad_configuration_is_refused_in_one_line_each(tmp_path: Path) -> None:
    config = tmp_path / "bad.toml"
    config.write_text('[asterisk]\nport = 99999\nsecert = "x"\n\n[engine]\ntimezone = "Mars/Base"\n')
    done = _overdial("run", "--config", str(config))
    assert done.returncode == 1
    assert "asterisk.port" in done.stderr
    assert "asterisk.secert: is unknown" in done.stderr
    assert "Mars/Base" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_engine_without_a_database_says_so_and_ends(tmp_path: Path) -> None:
    config = tmp_path / "c.toml"
    config.write_text(f'[asterisk]\nsecret = "x"\n\n[database]\nsocket = "{tmp_path}/none.sock"\n')
    done = _overdial("run", "--config", str(config))
    assert done.returncode == 1
    assert "none.sock" in done.stderr
    assert "Traceback" not in done.stderr

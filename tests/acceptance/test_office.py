"""The office process beside the real engine: either may die, and calls know nothing of it."""

from __future__ import annotations

import json
import os
import re
import signal
import urllib.request
from pathlib import Path

import pytest

from engine.adapters.process import is_dead
from engine.lab.parts import free_port, poll
from tests.acceptance.test_v1 import AT, Client
from tests.stage import Stage

_CONNECTED = "SELECT COUNT(*) FROM ccdata.attempts WHERE state = 'connected'"


def offices(stage: Stage) -> list[int]:
    """Return the children of the engine that live."""
    assert stage.engine is not None
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == stage.engine.pid and state not in "ZX":
            found.append(int(stat.parent.name))
    return found


def named(pid: int) -> str:
    """Return a process's name as `is_dead` reads it."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    start = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return f"{boot}:{os.readlink('/proc/self/ns/pid')}:{pid}:{start}"


def page(stage: Stage, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{stage.metrics_port}{path}", timeout=5) as answer:
        text: str = answer.read().decode()
        return text


@pytest.fixture
def client(stage: Stage) -> Client:
    """An engine that serves, and somebody who is logged in."""
    port = free_port()
    stage.extra = f"[http]\nport = {port}\n[stop]\ndrain = 0.5\n"
    stage.start()
    word = re.search(r"with the password (\S+)", stage.log())
    assert word is not None
    client = Client(port)
    client.log_in(word[1])
    return client


def test_an_office_that_is_killed_comes_back_and_calls_go_on(stage: Stage, client: Client) -> None:
    stage.dialer(tbc=0)
    stage.contacts(*({"destination": f"55510{n:02d}200"} for n in range(3)))
    stage.wait_for_value(_CONNECTED, 3)
    [office] = offices(stage)
    assert Path(f"/proc/{office}/stat").read_text().rpartition(")")[2].split()[16] == "5", "it stands back"
    os.kill(office, signal.SIGKILL)
    assert client.ask("GET", "/api/v1/session")["user"] == "admin", "who asks now waits and is answered"
    assert len(client.ask("GET", "/api/v1/agents")) >= 3, "the new one knows what the engine knows"
    assert client.ask("GET", f"{AT}/state")["live"] is True
    assert not stage.logged("office.fault")
    [fresh] = offices(stage)
    assert fresh != office
    [ended] = [json.loads(line) for line in stage.log().splitlines() if '"office.ended"' in line]
    assert (ended["level"], ended["reason"]) == ("error", "it was ended by signal 9")
    assert "overdial_office_restarts_total 1.0" in page(stage, "/metrics")
    stage.wait(lambda: json.loads(page(stage, "/state"))["ready"], "all is well again")
    assert stage.value(_CONNECTED) == "3"
    assert "overdial_ami_links_total 1.0" in page(stage, "/metrics"), "the engine is the same"

    config = stage.home / "overdial.toml"
    config.write_text(config.read_text() + '\n[log]\nlevel = "debug"\n')
    stage.signal(signal.SIGHUP)
    stage.wait(lambda: stage.logged("engine.reloaded"), "reloaded")

    def told() -> bool:
        client.open("POST", "/Integra/resources/Agents/TagRecord", {}).read()
        lines = [line for line in stage.log().splitlines() if '"level":"debug"' in line]
        return any('"process":"office"' in line for line in lines)

    stage.wait(told, "the office has the new level, too")

    watching = client.open("GET", "/api/v1/events")
    assert watching.readline().startswith(b"retry")
    assert stage.stop() == 0
    assert b"event: ready" in watching.read(), "the stream came to its end"
    assert not Path(f"/proc/{fresh}").exists()
    with pytest.raises(ConnectionRefusedError):
        client.ask("GET", "/api/v1/session")


def test_an_engine_that_is_killed_leaves_nobody_behind_and_the_next_one_has_its_port(
    stage: Stage, client: Client
) -> None:
    [office] = offices(stage)
    name = named(office)
    assert not is_dead(name)
    assert stage.engine is not None
    stage.engine.process.kill()  # the engine alone, not what it has started
    stage.engine.process.wait()
    stage.start(fresh_log=True)
    assert client.ask("GET", "/api/v1/session")["user"] == "admin"
    poll(lambda: is_dead(name), "the office of the dead engine is gone")
    assert stage.stop() == 0


def test_without_a_port_the_office_still_judges_who_waits(stage: Stage) -> None:
    stage.dialer(status=0)
    stage.sql("INSERT INTO ccdata.black_list (phone) VALUES ('555109200')")
    stage.contacts({"destination": "555109200"}, {"destination": "555108200"})
    stage.start()
    held = "SELECT held_by FROM ccdata.held_contacts WHERE destination = '{}'"
    stage.wait_for_value(held.format("555109200"), "black_list")
    assert stage.value(held.format("555108200")) == "dialer_off"
    assert stage.value("SELECT COUNT(*) FROM ccdata.calls_spool WHERE status = 1") == "2", "it only looks"
    assert stage.stop() == 0

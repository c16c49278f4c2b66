"""A running campaign as its watchers see it: Prometheus, the pages, the terminal, the log, a live reload."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.lab.parts import poll, tool
from engine.lab.prometheus import Prometheus
from tests.conftest import LAB
from tests.stage import CAMPAIGN, OTHER, Stage

ROOT = Path(__file__).parents[2]
RULES = tuple(ROOT / "deploy/prometheus" / name for name in ("recording.yml", "alerts.yml"))
DASHBOARDS = sorted((ROOT / "deploy/grafana").glob("*.json"))


def overdial(stage: Stage, command: str, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run a command of ours with the stage's configuration, as on a terminal of 200 columns."""
    config = str(stage.home / "overdial.toml")
    return subprocess.run(
        [sys.executable, "-m", "engine", command, "--config", config, *argv],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip


def page(stage: Stage, path: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{stage.metrics_port}{path}", timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)


@pytest.fixture
def campaign(stage: Stage) -> Stage:
    """A campaign that talks, loses some, is refused some; beside it one whose settings are wrong."""
    stage.dialer(tbc=-1, maxchannels=12)
    stage.dialer(OTHER, schedule="nonsense")
    stage.sql("INSERT INTO ccdata.trunks (name, channels, cps) VALUES ('CARRIER', 40, 20)")
    stage.sql(f"INSERT INTO ccdata.caller_ids (campaign, entry) VALUES ('{CAMPAIGN}', '18885550100')")
    rows = ", ".join(f"('{CAMPAIGN}', '55{n:05d}{100 if n % 2 else 404}', 'L1')" for n in range(600))
    stage.sql(f"INSERT INTO ccdata.calls_spool (campaign, destination, dialerbase) VALUES {rows}")
    stage.contacts(base="L1")
    stage.contacts({"destination": "5599999404", "notbefore": "2999-01-01 00:00:00"}, base="L2")
    return stage


def test_a_running_campaign_fills_every_panel_and_rule_and_is_seen_on_pages_and_terminals(
    campaign: Stage, home: Path
) -> None:
    campaign.start()
    prometheus = Prometheus(home / "prometheus", LAB, f"127.0.0.1:{campaign.metrics_port}", RULES)
    prometheus.start()
    try:
        talked = "SELECT COUNT(*) >= 6 FROM ccdata.attempts WHERE outcome = 'answered'"
        campaign.wait_for_value(talked, 1)
        missing: dict[str, str] = {}

        def all_there() -> bool:
            missing.clear()
            for where, query in _queries():
                if not prometheus.query(query):
                    missing[where] = query
            return not missing

        try:
            poll(all_there, "every query finds data", 40.0)
        except Exception as error:
            raise AssertionError(f"no data: {json.dumps(missing, indent=1)}") from error
        rules = prometheus.rules()
        assert all(rule["health"] == "ok" for rule in rules), [r for r in rules if r["health"] != "ok"]
        known = set(_names(prometheus))
        for rule in rules:
            for name in re.findall(
                r"[a-z_:]*overdial[a-z0-9_:]*(?=[{\[( )]|$)", _without_labels(rule["query"])
            ):
                assert name in known, f"{rule['name']} asks for {name}, which has no data"
        pending = {
            rule["name"] for rule in rules if rule["type"] == "alerting" and rule["state"] != "inactive"
        }
        assert pending <= {"OverdialCampaignSetAside", "OverdialAbandonmentAboveLimit", "OverdialAgentsLate"}
        assert "OverdialCampaignSetAside" in pending, "the other campaign's settings are wrong"
        assert "5500001" not in json.dumps(prometheus.query('{job="overdial"}')), "no number is a label"
    finally:
        prometheus.stop()
    _people_see_it_too(campaign)


def _without_labels(query: str) -> str:
    return re.sub(r'"[^"]*"', '""', query)


def _queries() -> Iterator[tuple[str, str]]:
    """Yield every query of every panel, and every recording rule, as Grafana would send them."""
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for number, target in enumerate(panel.get("targets", ())):
                query = target["expr"].replace("$campaign", ".*").replace("$__rate_interval", "1m")
                yield f"{path.name}: {panel['title']} {number}", query
    for name in re.findall(r"record: (\S+)", RULES[0].read_text()):
        yield name, name


def _names(prometheus: Prometheus) -> Iterator[str]:
    for row in prometheus.query('group by (__name__) ({job="overdial"})'):
        yield row["metric"]["__name__"]


def test_promtool_finds_the_rules_in_order_and_every_alert_fires_when_it_should() -> None:
    promtool = tool("promtool", LAB)
    checked = subprocess.run([promtool, "check", "rules", *map(str, RULES)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
    config = ROOT / "deploy/prometheus/prometheus.yml"
    checked = subprocess.run([promtool, "check", "config", str(config)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    tested = subprocess.run(
        [promtool, "test", "rules", str(ROOT / "deploy/prometheus/tests.yml")], capture_output=True, text=True
    )
    assert tested.returncode == 0, tested.stdout + tested.stderr


def _people_see_it_too(campaign: Stage) -> None:
    """The pages, the terminal and the log, while the engine runs and after it has stopped."""
    assert page(campaign, "/healthz")[0] == 200
    status, ready = page(campaign, "/readyz")
    assert status == 200, ready
    assert set(ready["components"]) == {"asterisk", "database", "journal", "lease", "ari", "pacing", "office"}
    assert ready["components"]["office"] == {"ok": True, "detail": "no port is served"}
    assert ready["role"] == "leading"

    told = overdial(campaign, "status")
    assert told.returncode == 0, told.stdout + told.stderr
    for words in ("leading", "ready", "pacing", CAMPAIGN, "running", "set_aside", "schedule", "CARRIER"):
        assert words in told.stdout, told.stdout
    assert json.loads(overdial(campaign, "status", "--json").stdout)["ready"] is True
    shown = overdial(campaign, "top", "--once")
    assert CAMPAIGN in shown.stdout, shown.stdout + shown.stderr
    assert shown.returncode == 0

    _one_grep_tells_the_life_of_a_call(campaign)
    assert campaign.stop() == 0
    told = overdial(campaign, "status")
    assert told.returncode == 1
    assert "no engine answers here" in told.stdout
    assert CAMPAIGN in told.stdout, "what the tables know is shown"
    shown = overdial(campaign, "top", "--once")
    assert (CAMPAIGN in shown.stdout, shown.returncode) == (True, 1)


def _one_grep_tells_the_life_of_a_call(stage: Stage) -> None:
    query = "SELECT id FROM ccdata.attempts WHERE outcome = 'answered' ORDER BY id LIMIT 1"
    call = stage.value(query)
    lines = [json.loads(line) for line in stage.log().splitlines() if call in line]
    assert [line["action"] for line in lines] == ["call.placed", "call.ended"]
    assert all(line["call_id"] == call and line["campaign"] == CAMPAIGN for line in lines)
    assert lines[0]["trunk"] == "CARRIER"
    assert list(lines[1]["after"]) == [
        "sent",
        "ringing",
        "answered",
        "queued",
        "connected",
        "completed",
        "ended",
    ]


def test_a_reload_changes_what_can_be_changed_and_tells_what_waits(stage: Stage) -> None:
    laws = stage.home / "laws"
    laws.mkdir(parents=True)
    stage.extra = f'[law]\nfolder = "{laws}"\n'
    stage.dialer()
    stage.start()
    (laws / "own.toml").write_text("# another rule\n")
    config = stage.home / "overdial.toml"
    text = config.read_text()
    config.write_text(
        text.replace("ping_interval = 0.5", "ping_interval = 0.6")
        + '\n[log]\nlevel = "debug"\n\n[stop]\ndrain = 7\n'
    )
    stage.signal(signal.SIGHUP)
    stage.wait(lambda: stage.logged("engine.reloaded"), "reloaded")
    [line] = [json.loads(one) for one in stage.log().splitlines() if "engine.reloaded" in one]
    assert line["changed"] == ["log.level: info -> debug", "stop.drain: 30.0 -> 7.0"]
    assert line["needs_restart"] == ["asterisk.ping_interval", "law.folder"]

    stage.contacts({"destination": "5551000404"})
    stage.ended(1)
    call = stage.value("SELECT id FROM ccdata.attempts")
    steps = [json.loads(one)["action"] for one in stage.log().splitlines() if call in one]
    assert {"call.claimed", "call.placed", "call.step", "call.ended"} <= set(steps), "debug tells every step"
    stage.wait(lambda: '"call.written"' in stage.log(), "its writing is told as well")

    config.write_text(text)
    (laws / "own.toml").unlink()
    stage.rotate_log()
    stage.signal(signal.SIGHUP)
    stage.wait(lambda: stage.logged("engine.reloaded"), "reloaded")
    [line] = [json.loads(one) for one in stage.log().splitlines() if "engine.reloaded" in one]
    assert line["needs_restart"] == [], "what runs is what the file says again"
    assert stage.stop() == 0


def test_a_drain_lets_calls_end_survives_a_restart_and_is_shown_everywhere(stage: Stage) -> None:
    stage.dialer(tbc=0)
    stage.contacts(*({"destination": f"55510{n:02d}{200 if n < 3 else 404}"} for n in range(9)))
    stage.start()
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.attempts WHERE state = 'connected'", 3)
    done = overdial(stage, "drain", "--reason", "new cards")
    assert done.returncode == 0, done.stderr
    stage.wait_for_value("SELECT state FROM ccdata.campaign_state", "draining")
    placed = len(stage.invites())
    assert stage.value("SELECT COUNT(*) FROM ccdata.attempts WHERE state = 'connected'") == "3", (
        "they talk on"
    )
    stage.asterisk.command("channel request hangup all")
    assert overdial(stage, "drain", "--reason", "new cards", "--wait", "20").returncode == 0
    stage.wait_for_value("SELECT state FROM ccdata.campaign_state", "drained")
    assert stage.stop() == 0
    stage.rotate_log()
    stage.start()
    stage.wait_for_value("SELECT state FROM ccdata.campaign_state", "drained")
    assert len(stage.invites()) == placed
    stage.wait(lambda: page(stage, "/readyz")[1]["drained"] == "new cards", "the page tells")
    assert "every campaign (new cards)" in overdial(stage, "status").stdout
    url = f"http://127.0.0.1:{stage.metrics_port}/metrics"
    assert "overdial_drained 1.0" in urllib.request.urlopen(url, timeout=5).read().decode()
    assert overdial(stage, "drain", "NOBODY<-").returncode == 1
    assert overdial(stage, "resume").returncode == 0
    stage.ended(9)


def test_an_engine_without_its_tables_lives_is_not_ready_and_names_the_part(stage: Stage) -> None:
    stage.database_lines = "timeout = 1\n"
    stage.dialer()
    stage.start()
    stage.sql("RENAME TABLE ccdata.dialers TO ccdata.gone")
    stage.wait(lambda: page(stage, "/readyz")[0] == 503, "it is not ready")
    stage.wait(lambda: not page(stage, "/readyz")[1]["components"]["database"]["ok"], "the part is named")
    assert page(stage, "/healthz")[0] == 200
    stage.sql("RENAME TABLE ccdata.gone TO ccdata.dialers")
    stage.wait(lambda: page(stage, "/readyz")[0] == 200, "it is ready again")

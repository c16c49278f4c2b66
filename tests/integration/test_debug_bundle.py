"""The debug bundle tells what the engine did, and nothing of secrets, numbers or persons."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from prometheus_client import CollectorRegistry

from engine.cli import main
from engine.lab.mariadb import MariaDB
from engine.lab.parts import free_port
from engine.ports.watch import CampaignStatus, Component, EngineStatus
from engine.telemetry import Metrics, serve
from tests.builders import NOW
from tests.stage import Names

SECRETS = ("ami-Pa55word", "db-Pa55word", "ari-Pa55word", "key-of-the-voice", "4UA2-first-word")
NUMBERS = ("5551234567", "0991234568", "18885550100", "555-123-4569", "+49 30 1234570")
PERSONS = ("Mario", "Rossi", "ana.silva@example.com", "C-778899")


@pytest.fixture
def config(tmp_path: Path, mariadb: MariaDB, names: Names) -> Path:
    """Settings with secrets in every place; a database with numbers wherever people write them."""
    (tmp_path / "ari-secret").write_text(f"{SECRETS[2]}\n")
    path = tmp_path / "overdial.toml"
    path.write_text(
        f'[asterisk]\nsecret = "{SECRETS[0]}"\n[database]\nsocket = "{mariadb.socket}"\nuser = "root"\n'
        f'password = ""\nconfiguration = "{names.configuration}"\nhistory = "{names.history}"\n'
        f'[ari]\nurl = "http://127.0.0.1:1"\nsecret_file = "{tmp_path}/ari-secret"\n'
        f'tts_command = ["speak", "--key", "{SECRETS[3]}"]\n[metrics]\nport = {free_port()}\n'
    )
    sql = (
        "INSERT INTO ccdata.dialers (campaign, dialstring, callerid, variables, sound) VALUES"
        f" ('SALES<-', 'SIP/CARRIER/9', '{NUMBERS[2]}', 'name=Mario', 'hello');"
        "INSERT INTO ccdata.calls_spool (campaign, destination, data, contact) VALUES"
        f" ('SALES<-', '{NUMBERS[0]}', 'name=Mario Rossi:mail=ana.silva@example.com', 'C-778899');"
        "INSERT INTO ccdata.campaign_state (campaign, state, reason, since, updated_at) VALUES"
        f" ('SALES<-', 'set_aside', 'callerid: {NUMBERS[2]} and {NUMBERS[4]} are odd', NOW(3), NOW(3));"
        "INSERT INTO ccdata.decisions (campaign, slot, decided_at, calls, bound, reason, detail) VALUES"
        f" ('SALES<-', 1, NOW(3), 0, 'refused', 'no channel for {NUMBERS[1]}', '{{\"ready\": 2}}');"
    )
    mariadb.sql(names.put_into(sql))
    return path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "engine.log"
    lines: list[Any] = [
        {"event": "call ended", "action": "call.ended", "call_id": "0197a2b3-c4d5-7e6f-8a9b-0c1d2e3f4a5b",
         "campaign": "SALES<-", "outcome": "busy", "timestamp": "2026-05-13T12:00:00.123Z", "level": "info"},
        {"event": f"dialled {NUMBERS[3]}", "destination": NUMBERS[0], "contact": PERSONS[3]},
        {"event": "bad row", "reason": f"data: 'name=Mario Rossi:mail={PERSONS[2]}' is odd"},
        {"event": "refused", "reason": f"Access denied, password {SECRETS[0]}", "value": [{"x": NUMBERS[4]}]},
    ]  # fmt: skip
    text = "\n".join(json.dumps(line) for line in lines)
    plain = (
        f"panoramisk: Channel: PJSIP/{NUMBERS[1]}@CARRIER for {SECRETS[2]}\n"
        f"overdial: user 'admin' was made with the password {SECRETS[4]} (shown this once)\n"
    )
    path.write_text(f"{text}\n{plain}")
    return path


def unpack(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        found = {}
        for member in archive.getmembers():
            file = archive.extractfile(member)
            assert file is not None
            found[member.name.partition("/")[2]] = file.read().decode()
        return found


def make(config: Path, log: Path) -> dict[str, str]:
    path = config.parent / "bundle.tar.gz"
    done = CliRunner().invoke(
        main, ["debug-bundle", "--config", str(config), "--log", str(log), "--output", str(path)]
    )
    assert done.exit_code == 0, done.output
    assert path.stat().st_mode & 0o77 == 0, "nobody else reads it"
    return unpack(path)


def check_clean(parts: dict[str, str]) -> None:
    for name, text in parts.items():
        digits = "".join(c for c in text if c.isdigit() or c.isalpha() or c in '{}",:\n')
        for number in NUMBERS:
            plain = "".join(c for c in number if c.isdigit())
            assert number not in text, f"{number} in {name}"
            assert plain not in digits, f"{plain} in {name}"
        for word in (*SECRETS, *PERSONS):
            assert word not in text, f"{word} in {name}"


def test_nothing_that_was_planted_is_in_it_and_what_helps_is(config: Path, log: Path) -> None:
    parts = make(config, log)
    assert set(parts) == {
        "README.txt", "versions.json", "config.json", "status.json", "database.json",
        "metrics.txt", "log.jsonl",
    }  # fmt: skip
    check_clean(parts)
    database = json.loads(parts["database.json"])
    assert database["campaign_state"][0]["campaign"] == "SALES<-"
    assert database["decisions"][0]["bound"] == "refused"
    assert {row["version"] for row in database["migrations"]} >= {1, 14}
    assert any(row["table_is"] == "calls_spool" for row in database["tables"])
    assert json.loads(parts["config.json"])["asterisk"]["username"] == "overdial"
    assert "prometheus_client" in parts["versions.json"] or "prometheus-client" in parts["versions.json"]
    first = json.loads(parts["log.jsonl"].splitlines()[0])
    assert (first["call_id"], first["outcome"]) == ("0197a2b3-c4d5-7e6f-8a9b-0c1d2e3f4a5b", "busy")
    assert first["timestamp"] == "2026-05-13T12:00:00.123Z"
    assert "no engine answers" in parts["status.json"]


def test_a_running_engines_words_are_scrubbed_as_well(config: Path, log: Path) -> None:
    metrics = Metrics(CollectorRegistry())
    campaign = CampaignStatus("SALES<-", "set_aside", NOW, reason=f"{NUMBERS[0]}: name=Mario Rossi:x=1")
    database = Component("database", False, f"Access denied with {SECRETS[0]}")
    metrics.status(EngineStatus(NOW, "leading", "one", 7, (database,), (campaign,)))
    port = int(config.read_text().rpartition("port = ")[2])
    server = serve(metrics, "127.0.0.1", port)
    try:
        parts = make(config, log)
    finally:
        server.shutdown()
        server.server_close()
    check_clean(parts)
    assert 'overdial_campaign_state{campaign="SALES<-",state="set_aside"} 1.0' in parts["metrics.txt"]
    assert json.loads(parts["status.json"])["status"]["components"][0]["ok"] is False


def test_without_a_database_it_is_made_all_the_same(config: Path, log: Path) -> None:
    config.write_text(config.read_text().replace("db.sock", "none.sock"))
    parts = make(config, log)
    assert "connect" in json.loads(parts["database.json"])["fault"]

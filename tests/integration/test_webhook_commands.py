"""`overdial webhooks …` as a person uses it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli import main
from engine.lab.mariadb import MariaDB
from tests.stage import Names


@pytest.fixture
def config(mariadb: MariaDB, names: Names, tmp_path: Path) -> Path:
    path = tmp_path / "overdial.toml"
    path.write_text(
        f'[database]\nsocket = "{mariadb.socket}"\nuser = "root"\nconfiguration = "{names.configuration}"\n'
        f'history = "{names.history}"\n'
    )
    return path


def said(config: Path, *words: str, status: int = 0) -> str:
    result = CliRunner().invoke(main, ["webhooks", words[0], "--config", str(config), *words[1:]])
    assert result.exit_code == status, result.output
    return result.output


def test_a_webhook_from_its_beginning_to_its_end(mariadb: MariaDB, names: Names, config: Path) -> None:
    first = said(config, "add", "SALES<-", "https://crm.example.com/hook", "--masked")
    secret = re.search(r"whsec_\S+", first)
    assert secret is not None
    assert "SALES<-  *, masked  https://crm.example.com/hook" in said(config, "list")
    assert secret[0] not in said(config, "list")
    assert "is on its way" in said(config, "test", "1")
    assert "1 wait, 0 dead" in said(config, "list")
    mariadb.sql(
        names.put_into(
            "INSERT INTO ccdata.webhook_dead_letters (webhook, event, kind, campaign, body, attempts,"
            " last_status, last_error, happened_at, died_at) VALUES (1, 'e1', 'call.ended', 'SALES<-', '{}',"
            " 16, 503, 'down', UTC_TIMESTAMP(), UTC_TIMESTAMP())"
        )
    )
    assert "16 tries, last status 503 down" in said(config, "dead", "--webhook", "1")
    assert "1 events are on their way" in said(config, "replay", "1")
    assert secret[0] not in said(config, "rotate", "1")
    assert "is off" in said(config, "disable", "1")
    assert "is on" in said(config, "enable", "1")
    assert "is removed" in said(config, "remove", "1")
    assert said(config, "list") == ""


def test_what_cannot_be_done_is_said_by_field(config: Path) -> None:
    assert "url: it is no https URL" in said(config, "add", "A<-", "http://crm.example.com/", status=1)
    assert "url: 10.0.0.1 is no public address" in said(config, "add", "A<-", "https://10.0.0.1/", status=1)
    assert "there is no webhook 7" in said(config, "replay", "7", status=1)
    assert "since: 'noon' is no time" in said(config, "replay", "7", "--since", "noon", status=1)

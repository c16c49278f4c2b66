"""`overdial users …` against a real database."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli import main
from engine.lab.mariadb import MariaDB
from tests.stage import Names


@pytest.fixture
def config(mariadb: MariaDB, names: Names, tmp_path: Path) -> Path:
    file = tmp_path / "overdial.toml"
    file.write_text(
        f'[database]\nsocket = "{mariadb.socket}"\nuser = "root"\n'
        f'configuration = "{names.configuration}"\nhistory = "{names.history}"\n'
    )
    return file


def _users(config: Path, *argv: str, typed: str = "") -> tuple[int, str]:
    command, *rest = argv
    done = CliRunner().invoke(main, ["users", command, "--config", str(config), *rest], input=typed)
    return done.exit_code, done.output


def test_a_user_from_the_first_to_the_last_command(config: Path, mariadb: MariaDB, names: Names) -> None:
    def value(query: str) -> str:
        return mariadb.sql(names.put_into(query)).strip()

    status, said = _users(config, "add", "--role", "supervisor", "maria")
    assert status == 1
    assert "--campaign" in said
    status, said = _users(config, "add", "--role", "supervisor", "--campaign", "SALES<-", "maria")
    assert status == 0, said
    assert len(said.rpartition(": ")[2].strip()) == 26
    assert said.rpartition(": ")[2].strip() not in value("SELECT * FROM ccdata.users")
    status, said = _users(
        config, "add", "--role", "administrator", "--stdin", "root2", typed="Correct-horse-7\n"
    )
    assert (status, said) == (0, "root2 has a new password\n")
    status, said = _users(config, "passwd", "--stdin", "maria", typed="short\n")
    assert (status, "shorter than 12" in said) == (1, True)
    assert _users(config, "passwd", "maria")[0] == 0
    assert _users(config, "role", "maria", "agent", "--campaign", "HELP<-")[0] == 0
    assert value("SELECT campaign FROM ccdata.user_campaigns WHERE user='maria'") == "HELP<-"
    assert _users(config, "lock", "maria") == (0, "maria is locked\n")
    status, said = _users(config, "list")
    assert status == 0
    assert [line.split()[:3] for line in said.splitlines()[1:]] == [
        ["maria", "agent", "inactive"],
        ["root2", "administrator", "active"],
    ]
    assert _users(config, "unlock", "maria") == (0, "maria may log in\n")
    assert _users(config, "revoke-tokens", "maria") == (0, "0 sessions ended\n")
    status, said = _users(config, "lock", "root2")
    assert (status, "last administrator" in said) == (1, True)
    status, said = _users(config, "lock", "nobody")
    assert (status, "there is none of this name" in said) == (1, True)
    assert "user maria locked" in value("SELECT action FROM ccrepo.auditory")

"""What a supervisor reads when his command cannot work."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli import main
from engine.desk.common import with_fix
from engine.lab.parts import free_port
from engine.ports import StoreError


@pytest.mark.parametrize(
    "argv",
    [
        ("lists", "show", "A"),
        ("preflight", "A"),
        ("users", "list"),
        ("webhooks", "list"),
        ("explain", "A"),
        ("simulate", "--campaign", "A"),
        ("resume",),
    ],
)
def test_a_database_that_is_away_is_told_with_the_fix(argv: tuple[str, ...], tmp_path: Path) -> None:
    config = tmp_path / "overdial.toml"
    port = free_port()
    config.write_text(f'[database]\nhost = "127.0.0.1"\nport = {port}\n')
    done = CliRunner().invoke(main, [*argv, "--config", str(config)])
    assert done.exit_code == 1
    assert f"database at 127.0.0.1:{port}: 2003" in done.output
    assert "Fix: start the server, or correct [database]" in done.output


def test_a_schema_that_is_too_old_is_told_with_the_fix() -> None:
    assert "overdial migrate" in with_fix(StoreError("1146: Table 'ccdata.users' doesn't exist"), "db")
    assert with_fix(StoreError("there is a call with this id"), "db") == "there is a call with this id"

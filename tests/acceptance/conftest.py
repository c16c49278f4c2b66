"""The stage of each acceptance test: the engine as a process against the real parts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.lab.asterisk import Asterisk
from engine.lab.mariadb import MariaDB
from engine.lab.sipp import Sipp
from tests.stage import Names, Stage, set_stage


@pytest.fixture
def stage(
    mariadb: MariaDB, asterisk: Asterisk, carrier: Sipp, names: Names, tmp_path: Path
) -> Iterator[Stage]:
    """A stage with the schema in place; the test inserts its rows and starts the engine."""
    with set_stage(mariadb, asterisk, carrier, names, tmp_path) as own:
        yield own

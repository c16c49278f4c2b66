"""The demo as its user sees it."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import LAB


def demo(lab: Path) -> str:
    argv = [sys.executable, "-m", "engine", "demo", "--plain", "--lab", str(lab)]
    argv += ["--contacts", "12", "--agents", "6", "--duration", "15"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def figure(report: str, name: str) -> str:
    found = re.search(rf"│ {name} +│ +([\d.]+)", report)
    assert found, report
    return found[1]


def test_a_demo_dials_and_reports_whatever_a_killed_one_has_left(tmp_path: Path) -> None:
    (tmp_path / "asterisk").symlink_to(LAB / "asterisk")
    left = tmp_path / "demo" / "state" / "journal"
    left.mkdir(parents=True)
    (left / "left.journal").write_text("of another database")
    report = demo(tmp_path)
    assert int(figure(report, "attempts")) >= 12
    assert 1 <= int(figure(report, "connected to an agent")) <= int(figure(report, "answered"))
    assert float(figure(report, "occupancy")) > 10.0
    assert not (left / "left.journal").exists()
    shutil.rmtree(tmp_path / "demo")

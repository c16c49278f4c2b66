"""What the service's unit gives the engine and keeps from it, as systemd has it (Linux)."""

from __future__ import annotations

import resource
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

#: What ProtectHome hides.
_HOMES = ("/home", "/root", "/run/user")


def asked(unit: str, *properties: str) -> Mapping[str, str]:
    """Return properties of a unit; none where there is no systemd, or no such unit."""
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        return {}
    argv = [systemctl, "show", f"--property=LoadState,{','.join(properties)}", unit]
    try:
        told = subprocess.run(argv, capture_output=True, text=True, timeout=5, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return {}
    said = dict(line.split("=", 1) for line in told.splitlines() if "=" in line)
    return said if said.get("LoadState") == "loaded" else {}


def open_files(unit: str) -> int:
    """Return how many files the engine may open: what its unit says, else what this process may."""
    limit = asked(unit, "LimitNOFILESoft").get("LimitNOFILESoft", "")
    return int(limit) if limit.isdecimal() else resource.getrlimit(resource.RLIMIT_NOFILE)[1]


def closed(unit: str, written: Mapping[str, Path], read: Mapping[str, Path]) -> dict[str, str]:
    """Return what the unit keeps from the service, though the user may have it: setting → what is wrong.

    `written`: folders in which it must write, `read`: what it must read, by their settings.
    """
    said = asked(unit, "ProtectSystem", "ProtectHome", "ReadWritePaths", "StateDirectory")
    problems = {}
    if said.get("ProtectHome", "no") not in ("no", "read-only"):
        for setting, path in (*written.items(), *read.items()):
            if _below(path, _HOMES):
                problems[setting] = f"{path} is hidden from the service by ProtectHome in {unit}"
    if said.get("ProtectSystem") == "strict":
        opened = [part.lstrip("-+") for part in said.get("ReadWritePaths", "").split()]
        opened += [f"/var/lib/{part.partition(':')[0]}" for part in said.get("StateDirectory", "").split()]
        for setting, path in written.items():
            if not _below(path, (*opened, "/tmp", "/var/tmp")):  # noqa: S108 - PrivateTmp gives it its own
                problems.setdefault(
                    setting, f"{path} cannot be written to by the service: {unit} does not open it"
                )
    return problems


def _below(path: Path, folders: tuple[str, ...]) -> bool:
    real = path.resolve()
    return any(real.is_relative_to(Path(folder).resolve()) for folder in folders)

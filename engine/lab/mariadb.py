"""A private MariaDB on a Unix socket, with its data in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from engine.lab.parts import Child, LabError, wait_until


class MariaDB:
    """One running server. Data lives below `home`; `fresh=True` starts from nothing.

    The template of an empty data directory is kept beside it, so that the second start skips
    the slow part. `port`: also listen there on loopback; 0: on no port at all. `options`: further ones of
    the server, which win.
    """

    def __init__(self, home: Path, port: int = 0, options: tuple[str, ...] = ()) -> None:
        self.home = home
        self.options = options
        self.port = port
        self.data = home / "data"
        self.socket = home / "db.sock"
        self.child: Child | None = None
        if len(str(self.socket)) > 100:
            raise LabError(
                f"the path {self.socket} is too long for a Unix socket. "
                "Fix: put the project (or OVERDIAL_LAB) into a folder with a shorter path."
            )
        self._server = _find("mariadbd", "/usr/sbin/mariadbd")
        self._install = _find("mariadb-install-db", "/usr/bin/mariadb-install-db")
        self._client = _find("mariadb", "/usr/bin/mariadb")

    def start(self, *, fresh: bool = True, limit: float = 60.0) -> None:
        """Start and wait until the server answers."""
        self.home.mkdir(parents=True, exist_ok=True)
        if fresh:
            shutil.rmtree(self.data, ignore_errors=True)
        if not self.data.exists():
            self._create()
        temporary = self.home / "tmp"
        temporary.mkdir(exist_ok=True)
        self.child = Child(
            [
                self._server,
                "--no-defaults",
                *self._common(self.data),
                f"--socket={self.socket}",
                f"--pid-file={self.home / 'db.pid'}",
                # A server that starts clears its folder for temporary tables, whosever they are.
                f"--tmpdir={temporary}",
                *self._network(),
                "--skip-log-bin",
                # The documents spell table names in both cases.
                "--lower-case-table-names=1",
                "--character-set-server=utf8mb4",
                "--innodb-buffer-pool-size=256M",
                "--innodb-log-file-size=64M",
                # As durable as a production server against a crash of the process.
                "--innodb-flush-log-at-trx-commit=2",
                "--event-scheduler=OFF",
                *self.options,
            ],
            self.home / "db.log",
        )
        wait_until(self._answers, self.child, "MariaDB", limit)

    def _network(self) -> list[str]:
        if not self.port:
            return ["--skip-networking"]
        return [f"--port={self.port}", "--bind-address=127.0.0.1", "--skip-name-resolve"]

    @staticmethod
    def _common(data: Path) -> list[str]:
        common = [f"--datadir={data}"]
        if os.geteuid() == 0:
            # mariadbd refuses to run as root unless told so; this one is private to the folder.
            common.append("--user=root")
        return common

    def _create(self) -> None:
        self.data.mkdir()
        # mariadb-install-db does not quote, and the way to the folder may have spaces in it.
        with tempfile.TemporaryDirectory() as plain:
            way = Path(plain) / "data"
            way.symlink_to(self.data)
            done = subprocess.run(
                [
                    self._install,
                    "--no-defaults",
                    *self._common(way),
                    "--auth-root-authentication-method=normal",
                    # A machine whose own name does not resolve is no obstacle: only the socket is used.
                    "--force",
                    "--skip-test-db",
                    "--lower-case-table-names=1",
                ],
                capture_output=True,
                text=True,
                check=False,
            )
        if done.returncode != 0:
            raise LabError(
                f"mariadb-install-db failed: {(done.stderr or done.stdout).strip()[-300:]}. "
                f"Fix: delete {self.data} and try again."
            )

    def _answers(self) -> bool:
        return self.socket.exists() and self.sql("SELECT 1", check=False).strip() == "1"

    def sql(self, text: str, *, check: bool = True) -> str:
        """Run statements with the ordinary client; return its tab-separated output."""
        done = subprocess.run(
            [self._client, "--no-defaults", f"--socket={self.socket}", "-uroot", "-N", "-B"],
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if check and done.returncode != 0:
            raise LabError(f"the database refused a statement: {done.stderr.strip()}")
        return done.stdout

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop(20.0)

    def kill(self) -> None:
        if self.child is not None:
            self.child.kill()


def _find(name: str, fallback: str) -> str:
    found = shutil.which(name) or (fallback if Path(fallback).exists() else None)
    if found is None:
        raise LabError(
            f"{name} is not installed. Fix: run deploy/lab/packages.sh (make does it) "
            "or apt-get install mariadb-server-core mariadb-client-core."
        )
    return found

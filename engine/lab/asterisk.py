"""A private Asterisk with the project's `asterisk-conf/`, on ports of its own."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
from dataclasses import dataclass
from pathlib import Path

from engine.lab.parts import Child, LabError, check_port, free_port, wait_until


@dataclass(frozen=True)
class AsteriskInstall:
    """Where the program, its modules and its sounds are."""

    command: tuple[str, ...]
    modules: Path
    data: Path

    @classmethod
    def find(cls, lab: Path) -> AsteriskInstall:
        """Return the private copy below `lab`, as `deploy/lab/asterisk.sh` unpacked it.

        The copy brings its own C library and is started through its own program loader, so it
        runs on an older system than it was built for, without root and without a chroot.
        """
        home = lab / "asterisk"
        try:
            layout = dict(line.split("=", 1) for line in (home / "layout").read_text().splitlines() if line)
        except OSError as error:
            raise LabError(
                f"no Asterisk below {home}. Fix: run deploy/lab/asterisk.sh (make does it)."
            ) from error
        return cls(
            command=(
                str(home / layout["interpreter"]),
                "--library-path",
                str(home / layout["library_path"]),
                str(home / "root/usr/sbin/asterisk"),
            ),
            modules=home / layout["modules"],
            data=home / "root/usr/share/asterisk",
        )


class Asterisk:
    """One running Asterisk: start, ask, stop.

    `local` maps file names below `local/` to their content: what is of this machine or this test
    (endpoints, queues, dialplan). The AMI user `overdial` gets a random secret.
    """

    def __init__(
        self,
        install: AsteriskInstall,
        conf: Path,
        home: Path,
        local: dict[str, str],
        *,
        ami_port: int | None = None,
        sip_port: int | None = None,
    ) -> None:
        self.install = install
        self.home = home
        self.ami_port = ami_port or free_port()
        self.sip_port = sip_port or free_port(socket.SOCK_DGRAM)
        self.secret = secrets.token_hex(16)
        self.child: Child | None = None
        self.http_port = free_port()
        check_port(self.ami_port, socket.SOCK_STREAM, "Asterisk manager")
        check_port(self.sip_port, socket.SOCK_DGRAM, "SIP")
        self._lay_out(conf, local)

    def _lay_out(self, conf: Path, local: dict[str, str]) -> None:
        etc = self.home / "etc"
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(conf, etc, ignore=shutil.ignore_patterns("local", "*.md"))
        for folder in ("log/cdr-csv", "run", "spool/recording", "var/keys", "etc/local"):
            (self.home / folder).mkdir(parents=True, exist_ok=True)
        # Unix socket paths are limited to 107 bytes; the control socket may need a shorter home.
        self.control = self.home / "run" / "asterisk.ctl"
        if len(str(self.control)) > 100:
            raise LabError(
                f"the path {self.control} is too long for a Unix socket. "
                "Fix: put the project (or OVERDIAL_LAB) into a folder with a shorter path."
            )
        (etc / "asterisk.conf").write_text(
            "[directories]\n"
            f"astetcdir => {etc}\n"
            f"astmoddir => {self.install.modules}\n"
            f"astvarlibdir => {self.home / 'var'}\n"
            f"astdbdir => {self.home / 'var'}\n"
            f"astkeydir => {self.home / 'var'}\n"
            f"astdatadir => {self.install.data}\n"
            f"astagidir => {self.install.data / 'agi-bin'}\n"
            f"astspooldir => {self.home / 'spool'}\n"
            f"astrundir => {self.home / 'run'}\n"
            f"astlogdir => {self.home / 'log'}\n"
            f"astsbindir => {self.home}\n"
            "[options]\n"
            "nocolor = yes\n"
            "documentation_language = en_US\n"
        )
        files = {
            "manager-port.conf": f"port = {self.ami_port}\n",
            "manager-secret.conf": f"secret = {self.secret}\n",
            "http-port.conf": f"bindport = {self.http_port}\n",
            "ari-secret.conf": f"password = {self.secret}\n",
            "rtp.conf": _rtp_range(self.sip_port),
            "pjsip.conf": (
                "[lab]\ntype = transport\nprotocol = udp\n"
                f"bind = 127.0.0.1:{self.sip_port}\n\n"
                "#include lab/pjsip.conf\n#tryinclude local/pjsip-parts.conf\n"
            ),
            "extensions.conf": ("#include lab/extensions.conf\n#tryinclude local/extensions-parts.conf\n"),
            **local,
        }
        for name, content in files.items():
            (etc / "local" / name).write_text(content)

    def start(self) -> None:
        """Start and wait until Asterisk says that it has fully booted."""
        argv = [*self.install.command, "-f", "-C", str(self.home / "etc/asterisk.conf")]
        self.child = Child(argv, self.home / "log/console", cwd=self.home)
        wait_until(self._booted, self.child, "Asterisk")

    def _booted(self) -> bool:
        return self.control.exists() and "fully booted" in self.command("core waitfullybooted")

    def command(self, line: str) -> str:
        """Run one CLI command (`asterisk -rx`) and return what it prints."""
        argv = [*self.install.command, "-C", str(self.home / "etc/asterisk.conf"), "-rx", line]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
        return done.stdout

    @property
    def cdr_file(self) -> Path:
        """Where Asterisk writes its own CDRs."""
        return self.home / "log/cdr-csv/Master.csv"

    @property
    def major(self) -> int:
        """The major version: 22 tells the SIP code of a hang-up, 20 the Q.850 cause only."""
        words = self.command("core show version").split()
        return int(words[1].split(".")[0])

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop(5.0)

    def kill(self) -> None:
        if self.child is not None:
            self.child.kill()

    def channels(self) -> int:
        """Return the number of live channels."""
        for line in self.command("core show channels count").splitlines():
            if "active channel" in line:
                return int(line.split()[0])
        raise LabError("Asterisk does not answer on its control socket. Fix: read its log.")

    def queue(self, agents: int, name: str, wrapup: int, first: int = 101, lines: str = "") -> None:
        """Write the queue `name` with loopback agents `first`… as static members, before the start; `lines`
        are further settings of it."""
        numbers = range(first, first + agents)
        members = "".join(f"member => PJSIP/agent{n},0,Agent {n},PJSIP/agent{n}\n" for n in numbers)
        endpoints = "".join(
            f"[agent{n}](overdial-agent)\naors = agent{n}\ntransport = lab\n"
            f"[agent{n}]\ntype = aor\ncontact = sip:agent{n}@127.0.0.1:{self.sip_port}\n"
            for n in numbers
        )
        local = self.home / "etc/local"
        with (local / "queues.conf").open("a") as queues:
            queues.write(f"[{name}](overdial-campaign)\nwrapuptime = {wrapup}\n{lines}{members}")
        with (local / "pjsip-parts.conf").open("a") as parts:
            parts.write(endpoints)

    def phone(self, queue: str, name: str, port: int) -> None:
        """Write a queue with one agent, whose phone `name` listens at 127.0.0.1:`port`, before the start."""
        local = self.home / "etc/local"
        with (local / "queues.conf").open("a") as queues:
            queues.write(f"[{queue}](overdial-campaign)\nmember => PJSIP/{name},0,{name},PJSIP/{name}\n")
        with (local / "pjsip-parts.conf").open("a") as parts:
            parts.write(
                f"[{name}](overdial-agent)\naors = {name}\ntransport = lab\n"
                f"[{name}]\ntype = aor\ncontact = sip:{name}@127.0.0.1:{port}\n"
            )

    def trunk(self, name: str, port: int, lines: str = "") -> None:
        """Write a trunk `name` that sends its calls to 127.0.0.1:`port`, before the start; `lines` are
        further settings of its endpoint."""
        with (self.home / "etc/local/pjsip-parts.conf").open("a") as parts:
            parts.write(
                f"[{name}](overdial-trunk)\naors = {name}\ntransport = lab\n{lines}"
                f"[{name}]\ntype = aor\ncontact = sip:127.0.0.1:{port}\n"
            )


def _rtp_range(sip_port: int) -> str:
    """Return an RTP port range that differs between instances and leaves ephemeral ports alone."""
    start = 10_000 + (sip_port * 400) % 20_000
    return f"rtpstart = {start}\nrtpend = {start + 398}\n"

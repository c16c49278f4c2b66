"""The parts of the deploy scripts, in folders of their own, on a real database server and a real Asterisk."""

from __future__ import annotations

import gzip
import os
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.lab.asterisk import Asterisk, AsteriskInstall
from engine.lab.mariadb import MariaDB
from engine.lab.parts import tool
from tests.conftest import LAB

DEPLOY = Path(__file__).parents[2] / "deploy"
EXAMPLE = DEPLOY / "overdial.toml.example"
#: What only root can do is left out; everything else is the scripts' own.
_STAND_INS = """
chown() { :; }
install() {
    local words=()
    while [ $# -gt 0 ]; do case "$1" in -o | -g) shift 2 ;; *) words+=("$1"); shift ;; esac; done
    command install "${words[@]}"
}
as_overdial() { "$@"; }
has_systemd() { false; }
getent() { false; }
"""


@dataclass(frozen=True)
class Host:
    """Folders as on a host, below one of the test."""

    home: Path

    def __getattr__(self, name: str) -> Path:
        return self.home / name

    def write(self, text: str, password: str = "") -> None:
        (self.config / "overdial.toml").write_text(text)
        if password:
            (self.config / "db-password").write_text(password + "\n")

    def run(
        self, script: str, commands: str, asterisk: Asterisk | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run commands with the functions of one of the scripts."""
        lines = [
            f". {DEPLOY / script}",
            _STAND_INS,
            f"CONFIG={self.config} STATE={self.state} SHARED={self.shared}",
        ]
        lines += [f"PREFIX={self.prefix} UNITS={self.units} UNIT={self.units}/overdial.service"]
        lines += [f"ASTERISK={asterisk.home / 'etc' if asterisk else self.asterisk}"]
        if asterisk:
            program = " ".join((*asterisk.install.command, "-C", str(asterisk.home / "etc/asterisk.conf")))
            lines.append(f'asterisk() {{ {program} "$@"; }}')
        else:
            lines.append("asterisk_runs() { false; }")
        return subprocess.run(
            ["bash", "-c", "\n".join([*lines, commands])],
            env={
                "PATH": f"{os.environ['PATH']}:{tool('mariadb-dump', LAB).rpartition('/')[0]}",
                "HOME": str(self.home),
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def host(tmp_path: Path) -> Host:
    for name in ("config", "state", "shared", "prefix", "units", "asterisk"):
        (tmp_path / name).mkdir()
    (tmp_path / ".my.cnf").write_text("[client]\nuser=root\n")
    return Host(tmp_path)


# ---- the database -----------------------------------------------------------------------------------


@pytest.fixture
def settings(mariadb: MariaDB, host: Host) -> Iterator[Callable[..., str]]:
    """Makes an overdial.toml for databases and accounts of this test."""

    def text(user: str, password: str) -> str:
        return (
            f'[database]\nsocket = "{mariadb.socket}"\nuser = "{user}"\n{password}\n'
            'configuration = "deploy_one"\nhistory = "deploy_two"\n'
        )

    yield text
    mariadb.sql("DROP DATABASE IF EXISTS deploy_one; DROP DATABASE IF EXISTS deploy_two;")
    mariadb.sql("DROP USER IF EXISTS dialer@localhost; DROP USER IF EXISTS deploy@localhost;")


def _opens(mariadb: MariaDB, user: str, password: str) -> bool:
    client = ["mariadb", "--no-defaults", f"--socket={mariadb.socket}", f"-u{user}", f"-p{password}"]
    return subprocess.run([*client, "-e", "SELECT 1"], capture_output=True, check=False).returncode == 0


def test_an_account_of_the_operator_keeps_its_password(
    mariadb: MariaDB, host: Host, settings: Callable[..., str]
) -> None:
    mariadb.sql("CREATE USER dialer@localhost IDENTIFIED BY 'theirs'")
    host.write(settings("dialer", 'password = "theirs"'), "random")
    done = host.run("install.sh", "prepare_database")
    assert done.returncode == 0, done.stderr
    assert "stay as they are" in done.stdout
    # Even where overdial.toml names our file: who made the account is what counts.
    host.write(settings("dialer", f'password_file = "{host.config}/db-password"'), "random")
    refused = host.run("install.sh", "prepare_database")
    assert refused.returncode == 1
    assert "this script did not make it" in refused.stderr
    assert _opens(mariadb, "dialer", "theirs")


def test_root_is_not_made_the_engines_account(host: Host, settings: Callable[..., str]) -> None:
    host.write(settings("root", f'password_file = "{host.config}/db-password"'), "random")
    refused = host.run("install.sh", "prepare_database")
    assert refused.returncode == 1
    assert "belongs to the server itself" in refused.stderr


@pytest.mark.parametrize(
    ("password", "mode"),
    [
        ("back\\slash", ""),
        ("it's", "NO_BACKSLASH_ESCAPES,ANSI_QUOTES"),
        ("a\"#b';\\'", "NO_BACKSLASH_ESCAPES"),
    ],
)
def test_the_account_has_the_password_of_the_file_whatever_is_in_it(
    mariadb: MariaDB, host: Host, settings: Callable[..., str], password: str, mode: str
) -> None:
    before = mariadb.sql("SELECT @@GLOBAL.sql_mode").strip()
    host.write(settings("deploy", f'password_file = "{host.config}/db-password"'), password)
    mariadb.sql(f"SET GLOBAL sql_mode = '{mode}'")
    try:
        done = host.run("install.sh", "prepare_database; prepare_database")
    finally:
        mariadb.sql(f"SET GLOBAL sql_mode = '{before}'")
    assert done.returncode == 0, done.stderr
    assert _opens(mariadb, "deploy", password)
    assert password not in done.stdout + done.stderr
    assert "GRANT ALL PRIVILEGES ON `deploy_one`" in mariadb.sql("SHOW GRANTS FOR deploy@localhost")


def test_our_own_account_gets_the_new_password_of_the_file(
    mariadb: MariaDB, host: Host, settings: Callable[..., str]
) -> None:
    text = settings("deploy", f'password_file = "{host.config}/db-password"')
    host.write(text, "first")
    assert host.run("install.sh", "prepare_database").returncode == 0
    host.write(text, "second")
    assert host.run("install.sh", "prepare_database").returncode == 0
    assert _opens(mariadb, "deploy", "second")
    dropped = host.run("uninstall.sh", "purge=yes; read_settings; drop_database")
    assert "gone: the database account deploy" in dropped.stdout
    assert not _opens(mariadb, "deploy", "second")


@pytest.fixture
def schema(mariadb: MariaDB, host: Host, settings: Callable[..., str]) -> None:
    """A schema with one contact, and the account of the operator that reaches it."""
    mariadb.sql(
        "CREATE DATABASE deploy_one; CREATE DATABASE deploy_two;"
        "CREATE TABLE deploy_one.schema_migrations (version INT PRIMARY KEY);"
        "CREATE TABLE deploy_one.contacts (name VARCHAR(20));"
        "INSERT INTO deploy_one.contacts VALUES ('before');"
        "CREATE USER dialer@localhost IDENTIFIED BY 'th\"eirs#';"
        "GRANT ALL ON deploy_one.* TO dialer@localhost; GRANT ALL ON deploy_two.* TO dialer@localhost;"
    )
    host.write(settings("dialer", "password = 'th\"eirs#'"))


_UPGRADE = """
release={prefix}/releases/2; mkdir -p $release/bin
cat >$release/bin/overdial <<'TEXT'
#!/bin/sh
case "$*" in *--pending*) echo 0099_next ;; *) echo applied 0099_next ;; esac
TEXT
chmod +x $release/bin/overdial
with_database=no; {more} bring_schema_up
"""


@pytest.mark.usefixtures("schema")
def test_an_upgrade_without_a_root_of_the_database_dumps_with_the_engines_account(host: Host) -> None:
    done = host.run("install.sh", _UPGRADE.format(prefix=host.prefix, more=""))
    assert done.returncode == 0, done.stderr
    (dump,) = (host.state / "backups").glob("before-2-*.sql.gz")
    assert b"'before'" in gzip.decompress(dump.read_bytes())
    assert dump.stat().st_mode & 0o077 == 0


@pytest.mark.usefixtures("schema")
def test_an_upgrade_whose_dump_fails_stops_before_the_migrations(mariadb: MariaDB, host: Host) -> None:
    mariadb.sql("REVOKE ALL PRIVILEGES ON deploy_two.* FROM dialer@localhost")
    done = host.run("install.sh", _UPGRADE.format(prefix=host.prefix, more=""))
    assert done.returncode == 1
    assert "nothing was changed" in done.stderr
    assert "applied" not in done.stdout
    assert list((host.state / "backups").iterdir()) == []
    without = host.run("install.sh", _UPGRADE.format(prefix=host.prefix, more="with_dump=no;"))
    assert "no dump before the migrations" in without.stdout
    assert "applied 0099_next" in without.stdout


@pytest.mark.usefixtures("schema")
@pytest.mark.parametrize("kind", ["not gzip", "cut off", "without its end", "nearly empty", "one database"])
def test_a_dump_that_cannot_be_used_costs_nothing(mariadb: MariaDB, host: Host, kind: str) -> None:
    host.run("install.sh", _UPGRADE.format(prefix=host.prefix, more=""))
    (dump,) = (host.state / "backups").glob("before-*")
    whole = dump.read_bytes()
    text = gzip.decompress(whole)
    dump.write_bytes(
        {
            "not gzip": text,
            "cut off": whole[:-20],
            "without its end": gzip.compress(text[: text.rindex(b"-- Dump completed")]),
            "nearly empty": gzip.compress(b"-- MariaDB dump\n-- Dump completed on 2026-01-01\n"),
            "one database": gzip.compress(text.replace(b"USE `deploy_two`;", b"")),
        }[kind]
    )
    refused = host.run("rollback.sh", f"stop() {{ echo STOPPED; }}; restore_dump {dump}")
    assert refused.returncode == 1
    assert "Nothing was changed" in refused.stderr
    assert "STOPPED" not in refused.stdout
    assert mariadb.sql("SELECT name FROM deploy_one.contacts").strip() == "before"


@pytest.mark.usefixtures("schema")
def test_going_back_to_a_dump_keeps_one_of_the_present_state(mariadb: MariaDB, host: Host) -> None:
    host.run("install.sh", _UPGRADE.format(prefix=host.prefix, more=""))
    (dump,) = (host.state / "backups").glob("before-*")
    mariadb.sql("INSERT INTO deploy_one.contacts VALUES ('since')")
    done = host.run("rollback.sh", f"restore_dump {dump}")
    assert done.returncode == 0, done.stderr
    assert mariadb.sql("SELECT name FROM deploy_one.contacts").split() == ["before"]
    (present,) = (host.state / "backups").glob("replaced-*")
    again = host.run("rollback.sh", f"restore_dump {present}")
    assert again.returncode == 0, again.stderr
    assert mariadb.sql("SELECT name FROM deploy_one.contacts").split() == ["before", "since"]


def test_purging_keeps_archived_rows_and_dumps_and_says_so(host: Host) -> None:
    host.write("")
    for name in (
        "archive/attempts/2025-01.jsonl.gz",
        "backups/before-1.sql.gz",
        "us.registry",
        "journal/one",
    ):
        (host.state / name).parent.mkdir(parents=True, exist_ok=True)
        (host.state / name).write_text("x")
    done = host.run("uninstall.sh", "purge=yes; read_settings; remove_data")
    assert done.returncode == 0, done.stderr
    assert {path.name for path in host.state.iterdir()} == {"archive", "backups"}
    assert f"kept: {host.state}/archive" in done.stdout
    assert f"gone: {host.state}/us.registry" in done.stdout
    host.config.mkdir()
    host.write("")
    host.run("uninstall.sh", "purge=yes drop=yes; read_settings; remove_data")
    assert not host.state.exists()
    refused = host.run("uninstall.sh", "purge=yes drop=yes; read_settings")
    assert refused.returncode == 1
    assert "drop them by hand" in refused.stderr


# ---- overdial.toml ----------------------------------------------------------------------------------


def test_settings_that_somebody_changed_stay_at_the_next_run(host: Host) -> None:
    file = host.config / "overdial.toml"
    first = host.run("install.sh", "with_asterisk=yes; write_settings")
    assert first.returncode == 0, first.stderr
    told = tomllib.loads(file.read_text())
    assert told["ari"]["url"] == "http://127.0.0.1:8088"
    assert told["asterisk"]["queues_file"] == f"{host.shared}/queues.conf"
    own = (
        file.read_text()
        .replace('url = "http://127.0.0.1:8088"', 'url = "http://10.0.0.9:8088"\n# url = ""')
        .replace("queues_file = ", "# queues_file = ")
    )
    file.write_text(own)
    again = host.run("install.sh", "with_asterisk=yes; write_settings")
    assert again.returncode == 0, again.stderr
    assert file.read_text() == own


def test_an_ari_switched_off_stays_off_and_a_first_run_without_asterisk_is_made_up_for(host: Host) -> None:
    file = host.config / "overdial.toml"
    host.run("install.sh", "write_settings")
    assert "url" not in tomllib.loads(file.read_text())["ari"]
    host.run("install.sh", "with_asterisk=yes; write_settings")
    assert tomllib.loads(file.read_text())["ari"]["url"] == "http://127.0.0.1:8088"
    off = file.read_text().replace("\nurl = ", "\n# url = ").replace("\nsecret_file = ", "\n# secret_file = ")
    file.write_text(off)
    host.run("install.sh", "with_asterisk=yes; write_settings")
    assert file.read_text() == off


@pytest.mark.parametrize("made", ["db-password", "ami-secret", "overdial.toml"])
def test_a_run_that_was_cut_off_is_made_up_for_by_the_next(host: Host, made: str) -> None:
    cut = host.run(
        "install.sh", f'mv() {{ case "$*" in *{made}) kill -9 $$ ;; esac; command mv "$@"; }}\nwrite_settings'
    )
    assert cut.returncode < 0
    assert not (host.config / made).exists()
    again = host.run("install.sh", "write_settings")
    assert again.returncode == 0, again.stderr
    assert (host.config / made).read_text().strip()
    assert {path.name for path in host.config.iterdir()} >= {"db-password", "ami-secret", "ari-secret"}


# ---- Asterisk's files -------------------------------------------------------------------------------


def test_the_folders_are_those_that_the_running_asterisk_names(exchange: Asterisk, host: Host) -> None:
    told = host.run("install.sh", 'find_asterisk; echo "$ASTERISK"; echo "$LOGS"', exchange)
    assert told.stdout.splitlines() == [str(exchange.home / "etc"), str(exchange.home / "log")]


def test_without_it_they_are_those_of_a_package_or_of_a_build(host: Host) -> None:
    ask = "asterisk_folder 'Log directory' '' "
    build = host.home / "build"
    assert host.run("install.sh", f"{ask} {host.asterisk} {build}").stdout == str(host.asterisk)
    assert host.run("install.sh", f"{ask} {host.home}/none {build}").stdout == f"{host.home}/none"
    build.mkdir()
    assert host.run("install.sh", f"{ask} {host.home}/none {build}").stdout == str(build)


@pytest.fixture(scope="module")
def exchange(home: Path) -> Iterator[Asterisk]:
    """An Asterisk whose files the tests change."""
    server = Asterisk(AsteriskInstall.find(LAB), DEPLOY.parent / "asterisk-conf", home / "deploy", {})
    server.start()
    yield server
    server.stop()


def _reloaded(exchange: Asterisk, question: str) -> str:
    for order in ("manager reload", "module reload http", "module reload res_pjsip.so"):
        exchange.command(order)
    return exchange.command(question)


def _file(exchange: Asterisk, name: str, text: str) -> Path:
    path = exchange.home / "etc" / name
    for old in (path, path.with_name(f"{name}.before-overdial")):
        old.unlink(missing_ok=True)
    if text:
        path.write_text(text)
    return path


_MANAGER = "switch_on manager.conf; line manager.conf '#include overdial/manager.conf'"


def test_a_last_line_without_an_end_stays_the_operators(exchange: Asterisk, host: Host) -> None:
    general = f"[general]\nenabled = yes\nbindaddr = 127.0.0.1\nport = {exchange.ami_port}\n"
    own = f"{general}[boss]\nsecret = x\nread = all"
    path = _file(exchange, "manager.conf", own)
    done = host.run("install.sh", f"{_MANAGER}; {_MANAGER}", exchange)
    assert done.returncode == 0, done.stderr
    assert path.read_text() == f"{own}\n#include overdial/manager.conf ; overdial\n"
    users = _reloaded(exchange, "manager show users")
    assert "boss" in users
    assert "overdial" in users
    host.run("uninstall.sh", f"take_out {path}", exchange)
    assert path.read_text() == f"{own}\n"


@pytest.mark.parametrize("text", ["", "; nothing but a note\n"])
def test_a_file_without_a_general_section_gets_one(exchange: Asterisk, host: Host, text: str) -> None:
    path = _file(exchange, "manager.conf", text)
    more = f"; printf '%s\\n' '[general](+)' 'port = {exchange.ami_port}' >>{path}"
    done = host.run("install.sh", _MANAGER + more, exchange)
    assert done.returncode == 0, done.stderr
    shown = _reloaded(exchange, "manager show settings")
    assert f"127.0.0.1:{exchange.ami_port}" in shown
    assert "overdial" in exchange.command("manager show users")


@pytest.mark.parametrize(("word", "included"), [("yes", False), ("True", True), ("1", False), ("on", True)])
def test_a_server_that_is_on_is_left_where_it_listens(
    exchange: Asterisk, host: Host, word: str, included: bool
) -> None:
    settings = f"enabled = {word}\nbindaddr = 0.0.0.0\nbindport = {exchange.http_port}\n"
    extra = exchange.home / "etc/http_additional.conf"
    extra.write_text(settings)
    text = "[general]\n" + ("#include http_additional.conf\n" if included else settings)
    path = _file(exchange, "http.conf", text)
    done = host.run("install.sh", "asterisk_runs() { false; }; switch_on http.conf", exchange)
    assert done.returncode == 0, done.stderr
    assert path.read_text() == text
    assert f"Bound to 0.0.0.0:{exchange.http_port}" in _reloaded(exchange, "http show status")


def test_a_server_that_a_program_switched_on_is_asked_of_the_running_asterisk(
    exchange: Asterisk, host: Host
) -> None:
    on = f"[general]\nenabled=yes\nbindaddr=127.0.0.1\nbindport={exchange.http_port}\n"
    path = _file(exchange, "http.conf", on)
    assert "Server Enabled" in _reloaded(exchange, "http show status")
    path.write_text("[general]\n#exec /usr/local/bin/settings\n")
    done = host.run("install.sh", "switch_on http.conf", exchange)
    assert done.returncode == 0, done.stderr
    assert "; overdial" not in path.read_text()


def test_an_address_that_is_set_is_not_set_again(exchange: Asterisk, host: Host) -> None:
    path = _file(exchange, "http.conf", f"[general]\nbindaddr=0.0.0.0\nbindport={exchange.http_port}\n")
    exchange.command("module reload http")
    assert host.run("install.sh", "switch_on http.conf", exchange).returncode == 0
    assert "bindaddr = 127.0.0.1" not in path.read_text()
    assert f"Bound to 0.0.0.0:{exchange.http_port}" in _reloaded(exchange, "http show status")


def test_a_line_of_ours_that_somebody_commented_out_stays_out(host: Host) -> None:
    path = host.asterisk / "cdr.conf"
    order = "section cdr.conf general; section cdr.conf csv; line cdr.conf '#include overdial/cdr.conf'"
    host.run("install.sh", order)
    off = path.read_text().replace("#include", ";#include")
    path.write_text(off)
    assert host.run("install.sh", order).returncode == 0
    assert path.read_text() == off


def test_uninstalling_refuses_while_others_use_our_templates(exchange: Asterisk, host: Host) -> None:
    path = exchange.home / "etc/local/carrier.conf"
    path.write_text("[CARRIER](overdial-trunk)\naors = CARRIER\n")
    refused = host.run("uninstall.sh", "refuse_uses", exchange)
    assert refused.returncode == 1
    assert f"{path}:1:[CARRIER](overdial-trunk)" in refused.stderr
    assert "--keep-asterisk" in refused.stderr


def test_our_own_lines_notes_and_copies_are_no_use_of_ours(host: Host) -> None:
    (host.asterisk / "overdial").mkdir()
    (host.asterisk / "overdial/pjsip.conf").write_text("[x](!,overdial-agent)\n")
    own = "; see overdial/manager.conf\n#include overdial/manager.conf ; overdial\n"
    (host.asterisk / "manager.conf").write_text(own)
    (host.asterisk / "pjsip.conf.before-overdial").write_text("[x](overdial-trunk)\n")
    assert host.run("uninstall.sh", "refuse_uses").returncode == 0
    (host.asterisk / "extensions.conf").write_text("include => overdial-agent\n")
    assert host.run("uninstall.sh", "refuse_uses").returncode == 1


def test_a_section_that_we_began_stays_where_others_went_on_with_it(host: Host) -> None:
    path = host.asterisk / "http.conf"
    host.run("install.sh", "switch_on http.conf")
    path.write_text(path.read_text() + "sessionlimit = 5\n")
    host.run("uninstall.sh", "leave_asterisk")
    assert path.read_text() == "[general]\nsessionlimit = 5\n"
    path.unlink()
    host.run("install.sh", "switch_on http.conf")
    host.run("uninstall.sh", "leave_asterisk")
    assert not path.exists()

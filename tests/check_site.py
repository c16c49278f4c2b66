"""A site for `overdial check`: a configuration that fits, and the ways in which it can be made not to."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from engine.domain.checkup import Level
from engine.lab.mariadb import MariaDB
from engine.lab.parts import free_port, poll
from engine.resources import resource
from tests.stage import Names
from tests.switch_conf import Switch, write_certificate

Expected = tuple[str, str, Level]


@dataclass
class Site:
    """A configuration that fits, and the ways in which it can be made not to."""

    switch: Switch
    mariadb: MariaDB
    names: Names
    folder: Path
    lines: dict[str, str] = field(default_factory=dict)
    undo: ExitStack = field(default_factory=ExitStack)

    def write(self) -> Path:
        asterisk = self.switch.asterisk
        (self.folder / "state").mkdir(exist_ok=True)
        word = self.folder / "secret"
        if not word.exists():
            word.write_text(asterisk.secret)
            word.chmod(0o600)
        lines = {
            "engine": f'state = "{self.folder}/state"',
            "asterisk": f'port = {asterisk.ami_port}\nsecret_file = "{word}"\n'
            f'cdr_file = "{asterisk.cdr_file}"',
            "database": f'socket = "{self.mariadb.socket}"\nuser = "root"\n'
            f'configuration = "{self.names.configuration}"\nhistory = "{self.names.history}"',
            "ari": f'url = "http://127.0.0.1:{asterisk.http_port}"\nsecret_file = "{word}"',
            "metrics": "port = 0",
            **self.lines,
        }
        path = self.folder / "overdial.toml"
        path.write_text("".join(f"[{section}]\n{text}\n" for section, text in lines.items()))
        return path

    def sql(self, text: str) -> None:
        self.mariadb.sql(self.names.put_into(text))

    def setting(self, name: str, value: str) -> None:
        """Change a variable of the server for this test."""
        before = self.mariadb.sql(f"SELECT @@GLOBAL.{name}").strip()
        self.undo.callback(self.mariadb.sql, f"SET GLOBAL {name} = {_quoted(before)}")
        self.mariadb.sql(f"SET GLOBAL {name} = {_quoted(value)}")

    def conf(self, name: str, old: str, new: str, reload: str) -> None:
        """Change a file of Asterisk's for this test."""
        path = self.switch.asterisk.home / "etc" / name
        text = path.read_text()
        assert old in text

        def put(content: str) -> None:
            path.write_text(content)
            self.switch.asterisk.command(reload)

        self.undo.callback(put, text)
        put(text.replace(old, new))

    def unload(self, *modules: str) -> None:
        """Take modules out of Asterisk for this test."""
        for module in modules:
            self.undo.callback(self.switch.asterisk.command, f"module load {module}.so")
            self.switch.asterisk.command(f"module unload {module}.so")


def _quoted(value: str) -> str:
    return value if value.isdecimal() else f"'{value}'"


def no_secret(site: Site) -> None:
    (site.folder / "wrong").write_text("wrong")
    (site.folder / "wrong").chmod(0o600)
    port = site.switch.asterisk.ami_port
    cdr = site.switch.asterisk.cdr_file
    site.lines["asterisk"] = f'port = {port}\nsecret_file = "{site.folder}/wrong"\ncdr_file = "{cdr}"'


def nobody_there(site: Site) -> None:
    cdr = site.switch.asterisk.cdr_file
    site.lines["asterisk"] = f'port = {free_port()}\nsecret = "x"\ncdr_file = "{cdr}"'


def right_missing(site: Site) -> None:
    site.conf("overdial/manager.conf", "write = originate,call,agent,", "write = call,", "manager reload")


def right_too_many(site: Site) -> None:
    site.conf("overdial/manager.conf", "write = originate", "write = command,originate", "manager reload")


def module_missing(site: Site) -> None:
    site.sql("UPDATE ccdata.dialers SET am = 1")
    site.unload("app_amd")


def modules_unknown(site: Site) -> None:
    site.unload("func_module")


def records_not_written(site: Site) -> None:
    site.unload("cdr_csv")


def trunks_not_shown(site: Site) -> None:
    site.unload("func_pjsip_aor")


def context_missing(site: Site) -> None:
    site.sql("UPDATE ccdata.dialers SET context = 'their-own'")


def our_context_missing(site: Site) -> None:
    site.conf("overdial/extensions.conf", "[overdial-join]", "[overdial-was]", "dialplan reload")


def no_manual_trunk(site: Site) -> None:
    site.switch.asterisk.command("dialplan set global OVERDIAL_TRUNK ''")
    site.conf(
        "local/extensions-parts.conf",
        "OVERDIAL_TRUNK = CARRIER-IP\n",
        "OVERDIAL_TRUNK =\n",
        "dialplan reload",
    )


def queue_missing(site: Site) -> None:
    site.sql(
        "INSERT INTO ccdata.dialers (campaign, dialstring, status, country)"
        " VALUES ('LATER->', 'SIP/CARRIER-IP/', 1, 'US')"
    )


def member_missing(site: Site) -> None:
    site.sql("INSERT INTO ccdata.queue_members (queue_name, interface) VALUES ('SALES->', 'SIP/101')")


def trunk_unknown(site: Site) -> None:
    site.sql("UPDATE ccdata.dialers SET dialstring = 'SIP/NOBODY/'")


def trunk_silent(site: Site) -> None:
    site.sql("UPDATE ccdata.dialers SET dialstring = 'SIP/SILENT/'")
    shown = site.switch.asterisk.command
    poll(lambda: bool(re.search(r"SILENT/.* Unavail", shown("pjsip show contacts"))), "qualified")


def trunk_without_address(site: Site) -> None:
    site.sql("UPDATE ccdata.dialers SET dialstring = 'SIP/GATEWAY/'")


def trunk_codec(site: Site) -> None:
    site.sql("UPDATE ccdata.dialers SET dialstring = 'SIP/COMPRESSED/'")


def card_missing(site: Site) -> None:
    site.sql("UPDATE ccdata.dialers SET dialstring = 'DAHDI/g1/'")


def bad_dialstring(site: Site) -> None:
    site.sql("UPDATE ccdata.dialers SET dialstring = 'Skype/me'")


def schema_older(site: Site) -> None:
    site.sql("CREATE TABLE ccdata.kept SELECT * FROM ccdata.schema_migrations WHERE version > 7")
    site.undo.callback(
        site.sql, "INSERT INTO ccdata.schema_migrations SELECT * FROM ccdata.kept; DROP TABLE ccdata.kept"
    )
    site.sql("DELETE FROM ccdata.schema_migrations WHERE version > 7")


def schema_newer(site: Site) -> None:
    site.sql("INSERT INTO ccdata.schema_migrations (version, name) VALUES (9999, '9999_later')")
    site.undo.callback(site.sql, "DELETE FROM ccdata.schema_migrations WHERE version = 9999")


def not_innodb(site: Site) -> None:
    site.sql("ALTER TABLE ccdata.black_list ENGINE=MyISAM")
    site.undo.callback(site.sql, "ALTER TABLE ccdata.black_list ENGINE=InnoDB")


def other_charset(site: Site) -> None:
    site.sql("ALTER TABLE ccdata.black_list CONVERT TO CHARACTER SET latin1")
    site.undo.callback(
        site.sql, "ALTER TABLE ccdata.black_list CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"
    )


def few_connections(site: Site) -> None:
    site.setting("max_connections", "12")


def loose_mode(site: Site) -> None:
    site.setting("sql_mode", "")


def other_time_zone(site: Site) -> None:
    site.setting("time_zone", "-05:00")


def small_packets(site: Site) -> None:
    site.setting("max_allowed_packet", "1048576")


def _account(site: Site, *grants: str) -> None:
    """Let the engine be an ordinary account with these rights."""
    site.sql(
        "CREATE USER poor@localhost IDENTIFIED BY 'x';"
        + "".join(f"GRANT {grant} TO poor@localhost;" for grant in grants)
    )
    site.undo.callback(site.mariadb.sql, "DROP USER poor@localhost")
    site.lines["database"] = (
        f'socket = "{site.mariadb.socket}"\nuser = "poor"\npassword = "x"\n'
        f'configuration = "{site.names.configuration}"\nhistory = "{site.names.history}"'
    )


def poor_account(site: Site) -> None:
    _account(site, "SELECT ON ccdata.*", "SELECT ON ccrepo.*")


def account_of_writers_only(site: Site) -> None:
    _account(site, "ALL ON ccdata.*", "SELECT, INSERT ON ccrepo.*")


def account_without_history(site: Site) -> None:
    _account(site, "ALL ON ccdata.*")


def read_only(site: Site) -> None:
    _account(site, "ALL ON ccdata.*", "ALL ON ccrepo.*")
    site.setting("read_only", "1")


def read_only_for_others(site: Site) -> None:
    site.setting("read_only", "1")


def column_missing(site: Site) -> None:
    site.sql("ALTER TABLE ccdata.trunks DROP COLUMN cps")


def table_missing(site: Site) -> None:
    site.sql("RENAME TABLE ccdata.drains TO ccdata.kept")
    site.undo.callback(site.sql, "RENAME TABLE ccdata.kept TO ccdata.drains")


def column_of_theirs(site: Site) -> None:
    """Not every column that others add is a fault."""
    site.sql(
        "ALTER TABLE ccdata.black_list ADD COLUMN free INT NULL, ADD COLUMN filled INT NOT NULL DEFAULT 1,"
        " ADD COLUMN demanded INT NOT NULL"
    )
    site.undo.callback(
        site.sql,
        "ALTER TABLE ccdata.black_list DROP COLUMN free, DROP COLUMN filled, DROP COLUMN demanded",
    )


def default_lost(site: Site) -> None:
    site.sql("ALTER TABLE ccdata.black_list ALTER COLUMN campaign DROP DEFAULT")


def null_refused(site: Site) -> None:
    site.sql("ALTER TABLE ccdata.calls_spool MODIFY contact VARCHAR(64) NOT NULL DEFAULT ''")


def column_of_another_charset(site: Site) -> None:
    site.sql("ALTER TABLE ccdata.calls_spool MODIFY data VARCHAR(4000) CHARACTER SET latin1 NULL DEFAULT ''")


def column_too_short(site: Site) -> None:
    site.sql("ALTER TABLE ccrepo.cdr_repo MODIFY parandvalues VARCHAR(255) NOT NULL DEFAULT ''")


def column_of_another_kind(site: Site) -> None:
    site.sql("ALTER TABLE ccdata.dialers MODIFY callerid BIGINT NOT NULL DEFAULT 0")


def view_missing(site: Site) -> None:
    definition = _definition(site, "ps_aors")
    site.sql("DROP VIEW ccdata.ps_aors")
    site.undo.callback(site.sql, definition)


def view_of_somebody_gone(site: Site) -> None:
    """As after a dump that was restored on another server."""
    site.sql(
        _definition(site, "portfolio").replace(
            "CREATE OR REPLACE", "CREATE OR REPLACE DEFINER = gone@nowhere"
        )
    )
    site.undo.callback(site.sql, _definition(site, "portfolio"))


def view_of_another_version(site: Site) -> None:
    site.sql("CREATE OR REPLACE VIEW ccdata.ps_auths AS SELECT name AS id FROM ccdata.phones")
    site.undo.callback(site.sql, _definition(site, "ps_auths"))


def _definition(site: Site, view: str) -> str:
    text = resource("schema.sql").read_text("utf-8")
    [found] = re.findall(rf"CREATE OR REPLACE VIEW ccdata\.{view} AS.*?;\n", text, re.S)
    return str(found)


def index_missing(site: Site) -> None:
    site.sql("ALTER TABLE ccdata.calls_spool DROP INDEX calls_spool_claim")


def index_not_used(site: Site) -> None:
    site.sql("ALTER TABLE ccdata.calls_spool ALTER INDEX calls_spool_page IGNORED")


def index_of_other_columns(site: Site) -> None:
    site.sql(
        "ALTER TABLE ccdata.attempts DROP INDEX attempts_number,"
        " ADD KEY attempts_number (number(8), claimed_at)"
    )


def index_not_unique(site: Site) -> None:
    site.sql("ALTER TABLE ccdata.queues DROP INDEX queues_name, ADD KEY queues_name (name)")


def index_of_theirs(site: Site) -> None:
    """One that finds rows faster is no fault; one that keeps rows out is."""
    site.sql("ALTER TABLE ccdata.black_list ADD KEY theirs (company), ADD UNIQUE KEY one_each (name)")
    site.undo.callback(site.sql, "ALTER TABLE ccdata.black_list DROP INDEX theirs, DROP INDEX one_each")


def no_database(site: Site) -> None:
    site.lines["database"] = f'socket = "{site.folder}/nothing.sock"'


def ari_secret(site: Site) -> None:
    site.lines["ari"] = f'url = "http://127.0.0.1:{site.switch.asterisk.http_port}"\nsecret = "wrong"'


def ari_gone(site: Site) -> None:
    site.lines["ari"] = f'url = "http://127.0.0.1:{free_port()}"\nsecret = "x"'


def ari_reads_only(site: Site) -> None:
    site.conf("overdial/ari.conf", "read_only = no", "read_only = yes", "module reload res_ari.so")


def no_ari_for_broadcasts(site: Site) -> None:
    site.lines["ari"] = ""
    site.sql("UPDATE ccdata.dialers SET dialertype = 'VoiceBroadCast'")


def port_taken(site: Site) -> None:
    line = site.undo.enter_context(socket.socket())
    line.bind(("127.0.0.1", 0))
    line.listen()
    site.lines["metrics"] = f"port = {line.getsockname()[1]}"


def state_is_a_file(site: Site) -> None:
    (site.folder / "file").write_text("")
    site.lines["engine"] = f'state = "{site.folder}/file"'


def no_cdr_file(site: Site) -> None:
    text = f'port = {site.switch.asterisk.ami_port}\nsecret_file = "{site.folder}/secret"\n'
    site.lines["asterisk"] = text + f'cdr_file = "{site.folder}/nothing.csv"'


def no_call_yet(site: Site) -> None:
    site.switch.asterisk.cdr_file.unlink()


def certificate_over(site: Site) -> None:
    write_certificate(site.folder, datetime(2020, 1, 1, tzinfo=UTC), 365)
    (site.folder / "overdial.key").chmod(0o600)
    site.lines["http"] = (
        f'port = {free_port()}\ntls_certificate = "{site.folder}/overdial.crt"\n'
        f'tls_key = "{site.folder}/overdial.key"'
    )


def pools_of_both_processes(site: Site) -> None:
    site.lines["database"] = (
        f'socket = "{site.mariadb.socket}"\nuser = "root"\npool = 20\n'
        f'configuration = "{site.names.configuration}"\nhistory = "{site.names.history}"'
    )
    site.lines["http"] = "pool = 60"
    site.setting("max_connections", "70")


def cdr_file_not_set(site: Site) -> None:
    site.lines["asterisk"] = f'port = {site.switch.asterisk.ami_port}\nsecret_file = "{site.folder}/secret"'


def registry_missing(site: Site) -> None:
    site.lines["law"] = f'registries = {{ US = "{site.folder}/us.registry" }}'


def no_voice(site: Site) -> None:
    site.lines["ari"] = (
        f'url = "http://127.0.0.1:{site.switch.asterisk.http_port}"\nsecret_file = "{site.folder}/secret"\n'
        f'tts_command = ["no-such-program", "{{file}}", "{{text}}"]\ntts_folder = "{site.folder}"'
    )


def nowhere_to_record(site: Site) -> None:
    site.sql("INSERT INTO ccdata.dialer_options (campaign, recording) VALUES ('SALES->', 'all')")
    site.undo.callback(site.sql, "DELETE FROM ccdata.dialer_options")


def open_secret(site: Site) -> None:
    site.write()
    (site.folder / "secret").chmod(0o644)


def unknown_key(site: Site) -> None:
    site.lines["log"] = 'colour = "red"'


def no_law(site: Site) -> None:
    site.sql("UPDATE ccdata.dialers SET country = ''")


FAULTS: list[tuple[Callable[[Site], None], Expected]] = [
    (no_secret, ("asterisk", "reachable", Level.FAIL)),
    (nobody_there, ("asterisk", "reachable", Level.FAIL)),
    (right_missing, ("asterisk", "rights", Level.FAIL)),
    (right_too_many, ("asterisk", "rights_too_many", Level.WARN)),
    (module_missing, ("asterisk", "module", Level.FAIL)),
    (modules_unknown, ("asterisk", "modules", Level.WARN)),
    (records_not_written, ("asterisk", "module", Level.FAIL)),
    (trunks_not_shown, ("asterisk", "module", Level.FAIL)),
    (context_missing, ("asterisk", "context", Level.FAIL)),
    (our_context_missing, ("asterisk", "context", Level.FAIL)),
    (no_manual_trunk, ("asterisk", "manual_calls", Level.WARN)),
    (queue_missing, ("asterisk", "queue", Level.FAIL)),
    (member_missing, ("asterisk", "member", Level.WARN)),
    (trunk_unknown, ("trunk", "unknown", Level.FAIL)),
    (trunk_silent, ("trunk", "unreachable", Level.FAIL)),
    (trunk_without_address, ("trunk", "unreachable", Level.FAIL)),
    (trunk_codec, ("trunk", "codec", Level.FAIL)),
    (card_missing, ("asterisk", "module", Level.FAIL)),
    (no_law, ("config", "law", Level.WARN)),
    (bad_dialstring, ("config", "row", Level.FAIL)),
    (schema_older, ("database", "schema", Level.FAIL)),
    (schema_newer, ("database", "schema", Level.FAIL)),
    (not_innodb, ("database", "engine", Level.FAIL)),
    (other_charset, ("database", "charset", Level.FAIL)),
    (few_connections, ("database", "max_connections", Level.WARN)),
    (pools_of_both_processes, ("database", "max_connections", Level.WARN)),
    (loose_mode, ("database", "sql_mode", Level.WARN)),
    (other_time_zone, ("database", "time_zone", Level.WARN)),
    (small_packets, ("database", "max_allowed_packet", Level.WARN)),
    (poor_account, ("database", "rights", Level.FAIL)),
    (account_of_writers_only, ("database", "rights", Level.FAIL)),
    (account_without_history, ("database", "rights", Level.FAIL)),
    (read_only, ("database", "read_only", Level.FAIL)),
    (read_only_for_others, ("database", "read_only", Level.WARN)),
    (table_missing, ("database", "columns", Level.FAIL)),
    (column_of_theirs, ("database", "columns", Level.FAIL)),
    (index_of_theirs, ("database", "index", Level.WARN)),
    (view_missing, ("database", "view", Level.FAIL)),
    (view_of_somebody_gone, ("database", "view", Level.FAIL)),
    (view_of_another_version, ("database", "view", Level.FAIL)),
    (no_database, ("database", "reachable", Level.FAIL)),
    (ari_secret, ("ari", "secret", Level.FAIL)),
    (ari_gone, ("ari", "reachable", Level.FAIL)),
    (ari_reads_only, ("ari", "rights", Level.FAIL)),
    (no_ari_for_broadcasts, ("ari", "settings", Level.FAIL)),
    (port_taken, ("host", "metrics.port", Level.FAIL)),
    (state_is_a_file, ("host", "engine.state", Level.FAIL)),
    (no_cdr_file, ("host", "asterisk.cdr_file", Level.FAIL)),
    (no_call_yet, ("host", "asterisk.cdr_file", Level.WARN)),
    (certificate_over, ("host", "http.tls_certificate", Level.FAIL)),
    (cdr_file_not_set, ("host", "cdr_file", Level.WARN)),
    (registry_missing, ("host", "law.registries", Level.FAIL)),
    (no_voice, ("host", "ari.tts_command", Level.FAIL)),
    (nowhere_to_record, ("host", "recordings", Level.WARN)),
    (open_secret, ("host", "secrets", Level.WARN)),
    (unknown_key, ("config", "file", Level.FAIL)),
]
#: Those that are undone by running the fix that their finding proposes.
MENDED_BY_SQL: list[tuple[Callable[[Site], None], Expected]] = [
    (column_missing, ("database", "columns", Level.FAIL)),
    (column_of_another_charset, ("database", "charset", Level.FAIL)),
    (default_lost, ("database", "columns", Level.FAIL)),
    (null_refused, ("database", "columns", Level.FAIL)),
    (column_too_short, ("database", "columns", Level.FAIL)),
    (column_of_another_kind, ("database", "columns", Level.FAIL)),
    (index_missing, ("database", "index", Level.FAIL)),
    (index_not_used, ("database", "index", Level.FAIL)),
    (index_of_other_columns, ("database", "index", Level.FAIL)),
    (index_not_unique, ("database", "index", Level.FAIL)),
]
#: What one fault brings about beside itself.
ALONG: dict[str, set[Expected]] = {
    "card_missing": {("trunk", "unknown", Level.FAIL)},
    "trunks_not_shown": {("trunk", "unseen", Level.WARN)},
}

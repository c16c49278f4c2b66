"""`overdial check` against a real Asterisk and MariaDB: all is well, and one fault after the other."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.adapters.mysql import Database, columns, shapes
from engine.desk.check import look
from engine.domain.checkup import Level
from engine.lab.mariadb import MariaDB
from engine.lab.parts import free_port
from engine.lab.sipp import Sipp
from tests.check_site import ALONG, FAULTS, MENDED_BY_SQL, Expected, Site, schema_newer
from tests.conftest import LAB, create
from tests.stage import Names
from tests.switch_conf import Switch

PARTS = """
[SILENT](overdial-trunk)
aors = SILENT
transport = overdial-udp
[SILENT]
type = aor
contact = sip:127.0.0.1:{dead}
qualify_timeout = 0.5
[COMPRESSED](overdial-trunk)
aors = COMPRESSED
transport = overdial-udp
allow = !all,g729
[COMPRESSED]
type = aor
contact = sip:127.0.0.1:{dead}
"""


@pytest.fixture(scope="module")
def switch(home: Path, carrier: Sipp) -> Iterator[Switch]:
    dead = free_port(socket.SOCK_DGRAM)
    real = {"sip:192.0.2.20:5060": f"sip:127.0.0.1:{carrier.port}"}
    part = Switch(LAB, home / "check", real, PARTS.format(dead=dead), registrations=False)
    local = part.asterisk.home / "etc/local"
    (local / "queues.conf").write_text("[SALES->](overdial-campaign)\n")
    pjsip = local / "pjsip.conf"
    text = pjsip.read_text().replace("qualify_timeout = 0.5", "qualify_frequency = 1\nqualify_timeout = 0.5")
    pjsip.write_text(text)
    part.asterisk.start()
    yield part
    part.asterisk.stop()


@pytest.fixture(scope="module")
def databases(mariadb: MariaDB) -> Iterator[Names]:
    """Two databases that the tests of this file use one after the other: to make them takes a second."""
    own = Names("cc_check", "repo_check")
    asyncio.run(create(mariadb, own))
    yield own
    mariadb.sql(f"DROP DATABASE {own.configuration}; DROP DATABASE {own.history};")


@pytest.fixture
def site(switch: Switch, mariadb: MariaDB, databases: Names, tmp_path: Path) -> Iterator[Site]:
    site = Site(switch, mariadb, databases, tmp_path)
    switch.asterisk.cdr_file.touch()
    site.sql(
        "DELETE FROM ccdata.dialers; DELETE FROM ccdata.queues; DELETE FROM ccdata.queue_members;"
        "INSERT INTO ccdata.queues (name) VALUES ('SALES->');"
        "INSERT INTO ccdata.dialers (campaign, dialstring, callerid, status, country)"
        " VALUES ('SALES->', 'SIP/CARRIER-IP/', '18885550100', 1, 'US')"
    )
    with site.undo:
        yield site


#: What the machine of the tests, its lab server and unwatched trunks are told for.
KNOWN = {
    ("host", "user"), ("host", "clock"), ("host", "open_files"), ("host", "disk"), ("database", "durability"),
    ("database", "time_zones"), ("trunk", "unwatched"),
}  # fmt: skip


async def faults(site: Site, *, call: bool = False) -> set[Expected]:
    findings = await look(site.write(), call=call)
    bad = [one for one in findings if one.level is not Level.OK]
    assert all(one.fix for one in bad)
    return {(one.part, one.name, one.level) for one in bad if (one.part, one.name) not in KNOWN}


async def test_what_fits_has_no_fault_and_asterisk_hears_its_own_call(site: Site) -> None:
    assert await faults(site, call=True) == set()


async def test_on_a_fresh_host_the_call_inside_asterisk_makes_its_cdr_file(site: Site) -> None:
    site.switch.asterisk.cdr_file.unlink()
    assert await faults(site, call=True) == set()
    assert site.switch.asterisk.cdr_file.exists()


async def test_an_asterisk_that_writes_no_cdrs_is_found(site: Site) -> None:
    site.conf("overdial/cdr.conf", "enable = yes", "enable = no", "module reload cdr")
    site.switch.asterisk.cdr_file.unlink()
    assert await faults(site, call=True) == {("host", "asterisk.cdr_file", Level.FAIL)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("enable = yes", "enable = no"),
        ("unanswered = yes", "unanswered = no"),
        ("loguniqueid = yes", "loguniqueid = no"),
    ],
)
async def test_cdrs_that_would_not_help_are_found_beside_old_ones(site: Site, old: str, new: str) -> None:
    assert await faults(site, call=True) == set()
    assert site.switch.asterisk.cdr_file.stat().st_size
    reload = site.switch.asterisk.command
    site.undo.callback(reload, "module reload cdr_csv.so")
    site.conf("overdial/cdr.conf", old, new, "module reload cdr")
    reload("module reload cdr_csv.so")
    assert await faults(site, call=True) == {("host", "asterisk.cdr_file", Level.FAIL)}


@pytest.mark.parametrize(("provoke", "expected"), FAULTS, ids=lambda one: getattr(one, "__name__", ""))
async def test_each_fault_is_found_and_nothing_else(
    site: Site, provoke: Callable[[Site], None], expected: Expected
) -> None:
    site.write()
    provoke(site)
    assert await faults(site) == {expected} | ALONG.get(provoke.__name__, set())


@pytest.mark.parametrize(("provoke", "expected"), MENDED_BY_SQL, ids=lambda one: getattr(one, "__name__", ""))
async def test_a_column_that_differs_is_found_and_mended_by_its_fix(
    site: Site, provoke: Callable[[Site], None], expected: Expected
) -> None:
    provoke(site)
    findings = await look(site.write(), call=False)
    [found] = [one for one in findings if (one.part, one.name, one.level) == expected]
    site.mariadb.sql(found.fix)
    assert await faults(site) == set()


async def test_the_columns_that_are_read_from_schema_sql_are_those_of_a_server(database: Database) -> None:
    async with database.session() as session:
        there = await columns.there(session, database)
    known = columns.declared(database)
    assert len({table for table, _ in known}) >= 27
    for key, column in known.items():
        assert replace(column, definition="") == there[key], key


async def test_the_indexes_and_views_that_are_read_from_schema_sql_are_those_of_a_server(
    database: Database,
) -> None:
    async with database.session() as session:
        indexes = await shapes.indexes_there(session, database)
        assert await shapes.views_there(session, database) == shapes.declared_views(database)
    known = shapes.declared_indexes(database)
    assert {key: replace(index, definition="") for key, index in known.items()} == indexes


async def test_a_manager_user_that_does_not_hear_the_queues_is_found_by_the_call_inside(site: Site) -> None:
    site.conf(
        "overdial/manager.conf", "read = system,call,agent,user", "read = system,call,user", "manager reload"
    )
    assert await faults(site, call=True) == {("asterisk", "events", Level.FAIL)}


async def test_a_manager_user_that_does_not_hear_of_the_boot_is_found(site: Site) -> None:
    site.conf(
        "overdial/manager.conf", "read = system,call,agent,user", "read = call,agent,user", "manager reload"
    )
    assert await faults(site) == {("asterisk", "events_system", Level.FAIL)}


async def test_each_module_that_the_engine_uses_is_missed(site: Site) -> None:
    site.sql(
        "UPDATE ccdata.dialers SET dialertype = 'VoiceBroadCast', am = 1;"
        "INSERT INTO ccdata.dialer_options (campaign, recording) VALUES ('SALES->', 'all')"
    )
    site.undo.callback(site.sql, "DELETE FROM ccdata.dialer_options")
    # Those that no other module of this Asterisk holds on to.
    gone = (
        "app_playtones", "app_waitforsilence", "format_wav", "res_pjsip_header_funcs", "res_pjsip_sdp_rtp",
        "res_ari_applications", "res_ari_channels", "res_ari_events", "res_ari_playbacks",
        "res_ari_recordings", "cdr_csv",
    )  # fmt: skip
    site.unload(*gone)
    told = [one for one in await look(site.write(), call=False) if one.name == "module"]
    assert {one.text.partition(".so")[0] for one in told} == set(gone)
    assert all(one.level is Level.FAIL and one.fix for one in told)


@pytest.mark.parametrize("wrong", [False, True])
def test_the_command_tells_people_and_programs(site: Site, wrong: bool) -> None:
    if wrong:
        schema_newer(site)

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "engine", "check", "--no-call", "--config", str(site.write()), *options]
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    told = run("--json")
    findings = json.loads(told.stdout)
    assert told.returncode == int(wrong)
    assert {"part", "name", "level", "text", "fix"} == set(findings[0])
    assert ("schema", "fail") in {(one["name"], one["level"]) for one in findings} or not wrong
    shown = run("--quiet")
    assert shown.returncode == int(wrong)
    assert ("Install the engine version that made it." in shown.stdout) is wrong
    assert "\nok" not in shown.stdout
    assert site.switch.asterisk.secret not in told.stdout + told.stderr + shown.stdout

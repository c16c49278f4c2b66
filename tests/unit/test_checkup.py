"""What `overdial check` makes of facts: each mismatch is named once, with a fix."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from engine.domain.checkup import (
    AriFacts,
    DatabaseFacts,
    Finding,
    HostFacts,
    Level,
    Needs,
    Registration,
    SwitchFacts,
    TrunkFacts,
    judge_ari,
    judge_database,
    judge_host,
    judge_switch,
    judge_trunks,
)
from engine.domain.checkup.columns import Column, Kind
from engine.domain.checkup.judge_database import version_of
from engine.domain.checkup.judge_switch import ACTIONS, CONTEXTS, EVENTS, needed_modules
from engine.domain.checkup.shapes import Index, View
from engine.domain.queue_tables import QueueMember
from engine.resources import resource

ROOT = resource("schema.sql").parent
NEEDS = Needs(campaigns=("SALES<-",), members=(QueueMember("SALES<-", "PJSIP/101"),))
SEAT = ("sales<-", "pjsip/101")
VARIABLES = {
    "max_connections": "151", "sql_mode": "STRICT_TRANS_TABLES", "lower_case_table_names": "1",
    "innodb_flush_log_at_trx_commit": "1", "max_allowed_packet": "16777216", "log_bin": "OFF",
    "binlog_format": "MIXED",
}  # fmt: skip
DATA = Column(Kind.TEXT, 4000, "utf8mb4", "data VARCHAR(4000) NULL DEFAULT ''")
SPOOL_DATA = ("ccdata.calls_spool", "data")
KNOWN = {SPOOL_DATA: DATA}
INDEXES = {
    ("ccdata.calls_spool", "PRIMARY"): Index(("id",), True, "PRIMARY KEY (id)"),
    ("ccdata.calls_spool", "due"): Index(("status", "notbefore"), False, "KEY due (status, notbefore)"),
}
DUE = ("ccdata.calls_spool", "due")
VIEWS = {"ccdata.ps_aors": View(("id", "max_contacts"))}
DATABASE = DatabaseFacts(
    "10.11.14-MariaDB-0+deb12u2", VARIABLES, "READ-COMMITTED", known=KNOWN, columns={**KNOWN},
    known_indexes=INDEXES, indexes={**INDEXES}, known_views=VIEWS, views={**VIEWS},
)  # fmt: skip
SWITCH = SwitchFacts(
    version="22.10.1",
    booted=True,
    commands=frozenset(ACTIONS) | {"QueueStatus", "QueueReload", "Ping"},
    modules=dict.fromkeys(needed_modules(NEEDS), True),
    contexts=dict.fromkeys(CONTEXTS, True),
    queues=frozenset({"sales<-"}),
    members=frozenset({SEAT}),
    dynamic=frozenset({SEAT}),
    manual_trunk="CARRIER",
    heard=frozenset(EVENTS),
)
TRUNK = TrunkFacts("PJSIP", "CARRIER", True, ("alaw", "ulaw"), ("Reachable",))
HOST = HostFacts("overdial")


def wrong(findings: Any) -> list[tuple[str, Level]]:
    """Return what is not good; each must say how it is mended."""
    found: list[Finding] = [one for one in findings if one.level is not Level.OK]
    assert all(one.fix for one in found)
    return [(one.name, one.level) for one in found]


def test_when_all_is_well_nothing_is_told_but_that() -> None:
    assert wrong(judge_database(DATABASE, 8)) == []
    assert wrong(judge_switch(SWITCH, NEEDS)) == []
    assert wrong(judge_trunks(replace(SWITCH, trunks=(TRUNK,)))) == []
    assert wrong(judge_ari(AriFacts(200, 404), NEEDS)) == []
    assert wrong(judge_host(HOST)) == []


DATABASE_FAULTS: list[tuple[dict[str, Any], str, Level]] = [
    ({"version": "10.5.9-MariaDB"}, "version", Level.FAIL),
    ({"version": "5.7.44"}, "version", Level.FAIL),
    ({"lacking": ("0008_law",)}, "schema", Level.FAIL),
    ({"newer": ("9999_later",)}, "schema", Level.FAIL),
    ({"denied": ("INSERT in the history",)}, "rights", Level.FAIL),
    ({"refused": {"INSERT in the history": "1114: The table is full"}}, "writes", Level.FAIL),
    ({"variables": {**VARIABLES, "read_only": "ON"}}, "read_only", Level.WARN),
    (
        {"variables": {**VARIABLES, "read_only": "NO_LOCK"}, "refused": {"x": "1290: y"}},
        "read_only",
        Level.FAIL,
    ),
    ({"variables": {**VARIABLES, "read_only": "OFF", "super_read_only": "OFF"}}, "", Level.OK),
    ({"columns": {}}, "columns", Level.FAIL),
    ({"columns": {}, "denied": ("INSERT in the history",)}, "rights", Level.FAIL),
    ({"columns": {("ccdata.calls_spool", "theirs"): DATA}}, "columns", Level.FAIL),
    ({"columns": {**KNOWN, SPOOL_DATA: replace(DATA, charset="latin1")}}, "charset", Level.FAIL),
    ({"columns": {**KNOWN, SPOOL_DATA: Column(Kind.TEXT, 255, "utf8mb4")}}, "columns", Level.FAIL),
    ({"columns": {**KNOWN, SPOOL_DATA: Column(Kind.INTEGER, 8)}}, "columns", Level.FAIL),
    ({"columns": {**KNOWN, SPOOL_DATA: Column(Kind.TEXT, 65_535, "utf8mb4")}}, "", Level.OK),
    ({"indexes": {**INDEXES, DUE: Index(("status",))}}, "index", Level.FAIL),
    ({"indexes": {**INDEXES, DUE: Index(("status", "notbefore"), True)}}, "", Level.OK),
    ({"indexes": {DUE: INDEXES[DUE]}}, "index", Level.FAIL),
    ({"indexes": {**INDEXES, ("ccdata.calls_spool", "x"): Index(("contact",), True)}}, "index", Level.WARN),
    ({"indexes": {**INDEXES, ("ccdata.calls_spool", "x"): Index(("contact",))}}, "", Level.OK),
    ({"views": {}}, "view", Level.FAIL),
    ({"views": {}, "denied": ("INSERT in the history",)}, "rights", Level.FAIL),
    ({"views": {"ccdata.ps_aors": View((), "1449: no such user")}}, "view", Level.FAIL),
    ({"views": {"ccdata.ps_aors": View(("id",))}}, "view", Level.FAIL),
    ({"foreign_tables": {"ccdata.calls_spool": "engine"}}, "engine", Level.FAIL),
    ({"foreign_tables": {"ccdata.calls_spool": "latin1_swedish_ci"}}, "charset", Level.FAIL),
    ({"session_isolation": "REPEATABLE-READ"}, "isolation", Level.FAIL),
    ({"variables": {**VARIABLES, "log_bin": "ON", "binlog_format": "STATEMENT"}}, "isolation", Level.FAIL),
    ({"connections": 140}, "max_connections", Level.WARN),
    ({"variables": {**VARIABLES, "sql_mode": ""}}, "sql_mode", Level.WARN),
    ({"variables": {**VARIABLES, "lower_case_table_names": "0"}}, "lower_case_table_names", Level.WARN),
    ({"variables": {**VARIABLES, "innodb_flush_log_at_trx_commit": "2"}}, "durability", Level.WARN),
    ({"variables": {**VARIABLES, "max_allowed_packet": "1048576"}}, "max_allowed_packet", Level.WARN),
    ({"zones": False}, "time_zones", Level.WARN),
    ({"zone": -18_000.0}, "time_zone", Level.WARN),
    ({"zone": 1.0}, "", Level.OK),
    ({"offset": -2.0}, "clock", Level.WARN),
    ({"offset": 90.0}, "clock", Level.FAIL),
]


@pytest.mark.parametrize(("facts", "name", "level"), DATABASE_FAULTS)
def test_a_database_that_does_not_fit(facts: dict[str, Any], name: str, level: Level) -> None:
    expected = [(name, level)] if name else []
    assert wrong(judge_database(replace(DATABASE, **facts), 8)) == expected


def test_a_column_that_is_counted_up_comes_back_as_the_key() -> None:
    number = Column(Kind.INTEGER, 8, definition="id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT")
    facts = replace(DATABASE, known={**KNOWN, ("ccdata.calls_spool", "id"): number})
    [found] = [one for one in judge_database(facts, 8) if one.level is Level.FAIL]
    assert found.fix == (
        "ALTER TABLE ccdata.calls_spool ADD COLUMN id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY;"
    )


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("10.11.14-MariaDB-0+deb12u2", ("MariaDB", (10, 11, 14))),
        ("5.5.5-10.6.18-MariaDB-log", ("MariaDB", (10, 6, 18))),
        ("8.0.36-0ubuntu0.22.04.1", ("MySQL", (8, 0, 36))),
        ("8.4.0", ("MySQL", (8, 4, 0))),
    ],
)
def test_versions_of_both_makers_are_read(text: str, meant: tuple[str, tuple[int, ...]]) -> None:
    assert version_of(text) == meant


SWITCH_FAULTS: list[tuple[dict[str, Any], str, Level]] = [
    ({"version": "18.20.0"}, "version", Level.FAIL),
    ({"version": "certified/20.7-cert1"}, "", Level.OK),
    ({"booted": False}, "events_system", Level.FAIL),
    ({"commands": SWITCH.commands - {"Originate"}}, "rights", Level.FAIL),
    ({"commands": SWITCH.commands - {"QueueAdd"}}, "rights", Level.FAIL),
    ({"commands": SWITCH.commands - {"QueuePause"}}, "rights", Level.FAIL),
    ({"commands": SWITCH.commands | {"Command"}}, "rights_too_many", Level.WARN),
    ({"heard": frozenset()}, "events", Level.FAIL),
    ({"heard": frozenset(EVENTS) - {"QueueCallerJoin"}}, "events", Level.FAIL),
    ({"heard": None}, "", Level.OK),
    ({"modules": {}}, "modules", Level.WARN),
    ({"modules": {**SWITCH.modules, "app_queue": False}}, "module", Level.FAIL),
    ({"contexts": {**SWITCH.contexts, "overdial-join": False}}, "context", Level.FAIL),
    ({"contexts": {**SWITCH.contexts, "their-own": False}}, "context", Level.FAIL),
    ({"manual_trunk": ""}, "manual_calls", Level.WARN),
    ({"dynamic": frozenset({SEAT, ("sales<-", "pjsip/9")})}, "member", Level.WARN),
    ({"dynamic": frozenset({SEAT, ("other", "pjsip/9")})}, "", Level.OK),
    ({"members": frozenset(), "dynamic": frozenset()}, "member", Level.WARN),
    ({"offset": 4}, "clock", Level.WARN),
    ({"offset": -3600}, "clock", Level.FAIL),
]


@pytest.mark.parametrize(("facts", "name", "level"), SWITCH_FAULTS)
def test_an_asterisk_that_does_not_fit(facts: dict[str, Any], name: str, level: Level) -> None:
    expected = [(name, level)] if name else []
    assert wrong(judge_switch(replace(SWITCH, **facts), NEEDS)) == expected


def test_actions_that_the_manager_user_may_not_do_are_named() -> None:
    less = replace(SWITCH, commands=SWITCH.commands - {"QueuePause", "QueueRemove"})
    [finding] = [one for one in judge_switch(less, NEEDS) if one.name == "rights"]
    assert "write = agent (for QueueRemove, QueuePause)" in finding.text


def test_a_campaign_without_its_queue() -> None:
    assert wrong(judge_switch(replace(SWITCH, queues=frozenset()), NEEDS)) == [("queue", Level.FAIL)]


def test_modules_are_asked_for_as_the_tables_need_them() -> None:
    plain = needed_modules(Needs())
    assert "app_amd" not in plain
    assert "app_amd" in needed_modules(Needs(detects_machines=True))
    assert {"app_mixmonitor", "format_wav"} <= needed_modules(Needs(records=True)).keys() - plain.keys()
    assert "app_stasis" in needed_modules(Needs(broadcasts=("B",)))
    assert "cdr_csv" in needed_modules(Needs(reads_cdrs=True))
    assert "cdr_csv" not in plain
    assert "chan_dahdi" in needed_modules(Needs(trunks=frozenset({("DAHDI", "g1")})))


#: First column of the page's table → what asks for these modules.
ASKED = {
    "every campaign": Needs(),
    "`am` = 1": Needs(detects_machines=True),
    "recording": Needs(records=True),
    "voice broadcast": Needs(broadcasts=("B",)),
    "`asterisk.cdr_file`": Needs(reads_cdrs=True),
    "trunks on DAHDI cards": Needs(trunks=frozenset({("DAHDI", "g1")})),
}


def test_the_page_lists_the_modules_that_are_asked_for_and_the_sample_loads_them() -> None:
    page = (ROOT / "docs/install.md").read_text("utf-8")
    table = page.partition("| for | modules |\n|---|---|\n")[2].partition("\n\n")[0]
    listed = {}
    for line in table.splitlines():
        _, what, modules, _ = line.split("|")
        listed[what.strip()] = set(re.findall(r"`(\w+)`", modules))
    plain = needed_modules(Needs()).keys()
    asked = {what: needed_modules(needs).keys() - plain for what, needs in ASKED.items()}
    assert listed == {**asked, "every campaign": plain}
    sample = (ROOT / "asterisk-conf/modules.conf").read_text("utf-8")
    loaded = set(re.findall(r"^load = (\w+)\.so$", sample, re.M))
    assert set().union(*listed.values()) - loaded == {"chan_dahdi"}


TRUNK_FAULTS: list[tuple[TrunkFacts, str, Level]] = [
    (TrunkFacts("PJSIP", "X", False), "unknown", Level.FAIL),
    (TrunkFacts("PJSIP", "X", None), "unseen", Level.WARN),
    (replace(TRUNK, contacts=()), "unreachable", Level.FAIL),
    (replace(TRUNK, contacts=("Unreachable",)), "unreachable", Level.FAIL),
    (replace(TRUNK, contacts=("Reachable", "Unreachable")), "unreachable", Level.WARN),
    (replace(TRUNK, contacts=("NonQualified",)), "unwatched", Level.WARN),
    (replace(TRUNK, codecs=("g729",)), "codec", Level.FAIL),
    (TrunkFacts("DAHDI", "g1", False), "unknown", Level.FAIL),
    (TrunkFacts("DAHDI", "g1", None), "unseen", Level.WARN),
    (TrunkFacts("Local", "out", False), "unknown", Level.FAIL),
]


@pytest.mark.parametrize(("trunk", "name", "level"), TRUNK_FAULTS)
def test_a_trunk_over_which_nothing_leaves(trunk: TrunkFacts, name: str, level: Level) -> None:
    assert wrong(judge_trunks(replace(SWITCH, trunks=(trunk,)))) == [(name, level)]


def test_a_registration_that_does_not_hold() -> None:
    registrations = (Registration("A", "Rejected"), Registration("B", "Registered"))
    assert wrong(judge_trunks(replace(SWITCH, registrations=registrations))) == [("registration", Level.FAIL)]


ARI_FAULTS: list[tuple[AriFacts | None, str]] = [
    (None, "settings"),
    (AriFacts(0, problem="refused"), "reachable"),
    (AriFacts(401), "secret"),
    (AriFacts(404), "reachable"),
    (AriFacts(200, 403), "rights"),
]


@pytest.mark.parametrize(("facts", "name"), ARI_FAULTS)
def test_an_ari_that_broadcasts_cannot_use(facts: AriFacts | None, name: str) -> None:
    assert wrong(judge_ari(facts, Needs(broadcasts=("B",)))) == [(name, Level.FAIL)]


def test_without_broadcasts_nobody_misses_ari() -> None:
    assert wrong(judge_ari(None, NEEDS)) == []


HOST_FAULTS: list[tuple[dict[str, Any], str, Level]] = [
    ({"problems": {"engine.state": "x cannot be written to"}}, "engine.state", Level.FAIL),
    ({"problems": {"metrics.port": "taken"}}, "metrics.port", Level.FAIL),
    ({"problems": {"http.port": "taken"}}, "http.port", Level.FAIL),
    ({"kept": {"engine.state": "/srv cannot be written to by the service"}}, "engine.state", Level.FAIL),
    ({"exposed": ("/etc/overdial/ami-secret",)}, "secrets", Level.WARN),
    ({"user": "root"}, "user", Level.WARN),
    ({"open_files": 1024}, "open_files", Level.WARN),
    ({"synchronised": False}, "clock", Level.WARN),
    ({"synchronised": None}, "", Level.OK),
    ({"free_megabytes": {"/var/lib/overdial": 100}}, "disk", Level.WARN),
    ({"recordings": "/var/spool/asterisk/monitor"}, "recordings", Level.WARN),
    ({"engine_runs": True}, "", Level.OK),
]


@pytest.mark.parametrize(("facts", "name", "level"), HOST_FAULTS)
def test_a_machine_that_does_not_fit(facts: dict[str, Any], name: str, level: Level) -> None:
    expected = [(name, level)] if name else []
    assert wrong(judge_host(replace(HOST, **facts))) == expected

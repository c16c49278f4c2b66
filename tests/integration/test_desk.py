"""The supervisors' commands, as they are typed: load, lists, recycle, explain, preflight, registry."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine.cli import main
from engine.lab.mariadb import MariaDB
from tests.stage import Names

Run = Callable[..., Result]


@pytest.fixture
def sql(mariadb: MariaDB, names: Names) -> Callable[[str], str]:
    return lambda text: mariadb.sql(names.put_into(text)).strip()


@pytest.fixture
def run(mariadb: MariaDB, names: Names, monkeypatch: pytest.MonkeyPatch, sql: Callable[[str], str]) -> Run:
    for key, value in (
        ("SOCKET", str(mariadb.socket)), ("USER", "root"),
        ("CONFIGURATION", names.configuration), ("HISTORY", names.history),
    ):  # fmt: skip
        monkeypatch.setenv(f"OVERDIAL_DATABASE__{key}", value)
    monkeypatch.setenv("OVERDIAL_ENGINE__TIMEZONE", "UTC")
    for name in ("A<-", "B<-"):
        sql(
            "INSERT INTO ccdata.dialers (campaign, country, status, schedule)"
            f" VALUES ('{name}', 'US', 1, 'sun-sat;00:00-23:59')"
        )

    def act(*words: str, **options: Any) -> Result:
        result = CliRunner().invoke(main, list(words), **options)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return act


def test_a_file_is_loaded_shown_moved_and_deleted(
    run: Run, sql: Callable[[str], str], tmp_path: Path
) -> None:
    path = tmp_path / "MARCH.csv"
    path.write_text("A<-;2125550001;;\nA<-;2125550002;;\nA<-;nobody;;\n")
    loaded = run("load", str(path), "--percentage", "40", "--timezone", "America/New_York")
    assert loaded.exit_code == 0
    assert "upload 1: 2 contacts in MARCH, 1 lines refused" in loaded.output
    assert "upload_lines WHERE upload = 1" in loaded.output
    assert "was loaded into MARCH before" in run("load", str(path)).output
    shown = run("lists", "show", "A<-").output.splitlines()
    assert shown[1].split() == ["MARCH", "active", "40", "0", "2", "0", "0", "0", "0", "0"]
    assert "MARCH is inactive: 2 contacts" in run("lists", "deactivate", "A<-", "MARCH").output
    assert "MARCH is active: 2 contacts" in run("lists", "activate", "A<-", "MARCH", "--priority", "3").output
    assert "2 contacts moved, 0 stayed" in run("lists", "move", "A<-", "MARCH", "B<-").output
    assert "2 contacts deleted" in run("lists", "delete", "B<-", "MARCH", "--yes").output
    assert sql("SELECT COUNT(*) FROM ccdata.calls_spool") == "0"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("load", "none.csv"), "file: none.csv: No such file"),
        (("load", "none.csv", "--list", "a b"), "list: 'a b' has spaces"),
        (("load", "none.csv", "--timezone", "Mars"), "timezone: 'Mars' is unknown"),
        (("lists", "show", "X<-"), "has no list"),
        (("lists", "activate", "A<-", "X"), "list: A<- has no list 'X'"),
        (("recycle", "A<-"), "recycle: the dialer has no rules"),
        (("recycle", "X<-"), "campaign: there is no dialer 'X<-'"),
        (("recycle", "A<-", "--outcome", "invalid"), "invalid is never called again"),
        (("lists", "unschedule", "A<-", "me"), "'me' is not a phone number"),
        (("lists", "unschedule", "A<-", "1", "--to", "1969-01-01"), "to: 1969-01-01 00:00:00 lies before"),
        (("explain", "+1 212 555 9999"), "is no campaign that ran"),
        (("preflight", "X<-"), "campaign: there is no dialer 'X<-'"),
    ],
)
def test_bad_input_is_told_with_the_fix(run: Run, words: tuple[str, ...], message: str) -> None:
    result = run(*words)
    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output


def test_why_a_number_is_not_called(run: Run, sql: Callable[[str], str]) -> None:
    sql(
        "INSERT INTO ccdata.calls_spool (campaign, destination, contact, dialerbase) VALUES"
        " ('A<-', 'M=0=(212) 555-0001', 'C7', 'OFF');"
        "INSERT INTO ccdata.black_list (phone, campaign, username) VALUES ('12125550001', '*', 'ana');"
        "INSERT INTO ccdata.opt_outs (who, opted_at, via) VALUES ('contact:C7', '2026-01-02', 'key');"
        "INSERT INTO ccdata.calls_scheduler (calldate, campaign, destination, agentphone)"
        " VALUES ('2031-01-01 10:00', 'A<-', '2125550001', 'bob');"
        "INSERT INTO ccdata.black_list_schedule (phone, removedate) VALUES ('2125550001', '2031-02-01');"
        "INSERT INTO ccdata.consents (phone, campaign, given_at, source)"
        " VALUES ('+1 212 555 0001', 'A<-', '2026-01-01', 'form 7');"
        "INSERT INTO ccdata.attempts (id, campaign, spool_id, destination, number, owner, fence, state,"
        " claimed_at, sent_at, outcome, next_step) VALUES ('x', 'A<-', 1, '2125550001', '12125550001',"
        " 'd', 1, 'ended', '2026-01-01 10:00', '2026-01-01 10:00', 'busy', 'retry')"
    )
    for what in ("+1 212-555-0001", "2125550001", "C7", "#1", "1"):
        told = run("explain", what).output
        assert "#1 M=0=(212) 555-0001, contact C7: campaign A<- in list OFF" in told
        assert "list_inactive: its list is not active — does not end by itself" in told
        assert "black_list: the number is on the black list — does not end by itself" in told
        assert "opt_out: the person does not want to be called" in told
        assert "opted out everywhere since 2026-01-02 by key" in told
        assert "called 2026-01-01 10:00 UTC in A<-: busy, then retry" in told
    by_number = run("explain", "2125550001").output
    assert "on the black list everywhere since" in by_number
    assert "on the temporary black list everywhere until 2031-02-01 00:00" in by_number
    assert "has agreed in A<- since 2026-01-01 by form 7" in by_number
    assert "scheduled for 2031-01-01 10:00 in A<- for agent bob" in by_number
    story = json.loads(run("explain", "--json", "2125550001").output)
    [standing] = story["standings"]
    rules = [reason["rule"] for reason in standing["reasons"] if reason["until"] is None]
    assert rules == ["list_inactive", "black_list", "opt_out"]
    assert standing["opens"] is None


def test_why_a_number_waits_and_until_when(run: Run, sql: Callable[[str], str]) -> None:
    sql(
        "INSERT INTO ccdata.law_options (campaign, law, cap_calls, cap_hours)"
        " VALUES ('A<-', 'NONE', 1, 240000);"
        "INSERT INTO ccdata.dialer_base (campaign, name, active) VALUES ('A<-', 'L1', 1);"
        "INSERT INTO ccdata.calls_spool (campaign, destination, dialerbase, notbefore, reason) VALUES"
        " ('A<-', '2125550001', 'L1', '2091-01-01', '');"
        "INSERT INTO ccdata.attempts (id, campaign, spool_id, destination, number, owner, fence, state,"
        " claimed_at, sent_at, outcome) VALUES ('x', 'B<-', 9, '2125550001', '12125550001', 'd', 1, 'ended',"
        " '2026-01-01', '2026-01-01', 'no_answer')"
    )
    told = run("explain", "2125550001").output
    assert "retry: it waits for its next attempt — until 2091-01-01 00:00 UTC" in told
    assert "cap: 1 calls to the person in 10000 days, 1 are allowed" in told
    assert "until 2053-05-19 00:00 UTC" in told
    assert "may be called from 2091-01-01 00:00 UTC" in told
    # Who only asks changes nothing.
    assert sql("SELECT MAX(turns) FROM ccdata.person_locks") == "0"
    assert sql("SELECT COUNT(*) FROM ccrepo.black_list_history") == "0"


def test_a_campaigns_story_is_for_people_and_programs_read_its_tables(
    run: Run, sql: Callable[[str], str]
) -> None:
    sql(
        "INSERT INTO ccdata.campaign_state (campaign, state, reason, since, updated_at)"
        " VALUES ('A<-', 'running', 'no agent is ready', UTC_TIMESTAMP(), UTC_TIMESTAMP())"
    )
    assert "A<-: running since" in run("explain", "A<-").output
    assert "Read ccdata.campaign_state and ccdata.decisions" in run("explain", "--json", "A<-").output


def test_preflight_counts_now_later_never_and_looks_ahead(run: Run, sql: Callable[[str], str]) -> None:
    sql(
        "INSERT INTO ccdata.law_options (campaign, law) VALUES ('A<-', 'NONE');"
        "INSERT INTO ccdata.dialer_base (campaign, name, active) VALUES ('A<-', 'L1', 1), ('A<-', 'OFF', 0);"
        "INSERT INTO ccdata.calls_spool (campaign, destination, dialerbase)"
        " SELECT 'A<-', 2120000000 + seq, IF(seq > 60, 'OFF', 'L1') FROM ccdata.seq_1_to_80;"
        "UPDATE ccdata.calls_spool SET notbefore='2091-01-01'"
        " WHERE destination BETWEEN '2120000051' AND '2120000054';"
        "UPDATE ccdata.calls_spool SET status=3, held_by='black_list' WHERE destination = '2120000055';"
        "INSERT INTO ccdata.opt_outs (who, opted_at) VALUES ('2120000056', '2026-01-01');"
        "UPDATE ccdata.calls_spool SET destination='none' WHERE destination = '2120000057';"
        "UPDATE ccdata.calls_spool SET status=0 WHERE destination = '2120000058'"
    )
    told = run("preflight", "A<-", "--agents", "5", "--answer", "50").output.splitlines()
    assert told[:5] == [
        "60 contacts in the active lists and tasks",
        "not counted: 20 in lists that are not active",
        "now: 52",
        "later: 4 (retry 4); from 2091-01-01 00:00 UTC on",
        "never: 4 (black_list 1, calling 1, opt_out 1, row 1)",
    ]
    assert told[5].startswith("5 agents, 50% answered by a person (assumed")
    assert told[6] == "about 56 calls in all, 28 answered by a person"
    assert told[7] == "not done within 60 days at this pace"  # four of them wait too long
    assert told[8].startswith("abandoned: about ")
    as_told = json.loads(run("preflight", "A<-", "--agents", "5", "--json").output)
    assert (as_told["now"], as_told["later"], as_told["inactive"]) == (52, {"retry": 4}, 20)
    assert as_told["first"] == "2091-01-01T00:00:00+00:00"
    assert as_told["outlook"]["ends"] is None


def test_preflight_tells_what_keeps_the_whole_campaign_back(run: Run, sql: Callable[[str], str]) -> None:
    sql("UPDATE ccdata.dialers SET status=0, country='' WHERE campaign='A<-'")
    told = run("preflight", "A<-").output
    assert "0 contacts in the active lists and tasks" in told
    assert "in the way of all: its dialer is disabled (dialers.status)" in told
    assert "no law holds: dialers.country is empty" in told
    sql(
        "UPDATE ccdata.dialers SET country='EU' WHERE campaign='A<-';"
        "INSERT INTO ccdata.calls_spool (campaign, destination) VALUES ('A<-', '0612345678'),"
        " ('A<-', '+33612345679')"
    )
    assert "numbers without a country code: 1; nobody knows" in run("preflight", "A<-").output


def test_preflight_of_many_judges_an_even_sample(run: Run, sql: Callable[[str], str]) -> None:
    sql(
        "INSERT INTO ccdata.law_options (campaign, law) VALUES ('A<-', 'NONE');"
        "INSERT INTO ccdata.calls_spool (campaign, destination, status, held_by)"
        " SELECT 'A<-', 2120000000 + seq, IF(seq % 2, 1, 3), IF(seq % 2, '', 'cap') FROM ccdata.seq_1_to_3000"
    )
    told = json.loads(run("preflight", "A<-", "--most", "1000", "--agents", "5", "--json").output)
    assert told["total"] == 3000
    assert 800 < told["judged"] < 1200
    assert told["now"] + told["never"]["cap"] == pytest.approx(3000, abs=1)
    assert 1200 < told["now"] < 1800
    assert told["outlook"]["ends"]


def test_scheduled_calls_are_removed_by_number_and_range(run: Run, sql: Callable[[str], str]) -> None:
    sql(
        "INSERT INTO ccdata.calls_scheduler (calldate, campaign, destination) VALUES"
        " ('2031-01-01 10:00', 'A<-', '2125550001'), ('2031-01-02 10:00', 'A<-', 'M=0=(212) 555-0001'),"
        " ('2031-01-02 10:00', 'B<-', '2125550001'), ('2031-01-02 10:00', 'A<-', '2125550002')"
    )
    asked = ("lists", "unschedule", "A<-", "212-555-0001")
    assert "1 scheduled calls deleted" in run(*asked, "--from", "2031-01-01 10:01").output
    assert "0 scheduled" in run(*asked, "--to", "2031-01-01 09:59:59").output
    assert "1 scheduled" in run(*asked, "--to", "2031-01-01 10:00").output
    assert sql("SELECT COUNT(*) FROM ccdata.calls_scheduler") == "2"


def test_a_registry_is_made_of_any_layout(run: Run, tmp_path: Path) -> None:
    source, target = tmp_path / "dnc.csv", tmp_path / "us.registry"
    source.write_bytes(
        b'\xef\xbb\xbf2125550001\r\n"(212) 555-0002";*;\r\n+12125550003,x\n\nnumber\n2125550001\n'
    )
    made = run("registry", "--country", "us", str(source), str(target))
    assert f"{target}: 3 numbers; 1 lines without" in made.output
    assert "line 5 has no phone number" in made.output


def test_all_commands_are_listed(run: Run) -> None:
    listed = run("--help").output
    for name in (
        "run",
        "migrate",
        "simulate",
        "load",
        "lists",
        "recycle",
        "explain",
        "preflight",
        "registry",
    ):
        assert f"  {name} " in listed


def test_a_drain_of_every_campaign_is_taken_back_without_those_of_single_ones(
    run: Run, sql: Callable[[str], str]
) -> None:
    """Whoever drains for a restart takes his own drain back, and nobody else's."""

    def drained() -> list[str]:
        return sql("SELECT campaign FROM ccdata.drains ORDER BY campaign").split()

    assert "already" not in run("drain", "A<-", "--reason", "the list is wrong").output
    assert "there was no drain of every campaign\nstill drained: A<-" in run("resume").output
    assert "already" not in run("drain", "--wait", "0").output
    left = run("resume").output
    assert "resumed: every campaign" in left
    assert "still drained: A<- (the list is wrong)" in left
    assert "overdial resume CAMPAIGN" in left
    assert drained() == ["A<-"]
    assert "was drained already: A<- (the list is wrong)" in run("drain", "a<-").output
    run("drain", "B<-")
    run("drain")
    assert "still drained: every campaign, A<- (the list is wrong)" in run("resume", "B<-").output
    assert drained() == ["*", "A<-"]
    assert "contradict" in run("resume", "A<-", "--all").output
    assert "still" not in run("resume", "--all").output
    assert drained() == []
    assert "nothing was drained" in run("resume", "--all").output
    assert run("resume", "NOBODY<-").exit_code == 1

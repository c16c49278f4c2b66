"""Caller IDs on a real server: turns that campaigns share, the look back, supervisors' commands."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.adapters.mysql import Database, MysqlStore
from engine.adapters.mysql.callerids import CALLS, SHOWN
from engine.cli import main
from engine.domain.callerid import CallerIdRules
from engine.domain.localtime import LocalTime
from engine.domain.model import CampaignName, attempt_id
from engine.lab.mariadb import MariaDB
from engine.ports import ClaimRequest, FencedError
from engine.services.callerids import CallerIds
from tests.builders import a_dialer
from tests.doubles import FakeClock, RecordingObserver
from tests.integration.test_schema import plan
from tests.stage import Names

NUMBERS = ("100", "200", "300", "400", "500")
CAMPAIGNS = tuple(CampaignName(f"C{number}<-") for number in range(4))
_ids = itertools.count(1)


def a_store(database: Database, owner: str) -> MysqlStore:
    return MysqlStore(database, owner, LocalTime(UTC), lambda: attempt_id(next(_ids), 0))


@pytest.fixture
async def shared(database: Database) -> Database:
    """Four campaigns of thirty contacts each that share five numbers."""
    async with database.session() as session:
        await session.run_many(
            "INSERT INTO ccdata.dialers (campaign) VALUES (%s)", [(name,) for name in CAMPAIGNS]
        )
        await session.run_many(
            "INSERT INTO ccdata.calls_spool (campaign, destination) VALUES (%s, %s)",
            [(name, f"555{place:04d}") for name in CAMPAIGNS for place in range(30)],
        )
        await session.run_many(
            "INSERT INTO ccdata.caller_ids (campaign, entry) VALUES ('*', %s)",
            [(number,) for number in NUMBERS],
        )
    return database


async def _term(store: MysqlStore, clock: FakeClock) -> CallerIds:
    await store.take_lease(store.owner, timedelta(seconds=0))
    caller_ids = CallerIds(store, RecordingObserver(), clock.port())
    await caller_ids.begin()
    return caller_ids


async def _dial(store: MysqlStore, caller_ids: CallerIds, campaign: CampaignName, clock: FakeClock) -> None:
    """Claim and place three contacts, as a campaign's worker does."""
    request = ClaimRequest(campaign, 3, (), (), True, clock.now())
    attempts = (await store.claim(request)).attempts
    dialer = a_dialer(name=campaign, caller_id=CallerIdRules(()))
    shown = [
        replace(attempt, caller_id=caller_ids.choose(dialer, attempt.contact.phone.number) or "")
        for attempt in attempts
    ]
    await store.mark_sent(shown, clock.now())


async def _written(database: Database) -> Counter[str]:
    async with database.session() as session:
        rows = await session.rows("SELECT caller_id FROM ccdata.attempts WHERE state='sent'")
    return Counter(str(row["caller_id"]) for row in rows)


async def test_campaigns_that_dial_at_once_use_their_numbers_alike_also_over_a_take_over(
    shared: Database,
) -> None:
    clock = FakeClock()
    first = a_store(shared, "first")
    caller_ids = await _term(first, clock)
    for _ in range(5):
        clock.advance(1)
        await asyncio.gather(
            *(_dial(first, caller_ids, name, clock) for name in CAMPAIGNS), caller_ids.keep()
        )
    assert await _written(shared) == dict.fromkeys(NUMBERS, 12)

    # Another engine takes over without a word of the first, which has placed one more round by then.
    clock.advance(1)
    await _dial(first, caller_ids, CAMPAIGNS[0], clock)
    last = [number for number, count in (await _written(shared)).items() if count == 13]
    second = a_store(shared, "second")
    taken_over = await _term(second, clock)
    with pytest.raises(FencedError):
        await _dial(first, caller_ids, CAMPAIGNS[1], clock)
    clock.advance(1)
    await _dial(second, taken_over, CAMPAIGNS[2], clock)
    counts = await _written(shared)
    assert sum(counts.values()) == 66
    assert {counts[number] for number in NUMBERS if number not in last} == {13}, "they come first"
    assert max(counts.values()) <= 14


def test_the_look_back_reads_a_numbers_calls_in_order_from_the_index(mariadb: MariaDB, names: Names) -> None:
    """On 100,000 attempts with 50 numbers in four campaigns."""
    attempts = f"{names.configuration}.attempts"
    mariadb.sql(
        f"INSERT INTO {attempts} (id, campaign, spool_id, destination, owner, fence, state, claimed_at,"
        " sent_at, ended_at, outcome, caller_id)"
        " SELECT UUID(), CONCAT('C', seq % 4), seq, seq, 'dialer', 1, 'ended',"
        " '2026-03-02' + INTERVAL seq SECOND, '2026-03-02' + INTERVAL seq SECOND,"
        " '2026-03-02' + INTERVAL seq + 60 SECOND, 'no_answer', 1000 + seq % 50"
        f" FROM {names.configuration}.seq_1_to_100000; ANALYZE TABLE {attempts};"
    )
    calls = plan(mariadb, names, CALLS, "1007", "2026-03-02", "2026-03-05", 200)
    assert (calls["key"], calls["type"]) == ("attempts_caller_id", "range")
    assert "filesort" not in calls["extra"]
    shown = plan(mariadb, names, SHOWN, "C1", "2026-03-03 03:00:00")
    assert (shown["key"], shown["type"]) == ("attempts_campaign", "range")


class Commands:
    """The `overdial caller-ids` commands over a database of their own."""

    def __init__(self, mariadb: MariaDB, names: Names, folder: Path) -> None:
        self.config = folder / "overdial.toml"
        self.config.write_text(
            f'[database]\nsocket = "{mariadb.socket}"\nuser = "root"\n'
            f'configuration = "{names.configuration}"\nhistory = "{names.history}"\n'
        )
        self.file = folder / "numbers.csv"
        self._mariadb, self._names = mariadb, names

    def run(self, word: str, *args: str) -> Result:
        return CliRunner().invoke(main, ["caller-ids", word, "--config", str(self.config), *args])

    def load(self, text: str, *args: str, campaign: str = "A<-") -> Result:
        self.file.write_text(text)
        return self.run("load", *args, campaign, str(self.file))

    def sql(self, text: str) -> list[str]:
        return self._mariadb.sql(self._names.put_into(text)).splitlines()


@pytest.fixture
def commands(mariadb: MariaDB, names: Names, tmp_path: Path) -> Commands:
    commands = Commands(mariadb, names, tmp_path)
    commands.sql("INSERT INTO ccdata.dialers (campaign) VALUES ('A<-')")
    return commands


ENTRIES = "SELECT campaign, entry, note FROM ccdata.caller_ids ORDER BY campaign, entry"


def test_a_file_is_loaded_once_and_replaced_as_a_whole(commands: Commands) -> None:
    text = "\ufeffCaller ID;Note\r\n593#100-00-99\r\n\r\n200;desk two\r\n"
    assert commands.load(text, campaign="a<-").output == "2 caller IDs added, 0 were there, 0 removed\n"
    assert commands.sql(ENTRIES) == ["A<-\t200\tdesk two", "A<-\t593#100-00-99\t"]
    assert commands.load(text).output == "0 caller IDs added, 2 were there, 0 removed\n"
    assert commands.load("300\n", campaign="*").exit_code == 0
    done = commands.load("200\n400\n", "--replace")
    assert done.output == "1 caller IDs added, 1 were there, 1 removed\n"
    assert commands.sql(ENTRIES) == ["*\t300\t", "A<-\t200\t", "A<-\t400\t"]


def test_a_file_with_a_bad_line_changes_nothing_and_says_where(commands: Commands) -> None:
    done = commands.load("100\nJohn\n100\n2-9-1\n")
    assert done.exit_code == 1
    for told in ("line 2: caller ID: ", "line 3: ", "line 4: ", "nothing was loaded; 3 lines"):
        assert told in done.output
    assert "line 1:" not in done.output
    many = commands.load("\n".join(["x"] * 30))
    assert "… and 10 more" in many.output
    assert commands.sql(ENTRIES) == []
    assert "has no caller ID" in commands.load("\n\n").output
    assert "there is no dialer" in commands.load("100\n", campaign="B<-").output
    assert "Give a readable file" in commands.run("load", "A<-", "/nowhere/at/all.csv").output
    assert "every one has a prefix" in commands.load("593#100\n").output


def test_numbers_are_listed_sent_to_rest_and_released(commands: Commands) -> None:
    assert commands.run("list", "A<-").exit_code == 1
    commands.load("593#+12125550101\n2-00-99\n300\n-700-701\n")
    commands.sql(
        "INSERT INTO ccdata.caller_ids (campaign, entry, enabled) VALUES ('A<-', 'John', 1), ('*', '900', 0);"
        "INSERT INTO ccdata.caller_id_state (number, attempts, answers, rejections, last_used_at)"
        " VALUES ('12125550101', 40, 10, 3, '2026-03-02 10:00:00'), ('207', 0, 0, 0, NULL)"
    )
    rested = commands.run("rest", "+12125550101", "--hours", "2", "--reason", "too many complaints")
    assert rested.exit_code == 0, rested.output
    until = datetime.now(UTC) + timedelta(hours=2)
    told = rested.output.partition("until ")[2].removesuffix(" UTC\n")
    assert abs((datetime.fromisoformat(f"{told}+00:00") - until).total_seconds()) < 60

    lines = {line.split()[0]: line for line in commands.run("list", "a<-").output.splitlines()}
    for word in ("rests to", " 40", "25.0%", "2026-03-02 10:00:00", "too many complaints"):
        assert word in lines["593#+12125550101"]
    assert "healthy" in lines["300"]
    assert "disabled" in lines["900"]
    assert "range of 100" in lines["2-00-99"]
    assert "healthy" in lines["207"]
    assert "is not a caller ID" in lines["John"]
    health = "SELECT state, answer_rate, reason FROM ccdata.caller_id_health WHERE number = '12125550101'"
    assert commands.sql(health) == ["resting\t0.2500\ttoo many complaints"]

    assert commands.run("release", "12125550101").output == "12125550101 is shown again\n"
    assert commands.sql(health)[0].startswith("healthy\tNULL")
    assert commands.run("release", "12125550101").exit_code == 1
    assert "Fix" in commands.run("rest", "John").output

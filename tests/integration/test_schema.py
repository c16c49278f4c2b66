"""The schema: two ways to it, every documented column, partial inserts, the claim's plan."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from engine.adapters.mysql import Database, DatabaseSettings, counting
from engine.adapters.mysql.claim import (
    CLAIM,
    CLAIM_FREE_TASKS,
    CLAIM_NOBODYS,
    CLAIM_OWN,
    CLAIM_OWN_SCHEDULED,
    CLAIM_TASKS,
    DUE,
)
from engine.adapters.mysql.migrate import applied, check, known, migrate
from engine.adapters.mysql.numbers import THERE
from engine.adapters.mysql.people import OF_ROWS, SOME
from engine.adapters.mysql.preflight import SAMPLE
from engine.adapters.mysql.store import STRAYS
from engine.lab.mariadb import MariaDB
from engine.ports import SchemaError
from engine.resources import resource
from tests.stage import Names

#: Every documented table of spec/tables.md with its documented columns.
DOCUMENTED = {
    "calls_spool": "campaign destination status data alternatives contact dialerbase priority agentphone"
    " retries",
    "dialer_base": "id campaign name records active percentage",
    "black_list": "phone campaign username company job_title name",
    "calls_scheduler": "id calldate campaign destination agentphone alternatives data",
    "black_list_schedule": "phone removedate",
    "sms_spool": "campaign destination message device idm data state priority",
    "sms_scheduler": "calldate campaign destination data",
    "black_list_history": "id calldate src dst",
    "cdr_repo": "calldate clid src dst dcontext channel dstchannel lastapp duration billsec disposition"
    " amaflags accountcode guid causecode campaign charged_balance real_balance note contact finishtime"
    " rating dialerbase type uniqueid userfield parandvalues peeraccount",
    "sms_repo": "id idm campaign dateprocessed direction callerid message agent smsbase result readsms"
    " sessionid",
    "tags": "id datetime user guid time comment",
    "sipchat": "id datecreated src dest message srcagent dstagent status",
    "auditory": "id datetime userid host action",
    **dict.fromkeys(
        (
            "queue_log_repo", "webchat_log_repo", "sms_log_repo", "email_log_repo",
            "twitter_log_repo", "messenger_log_repo", "facebook_log_repo",
        ),
        "origid datetime callid queuename agent event data1 data2 data3 data4 data5",
    ),
    "dialers": "campaign schedule dialertype status dialstring context exten am sound maxchannels"
    " variables timeout callerid retries callerpres tbc dncr schedulephones autoanswer tbc_nocontact"
    " earlymedia recyclecount recycle country rule autoconvertcallerid",
    "queues": "name musiconhold announce context timeout monitorType monitorFormat announceFrequency"
    " announceRoundSeconds announceHoldtime announcePosition retry wrapuptime maxlen servicelevel"
    " strategy joinempty leavewhenempty eventmemberstatus eventwhencalled reportholdtime memberdelay"
    " weight timeoutrestart ringinuse setinterfacevar periodicAnnounce periodicAnnounceFrequency did"
    " direction interactions email thresholds welcome schedule form quality dialstring voicemail"
    " queue_survey queue_timeout auto_answer show_dispositions queue_breaks screen_recording language"
    " transferCampaigns",
}  # fmt: skip


def _described(mariadb: MariaDB, names: Names) -> list[str]:
    """Every column and index of both databases, in a form that can be compared."""
    both = f"('{names.configuration}', '{names.history}')"
    which = f"IF(table_schema = '{names.configuration}', 'c', 'h')"
    text = mariadb.sql(
        f"SELECT {which}, table_name, column_name, column_type, is_nullable,"
        " COALESCE(column_default, '-'), extra, column_comment, COALESCE(collation_name, '-')"
        f" FROM information_schema.columns WHERE table_schema IN {both} ORDER BY 1, 2, ordinal_position;"
        f"SELECT {which}, table_name, index_name, seq_in_index, column_name, non_unique"
        f" FROM information_schema.statistics WHERE table_schema IN {both} ORDER BY 1, 2, 3, 4;"
    )
    return text.splitlines()


def test_migrations_add_up_to_schema_sql(mariadb: MariaDB, names: Names) -> None:
    whole = Names("whole_cc", "whole_repo")
    text = resource("schema.sql").read_text("utf-8")
    text = re.sub(r"\bccdata\b", whole.configuration, re.sub(r"\bccrepo\b", whole.history, text))
    mariadb.sql(text)
    try:
        assert _described(mariadb, whole) == _described(mariadb, names)
        ledger = "SELECT version, name FROM {}.schema_migrations ORDER BY version"
        assert mariadb.sql(ledger.format(whole.configuration)) == mariadb.sql(
            ledger.format(names.configuration)
        )
    finally:
        mariadb.sql(f"DROP DATABASE {whole.configuration}; DROP DATABASE {whole.history}")


@pytest.mark.parametrize("table", DOCUMENTED)
def test_every_documented_column_is_there(mariadb: MariaDB, names: Names, table: str) -> None:
    there = mariadb.sql(
        f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'"
        f" AND table_schema IN ('{names.configuration}', '{names.history}')"
    ).split()
    assert set(DOCUMENTED[table].split()) <= set(there)


def test_every_table_has_a_primary_key_and_is_transactional(mariadb: MariaDB, names: Names) -> None:
    tables = mariadb.sql(
        "SELECT t.table_name, t.engine, COUNT(k.column_name) FROM information_schema.tables t"
        " LEFT JOIN information_schema.key_column_usage k ON k.table_schema = t.table_schema"
        " AND k.table_name = t.table_name AND k.constraint_name = 'PRIMARY'"
        f" WHERE t.table_schema IN ('{names.configuration}', '{names.history}') "
        " AND t.table_type = 'BASE TABLE' GROUP BY 1, 2"
    ).splitlines()
    assert len(tables) >= 27
    for line in tables:
        table, engine, keys = line.split("\t")
        assert engine == "InnoDB", table
        assert int(keys) >= 1, table


async def test_migrate_twice_does_nothing_and_a_half_done_one_goes_on(database: Database) -> None:
    assert await migrate(database) == ()
    await check(database)
    async with database.session() as session:
        await session.run("DELETE FROM ccdata.schema_migrations WHERE version >= 4")
        await session.run("DROP TABLE ccdata.campaign_state")
    with pytest.raises(SchemaError, match=r"0004_other_channels.*overdial migrate"):
        await check(database)
    assert [m.version for m in await migrate(database)] == [m.version for m in known() if m.version >= 4]
    await check(database)


async def test_a_newer_schema_is_refused(database: Database) -> None:
    async with database.session() as session:
        await session.run("INSERT INTO ccdata.schema_migrations (version, name) VALUES (9999, '9999_future')")
    for act in (check, migrate):
        with pytest.raises(SchemaError, match=r"newer than this engine.*9999_future"):
            await act(database)


async def test_an_empty_server_has_no_schema_and_a_broken_migration_says_where(
    mariadb: MariaDB, tmp_path: Path
) -> None:
    settings = DatabaseSettings(
        socket=str(mariadb.socket), user="root", configuration="none_cc", history="none_repo"
    )
    database = Database(settings)
    try:
        assert await applied(database) == {}
        with pytest.raises(SchemaError, match="0001_settings"):
            await check(database)
        (tmp_path / "0001_bad.sql").write_text(
            "CREATE DATABASE IF NOT EXISTS ccdata;\nCREATE TABEL x (a INT);\n"
        )
        with pytest.raises(SchemaError, match="0001_bad stopped at 'CREATE TABEL x"):
            await migrate(database, tmp_path)
    finally:
        await database.close()
        mariadb.sql("DROP DATABASE IF EXISTS none_cc")


def test_each_migration_has_a_number_of_its_own() -> None:
    versions = [m.version for m in known()]
    assert versions == sorted(set(versions))


def plan(mariadb: MariaDB, names: Names, sql: str, *args: object) -> dict[str, str]:
    """Return how the server would carry out a query on one table."""
    for value in args:
        sql = sql.replace("%s", f"'{value}'" if isinstance(value, str) else str(value), 1)
    lines = mariadb.sql(f"EXPLAIN {sql.replace('ccdata', names.configuration)}").splitlines()
    assert len(lines) == 1
    keys = "id select_type table type possible_keys key key_len ref rows extra".split()  # noqa: SIM905
    return dict(zip(keys, lines[0].split("\t"), strict=True))


def test_the_claim_reads_its_rows_in_order_from_the_index(mariadb: MariaDB, names: Names) -> None:
    """On 100,000 rows: no sort, no scan, and about as many rows as are asked for."""
    spool = f"{names.configuration}.calls_spool"
    mariadb.sql(
        f"INSERT INTO {spool} (campaign, destination, dialerbase, priority, status, notbefore)"
        " SELECT CONCAT('C', seq % 4, '<-'), seq, IF(seq % 10 = 0, '', CONCAT('L', seq % 3)),"
        " IF(seq % 7, 9999, 5), IF(seq % 5, 1, 0), IF(seq % 11, NULL, '2020-01-01')"
        f" FROM {names.configuration}.seq_1_to_100000; ANALYZE TABLE {spool};"
    )

    claim = plan(mariadb, names, CLAIM, "C1<-", "L1", 20)
    assert claim["key"] == "calls_spool_claim"
    assert "filesort" not in claim["extra"]
    assert claim["ref"] == "const,const,const,const"
    for query in (CLAIM_TASKS, CLAIM_FREE_TASKS):
        tasks = plan(mariadb, names, query, "C1<-", "", 20)
        assert tasks["key"] in ("calls_spool_task", "calls_spool_claim")
        assert "filesort" not in tasks["extra"]
    for query, args in (
        (CLAIM_OWN, ("L1", "101")), (CLAIM_NOBODYS, ("L1",)), (CLAIM_OWN_SCHEDULED, ("", "101")),
    ):  # fmt: skip
        own = plan(mariadb, names, query, "C1<-", *args, 20)
        assert own["key"] == "calls_spool_agent"
        assert "filesort" not in own["extra"]
    due = plan(mariadb, names, DUE, "C1<-", "2026-01-01")
    assert due["key"] == "calls_spool_due"
    assert due["type"] == "range"

    double = plan(mariadb, names, THERE.format("%s,%s"), "17", "18", "C1<-")
    assert (double["key"], double["type"]) == ("calls_spool_number", "range")
    assert int(double["rows"]) <= 4
    sample = plan(mariadb, names, SAMPLE.format("%s,%s"), "C1<-", "", "L1", 3)
    assert sample["key"] == "calls_spool_claim"
    assert "Using index" in sample["extra"], "the rows themselves are not read"

    handler = "SHOW SESSION STATUS LIKE 'Handler_read_next'"
    sql = CLAIM.replace("ccdata.calls_spool", spool)
    for value in ("'C1<-'", "'L1'", "20"):
        sql = sql.replace("%s", value, 1)
    output = mariadb.sql(f"FLUSH STATUS; {sql}; {handler};").splitlines()
    assert len(output) == 21
    assert int(output[-1].split("\t")[1]) <= 40, "rows that were looked at for twenty"


def test_what_others_left_open_is_found_without_reading_what_has_ended(
    mariadb: MariaDB, names: Names
) -> None:
    """On 100,000 attempts, of which all but a few have ended, under many tokens."""
    attempts = f"{names.configuration}.attempts"
    mariadb.sql(
        f"INSERT INTO {attempts} (id, campaign, spool_id, destination, owner, fence, state, claimed_at)"
        " SELECT UUID(), 'C<-', seq, seq, 'dialer', seq % 50, IF(seq % 5000, 'ended', 'ringing'), NOW(3)"
        f" FROM {names.configuration}.seq_1_to_100000; ANALYZE TABLE {attempts};"
    )
    found = plan(mariadb, names, STRAYS, 60)
    assert (found["key"], found["type"]) == ("attempts_open", "range")
    assert int(found["rows"]) <= 100
    assert "Using index" in found["extra"], "the rows themselves are not read"
    sql = STRAYS.replace("ccdata", names.configuration).replace("%s", "60")
    output = mariadb.sql(f"FLUSH STATUS; {sql}; SHOW SESSION STATUS LIKE 'Handler_read_next';").splitlines()
    assert len(output) == 21
    assert int(output[-1].split("\t")[1]) <= 40, "entries that were looked at for twenty"


def test_calls_to_a_person_are_found_by_each_of_his_keys_alone(mariadb: MariaDB, names: Names) -> None:
    """On 50,000 attempts: as many rows are read as there are calls to those who are asked about."""
    attempts = f"{names.configuration}.attempts"
    mariadb.sql(
        f"INSERT INTO {attempts} (id, campaign, spool_id, destination, number, contact, owner, fence, state,"
        " claimed_at) SELECT UUID(), 'C<-', 1 + seq % 10000, seq % 10000, 1000000 + seq % 10000,"
        " CONCAT('K', seq % 10000), 'dialer', 1, 'ended', NOW(3)"
        f" FROM {names.configuration}.seq_1_to_50000; ANALYZE TABLE {attempts};"
    )
    for column, index, one, other in (
        ("number", "attempts_number", "1000017", "1000018"),
        ("contact", "attempts_contact", "K17", "K18"),
        ("spool_id", "attempts_spool", 17, 18),
    ):
        sql = SOME.format("id, number", index, column, "%s,%s")
        found = plan(mariadb, names, sql, one, other, "2026-01-01")
        assert (found["key"], found["type"]) == (index, "range"), found
        assert int(found["rows"]) <= 20
    found = plan(mariadb, names, OF_ROWS.format("%s,%s"), 17, 18)
    assert (found["key"], found["type"]) == ("attempts_spool", "range"), found
    assert int(found["rows"]) <= 20


def test_counting_the_spool_follows_its_primary_key_and_orders_have_their_index(
    mariadb: MariaDB, names: Names
) -> None:
    spool = f"{names.configuration}.calls_spool"
    mariadb.sql(
        f"INSERT INTO {spool} (campaign, destination) WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL"
        f" SELECT i + 1 FROM n WHERE i < 900) SELECT 'A', i FROM n; ANALYZE TABLE {spool};"
    )
    part = counting.SPOOL.partition("FROM (")[2].partition(") part")[0]
    found = plan(mariadb, names, part, "2026-05-13 12:00:00", 300, 100)
    assert (found["type"], found["key"]) == ("range", "PRIMARY"), found
    assert "filesort" not in found["extra"]
    assert plan(mariadb, names, counting.ORDERS)["key"] == "orders_new"

"""The law in the transaction that reserves the attempt, on a real server: blocks, caps, races, stickiness."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from engine.adapters.contact_file import open_contacts
from engine.adapters.legal import Legal
from engine.adapters.mysql import Database, MysqlStore
from engine.adapters.mysql.call_form import form_of
from engine.adapters.mysql.claim import Claimant, claim_contacts
from engine.adapters.mysql.contacts import black_list, respool
from engine.adapters.mysql.loading import Wish, load_file
from engine.adapters.mysql.recycling import recycle
from engine.adapters.mysql.why import why
from engine.adapters.registry import Registry, build
from engine.domain.entries import Heard, OptOut
from engine.domain.integra.contacts import BlackEntry, read_respool
from engine.domain.localtime import LocalTime
from engine.domain.model import AttemptId, CampaignName, attempt_id
from engine.domain.outcomes import Outcome
from engine.domain.phones import known_digits, parse_phone
from engine.domain.recycling import RecycleRule
from engine.ports import ClaimRequest, ClaimResult, StoreError
from tests import builders as b
from tests.contract.store_desks import BUSY, LOST, TALKED, batch, finished, naive

#: Wednesday, 12:00 in New York, 11:00 in Chicago.
NOON = datetime(2026, 5, 13, 16, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def new_id() -> AttemptId:
    return attempt_id(next(_numbers), 77)


class Office:
    """A supervisor's desk and engines over one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.store = self.engine()

    def engine(self, legal: Legal | None = None) -> MysqlStore:
        return MysqlStore(self.database, "dialer", LocalTime(UTC), new_id, legal)

    async def run(self, sql: str, *args: Any) -> None:
        async with self.database.session() as session:
            await session.run(sql, args)

    async def rows(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        async with self.database.session() as session:
            return await session.rows(sql, args)

    async def dialer(
        self, campaign: str = "A<-", options: dict[str, Any] | None = None, **columns: Any
    ) -> None:
        values = {"campaign": campaign, "status": 1, "country": "US", **columns}
        marks = ", ".join(["%s"] * len(values))
        await self.run(f"INSERT INTO ccdata.dialers ({', '.join(values)}) VALUES ({marks})", *values.values())
        if options:
            values = {"campaign": campaign, **options}
            marks = ", ".join(["%s"] * len(values))
            sql = f"INSERT INTO ccdata.law_options ({', '.join(values)}) VALUES ({marks})"
            await self.run(sql, *values.values())

    async def contact(self, destination: str, campaign: str = "A<-", **columns: Any) -> int:
        values = {"campaign": campaign, "destination": destination, "dialerbase": "L1", **columns}
        marks = ", ".join(["%s"] * len(values))
        sql = f"INSERT INTO ccdata.calls_spool ({', '.join(values)}) VALUES ({marks})"
        async with self.database.session() as session:
            await session.run(sql, tuple(values.values()))
            return int((await session.rows("SELECT LAST_INSERT_ID() AS id"))[0]["id"])

    async def claim(
        self, campaign: str = "A<-", at: datetime = NOON, limit: int = 10, store: MysqlStore | None = None
    ) -> ClaimResult:
        return await (store or self.store).claim(request(campaign, at, limit))

    async def called(self, campaign: str = "A<-", at: datetime = NOON, **how: Any) -> list[str]:
        """Claim; return the numbers that may be called."""
        result = await self.claim(campaign, at, **how)
        return [attempt.contact.phone.number for attempt in result.attempts]

    async def row(self, spool_id: int) -> dict[str, Any]:
        return (await self.rows("SELECT * FROM ccdata.calls_spool WHERE id=%s", spool_id))[0]

    async def audit(self) -> list[str]:
        return [row["action"] for row in await self.rows("SELECT action FROM ccrepo.auditory ORDER BY id")]


def request(campaign: str, at: datetime = NOON, limit: int = 10, black: bool = True) -> ClaimRequest:
    return ClaimRequest(CampaignName(campaign), limit, ("L1",) * limit, ("L1",), black, at)


@pytest.fixture
def office(database: Database) -> Office:
    return Office(database)


async def test_hours_hold_a_contact_in_its_own_zone_until_they_open(office: Office) -> None:
    await office.dialer()
    east = await office.contact("2125551234")
    west = await office.contact("2135551234")
    morning = datetime(2026, 5, 13, 14, 0, tzinfo=UTC)  # 10:00 in New York, 07:00 in Los Angeles
    result = await office.claim(at=morning)
    assert [attempt.contact.id for attempt in result.attempts] == [east]
    assert result.held == 1
    row = await office.row(west)
    opens = datetime(2026, 5, 13, 15, 0, tzinfo=UTC)
    assert (row["status"], row["held_by"], row["notbefore"]) == (1, "hours", naive(opens))
    assert "America/Los_Angeles" in row["reason"]
    assert "47 CFR 64.1200(c)(1)" in row["reason"]
    assert await office.called(at=opens - timedelta(seconds=1)) == []
    assert await office.called(at=opens) == ["2135551234"]
    assert (await office.row(west))["held_by"] == ""
    # What holds everybody at such an hour is no block of a person.
    assert await office.audit() == []


async def test_many_who_must_wait_do_not_hide_those_who_may_be_called(office: Office) -> None:
    await office.dialer()
    for n in range(180):
        await office.contact(f"213555{n:04d}", priority=2)
    await office.contact("2125551234", priority=9999)
    morning = datetime(2026, 5, 13, 14, 0, tzinfo=UTC)
    assert await office.called(at=morning, limit=3) == ["2125551234"]


@pytest.mark.parametrize(
    ("columns", "zone", "callable_at"),
    [
        ({"data": "timezone=Pacific/Honolulu"}, "", 18),
        ({}, "Pacific/Honolulu", 18),
        ({"data": "timezone=Pacific/Honolulu"}, "America/New_York", 12),  # the list's zone says it all
        ({"data": "state=CA"}, "", 15),  # with rule=STATE, number and state must both be within hours
        ({"data": "state=NY"}, "", 12),
        ({"data": "timezone=Mars/Olympus"}, "", 12),
    ],
)
async def test_where_a_contact_is(
    office: Office, columns: dict[str, str], zone: str, callable_at: int
) -> None:
    await office.dialer(rule="STATE")
    await office.run(
        "INSERT INTO ccdata.dialer_base (campaign, name, timezone) VALUES ('A<-', 'L1', %s)", zone
    )
    await office.contact("2125551234", **columns)
    start = datetime(2026, 5, 13, 12, 0, tzinfo=UTC)  # 08:00 in New York
    opened = [
        start + timedelta(hours=n)
        for n in range(10)
        if await office.called(at=start + timedelta(hours=n))
    ]  # fmt: skip
    assert opened == [datetime(2026, 5, 13, callable_at, 0, tzinfo=UTC)]


async def test_a_state_has_its_own_hours(office: Office) -> None:
    await office.dialer(rule="STATE")
    await office.contact("5025551234")  # Kentucky, from ten
    by_variable = await office.contact("2125551234", data="name=Ann:state=KY")
    nine = datetime(2026, 5, 13, 13, 0, tzinfo=UTC)
    assert await office.called(at=nine) == []
    assert "Ky. Rev. Stat." in (await office.row(by_variable))["reason"]
    assert await office.called(at=nine + timedelta(hours=1)) == ["5025551234"]
    # A New York number of somebody in Kentucky: within hours in all zones of both, Chicago's included.
    assert await office.called(at=nine + timedelta(hours=2)) == ["2125551234"]


async def test_prefixes_forms_and_campaigns_of_the_black_list(office: Office) -> None:
    await office.dialer()
    for phone, campaign in (
        ("1900*", "*"),
        ("(502) 555-1234", "*"),
        ("+12125550001", "A<-"),
        ("212*", "B<-"),
    ):
        await office.run("INSERT INTO ccdata.black_list (phone, campaign) VALUES (%s, %s)", phone, campaign)
    premium = await office.contact("9005551234")
    same = await office.contact("+15025551234")
    mine = await office.contact("2125550001")
    await office.contact("2125550002")
    assert await office.called() == ["2125550002"]
    for spool_id in (premium, same, mine):
        row = await office.row(spool_id)
        assert (row["status"], row["held_by"]) == (3, "black_list")
    assert "begin like this" in (await office.row(premium))["reason"]
    assert len(await office.rows("SELECT * FROM ccrepo.black_list_history")) == 3
    assert sorted(await office.audit())[0].startswith("not called: +15025551234 in A<-: black_list:")


@pytest.mark.parametrize(
    ("country", "listed", "dialled", "others"),
    [
        ("UK", "0044 7700 900123", ("+447700900123", "07700900123"), ("07700900124",)),
        ("US", "001 305 555 1234", ("3055551234", "+13055551234"), ("3055551235",)),
        ("US", "011 1 305 555 1234", ("3055551234",), ("3055551235",)),
        ("UK", "0044 7700*", ("07700900123",), ("07900900123",)),
        # What is dialled before a country code means calls that are dialled like this, and no others.
        ("UK", "00*", ("00447700900123",), ("07700900124", "+447700900125")),
        ("US", "011*", ("011447700900123",), ("3055551235",)),
        ("UK", "0114*", ("01142345678",), ("07700900123",)),
    ],
)
async def test_the_black_list_may_have_numbers_as_they_are_dialled_from_abroad(
    office: Office, country: str, listed: str, dialled: tuple[str, ...], others: tuple[str, ...]
) -> None:
    await office.dialer(country=country)
    await office.run("INSERT INTO ccdata.black_list (phone, campaign) VALUES (%s, '*')", listed)
    for number in (*dialled, *others):
        await office.contact(number)
    at = datetime(2026, 5, 13, 15, 0, tzinfo=UTC)  # 16:00 in London, 11:00 in New York
    assert sorted(await office.called(at=at)) == sorted(others)
    held = await office.rows("SELECT destination FROM ccdata.calls_spool WHERE held_by = 'black_list'")
    assert sorted(row["destination"] for row in held) == sorted(dialled)


async def test_a_black_list_may_come_from_a_file_or_a_page_whose_layout_came_along(office: Office) -> None:
    """What LOAD DATA leaves of line ends and quotes, no-break spaces, and the 0 that is for home alone."""
    await office.dialer("UK<-", country="UK")
    numbers = [f"0207946{n:04}" for n in range(10) if n not in (7, 8)]
    written = (
        "02079460000\r", "02079460001\r\n", '"02079460002"', "020\u00a07946\u00a00003",
        "+44 (0)20 7946 0004", "0044 (0)20-7946-0005", "(0)20 7946 0006",
        "+44 020 7946 0009",
    )  # fmt: skip
    for number, text in zip(numbers, written, strict=True):
        await office.run("INSERT INTO ccdata.black_list (phone) VALUES (%s)", text)
        await office.contact(number, "UK<-")
    for number, whose in (("02079460007", "UK<-\r"), ("02079460008", "*\r")):
        await office.run("INSERT INTO ccdata.black_list (phone, campaign) VALUES (%s, %s)", number, whose)
        await office.contact(number, "UK<-")
    for number, who in (
        ("02079460011", "+44 (0)20 7946 0011"),
        ("02079460012", "020-7946-0012\r"),
        ("02079460013", "contact:k=5"),
    ):
        await office.run("INSERT INTO ccdata.opt_outs (who, opted_at) VALUES (%s, '2026-01-01')", who)
        await office.contact(number, "UK<-", contact="K=5" if "=" in who else "")
    free = await office.contact("02079460099", "UK<-")
    assert await office.called("UK<-") == ["02079460099"]
    assert {row["status"] for row in await office.rows("SELECT status FROM ccdata.calls_spool")} == {0, 3}
    assert (await office.row(free))["status"] == 0
    rows = await office.rows("SELECT phone, number FROM ccdata.black_list")
    assert {row["number"] for row in rows} == {known_digits(row["phone"]) for row in rows}


async def test_no_machine_calls_an_emergency_number(office: Office) -> None:
    for campaign, country, number in (
        ("A<-", "US", "911"), ("NONE<-", "none", "112"), ("UK<-", "UK", "999"), ("FR<-", "FR", "15")
    ):  # fmt: skip
        await office.dialer(campaign, country=country, dncr=0)
        row = await office.contact(number, campaign)
        assert (await office.claim(campaign)).blocked == 1, number
        assert (await office.row(row))["held_by"] == "black_list"
    other = await office.contact("911", alternatives="2125550001")
    assert await office.called() == ["2125550001"], "it costs the contact no other number"
    assert (await office.row(other))["alternatives"] == ""


async def test_dates_that_no_calendar_has_stop_no_campaign(office: Office) -> None:
    """Other programs write 0000-00-00 for none, and the server takes it in its own mode."""
    await office.dialer()
    await office.contact("2125550002")
    zero, other = "0000-00-00 00:00:00", "2027-00-00 00:00:00"
    async with office.database.session() as session:
        await session.run("SET SESSION sql_mode = 'STRICT_TRANS_TABLES'")
        for table, columns, values in (
            ("calls_scheduler", "calldate, campaign, destination", (zero, "A<-", "2125550001")),
            ("calls_spool", "notbefore, campaign, destination", (zero, "A<-", "2125550003")),
            ("black_list_schedule", "removedate, phone", (zero, "2125550003")),
            ("black_list_schedule", "removedate, phone", (other, "2125550002")),
        ):
            marks = ", ".join(["%s"] * len(values))
            await session.run(f"INSERT INTO ccdata.{table} ({columns}) VALUES ({marks})", values)
        await session.run("SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'")
    assert await office.called() == ["2125550001", "2125550003"]
    for number in ("2125550001", "2125550002", "2125550003"):
        assert await why(office.database, Legal(), LocalTime(UTC), number, NOON)


async def test_in_the_hour_that_autumn_has_twice_blocks_end_late_and_consents_early(office: Office) -> None:
    """Madrid, 25 October 2026: 02:00 to 03:00 comes twice. It is evening in Chicago."""
    madrid = LocalTime(ZoneInfo("Europe/Madrid"))
    store = MysqlStore(office.database, "dialer", madrid, new_id)
    await office.dialer("YES<-", {"consent": "always"})
    half_past = datetime(2026, 10, 25, 2, 30)  # noqa: DTZ001  a column in local time
    blocked, withdrawn, expired, free = [await office.contact(f"312555000{n}", "YES<-") for n in range(1, 5)]
    consent = "INSERT INTO ccdata.consents (phone, given_at, expires, withdrawn_at) VALUES (%s, %s, %s, %s)"
    await office.run(
        "INSERT INTO ccdata.black_list_schedule (phone, removedate) VALUES ('3125550001', %s)", half_past
    )
    for number, *ends in (
        ("1", None, None),
        ("2", None, half_past),
        ("3", half_past, None),
        ("4", None, None),
    ):
        await office.run(consent, f"312555000{number}", half_past - timedelta(days=9), *ends)
    second = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 for the second time
    assert await office.called("YES<-", second, store=store) == ["3125550004"]
    row = await office.row(blocked)
    assert (row["held_by"], row["notbefore"]) == ("black_list", datetime(2026, 10, 25, 1, 30))  # noqa: DTZ001
    assert (await office.row(withdrawn))["held_by"] == "opt_out"
    assert (await office.row(expired))["held_by"] == "consent"
    assert (await office.row(free))["status"] == 0


async def test_an_opt_out_in_national_spelling_holds_in_every_campaign(office: Office) -> None:
    for campaign, country in (("U<-", "UK"), ("E<-", "EU"), ("N<-", "none"), ("S<-", "ES")):
        await office.dialer(campaign, country=country)
        await office.contact("+447700900123", campaign)
    await office.dialer("L<-", country="none", options={"law": "UK"})
    entry = BlackEntry(parse_phone("07700900123"), "*", "ana", "", "", "")
    async with office.database.session() as session:
        await black_list(session, entry, NOON, LocalTime(UTC))
    morning = datetime(2026, 5, 13, 9, 30, tzinfo=UTC)
    for campaign in ("U<-", "E<-", "N<-", "S<-"):
        assert await office.called(campaign, morning) == [], campaign


async def test_holidays_of_the_contacts_own_country_and_state(office: Office) -> None:
    """A day of Sao Paulo's, and one of Germany's; a setting that cannot work stops the campaign."""
    await office.dialer(country="BR", options={"holidays": 1})
    await office.contact("11987654321", data="state=SP")
    await office.contact("48987654321", data="state=SC")
    assert await office.called(at=datetime(2026, 7, 9, 15, 0, tzinfo=UTC)) == ["48987654321"]
    await office.dialer("E<-", country="EU", options={"holidays": 1})
    german = await office.contact("+4930123456", "E<-")
    await office.contact("+34911234567", "E<-")
    assert await office.called("E<-", datetime(2026, 5, 14, 9, 0, tzinfo=UTC)) == ["+34911234567"]
    assert (await office.row(german))["held_by"] == "holiday"
    await office.dialer("S<-", country="ES", options={"holidays": 1})
    await office.contact("911234567", "S<-")
    assert await office.called("S<-", datetime(2026, 10, 12, 9, 30, tzinfo=UTC)) == []
    await office.dialer("N<-", country="", options={"holidays": 1})
    await office.dialer("K<-", country="UK", rule="STATE")
    for campaign, fault in (
        ("N<-", "law_options.holidays: .*Set dialers.country"),
        ("K<-", "rule: STATE means"),
    ):
        await office.contact("+442079460000", campaign)
        with pytest.raises(StoreError, match=fault):
            await office.claim(campaign)


async def test_french_numbers_have_french_law_in_a_european_campaign(office: Office) -> None:
    await office.dialer(country="EU")
    paris = await office.contact("+33142345678")
    await office.contact("+33142345679")
    await office.run("INSERT INTO ccdata.consents (phone) VALUES ('+33142345679')")
    await office.contact("+4930123456")
    morning = datetime(2026, 5, 13, 9, 30, tzinfo=UTC)
    assert sorted(await office.called(at=morning)) == ["+33142345679", "+4930123456"]
    row = await office.row(paris)
    assert (row["held_by"], "L223-1" in row["reason"]) == ("consent", True)


async def test_numbers_of_an_overlay_wait_for_the_western_zone_of_its_area(office: Office) -> None:
    await office.dialer()
    for number in ("4485551234", "3645551234", "8505551234", "3055551234"):
        await office.contact(number)
    early = datetime(2026, 5, 13, 12, 5, tzinfo=UTC)  # 08:05 in New York, 07:05 in Chicago
    assert await office.called(at=early) == ["3055551234"]
    assert len(await office.called(at=early + timedelta(hours=1))) == 3


async def test_a_registry_holds_back_who_has_not_agreed(office: Office, tmp_path: Path) -> None:
    build(["12125550001", "12125550002"], tmp_path / "us")
    registry = Registry(tmp_path / "us")
    store = office.engine(Legal(registries={"US": registry}))
    await office.dialer()
    listed = await office.contact("2125550001")
    await office.contact("2125550002")
    await office.contact("2125550003")
    await office.run("INSERT INTO ccdata.consents (phone, source) VALUES ('+1 212-555-0002', 'form 7')")
    assert sorted(await office.called(store=store)) == ["2125550002", "2125550003"]
    assert (await office.row(listed))["held_by"] == "registry"
    registry.close()


async def test_a_broadcast_needs_consent_that_holds(office: Office) -> None:
    await office.dialer(dialertype="VoiceBroadCast")
    without = await office.contact("2125550001")
    await office.contact("2125550002")
    over = await office.contact("2125550003")
    withdrawn = await office.contact("2125550004")
    for phone, expires, back in (
        ("2125550002", None, None),
        ("2125550003", "2026-05-01", None),
        ("2125550004", None, "2026-05-01"),
    ):
        sql = "INSERT INTO ccdata.consents (phone, expires, withdrawn_at) VALUES (%s, %s, %s)"
        await office.run(sql, phone, expires, back)
    assert await office.called() == ["2125550002"]
    states = [(await office.row(i))["status"] for i in (without, over, withdrawn)]
    bans = [(await office.row(i))["held_by"] for i in (without, over, withdrawn)]
    assert (states, bans) == ([2, 2, 3], ["consent", "consent", "opt_out"])


async def story(office: Office, number: str, at: datetime) -> list[tuple[str, list[str]]]:
    """Return what explain says of the rows of a number: its destination, and what holds it."""
    told = await why(office.database, Legal(local=UTC), LocalTime(UTC), number, at)
    assert told is not None
    return [(one.destination, [reason.rule for reason in one.reasons]) for one in told.standings]


async def test_a_listed_number_costs_the_contact_no_other_whatever_the_hour(office: Office) -> None:
    """At 11 home comes first, and is on the black list: the mobile is called, as it would be at 12."""
    await office.dialer(country="", schedulephones="11=HMW:12=MWH", schedule="sun-sat;00:00-23:59")
    sql = "INSERT INTO ccdata.dialer_base (campaign, name, active, timezone) VALUES ('A<-', 'L1', 1, %s)"
    await office.run(sql, "America/Chicago")
    await office.run("INSERT INTO ccdata.black_list (phone) VALUES ('0992')")
    spool_id = await office.contact("M=0=0991", alternatives="H=0=0992:W=0=0993")
    [(destination, rules)] = await story(office, "0991", NOON)
    assert (destination, "black_list" in rules) == ("M=0=0991", False)
    [attempt] = (await office.claim()).attempts
    assert attempt.contact.phone.number == "0991"
    row = await office.row(spool_id)
    assert (row["status"], row["destination"], row["alternatives"]) == (0, "M=0=0991", "W=0=0993")
    assert await office.rows("SELECT dst FROM ccrepo.black_list_history") == [{"dst": "0992"}]
    [note] = await office.audit()
    assert note.startswith("not called: 0992 in A<-: black_list: the number is on the black list")
    form = await office.database.transaction(lambda session: form_of(session, attempt.id))
    assert form is not None
    assert (form.phone.entry(), form.alternatives) == ("W=0=0993", "")
    # Busy: it goes on with the number that is left, and is done after it.
    await office.store.mark_sent([attempt], NOON)
    await office.store.record(batch(finished(attempt, *BUSY)))
    assert await missed(office, "A<-", NOON + timedelta(minutes=1)) == ["0993"]
    assert await office.rows("SELECT id FROM ccdata.calls_spool") == []


async def test_a_number_that_is_left_out_leaves_a_row_that_waits_too_and_is_noted_once(
    office: Office, tmp_path: Path
) -> None:
    build(["12125550001"], tmp_path / "us")
    registry = Registry(tmp_path / "us")
    store = office.engine(Legal(registries={"US": registry}))
    await office.dialer()
    spool_id = await office.contact("2125550001", alternatives="2135550002", retries=3)
    morning = datetime(2026, 5, 13, 14, 0, tzinfo=UTC)  # 10:00 in New York, 07:00 in Los Angeles
    for n in range(3):
        assert await office.called(at=morning + timedelta(minutes=n), store=store) == []
        await office.run("UPDATE ccdata.calls_spool SET notbefore = NULL")
    row = await office.row(spool_id)
    assert (row["destination"], row["alternatives"], row["retries"]) == ("2135550002", "", 0)
    assert (row["status"], row["held_by"]) == (1, "hours")
    assert [action.split(": ")[1:3] for action in await office.audit()] == [["2125550001 in A<-", "registry"]]
    assert await office.called(at=NOON, store=store) == ["2135550002"]
    registry.close()


async def test_who_said_no_is_not_called_on_another_number(office: Office) -> None:
    await office.dialer()
    for word in ("12125550001", "12125550003"):
        await office.run("INSERT INTO ccdata.opt_outs (who, opted_at) VALUES (%s, %s)", word, naive(NOON))
    for phone in ("2125550001", "2125550004"):
        await office.run("INSERT INTO ccdata.black_list (phone) VALUES (%s)", phone)
    listed = await office.contact("2125550001", alternatives="2125550002")
    later = await office.contact("2125550004", alternatives="2125550003")
    assert await office.called() == []
    for spool_id, alternatives in ((listed, "2125550002"), (later, "2125550003")):
        row = await office.row(spool_id)
        assert (row["status"], row["alternatives"]) == (3, alternatives)
    assert (await office.row(later))["held_by"] == "opt_out"


async def test_two_rows_that_come_to_the_same_number_are_not_both_called(office: Office) -> None:
    await office.dialer()
    for number in ("2125550001", "2125550002"):
        await office.run("INSERT INTO ccdata.black_list (phone) VALUES (%s)", number)
    await office.contact("2125550001", alternatives="2125550009")
    others = [
        await office.contact("2125550002", alternatives="2125550009"), await office.contact("2125550009")
    ]  # fmt: skip
    assert await office.called() == ["2125550009"]
    for spool_id in others:
        row = await office.row(spool_id)
        assert (row["status"], row["held_by"]) == (2, "double")


async def test_an_opt_out_is_stronger_than_anything_that_comes_later(office: Office) -> None:
    await office.dialer(dncr=0)
    await office.dialer("B<-", country="", dncr=0)
    await office.contact("5025551234", contact="C1")
    [attempt] = (await office.claim()).attempts
    await office.store.mark_sent([attempt], NOON)
    await office.store.record(
        batch(OptOut(NOON, attempt.id, "5025551234"), finished(attempt, *TALKED), fence=0)
    )
    # Somebody clears the black list, uploads the contact anew, in every way: his number, written otherwise,
    # and another number of his; claims nobody checks the black list for, with consent newly claimed.
    await office.run("DELETE FROM ccdata.black_list")
    await office.run("INSERT INTO ccdata.consents (phone) VALUES ('5025551234')")
    for number, campaign, contact in (
        ("5025551234", "A<-", ""), ("+1 (502) 555-1234", "A<-", ""), ("15025551234", "B<-", ""),
        ("2125551234", "B<-", "C1"), ("5025551234", "B<-", "C9"),
    ):  # fmt: skip
        spool_id = await office.contact(number, campaign, contact=contact)
        later = NOON + timedelta(days=100)
        assert (await office.store.claim(request(campaign, later, black=False))).attempts == ()
        row = await office.row(spool_id)
        assert (row["status"], row["held_by"]) == (3, "opt_out"), number


@pytest.mark.parametrize("said", ["opt-out", "withdrawal"])
async def test_who_said_no_is_not_called_by_whatever_way_he_comes_back(
    office: Office, tmp_path: Path, said: str
) -> None:
    """A later disposition, a file, a respool, recycling, a scheduled call, a yes: none undoes it. Each call
    that was not placed stands in the history and in the audit."""
    await office.dialer(dncr=0)
    await office.contact("5025551234", contact="C1")
    [attempt] = (await office.claim()).attempts
    await office.store.mark_sent([attempt], NOON)
    no = Heard(NOON, attempt.id, "A<-", "C1", "5025551234", "refused", "2", 5.0, (), consent=False)
    entry = OptOut(NOON, attempt.id, "5025551234") if said == "opt-out" else no
    yes = replace(no, attempt="later", result="consented", keys="1", consent=True)
    await office.store.record(batch(entry, finished(attempt, *BUSY), yes))  # busy: to be called again
    await office.run("DELETE FROM ccdata.black_list")
    assert "5025551234" in (await office.audit())[0]

    async def load() -> object:
        path = tmp_path / "L1.csv"
        path.write_text("A<-;(502) 555-1234;n=1;\n")
        return await load_file(office.database, open_contacts(path), Wish("L1", again=True))

    async def schedule() -> None:
        sql = "INSERT INTO ccdata.calls_scheduler (calldate, campaign, destination) VALUES (%s, 'A<-', %s)"
        await office.run(sql, naive(NOON), "+15025551234")

    rules = (RecycleRule(Outcome.BUSY, timedelta(), 9),)
    back = read_respool('{"campaign": "A<-", "destination": "502-555-1234"}')
    ways = (
        load,
        lambda: office.database.transaction(lambda session: respool(session, back)),
        lambda: recycle(office.database, "A<-", rules, NOON + timedelta(days=900), name="L1"),
        schedule,
    )
    await office.run("DELETE FROM ccdata.calls_spool")
    for count, way in enumerate(ways, 1):
        await way()
        assert await office.called(at=NOON + timedelta(days=100)) == []
        [row] = await office.rows("SELECT status, held_by FROM ccdata.calls_spool")
        assert (row["status"], row["held_by"]) == (3, "opt_out")
        assert len(await office.rows("SELECT * FROM ccrepo.black_list_history")) == count
        assert sum("not called: " in action for action in await office.audit()) == count
        await office.run("DELETE FROM ccdata.calls_spool")


async def dialled(office: Office, campaign: str, at: datetime, *events: Any) -> None:
    """Claim one contact and let its call end."""
    [attempt] = (await office.claim(campaign, at, 1)).attempts
    await office.store.mark_sent([attempt], at)
    await office.store.record(batch(finished(attempt, *events)))
    # The test puts the times where it wants them: those of the ready-made events are another day's.
    await office.run(
        "UPDATE ccdata.attempts SET ended_at=%s, connected_at=IF(connected_at IS NULL, NULL, %s) WHERE id=%s",
        naive(at), naive(at), attempt.id,
    )  # fmt: skip
    await office.run("DELETE FROM ccdata.calls_spool")


RANG = (b.ringing(), b.hung_up(t=20, cause=19))


async def test_seven_in_seven_days_over_numbers_and_campaigns(office: Office) -> None:
    for campaign in ("A<-", "B<-"):
        await office.dialer(campaign, rule="REGF")
    for n in range(7):
        campaign, number = ("A<-", "2125550001") if n % 2 else ("B<-", "2135550001")
        await office.contact(number, campaign, contact="DEBT-1")
        await dialled(office, campaign, NOON + timedelta(hours=n / 2), *RANG)
        await office.contact("2125550077", campaign, contact="DEBT-2")
        await dialled(office, campaign, NOON + timedelta(hours=n / 2), *BUSY)  # did not connect: not counted
    evening = NOON + timedelta(hours=4)
    spool_id = await office.contact("2145550001", contact="DEBT-1")
    assert await office.called(at=evening) == []
    row = await office.row(spool_id)
    assert (row["held_by"], row["notbefore"]) == ("cap", naive(NOON + timedelta(days=7)))
    assert "12 CFR 1006.14(b)(2)(i)(A)" in row["reason"]
    assert (await office.audit())[-1].startswith("not called: 2145550001 in A<-: cap:")
    await office.contact("2125550077", contact="DEBT-2")
    assert await office.called(at=evening) == ["2125550077"]
    assert await office.called(at=NOON + timedelta(days=7)) == ["2145550001"]


async def test_a_week_of_peace_after_a_conversation_and_three_days_after_an_abandoned_call(
    office: Office,
) -> None:
    await office.dialer("A<-", rule="REGF")
    await office.dialer("B<-", country="UK", dialertype="Progressive")
    await office.dialer("C<-", country="UK")
    await office.contact("2125550001", contact="X")
    await dialled(office, "A<-", NOON, *TALKED)
    await office.contact("2135550009", contact="X")
    assert await office.called(at=NOON + timedelta(days=6.9)) == []
    assert await office.called(at=NOON + timedelta(days=7)) == ["2135550009"]
    await office.contact("+447700900123", "C<-")
    await dialled(office, "C<-", NOON, *LOST)
    for campaign in ("B<-", "C<-"):
        await office.contact("07700900123", campaign)
    day_later = NOON + timedelta(days=1)
    assert await office.called("C<-", day_later) == []
    assert await office.called("B<-", day_later) == ["07700900123"]  # an agent is reserved for him


async def test_somebody_who_found_no_agent_rests_three_days_whoever_calls_by_whatever_number(
    office: Office,
) -> None:
    """In the United States: by another campaign, by his other number, uploaded anew, by appointment."""
    await office.dialer("A<-")
    await office.dialer("B<-", rule="STATE")
    await office.dialer("C<-", dialertype="Preview")
    await office.dialer("D<-", country="none")
    await office.contact("2125551234", contact="X")
    await dialled(office, "A<-", NOON, *LOST)
    soon, end = NOON + timedelta(minutes=1), NOON + timedelta(hours=72)
    again = await office.contact("2125551234", "A<-")
    for number, campaign in (("+12125551234", "B<-"), ("2135550009", "B<-")):
        await office.contact(number, campaign, contact="X")
    for campaign in ("A<-", "B<-"):
        assert await office.called(campaign, soon) == []
    assert (await office.row(again))["held_by"] == "abandoned"
    assert (await office.row(again))["notbefore"] == naive(end)
    for campaign in ("C<-", "D<-"):  # an agent is reserved first; no law
        await office.contact("2125551234", campaign)
        assert await office.called(campaign, soon) == ["2125551234"]
    await office.run("DELETE FROM ccdata.attempts WHERE campaign IN ('C<-', 'D<-')")
    assert await office.called("A<-", end) == ["2125551234"]
    assert await office.called("B<-", end - timedelta(seconds=1)) == []


async def missed(office: Office, campaign: str, at: datetime) -> list[str]:
    """Claim one contact, whose number is busy; return the number. The row goes where it would go."""
    numbers = []
    for attempt in (await office.claim(campaign, at, 1)).attempts:
        await office.store.mark_sent([attempt], at)
        await office.store.record(batch(finished(attempt, *BUSY)))
        await office.run("UPDATE ccdata.attempts SET ended_at=%s WHERE id=%s", naive(at), attempt.id)
        numbers.append(attempt.contact.phone.number)
    return numbers


async def test_a_number_that_was_tried_and_left_the_row_counts_for_its_person(office: Office) -> None:
    """The same line of a file in four campaigns of Florida: three calls in 24 hours, whichever number."""
    campaigns = [f"{name}<-" for name in "ABCD"]
    for campaign in campaigns:
        await office.dialer(campaign, rule="STATE")
        await office.contact("3055551001", campaign, alternatives="3055551002:3055551003")
    called = []
    for n in range(16):
        called += await missed(office, campaigns[n % 4], NOON + timedelta(minutes=10 * (n // 4) + n % 4))
    assert len(called) == 3
    held = await office.rows("SELECT DISTINCT held_by FROM ccdata.calls_spool")
    assert held == [{"held_by": "cap"}]


async def test_who_shares_a_number_with_a_row_that_is_done_is_its_person(office: Office) -> None:
    for campaign in ("A<-", "B<-", "C<-"):
        await office.dialer(campaign, rule="STATE")
    await office.contact("3055551001", alternatives="3055551002:3055551003", contact="X")
    assert [await missed(office, "A<-", NOON + timedelta(minutes=n)) for n in range(3)] == [
        ["3055551001"], ["3055551002"], ["3055551003"],
    ]  # fmt: skip
    assert await office.rows("SELECT id FROM ccdata.calls_spool") == []
    await office.contact("3055551002", "B<-")
    await office.contact("3055551099", "C<-", contact="X")
    for campaign in ("B<-", "C<-"):
        assert await office.called(campaign, NOON + timedelta(minutes=5)) == []
    a_day_later = NOON + timedelta(hours=24, minutes=2)
    assert await office.called("B<-", a_day_later) == ["3055551002"]
    assert await office.called("C<-", a_day_later) == ["3055551099"]


@pytest.mark.parametrize("country", ["", "US", "MX"])
async def test_calls_count_however_a_campaign_knows_the_number(office: Office, country: str) -> None:
    """A campaign without a country, or of another one, writes the number as it stands there."""
    await office.dialer("A<-", country=country)
    await office.dialer("B<-", rule="STATE")
    number = "13055551234" if country == "MX" else "3055551234"
    at = datetime(2026, 5, 13, 18, 0, tzinfo=UTC)
    for n in range(3):
        await office.contact(number)
        assert await missed(office, "A<-", at + timedelta(minutes=n)) == [number]
        await office.run("DELETE FROM ccdata.calls_spool")
    spool_id = await office.contact("3055551234", "B<-")
    assert await office.called("B<-", at + timedelta(minutes=5)) == []
    assert (await office.row(spool_id))["held_by"] == "cap"


async def ordered(
    office: Office, *destinations: str, at: datetime = NOON, campaign: str = "A<-"
) -> list[str]:
    """Order manual calls; return the numbers that are going to be called, and answer for them."""
    for destination in destinations:
        await office.run(
            "INSERT INTO ccdata.orders (kind, campaign, agent, phone, context, destination)"
            " VALUES ('call', %s, 'ana', '200', 'agents', %s)",
            campaign, destination,
        )  # fmt: skip
    taken = await office.store.take_orders(at)
    await office.store.mark_sent([order.attempt for order in taken if order.attempt], at)
    return [order.attempt.contact.phone.number for order in taken if order.attempt]


async def test_calls_that_agents_order_count_for_the_person(office: Office) -> None:
    await office.dialer(rule="STATE")
    for n in range(3):
        assert await ordered(office, "3055551234", at=NOON + timedelta(minutes=n)) == ["3055551234"]
    assert await office.rows("SELECT DISTINCT number FROM ccdata.attempts") == [{"number": "13055551234"}]
    spool_id = await office.contact("3055551234")
    assert await office.called(at=NOON + timedelta(minutes=5)) == []
    assert (await office.row(spool_id))["held_by"] == "cap"


async def answered(office: Office) -> list[str]:
    """Return what the last orders were answered, the newest first."""
    rows = await office.rows("SELECT result FROM ccdata.orders WHERE status = 'failed' ORDER BY id DESC")
    return [row["result"] for row in rows]


async def test_the_law_is_asked_before_an_agents_own_call_and_its_blocks_are_noted(
    office: Office, tmp_path: Path
) -> None:
    build(["12125550002"], tmp_path / "us")
    registry = Registry(tmp_path / "us")
    office.store = office.engine(Legal(registries={"US": registry}))
    await office.dialer(rule="STATE")
    await office.dialer("FREE->", country="")
    night = datetime(2026, 5, 13, 8, 0, tzinfo=UTC)  # 04:00 in Florida
    assert await ordered(office, "3055551234", at=night) == []
    [told] = await answered(office)
    assert told.startswith(
        "destination: hours until 2026-05-13 12:00:00 UTC: it is 04:00 in America/New_York"
    )
    assert await office.audit() == [], "what holds everybody at such an hour is no block of a person"
    for campaign in ("FREE->", "no dialer ->"):
        assert await ordered(office, "3055551234", at=night, campaign=campaign) == ["3055551234"]

    await office.run("INSERT INTO ccdata.black_list (phone) VALUES ('+1 212 555 0001')")
    await office.run("INSERT INTO ccdata.opt_outs (who, opted_at) VALUES ('12125550003', %s)", naive(night))
    wanted = {
        "2125550001": "black_list: the number is on the black list. Call another number.",
        "2125550002": "registry: the number is in the registry US",
        "2125550003": "opt_out: the person does not want to be called",
    }
    for number, reason in wanted.items():
        assert await ordered(office, number) == []
        assert (await answered(office))[0].startswith(f"destination: {reason}")
    # Two of the three that Florida allows were ordered above, in other campaigns.
    assert await ordered(office, "3055551234", "3055551234") == ["3055551234"]
    assert (await answered(office))[0].startswith("destination: cap until 2026-05-14 08:00:00 UTC: 3 calls")
    noted = await office.rows("SELECT src, dst FROM ccrepo.black_list_history ORDER BY id")
    assert [(row["src"], row["dst"]) for row in noted] == [("ana", n) for n in (*wanted, "3055551234")]
    assert [action.split(": ")[:3] for action in await office.audit()] == [
        ["not called", f"{number} in A<-", rule]
        for number, rule in zip(
            (*wanted, "3055551234"), ("black_list", "registry", "opt_out", "cap"), strict=True
        )
    ]
    registry.close()


async def test_what_concerns_machines_and_recordings_does_not_concern_an_agents_own_call(
    office: Office,
) -> None:
    """He is on the line first: nobody is abandoned, no recording speaks, and it rings for a minute."""
    await office.dialer("A<-", country="UK", timeout=5, dialertype="VoiceBroadCast")
    await office.dialer("B<-", country="UK")
    await office.contact("07700900123", "B<-")
    await dialled(office, "B<-", NOON, *LOST)
    for campaign in ("A<-", "B<-"):
        later = NOON + timedelta(minutes=1)
        assert await ordered(office, "07700900123", campaign=campaign, at=later) == ["07700900123"]


async def test_an_ordered_call_is_asked_about_once_more_before_its_destination_is_dialled(
    office: Office,
) -> None:
    await office.dialer(rule="REGF")
    await office.run(
        "INSERT INTO ccdata.orders (kind, campaign, agent, phone, context, destination)"
        " VALUES ('call', 'A<-', 'ana', '200', 'agents', '2125550001')"
    )
    [order] = await office.store.take_orders(NOON)
    assert order.attempt is not None
    ask = order.attempt, CampaignName("A<-"), True, NOON
    assert await office.store.held_back(*ask) == ""
    await office.run("INSERT INTO ccdata.opt_outs (who, opted_at) VALUES ('12125550001', %s)", naive(NOON))
    assert await office.store.held_back(*ask) == "the person does not want to be called"
    assert await office.rows("SELECT src, dst FROM ccrepo.black_list_history") == [
        {"src": "ana", "dst": "2125550001"}
    ]


async def test_a_conversation_between_claim_and_call_is_asked_about_at_the_call(office: Office) -> None:
    """Preview claims somebody, and its agent thinks; a campaign without such a rule talks to him then."""
    await office.dialer("A->", rule="REGF", dialertype="Preview")
    await office.dialer("B<-")
    for campaign in ("A->", "B<-"):
        await office.contact("2125550001", campaign, contact="X")
    [thinking] = (await office.claim("A->")).attempts

    async def answer(at: datetime) -> str:
        return await office.store.held_back(thinking, CampaignName("A->"), True, at)

    assert await answer(NOON) == ""
    [other] = (await office.claim("B<-", NOON + timedelta(seconds=5))).attempts
    await office.store.mark_sent([other], NOON + timedelta(seconds=5))
    assert (await answer(NOON + timedelta(seconds=6))).startswith("a call to the person is under way")
    await office.store.record(batch(finished(other, *TALKED)))
    at = naive(NOON + timedelta(minutes=1))
    await office.run("UPDATE ccdata.attempts SET ended_at=%s, connected_at=%s WHERE id=%s", at, at, other.id)
    assert (await answer(NOON + timedelta(minutes=2))).startswith("a conversation within 7 days")
    await office.store.release([thinking], NOON + timedelta(minutes=2))
    assert await office.called("A->", NOON + timedelta(minutes=3)) == []


async def test_nobody_is_called_by_two_campaigns_at_once_where_a_conversation_is_followed_by_a_rest(
    office: Office,
) -> None:
    for campaign in ("A<-", "B<-"):
        await office.dialer(campaign, rule="REGF")
        await office.contact("2125550001" if campaign == "A<-" else "2135550001", campaign, contact="X")
    [first] = (await office.claim("A<-")).attempts
    assert await office.called("B<-") == []
    [waiting] = await office.rows("SELECT held_by, reason, notbefore FROM ccdata.calls_spool WHERE status=1")
    assert (waiting["held_by"], waiting["notbefore"]) == ("conversation", naive(NOON + timedelta(minutes=1)))
    assert "under way" in waiting["reason"]
    [(_, rules)] = await story(office, "2135550001", NOON)
    assert "conversation" in rules
    await office.store.mark_sent([first], NOON)
    await office.store.record(batch(finished(first, *BUSY)))
    assert await office.called("B<-", NOON + timedelta(minutes=1)) == ["2135550001"]


async def test_attempts_that_were_never_sent_do_not_count(office: Office) -> None:
    await office.dialer(options={"cap_calls": 1, "cap_hours": 24})
    await office.contact("2125550001")
    for _ in range(3):
        result = await office.claim()
        assert len(result.attempts) == 1
        await office.store.release(result.attempts, NOON)
    [attempt] = (await office.claim()).attempts
    await office.store.mark_sent([attempt], NOON)
    await office.contact("+12125550001")
    assert await office.called() == []


async def test_one_claim_takes_the_same_person_only_as_often_as_the_cap_allows(office: Office) -> None:
    await office.dialer(options={"cap_calls": 2, "cap_hours": 24})
    for n in range(5):
        await office.contact(f"212555000{n}", contact="ONE")
    assert len(await office.called()) == 2


async def test_two_claims_for_the_same_person_take_turns(office: Office) -> None:
    """The second waits until the first has committed, and then sees its attempt."""
    for campaign in ("A<-", "B<-"):
        await office.dialer(campaign, options={"cap_calls": 1, "cap_hours": 24})
        await office.contact("2125550001", campaign)
    claimant = Claimant("dialer", 0, LocalTime(UTC))
    waiting = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"
    async with office.database.session() as session:
        first = await claim_contacts(session, request("A<-"), claimant, new_id)
        assert len(first.attempts) == 1
        second = asyncio.ensure_future(office.claim("B<-"))
        while not int((await office.rows(waiting))[0]["Value"]):
            assert not second.done(), "the second claim did not wait"
    assert (await second).attempts == ()


async def test_many_workers_racing_for_the_same_people_break_no_cap(office: Office) -> None:
    """Eight campaigns at once, forty people with three numbers each, at most two calls to each."""
    campaigns = [f"C{n}<-" for n in range(8)]
    for campaign in campaigns:
        await office.dialer(campaign, options={"cap_calls": 2, "cap_hours": 24})
    rows = [
        (campaign, f"212555{person:02d}{number:02d}", f"P{person}")
        for campaign in campaigns for person in range(40) for number in range(3)
    ]  # fmt: skip
    async with office.database.session() as session:
        await session.run_many(
            "INSERT INTO ccdata.calls_spool (campaign, destination, contact, dialerbase)"
            " VALUES (%s, %s, %s, 'L1')",
            rows,
        )

    async def worker(campaign: str) -> list[str]:
        mine = []
        while (result := await office.claim(campaign, limit=7, store=office.engine())).rows:
            mine += [attempt.contact.reference for attempt in result.attempts]
        return mine

    taken: Counter[str] = Counter()
    for people in await asyncio.gather(*(worker(campaign) for campaign in campaigns)):
        taken.update(people)
    assert set(taken.values()) == {2}
    assert len(taken) == 40
    count = "SELECT contact, COUNT(*) AS n FROM ccdata.attempts GROUP BY contact HAVING n > 2"
    assert await office.rows(count) == []


async def test_when_the_rules_change_who_was_held_is_judged_anew(office: Office) -> None:
    await office.dialer()
    await office.contact("2135551234")
    morning = datetime(2026, 5, 13, 14, 0, tzinfo=UTC)
    assert await office.called(at=morning) == []
    await office.run("UPDATE ccdata.dialers SET country = ''")
    assert await office.called(at=morning) == ["2135551234"]


async def test_a_call_that_would_ring_too_short_or_a_rule_that_nobody_knows_stops_the_campaign(
    office: Office,
) -> None:
    await office.dialer(timeout=10, country="", options={"law": "US"})
    spool_id = await office.contact("2125551234")
    with pytest.raises(StoreError, match=r"timeout: .*10 s only.*64.1200\(a\)\(6\)"):
        await office.claim()
    assert (await office.row(spool_id))["status"] == 1
    await office.run("UPDATE ccdata.dialers SET country = 'US'")  # a country that is named has its way
    assert await office.called() == ["2125551234"]
    await office.run("UPDATE ccdata.dialers SET rule = 'STATES'")
    with pytest.raises(StoreError, match="rule: 'STATES' is unknown"):
        await office.claim()


async def test_agents_who_are_rung_first_are_not_rung_for_somebody_whose_evening_begins(
    office: Office,
) -> None:
    await office.dialer("A<-", dialertype="Preview")
    await office.dialer("B<-")
    for campaign in ("A<-", "B<-"):
        await office.contact("2125551234", campaign)
    last_minute = datetime(2026, 5, 14, 0, 59, tzinfo=UTC)  # 20:59 in New York
    assert await office.called("A<-", last_minute) == []
    assert await office.called("B<-", last_minute) == ["2125551234"]


async def test_a_view_tells_of_every_contact_that_is_not_called_what_holds_it_and_until_when(
    office: Office,
) -> None:
    for campaign, columns in (
        ("A<-", {}), ("OFF<-", {"status": 0}), ("SHUT<-", {}), ("BAD<-", {}), ("DEAD<-", {}),
        ("P->", {"dialertype": "Progressive"}),
    ):  # fmt: skip
        await office.dialer(campaign, options={"cap_calls": 1, "cap_hours": 24}, **columns)
    for campaign, name, active in (("A<-", "L1", 1), ("A<-", "OLD", 0)):
        sql = "INSERT INTO ccdata.dialer_base (campaign, name, active) VALUES (%s, %s, %s)"
        await office.run(sql, campaign, name, active)
    opens = datetime(2031, 1, 6, 13)  # noqa: DTZ001  a column in UTC
    for campaign, state, until in (
        ("A<-", "running", None), ("P->", "running", None), ("OFF<-", "disabled", None),
        ("SHUT<-", "off_schedule", opens), ("BAD<-", "set_aside", None),
    ):  # fmt: skip
        sql = (
            "INSERT INTO ccdata.campaign_state (campaign, state, reason, since, until_utc, updated_at)"
            " VALUES (%s, %s, 'why', UTC_TIMESTAMP(), %s, UTC_TIMESTAMP())"
        )
        await office.run(sql, campaign, state, until)
    later = {"notbefore": opens}
    wanted = {
        "black_list": ("2125550001", "A<-", {"status": 3}, None),
        "opt_out": ("2125550002", "A<-", {"status": 3, "held_by": "opt_out"}, None),
        "consent": ("2125550003", "A<-", {"status": 2, "held_by": "consent"}, None),
        "row": ("none", "A<-", {"status": 2, "reason": "destination: it is none"}, None),
        "hours": ("2125550004", "A<-", {"held_by": "hours", **later}, opens),
        "cap": ("2125550005", "A<-", {"held_by": "cap", **later}, opens),
        "conversation": ("2125550006", "A<-", {"held_by": "conversation", **later}, opens),
        "retry": ("2125550007", "A<-", later, opens),
        "list_inactive": ("2125550008", "A<-", {"dialerbase": "OLD"}, None),
        "dialer_off": ("2125550009", "OFF<-", {"dialerbase": ""}, None),
        "schedule": ("2125550010", "SHUT<-", {"dialerbase": ""}, opens),
        "settings": ("2125550011", "BAD<-", {"dialerbase": ""}, None),
        "no_engine": ("2125550012", "DEAD<-", {"dialerbase": ""}, None),
        "no_dialer": ("2125550013", "GONE<-", {"dialerbase": ""}, None),
        "agent": ("2125550014", "P->", {"dialerbase": "", "agentphone": "ana"}, None),
        "turn": ("2125550015", "A<-", {}, None),
    }
    for destination, campaign, columns, _ in wanted.values():
        await office.contact(destination, campaign, **columns)
    await office.contact("2125550099", status=0)
    told = {row["held_by"]: row for row in await office.rows("SELECT * FROM ccdata.held_contacts")}
    assert {rule: (row["destination"], row["until_utc"]) for rule, row in told.items()} == {
        rule: (destination, until) for rule, (destination, _, _, until) in wanted.items()
    }
    assert told["row"]["reason"] == "destination: it is none"
    assert told["settings"]["reason"] == "why"

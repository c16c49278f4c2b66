"""The outlook on a real server: which rule holds whoever waits and until when, before a claim looks at it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest

from engine.adapters.legal import Legal
from engine.adapters.mysql import Database
from engine.adapters.mysql.database import Session
from engine.adapters.mysql.outlook import CAMPAIGNS, GONE, OF_ALL, OF_CAMPAIGN, MysqlSurveyor
from engine.adapters.mysql.preflight import census
from engine.adapters.mysql.why import why
from engine.domain.localtime import LocalTime
from engine.lab.mariadb import MariaDB
from engine.ports.survey import Part, Source
from engine.services.surveying import Rounds
from tests.doubles import FakeClock
from tests.integration.test_law_in_claims import Office, request
from tests.stage import Names

T = TypeVar("T")

#: A Monday, noon in New York; Memorial Day.
NOON = datetime(2026, 5, 25, 16, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
LAW = Legal(local=UTC)


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 5, day, hour, minute)  # noqa: DTZ001  a column in UTC


def surveyor(database: Database, zone: ZoneInfo | None = None) -> MysqlSurveyor:
    return MysqlSurveyor(database, LAW, LocalTime(zone or UTC))


async def yes() -> bool:
    return True


async def survey(office: Office, at: datetime = NOON, zone: ZoneInfo | None = None) -> int:
    return await Rounds(surveyor(office.database, zone), FakeClock(at).port(), yes).round()


async def told(office: Office, at: datetime = NOON) -> dict[str, tuple[str, datetime | None]]:
    """Return number → rule and end, as the view says at a moment."""
    return {row["destination"]: (row["held_by"], row["until_utc"]) for row in await held(office, at)}


async def held(office: Office, at: datetime = NOON) -> list[dict[str, Any]]:
    async with office.database.session() as session:
        await session.run("SET timestamp = %s", (at.timestamp(),))
        try:
            return await session.rows("SELECT * FROM ccdata.held_contacts ORDER BY kind, id")
        finally:
            await session.run("SET timestamp = DEFAULT")


async def add(office: Office, table: str, **columns: Any) -> None:
    marks = ", ".join(["%s"] * len(columns))
    await office.run(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", *columns.values())


async def scheduled(
    office: Office, destination: str, at: datetime, campaign: str = "A<-", agent: str = ""
) -> None:
    await add(
        office, "ccdata.calls_scheduler",
        calldate=at, campaign=campaign, destination=destination, agentphone=agent,
    )  # fmt: skip


async def called(office: Office, number: str, at: datetime, talked: bool = False) -> None:
    """A call that was placed an hour before it is told of, with or without a conversation."""
    moment = at.replace(tzinfo=None)
    await add(
        office, "ccdata.attempts",
        id=f"00000000-0000-0000-0000-00{number}", campaign="OTHER<-", spool_id=0, destination=number,
        number=f"1{number}", owner="dialer", fence=1, state="ended", claimed_at=moment, sent_at=moment,
        ringing_at=moment, connected_at=moment if talked else None, ended_at=moment,
        outcome="answered" if talked else "no_answer",
    )  # fmt: skip


@pytest.fixture
async def office(database: Database) -> Office:
    """Dialers of every kind, each with an engine that wrote a moment ago and a list L1."""
    office = Office(database)
    for campaign, columns, options in (
        ("A<-", {}, None), ("P->", {"dialertype": "Progressive"}, None), ("OFF<-", {"status": 0}, None),
        ("CAP<-", {}, {"cap_calls": 1, "cap_hours": 24}), ("REST<-", {}, {"rest_hours": 48}),
        ("YES<-", {}, {"consent": "always"}), ("DAY<-", {}, {"holidays": 1}), ("ANY<-", {"dncr": 0}, None),
        ("BAD<-", {"rule": "BOGUS"}, None), ("SHORT<-", {"timeout": 5, "country": ""}, {"law": "US"}),
        ("SHUT<-", {"schedule": "tue-sat;14:00-21:00"}, None),
    ):  # fmt: skip
        schedule = columns.pop("schedule", "sun-sat;00:00-23:59")
        await office.dialer(campaign, options, schedule=schedule, **columns)
        await add(office, "ccdata.dialer_base", campaign=campaign, name="L1", active=1)
        shut = campaign == "SHUT<-"
        await add(
            office, "ccdata.campaign_state",
            campaign=campaign, state="off_schedule" if shut else "running", since=utc(25, 9),
            until_utc=utc(26, 14) if shut else None, updated_at=utc(30, 0),
        )  # fmt: skip
    return office


async def test_the_view_names_the_rule_and_its_end_before_any_claim_and_agrees_with_explain(
    office: Office,
) -> None:
    await add(office, "ccdata.black_list", phone="212-555-0001", campaign="A<-")
    await add(office, "ccdata.black_list", phone="+1 212 555 0002", campaign="*")
    await add(office, "ccdata.black_list", phone="2125559*", campaign="*")
    await add(office, "ccdata.black_list_schedule", phone="2125550003", removedate=utc(25, 18))
    await add(office, "ccdata.opt_outs", who="12125550004", opted_at=utc(24, 0))
    await add(office, "ccdata.opt_outs", who="contact:K5", opted_at=utc(24, 0))
    await add(office, "ccdata.consents", phone="2125550013", campaign="*", given_at=utc(1, 0))
    await called(office, "2125550014", NOON - HOUR)
    await called(office, "2125550015", NOON - HOUR, talked=True)
    later = {"notbefore": utc(25, 17)}
    wanted: dict[str, tuple[str, dict[str, Any], str, datetime | None]] = {
        "2125550001": ("A<-", {}, "black_list", None),
        "2125550002": ("A<-", {}, "black_list", None),
        "2125559999": ("A<-", {}, "black_list", None),
        "2125550003": ("A<-", {}, "black_list", utc(25, 18)),
        "2125550004": ("A<-", {}, "opt_out", None),
        "2125550005": ("A<-", {"contact": "K5"}, "opt_out", None),
        "8085550006": ("A<-", {}, "hours", utc(25, 18)),
        "2125550007": ("A<-", {}, "turn", None),
        "2125550008": ("A<-", later, "retry", utc(25, 17)),
        "8085550009": ("A<-", later, "hours", utc(25, 18)),
        "8085550010": ("A<-", {"notbefore": utc(25, 19)}, "retry", utc(25, 19)),
        "2125551001": ("A<-", {**later, "contact": "K5"}, "opt_out", None),
        "2125550011": ("A<-", {"dialerbase": "OLD"}, "list_inactive", None),
        "2125550012": ("YES<-", {}, "consent", None),
        "2125550013": ("YES<-", {}, "turn", None),
        "2125550014": ("CAP<-", {}, "cap", utc(26, 15)),
        "2125550015": ("REST<-", {}, "conversation", utc(27, 15)),
        # A listed number is left out while there is another: what holds that one is told.
        "2125559101": ("A<-", {"alternatives": "2125550102"}, "turn", None),
        "2125559103": ("A<-", {"alternatives": "8085550104"}, "hours", utc(25, 18)),
        "2125559105": ("A<-", {"alternatives": "2125559106"}, "black_list", None),
        "2125550016": ("DAY<-", {}, "holiday", utc(26, 12)),
        "2125550017": ("P->", {"agentphone": "ana"}, "agent", None),
        "8085550018": ("P->", {"agentphone": "ana"}, "hours", utc(25, 18)),
        "2125550019": ("OFF<-", {}, "dialer_off", None),
        "8085550020": ("OFF<-", {}, "dialer_off", None),
        "2125559020": ("OFF<-", {}, "black_list", None),
        "2125550021": ("GONE<-", {}, "no_dialer", None),
        "2125559022": ("ANY<-", {}, "turn", None),
        "2125550023": ("BAD<-", {}, "settings", None),
        "2125550024": ("SHORT<-", {}, "settings", None),
        "8085550025": ("SHUT<-", {}, "schedule", utc(26, 14)),
        "none": ("A<-", {}, "row", None),
    }
    ids = {
        number: await office.contact(number, c, **columns) for number, (c, columns, _, _) in wanted.items()
    }
    assert await survey(office) == len(wanted)
    assert await told(office) == {number: (rule, until) for number, (_, _, rule, until) in wanted.items()}

    said = {row["destination"]: row["reason"] for row in await held(office)}
    assert said["8085550006"].startswith(
        "it is 06:00 in Pacific/Honolulu, calls are allowed sun-sat;08:00-20:59"
    )
    assert said["2125550023"].startswith("rule: 'BOGUS' is unknown")
    assert said["2125550024"].startswith("it would ring for 5 s only")
    assert "none" not in said["none"]
    assert said["none"].startswith("destination: it cannot be used.")

    for number, (_, _, rule, until) in wanted.items():
        story = await why(office.database, LAW, LocalTime(UTC), f"#{ids[number]}", NOON)
        assert story is not None
        [standing] = story.standings
        rules = {reason.rule for reason in standing.reasons}
        if rule == "settings":
            assert rules & {"settings", "ring"}, number
        elif rule == "turn":
            assert rules == set(), number
        else:
            assert rule in rules, (number, rules)
        alone = until is not None or rule == "turn"
        assert alone == (standing.opens is not None) or "agent" in rules, number
        if until is not None and standing.opens is not None:
            # Its dialer opens when it is four in the morning in Hawaii.
            first = utc(26, 18) if number == "8085550025" else until
            assert standing.opens.replace(tzinfo=None) == first, number


async def test_where_no_black_list_is_asked_nobody_is_told_of_one(office: Office) -> None:
    await add(office, "ccdata.black_list", phone="2125550001", campaign="*")
    for campaign in ("ANY<-", "A<-"):
        await office.contact("2125550001", campaign)
    for campaign, callable_now, never in (("ANY<-", 1, {}), ("A<-", 0, {"black_list": 1})):
        found = await census(office.database, LAW, LocalTime(UTC), campaign, NOON, 100)
        assert (found.now, dict(found.never)) == (callable_now, never)
    result = await office.store.claim(request("ANY<-", NOON, black=False))
    assert len(result.attempts) == 1


async def test_a_list_with_the_share_0_beside_one_that_has_more_does_not_serve(office: Office) -> None:
    await office.contact("2125550001")
    zero = await office.contact("2125550002", dialerbase="ZERO")
    await add(office, "ccdata.dialer_base", campaign="A<-", name="ZERO", active=1, percentage=0)
    await survey(office)
    for share, rule, inactive in ((None, "turn", 0), (40, "list_inactive", 1)):
        await office.run("UPDATE ccdata.dialer_base SET percentage=%s WHERE name='L1'", share)
        assert (await told(office))["2125550002"] == (rule, None)
        found = await census(office.database, LAW, LocalTime(UTC), "A<-", NOON, 100)
        assert (found.now, found.inactive) == (2 - inactive, inactive)
        story = await why(office.database, LAW, LocalTime(UTC), f"#{zero}", NOON)
        assert story is not None
        assert [reason.rule for reason in story.standings[0].reasons] == ["list_inactive"] * inactive


async def test_a_retry_that_ends_at_night_waits_for_the_morning(office: Office) -> None:
    night = await office.contact("2125550001", notbefore=utc(26, 5, 30))  # half past one in New York
    morning = datetime(2026, 5, 26, 12, 0, tzinfo=UTC)
    story = await why(office.database, LAW, LocalTime(UTC), f"#{night}", NOON)
    assert story is not None
    assert story.standings[0].opens == morning
    found = await census(office.database, LAW, LocalTime(UTC), "A<-", NOON, 100)
    assert (dict(found.later), dict(found.opens)) == ({"retry": 1}, {morning: 1})


async def test_the_view_stays_right_between_two_surveys(office: Office) -> None:
    """Who may be called at noon is held from nine in the evening until eight in the morning."""
    await office.contact("2125550001")
    await office.contact("2125550002", "P->")
    await survey(office)
    evening = datetime(2026, 5, 26, 1, 0, tzinfo=UTC)
    for at, first, second in (
        (evening - timedelta(seconds=91), "turn", "turn"),
        (evening - timedelta(seconds=1), "turn", "hours"),  # an agent would be rung in vain
        (evening, "hours", "hours"),
        (evening + 11 * HOUR - timedelta(seconds=1), "hours", "hours"),
        (evening + 11 * HOUR, "turn", "turn"),
    ):
        until = {"hours": utc(26, 12), "turn": None}
        assert await told(office, at) == {
            "2125550001": (first, until[first]),
            "2125550002": (second, until[second]),
        }


async def test_scheduled_calls_are_told_of_with_what_holds_them(office: Office) -> None:
    """The columns of the scheduler are local time, here that of New York."""
    new_york = ZoneInfo("America/New_York")
    await add(office, "ccdata.black_list", phone="2125550003", campaign="*")
    await scheduled(office, "2125550001", utc(26, 10))
    await scheduled(office, "2125550002", utc(26, 23))
    await scheduled(office, "2125550003", utc(26, 10))
    await scheduled(office, "8085550004", utc(25, 11))
    await scheduled(office, "2125550005", utc(25, 11))
    await scheduled(office, "2125550006", utc(25, 11), "P->", "ana")
    await scheduled(office, "2125550007", utc(25, 11), "OFF<-")
    await scheduled(office, "2125550008", utc(25, 11), "GONE<-")
    await scheduled(office, "2125550009", utc(25, 11), "BAD<-")
    await scheduled(office, "2125550010", utc(25, 11), "SHUT<-")
    await scheduled(office, "2125550011", utc(26, 10), "OFF<-")
    assert await survey(office, zone=new_york) == 11
    assert await told(office) == {
        "2125550001": ("scheduled", utc(26, 14)),
        "2125550002": ("hours", utc(27, 12)),
        "2125550003": ("black_list", None),
        "8085550004": ("hours", utc(25, 18)),
        "2125550005": ("turn", None),
        "2125550006": ("agent", None),
        "2125550007": ("dialer_off", None),
        "2125550008": ("no_dialer", None),
        "2125550009": ("settings", None),
        "2125550010": ("schedule", utc(26, 14)),
        "2125550011": ("scheduled", utc(26, 14)),
    }
    assert {(row["kind"], row["list"], row["status"]) for row in await held(office)} == {
        ("scheduled", "", None)
    }


async def test_explain_says_of_scheduled_calls_what_the_view_says(office: Office) -> None:
    await add(office, "ccdata.black_list", phone="2125550003", campaign="*")
    await scheduled(office, "2125550001", utc(26, 14))
    await scheduled(office, "2125550002", utc(26, 3))
    await scheduled(office, "2125550003", utc(26, 14))
    await scheduled(office, "2125550004", utc(25, 15))
    await survey(office)
    view = await told(office)
    for number, rule in (
        ("2125550001", "scheduled"), ("2125550002", "hours"), ("2125550003", "black_list"),
        ("2125550004", "turn"),
    ):  # fmt: skip
        story = await why(office.database, LAW, LocalTime(UTC), number, NOON)
        assert story is not None
        [one] = story.appointments
        assert view[number][0] == rule
        if one.reason is None:
            assert rule in ("scheduled", "turn")
        else:
            until = one.reason.until
            assert (one.reason.rule, until and until.replace(tzinfo=None)) == view[number]


async def test_a_scheduled_call_that_nobody_has_judged_waits_for_its_time(office: Office) -> None:
    await scheduled(office, "2125550001", utc(26, 10))
    await scheduled(office, "2125550002", utc(25, 10))
    found = await told(office)
    assert found["2125550001"][0] == "scheduled"
    assert found["2125550001"][1] is not None
    assert found["2125550002"] == ("turn", None)


async def test_a_scheduled_call_is_not_taken_for_the_contact_that_has_its_id(office: Office) -> None:
    """A call of spool row n counts for its person, not for whoever is scheduled under n."""
    await scheduled(office, "2125550001", utc(25, 11), "CAP<-")
    [row] = await office.rows("SELECT id FROM ccdata.calls_scheduler")
    await called(office, "2125550002", NOON - HOUR)
    await office.run("UPDATE ccdata.attempts SET spool_id = %s", row["id"])
    await survey(office)
    assert await told(office) == {"2125550001": ("turn", None)}


async def test_a_claim_contradicts_nothing_that_was_told_before_it(office: Office) -> None:
    await add(office, "ccdata.black_list", phone="2125550001", campaign="*")
    await add(office, "ccdata.opt_outs", who="12125550002", opted_at=utc(24, 0))
    for number in ("2125550001", "2125550002", "8085550003", "2125550004"):
        await office.contact(number)
    await survey(office)
    before = await told(office)
    assert await office.called(at=NOON) == ["2125550004"]
    assert await told(office) == {number: held for number, held in before.items() if number != "2125550004"}
    await survey(office)
    assert await told(office) == {number: held for number, held in before.items() if number != "2125550004"}


async def test_a_change_shows_at_the_next_round_and_what_has_not_changed_is_not_written(
    office: Office,
) -> None:
    for number in ("2125550001", "2125550002", "8085550003"):
        await office.contact(number)
    await survey(office)
    await add(office, "ccdata.black_list", phone="2125550001", campaign="*")
    await survey(office, NOON + timedelta(minutes=1))
    assert (await told(office, NOON + timedelta(minutes=1)))["2125550001"] == ("black_list", None)
    judged = await office.rows("SELECT id, judged_at FROM ccdata.law_outlook ORDER BY id")
    assert [row["judged_at"] for row in judged] == [utc(25, 16, 1), utc(25, 16), utc(25, 16)]
    await office.run("DELETE FROM ccdata.black_list")
    await survey(office, NOON + timedelta(minutes=2))
    assert (await told(office, NOON + timedelta(minutes=2)))["2125550001"] == ("turn", None)


async def test_who_has_gone_or_moved_or_is_blocked_is_in_the_outlook_no_more(office: Office) -> None:
    gone = await office.contact("8085550001")
    blocked = await office.contact("8085550002")
    moved = await office.contact("8085550003")
    for number in ("8085550004", "8085550005"):
        await scheduled(office, number, utc(26, 10))
    await survey(office)
    assert len(await office.rows("SELECT 1 FROM ccdata.law_outlook")) == 5
    await office.run("DELETE FROM ccdata.calls_spool WHERE id = %s", gone)
    await office.run("UPDATE ccdata.calls_spool SET status = 3 WHERE id = %s", blocked)
    await office.run("UPDATE ccdata.calls_spool SET campaign = 'BAD<-' WHERE id = %s", moved)
    await office.run("DELETE FROM ccdata.calls_scheduler WHERE destination = '8085550004'")
    assert (await told(office))["8085550003"] == ("turn", None)  # what another campaign's law said is void
    await survey(office)
    rows = await office.rows("SELECT source, campaign, held_by FROM ccdata.law_outlook ORDER BY source, id")
    assert [tuple(row.values()) for row in rows] == [(0, "BAD<-", "settings"), (1, "A<-", "hours")]


async def test_two_surveyors_at_once_write_what_one_would(office: Office) -> None:
    for n in range(120):
        await office.contact(f"{'212' if n % 2 else '808'}5550{n:03}", ("A<-", "CAP<-", "P->")[n % 3])
    rounds = [Rounds(surveyor(office.database), FakeClock(NOON).port(), yes) for _ in range(3)]
    assert await asyncio.gather(*(one.round() for one in rounds)) == [120] * 3
    both = await told(office)
    await office.run("DELETE FROM ccdata.law_outlook")
    await survey(office)
    assert await told(office) == both
    assert {rule for rule, _ in both.values()} == {"hours", "turn"}


class Lingering(Database):
    """Its transactions stay open until they may end."""

    def __init__(self, like: Database) -> None:
        super().__init__(like.settings)
        self.reached, self.go = asyncio.Event(), asyncio.Event()

    async def transaction(self, work: Callable[[Session], Awaitable[T]]) -> T:
        async def linger(session: Session) -> T:
            result = await work(session)
            self.reached.set()
            await self.go.wait()
            return result

        return await super().transaction(linger)


async def test_a_claim_passes_over_nobody_whom_the_surveyor_looks_at(office: Office) -> None:
    await add(office, "ccdata.black_list", phone="2125550003", campaign="*")
    for n in range(10):
        await office.contact(f"212555000{n}", "CAP<-")
    slow = Lingering(office.database)
    look = asyncio.ensure_future(surveyor(slow).look(Part(Source.SPOOL, 0, 50, "CAP<-"), NOON))
    await slow.reached.wait()
    numbers = await office.called("CAP<-", NOON, limit=20)
    assert len(numbers) == 9
    assert "2125550003" not in numbers
    slow.go.set()
    assert (await look).contacts == 10
    await slow.close()


def explain(mariadb: MariaDB, names: Names, sql: str, *args: object) -> list[dict[str, str]]:
    for value in args:
        sql = sql.replace("%s", f"'{value}'" if isinstance(value, str) else str(value), 1)
    lines = mariadb.sql(f"EXPLAIN {sql.replace('ccdata', names.configuration)}").splitlines()
    keys = "id select_type table type possible_keys key key_len ref rows extra".split()  # noqa: SIM905
    return [dict(zip(keys, line.split("\t"), strict=True)) for line in lines]


async def test_the_survey_and_the_view_read_keys_alone(
    mariadb: MariaDB, names: Names, office: Office
) -> None:
    """On 20,000 rows: each part of a round costs what it holds; the view looks contacts up one by one."""
    spool, outlook = f"{names.configuration}.calls_spool", f"{names.configuration}.law_outlook"
    mariadb.sql(
        f"INSERT INTO {spool} (campaign, destination, dialerbase)"
        f" SELECT IF(seq % 50, 'A<-', 'P->'), seq, 'L1' FROM {names.configuration}.seq_1_to_20000;"
        f" INSERT INTO {outlook} (source, id, campaign, held_by, from_utc, judged_at)"
        f" SELECT seq % 2, id, campaign, 'hours', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) FROM {spool}"
        f" JOIN {names.configuration}.seq_0_to_1; ANALYZE TABLE {spool}, {outlook};"
    )
    [part] = explain(mariadb, names, OF_CAMPAIGN, "A<-", 10_000, 50)
    assert (part["key"], part["type"]) == ("calls_spool_page", "range")
    assert "filesort" not in part["extra"]
    [fresh] = explain(mariadb, names, OF_ALL[Source.SPOOL], 19_990, 50)
    assert (fresh["key"], fresh["type"]) == ("PRIMARY", "range")
    assert "filesort" not in fresh["extra"]
    [campaigns] = explain(mariadb, names, CAMPAIGNS)
    assert campaigns["key"] == "calls_spool_page"
    assert "Using index" in campaigns["extra"]
    for query in GONE.values():
        found = {line["table"]: line for line in explain(mariadb, names, query, 100, 300)}
        assert (found["o"]["key"], found["o"]["type"]) == ("PRIMARY", "range")
        assert (found["s"]["key"], found["s"]["type"]) == ("PRIMARY", "eq_ref")
    count = "SELECT held_by, COUNT(*) FROM ccdata.held_contacts WHERE campaign = 'P->' GROUP BY held_by"
    lines = {line["table"]: line for line in explain(mariadb, names, count)}
    assert lines["s"]["type"] == lines["k"]["type"] == "ref"  # of the one campaign alone
    assert {lines[name]["type"] for name in ("o", "d", "c")} == {"eq_ref"}
    page = "SELECT * FROM ccdata.held_spool WHERE campaign = 'P->' LIMIT 20"
    assert not [line for line in explain(mariadb, names, page) if line["select_type"] == "DERIVED"]

"""Single contacts in and out of a real spool: respool, tasks, scheduled calls, removals, the black list."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from engine.adapters.mysql import Database
from engine.adapters.mysql.contacts import (
    add_scheduled,
    add_task,
    black_list,
    remove_contact,
    remove_scheduled_calls,
    respool,
)
from engine.adapters.mysql.database import Session
from engine.domain.errors import FieldError
from engine.domain.integra.contacts import (
    read_black,
    read_removal,
    read_respool,
    read_scheduled,
    read_task,
)
from engine.domain.integra.fields import Fields
from engine.domain.localtime import LocalTime
from engine.domain.phones import parse_phone
from engine.lab.mariadb import MariaDB
from tests.conftest import databases, empty
from tests.stage import Names

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
LOCAL = LocalTime(UTC)
#: The sample of the documents, with the types in which it is printed.
RESPOOL: dict[str, Any] = {
    "campaign": "Ventas->", "destination": "098344484", "dialerbase": "basetest", "status": 1,
    "data": "Par1=Val1:Par2=Val2", "alternatives": "098124484", "contact": 222, "retries": 0,
    "priority": 9999, "agentphone": "1001",
}  # fmt: skip
TASK: dict[str, Any] = {
    "calldate": None, "campaign": "campName<-", "destination": "12-345-678", "alternatives": "",
    "agent": "", "data": "idcustomer=7", "source": "source", "bulk": False, "automatic": True,
}  # fmt: skip
SPOOL = (
    "SELECT campaign, destination, dialerbase, data, alternatives, contact, retries, priority, agentphone,"
    " status FROM ccdata.calls_spool ORDER BY id"
)


class Yard:
    """A database with two dialers and a list."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def run(self, sql: str, *args: Any) -> None:
        async with self.database.session() as session:
            await session.run(sql, args)

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        async with self.database.session() as session:
            return [tuple(row.values()) for row in await session.rows(sql)]

    async def do(self, work: Callable[[Session], Awaitable[Any]]) -> Any:
        return await self.database.transaction(work)

    async def respool(self, **changes: Any) -> None:
        wish = read_respool(json.dumps({**RESPOOL, **changes}))
        await self.do(lambda session: respool(session, wish))

    async def task(self, **changes: Any) -> None:
        wish = read_task(json.dumps({**TASK, **changes}))
        await self.do(lambda session: add_task(session, wish, NOW))


@pytest.fixture(scope="module")
def names(mariadb: MariaDB) -> Iterator[Names]:
    """One pair of databases for the whole module."""
    yield from databases(mariadb, __name__)


@pytest.fixture
async def yard(database: Database) -> Yard:
    await empty(
        database,
        "ccdata.dialers", "ccdata.dialer_base", "ccdata.calls_spool", "ccdata.calls_scheduler",
        "ccdata.black_list", "ccdata.opt_outs", "ccrepo.black_list_history",
    )  # fmt: skip
    yard = Yard(database)
    for campaign in ("Ventas->", "campName<-"):
        await yard.run("INSERT INTO ccdata.dialers (campaign) VALUES (%s)", campaign)
    await yard.run(
        "INSERT INTO ccdata.dialer_base (campaign, name, active) VALUES ('Ventas->', 'basetest', 1)"
    )
    return yard


async def test_a_respooled_contact_is_in_its_list_with_everything_that_was_sent(yard: Yard) -> None:
    await yard.respool()
    assert await yard.rows(SPOOL) == [
        ("Ventas->", "098344484", "basetest", "Par1=Val1:Par2=Val2", "098124484", "222", 0, 9999, "1001", 1)
    ]
    # A second time it is the same contact: what is new is taken over, and it is not doubled.
    await yard.run("UPDATE ccdata.calls_spool SET notbefore='2030-01-01', retries=2")
    await yard.respool(destination="098-344-484", priority=5, agentphone=None, data="n=2")
    assert await yard.rows(SPOOL) == [
        ("Ventas->", "098344484", "basetest", "n=2", "098124484", "222", 0, 5, "", 1)
    ]
    assert await yard.rows("SELECT notbefore FROM ccdata.calls_spool") == [(None,)]


async def test_priority_one_stays_the_schedulers(yard: Yard) -> None:
    await yard.respool(priority=1)
    await yard.respool(destination="099", priority="0")
    assert await yard.rows("SELECT priority FROM ccdata.calls_spool") == [(2,), (2,)]


@pytest.mark.parametrize(("status", "reason"), [(0, "is being called"), (3, "is blocked")])
async def test_a_number_that_is_called_or_blocked_is_not_respooled(
    yard: Yard, status: int, reason: str
) -> None:
    await yard.respool()
    await yard.run("UPDATE ccdata.calls_spool SET status=%s", status)
    with pytest.raises(FieldError, match=reason):
        await yard.respool()
    # An alternative of the contact that is being called is what the documents want respooled.
    await yard.respool(destination="098124484", alternatives="")
    assert len(await yard.rows(SPOOL)) == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"campaign": "none"}, "campaign"),
        ({"campaign": ""}, "campaign"),
        ({"destination": "nobody"}, "destination"),
        ({"destination": "1'; DROP TABLE x"}, "destination"),
        ({"dialerbase": "gone"}, "dialerbase"),
        ({"alternatives": "09:x"}, "alternatives"),
        ({"retries": "many"}, "retries"),
        ({"priority": 10_000}, "priority"),
        ({"data": "x" * 4001}, "data"),
        ({"data": ["a"]}, "data"),
    ],
)
async def test_a_respool_that_cannot_be_names_its_key(
    yard: Yard, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(FieldError) as caught:
        await yard.respool(**changes)
    assert caught.value.field == field
    assert await yard.rows(SPOOL) == []


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "7", "[" * 100_000])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    for read in (read_respool, read_task, read_scheduled, read_black):
        with pytest.raises(FieldError):
            read(text)


async def test_a_task_is_first_of_all_in_the_order_in_which_tasks_came(yard: Yard) -> None:
    await yard.task()
    assert await yard.rows(SPOOL) == [("campName<-", "12345678", "", "idcustomer=7", "", "", 0, 1, "", 1)]
    wish = read_task(json.dumps({**TASK, "destination": "099"}))
    await yard.do(lambda session: add_task(session, wish, NOW, before_all=True))
    order = await yard.rows("SELECT destination FROM ccdata.calls_spool ORDER BY priority, shuffle")
    assert order == [("099",), ("12345678",)]
    # The number waits already: it moves to the front.
    await yard.respool(campaign="campName<-", destination="098", dialerbase="", priority=7)
    await yard.task(destination="098", data="")
    rows = await yard.rows("SELECT priority, data FROM ccdata.calls_spool WHERE destination='098'")
    assert rows == [(1, "Par1=Val1:Par2=Val2")]


async def test_a_task_with_a_date_is_scheduled_and_one_for_an_agent_waits_for_him(yard: Yard) -> None:
    await yard.task(calldate="2030-01-01 00:00:00", bulk=True, automatic=False, alternatives="099:098")
    await yard.task(campaign="Ventas->", agent="Agent1", bulk=True, automatic=False)
    assert await yard.rows(
        "SELECT calldate, campaign, destination, alternatives, data, agentphone FROM ccdata.calls_scheduler"
    ) == [(datetime(2030, 1, 1), "campName<-", "12345678", "099:098", "idcustomer=7", "")]  # noqa: DTZ001
    assert await yard.rows(SPOOL) == [("Ventas->", "12345678", "", "idcustomer=7", "", "", 0, 2, "Agent1", 1)]


@pytest.mark.parametrize(
    ("calldate", "bulk", "automatic"),
    [
        ("2030-01-01 00:00:00", False, False), ("2030-01-01 00:00:00", False, True),
        ("2030-01-01 00:00:00", True, True), (None, True, True),
    ],
)  # fmt: skip
def test_combinations_that_nobody_documented_fail(calldate: str | None, bulk: bool, automatic: bool) -> None:
    with pytest.raises(FieldError, match="no documented way"):
        read_task(json.dumps({**TASK, "calldate": calldate, "bulk": bulk, "automatic": automatic}))


@pytest.mark.parametrize("key", sorted(TASK))
def test_every_documented_key_of_a_task_must_be_there(key: str) -> None:
    with pytest.raises(FieldError, match=f"{key}: the key is missing"):
        read_task(json.dumps({name: value for name, value in TASK.items() if name != key}))


async def test_scheduled_calls_come_and_go_by_number_and_time(yard: Yard) -> None:
    for hour, number in ((15, "098344484"), (16, "098-344-484"), (17, "098344484"), (15, "099")):
        text = json.dumps({
            "calldate": f"2030-10-11 {hour}:00:00", "campaign": "Ventas->", "destination": number,
            "data": "",
        })  # fmt: skip
        wish = read_scheduled(text)
        await yard.do(lambda session, wish=wish: add_scheduled(session, wish))
    removal = read_removal(
        Fields({
            "campaign": "Ventas->", "destination": "098344484", "from": "2030-10-11 15:00:00",
            "to": "2030-10-11 16:30:00",
        })
    )  # fmt: skip
    assert await yard.do(lambda session: remove_scheduled_calls(session, removal)) == 2
    left = await yard.rows("SELECT HOUR(calldate), destination FROM ccdata.calls_scheduler ORDER BY id")
    assert left == [(17, "098344484"), (15, "099")]


async def test_a_scheduled_call_that_is_asked_for_twice_is_one_call(yard: Yard) -> None:
    wish = {"calldate": "2030-10-11 15:00:00", "campaign": "Ventas->", "destination": "098344484"}
    for more in (
        {"data": "a=1"},
        {"data": "a=2"},
        {"data": ""},
        {"calldate": "2030-10-11 15:00:01"},
        {"campaign": "campName<-"},
    ):
        scheduled = read_scheduled(json.dumps({**wish, **more}))
        await yard.do(lambda session, scheduled=scheduled: add_scheduled(session, scheduled))
    other = replace(read_scheduled(json.dumps(wish)), contact="C-2")
    await yard.do(lambda session: add_scheduled(session, other))
    rows = await yard.rows(
        "SELECT campaign, SECOND(calldate), data, contact FROM ccdata.calls_scheduler ORDER BY id"
    )
    assert rows == [
        ("Ventas->", 0, "a=2", ""), ("Ventas->", 1, "", ""), ("campName<-", 0, "", ""),
        ("Ventas->", 0, "", "C-2"),
    ]  # fmt: skip


async def test_a_removed_contact_is_gone_however_it_was_written(yard: Yard) -> None:
    await yard.respool(destination="M=2=+598 98-344")
    await yard.respool(campaign="campName<-", dialerbase="", destination="59898344")
    phone = parse_phone("598 98 344")
    assert await yard.do(lambda session: remove_contact(session, "ventas->", phone)) == 1
    assert [row[0] for row in await yard.rows(SPOOL)] == ["campName<-"]


async def test_the_black_list_is_sticky_and_every_entry_leaves_its_traces(yard: Yard) -> None:
    text = json.dumps({
        "phone": "+598 98-344", "campaign": "*", "username": "Ana", "company": "ACME", "job_title": "CEO",
        "name": "Mario",
    })  # fmt: skip
    first = read_black(text)
    again = read_black(text.replace("Ana", "Eva"))
    for entry in (first, again):
        await yard.do(lambda session, entry=entry: black_list(session, entry, NOW, LOCAL))
    listed = await yard.rows("SELECT phone, campaign, username, company, name, number FROM ccdata.black_list")
    assert listed == [("+59898344", "*", "Ana", "ACME", "Mario", "59898344")]
    assert await yard.rows("SELECT src, dst FROM ccrepo.black_list_history ORDER BY id") == [
        ("Ana", "+59898344"), ("Eva", "+59898344"),
    ]  # fmt: skip
    assert ("59898344", "api") in await yard.rows("SELECT who, via FROM ccdata.opt_outs")
    own = read_black(json.dumps({"phone": "099", "campaign": "Ventas->", "username": None}))
    await yard.do(lambda session: black_list(session, own, NOW, LOCAL))
    assert ("099", "api") not in await yard.rows("SELECT who, via FROM ccdata.opt_outs")


async def test_two_who_respool_the_same_number_at_once_do_not_double_it(yard: Yard) -> None:
    await asyncio.gather(*(yard.respool(data=f"n={n}") for n in range(8)))
    assert len(await yard.rows(SPOOL)) == 1

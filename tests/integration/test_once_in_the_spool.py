"""A number is in the spool of a campaign once, by whatever way it comes, and is never dialled twice."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from engine.adapters.contact_file import open_contacts
from engine.adapters.mysql import Database, lists, loading
from engine.adapters.mysql.call_form import form_of
from engine.adapters.mysql.contacts import respool
from engine.adapters.mysql.loading import Wish, load_file
from engine.adapters.mysql.recycling import recycle
from engine.domain.errors import FieldError
from engine.domain.integra.contacts import Respool, read_respool
from engine.domain.outcomes import Outcome
from engine.domain.phones import Phone
from engine.domain.recycling import RecycleRule
from engine.ports import StoreError
from tests.contract.store_desks import naive
from tests.integration.test_law_in_claims import NOON, Office

NUMBERS = [f"2{n:03d}" for n in range(40)]
LATER = NOON + timedelta(days=400)


@pytest.fixture
async def office(database: Database) -> Office:
    office = Office(database)
    await office.dialer(country="")
    await office.dialer("B<-", country="")
    return office


async def again(work: Any) -> None:
    """Ask again while the server is busy with the others: a refusal of the number is an answer."""
    for _ in range(5):
        try:
            await work()
        except StoreError:
            continue
        except FieldError as error:
            assert re.search("already|being called", str(error))  # noqa: PT017  any other refusal fails the test
        return


async def form_of_call(office: Office, attempt: str) -> Respool | None:
    return await office.database.transaction(lambda session: form_of(session, attempt))


async def test_all_ways_into_the_spool_at_once_put_a_number_there_once(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two files, recycling, moving, the scheduler (within claims) and respooling, of the same numbers."""
    for module, size in ((loading, 7), (lists, 5)):
        monkeypatch.setattr(module, "BATCH", size)
    await office.run("INSERT INTO ccdata.dialer_base (campaign, name, active) VALUES ('B<-', 'MOVED', 1)")
    for n, number in enumerate(NUMBERS):
        await office.contact(number, "B<-", dialerbase="MOVED")
        await office.run(
            "INSERT INTO ccrepo.finished_contacts (spool_id, campaign, dialerbase, destination, outcome,"
            " finished_at) VALUES (%s, 'A<-', 'L1', %s, 'busy', '2020-01-01')",
            900_000 + n, f"M=0={number}",
        )  # fmt: skip
        await office.run(
            "INSERT INTO ccdata.calls_scheduler (calldate, campaign, destination) VALUES (%s, 'A<-', %s)",
            naive(NOON), f"+{number}",
        )  # fmt: skip
    files = []
    for name, numbers in (("one", NUMBERS), ("two", NUMBERS[::-1])):
        path = tmp_path / f"{name}.csv"
        path.write_text("".join(f"A<-;{number};;\n" for number in numbers))
        files.append(path)
    rules = (RecycleRule(Outcome.BUSY, timedelta(), 3),)

    async def respools() -> None:
        for number in NUMBERS:
            text = orjson.dumps({"campaign": "a<-", "destination": f"({number})"}).decode()
            wish = read_respool(text)
            await again(lambda wish=wish: office.database.transaction(lambda s: respool(s, wish)))

    async def claims() -> None:
        for _ in range(8):
            result = await office.claim(limit=7)
            seen.extend(attempt.contact.phone.number for attempt in result.attempts)

    seen: list[str] = []
    await asyncio.gather(
        *(again(lambda p=p: load_file(office.database, open_contacts(p), Wish(p.stem))) for p in files),
        again(lambda: recycle(office.database, "A<-", rules, LATER)),
        again(lambda: lists.move(office.database, "B<-", "MOVED", "A<-")),
        respools(),
        claims(),
        claims(),
    )
    rows = await office.rows(
        "SELECT number, COUNT(*) AS n FROM ccdata.calls_spool WHERE campaign='A<-' GROUP BY number"
    )
    assert sorted(row["number"] for row in rows) == NUMBERS
    assert {row["n"] for row in rows} == {1}
    dialled = [number.removeprefix("+") for number in seen]
    assert len(dialled) == len(set(dialled))


async def test_what_plain_sql_doubles_is_dialled_once_by_claims_that_race(office: Office) -> None:
    for number in NUMBERS:
        for spelling in (number, f"M=0={number}", f"+{number}"):
            await office.contact(spelling)
    claimed = await asyncio.gather(*(office.claim(limit=40) for _ in range(4)))
    claimed += [await office.claim(limit=200)]
    numbers = [a.contact.phone.number.removeprefix("+") for result in claimed for a in result.attempts]
    assert sorted(numbers) == NUMBERS
    told = await office.rows("SELECT held_by, reason FROM ccdata.held_contacts WHERE status = 2")
    assert len(told) == 2 * len(NUMBERS)
    assert {row["held_by"] for row in told} == {"double"}
    assert "the number is in the spool already: row " in told[0]["reason"]


async def test_what_waits_in_a_list_that_is_not_active_or_is_another_contacts_is_no_double(
    office: Office,
) -> None:
    await office.contact("2001", dialerbase="OLD")
    await office.contact("2001")
    await office.contact("2002", contact="husband")
    await office.contact("2002", contact="wife")
    await office.contact("2003", status=3)
    await office.contact("2003")
    assert sorted(await office.called()) == ["2001", "2002", "2002", "2003"]


async def test_the_agents_form_has_the_next_number_first_and_may_give_it_back_during_the_call(
    office: Office,
) -> None:
    await office.run("INSERT INTO ccdata.dialer_base (campaign, name, active) VALUES ('A<-', 'L1', 1)")
    await office.contact("M=0=2001", alternatives="W=0=2002:2003", contact="C1", data="n=1", retries=1)
    [attempt] = (await office.claim()).attempts
    form = await form_of_call(office, attempt.id)
    assert form is not None
    assert form == Respool("A<-", Phone("2002", "W", 0), "L1", "n=1", "2003", "C1", 0, 9999, "")
    await office.database.transaction(lambda session: respool(session, form))
    await office.contact("2009", retries=1, priority=1)
    calls = (await office.claim()).attempts
    assert sorted(call.contact.phone.number for call in calls) == ["2002", "2009"]
    [alone] = [call for call in calls if call.contact.phone.number == "2009"]
    same = Respool("A<-", Phone("2009"), "L1", "", "", "", 2, 2, "")
    assert await form_of_call(office, alone.id) == same
    assert await form_of_call(office, "no such call") is None

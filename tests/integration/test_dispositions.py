"""Dispositions on a real database: what each action does to the contact, and when; tags; finish times."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from engine.adapters.mysql import Database
from engine.adapters.mysql.dispositions import carry_out, dispose, tag_record
from engine.domain.errors import FieldError
from engine.domain.integra.calls import read_disposition, read_tag
from engine.domain.integra.fields import Fields
from engine.domain.localtime import LocalTime
from engine.lab.mariadb import MariaDB
from tests.conftest import databases, empty
from tests.contract.store_desks import TALKED, UNSEEN, batch, finished
from tests.integration.test_law_in_claims import Office
from tests.stage import Names

NOW = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
LOCAL = LocalTime(UTC)
GUID = "f9b7ada3-a4e5-4795-834d-aa1c1a37ee57"
#: The newer sample of the documents (d2 twice and no d1 is one d2 by the time it is here).
FORM = {
    "campaign": "campana->", "agent": "Vcisneros", "callerid": "1234567890", "guid": GUID,
    "l1": "Tipificacion1", "l2": "", "l3": "", "d2": "", "comment": "", "schedule": "",
    "camptoreschedule": "", "tag": "",
}  # fmt: skip
EFFECT = "SELECT action, effect, reason FROM ccrepo.disposition_repo ORDER BY id"
SPOOL = "SELECT destination, alternatives, data, dialerbase, contact, status, retries FROM ccdata.calls_spool"


class Yard:
    """A campaign with one contact, whose call is as a test says."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def run(self, sql: str, *args: Any) -> None:
        async with self.database.session() as session:
            await session.run(sql, args)

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        async with self.database.session() as session:
            return [tuple(row.values()) for row in await session.rows(sql)]

    async def configure(self, action: str, *levels: str, campaign: str = "*") -> None:
        await self.run(
            "INSERT INTO ccdata.dispositions (campaign, level1, level2, level3, action)"
            " VALUES (%s, %s, %s, %s, %s)",
            campaign, *(*(levels or ("Tipificacion1",)), "", "")[:3], action,
        )  # fmt: skip

    async def call(self, state: str, alternatives: str = "", *, finished: bool = False) -> None:
        await self.run(
            "INSERT INTO ccdata.attempts (id, campaign, spool_id, destination, owner, fence, state,"
            " claimed_at) VALUES (%s, 'campana->', 7, '1234567890', 'e', 1, %s, NOW())",
            GUID, state,
        )  # fmt: skip
        if finished:
            await self.run(
                "INSERT INTO ccrepo.finished_contacts (spool_id, campaign, dialerbase, contact, destination,"
                " alternatives, data, outcome, finished_at)"
                " VALUES (7, 'campana->', 'MARCH', 'c7', '1234567890', %s, 'n=1', 'answered', NOW())",
                alternatives,
            )
        else:
            await self.run(
                "INSERT INTO ccdata.calls_spool (id, campaign, destination, alternatives, data, dialerbase,"
                " contact, status) VALUES (7, 'campana->', '1234567890', %s, 'n=1', 'MARCH', 'c7', 0)",
                alternatives,
            )

    async def ended(self) -> None:
        await self.run("UPDATE ccdata.attempts SET state='ended'")

    async def finishes(self) -> None:
        await self.ended()
        await self.run(
            "INSERT INTO ccrepo.finished_contacts (spool_id, campaign, dialerbase, contact, destination,"
            " alternatives, data, outcome, finished_at) SELECT id, campaign, dialerbase, contact,"
            " destination, alternatives, data, 'answered', NOW() FROM ccdata.calls_spool"
        )
        await self.run("DELETE FROM ccdata.calls_spool")

    async def dispose(self, **changes: str) -> str:
        wish = read_disposition(Fields({**FORM, **changes}))
        action = await self.database.transaction(lambda s: dispose(s, wish, NOW, LOCAL))
        return action.value

    async def look(self) -> tuple[int, int]:
        done = await carry_out(self.database, NOW)
        return done.dispositions, done.notes


@pytest.fixture(scope="module")
def names(mariadb: MariaDB) -> Iterator[Names]:
    """One pair of databases for the whole module."""
    yield from databases(mariadb, __name__)


@pytest.fixture
async def yard(database: Database) -> Yard:
    await empty(
        database,
        "ccdata.dialers", "ccdata.calls_spool", "ccdata.calls_scheduler", "ccdata.black_list",
        "ccdata.attempts",
        "ccdata.dispositions", "ccdata.disposition_options", "ccdata.call_notes", "ccrepo.disposition_repo",
        "ccrepo.finished_contacts", "ccrepo.cdr_repo", "ccrepo.tags",
    )  # fmt: skip
    yard = Yard(database)
    await yard.run(
        "INSERT INTO ccdata.dialers (campaign, tbc_nocontact) VALUES ('campana->', 0), ('Later<-', 0)"
    )
    return yard


async def test_only_what_is_configured_is_a_disposition_and_the_closest_row_counts(yard: Yard) -> None:
    with pytest.raises(FieldError, match="no disposition"):
        await yard.dispose()
    await yard.configure("")
    await yard.configure("RESPOOL", "Sale")
    await yard.configure("BLACKLIST", "Sale", "no", "never", campaign="campana->")
    assert await yard.dispose() == ""
    assert await yard.dispose(l1="Sale", l2="no", l3="never") == "BLACKLIST"
    await yard.call("ended", finished=True)
    assert await yard.dispose(l1="Sale", l2="no", l3="") == "RESPOOL"
    assert await yard.dispose(l1="Sale", l2="yes", l3="never") == "RESPOOL"
    with pytest.raises(FieldError):
        await yard.dispose(l1="Other")
    rows = await yard.rows("SELECT level1, level2, level3, action FROM ccrepo.disposition_repo ORDER BY id")
    assert rows[1] == ("Sale", "no", "never", "BLACKLIST")
    assert len(rows) == 4


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"l1": ""}, "l1"), ({"campaign": ""}, "campaign"), ({"agent": ""}, "agent"),
        ({"guid": ""}, "guid"), ({"guid": "../../etc/passwd"}, "guid"), ({"callerid": "me"}, "callerid"),
        ({"schedule": "tomorrow"}, "schedule"), ({"comment": "x" * 2001}, "comment"),
    ],
)  # fmt: skip
def test_a_disposition_that_cannot_be_names_its_field(changes: dict[str, str], field: str) -> None:
    with pytest.raises(FieldError) as caught:
        read_disposition(Fields({**FORM, **changes}))
    assert caught.value.field == field


async def test_respool_waits_for_the_end_of_the_call_and_happens_once(yard: Yard) -> None:
    await yard.configure("RESPOOL")
    await yard.call("connected")
    await yard.dispose()
    assert await yard.look() == (0, 0)
    assert await yard.rows(EFFECT) == [("RESPOOL", "waiting", "")]
    await yard.finishes()
    assert (await yard.look())[0] == 1
    assert (await yard.look())[0] == 0
    assert await yard.rows(EFFECT) == [("RESPOOL", "done", "")]
    assert await yard.rows(SPOOL) == [("1234567890", "", "n=1", "MARCH", "c7", 1, 0)]
    assert await yard.rows("SELECT again_at IS NOT NULL FROM ccrepo.finished_contacts") == [(1,)]
    # Said once more about the same call: the contact is there already.
    await yard.dispose()
    await yard.look()
    assert (await yard.rows(EFFECT))[1][1] == "none"
    assert len(await yard.rows(SPOOL)) == 1


async def test_respool_rests_as_the_dialer_says(yard: Yard) -> None:
    await yard.configure("RESPOOL")
    await yard.run("UPDATE ccdata.dialers SET tbc_nocontact=45")
    await yard.call("ended", finished=True)
    await yard.dispose()
    await yard.look()
    [(until,)] = await yard.rows("SELECT notbefore FROM ccdata.calls_spool")
    assert until == (NOW + timedelta(minutes=45)).replace(tzinfo=None)


async def test_respool_alternative_begins_with_another_number(yard: Yard) -> None:
    await yard.configure("RESPOOLALTERNATIVE")
    await yard.call("ended", "1234567890:H=0=098:097", finished=True)
    await yard.dispose()
    await yard.look()
    assert await yard.rows(SPOOL) == [("H=0=098", "097", "n=1", "MARCH", "c7", 1, 0)]


async def test_respool_alternative_of_a_contact_that_waits_for_its_retry(yard: Yard) -> None:
    await yard.configure("RESPOOLALTERNATIVE")
    await yard.call("ended", "098:097")
    await yard.run("UPDATE ccdata.calls_spool SET status=1, retries=1, notbefore='2030-01-01'")
    await yard.dispose()
    await yard.look()
    assert await yard.rows(SPOOL) == [("098", "097", "n=1", "MARCH", "c7", 1, 0)]
    assert await yard.rows("SELECT notbefore FROM ccdata.calls_spool") == [(None,)]


@pytest.mark.parametrize(
    ("action", "sql", "reason"),
    [
        ("RESPOOLALTERNATIVE", "SELECT 1", "no alternative"),
        ("RESPOOL", "DELETE FROM ccrepo.finished_contacts", "removed from the spool"),
        ("RESPOOL", "DELETE FROM ccdata.dialers", "no dialer"),
        (
            "RESPOOL",
            "INSERT INTO ccdata.calls_spool (campaign, destination) VALUES ('campana->', '1234567890')",
            "in the spool already",
        ),
    ],
)
async def test_what_cannot_be_respooled_is_told_in_its_row(
    yard: Yard, action: str, sql: str, reason: str
) -> None:
    await yard.configure(action)
    await yard.call("ended", finished=True)
    await yard.dispose()
    await yard.run(sql)
    await yard.look()
    [(_, effect, why)] = await yard.rows(EFFECT)
    assert effect == "none"
    assert reason in why


async def test_respool_needs_a_call_of_the_dialer(yard: Yard) -> None:
    await yard.configure("RESPOOL")
    with pytest.raises(FieldError, match="guid"):
        await yard.dispose()


async def test_black_list_by_disposition(yard: Yard) -> None:
    await yard.configure("BLACKLIST")
    await yard.dispose()
    rows = await yard.rows("SELECT phone, campaign, username FROM ccdata.black_list")
    assert rows == [("1234567890", "campana->", "Vcisneros")]


async def test_schedule_by_disposition_on_the_own_or_another_dialer(yard: Yard) -> None:
    await yard.configure("RESCHEDULE")
    with pytest.raises(FieldError, match="schedule"):
        await yard.dispose()
    with pytest.raises(FieldError, match="no dialer"):
        await yard.dispose(schedule="2030-10-11 15:00:00", camptoreschedule="none")
    await yard.call("connected", "098")
    await yard.dispose(schedule="2030-10-11 15:00:00")
    await yard.dispose(schedule="2030-10-12 15:00:00", camptoreschedule="Later<-")
    assert await yard.rows(
        "SELECT DAY(calldate), campaign, destination, alternatives, data, contact FROM ccdata.calls_scheduler"
    ) == [
        (11, "campana->", "1234567890", "098", "n=1", "c7"),
        (12, "Later<-", "1234567890", "098", "n=1", "c7"),
    ]


CDR = "SELECT userfield, finishtime FROM ccrepo.cdr_repo"


async def test_tag_and_finish_time_are_in_the_cdr_whenever_it_comes(yard: Yard) -> None:
    await yard.configure("")
    await yard.dispose(tag="a good one", l2="", l3="")
    assert await yard.look() == (0, 0)
    cdr = "INSERT INTO ccrepo.cdr_repo (calldate, guid, dst) VALUES (NOW(), %s, '1234567890')"
    await yard.run(cdr, GUID)
    assert await yard.look() == (0, 1)
    assert await yard.rows(CDR) == [("a good one", "2026-03-04 15:00:00 Tipificacion1")]
    await yard.dispose(tag="better")
    assert (await yard.rows(CDR))[0][0] == "better"
    await yard.run("INSERT INTO ccdata.disposition_options (campaign, finishtime) VALUES ('campana->', 0)")
    await yard.run("UPDATE ccrepo.cdr_repo SET finishtime=''")
    await yard.dispose()
    assert await yard.rows(CDR) == [("better", "")]


async def test_a_tag_is_kept_with_who_gave_it_and_meets_its_own_call_only(yard: Yard) -> None:
    await yard.run("INSERT INTO ccrepo.cdr_repo (calldate, guid, dst) VALUES (NOW(), %s, '+598098')", GUID)
    for phone, text in (("598-098", "right"), ("099", "another call's")):
        tag = read_tag(Fields({"phone": phone, "guid": GUID, "data": text}))
        await yard.database.transaction(lambda s, tag=tag: tag_record(s, tag, "Ana", NOW, LOCAL))
    assert (await yard.rows(CDR))[0][0] == "right"
    assert await yard.rows("SELECT user, guid, comment FROM ccrepo.tags ORDER BY id") == [
        ("Ana", GUID, "right"), ("Ana", GUID, "another call's"),
    ]  # fmt: skip


async def test_a_note_for_a_call_that_left_no_cdr_is_given_up_after_two_days(yard: Yard) -> None:
    await yard.configure("")
    await yard.dispose(tag="x")
    await yard.run("UPDATE ccdata.call_notes SET noted_at = noted_at - INTERVAL 3 DAY")
    await yard.look()
    assert await yard.rows("SELECT * FROM ccdata.call_notes") == []


async def test_what_an_agent_wrote_into_a_record_outlives_its_correction(database: Database) -> None:
    """Who took the call over knew nothing of its end; the engine that had it tells later what it was."""
    office = Office(database)
    await office.dialer("A<-")
    await office.contact("2125550001")
    await office.store.take_lease("one", timedelta(seconds=30))
    [attempt] = (await office.claim(at=NOW)).attempts
    await office.store.mark_sent([attempt], NOW)
    other = office.engine()
    await other.take_lease("two", timedelta(seconds=30), dead="one")
    await other.take_over(frozenset([attempt.id]))
    await other.record(batch(finished(attempt, *UNSEEN), fence=other.fence, journal="second"))
    assert await office.rows("SELECT disposition FROM ccrepo.cdr_repo") == [{"disposition": "FAILED"}]
    tag = read_tag(Fields({"phone": "2125550001", "guid": attempt.id, "data": "VIP"}))
    await database.transaction(lambda s: tag_record(s, tag, "ana", NOW, LOCAL))
    await office.store.record(batch(finished(attempt, *TALKED), fence=office.store.fence, journal="first"))
    told = await office.rows("SELECT disposition, userfield FROM ccrepo.cdr_repo")
    assert told == [{"disposition": "ANSWERED", "userfield": "VIP"}]

"""Contact files into a real spool: what is loaded and refused; sent twice, cut off, sent by two at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.contact_file import open_contacts
from engine.adapters.mysql import Database, loading
from engine.adapters.mysql.loading import Load, Wish, load_file
from engine.domain.errors import FieldError
from engine.ports import StoreError

WISH = Wish("MARCH")


class Yard:
    """A database with two campaigns, and files to load."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder

    async def run(self, sql: str, *args: Any) -> None:
        async with self.database.session() as session:
            await session.run(sql, args)

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        async with self.database.session() as session:
            return [tuple(row.values()) for row in await session.rows(sql)]

    async def load(self, text: str | bytes, wish: Wish = WISH) -> Load:
        path = self.folder / "march.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return await load_file(self.database, open_contacts(path), wish)

    async def spool(self) -> list[tuple[Any, ...]]:
        columns = "campaign, destination, data, alternatives, dialerbase, priority, agentphone, status"
        return await self.rows(f"SELECT {columns} FROM ccdata.calls_spool ORDER BY id")

    async def count(self) -> int:
        return int((await self.rows("SELECT COUNT(*) FROM ccdata.calls_spool"))[0][0])

    async def refusals(self) -> list[tuple[Any, ...]]:
        return await self.rows("SELECT line, reason FROM ccdata.upload_lines ORDER BY upload, line")

    async def uploads(self) -> list[tuple[Any, ...]]:
        sql = "SELECT status, lines_read, accepted, refused FROM ccdata.uploads ORDER BY id"
        return await self.rows(sql)


@pytest.fixture
async def yard(database: Database, tmp_path: Path) -> Yard:
    yard = Yard(database, tmp_path)
    for campaign in ("A<-", "B->"):
        await yard.run("INSERT INTO ccdata.dialers (campaign) VALUES (%s)", campaign)
    return yard


async def test_a_file_of_several_campaigns_becomes_their_lists(yard: Yard) -> None:
    text = (
        "\ufeffA<-;099111;name=Mario's \\ café ccdata %s;;\r\n\r\nB->;M=2=099222;;W=0=098:097;5;Ana;\r\n"
        "a<-;+598 99 333;x=1;;1\r\n;;;\r\nA<-;nobody;;\r\nA<-;099 111;;;;\r\n"
    )
    load = await yard.load(text, Wish("MARCH", each_line=True, timezone="America/Bogota", percentage=30))
    assert await yard.spool() == [
        ("A<-", "099111", "name=Mario's \\ café ccdata %s", "", "MARCH", 9999, "", 1),
        ("B->", "M=2=099222", "", "W=0=098:097", "MARCH", 5, "Ana", 1),
        ("A<-", "+598 99 333", "x=1", "", "MARCH", 1, "", 1),
    ]
    assert (load.accepted, load.refused, load.lines) == (3, 3, 7)
    assert [(line, reason.split(":")[0]) for line, reason in await yard.refusals()] == [
        (5, "campaign"), (6, "phone"), (7, "phone"),
    ]  # fmt: skip
    assert "already" in (await yard.refusals())[2][1]
    assert await yard.rows(
        "SELECT campaign, name, records, active, percentage, timezone FROM ccdata.dialer_base ORDER BY 1"
    ) == [("A<-", "MARCH", 2, 1, 30, "America/Bogota"), ("B->", "MARCH", 1, 1, 30, "America/Bogota")]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("NONE<-;099;;", "line 2: campaign: 'NONE<-' does not exist"),
        ("A<-;099;", "line 2: columns: there are 3"),
        ("A<-;099;n=´x;", "line 2: data: it has the character"),
        ("A<-;099;m=a@b.c;", "line 2: data: .*allow @"),
        ("A<-;" + "9" * 30_000, "line 2: line: more than"),
    ],
)
async def test_a_file_with_such_a_line_is_refused_as_a_whole(yard: Yard, bad: str, message: str) -> None:
    with pytest.raises(FieldError, match=message):
        await yard.load(f"A<-;099111;;\n{bad}\nA<-;099222;;\n")
    assert await yard.count() == 0
    assert await yard.rows("SELECT * FROM ccdata.dialer_base") == []
    [(status, *_)] = await yard.uploads()
    assert status == "refused"
    # The same file, line by line: the bad one is told, the others are loaded.
    load = await yard.load(f"A<-;099111;;\n{bad}\nA<-;099222;;\n", Wish("MARCH", each_line=True))
    assert (load.accepted, load.refused) == (2, 1)
    assert (await yard.refusals())[0][0] == 2


async def test_an_empty_file_is_refused_and_a_bad_phone_costs_its_line_only(yard: Yard) -> None:
    for text in ("", "\r\n\r\n", "\ufeff"):
        with pytest.raises(FieldError, match="no line"):
            await yard.load(text)
    load = await yard.load("A<-;x;;\nA<-;099;;;priority\nA<-;098;;\n")
    assert (load.accepted, load.refused) == (1, 2)


LINES = "".join(f"A<-;099{n:04d};name=N{n};;\n" for n in range(60))


async def test_the_same_file_is_loaded_once_also_when_its_contacts_have_been_called(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    await yard.load(LINES)
    await yard.run("DELETE FROM ccdata.calls_spool WHERE destination < '0990030'")
    again = await yard.load(LINES)
    assert again.known
    assert (await yard.count(), len(await yard.uploads())) == (30, 1)
    # Into another list it is another wish; who is in the spool is not doubled even then.
    other = await yard.load(LINES, Wish("APRIL"))
    assert (other.accepted, other.refused) == (30, 30)
    wanted = await yard.load(LINES, Wish("MARCH", again=True))
    assert (wanted.accepted, wanted.refused, await yard.count()) == (0, 60, 60)


@pytest.mark.parametrize("cut", [1, 2, 4])
async def test_a_load_that_was_cut_off_goes_on_where_it_stopped(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, cut: int
) -> None:
    monkeypatch.setattr(loading, "BATCH", 13)
    written = 0

    def dies(load: Load) -> None:
        nonlocal written
        written += 1
        if written == cut:
            raise ConnectionError("the machine is gone")

    path = yard.folder / "march.csv"
    path.write_text(LINES + "A<-;bad;;\n")
    with pytest.raises(ConnectionError):
        await load_file(yard.database, open_contacts(path), WISH, progress=dies)
    assert await yard.count() == 13 * cut
    # Until it is whole, its list does not exist and nobody is called from it.
    assert await yard.rows("SELECT * FROM ccdata.dialer_base") == []
    await yard.run("DELETE FROM ccdata.calls_spool WHERE destination = '0990000'")
    load = await load_file(yard.database, open_contacts(path), WISH)
    assert (load.accepted, load.refused) == (60, 1)
    assert await yard.count() == 59
    assert await yard.uploads() == [("done", 61, 60, 1)]
    assert await yard.rows("SELECT records, active FROM ccdata.dialer_base") == [(59, 1)]


async def test_two_who_load_the_same_file_at_once_do_not_double_it(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "BATCH", 7)
    results = await asyncio.gather(yard.load(LINES), yard.load(LINES), return_exceptions=True)
    assert all(isinstance(result, Load | StoreError) for result in results), results
    assert await yard.count() == 60
    numbers = await yard.rows("SELECT COUNT(DISTINCT destination) FROM ccdata.calls_spool")
    assert numbers == [(60,)]


async def test_an_inactive_list_stays_so_and_one_more_file_adds_to_it(yard: Yard) -> None:
    await yard.load("A<-;1;;\n", Wish("MARCH", active=False))
    assert await yard.rows("SELECT records, active FROM ccdata.dialer_base") == [(1, 0)]
    await yard.load("A<-;2;;\n")
    assert await yard.rows("SELECT records, active FROM ccdata.dialer_base") == [(2, 1)]

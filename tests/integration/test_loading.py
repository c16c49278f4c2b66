"""Contact files into a real spool: what is loaded and refused; sent twice, cut off, sent by two at once."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.contact_file import open_contacts
from engine.adapters.mysql import Database, loading
from engine.adapters.mysql.loading import Load, Wish, load_file
from engine.domain.errors import FieldError
from engine.lab.mariadb import MariaDB
from engine.ports import StoreError
from tests.stage import Names

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
        "a<-;+598 99 333;x=1;;1\r\n;;;;\r\nX<-;;;\r\nA<-;nobody;;\r\nA<-;099 111;;;;\r\n"
    )
    load = await yard.load(text, Wish("MARCH", each_line=True, timezone="America/Bogota", percentage=30))
    assert await yard.spool() == [
        ("A<-", "099111", "name=Mario's \\ café ccdata %s", "", "MARCH", 9999, "", 1),
        ("B->", "M=2=099222", "", "W=0=098:097", "MARCH", 5, "Ana", 1),
        ("A<-", "+598 99 333", "x=1", "", "MARCH", 1, "", 1),
    ]
    assert (load.accepted, load.refused, load.lines) == (3, 3, 8)
    assert [(line, reason.split(":")[0]) for line, reason in await yard.refusals()] == [
        (6, "campaign"), (7, "phone"), (8, "phone"),
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
        ("A<-;099;;098\x00", "line 2: alternatives: it has the character"),
        ("A<-;099;;;5;An\x07a", "line 2: agent: it has the character"),
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


async def test_alternatives_that_are_no_phones_are_told_and_cost_nothing_else(yard: Yard) -> None:
    load = await yard.load("A<-;099;;W=1=0981:bad!!:0982:zz\nA<-;098;;M=(09) 7: :\n")
    assert (load.accepted, load.refused) == (2, 0)
    assert [row[3] for row in await yard.spool()] == ["W=1=0981:0982", "M=(09) 7: :"]
    [(line, reason)] = await yard.refusals()
    assert (line, reason.partition(". Fix")[0]) == (
        1, "alternatives: loaded without 'bad!!', 'zz': no phone number",
    )  # fmt: skip


async def test_a_file_of_windows_keeps_its_characters(yard: Yard) -> None:
    await yard.load("A<-;099;n=Iñaki – 5 € · O\u2026;\n".encode("cp1252"))
    assert (await yard.spool())[0][2] == "n=Iñaki – 5 € · O\u2026"
    with pytest.raises(FieldError, match="data: it has the character"):
        await yard.load("A<-;098;n=O\u2019Brien;\n".encode("cp1252"))


GOOD = "A<-;099111;n=José;\n"


@pytest.mark.parametrize(
    ("content", "accepted", "refusals"),
    [
        (GOOD.encode() + b"A<-;098;n=Ana \xc3;\nA<-;097;n=\xc3\xb1;\n", 2, {2: "bytes that are no UTF-8"}),
        (GOOD.encode() + b"A<-;098;n=cut off in;;\xc3", 1, {2: "bytes that are no UTF-8"}),
        (b"A<-;0\x0099;;\nA<-;098;n=\x00;\n\x00\x00\n" + GOOD.encode(), 1, {
            1: "is not a phone number", 2: "the character", 3: "columns: there are 1",
        }),
        (GOOD.encode() + b"A<-;098;" + b"x" * 3_000_000 + b";\nA<-;097;;\n", 2, {2: "it has more than"}),
        (b"A<-;099111;;\n" + bytes(range(1, 256)) * 40 + b"\nA<-;097;;\n", 2, None),
        (b"A<-,099111,n=x,\nA<-\t098\t\t\n" + GOOD.encode(), 1, {1: "columns: there are 1", 2: "columns: "}),
        (b"A<-;099111;;\rA<-;bad;;\rA<-;097;;\r", 2, {2: "is not a phone number"}),
        (b"A<-;099111;;\n;\n;;;;;;;;;;\nA<-;097;;", 2, {}),
    ],
    ids=["byte", "cut", "nul", "huge", "binary", "separators", "cr", "empty"],
)  # fmt: skip
async def test_of_a_damaged_file_every_line_is_a_contact_or_a_refusal_with_its_number_and_reason(
    yard: Yard, content: bytes, accepted: int, refusals: dict[int, str] | None
) -> None:
    load = await yard.load(content, Wish("MARCH", each_line=True))
    told = dict(await yard.refusals())
    assert (load.accepted, load.refused, await yard.count()) == (accepted, len(told), accepted)
    for line, reason in (refusals or {}).items():
        assert reason in told[line]
    if refusals is not None:
        assert told.keys() == refusals.keys()
    if "José".encode() in content:
        assert (await yard.rows("SELECT data FROM ccdata.calls_spool WHERE destination='099111'")) == [
            ("n=José",)
        ]
    again = await yard.load(content, Wish("MARCH", each_line=True))
    assert (again.known, await yard.count()) == (True, accepted)


async def test_a_load_that_is_killed_half_way_loads_the_rest_when_it_is_sent_again(
    yard: Yard, mariadb: MariaDB, names: Names
) -> None:
    total = 20_000
    path = yard.folder / "march.csv"
    path.write_text("".join(f"A<-;09{n:06d};name=N{n};;\n" for n in range(total)) + "A<-;bad;;\n")
    environment = {
        **os.environ,
        "OVERDIAL_DATABASE__SOCKET": str(mariadb.socket),
        "OVERDIAL_DATABASE__USER": "root",
        "OVERDIAL_DATABASE__CONFIGURATION": names.configuration,
        "OVERDIAL_DATABASE__HISTORY": names.history,
    }
    command = [sys.executable, "-m", "engine", "load", str(path)]
    child = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.DEVNULL)
    while child.returncode is None and not any(row[1] for row in await yard.uploads()):
        pass
    child.kill()
    assert await child.wait() == -signal.SIGKILL
    [(status, before, accepted, refused)] = await yard.uploads()
    assert (status, accepted, refused) == ("loading", before, 0)
    assert 0 < before < total
    assert await yard.rows("SELECT * FROM ccdata.dialer_base") == []
    child = await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.PIPE)
    told, _ = await child.communicate()
    assert f"{total} contacts in march, 1 lines refused" in told.decode()
    assert await yard.uploads() == [("done", total + 1, total, 1)]
    counted = "SELECT COUNT(*), COUNT(DISTINCT destination) FROM ccdata.calls_spool"
    assert await yard.rows(counted) == [(total, total)]


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

"""The statements of docs/from-vicidial.md and docs/from-ucontact.md, run as they stand there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.contact_file import open_contacts
from engine.adapters.mysql import Database
from engine.adapters.mysql.loading import Wish, load_file
from engine.lab.mariadb import MariaDB
from engine.resources import resource

SAMPLES = Path(__file__).parent.parent / "samples"


@pytest.fixture
def old(mariadb: MariaDB, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database for the tables of another product."""
    name = f"old_{abs(hash(request.node.nodeid)) % 10**8:08d}"
    mariadb.sql(f"CREATE DATABASE {name} DEFAULT CHARACTER SET utf8mb4;")
    yield name
    mariadb.sql(f"DROP DATABASE {name};")


def sample(mariadb: MariaDB, name: str, old: str) -> None:
    mariadb.sql(f"USE {old};\n" + (SAMPLES / f"{name}.sql").read_text("utf-8"))


def statements(page: str, theirs: str, old: str) -> list[str]:
    """Return the SQL of a page; the other product's database is `old` here."""
    text = resource("docs").joinpath(page).read_text("utf-8")
    blocks = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    assert blocks
    return [
        part
        for block in blocks
        for part in block.replace(f"{theirs}.", f"{old}.").split(";\n")
        if part.strip()
    ]


async def run(database: Database, page: str, theirs: str, old: str) -> None:
    for statement in statements(page, theirs, old):
        async with database.session() as session:
            await session.run(statement)


async def rows(database: Database, sql: str) -> list[tuple[Any, ...]]:
    async with database.session() as session:
        return [tuple(row.values()) for row in await session.rows(sql)]


async def test_leads_callbacks_and_dnc_of_vicidial_arrive(
    database: Database, mariadb: MariaDB, old: str
) -> None:
    sample(mariadb, "vicidial", old)
    await run(database, "from-vicidial.md", "asterisk", old)
    spool = await rows(
        database,
        "SELECT campaign, destination, alternatives, data, contact, dialerbase, priority"
        " FROM ccdata.calls_spool ORDER BY id",
    )
    assert spool == [
        (
            "SALES->",
            "+12125550101",
            "",
            "first_name=Ann:last_name=:city=New York:state=NY",
            "vici-1",
            "vici_101",
            9999,
        ),
        (
            "SALES->",
            "+13055550102",
            "+13055550103",
            "first_name=José  the second:last_name=:city=Miami:state=FL",
            "vici-2",
            "vici_101",
            9994,
        ),
        (
            "SALES->",
            "2125550107",
            "2125550108",
            "first_name=Home:last_name=:city=:state=NY",
            "vici-7",
            "vici_101",
            9999,
        ),
    ]
    assert await rows(database, "SELECT campaign, name, records, active FROM ccdata.dialer_base") == [
        ("SALES->", "vici_101", 3, 0)
    ]
    callbacks = await rows(
        database, "SELECT campaign, destination, agentphone, contact FROM ccdata.calls_scheduler"
    )
    assert callbacks == [("SALES->", "+12125550106", "agent7", "vici-6")]
    assert set(await rows(database, "SELECT phone, campaign FROM ccdata.black_list")) == {
        ("2125550109", "*"),
        ("201*", "*"),
        ("2125550110", "SALES->"),
        ("+12125550105", "*"),
        ("2125550111", "*"),
    }


async def test_the_tables_of_ucontact_arrive(database: Database, mariadb: MariaDB, old: str) -> None:
    sample(mariadb, "ucontact", old)
    await run(database, "from-ucontact.md", "ucontact", old)
    assert await rows(
        database, "SELECT destination, status, dialerbase FROM ccdata.calls_spool ORDER BY id"
    ) == [
        ("099111222", 1, "MARZO"),
        ("099111223", 3, "MARZO"),
    ]
    assert await rows(database, "SELECT name, active FROM ccdata.dialer_base") == [("MARZO", 0)]
    assert await rows(database, "SELECT destination FROM ccdata.calls_scheduler") == [("099111224",)]
    assert await rows(database, "SELECT phone FROM ccdata.black_list") == [("099111299",)]


async def test_the_tutorials_campaign_and_file_are_taken(database: Database, tmp_path: Path) -> None:
    text = resource("docs").joinpath("tutorial.md").read_text("utf-8")
    first, second = re.findall(r"```sql\n(.*?)```", text, re.DOTALL)
    for statement in (first + second).split(";\n"):
        if statement.strip():
            async with database.session() as session:
                await session.run(statement)
    path = tmp_path / "march.csv"
    path.write_text(re.findall(r"```text\n(.*?)```", text, re.DOTALL)[0])
    done = await load_file(database, open_contacts(path), Wish("march"))
    assert (done.accepted, done.refused) == (2, 0)
    [row] = await rows(database, "SELECT * FROM ccdata.dialers")
    assert row


async def test_the_file_that_the_page_shows_is_loaded(database: Database, tmp_path: Path) -> None:
    text = resource("docs").joinpath("from-ucontact.md").read_text("utf-8")
    found = re.search(r"```text\n(.*?)```", text, re.DOTALL)
    assert found
    async with database.session() as session:
        for campaign in ("PruebaEncuesta", "TestDialer"):
            await session.run("INSERT INTO ccdata.dialers (campaign) VALUES (%s)", (campaign,))
    path = tmp_path / "base_prueba_2.csv"
    path.write_bytes(found[1].replace("\n", "\r\n").encode())
    done = await load_file(database, open_contacts(path), Wish("base_prueba_2"))
    assert (done.accepted, done.refused) == (3, 0)

"""Recordings: every filter, pages that neither lose nor double, plans that an index serves, the MP3."""

from __future__ import annotations

import json
import os
import shutil
import wave
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from engine.adapters.mysql import Database
from engine.adapters.mysql.recordings import After, page_query, records
from engine.adapters.recordings import Recordings
from engine.domain.errors import FieldError, Refused
from engine.domain.integra.fields import Fields
from engine.domain.integra.records import RecordsPage, read_page
from engine.lab.mariadb import MariaDB
from tests.conftest import databases
from tests.stage import Names

#: So many CDRs; a third of them recorded.
ROWS = 3000


@pytest.fixture(scope="module")
def names(mariadb: MariaDB) -> Iterator[Names]:
    """One pair of databases for the whole module, with CDRs of ten days."""
    for own in databases(mariadb, __name__):
        mariadb.sql(
            f"USE {own.history}; INSERT INTO cdr_repo (calldate, guid, campaign, accountcode, src, dst,"
            " duration, userfield, rating, type)"
            " SELECT '2026-01-01' + INTERVAL seq * 288 SECOND, CONCAT('g', seq),"
            " IF(seq % 2, 'Ventas->', 'POWER<-'), CONCAT('agent', seq % 7), CONCAT('1888', seq % 5),"
            " CONCAT('099', seq % 100), seq % 300, IF(seq % 50, '', 'a very good tag'),"
            " IF(seq % 11, NULL, seq % 100), IF(seq % 3, '', 'record')"
            f" FROM seq_1_to_{ROWS}"
        )
        yield own


def page(offset: int = 0, limit: int = 1000, **wanted: Any) -> RecordsPage:
    form = {"lastrow": str(offset), "searchLimit": str(limit), "filter": json.dumps(wanted)}
    return read_page(Fields(form))


async def ask(database: Database, asked: RecordsPage, campaigns: Any = None) -> list[dict[str, Any]]:
    return await database.transaction(lambda session: records(session, asked, campaigns))


async def test_pages_are_whole_in_order_and_without_doubles(database: Database) -> None:
    found: list[str] = []
    for offset in range(0, 1100, 100):
        found += [row["guid"] for row in await ask(database, page(offset, 100, type="record"))]
    assert len(found) == len(set(found)) == ROWS // 3
    assert found[:2] == ["g3", "g6"]
    assert found[-1] == f"g{ROWS}"


@pytest.mark.parametrize(
    ("wanted", "rule"),
    [
        ({"calldatei": "2026-01-03 00:00:00", "calldatef": "2026-01-04 23:59:59"}, "calldate"),
        ({"campaign": "ventas->"}, "seq % 2 = 1"),
        ({"agent": "agent3"}, "seq % 7 = 3"),
        ({"source": "18882"}, "seq % 5 = 2"),
        ({"destination": "+09942"}, "seq % 100 = 42"),
        ({"data": "GOOD"}, "seq % 50 = 0"),
        ({"range": "22:00-02:00"}, "hours"),
        ({"rating": "50"}, "seq % 11 = 0 AND seq % 100 >= 50"),
        ({"mindur": "200"}, "seq % 300 >= 200"),
        ({"exclude": "09942"}, "seq % 100 <> 42"),
        ({"cont": "8", "calldatef": "2026-01-08 12:00:00"}, "cont"),
        ({"campaign": "POWER<-", "agent": "agent1", "mindur": 10, "data": ""}, "several"),
    ],
)
async def test_each_filter_finds_what_it_says(database: Database, wanted: dict[str, Any], rule: str) -> None:
    begin, end = datetime(2026, 1, 3), datetime(2026, 1, 4, 23, 59, 59)  # noqa: DTZ001
    last = datetime(2026, 1, 8, 12)  # noqa: DTZ001

    def fits(row: dict[str, Any]) -> bool:
        seq = int(row["guid"][1:])
        hour = row["calldate"].hour
        return {
            "calldate": begin <= row["calldate"] <= end,
            "seq % 2 = 1": seq % 2 == 1,
            "seq % 7 = 3": seq % 7 == 3,
            "seq % 5 = 2": seq % 5 == 2,
            "seq % 100 = 42": seq % 100 == 42,
            "seq % 50 = 0": seq % 50 == 0,
            "hours": hour >= 22 or hour < 2 or (hour, row["calldate"].minute) == (2, 0),
            "seq % 11 = 0 AND seq % 100 >= 50": seq % 11 == 0 and seq % 100 >= 50,
            "seq % 300 >= 200": seq % 300 >= 200,
            "seq % 100 <> 42": seq % 100 != 42,
            "cont": row["calldate"] <= last and often[row["dst"]] >= 8,
            "several": seq % 2 == 0 and seq % 7 == 1 and seq % 300 >= 10,
        }[rule]

    everything = await ask(database, page())
    often: dict[str, int] = {}
    for row in everything:
        if row["calldate"] <= last:
            often[row["dst"]] = often.get(row["dst"], 0) + 1
    expected = [row["guid"] for row in everything if fits(row)]
    assert expected
    assert [row["guid"] for row in await ask(database, page(**wanted))] == expected


async def test_a_caller_sees_the_records_of_his_campaigns(database: Database) -> None:
    assert {row["campaign"] for row in await ask(database, page(), {"power<-"})} == {"POWER<-"}
    assert await ask(database, page(), frozenset()) == []


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({}, "cdr_repo_records"),
        ({"calldatei": "2026-01-03", "calldatef": "2026-01-04"}, "cdr_repo_records"),
        ({"campaign": "Ventas->", "calldatei": "2026-01-03"}, "cdr_repo_campaign_records"),
        ({"agent": "agent3", "campaign": "Ventas->"}, "cdr_repo_agent_records"),
        ({"source": "18882"}, "cdr_repo_source_records"),
        ({"destination": "09942"}, "cdr_repo_number_records"),
        ({"data": "good"}, "cdr_repo_tags"),
    ],
)
async def test_the_page_comes_out_of_an_index_in_its_order(
    database: Database, wanted: dict[str, Any], index: str
) -> None:
    sql, args = page_query(page(100, 50, **wanted), None)
    async with database.session() as session:
        plan = await session.rows("EXPLAIN " + sql, args)
    inner = [row for row in plan if row["table"] == "k"]
    assert [row["key"] for row in inner] == [index]
    joined = [row for row in plan if row["table"] == "c"]
    assert [row["key"] for row in joined] == ["PRIMARY"]
    # Two spellings of one number are sorted together, and what is tagged: few rows.
    if not {"destination", "data"} & wanted.keys():
        assert "filesort" not in (inner[0]["Extra"] or "")


async def test_who_reads_on_goes_on_behind_the_last_row(database: Database) -> None:
    first = await ask(database, page(0, 100))
    after = After(first[-1]["calldate"], first[-1]["id"])
    sql, args = page_query(page(100, 100), None, after)
    async with database.session() as session:
        following = await session.rows(sql, args)
        [inner] = [row for row in await session.rows("EXPLAIN " + sql, args) if row["table"] == "k"]
    assert [row["guid"] for row in following] == [row["guid"] for row in await ask(database, page(100, 100))]
    assert (inner["key"], inner["type"]) == ("cdr_repo_records", "range")


async def test_numbers_that_appear_often_are_counted_in_an_index_alone(database: Database) -> None:
    sql, args = page_query(page(cont="3"), None)
    async with database.session() as session:
        plan = await session.rows("EXPLAIN " + sql, args)
    [counted] = [row for row in plan if row["table"] == "n"]
    assert counted["key"] == "cdr_repo_number_records"
    assert "Using index" in counted["Extra"]


def _wav(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16_000))


GUID = "7e4e7db9-f080-494e-b04b-7c8e47711558"


async def test_a_recording_becomes_an_mp3_beside_it_once(tmp_path: Path) -> None:
    assert shutil.which("ffmpeg"), "install ffmpeg: make test does it"
    day = tmp_path / "2016-01-18"
    _wav(day / f"{GUID}.wav")
    files = Recordings(tmp_path)
    await files.to_mp3(GUID, "20160118")
    made = files.find(f"{GUID}.mp3", "20160118")
    assert made == day / f"{GUID}.mp3"
    first = made.stat()
    assert made.read_bytes()[:2] in (b"ID", b"\xff\xfb", b"\xff\xf3", b"\xff\xe3")
    await files.to_mp3(GUID, "20160118")
    assert made.stat().st_mtime_ns == first.st_mtime_ns
    assert sorted(os.listdir(day)) == [f"{GUID}.mp3", f"{GUID}.wav"]


async def test_gsm_as_asterisk_writes_it_becomes_an_mp3(tmp_path: Path) -> None:
    frame = bytes.fromhex("d2") + bytes(32)  # one frame of silence: GSM 06.10, 33 bytes
    (tmp_path / f"{GUID}.gsm").write_bytes(frame * 100)
    files = Recordings(tmp_path)
    await files.to_mp3(GUID, "20160118")
    assert files.find(f"{GUID}.mp3") == tmp_path / f"{GUID}.mp3"


async def test_what_is_no_audio_or_not_there_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    files = Recordings(tmp_path)
    with pytest.raises(Refused, match="no recording"):
        await files.to_mp3(GUID, "")
    (tmp_path / f"{GUID}.wav").write_text("#EXTM3U\nfile:///etc/passwd\n")
    with pytest.raises(Refused, match="converted"):
        await files.to_mp3(GUID, "")
    assert os.listdir(tmp_path) == [f"{GUID}.wav"]
    with pytest.raises(Refused, match="cannot be run"):
        await Recordings(tmp_path, "/nowhere/ffmpeg").to_mp3(GUID, "")


def test_nothing_outside_the_folder_is_found(tmp_path: Path) -> None:
    (tmp_path / "secret.wav").write_text("x")
    root = tmp_path / "records"
    root.mkdir()
    (root / "link.wav").symlink_to(tmp_path / "secret.wav")
    (root / "20160118").symlink_to(tmp_path)
    files = Recordings(root)
    assert files.find("link.wav") is None
    assert files.find("secret.wav", "20160118") is None
    for name in ("../secret.wav", "..%2fsecret.wav", "/etc/passwd"):
        with pytest.raises(FieldError):
            files.find(name)

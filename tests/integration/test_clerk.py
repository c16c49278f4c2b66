"""Sent files between disk and table: whatever dies in between, what was accepted is loaded once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import structlog

from engine.adapters.mysql import Database, dispositions, today, uploads
from engine.adapters.mysql.uploads import progress, refused_lines
from engine.adapters.upload_folder import UploadFolder
from engine.api import clerk as clerks
from engine.api.clerk import Clerk
from engine.domain.errors import FieldError, Refused
from engine.domain.integra.upload import UploadRequest
from engine.lab.mariadb import MariaDB
from engine.ports import StoreError
from tests.builders import NOW
from tests.conftest import databases, empty
from tests.stage import Names
from tests.virtual_time import clock

LINES = "".join(f"A<-;099{n:04d};;\n" for n in range(60)) + "A<-;nobody;;\n"


@pytest.fixture(scope="module")
def names(mariadb: MariaDB) -> Iterator[Names]:
    """One pair of databases for the whole module."""
    yield from databases(mariadb, __name__)


class Yard:
    """A campaign, the user who sends files, and clerks that come and go as processes do."""

    def __init__(self, database: Database, home: Path) -> None:
        self.database = database
        self.folder = UploadFolder(home)
        self.home = home

    def clerk(self) -> Clerk:
        return Clerk(self.database, clock(), self.folder, "engine-1")

    async def rows(self, sql: str) -> list[tuple[Any, ...]]:
        async with self.database.session() as session:
            return [tuple(row.values()) for row in await session.rows(sql)]

    async def run(self, sql: str) -> None:
        async with self.database.session() as session:
            await session.run(sql)

    async def take(self, text: str = LINES, name: str = "MARCH", *, zone: str = "", user: str = "ana") -> int:
        return await self.clerk().take(UploadRequest(name, "A<-", zone, 0, text.encode()), user)

    async def work(self, until: str = "done") -> None:
        """Let a clerk work until the newest upload is in a state."""
        task = asyncio.ensure_future(self.clerk().run())
        async with asyncio.timeout(30):
            while True:
                rows = await self.rows("SELECT status FROM ccdata.uploads ORDER BY id DESC LIMIT 1")
                if rows == [(until,)]:
                    break
                await asyncio.sleep(0.02)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    def files(self) -> list[str]:
        return sorted(path.name for path in self.home.iterdir()) if self.home.exists() else []


@pytest.fixture
async def yard(database: Database, tmp_path: Path) -> Yard:
    await empty(
        database, "ccdata.dialers", "ccdata.dialer_base", "ccdata.calls_spool", "ccdata.uploads",
        "ccdata.upload_lines", "ccdata.user_campaigns", "ccrepo.queue_log_repo",
    )  # fmt: skip
    yard = Yard(database, tmp_path / "uploads")
    await yard.run("INSERT INTO ccdata.dialers (campaign) VALUES ('A<-')")
    await yard.run("INSERT INTO ccdata.user_campaigns (user, campaign) VALUES ('ana', '*')")
    return yard


async def test_what_was_accepted_is_on_the_disk_until_it_is_loaded(yard: Yard) -> None:
    upload = await yard.take()
    assert len(yard.files()) == 1
    await yard.clerk().tidy()
    assert len(yard.files()) == 1
    await yard.work()
    assert yard.files() == []
    [row] = await yard.database.transaction(lambda s: progress(s, upload=upload))
    assert (row["status"], row["accepted"], row["refused"], row["username"]) == ("done", 60, 1, "ana")
    [line] = await yard.database.transaction(lambda s: refused_lines(s, upload))
    assert line["line"] == 61
    assert await yard.database.transaction(lambda s: progress(s, ["B<-"])) == []


async def test_a_load_that_dies_goes_on_at_the_next_start(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clerks, "_BATCH", 7)
    real, batches = clerks.load_file, 0

    async def dies(*args: Any, **more: Any) -> Any:
        def count(load: Any) -> None:
            nonlocal batches
            batches += 1
            if batches % 3 == 0:
                raise asyncio.CancelledError

        return await real(*args, progress=count, **more)

    monkeypatch.setattr(clerks, "load_file", dies)
    await yard.take()
    for _ in range(20):
        with suppress(asyncio.CancelledError):
            await yard.clerk()._load_one((await uploads.waiting(yard.database, "engine-1"))[0])
        if await yard.rows("SELECT status FROM ccdata.uploads") == [("done",)]:
            break
        assert len(yard.files()) == 1
    assert batches >= 9
    assert await yard.rows("SELECT COUNT(*), COUNT(DISTINCT destination) FROM ccdata.calls_spool") == [
        (60, 60)
    ]
    assert await yard.rows("SELECT lines_read, accepted, refused FROM ccdata.uploads") == [(61, 60, 1)]
    assert yard.files() == []


async def test_a_file_without_a_row_was_not_accepted_and_goes(yard: Yard) -> None:
    yard.folder.keep("half.csv", b"A<-;1;;\n")
    (yard.home / "x.csv.part").write_bytes(b"A<")
    await yard.take()
    for path in yard.home.iterdir():
        os.utime(path, times=(NOW.timestamp() - 601, NOW.timestamp() - 601))
    yard.folder.keep("fresh.csv", b"A<-;1;;\n")  # by a process that died: its row may be on its way
    await yard.clerk().tidy()
    assert len(yard.files()) == 2
    assert "half.csv" not in yard.files()
    assert "fresh.csv" in yard.files()


async def test_nothing_is_kept_of_what_is_not_accepted(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FieldError, match="campaign"):
        await yard.clerk().take(UploadRequest("L", "none", "", 0, b"none;1;;"), "ana")
    assert yard.files() == []

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(yard.folder, "keep", full)
    with pytest.raises(Refused):
        await yard.take()
    assert await yard.rows("SELECT * FROM ccdata.uploads") == []


async def test_an_answer_of_the_database_that_is_lost_keeps_the_file(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row may be there: then the sender tries again, and the file is loaded once all the same."""
    real = yard.database.transaction

    async def silent(work: Any) -> Any:
        await real(work)
        monkeypatch.setattr(yard.database, "transaction", real)
        raise StoreError("no answer within 5 s")

    monkeypatch.setattr(yard.database, "transaction", silent)
    with pytest.raises(StoreError):
        await yard.take()
    assert await yard.take() == 0
    await yard.work()
    assert await yard.rows("SELECT COUNT(*) FROM ccdata.calls_spool") == [(60,)]
    assert len(await yard.rows("SELECT id FROM ccdata.uploads")) == 1


async def test_a_file_that_is_gone_or_no_text_is_refused_and_the_next_one_loaded(yard: Yard) -> None:
    await yard.take()
    (yard.home / yard.files()[0]).unlink()
    await yard.clerk().take(UploadRequest("WIDE", "A<-", "", 0, "A<-;1;;".encode("utf-16")), "ana")
    await yard.take("A<-;0981;;\n", "NEXT")
    await yard.work()
    rows = await yard.rows("SELECT list, status, message FROM ccdata.uploads ORDER BY id")
    assert [(name, status) for name, status, _ in rows] == [
        ("MARCH", "refused"), ("WIDE", "refused"), ("NEXT", "done"),
    ]  # fmt: skip
    assert "gone" in rows[0][2]
    assert "UTF-16" in rows[1][2]
    assert yard.files() == []


async def test_a_row_that_comes_after_its_answer_was_given_up_still_has_its_file(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit waits in the server, behind a backup or in a cluster, for longer than we do."""
    real = yard.database.transaction
    late: list[Any] = []

    async def slow(work: Any) -> Any:
        late.append(work)
        monkeypatch.setattr(yard.database, "transaction", real)
        raise StoreError("no answer within 5 s")

    monkeypatch.setattr(yard.database, "transaction", slow)
    with pytest.raises(StoreError):
        await yard.take()
    await real(late[0])
    assert await yard.take() == 0
    await yard.work()
    assert await yard.rows("SELECT COUNT(*) FROM ccdata.calls_spool") == [(60,)]


async def test_a_file_that_cannot_be_read_now_is_loaded_when_it_can(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clerks, "PERIOD", 0.02)
    await yard.take()
    [name] = yard.files()
    (yard.home / name).rename(yard.home / "away")
    (yard.home / name).symlink_to(yard.home / name)  # the system's word: too many levels of links
    await yard.take("A<-;0981;;\n", "NEXT")
    with structlog.testing.capture_logs() as said:
        await yard.work()
        rows = await yard.rows("SELECT list, status FROM ccdata.uploads ORDER BY id")
        assert rows == [("MARCH", "waiting"), ("NEXT", "done")]
    assert any(line["action"] == "uploads.disk" for line in said)
    (yard.home / name).unlink()
    (yard.home / "away").rename(yard.home / name)
    await yard.clerk()._load_one((await uploads.waiting(yard.database, "engine-1"))[0])
    assert await yard.rows("SELECT DISTINCT status FROM ccdata.uploads") == [("done",)]
    assert await yard.rows("SELECT COUNT(*) FROM ccdata.calls_spool") == [(61,)]


async def test_a_fault_of_ours_refuses_the_file_and_logs_nothing_of_what_is_in_it(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(*_: Any, **__: Any) -> Any:
        raise KeyError("0990001 Ana")

    monkeypatch.setattr(clerks, "load_file", breaks)
    await yard.take()
    with structlog.testing.capture_logs() as said:
        await yard.work("refused")
    [line] = [line for line in said if line["action"] == "uploads.failed"]
    assert line["fault"].startswith("KeyError in breaks:")
    assert "0990001" not in str(said)
    assert "exc_info" not in line


GOOD = LINES.removesuffix("A<-;nobody;;\n")


async def test_the_same_file_later_is_another_upload(yard: Yard) -> None:
    await yard.take(GOOD)
    assert await yard.take(GOOD) == 0
    await yard.work()
    assert await yard.take(GOOD) == 0
    await yard.run("UPDATE ccdata.uploads SET updated_at = updated_at - INTERVAL 1 HOUR")
    assert await yard.take(GOOD) > 0
    await yard.work()
    counts = await yard.rows("SELECT accepted, refused FROM ccdata.uploads ORDER BY id")
    assert counts == [(60, 0), (0, 60)]


@pytest.mark.parametrize("change", [{"zone": "America/Bogota"}, {"user": "eva"}])
async def test_the_same_file_otherwise_sent_is_another_upload(yard: Yard, change: dict[str, str]) -> None:
    first = await yard.take(GOOD)
    second = await yard.take(GOOD, **change)
    assert second > first
    assert await yard.take(GOOD, **change) == 0
    await yard.work()
    assert await yard.rows("SELECT timezone FROM ccdata.dialer_base") == [(change.get("zone", ""),)]


async def test_a_file_of_which_lines_were_refused_may_come_again_when_the_cause_is_mended(yard: Yard) -> None:
    text = GOOD + "B<-;0981234;;\n"
    await yard.take(text)
    await yard.work()
    await yard.run("INSERT INTO ccdata.dialers (campaign) VALUES ('B<-')")
    await yard.run("DELETE FROM ccdata.calls_spool")  # all were called meanwhile: nobody is called again
    for _ in range(2):
        assert await yard.take(text) > 0
        await yard.work()
        assert await yard.rows("SELECT campaign, destination FROM ccdata.calls_spool") == [("B<-", "0981234")]
    told = await yard.rows("SELECT DISTINCT reason FROM ccdata.upload_lines WHERE reason LIKE 'line%'")
    assert told
    assert all(reason.endswith("has loaded it") for (reason,) in told)


async def test_the_day_is_read_from_the_queue_log(yard: Yard) -> None:
    for moment, event, data1, data2, data3 in (
        ("2026-03-04 00:00:00", "COMPLETEAGENT", "8", "40", "1"),
        ("2026-03-04 12:00:00", "COMPLETECALLER", "8", "2", "1"),
        ("2026-03-04 12:00:00", "ABANDON", "1", "1", "15"),
        ("2026-03-04 12:00:01", "EXITWITHTIMEOUT", "1", "1", "30"),
        ("2026-03-04 12:00:01", "CONNECT", "1", "x", "30"),
        ("2026-03-04 12:00:02", "TRANSFER", "", "", "6"),
        ("2026-03-03 23:59:59", "ABANDON", "1", "1", "9"),
    ):
        await yard.run(
            "INSERT INTO ccrepo.queue_log_repo (datetime, queuename, event, data1, data2, data3, data4)"
            f" VALUES ('{moment}', 'A<-', '{event}', '{data1}', '{data2}', '{data3}', '20')"
        )
    [(name, day)] = (await today.day_figures(yard.database, date(2026, 3, 4))).items()
    assert (name, dict(day.holds), dict(day.lost), day.talked) == ("A<-", {8: 2, 6: 1}, {15: 1, 30: 1}, 62)


@pytest.mark.parametrize(
    ("sql", "args", "table", "index"),
    [
        (dispositions.RIPE, (), "d", "disposition_repo_waiting"),
        (uploads.WAITING, ("engine-1",), "uploads", "uploads_waiting"),
        (today.TODAY, ("2026-03-04", "2026-03-05"), "queue_log_repo", "queue_log_repo_time"),
    ],
)
async def test_what_is_asked_every_second_or_at_the_start_has_its_index(
    yard: Yard, sql: str, args: tuple[Any, ...], table: str, index: str
) -> None:
    async with yard.database.session() as session:
        plan = await session.rows("EXPLAIN " + sql, args)
    assert [row["key"] for row in plan if row["table"] == table] == [index]

"""The journal on disk: full and damaged disks, torn lines, living and dead owners."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.adapters import journal as journal_module
from engine.adapters.journal import FileJournal, JournalFolder
from engine.domain.entries import Entry
from engine.domain.records import QueueLogRow
from tests.builders import NOW, QUEUE


def rows(count: int, first: int = 0) -> list[Entry]:
    return [QueueLogRow(NOW, f"call-{n}", QUEUE, "NONE", "ENTERQUEUE") for n in range(first, first + count)]


def named(*numbers: int) -> list[str]:
    return [f"call-{n}" for n in numbers]


def head(journal: FileJournal, limit: int = 100) -> list[str]:
    batch = journal.head(limit)
    return [] if batch is None else [written.entry.call for written in batch.entries]  # type: ignore[union-attr]


def written_out(journal: FileJournal, limit: int = 100) -> list[str]:
    """Settle everything, batch by batch; return what came."""
    found: list[str] = []
    while batch := journal.head(limit):
        found += [written.entry.call for written in batch.entries]  # type: ignore[union-attr]
        journal.settled(batch.last)
    assert journal.pending == 0
    return found


class Owner:
    """A folder of journals and the one that this process writes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = JournalFolder(path)
        self.journal = self.folder.own()

    @property
    def file(self) -> Path:
        return self.path / f"{self.journal.id}.journal"

    @property
    def aside(self) -> Path:
        return self.path / f"{self.journal.id}.refused"

    def die(self) -> FileJournal:
        """Let this process die; return its journal as the next one finds it."""
        os.close(self.journal._file)
        [orphan] = JournalFolder(self.path).orphans()
        return orphan

    def spoil(self, line: int) -> None:
        """Turn some letters of a line on disk (0 is the first) into others."""
        lines = self.file.read_bytes().splitlines(keepends=True)
        lines[line] = lines[line].replace(b"ENTERQUEUE", b"XXXXXQUEUE")
        with self.file.open("r+b") as file:
            file.write(b"".join(lines))


@pytest.fixture
def owner(tmp_path: Path) -> Owner:
    return Owner(tmp_path / "journal")


class Disk:
    """`os.write` and `os.ftruncate` of the journal, on a disk that a test fills."""

    def __init__(self) -> None:
        self.room: int | None = None
        self.read_only = False
        self.stuck = False

    def write(self, descriptor: int, data: bytes) -> int:
        if self.read_only:
            raise OSError(30, "Read-only file system")
        if self.room is None:
            return _write(descriptor, data)
        if self.room == 0:
            raise OSError(28, "No space left on device")
        return _write(descriptor, data[: self.room])

    def ftruncate(self, descriptor: int, size: int) -> None:
        if self.read_only or self.stuck:
            raise OSError(5, "Input/output error")
        _ftruncate(descriptor, size)


_write, _ftruncate = os.write, os.ftruncate


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(journal_module.os, "write", disk.write)
    monkeypatch.setattr(journal_module.os, "ftruncate", disk.ftruncate)
    return disk


def test_the_torn_last_line_of_a_dead_process_is_set_aside_and_the_rest_written(owner: Owner) -> None:
    owner.journal.append(1, rows(3))
    with owner.file.open("r+b") as file:
        file.truncate(owner.file.stat().st_size - 20)
    orphan = owner.die()
    assert orphan.pending == 2
    assert written_out(orphan) == named(0, 1)
    orphan.close()
    assert not owner.file.exists()
    assert "call-2" in owner.aside.read_text()


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize("line", [0, 1, 4])
def test_a_damaged_line_is_set_aside_once_and_keeps_nothing_else_back(
    owner: Owner, line: int, limit: int
) -> None:
    owner.journal.append(1, rows(5))
    owner.spoil(line)
    orphan = owner.die()
    for _ in range(5):
        orphan.head(limit)  # the database is away: asked for again and again
    assert written_out(orphan, limit) == named(*(n for n in range(5) if n != line))
    orphan.close()
    assert not owner.file.exists()
    assert owner.aside.read_text().count("XXXXXQUEUE") == 1


@pytest.mark.parametrize("lines", [(0, 1, 2), (2,), (1, 2)])
def test_a_running_engine_gets_over_damage_to_its_own_file(owner: Owner, lines: tuple[int, ...]) -> None:
    owner.journal.append(1, rows(3))
    for line in lines:
        owner.spoil(line)
    assert written_out(owner.journal, 2) == named(*(n for n in range(3) if n not in lines))
    assert owner.aside.read_text().count("XXXXXQUEUE") == len(lines)
    owner.journal.append(1, rows(1, first=3))
    assert written_out(owner.journal) == named(3)


def test_an_entry_that_the_tables_refuse_is_set_aside_where_a_person_finds_it(owner: Owner) -> None:
    owner.journal.append(1, rows(1))
    batch = owner.journal.head(1)
    assert batch is not None
    owner.journal.refused(batch.entries[0], "1406: data too long")
    owner.journal.settled(batch.last)
    assert (owner.journal.pending, owner.aside.read_text().count("call-0")) == (0, 1)


@pytest.mark.parametrize("room", [0, 30, 300])
def test_on_a_full_disk_entries_stay_in_memory_in_order_and_are_written_later(
    owner: Owner, disk: Disk, room: int
) -> None:
    owner.journal.append(1, rows(2))
    disk.room = room
    owner.journal.append(1, rows(2, first=2))
    assert "the journal cannot be written" in owner.journal.fault
    owner.journal.append(1, rows(1, first=4))
    assert (owner.journal.pending, head(owner.journal)) == (5, named(0, 1, 2, 3, 4))
    assert head(owner.journal, 3) == named(0, 1, 2)
    owner.journal.settled(3)
    assert head(owner.journal) == named(3, 4)
    disk.room = None
    owner.journal.append(1, rows(1, first=5))
    assert owner.journal.fault == ""
    assert head(owner.die()) == named(0, 1, 3, 4, 5), "what was settled in memory never got to disk"


def test_what_the_database_takes_while_the_disk_is_full_is_not_asked_of_it_again(
    owner: Owner, disk: Disk
) -> None:
    disk.room = 0
    owner.journal.append(1, rows(3))
    assert written_out(owner.journal, 2) == named(0, 1, 2)
    disk.room = None
    owner.journal.append(1, rows(1, first=3))
    assert (owner.journal.fault, head(owner.journal)) == ("", named(3))


def test_a_disk_that_has_room_again_while_a_batch_is_under_way_loses_and_doubles_nothing(
    owner: Owner, disk: Disk
) -> None:
    disk.room = 0
    owner.journal.append(1, rows(3))
    batch = owner.journal.head(2)
    assert batch is not None
    disk.room = None
    owner.journal.append(1, rows(1, first=3))
    owner.journal.settled(batch.last)
    assert written_out(owner.journal) == named(2, 3)


def test_a_damaged_line_and_a_full_disk_together_skip_no_entry(owner: Owner, disk: Disk) -> None:
    owner.journal.append(1, rows(3))
    owner.spoil(1)
    disk.room = 0
    owner.journal.append(1, rows(1, first=3))
    assert written_out(owner.journal, 2) == named(0, 2, 3)


def test_a_disk_that_becomes_read_only_stops_dialling_and_nothing_else(owner: Owner, disk: Disk) -> None:
    owner.journal.append(1, rows(1))
    disk.read_only = True
    owner.journal.append(1, rows(1, first=1))
    assert "Read-only file system" in owner.journal.fault
    assert written_out(owner.journal) == named(0, 1)
    assert owner.journal.fault, "it is read-only still"
    disk.read_only = False
    assert head(owner.journal) == []
    assert owner.journal.fault == ""


@pytest.mark.parametrize("half", [0, 30])
def test_a_disk_that_was_full_is_seen_to_have_room_without_a_further_entry(
    owner: Owner, disk: Disk, half: int
) -> None:
    """Dialling waits for it, and what is not dialled brings no entry."""
    owner.journal.append(1, rows(1))
    disk.room = half
    owner.journal.append(1, rows(1, first=1))
    assert written_out(owner.journal) == named(0, 1)
    assert owner.journal.head(1) is None
    assert "no" in owner.journal.fault.lower(), "it is full still"
    disk.room = None
    assert owner.journal.head(1) is None
    assert owner.journal.fault == ""
    owner.journal.append(1, rows(1, first=2))
    assert head(owner.die()) == named(0, 2), "nothing of the trial is left in the file"


def test_a_line_never_begins_behind_half_of_another(owner: Owner, disk: Disk) -> None:
    """What a failed write left could not be taken back at once."""
    owner.journal.append(1, rows(1))
    disk.room, disk.stuck = 30, True
    owner.journal.append(1, rows(1, first=1))
    assert owner.journal.fault
    disk.room = None
    owner.journal.append(1, rows(1, first=2))
    assert owner.journal.fault, "the half is still there"
    disk.stuck = False
    owner.journal.append(1, rows(1, first=3))
    assert owner.journal.fault == ""
    assert head(owner.die()) == named(0, 1, 2, 3)


def test_a_large_file_begins_anew_once_everything_in_it_is_settled(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "_LARGE", 2000)
    owner.journal.append(1, rows(50))
    assert owner.file.stat().st_size > 2000
    head(owner.journal, 49)
    owner.journal.settled(49)
    assert owner.file.stat().st_size > 2000, "one is not settled yet"
    assert written_out(owner.journal) == named(49)
    assert owner.file.stat().st_size == 0
    owner.journal.append(1, rows(2, first=50))
    orphan = owner.die()
    assert orphan.pending == 2
    batch = orphan.head(5)
    assert batch is not None
    assert [written.number for written in batch.entries] == [51, 52], "their numbers go on"


async def test_syncing_changes_nothing(owner: Owner) -> None:
    owner.journal.append(1, rows(2))
    await owner.journal.sync()
    assert head(owner.journal) == named(0, 1)


def test_a_clean_end_leaves_no_file_and_any_other_leaves_what_is_not_written(owner: Owner) -> None:
    assert owner.file.exists()
    owner.journal.append(1, rows(1))
    owner.journal.close()
    assert owner.file.exists()
    folder = JournalFolder(owner.path)
    [orphan] = folder.orphans()
    assert written_out(orphan) == named(0)
    orphan.close()
    folder.own().close()
    assert list(owner.path.iterdir()) == []


_CHILD = """
import sys
from pathlib import Path
from engine.adapters.journal import JournalFolder
from tests.unit.test_journal import rows
journal = JournalFolder(Path(sys.argv[1])).own()
journal.append(1, rows(2))
print(journal.id, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def child(owner: Owner) -> Iterator[Callable[[], None]]:
    """Another engine process with two entries; call it to kill that process."""
    process = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(owner.path)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    assert process.stdout.readline()

    def kill() -> None:
        process.kill()
        process.wait()

    yield kill
    kill()
    process.stdin.close()
    process.stdout.close()


def test_a_living_process_keeps_its_journal_and_a_killed_one_leaves_it(
    owner: Owner, child: Callable[[], None]
) -> None:
    assert owner.folder.orphans() == []
    child()
    [orphan] = owner.folder.orphans()
    assert head(orphan) == named(0, 1)
    assert owner.folder.orphans() == [], "nor does it come twice"
    assert JournalFolder(owner.path).orphans() == [], "another engine leaves it to us"


def test_a_journal_that_its_owner_gives_up_at_this_moment_is_nobodys_orphan(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was written and forgotten must not be written again from a file that is gone."""
    owner.journal.append(1, rows(2))
    assert written_out(owner.journal) == named(0, 1)
    other = JournalFolder(owner.path)
    lock = journal_module._lock

    def late(descriptor: int) -> bool:
        monkeypatch.setattr(journal_module, "_lock", lock)
        owner.journal.close()
        return lock(descriptor)

    monkeypatch.setattr(journal_module, "_lock", late)
    assert other.orphans() == []


def test_files_of_others_are_left_alone(owner: Owner) -> None:
    (owner.path / "notes.txt").write_text("not a journal")
    (owner.path / "empty.journal").touch()
    (owner.path / "strange.journal").write_text("not\na journal\n")
    found = {journal.id: journal for journal in owner.folder.orphans()}
    assert set(found) == {"empty", "strange"}
    for journal in found.values():
        assert written_out(journal) == []
        journal.close()
    assert (owner.path / "strange.refused").read_text() == "not\na journal\n"
    assert sorted(path.suffix for path in owner.path.iterdir()) == [".journal", ".refused", ".txt"]

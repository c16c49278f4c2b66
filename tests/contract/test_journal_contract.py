"""What every Journal must do, asked of the double and of FileJournal alike."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from engine.adapters.journal import FileJournal, JournalFolder
from engine.domain.entries import Entry, Written
from engine.domain.model import AttemptId
from engine.domain.records import QueueLogRow
from engine.ports import Journal, Journals
from tests import builders as b
from tests.builders import NOW, QUEUE, later
from tests.contract.store_desks import LOST, TALKED, finished, so_far
from tests.doubles import MemoryJournal, MemoryJournals


class Machine:
    """The journals of one machine, as one engine process after the other finds them."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._memory = MemoryJournals()
        self._inherited: list[Journal] = []
        self.running: Journals = JournalFolder(folder) if folder else self._memory

    def orphans(self) -> list[Journal]:
        """Let the running process look for orphans."""
        found = list(self.running.orphans())
        self._inherited += found
        return found

    def next_process(self) -> None:
        """Let the process die without a word, and another one start."""
        if self._folder is None:
            left = [journal for journal in self._inherited if journal.pending]
            self._memory = self._memory.after()
            self._memory.left += [journal for journal in left if isinstance(journal, MemoryJournal)]
            self.running = self._memory
        else:
            for journal in (self.running.own(), *(one for one in self._inherited if one.pending)):
                assert isinstance(journal, FileJournal)
                os.close(journal._file)
            self.running = JournalFolder(self._folder)
        self._inherited = []


@pytest.fixture(params=["double", "file"])
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    return Machine(tmp_path / "journal" if request.param == "file" else None)


@pytest.fixture
def journal(machine: Machine) -> Journal:
    return machine.running.own()


def rows(count: int, first: int = 0) -> list[Entry]:
    return [QueueLogRow(NOW, f"call-{n}", QUEUE, "NONE", "ENTERQUEUE") for n in range(first, first + count)]


def head(journal: Journal, limit: int = 100) -> list[tuple[int, Entry]]:
    """Return number and entry of the oldest that are not settled."""
    batch = journal.head(limit)
    return [] if batch is None else [(written.number, written.entry) for written in batch.entries]


def names(journal: Journal, limit: int = 100) -> list[str]:
    return [entry.call for _, entry in head(journal, limit) if isinstance(entry, QueueLogRow)]


AWKWARD = (
    "\"quotes\" and 'quotes'",
    "two\nlines\r\nand\ttabs\x00\x1f",
    "emoji 🙂 and ünïcödë \u2028 \x85",
    "backslash \\ and {json: [1, 2]}",
    "x" * 4000,
    "",
)


def every_kind(text: str) -> list[Entry]:
    """Return one entry of each kind, with `text` wherever it may stand."""
    contact = b.a_contact(data=text, reference=text)
    attempt = b.an_attempt(contact)
    return [
        so_far(attempt, b.ringing(), b.answered()),
        QueueLogRow(later(0.123456), AttemptId(text), text, text, "CONNECT", (text, "2", text)),
        finished(attempt, *TALKED),
        finished(attempt, *LOST),
        finished(attempt, b.refused(text=text)),
    ]


async def test_entries_come_back_in_order_with_their_tokens_until_they_are_settled(journal: Journal) -> None:
    assert (journal.head(5), journal.pending, journal.fault) == (None, 0, "")
    journal.append(1, rows(2))
    journal.append(2, rows(1, first=2))
    batch = journal.head(5)
    assert batch is not None
    assert (batch.journal, batch.last) == (journal.id, 3)
    assert list(batch.entries) == [
        Written(number, fence, entry)
        for number, fence, entry in zip((1, 2, 3), (1, 1, 2), rows(3), strict=True)
    ]
    assert journal.head(5) == batch, "asked again, the same"
    journal.settled(3)
    assert (journal.head(5), journal.pending) == (None, 0)


async def test_a_part_that_is_settled_does_not_come_again(journal: Journal) -> None:
    journal.append(1, rows(5))
    assert names(journal, 2) == ["call-0", "call-1"]
    journal.settled(2)
    assert journal.pending == 3
    journal.append(1, rows(2, first=5))
    assert names(journal, 4) == ["call-2", "call-3", "call-4", "call-5"]
    journal.settled(3)
    assert names(journal) == ["call-3", "call-4", "call-5", "call-6"]
    journal.settled(7)
    journal.append(1, rows(1, first=7))
    assert head(journal) == [(8, rows(1, first=7)[0])], "the numbers go on"


@pytest.mark.parametrize("text", AWKWARD)
async def test_what_a_dead_process_left_is_found_word_for_word(machine: Machine, text: str) -> None:
    journal = machine.running.own()
    entries = every_kind(text)
    journal.append(7, entries)
    machine.next_process()
    [orphan] = machine.orphans()
    assert (orphan.id, orphan.pending) == (journal.id, len(entries))
    batch = orphan.head(100)
    assert batch is not None
    assert [written.entry for written in batch.entries] == entries
    assert {written.fence for written in batch.entries} == {7}


async def test_an_orphan_is_found_once_and_gone_after_it_was_written_out(machine: Machine) -> None:
    machine.running.own().append(1, rows(3))
    machine.next_process()
    [orphan] = machine.orphans()
    assert machine.orphans() == [], "it is ours from the first time on"
    while batch := orphan.head(2):
        orphan.settled(batch.last)
    orphan.close()
    machine.next_process()
    assert not any(found.pending for found in machine.orphans())


async def test_an_orphan_that_was_not_written_out_is_left_to_the_next_process(machine: Machine) -> None:
    machine.running.own().append(1, rows(3))
    machine.next_process()
    [orphan] = machine.orphans()
    orphan.head(2)
    machine.next_process()
    found = [other for other in machine.orphans() if other.pending]
    assert [names(other) for other in found] == [["call-0", "call-1", "call-2"]]


async def test_a_journal_with_a_long_past_is_numbered_on_by_whoever_finds_it(machine: Machine) -> None:
    journal = machine.running.own()
    journal.append(1, rows(500))
    batch = journal.head(450)
    assert batch is not None
    journal.settled(batch.last)
    machine.next_process()
    [orphan] = machine.orphans()
    found = orphan.head(1000)
    assert found is not None
    assert found.last == 500
    assert [written.number for written in found.entries][-50:] == list(range(451, 501))

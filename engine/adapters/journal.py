"""The Journal port on disk: one append-only file per engine process, held by a lock while it lives.

A line is a CRC-32 in hex, a space, and the entry as JSON. A process that dies leaves its file
unlocked; the next engine on the machine finds it, writes what is left into the tables and removes it.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import uuid
import zlib
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import structlog
from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from engine.domain.entries import Entry, Written
from engine.ports import Batch

log = structlog.get_logger(__name__)

#: Once everything in it is in the tables, a file of this size (bytes) begins anew.
_LARGE = 4 * 1024 * 1024
_CHUNK = 256 * 1024
#: What a disk that was full is tried with.
_TRIAL = b" " * 16 * 1024
_FORMAT: TypeAdapter[Written] = TypeAdapter(Written)


class FileJournal:
    """One journal. Invariant: lines on disk are whole and in order; what does not get there (disk
    full) follows them in `_held`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self.id = path.stem
        self._path = path
        self._file = descriptor
        self._size = os.fstat(descriptor).st_size
        #: Where the oldest line lies that is not settled.
        self._start = 0
        self._held: deque[bytes] = deque()
        #: Of the lines on disk that `head` went through last: number and where they end.
        self._given: deque[tuple[int, int]] = deque()
        self._number = 0
        self._settled = 0
        self._fault = ""
        self._syncing = False
        #: Does half a line lie at the end, left by a write that failed?
        self._torn = False
        #: Up to here damaged lines have been set aside.
        self._searched = 0

    @property
    def fault(self) -> str:
        return self._fault

    @property
    def pending(self) -> int:
        return self._number - self._settled

    @property
    def size(self) -> int:
        return self._size

    def append(self, fence: int, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._number += 1
            self._held.append(_line(Written(self._number, fence, entry)))
        self._store()

    def _store(self) -> None:
        """Bring what is held to disk, whole or not at all."""
        data = b"".join(self._held)
        if not data and not self._fault:
            return
        try:
            self._write(data or _TRIAL)
            if not data:
                # What the disk did not take the database has, so this was only to see whether there is room.
                os.ftruncate(self._file, self._size)
        except OSError as error:
            if not self._fault:
                log.error("journal cannot be written", action="journal.failing", reason=str(error))
            self._fault = f"the journal cannot be written: {error.strerror}"
            return
        self._torn = False
        self._size += len(data)
        self._held.clear()
        if self._fault:
            log.info("journal is being written again", action="journal.recovered")
        self._fault = ""

    def _write(self, data: bytes) -> None:
        if self._torn:
            os.ftruncate(self._file, self._size)
        self._torn = True
        if os.write(self._file, data) < len(data):
            raise OSError(0, "no room for all of it")

    def head(self, limit: int) -> Batch | None:
        self._store()
        found: list[Written] = []
        self._given.clear()
        end, number = self._start, self._settled
        while len(found) < limit and (lines := _lines(self._file, end, self._size, limit - len(found))):
            for raw in lines:
                end += len(raw)
                written = _read(raw)
                if written is None:
                    self._damaged(raw, end)  # it goes with the line before it
                elif written.number > self._settled:
                    number = written.number
                    found.append(written)
                self._given.append((number, end))
        # Only behind the last line on disk comes what is held: the order is kept.
        for raw in list(self._held)[: limit - len(found)]:
            found.append(_FORMAT.validate_json(raw[9:]))
        if not found:
            self._nothing_left()
        return Batch(self.id, tuple(found)) if found else None

    def _nothing_left(self) -> None:
        """No entry can be read any more: nobody must wait for those that were damaged."""
        if self.pending:
            log.error("entries of the journal are lost", action="journal.lost", entries=self.pending)
        self._start, self._settled = self._size, self._number

    def settled(self, number: int) -> None:
        while self._given and self._given[0][0] <= number:
            self._start = self._given.popleft()[1]
        held = len(self._held) - max(self._number - number, 0)
        for _ in range(max(held, 0)):
            self._held.popleft()
        self._settled = max(self._settled, number)
        if self._start == self._size and self._size > _LARGE and not self._syncing:
            self._begin_anew()

    def _begin_anew(self) -> None:
        try:
            os.ftruncate(self._file, 0)
        except OSError as error:
            log.error("journal cannot be shortened", action="journal.failing", reason=str(error))
        else:
            self._start = self._size = self._searched = 0

    def refused(self, written: Written, reason: str) -> None:
        self._set_aside(_line(written), reason)

    def _damaged(self, raw: bytes, end: int) -> None:
        """Set aside a line that ends at `end`, once, however often it is met."""
        if end > self._searched:
            self._searched = end
            self._set_aside(raw, "damaged on disk")

    def _set_aside(self, raw: bytes, reason: str) -> None:
        aside = self._path.with_suffix(".refused")
        log.error(
            "an entry of the journal was set aside",
            action="journal.set_aside",
            file=str(aside),
            reason=reason,
        )
        try:
            with aside.open("ab") as file:
                file.write(raw.rstrip(b"\n") + b"\n")
        except OSError as error:
            log.error("nor could it be set aside", action="journal.lost", reason=str(error))

    async def sync(self) -> None:
        self._syncing = True
        try:
            await asyncio.to_thread(os.fdatasync, self._file)
        except OSError as error:
            log.error("journal not synced", action="journal.failing", reason=str(error))
        finally:
            self._syncing = False

    def count(self) -> None:
        """Learn, of a file that another process left, where it stands: its lines are not settled."""
        last = 0
        first = 0
        for raw in _lines(self._file, 0, self._size, None):
            written = _read(raw)
            if written is not None:
                first = first or written.number
                last = written.number
        self._number, self._settled = last, max(first - 1, 0)

    def close(self) -> None:
        if not self.pending:
            self.head(1000)  # damaged lines may be left behind the last good one
            try:
                self._path.unlink(missing_ok=True)
            except OSError as error:
                log.error("journal not removed", action="journal.failing", reason=str(error))
        os.close(self._file)


class JournalFolder:
    """The Journals port: the files of one folder, which all engines of the machine share."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError when the folder can be neither made nor written."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._own = self._create()

    def _create(self) -> FileJournal:
        while True:
            path = self._folder / f"{uuid.uuid4()}.journal"
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
            if _lock(descriptor):
                return FileJournal(path, descriptor)
            os.close(descriptor)  # somebody who looked for orphans was quicker; it is his to remove

    def own(self) -> FileJournal:
        return self._own

    def orphans(self) -> list[FileJournal]:
        found = []
        for path in sorted(self._folder.glob("*.journal")):
            if path.stem == self._own.id:
                continue
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
            except OSError:
                continue  # gone meanwhile, or not ours to read
            # Who was just giving it up has removed it: what is in it is in the tables, and forgotten there.
            if not _lock(descriptor) or not os.fstat(descriptor).st_nlink:
                os.close(descriptor)
                continue
            journal = FileJournal(path, descriptor)
            journal.count()
            found.append(journal)
        return found


def _lock(descriptor: int) -> bool:
    """Hold the file until the descriptor is closed or the process ends; False when another does."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _line(written: Written) -> bytes:
    try:
        data = _FORMAT.dump_json(written)
    except PydanticSerializationError:
        # Half a character, which no encoding has: a '?' in its place is better than no entry.
        text = json.dumps(_FORMAT.dump_python(written, mode="json"), ensure_ascii=False)
        data = text.encode("utf-8", "replace")
    return b"%08x %s\n" % (zlib.crc32(data), data)


def _read(raw: bytes) -> Written | None:
    """Return the entry of a line; None for a damaged one."""
    try:
        if not raw.endswith(b"\n") or int(raw[:8], 16) != zlib.crc32(raw[9:-1]):
            return None
        return _FORMAT.validate_json(raw[9:-1])
    except ValueError:
        return None


def _lines(descriptor: int, start: int, end: int, limit: int | None) -> list[bytes]:
    """Return up to `limit` lines from `start` on, the last one perhaps torn; None: all."""
    lines: list[bytes] = []
    rest = b""
    while start < end and (limit is None or len(lines) < limit):
        data = os.pread(descriptor, min(_CHUNK, end - start), start)
        if not data:
            break
        start += len(data)
        *whole, rest = (rest + data).split(b"\n")
        lines += [line + b"\n" for line in whole]
    if rest and start >= end:
        lines.append(rest)
    return lines if limit is None else lines[:limit]

"""National registries: ten million numbers in a sorted file that is searched in place.

File: a header of 16 bytes, then each number as 8 bytes, big-endian, ascending, each once. A look-up reads
some two dozen of them; the process holds none. A file that was replaced is seen at the next look-up.
"""

from __future__ import annotations

import heapq
import os
import struct
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from engine.domain.errors import FieldError

_MAGIC = b"OVERDIAL-REG-1\n\0"
_WIDTH = 8
#: Numbers sorted at once while a file is made: 8 MB.
_CHUNK = 1_000_000


class Registry:
    """One registry file. Numbers are international digits without +.

    It is read, not mapped: a file that somebody shortens must not take the engine with it. A file that is no
    registry any more raises FieldError: then nobody knows who is in it, and nobody may be called.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        self._stamp: tuple[int, int, int] | None = None
        self._count = 0
        self._open()

    def _open(self) -> None:
        try:
            fresh = self.path.open("rb")
        except OSError as error:
            raise FieldError(
                "law.registries", f"{self.path}: {error.strerror}", "Give a readable file."
            ) from error
        stat = os.fstat(fresh.fileno())
        count, rest = divmod(stat.st_size - len(_MAGIC), _WIDTH)
        if fresh.read(len(_MAGIC)) != _MAGIC or rest:
            fresh.close()
            problem = f"{self.path} is no registry file"
            raise FieldError("law.registries", problem, "Make it with 'overdial registry'.")
        self.close()
        self._file, self._count = fresh, count
        self._stamp = (stat.st_ino, stat.st_size, stat.st_mtime_ns)

    def _current(self) -> int:
        """Look whether the file was replaced; return the descriptor of the one that holds."""
        with suppress(FileNotFoundError):  # one that was taken away still holds
            stat = self.path.stat()
            if (stat.st_ino, stat.st_size, stat.st_mtime_ns) != self._stamp:
                self._open()
        if self._file is None:
            raise ValueError(f"{self.path} has been closed")
        return self._file.fileno()

    def __len__(self) -> int:
        self._current()
        return self._count

    def __contains__(self, number: str) -> bool:
        if not number.isascii() or not number.isdigit() or len(number) > 18:
            return False
        file, wanted = self._current(), _packed(int(number))
        low, high = 0, self._count
        while low < high:
            middle = (low + high) // 2
            if os.pread(file, _WIDTH, len(_MAGIC) + middle * _WIDTH) < wanted:
                low = middle + 1
            else:
                high = middle
        return os.pread(file, _WIDTH, len(_MAGIC) + low * _WIDTH) == wanted

    def close(self) -> None:
        """Let the file go."""
        if self._file is not None:
            self._file.close()
            self._file = None


def _packed(number: int) -> bytes:
    return struct.pack(">Q", number)


def build(numbers: Iterable[str], target: Path, chunk: int = _CHUNK) -> int:
    """Write a registry file of `numbers` (digits, any order, repeats allowed); return how many it has.

    Memory stays at `chunk` numbers; the target appears whole or not at all.
    """
    with (
        tempfile.TemporaryDirectory(dir=target.parent, prefix=".registry-") as folder,
        ExitStack() as open_files,
    ):
        parts = [
            open_files.enter_context(path.open("rb"))
            for path in list(_sorted_parts(numbers, Path(folder), chunk))
        ]
        whole = Path(folder) / "whole"
        count = 0
        with whole.open("wb") as file:
            file.write(_MAGIC)
            last = -1
            for number in heapq.merge(*(_read(part) for part in parts)):
                if number != last:
                    file.write(_packed(number))
                    last, count = number, count + 1
            file.flush()
            os.fsync(file.fileno())
        whole.chmod(0o644)
        whole.replace(target)
    return count


def _sorted_parts(numbers: Iterable[str], folder: Path, chunk: int) -> Iterator[Path]:
    batch = array("Q")
    done = 0
    for number in numbers:
        batch.append(int(number))
        if len(batch) >= chunk:
            yield _write_part(batch, folder / str(done))
            batch, done = array("Q"), done + 1
    yield _write_part(batch, folder / str(done))


def _write_part(batch: array[int], path: Path) -> Path:
    with path.open("wb") as file:
        array("Q", sorted(batch)).tofile(file)
    return path


def _read(file: BinaryIO) -> Iterator[int]:
    while data := file.read(_WIDTH * 4096):
        block = array("Q")
        block.frombytes(data)
        yield from block

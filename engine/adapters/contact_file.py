"""A contact file on disk: its encoding, its lines one by one, whatever is damaged in it."""

from __future__ import annotations

import codecs
import hashlib
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.domain.errors import FieldError

#: Characters of a line; a longer one is damaged, and is not read into memory.
LONGEST_LINE = 20_000
_CHUNK = 1 << 20
#: How bytes that are no UTF-8 are decoded.
_BROKEN = re.compile("[\udc80-\udcff]")
#: A line of a spreadsheet in which nothing was written.
_BLANK = re.compile(r"[\s;]*")
#: Bytes that are no characters in Windows' Latin-1, whose others are quotes, dashes and the euro where
#: ISO 8859-1 has control characters.
_NOT_WINDOWS = re.compile(b"[\x81\x8d\x8f\x90\x9d]")


@dataclass(frozen=True, slots=True)
class ContactFile:
    """A file whose encoding is known. `sha256` of its bytes tells whether it was loaded before."""

    path: Path
    encoding: str
    sha256: str

    def lines(self) -> Iterator[tuple[int, str | None]]:
        """Return number (from 1) and text of every line that is not blank; None for one too long.

        Lines end with LF, CR LF or CR; nothing else ends one. What is damaged in a file of UTF-8 comes as
        lone surrogates, for `domain.upload` to refuse by line.
        """
        damaged = "surrogateescape" if self.encoding.startswith("utf") else "strict"
        with self.path.open(encoding=self.encoding, errors=damaged, newline=None) as file:
            number = 0
            while text := file.readline(LONGEST_LINE):
                number += 1
                if len(text) == LONGEST_LINE and not text.endswith("\n"):
                    while text and not text.endswith("\n"):
                        text = file.readline(LONGEST_LINE)
                    yield number, None
                elif not _BLANK.fullmatch(text):
                    yield number, text.rstrip("\n")


def open_contacts(path: Path) -> ContactFile:
    """Read a file once to learn its encoding and fingerprint. Raises FieldError.

    It is UTF-8 when it has a mark, or more characters that only UTF-8 has than bytes that UTF-8 cannot have:
    one damaged character does not make Latin-1 of a whole file. Latin-1 is Windows' own (cp1252) unless it
    has bytes that are no characters there.
    """
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    good = bad = 0
    windows = True
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                if file.tell() <= _CHUNK:
                    _refuse_wide(chunk)
                    good += sys.maxsize * chunk.startswith(codecs.BOM_UTF8)
                digest.update(chunk)
                windows = windows and not _NOT_WINDOWS.search(chunk)
                more, broken = _wide(decoder.decode(chunk))
                good, bad = good + more, bad + broken
            cut = _wide(decoder.decode(b"", final=True))[1]
            bad += 0 if good else cut  # a character that the end cuts off is another sign of UTF-8
    except OSError as error:
        raise FieldError("file", f"{path}: {error.strerror}", "Give a readable file.") from error
    latin = "cp1252" if windows else "latin-1"
    return ContactFile(path, latin if bad > 0 and bad >= good else "utf-8-sig", digest.hexdigest())


def _wide(text: str) -> tuple[int, int]:
    """Return how many characters beyond ASCII a text has, and how many bytes that are no UTF-8."""
    if text.isascii():
        return 0, 0
    broken = len(_BROKEN.findall(text))
    return len(text) - len(text.encode("ascii", "ignore")) - broken, broken


def _refuse_wide(start: bytes) -> None:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or start[:400].count(0) > 20:
        raise FieldError("file", "it is UTF-16, or no text at all", "Save it as CSV in UTF-8 or Latin-1.")

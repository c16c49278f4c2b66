"""A contact file on disk: its encoding, its lines one by one, whatever is damaged in it."""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.domain.errors import FieldError

#: Characters of a line; a longer one is damaged, and is not read into memory.
LONGEST_LINE = 20_000
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class ContactFile:
    """A file whose encoding is known. `sha256` of its bytes tells whether it was loaded before."""

    path: Path
    encoding: str
    sha256: str

    def lines(self) -> Iterator[tuple[int, str | None]]:
        """Return number (from 1) and text of every line that is not blank; None for one too long.

        Lines end with LF, CR LF or CR; nothing else ends one.
        """
        with self.path.open(encoding=self.encoding, newline=None) as file:
            number = 0
            while text := file.readline(LONGEST_LINE):
                number += 1
                if len(text) == LONGEST_LINE and not text.endswith("\n"):
                    while text and not text.endswith("\n"):
                        text = file.readline(LONGEST_LINE)
                    yield number, None
                elif text and not text.isspace():
                    yield number, text.rstrip("\n")


def open_contacts(path: Path) -> ContactFile:
    """Read a file once to learn its encoding and fingerprint. Raises FieldError."""
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    encoding = "utf-8-sig"
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                if file.tell() <= _CHUNK:
                    _refuse_wide(chunk)
                digest.update(chunk)
                if encoding == "utf-8-sig":
                    try:
                        decoder.decode(chunk)
                    except UnicodeDecodeError:
                        encoding = "latin-1"
            if encoding == "utf-8-sig":
                try:
                    decoder.decode(b"", final=True)
                except UnicodeDecodeError:
                    encoding = "latin-1"
    except OSError as error:
        raise FieldError("file", f"{path}: {error.strerror}", "Give a readable file.") from error
    return ContactFile(path, encoding, digest.hexdigest())


def _refuse_wide(start: bytes) -> None:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or start[:400].count(0) > 20:
        raise FieldError("file", "it is UTF-16, or no text at all", "Save it as CSV in UTF-8 or Latin-1.")

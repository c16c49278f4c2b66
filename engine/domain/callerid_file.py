"""Lines of a caller-ID file: `PREFIX#CALLERID-FROM-TO[;note]`, the documented form, one a line.

Spreadsheets put `;` or `,` between columns and quotes around them: the first column is the caller ID, the
second a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from engine.domain.callerid import CallerIdEntry, parse_entry
from engine.domain.errors import FieldError

#: Layout that people put into numbers.
_LAYOUT = str.maketrans("", "", " \t().\u00a0")
_HEADER = re.compile(r"[a-z _#-]*(caller|number|did|ani|cli|prefix)[a-z _#-]*", re.IGNORECASE)
_LONGEST_NOTE = 255


@dataclass(frozen=True, slots=True)
class FileLine:
    """A line that can be used."""

    line: int
    entry: CallerIdEntry
    note: str


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot."""

    line: int
    fault: FieldError


def read_caller_ids(lines: Iterable[tuple[int, str | None]]) -> tuple[list[FileLine], list[BadLine]]:
    """Read numbered lines (None: too long to be one). Never raises; blank lines say nothing.

    An entry that comes twice is told as a fault of the second line. A heading in the first line is skipped.
    """
    good: dict[str, FileLine] = {}
    bad: list[BadLine] = []
    first = True
    for number, text in lines:
        if text is not None and not text.strip(" \t;,\"'"):
            continue
        try:
            line = _line(number, text)
        except FieldError as fault:
            if not (first and text is not None and _HEADER.fullmatch(_columns(text)[0])):
                bad.append(BadLine(number, fault))
        else:
            written = line.entry.text()
            if written in good:
                reason = f"it is in line {good[written].line} already"
                bad.append(BadLine(number, FieldError("caller ID", reason, "Remove one of them.")))
            else:
                good[written] = line
        first = False
    return list(good.values()), bad


def _columns(text: str) -> tuple[str, str]:
    head, _, rest = text.strip().partition(";" if ";" in text else ",")
    return head.strip().strip("\"'").strip(), rest.strip(" ;,\t").strip("\"'").strip()


def _line(number: int, text: str | None) -> FileLine:
    if text is None:
        raise FieldError("caller ID", "the line is too long", "Write PREFIX#CALLERID-FROM-TO.")
    head, note = _columns(text)
    if len(note) > _LONGEST_NOTE:
        raise FieldError("note", f"it has {len(note)} characters", f"Use {_LONGEST_NOTE} at most.")
    entry = parse_entry(head.translate(_LAYOUT), "caller ID")
    if len(entry.text()) > 100:
        raise FieldError("caller ID", "it is too long", "Use 100 characters at most.")
    return FileLine(number, entry, note)

"""Requests about recordings: the filter of getrecords, and where the documents look for a file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time

from engine.domain.errors import FieldError, excerpt
from engine.domain.integra.fields import Fields, read_object
from engine.domain.phones import parse_phone

#: Records of one page where nothing is said, and at most.
PAGE, LARGEST_PAGE = 50, 1000
#: How far a page may lie from the first record: reading on costs the server what it passes over.
FARTHEST = 5_000_000

_CLOCK = r"(\d{1,2})(?::(\d{2}))?(?::\d{2})?"
_RANGE = re.compile(rf"{_CLOCK}\s*[-;,]\s*{_CLOCK}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\.(mp3|gsm|wav)", re.ASCII)
_FOLDER = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records are wanted; empty = any. Times are local.

    `hours`: part of the day (over midnight when the first is later); `appears`: so many times at least
    the number has records in these days.
    """

    begin: datetime | None = None
    end: datetime | None = None
    agent: str = ""
    campaign: str = ""
    source: str = ""
    destination: str = ""
    tag: str = ""
    hours: tuple[time, time] | None = None
    rating: float | None = None
    shortest: int = 0
    exclude: str = ""
    appears: int = 0


@dataclass(frozen=True, slots=True)
class RecordsPage:
    """What getrecords asks for."""

    filter: RecordFilter
    offset: int
    limit: int


def read_page(form: Fields) -> RecordsPage:
    """Read the fields of getrecords. Raises FieldError."""
    own = read_object(form.text("filter", "{}", longest=4000), "filter")
    begin, end = own.moment("calldatei"), own.moment("calldatef", last=True)
    if begin and end and end < begin:
        raise FieldError("calldatef", "it is before calldatei", "Give the earlier moment first.")
    return RecordsPage(
        RecordFilter(
            begin=begin,
            end=end,
            agent=own.text("agent"),
            campaign=own.text("campaign"),
            source=_number(own, "source"),
            destination=_number(own, "destination"),
            tag=own.text("data"),
            hours=read_hours(own.text("range")),
            rating=_rating(own.text("rating")),
            shortest=own.number("mindur", 0, 0, 86_400),
            exclude=_number(own, "exclude"),
            appears=own.number("cont", 0, 0, 1_000_000),
        ),
        offset=form.number("lastrow", 0, 0, FARTHEST),
        limit=form.number("searchLimit", PAGE, 1, LARGEST_PAGE),
    )


def _number(own: Fields, key: str) -> str:
    text = own.text(key)
    return parse_phone(text, key).number if text else ""


def _rating(text: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise FieldError("rating", f"{excerpt(text)} is no number", "Use 0 to 100.") from error
    if not 0 <= value <= 100:
        raise FieldError("rating", f"{excerpt(text)} is out of range", "Use 0 to 100.")
    return value


def read_hours(text: str) -> tuple[time, time] | None:
    """Read a part of the day: `8-17`, `08:00-17:30`. Raises FieldError."""
    if not text:
        return None
    found = _RANGE.fullmatch(text)
    try:
        if found:
            first, last = int(found[1]), int(found[3])
            begin = time(first, int(found[2] or 0))
            end = time(23, 59, 59) if last == 24 else time(last, int(found[4] or 0), 59)
            return begin, end
    except ValueError:
        pass
    raise FieldError("range", f"{excerpt(text)} is no part of a day", "Use 08:00-17:30.")


def recording_name(text: str) -> str:
    """Check the name of a recording's file: a guid and its format. Raises FieldError."""
    if not _NAME.fullmatch(text):
        raise FieldError("guid", "it names no recording", "Use <guid>.mp3, <guid>.gsm or <guid>.wav.")
    return text


def recording_folder(text: str) -> str:
    """Read a folder's day, YYYYMMDD (or with hyphens); '' stays ''. Raises FieldError."""
    if not text:
        return ""
    found = _FOLDER.fullmatch(text)
    if not found:
        raise FieldError("folder", f"{excerpt(text)} is no day", "Use YYYYMMDD.")
    return "".join(found.groups())


def recording_places(name: str, folder: str) -> tuple[str, ...]:
    """Return where a file may lie below the folder of recordings: as the documents say, and a day's
    folder as our own dialplan names it."""
    if not folder:
        return (name,)
    dashed = f"{folder[:4]}-{folder[4:6]}-{folder[6:]}"
    return (f"{folder}/{name}", f"{dashed}/{name}", name)

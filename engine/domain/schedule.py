"""Schedule strings: `mon,tue;08:00-21:00`, `sun-sat;00:00-23:59`; several joined by `&`, `|`, newline."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from engine.domain.errors import FieldError, excerpt

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_ENTRY = re.compile(r"[&|\r\n]+")
_HOURS = re.compile(r"\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Window:
    """Hours on some weekdays. `end` is inclusive to the minute: 23:59 means until midnight.

    A window whose end lies before its start runs over midnight and belongs to the day it began.
    """

    days: frozenset[int]
    start: time
    end: time

    def end_after(self, moment: datetime) -> datetime:
        """Return when the window that is open at `moment` (wall-clock time) closes."""
        end = moment.replace(hour=self.end.hour, minute=self.end.minute, second=0, microsecond=0)
        over_midnight = self.start > self.end and moment.time() >= self.start
        return end + timedelta(days=1 if over_midnight else 0, minutes=1)

    def open_at(self, weekday: int, clock: time) -> bool:
        """Is minute `clock` of `weekday` (0 = Monday) inside?"""
        minute = clock.replace(second=0, microsecond=0, tzinfo=None)
        if self.start <= self.end:
            return weekday in self.days and self.start <= minute <= self.end
        return (weekday in self.days and minute >= self.start) or (
            (weekday - 1) % 7 in self.days and minute <= self.end
        )


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a dialer may run: inside any of its windows."""

    windows: tuple[Window, ...]

    def open_at(self, local: datetime) -> bool:
        """Is the wall-clock time `local` (of the campaign's zone) inside the schedule?"""
        return any(window.open_at(local.weekday(), local.time()) for window in self.windows)

    def opens_after(self, local: datetime) -> datetime:
        """Return the next wall-clock minute after `local` at which a window begins."""
        starts = [
            begin
            for window in self.windows
            for ahead in range(8)
            if (local + timedelta(days=ahead)).weekday() in window.days
            and (
                begin := (local + timedelta(days=ahead)).replace(
                    hour=window.start.hour, minute=window.start.minute, second=0, microsecond=0
                )
            )
            > local
        ]
        return min(starts)

    def ends_today(self, local: datetime) -> datetime | None:
        """Return when the schedule closes next, seen from `local`, or midnight if that is sooner; None
        when it is closed. Windows that follow one another without a gap are one."""
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        moment = local
        while moment < midnight:
            ends = [w.end_after(moment) for w in self.windows if w.open_at(moment.weekday(), moment.time())]
            if not ends:
                return moment if moment > local else None
            moment = max(ends)
        return midnight


def parse_schedule(text: str, field: str = "schedule") -> Schedule:
    """Read a schedule. Raises FieldError; an empty schedule is refused, never taken as 'always'."""
    windows = tuple(_window(entry, field) for entry in _ENTRY.split(text) if entry.strip())
    if not windows:
        raise FieldError(field, "it is empty", "Write for example mon,tue,wed,thu,fri;08:00-21:00.")
    return Schedule(windows)


def _window(entry: str, field: str) -> Window:
    days_text, separator, hours_text = entry.partition(";")
    hours = _HOURS.fullmatch(hours_text)
    if not separator or hours is None:
        raise FieldError(
            field, f"{excerpt(entry)} is not days;HH:MM-HH:MM", "Write for example mon-fri;08:00-21:00."
        )
    try:
        start = time(int(hours[1]), int(hours[2]))
        end = time(int(hours[3]), int(hours[4]))
    except ValueError as error:
        raise FieldError(
            field, f"{excerpt(hours_text)} is not a time of day", "Use 00:00 to 23:59."
        ) from error
    return Window(_days(days_text, field), start, end)


def _days(text: str, field: str) -> frozenset[int]:
    days: set[int] = set()
    for part in text.lower().split(","):
        first, dash, last = (piece.strip() for piece in part.partition("-"))
        if first not in DAYS or (dash and last not in DAYS):
            raise FieldError(field, f"day {excerpt(part)} is unknown", f"Use {','.join(DAYS)}.")
        begin = DAYS.index(first)
        length = (DAYS.index(last) - begin) % 7 + 1 if dash else 1
        days.update((begin + step) % 7 for step in range(length))
    return frozenset(days)

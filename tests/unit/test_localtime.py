"""Local time of the documented columns, over both changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.localtime import LocalTime
from engine.domain.schedule import parse_schedule
from tests.builders import PURE

NEW_YORK = LocalTime(ZoneInfo("America/New_York"))


def wall(*parts: int) -> datetime:
    """What a clock on the wall, or a documented column, shows."""
    return utc(*parts).replace(tzinfo=None)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[arg-type, misc]


@pytest.mark.parametrize(
    ("naive", "moment"),
    [
        (wall(2026, 7, 1, 12, 0), utc(2026, 7, 1, 16, 0)),
        (wall(2026, 1, 1, 12, 0), utc(2026, 1, 1, 17, 0)),
        # 1 November 2026, 01:30 comes twice: the later one counts.
        (wall(2026, 11, 1, 1, 30), utc(2026, 11, 1, 6, 30)),
        # 8 March 2026, 02:30 does not exist: the later reading counts.
        (wall(2026, 3, 8, 2, 30), utc(2026, 3, 8, 7, 30)),
    ],
)
def test_a_columns_time_is_read_by_the_zones_rules(naive: datetime, moment: datetime) -> None:
    assert NEW_YORK.utc(naive) == moment


def test_what_takes_something_away_counts_from_the_earlier_reading_of_its_hour() -> None:
    assert NEW_YORK.soonest(wall(2026, 11, 1, 1, 30)) == utc(2026, 11, 1, 5, 30)
    assert NEW_YORK.soonest(wall(2026, 7, 1, 12, 0)) == utc(2026, 7, 1, 16, 0)
    assert NEW_YORK.soonest(wall(9999, 12, 31, 23, 59, 59)).year == 9999


def test_the_end_of_the_calendar_stays_what_it_is() -> None:
    assert NEW_YORK.utc(wall(9999, 12, 31, 23, 59, 59)).year == 9999


@PURE
@given(st.datetimes(wall(2000, 1, 1), wall(2040, 1, 1), timezones=st.just(UTC)))
def test_no_moment_is_read_back_too_early(moment: datetime) -> None:
    back = NEW_YORK.utc(NEW_YORK.naive(moment))
    assert moment <= back <= moment + timedelta(hours=1)


@pytest.mark.parametrize(
    ("schedule", "local", "closes"),
    [
        ("mon-fri;09:00-20:00", wall(2026, 3, 2, 10, 0), wall(2026, 3, 2, 20, 1)),
        ("mon-fri;09:00-20:00", wall(2026, 3, 2, 21, 0), None),
        ("mon-fri;09:00-12:00&mon;12:01-14:00", wall(2026, 3, 2, 10, 0), wall(2026, 3, 2, 14, 1)),
        ("mon;22:00-02:00", wall(2026, 3, 2, 23, 0), wall(2026, 3, 3, 0, 0)),
        ("mon;22:00-02:00", wall(2026, 3, 3, 1, 0), wall(2026, 3, 3, 2, 1)),
        ("sun-sat;00:00-23:59", wall(2026, 3, 2, 10, 0), wall(2026, 3, 3, 0, 0)),
    ],
)
def test_a_schedule_tells_when_it_or_the_day_ends(
    schedule: str, local: datetime, closes: datetime | None
) -> None:
    assert parse_schedule(schedule).ends_today(local) == closes


@pytest.mark.parametrize(
    ("day", "hours"), [((2026, 3, 8), 10.0), ((2026, 11, 1), 12.0), ((2026, 7, 1), 11.0)]
)
def test_on_the_day_of_a_change_a_schedule_follows_the_clock_on_the_wall(
    day: tuple[int, int, int], hours: float
) -> None:
    """01:00 to 11:59 by the wall is an hour less in spring and an hour more in autumn."""
    opening = parse_schedule("sun-sat;01:00-11:59")
    moment, end = utc(*day, 4, 0), utc(*day, 22, 0)
    minutes = 0
    while moment < end:
        minutes += opening.open_at(NEW_YORK.at(moment))
        moment += timedelta(minutes=1)
    assert minutes / 60 == hours

"""Schedule strings: when a dialer may run."""

from __future__ import annotations

from datetime import datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.errors import FieldError
from engine.domain.schedule import DAYS, parse_schedule
from tests.builders import NOW, PURE, near

OFFICE = "mon,tue,wed,thu,fri,sat;08:00-21:00"
NEARLY = near("mon", "tue", "sun-sat", "Fri", ",", "-", ";", "08:00", "21:00", "24:00", "7:5", "&", "|", "\n")


def at(day: str, clock: str) -> datetime:
    """The wall-clock time `clock` of `day` in the week of NOW, which begins with a Monday."""
    hours, minutes, *seconds = (int(part) for part in clock.split(":"))
    midnight = NOW.replace(hour=0, minute=0)
    offset = timedelta(days=DAYS.index(day), hours=hours, minutes=minutes, seconds=sum(seconds))
    return midnight + offset


@pytest.mark.parametrize(
    ("text", "day", "clock", "is_open"),
    [
        (OFFICE, "mon", "08:00", True),
        (OFFICE, "mon", "07:59:59", False),
        (OFFICE, "sat", "20:59", True),
        (OFFICE, "sat", "21:00:59", True),
        (OFFICE, "sat", "21:01", False),
        (OFFICE, "sun", "12:00", False),
        ("sun-sat;00:00-23:59", "wed", "23:59:59", True),
        ("sun-sat;00:00-23:59", "sat", "00:00", True),
        ("fri-mon;09:00-10:00", "sun", "09:30", True),
        ("fri-mon;09:00-10:00", "tue", "09:30", False),
        ("wed-wed;09:00-10:00", "wed", "09:30", True),
        ("wed-wed;09:00-10:00", "thu", "09:30", False),
        ("MON , Tue ; 8:00 - 9:00", "tue", "08:30", True),
        ("mon,wed-fri;08:00-09:00", "thu", "08:30", True),
        ("mon,wed-fri;08:00-09:00", "tue", "08:30", False),
        ("mon;12:00-12:00", "mon", "12:00:30", True),
    ],
)
def test_the_schedule_opens_on_its_days_and_to_the_last_minute(
    text: str, day: str, clock: str, is_open: bool
) -> None:
    assert parse_schedule(text).open_at(at(day, clock)) is is_open


@pytest.mark.parametrize(
    ("day", "clock", "is_open"),
    [
        ("fri", "22:00", True),
        ("sat", "02:00", True),
        ("sat", "02:01", False),
        ("sat", "22:30", False),
        ("fri", "01:00", False),
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_it_began(day: str, clock: str, is_open: bool) -> None:
    assert parse_schedule("fri;22:00-02:00").open_at(at(day, clock)) is is_open


def test_a_sunday_night_runs_into_monday() -> None:
    assert parse_schedule("sun;22:00-02:00").open_at(at("mon", "01:00"))


@pytest.mark.parametrize("separator", ["&", "|", "\n", "\r\n", " & "])
def test_several_entries_may_be_joined(separator: str) -> None:
    schedule = parse_schedule(f"mon-fri;08:00-12:00{separator}sat;10:00-11:00")
    assert schedule.open_at(at("tue", "09:00"))
    assert schedule.open_at(at("sat", "10:30"))
    assert not schedule.open_at(at("sat", "09:00"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "&",
        "mon-fri",
        ";08:00-21:00",
        "mon-fri 08:00-21:00",
        "mon-fri;08:00",
        "mon-fri;08:00-24:00",
        "mon-fri;08:60-09:00",
        "mon-fri;8-21",
        "monday;08:00-21:00",
        "lun;08:00-21:00",
        "mon-;08:00-21:00",
        "-mon;08:00-21:00",
        "mon,;08:00-21:00",
        "mon-tue-wed;08:00-21:00",
        "mon;08:00-12:00;13:00-14:00",
        "mon;08:00-12:00&nonsense",
        "mon;٠٨:00-12:00",
    ],
)
def test_a_schedule_that_is_not_understood_is_refused_and_never_means_always(text: str) -> None:
    with pytest.raises(FieldError) as refusal:
        parse_schedule(text)
    assert refusal.value.field == "schedule"
    assert refusal.value.fix


@PURE
@given(NEARLY, st.datetimes())
def test_any_text_is_a_schedule_or_a_field_error(text: str, moment: datetime) -> None:
    try:
        schedule = parse_schedule(text)
    except FieldError:
        return
    assert schedule.open_at(moment) in (True, False)


@PURE
@given(st.sets(st.sampled_from(DAYS), min_size=1), st.times(), st.times(), st.datetimes())
def test_a_window_is_open_for_its_whole_minutes(
    days: set[str], start: time, end: time, moment: datetime
) -> None:
    schedule = parse_schedule(f"{','.join(days)};{start:%H:%M}-{end:%H:%M}")
    first, last = moment.replace(second=0, microsecond=0), moment.replace(second=59, microsecond=999_999)
    assert schedule.open_at(first) == schedule.open_at(moment) == schedule.open_at(last)

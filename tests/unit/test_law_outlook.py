"""What is ahead of a contact: when the calendar closes next, what holds it, what holds a scheduled call."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from engine.domain.law import (
    Contacted,
    Facts,
    Given,
    Law,
    Prospect,
    appointment,
    may_call,
    next_closing,
    next_moment,
    prospect,
)
from engine.domain.law.rules import Cap, Consent, Counts, Holidays, Hours, Ring, Rule, When
from engine.domain.schedule import parse_schedule

NEW_YORK, LONDON, PACIFIC = (ZoneInfo(f"{n}") for n in ("America/New_York", "Europe/London", "US/Pacific"))
KOLKATA, LORD_HOWE = ZoneInfo("Asia/Kolkata"), ZoneInfo("Australia/Lord_Howe")
DAYTIME = "sun-sat;08:00-20:59"
#: A Wednesday.
NOON = datetime(2026, 5, 13, 16, 0, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def hours(text: str) -> Hours:
    return Hours(parse_schedule(text), text, "source")


def holiday_of(country: str, state: str, day: date) -> str:
    return "a holiday" if (day.month, day.day) in ((5, 15), (5, 16)) else ""


def at(text: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("rules", "zones", "closes"),
    [
        ((hours(DAYTIME),), (NEW_YORK,), at("2026-05-13 21:00", NEW_YORK)),
        ((hours(DAYTIME),), (NEW_YORK, PACIFIC), at("2026-05-13 21:00", NEW_YORK)),
        ((hours("mon-fri;00:00-23:59"),), (NEW_YORK,), at("2026-05-16 00:00", NEW_YORK)),
        ((hours("wed;22:00-06:00&wed,thu;07:00-21:59"),), (NEW_YORK,), at("2026-05-14 06:01", NEW_YORK)),
        ((hours("sun-sat;00:00-23:59"),), (NEW_YORK,), None),
        (
            (hours("sun-sat;00:00-23:59"), Holidays("US", "", "s")),
            (KOLKATA,),
            at("2026-05-15 00:00", KOLKATA),
        ),
        ((Holidays("US", "", "s"),), (NEW_YORK, KOLKATA), at("2026-05-15 00:00", KOLKATA)),
        ((hours(DAYTIME), hours("sun-sat;09:00-13:29")), (NEW_YORK,), at("2026-05-13 13:30", NEW_YORK)),
        ((Cap(1, HOUR, Counts.PLACED, "s"),), (NEW_YORK,), None),
        ((hours(DAYTIME),), (), None),
        ((), (NEW_YORK,), None),
    ],
)
def test_the_calendar_closes_at_the_first_moment_in_any_zone(
    rules: tuple[Rule, ...], zones: tuple[ZoneInfo, ...], closes: datetime | None
) -> None:
    assert next_closing(Law("l", rules), Facts(zones, holiday_of), NOON) == closes


@pytest.mark.parametrize("zone", [NEW_YORK, LONDON, LORD_HOWE, ZoneInfo("America/Sao_Paulo")])
@pytest.mark.parametrize(
    "day", ["2026-03-08", "2026-11-01", "2026-03-29", "2026-10-25", "2026-04-05", "2026-10-04", "2026-05-14"]
)
@pytest.mark.parametrize(
    "text", ["sun-sat;00:00-01:29", "sun-sat;00:00-02:14", "sun-sat;22:00-01:59", DAYTIME]
)
def test_at_clock_changes_it_is_what_a_look_at_every_minute_finds(
    zone: ZoneInfo, day: str, text: str
) -> None:
    law, facts = Law("l", (hours(text), Holidays("US", "", "s"))), Facts((zone, KOLKATA), holiday_of)
    if text != DAYTIME:
        facts = Facts((zone,), holiday_of)
    begin = datetime.fromisoformat(day).replace(tzinfo=zone).astimezone(UTC) - 3 * HOUR
    minutes = [begin + n * MINUTE for n in range(60 * 36)]
    open_at = [may_call(law, facts, minute).allowed for minute in minutes]
    for start in range(0, 60 * 9, 7):
        shut = next((minutes[n] for n in range(start + 1, len(minutes)) if not open_at[n]), None)
        if open_at[start]:
            assert next_closing(law, facts, minutes[start]) == shut


def test_who_may_be_called_now_is_held_from_the_next_closing_until_it_opens() -> None:
    law, facts = Law("l", (hours(DAYTIME),)), Facts((NEW_YORK,))
    closes, opens = at("2026-05-13 21:00", NEW_YORK), at("2026-05-14 08:00", NEW_YORK)
    found = prospect(law, facts, NOON)
    assert found is not None
    assert (found.rule, found.begins, found.until) == ("hours", closes, opens)
    assert found.text == "it is 21:00 in America/New_York, calls are allowed sun-sat;08:00-20:59 (source)"
    guaranteed = prospect(law, Facts((NEW_YORK,), agent_guaranteed=True), NOON)
    assert guaranteed is not None
    assert guaranteed.begins == closes - timedelta(seconds=90)
    assert prospect(law, facts, closes) == Prospect("hours", found.text, closes, opens)
    assert prospect(Law("l"), facts, NOON) is None


def test_what_holds_now_lasts_until_nothing_else_holds() -> None:
    cap = Cap(1, timedelta(hours=12), Counts.PLACED, "s")
    law = Law("l", (hours(DAYTIME), cap))
    facts = Facts((NEW_YORK,), calls=(Contacted(NOON - HOUR),))
    held = prospect(law, facts, NOON)
    assert held is not None  # the cap ends at 23:00, when it is night
    assert (held.rule, held.begins, held.until) == ("cap", NOON, at("2026-05-14 08:00", NEW_YORK))
    assert held.until == next_moment(law, facts, NOON)
    for_ever = prospect(law, Facts((NEW_YORK,), given=Given.WITHDRAWN), at("2026-05-13 23:00", NEW_YORK))
    assert for_ever is not None
    assert (for_ever.rule, for_ever.until) == ("opt_out", None)


def test_too_short_a_ring_is_the_campaigns_fault_and_hides_no_reason_of_the_contact() -> None:
    law = Law("l", (Ring(60, "s"), Consent(When.ALWAYS, "s")))
    for given, rule in (
        (Given.CONSENT, "settings"),
        (Given.NOTHING, "consent"),
        (Given.WITHDRAWN, "opt_out"),
    ):
        held = prospect(law, Facts(given=given), NOON)
        assert held is not None
        assert (held.rule, held.until) == (rule, None)


@pytest.mark.parametrize(
    ("when", "given", "rule", "until"),
    [
        ("2026-05-14 10:00", Given.NOTHING, "scheduled", "2026-05-14 10:00"),
        ("2026-05-13 23:30", Given.NOTHING, "hours", "2026-05-14 08:00"),
        ("2026-05-15 10:00", Given.NOTHING, "holiday", "2026-05-17 08:00"),
        ("2026-05-14 10:00", Given.WITHDRAWN, "opt_out", ""),
    ],
)
def test_a_scheduled_call_waits_for_its_time_or_for_a_rule_that_lasts_longer(
    when: str, given: Given, rule: str, until: str
) -> None:
    law = Law("l", (hours(DAYTIME), Holidays("US", "", "s")))
    facts = Facts((NEW_YORK,), holiday_of, given=given)
    held = appointment(law, facts, at(when, NEW_YORK), NOON)
    assert held is not None
    assert (held.rule, held.begins) == (rule, NOON)
    assert held.until == (at(until, NEW_YORK) if until else None)


def test_a_scheduled_call_that_is_due_is_a_contact_like_others() -> None:
    law, facts = Law("l", (hours(DAYTIME),)), Facts((NEW_YORK,))
    assert appointment(law, facts, NOON - HOUR, NOON) == prospect(law, facts, NOON)

"""May we call this number now? By table: every rule, its end, both clock changes; and by property."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.domain.errors import FieldError
from engine.domain.law import Ban, Contacted, Facts, Given, Law, may_call, next_moment
from engine.domain.law.read import read_law
from engine.domain.law.rules import Rule

NEW_YORK, LOS_ANGELES = ZoneInfo("America/New_York"), ZoneInfo("America/Los_Angeles")
#: Wednesday, 12:00 in New York.
NOON = datetime(2026, 5, 13, 16, 0, tzinfo=UTC)
FACTS = Facts(zones=(NEW_YORK,))


def law(*rules: dict[str, object]) -> Law:
    return read_law("TEST", {"rule": [{"source": "test", **rule} for rule in rules]}, "test.toml")


DAY = law({"kind": "hours", "hours": "sun-sat;08:00-20:59"})
WEEK = law({"kind": "hours", "hours": "mon-fri;09:00-17:59"})


def ago(**span: float) -> datetime:
    return NOON - timedelta(**span)


def local(text: str, zone: ZoneInfo = NEW_YORK) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("at", "zones", "opens"),
    [
        ("2026-05-13 08:00", (NEW_YORK,), None),
        ("2026-05-13 20:59:59", (NEW_YORK,), None),
        ("2026-05-13 21:00", (NEW_YORK,), "2026-05-14 08:00"),
        ("2026-05-13 07:59:59", (NEW_YORK,), "2026-05-13 08:00"),
        # All zones must be within hours: 10:59 in New York is 07:59 in Los Angeles.
        ("2026-05-13 10:59", (NEW_YORK, LOS_ANGELES), "2026-05-13 11:00"),
        ("2026-05-13 11:00", (NEW_YORK, LOS_ANGELES), None),
        ("2026-05-13 21:00", (NEW_YORK, LOS_ANGELES), "2026-05-14 11:00"),
        # The nights of both clock changes: eight o'clock comes when the wall clock says so.
        ("2026-03-07 22:00", (NEW_YORK,), "2026-03-08 08:00"),
        ("2026-10-31 22:00", (NEW_YORK,), "2026-11-01 08:00"),
        ("2026-11-01 07:59", (NEW_YORK,), "2026-11-01 08:00"),
    ],
)
def test_hours_hold_in_every_zone_and_end_when_all_are_open(
    at: str, zones: tuple[ZoneInfo, ...], opens: str | None
) -> None:
    verdict = may_call(DAY, Facts(zones=zones), local(at))
    assert verdict.allowed is (opens is None)
    assert verdict.until == (local(opens) if opens else None)
    if opens:
        assert [hold.ban for hold in verdict.holds] == [Ban.HOURS]


def test_the_night_is_as_long_as_the_clock_change_makes_it() -> None:
    spring = may_call(DAY, FACTS, local("2026-03-07 21:00")).until
    autumn = may_call(DAY, FACTS, local("2026-10-31 21:00")).until
    assert spring is not None
    assert autumn is not None
    assert spring - local("2026-03-07 21:00").astimezone(UTC) == timedelta(hours=10)
    assert autumn - local("2026-10-31 21:00").astimezone(UTC) == timedelta(hours=12)


def test_an_hour_that_comes_twice_is_judged_by_its_wall_clock_and_one_that_is_left_out_is_skipped() -> None:
    early = law({"kind": "hours", "hours": "sun-sat;01:00-01:59"})
    first = datetime(2026, 11, 1, 1, 30, tzinfo=NEW_YORK, fold=0)
    assert may_call(early, FACTS, first).allowed
    assert may_call(early, FACTS, first.replace(fold=1)).allowed
    gap = law({"kind": "hours", "hours": "sun-sat;02:00-02:59"})
    # On 8 March 2026 there is no hour from two to three in New York.
    assert may_call(gap, FACTS, local("2026-03-08 01:30")).until == local("2026-03-09 02:00")


def test_hours_without_a_known_zone_never_open() -> None:
    [hold] = may_call(DAY, Facts(), NOON).holds
    assert (hold.ban, hold.until) == (Ban.ZONE, None)


def test_zones_too_far_apart_for_the_hours_are_told_as_never() -> None:
    short = law({"kind": "hours", "hours": "sun-sat;09:00-09:29"})
    verdict = may_call(short, Facts(zones=(NEW_YORK, LOS_ANGELES)), NOON)
    assert verdict.final is not None
    assert next_moment(short, Facts(zones=(NEW_YORK, LOS_ANGELES)), NOON) is None


@pytest.mark.parametrize(
    ("at", "opens"),
    [("2026-05-15 18:00", "2026-05-18 09:00"), ("2026-05-16 12:00", "2026-05-18 09:00")],
)
def test_the_weekend_ends_on_monday(at: str, opens: str) -> None:
    assert may_call(WEEK, FACTS, local(at)).until == local(opens)


def test_a_holiday_ends_at_local_midnight_and_two_in_a_row_are_one() -> None:
    def holiday(country: str, state: str, day: date) -> str:
        assert (country, state) == ("US", "KY")
        return "a feast" if day in (date(2026, 5, 13), date(2026, 5, 14)) else ""

    feast = law({"kind": "holidays", "country": "US", "state": "KY"})
    facts = replace(FACTS, holiday=holiday)
    [hold] = may_call(feast, facts, NOON).holds
    assert (hold.ban, hold.until) == (Ban.HOLIDAY, local("2026-05-15 00:00"))
    assert may_call(feast, facts, local("2026-05-15 00:00")).allowed
    # With hours on top, the first allowed moment is next morning's opening.
    assert next_moment(feast + DAY, facts, NOON) == local("2026-05-15 08:00")


def cap(calls: int, hours: float, counts: str = "placed") -> Law:
    return law({"kind": "cap", "calls": calls, "within_hours": hours, "counts": counts})


@pytest.mark.parametrize(
    ("hours_ago", "until_hours"),
    [
        ((1, 2), None),
        ((1, 2, 24), None),  # the oldest has just left the 24 hours
        ((1, 2, 23), 1),
        ((1, 2, 3, 4), 21),  # two must leave: the third newest decides
    ],
)
def test_three_calls_in_24_hours(hours_ago: tuple[float, ...], until_hours: float | None) -> None:
    calls = tuple(Contacted(ago(hours=hours)) for hours in hours_ago)
    verdict = may_call(cap(3, 24), replace(FACTS, calls=calls), NOON)
    assert verdict.until == (None if until_hours is None else NOON + timedelta(hours=until_hours))
    assert verdict.allowed is (until_hours is None)


def test_seven_in_seven_days_counts_only_what_rang() -> None:
    rang = [Contacted(ago(days=day)) for day in range(6)]
    silent = [Contacted(ago(hours=hour), rang=False) for hour in range(9)]
    reg_f = cap(7, 168, "rang")
    assert may_call(reg_f, replace(FACTS, calls=(*rang, *silent)), NOON).allowed
    more = replace(FACTS, calls=(*rang, *silent, Contacted(ago(days=6.5))))
    assert may_call(reg_f, more, NOON).until == NOON + timedelta(days=0.5)


def test_seven_days_after_a_conversation() -> None:
    rest = law({"kind": "rest", "after": "conversation", "hours": 168})
    ahead = NOON + timedelta(minutes=1)
    up = replace(FACTS, calls=(Contacted(NOON, lasts=ahead),))
    talked = replace(FACTS, calls=(Contacted(ago(days=7, minutes=5), spoke=ago(days=7)),))
    assert may_call(rest, talked, NOON).allowed
    assert may_call(rest, talked, NOON - timedelta(seconds=1)).until == NOON
    # Who is being called may be in a conversation at the next moment.
    assert may_call(rest, up, NOON).until == next_moment(rest, up, NOON) == ahead
    other = law({"kind": "rest", "after": "abandonment", "hours": 72})
    assert may_call(other, up, NOON).allowed


def test_an_abandoned_number_rests_unless_an_agent_is_guaranteed() -> None:
    rest = law({"kind": "rest", "after": "abandonment", "hours": 72, "agent_spares": True})
    facts = replace(FACTS, calls=(Contacted(ago(hours=71), abandoned=ago(hours=71)),))
    [hold] = may_call(rest, facts, NOON).holds
    assert (hold.ban, hold.until) == (Ban.ABANDONED, NOON + timedelta(hours=1))
    assert may_call(rest, replace(facts, agent_guaranteed=True), NOON).allowed
    strict = law({"kind": "rest", "after": "abandonment", "hours": 72})
    assert not may_call(strict, replace(facts, agent_guaranteed=True), NOON).allowed


def test_a_call_must_ring_long_enough() -> None:
    ring = law({"kind": "ring", "seconds": 15})
    [hold] = may_call(ring, replace(FACTS, ring=14), NOON).holds
    assert (hold.ban, hold.until) == (Ban.RING, None)
    assert "timeout to 15" in str(hold)
    assert may_call(ring, replace(FACTS, ring=15), NOON).allowed


@pytest.mark.parametrize(
    ("when", "prerecorded", "given", "ban"),
    [
        ("prerecorded", False, Given.NOTHING, None),
        ("prerecorded", True, Given.NOTHING, Ban.CONSENT),
        ("prerecorded", True, Given.CONSENT, None),
        ("always", False, Given.NOTHING, Ban.CONSENT),
        ("always", False, Given.CONSENT, None),
        ("always", False, Given.WITHDRAWN, Ban.OPT_OUT),
        ("prerecorded", False, Given.WITHDRAWN, Ban.OPT_OUT),
    ],
)
def test_consent(when: str, prerecorded: bool, given: Given, ban: Ban | None) -> None:
    facts = replace(FACTS, prerecorded=prerecorded, given=given)
    verdict = may_call(law({"kind": "consent", "when": when}), facts, NOON)
    assert [hold.ban for hold in verdict.holds] == ([ban] if ban else [])
    assert (verdict.final is not None) is (ban is not None)


def test_registries_hold_for_those_who_have_not_agreed() -> None:
    registry = law({"kind": "registry", "name": "US"})
    assert may_call(registry, replace(FACTS, registries=frozenset({"UK"})), NOON).allowed
    listed = replace(FACTS, registries=frozenset({"US"}))
    assert [hold.ban for hold in may_call(registry, listed, NOON).holds] == [Ban.REGISTRY]
    assert may_call(registry, replace(listed, given=Given.CONSENT), NOON).allowed


def test_the_lists_hold_under_any_law_and_all_reasons_are_given() -> None:
    facts = Facts(
        zones=(NEW_YORK,), listed="it is listed", listed_until=NOON + timedelta(days=2), given=Given.WITHDRAWN
    )
    assert [h.ban for h in may_call(Law("NONE"), facts, NOON).holds] == [
        Ban.BLACK_LIST, Ban.OPT_OUT, Ban.BLACK_LIST,
    ]  # fmt: skip
    verdict = may_call(DAY, replace(facts, listed="", given=Given.NOTHING), local("2026-05-13 22:00"))
    assert [h.ban for h in verdict.holds] == [Ban.BLACK_LIST, Ban.HOURS]
    assert verdict.last is not None
    assert verdict.last.text == "the number is on the temporary black list"
    assert verdict.until == NOON + timedelta(days=2)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"kind": "howrs", "source": "x"}, r"law.rule\[1\].kind: .*howrs"),
        ({"kind": "hours", "hours": "8-9", "source": "x"}, r"law.rule\[1\].hours"),
        ({"kind": "hours", "hours": "mon;08:00-09:00"}, r"law.rule\[1\].source: it is missing"),
        ({"kind": "cap", "calls": -1, "within_hours": 1, "source": "x"}, r"law.rule\[1\].calls"),
        ({"kind": "cap", "calls": 1, "within_hours": "x", "source": "x"}, r"law.rule\[1\].within_hours"),
        ({"kind": "cap", "calls": 1, "within_hours": 1, "counts": "all", "source": "x"}, "counts"),
        ({"kind": "rest", "after": "lunch", "hours": 1, "source": "x"}, r"law.rule\[1\].after"),
        ({"kind": "ring", "seconds": 15, "loud": True, "source": "x"}, r"law.rule\[1\].loud"),
        ({"kind": "consent", "when": "sometimes", "source": "x"}, r"law.rule\[1\].when"),
    ],
)
def test_a_broken_law_is_named_by_its_key(table: dict[str, object], message: str) -> None:
    with pytest.raises(FieldError, match=message):
        read_law("X", {"rule": [table]}, "law")
    with pytest.raises(FieldError, match=r"law\.zones"):
        read_law("X", {"zones": ["Mars/Olympus"]}, "law")


def test_a_cap_of_half_a_year_ends_too() -> None:
    both = Law("T", (*cap(1, 4_400).rules, *DAY.rules))
    facts = Facts(zones=(NEW_YORK,), calls=(Contacted(NOON),))
    found = next_moment(both, facts, NOON)
    assert found is not None
    assert timedelta(hours=4_400) <= found - NOON < timedelta(hours=4_424)


_RULES: list[Rule] = [
    *DAY.rules, *WEEK.rules, *cap(2, 30).rules,
    *law({"kind": "rest", "after": "conversation", "hours": 50}).rules,
]  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(
    rules=st.lists(st.sampled_from(_RULES), min_size=1, max_size=3),
    zones=st.sets(st.sampled_from(["America/New_York", "Europe/Berlin", "America/St_Johns"]), min_size=1),
    start=st.integers(0, 353 * 24 * 60),
    back=st.lists(st.integers(1, 4000), max_size=4),
)
def test_the_next_moment_is_the_first_minute_that_is_allowed(
    rules: list[Rule], zones: set[str], start: datetime, back: list[int]
) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=start)
    calls = tuple(
        Contacted(now - timedelta(minutes=m), spoke=now - timedelta(minutes=m) if m % 2 else None)
        for m in back
    )
    facts = Facts(zones=tuple(map(ZoneInfo, sorted(zones))), calls=calls)
    both = Law("T", tuple(rules))
    found = next_moment(both, facts, now)
    assert found is not None
    assert may_call(both, facts, found).allowed
    minutes = int((found - now) / timedelta(minutes=1))
    step = max(minutes // 500, 1)
    assert not any(may_call(both, facts, now + timedelta(minutes=n)).allowed for n in range(0, minutes, step))

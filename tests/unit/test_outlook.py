"""What a supervisor is told before the start: how many calls, until when, how many abandoned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from engine.domain.schedule import parse_schedule
from engine.simulate.outlook import Pace, Work, expected_calls, foresee, pace_of
from engine.simulate.scenario import Scenario, Times

#: A Wednesday.
NOON = datetime(2026, 5, 13, 12, tzinfo=UTC)
DAYTIME = parse_schedule("mon-fri;09:00-16:59")
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("contacts", "tries", "answer", "calls"),
    [
        (100, 1.0, 0.5, 100.0),
        (100, 2.0, 0.5, 150.0),  # half of them answer the first call
        (100, 3.0, 0.0, 300.0),
        (100, 3.0, 1.0, 100.0),
        (0, 0.0, 0.3, 0.0),
    ],
)
def test_each_contact_is_called_until_it_answers_or_its_numbers_are_used_up(
    contacts: float, tries: float, answer: float, calls: float
) -> None:
    assert expected_calls(Work(contacts, {}, tries), answer) == pytest.approx(calls)


@pytest.mark.parametrize(
    ("now", "opens", "ends"),
    [
        (100, {}, NOON + HOUR),
        (500, {}, NOON + 5 * HOUR),
        (600, {}, NOON + 22 * HOUR),  # five hours today, one tomorrow from nine on
        (0, {}, NOON),
        (0, {NOON + 2 * HOUR: 100}, NOON + 3 * HOUR),
        (50, {NOON + 2 * HOUR: 100, NOON + 7 * HOUR: 50}, NOON + 21.5 * HOUR),  # the evening is closed
        (10, {NOON + timedelta(days=90): 1}, None),
        (10_000_000, {}, None),
    ],
)
def test_the_end_is_reckoned_by_what_opens_when_and_by_the_schedule(
    now: float, opens: dict[datetime, float], ends: datetime | None
) -> None:
    found = foresee(Work(now, opens, 1.0), Pace(100, 0.25, 0.02), DAYTIME, NOON, lambda at: at)
    assert found.ends == ends
    assert found.answered == pytest.approx(found.calls * 0.25)
    assert found.abandoned == pytest.approx(found.answered * 0.02)


def test_the_pace_is_that_of_the_dialers_own_way_of_dialling() -> None:
    scenario = Scenario(agents=10, hours=0.5, answer=((0.0, 0.25),))
    predictive, preview = pace_of(scenario, "Predictive"), pace_of(scenario, " preview ")
    assert predictive.calls > 1.1 * preview.calls
    assert predictive.answer == pytest.approx(0.25, abs=0.05)
    assert 0 <= predictive.abandonment < 0.05
    assert preview.abandonment == 0


def test_a_broadcast_fills_its_channels() -> None:
    scenario = Scenario(answer=((0.0, 0.5),), ring=Times(10), talk=Times(50), give_up=30, max_channels=45)
    pace = pace_of(scenario, "VoiceBroadCast")
    assert pace.calls == pytest.approx(45 * 3600 / 45)
    assert (pace.answer, pace.abandonment) == (0.5, 0.0)

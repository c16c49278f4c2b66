"""`overdial simulate`: days in virtual time with the real pacer, and what must hold on each of them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from engine.cli import main
from engine.domain.pacing import PROFILES, Bound, PredictivePacer, Snapshot
from engine.resources import resource
from engine.simulate.clock import EPOCH
from engine.simulate.day import Day
from engine.simulate.run import play, predictive_dialer
from engine.simulate.scenario import Absence, Amd, Scenario, Storm, public
from engine.simulate.world import SharedWorld, World

SHORT = replace(public(10), hours=0.75)


def a_day(scenario: Scenario, policy: str = "predictive") -> Day:
    return next(play(scenario, policy, 1))


def test_predicting_keeps_agents_busier_than_one_call_per_agent_within_the_budget() -> None:
    ours, progressive = a_day(replace(SHORT, hours=1.0)), a_day(SHORT, "progressive")
    assert ours.utilisation > progressive.utilisation + 0.1
    assert ours.abandonment <= 0.03
    assert progressive.abandoned == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"answer": ((0.0, 0.1), (0.4, 0.5))},
        {"absences": (Absence(0.4, 0.2),)},
        {"amd": Amd(), "profile": PROFILES["US"]},
        {"contacts": 700, "closes_known": False},
        {"contacts": 700},
        {"storms": (Storm(0.2, 0.2),)},
        {"storms": (Storm(0.2, 0.2, 1.0, after=1.0),)},
        {"agents": 2},
        {"latency": 0.5},
        {"ring_after": 3.0},
        {"breaks": 0.5, "break_minutes": 5.0},
    ],
)
def test_no_day_passes_the_limit(changes: dict[str, object]) -> None:
    day = a_day(replace(SHORT, **changes))  # type: ignore[arg-type]
    assert day.abandoned <= 0.03 * day.answered + 1
    assert day.connected > 20


def test_limits_of_channels_and_calls_per_second_hold_and_are_named() -> None:
    day = a_day(replace(SHORT, trunk_channels=12, cps=1.0))
    assert day.placed <= 0.75 * 3600 + 1
    assert {"trunk_channels", "cps"} <= set(day.bounds)
    assert max(calls for _, _, _, calls in day.timeline) <= 12


def test_the_same_seed_gives_the_same_day_and_a_second_day_goes_on_learning() -> None:
    short = replace(SHORT, hours=0.4)
    assert a_day(short).utilisation == a_day(short).utilisation
    pacer, dialer = PredictivePacer(SHORT.profile), predictive_dialer(SHORT)
    first = World(short, pacer, dialer, 1).play()
    second = World(short, pacer, dialer, 1, day=1).play()
    assert second.bounds.get("data", 0) < first.bounds["data"]
    assert second.abandonment <= 0.03


def test_power_with_an_overdial_worked_out_in_real_time_stays_inside_the_budget_too() -> None:
    day = a_day(SHORT, "power")
    assert day.utilisation > a_day(SHORT, "progressive").utilisation + 0.05
    assert day.abandonment <= 0.03


def test_campaigns_that_share_agents_each_stay_inside_their_budget_and_both_are_heard() -> None:
    """One that has learnt, or has the better list, leaves the other its part of the agents."""
    poor = replace(SHORT, answer=((0.0, 0.18),))
    sides = [(each, PredictivePacer(each.profile), predictive_dialer(each)) for each in (SHORT, poor)]
    days = SharedWorld(sides, 3).run()
    for day in days:
        assert day.abandoned <= 0.03 * day.answered + 1
        assert day.utilisation > 0.1
    assert sum(day.utilisation for day in days) > a_day(SHORT, "progressive").utilisation + 0.1


def test_who_has_reached_its_share_of_the_agents_leaves_the_rest_to_others() -> None:
    campaign = replace(SHORT, hours=0.3)
    pacer, dialer = PredictivePacer(campaign.profile), predictive_dialer(campaign)
    World(campaign, pacer, dialer, 1).play()
    seats = Snapshot(
        dialer, ready=6, ringing=0, talking=5, wrapup=0, dialling=0, waiting=0, channels=5, rivals=0.1,
        elsewhere=1,
    )  # fmt: skip
    now = EPOCH + timedelta(hours=0.3)
    alone, half = pacer.decide(seats, now), pacer.decide(replace(seats, share=0.5), now)
    assert 0 < half.calls < alone.calls
    assert (half.bound, half.detail["expected"]) == (Bound.AGENTS, pytest.approx(1.0, abs=0.3))
    assert "50%" in half.reason


def test_the_command_prints_a_table_and_writes_json_and_a_picture(tmp_path: Path) -> None:
    figures, picture = tmp_path / "days.json", tmp_path / "days.svg"
    options = ["--agents", "4", "--hours", "0.2", "--seeds", "2", "--plain"]
    files = ["--json", str(figures), "--plot", str(picture)]
    result = CliRunner().invoke(main, ["simulate", *options, *files])
    assert result.exit_code == 0, result.output
    assert "progressive" in result.output
    data = json.loads(figures.read_text("utf-8"))
    assert [policy["policy"] for policy in data["policies"]] == ["predictive", "progressive"]
    assert len(data["policies"][0]["days"]) == 2
    assert picture.read_text("utf-8").startswith("<svg")


def test_a_target_lowers_what_the_rules_allow_and_never_raises_it(tmp_path: Path) -> None:
    def rate(target: str) -> float:
        figures = tmp_path / "day.json"
        options = ["--agents", "2", "--hours", "0.05", "--seeds", "1", "--plain", "--target", target]
        result = CliRunner().invoke(main, ["simulate", *options, "--json", str(figures)])
        assert result.exit_code == 0, result.output
        return float(json.loads(figures.read_text("utf-8"))["scenario"]["profile"]["rate"])

    assert (rate("2"), rate("9")) == (0.02, 0.03)


def test_a_list_without_its_campaign_is_refused() -> None:
    result = CliRunner().invoke(main, ["simulate", "--list", "march", "--plain"])
    assert result.exit_code == 2
    assert "--campaign" in result.output


@pytest.mark.parametrize("answer", ["much", "0=", "200", "0=30,x=15"])
def test_an_answer_rate_that_cannot_be_read_is_refused_with_an_example(answer: str) -> None:
    result = CliRunner().invoke(main, ["simulate", "--answer", answer, "--plain"])
    assert result.exit_code == 2
    assert "per cent" in result.output


def test_the_driver_in_the_documentation_works() -> None:
    text = (resource("schema.sql").parent / "docs" / "pacing.md").read_text("utf-8")
    code = re.search(r"```python\n(.*?)```", text, re.DOTALL)
    assert code is not None
    lines = [line for line in code[1].splitlines() if line and not line.startswith(("from", "import"))]
    assert len(lines) <= 30
    names: dict[str, object] = {}
    exec(compile(code[1], "docs/pacing.md", "exec"), names)  # noqa: S102 - our own document
    assert names["served"] > 300  # type: ignore[operator]
    assert names["lost"] <= 0.04 * names["served"]  # type: ignore[operator]

"""What a simulation came to, for the terminal and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from engine.simulate.run import Summary
from engine.simulate.scenario import Scenario


def table(scenario: Scenario, summaries: Sequence[Summary]) -> Table:
    """Return one row per policy. Busy: talk and wrap-up ÷ time on duty; lost: abandoned ÷ answered."""
    days = len(summaries[0].days)
    result = Table(
        title=f"{scenario.agents} agents, {scenario.hours:g} h, {days} days each; "
        f"rules: {scenario.profile.name}"
    )
    result.add_column("policy", no_wrap=True)
    for heading in (
        "busy",
        "lost",
        "worst day",
        "calls per agent h",
        "dials per answer",
        "bound by",
    ):
        result.add_column(heading, justify="right")
    limit = scenario.profile.rate
    for summary in summaries:
        worst = f"{summary.worst_day:.2%}"
        bound = ", ".join(f"{name} {share:.0%}" for name, share in list(summary.bounds().items())[:2])
        result.add_row(
            summary.policy,
            f"{summary.utilisation:.1%}",
            f"{summary.abandonment:.2%}",
            f"[red]{worst}[/red]" if summary.worst_day > limit else worst,
            f"{summary.calls_per_agent_hour:.1f}",
            f"{summary.dials_per_answer:.2f}",
            bound,
        )
    return result


def as_json(scenario: Scenario, summaries: Sequence[Summary]) -> dict[str, object]:
    """Return scenario and results for programs; shares from 0 to 1, one entry per day."""
    profile = asdict(scenario.profile)
    profile["since"] = scenario.profile.since.value
    return {
        "scenario": {**asdict(scenario), "profile": profile},
        "policies": [
            {
                "policy": summary.policy,
                "utilisation": summary.utilisation,
                "abandonment": summary.abandonment,
                "worst_day": summary.worst_day,
                "calls_per_agent_hour": summary.calls_per_agent_hour,
                "dials_per_answer": summary.dials_per_answer,
                "bounds": summary.bounds(),
                "days": [
                    {
                        "utilisation": day.utilisation,
                        "abandonment": day.abandonment,
                        "placed": day.placed,
                        "answered": day.answered,
                        "abandoned": day.abandoned,
                        "connected": day.connected,
                    }
                    for day in summary.days
                ],
            }
            for summary in summaries
        ],
    }


def show(console: Console, scenario: Scenario, summaries: Sequence[Summary]) -> None:
    """Print the table."""
    console.print(table(scenario, summaries))

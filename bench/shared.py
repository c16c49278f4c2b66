"""Campaigns that share their agents, and one campaign over several days of its rules' window."""

from __future__ import annotations

import json
from dataclasses import replace

from engine.domain.pacing import PredictivePacer
from engine.domain.pacing.profiles import US
from engine.simulate.run import predictive_dialer
from engine.simulate.scenario import Scenario, Times, public
from engine.simulate.world import SharedWorld, World


def pair(agents: int) -> tuple[Scenario, Scenario]:
    """Two campaigns on the same agents: the benchmark's, and one of rarer answers and longer talks."""
    first = public(agents)
    second = replace(first, name="second", answer=((0.0, 0.12),), talk=Times(120.0, 0.6, 0.3))
    return replace(first, name="first"), second


def shared(agents: int, seeds: range) -> None:
    """Print for each campaign what the days came to; the agents' utilisation is the sum of both."""
    sides = pair(agents)
    days = [
        SharedWorld([(s, PredictivePacer(s.profile), predictive_dialer(s)) for s in sides], seed).run()
        for seed in seeds
    ]
    for scenario, each in zip(sides, zip(*days, strict=True), strict=True):
        lost, answered = sum(day.abandoned for day in each), sum(day.answered for day in each)
        _print(
            scenario=f"shared, {scenario.name} campaign",
            agents=agents,
            utilisation=sum(day.utilisation for day in each) / len(each),
            abandonment=lost / max(answered, 1),
            worst_day=max(day.abandonment for day in each),
            answered=answered / len(each),
            seeds=len(each),
        )


def window(agents: int, days: int) -> None:
    """Print consecutive days of one pacer under the US rules (30 days), each with the window so far."""
    scenario = replace(public(agents), name="window", profile=US)
    pacer, dialer = PredictivePacer(US), predictive_dialer(scenario)
    for number in range(days):
        day = World(scenario, pacer, dialer, 1, number).play()
        total = pacer.budget.window
        _print(
            scenario=f"day {number + 1} of {US.window_days}",
            agents=agents,
            utilisation=day.utilisation,
            abandonment=day.abandonment,
            window=total.abandoned / max(total.answered, 1),
        )


def _print(**cell: str | float) -> None:
    shares = ("utilisation", "abandonment", "worst_day", "window")
    line = {name: round(100 * float(cell[name]), 2) if name in shares else cell[name] for name in cell}
    print(json.dumps({"policy": "overdial", **line}), flush=True)

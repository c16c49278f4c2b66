"""How busy agents are kept, and how many callers are lost: our pacer beside progressive dialling and peers.

    make bench-pacing                                  the whole table (hours on one core)
    make bench-pacing ARGS="--agents 20 --seeds 12"    one row of it
    make bench-pacing ARGS="--unseen --agents 20"      our pacer under other traffic
    make bench-pacing ARGS="--contacts --agents 20"    what it gains to know the contacts
    make bench-pacing ARGS="--shared --agents 20"      two campaigns that share their agents
    make bench-pacing ARGS="--days 5 --agents 20"      consecutive days under the US rules
    make bench-pacing ARGS="--decision"                what one decision costs

One JSON object per line and cell. All policies meet the same contacts, talk times and agents in one
simulator (common random numbers); utilisation is talk and wrap-up ÷ time on duty, abandonment is per
call answered by a person, worst_day the worst of all seeds, all in per cent. `(tuned)`: the setting
with the highest utilisation among those that kept every tuning day at 3 % or less, or if none did, the
one with the lowest worst day; chosen in hindsight, on two of the seeds, to the peer's advantage.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from bench.decision import measure
from bench.issabel import Issabel
from bench.shared import shared, window
from bench.vicidial import Limits, Method, Vicidial
from engine.domain.model import Dialer, DialerType
from engine.domain.pacing import (
    Pacer,
    PowerPacer,
    PredictivePacer,
    Traits,
)
from engine.domain.pacing.profiles import UK, US
from engine.simulate.day import Day
from engine.simulate.run import a_dialer, predictive_dialer
from engine.simulate.scenario import Absence, Amd, Group, Scenario, Storm, Times, public, steps
from engine.simulate.world import World

#: A policy: a fresh pacer and the dialer it runs under.
Policy = Callable[[], tuple[Pacer, Dialer]]
TUNING_SEEDS = (0, 1)
LAW = 0.03


def ours(scenario: Scenario) -> Policy:
    return lambda: (PredictivePacer(scenario.profile), predictive_dialer(scenario))


def ratio(percent: int) -> Policy:
    """Lines per idle agent, fixed: 100 is progressive dialling."""
    dialer = a_dialer(DialerType.POWER, tbc=100 - percent)
    return lambda: (PowerPacer(), dialer)


def vicidial(method: Method, **limits: float) -> Policy:
    return lambda: (Vicidial(method, replace(Limits(), **limits)), a_dialer(DialerType.POWER))


def issabel(overcommit: bool) -> Policy:
    return lambda: (Issabel(overcommit=overcommit), a_dialer(DialerType.POWER))


def fixed_policies(scenario: Scenario) -> Iterator[tuple[str, Policy]]:
    """Yield every policy that needs no tuning."""
    yield "overdial", ours(scenario)
    yield "progressive", ratio(100)
    for percent in (150, 200, 300):
        yield f"ratio {percent / 100:g} per idle agent", ratio(percent)
    yield "issabel", issabel(False)
    yield "issabel overcommit", issabel(True)
    yield "vicidial RATIO 1.5", vicidial(Method.RATIO, level=1.5)
    yield "vicidial RATIO 2", vicidial(Method.RATIO, level=2.0)
    for method in (Method.HARD_LIMIT, Method.AVERAGE, Method.TAPERED):
        yield f"vicidial {method.value}", vicidial(method)


def tuned_policies() -> Iterator[tuple[str, dict[str, Policy]]]:
    """Yield the policies that are tuned in hindsight, with their candidates."""
    yield "ratio per idle agent", {f"{p / 100:g}": ratio(p) for p in range(120, 400, 20)}
    levels = [1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0, 2.5]
    yield "vicidial RATIO", {f"{x:g}": vicidial(Method.RATIO, level=x) for x in levels}
    for method in (Method.HARD_LIMIT, Method.AVERAGE, Method.TAPERED):
        yield (
            f"vicidial {method.value}",
            {
                f"max {maximum:g}, drop {drop:g} %": vicidial(method, maximum=maximum, drop=drop)
                for maximum in (1.2, 1.5, 1.8, 2.2, 3.0)
                for drop in (2.0, 3.0)
            },
        )


def play(scenario: Scenario, policy: Policy, seeds: Iterable[int]) -> list[Day]:
    days = []
    for seed in seeds:
        pacer, dialer = policy()
        days.append(World(scenario, pacer, dialer, seed).play())
    return days


def emit(name: str, scenario: Scenario, days: list[Day], seconds: float, **more: object) -> None:
    count = len(days)
    cell = {
        "policy": name,
        "scenario": scenario.name,
        "agents": scenario.agents,
        "utilisation": round(100 * sum(day.utilisation for day in days) / count, 2),
        "abandonment": round(100 * sum(d.abandoned for d in days) / max(sum(d.answered for d in days), 1), 3),
        "worst_day": round(100 * max(day.abandonment for day in days), 3),
        "calls_per_agent_hour": round(sum(day.calls_per_agent_hour for day in days) / count, 2),
        "seeds": count,
        "cpu_s_per_day": round(seconds / count, 2),
        **more,
    }
    print(json.dumps(cell), flush=True)


def tune(scenario: Scenario, candidates: dict[str, Policy]) -> str:
    """Return the candidate that is best within the law on the tuning days."""
    best, best_score = "", (-2.0, 0.0)
    for name, policy in candidates.items():
        days = play(scenario, policy, TUNING_SEEDS)
        worst = max(day.abandonment for day in days)
        busy = sum(day.utilisation for day in days)
        score = (0.0, busy) if worst <= LAW else (-worst, 0.0)
        if score > best_score:
            best, best_score = name, score
    return best


def cell(scenario: Scenario, seeds: range, only: str) -> None:
    for name, policy in fixed_policies(scenario):
        if only in name:
            started = time.process_time()
            days = play(scenario, policy, seeds)
            emit(name, scenario, days, time.process_time() - started)
    for name, candidates in tuned_policies():
        if only in f"{name} (tuned)":
            chosen = tune(scenario, candidates)
            started = time.process_time()
            days = play(scenario, candidates[chosen], seeds)
            emit(f"{name} (tuned)", scenario, days, time.process_time() - started, setting=chosen)


def differing(agents: int) -> Scenario:
    """Contacts that differ: a few good ones, many poor ones, told apart by list, attempt, type, history."""
    groups = (
        Group(Traits("fresh", 1, "M", 18, "reached"), 0.15, 2.6),
        Group(Traits("fresh", 1, "H", 11, ""), 0.25, 1.2),
        Group(Traits("fresh", 2, "H", 11, "never"), 0.20, 0.6),
        Group(Traits("old", 3, "W", 14, "never"), 0.25, 0.25),
        Group(Traits("old", 1, "M", 18, "reached"), 0.15, 1.5),
    )
    return replace(public(agents), name="differing", groups=groups)


def contacts(agents: int, seeds: range) -> None:
    """What it gains to know the contacts: not told, told of calls in flight, told of the next ones too."""
    scenario = differing(agents)
    blind = replace(
        scenario,
        name="differing, traits hidden",
        groups=tuple(replace(group, traits=Traits()) for group in scenario.groups),
    )
    ahead = replace(scenario, name="differing, next contacts known too", peek=True)
    noise = replace(
        public(agents),
        name="traits that say nothing",
        groups=tuple(replace(group, factor=1.0) for group in scenario.groups),
        peek=True,
    )
    for variant in (blind, scenario, ahead, noise):
        started = time.process_time()
        days = play(variant, ours(variant), seeds)
        emit("overdial", variant, days, time.process_time() - started)


def unseen(agents: int) -> Iterator[Scenario]:
    """Yield traffic that nothing was tuned to."""
    base = public(agents)
    yield replace(base, name="8 % answer", answer=((0.0, 0.08),))
    yield replace(base, name="45 % answer", answer=((0.0, 0.45),))
    yield replace(base, name="talk 30 s", talk=Times(30.0, 0.6, 0.3))
    yield replace(base, name="talk 300 s", talk=Times(300.0, 0.6, 0.3), wrapup=Times(30.0, 0.5))
    yield replace(base, name="breaks every 1.5 h", breaks=1.5, break_minutes=10.0)
    yield replace(
        base, name="all leave for 1 h, later half", absences=(Absence(3.0, 1.0), Absence(6.0, 1.0, 0.5))
    )
    yield replace(base, name="AMD 3 s, US rules", amd=Amd(), profile=US)
    yield replace(base, name="AMD 3 s, UK rules", amd=Amd(), profile=UK)
    yield replace(base, name="answers swing by 40 % in 1.5 h", swing=0.4, swing_hours=1.5)
    yield replace(base, name="talk time doubles over the day", talk_drift=2.0)
    yield replace(base, name="patience 0.5 s", patience=0.5)
    yield replace(base, name="patience 5 s", patience=5.0)
    yield replace(base, name="list runs dry", contacts=300 * agents, closes_known=False)
    yield replace(base, name="list runs dry, closing known", contacts=300 * agents)
    storms = (Storm(2.0, 0.2), Storm(7.25, 0.5, 0.95))
    yield replace(base, name="the network refuses 9 in 10 for a while", storms=storms)
    yield replace(base, name="ringing reported, 3 s later", ring_after=3.0)
    yield replace(base, name="events 0.5 s late", latency=0.5)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--agents", type=int, nargs="*", default=[5, 10, 20, 50, 100])
    parser.add_argument("--seeds", type=int, default=12)
    parser.add_argument("--scenario", choices=("talk60", "talk180", "steps"), nargs="*", default=[])
    parser.add_argument("--policy", default="", help="only policies whose name contains this")
    parser.add_argument("--decision", action="store_true", help="time one decision instead")
    parser.add_argument("--unseen", action="store_true", help="our pacer under other traffic instead")
    parser.add_argument("--contacts", action="store_true", help="what knowing the contacts gains instead")
    parser.add_argument("--shared", action="store_true", help="two campaigns on the same agents instead")
    parser.add_argument("--days", type=int, default=0, help="so many days of one pacer, US rules, instead")
    options = parser.parse_args()
    if options.decision:
        measure(replace(differing(30), hours=0.5))
        sys.exit()
    seeds = range(options.seeds)
    makers: dict[str, Callable[[int], Scenario]] = {
        "talk60": public,
        "talk180": lambda agents: public(agents, 180.0),
        "steps": steps,
    }
    for agents in options.agents:
        if options.contacts:
            contacts(agents, seeds)
            continue
        if options.shared:
            shared(agents, seeds)
            continue
        if options.days:
            window(agents, options.days)
            continue
        if options.unseen:
            for scenario in unseen(agents):
                started = time.process_time()
                days = play(scenario, ours(scenario), seeds)
                emit("overdial", scenario, days, time.process_time() - started)
            continue
        for name in options.scenario or makers:
            cell(makers[name](agents), seeds, options.policy)


if __name__ == "__main__":
    main()

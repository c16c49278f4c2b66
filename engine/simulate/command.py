"""`overdial simulate`: options to scenario, progress, table, JSON and plot."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import Progress

from engine.domain.pacing import PROFILES, STRICT, Profile
from engine.simulate.plot import draw
from engine.simulate.report import as_json, show
from engine.simulate.run import POLICIES, Summary, play
from engine.simulate.scenario import Absence, Amd, Scenario, Times


def read_rates(text: str) -> tuple[tuple[float, float], ...]:
    """Read `25` or `0=30,2.7=15,5.3=40`: per cent answered by a person, from the hour of the day on."""
    rates = []
    for entry in text.split(","):
        hour, separator, rate = entry.rpartition("=")
        try:
            rates.append((float(hour) if separator else 0.0, float(rate) / 100))
        except ValueError as error:
            raise click.BadParameter(f"{entry!r} is not a per cent value like 25 or 2.5=15") from error
        if not 0 < rates[-1][1] <= 1:
            raise click.BadParameter(f"{entry!r}: use more than 0 and at most 100 per cent")
    return tuple(sorted(rates))


def scenario_of(options: dict[str, object]) -> Scenario:
    """Return the scenario that the command's options describe."""

    def number(name: str) -> float:
        return float(str(options[name]))

    leave = options["leave"]
    return Scenario(
        agents=int(number("agents")),
        hours=number("hours"),
        answer=read_rates(str(options["answer"])),
        ring=Times(number("ring"), 0.45),
        talk=Times(number("talk"), 0.6, 0.3),
        wrapup=Times(number("wrapup"), 0.5),
        patience=number("patience"),
        amd=Amd() if options["amd"] else None,
        breaks=number("breaks"),
        absences=() if leave is None else (Absence(float(str(leave)), 1.0),),
        contacts=None if options["contacts"] is None else int(number("contacts")),
        latency=number("latency"),
        max_channels=int(number("maxchannels")),
        trunk_channels=None if options["trunk_channels"] is None else int(number("trunk_channels")),
        cps=None if options["cps"] is None else number("cps"),
        profile=_rules(str(options["rules"]), options["target"]),
    )


def _rules(name: str, target: object) -> Profile:
    """Return the jurisdiction's rules; a target in per cent lowers their rate, never raises it."""
    rules = PROFILES.get(name.upper(), STRICT)
    return rules if target is None else replace(rules, rate=min(rules.rate, float(str(target)) / 100))


def run(scenario: Scenario, policies: Sequence[str], seeds: int, overdial: int, plain: bool) -> list[Summary]:
    """Play all days behind a progress bar (none with `plain`)."""
    console = Console(stderr=True)
    summaries = []
    with Progress(console=console, disable=plain) as progress:
        task = progress.add_task("days", total=len(policies) * seeds)
        for policy in policies:
            days = []
            for day in play(scenario, policy, seeds, overdial):
                days.append(day)
                progress.advance(task)
            summaries.append(Summary(policy, tuple(days)))
    return summaries


@click.command()
@click.option("--agents", default=20, show_default=True, type=click.IntRange(1, 1000))
@click.option("--hours", default=8.0, show_default=True, type=click.FloatRange(0.05, 24))
@click.option(
    "--answer", default="25", show_default=True, help="% answered by a person, or 0=30,2.7=15 from hours on."
)
@click.option(
    "--ring", default=12.0, show_default=True, type=click.FloatRange(1, 60), help="Mean s until the answer."
)
@click.option("--talk", default=60.0, show_default=True, type=click.FloatRange(1, 3600), help="Mean s.")
@click.option("--wrapup", default=10.0, show_default=True, type=click.FloatRange(0, 600), help="Mean s.")
@click.option(
    "--patience", default=2.0, show_default=True, type=click.FloatRange(0.1, 60), help="s a caller waits."
)
@click.option("--amd", is_flag=True, help="With answering-machine detection of 3 s and its mistakes.")
@click.option(
    "--breaks", default=0.0, show_default=True, type=click.FloatRange(0, 24), help="Mean h between breaks."
)
@click.option("--leave", type=click.FloatRange(0, 24), help="Hour at which everybody leaves for an hour.")
@click.option("--contacts", type=click.IntRange(1), help="Contacts on the list (default: enough).")
@click.option(
    "--latency", default=0.0, show_default=True, type=click.FloatRange(0, 30), help="s by which events lag."
)
@click.option("--maxchannels", default=100, show_default=True, type=click.IntRange(0), help="Per agent.")
@click.option("--trunk-channels", type=click.IntRange(1))
@click.option("--cps", type=click.FloatRange(0.1, 1000), help="Calls per second of the trunk.")
@click.option("--rules", default="strict", show_default=True, help="Jurisdiction: strict, US or UK.")
@click.option("--target", type=click.FloatRange(0.1, 100), help="% abandoned at most (default: the rules').")
@click.option(
    "--policy",
    "policies",
    multiple=True,
    default=("predictive", "progressive"),
    show_default=True,
    type=click.Choice(POLICIES),
)
@click.option(
    "--overdial", default=0, type=click.IntRange(0, 10_000), help="% for power; 0: worked out in real time."
)
@click.option("--seeds", default=4, show_default=True, type=click.IntRange(1, 1000), help="Days per policy.")
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path, dir_okay=False), help="Write the results here."
)
@click.option("--plot", type=click.Path(path_type=Path, dir_okay=False), help="Write an SVG picture here.")
@click.option("--plain", is_flag=True, help="No progress bar.")
@click.option("--campaign", help="Learn what is not given from this campaign's own calls in the database.")
@click.option("--list", "list_name", help="Only this list of the campaign: its calls and its contacts.")
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), help="For --campaign: as elsewhere."
)
def simulate(
    policies: tuple[str, ...],
    overdial: int,
    seeds: int,
    json_path: Path | None,
    plot: Path | None,
    plain: bool,
    campaign: str | None,
    list_name: str | None,
    config: Path | None,
    **options: object,
) -> None:
    """Play campaign days with the real pacer in virtual time."""
    context = click.get_current_context()
    if list_name is not None and campaign is None:
        raise click.UsageError("--list needs --campaign: whose list is it?")
    if campaign is not None:
        for name, value in context.obj(config, campaign, list_name or "").items():
            if context.get_parameter_source(name) is ParameterSource.DEFAULT:
                options[name] = value
    scenario = scenario_of(options)
    summaries = run(scenario, policies, seeds, overdial, plain)
    show(Console(), scenario, summaries)
    if json_path is not None:
        json_path.write_text(json.dumps(as_json(scenario, summaries), indent=1) + "\n", "utf-8")
    if plot is not None:
        title = f"{scenario.agents} agents, {scenario.hours:g} h, {seeds} days each"
        plot.write_text(draw(title, summaries, scenario.profile.rate), "utf-8")

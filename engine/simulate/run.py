"""Plays days with the product's own pacer and adds them up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from engine.domain.callerid import parse_callerid
from engine.domain.dialstring import parse_dialstring
from engine.domain.model import CampaignName, Dialer, DialerType
from engine.domain.pacing import Pacer, PowerPacer, PredictivePacer
from engine.domain.schedule import parse_schedule
from engine.domain.variables import Variables
from engine.simulate.day import Day
from engine.simulate.scenario import Scenario
from engine.simulate.world import World

#: Policies that `overdial simulate` offers.
POLICIES = ("predictive", "power", "progressive")


def a_dialer(kind: DialerType, tbc: int = 0, max_channels: int = 1_000_000, am: int = 0) -> Dialer:
    """Return a dialer as the pacer sees it; what only dialling needs is left plain."""
    return Dialer(
        name=CampaignName("SIM<-"),
        dialer_type=kind,
        schedule=parse_schedule("sun-sat;00:00-23:59"),
        dial_string=parse_dialstring("SIP/SIM/"),
        context="sim",
        exten="${EXTEN}",
        caller_id=parse_callerid("100"),
        variables=Variables(()),
        max_channels=max_channels,
        timeout=30,
        tbc=tbc,
        tbc_nocontact=0,
        retries=0,
        am=am,
    )


def predictive_dialer(scenario: Scenario) -> Dialer:
    """Return the scenario's predictive dialer."""
    return a_dialer(DialerType.PREDICTIVE, max_channels=scenario.max_channels, am=1 if scenario.amd else 0)


def policy(name: str, scenario: Scenario, overdial: int = 0) -> tuple[Pacer, Dialer]:
    """Return a fresh pacer of that name and its dialer; `overdial` in per cent, for power.

    `power` without an overdial works it out in real time.
    """
    if name == "predictive":
        return PredictivePacer(scenario.profile), predictive_dialer(scenario)
    tbc = 0 if name == "progressive" else -overdial or -1
    return PowerPacer(scenario.profile), a_dialer(DialerType.POWER, tbc, am=1 if scenario.amd else 0)


def play(scenario: Scenario, name: str, seeds: int, overdial: int = 0) -> Iterator[Day]:
    """Play one day per seed; every policy meets the same contacts."""
    for seed in range(seeds):
        pacer, dialer = policy(name, scenario, overdial)
        yield World(scenario, pacer, dialer, seed).play()


@dataclass(frozen=True, slots=True)
class Summary:
    """Several days of one policy. Shares from 0 to 1."""

    policy: str
    days: tuple[Day, ...]

    @property
    def utilisation(self) -> float:
        """Return talk and wrap-up ÷ time on duty, mean over the days."""
        return sum(day.utilisation for day in self.days) / len(self.days)

    @property
    def abandonment(self) -> float:
        """Return abandoned ÷ answered by a person, over all days."""
        answered = sum(day.answered for day in self.days)
        return sum(day.abandoned for day in self.days) / answered if answered else 0.0

    @property
    def worst_day(self) -> float:
        """Return the highest abandonment of any day."""
        return max(day.abandonment for day in self.days)

    @property
    def calls_per_agent_hour(self) -> float:
        """Return calls connected per agent and hour on duty, mean over the days."""
        return sum(day.calls_per_agent_hour for day in self.days) / len(self.days)

    @property
    def dials_per_answer(self) -> float:
        """Return calls placed per call that a person answered."""
        answered = sum(day.answered for day in self.days)
        return sum(day.placed for day in self.days) / answered if answered else 0.0

    def bounds(self) -> dict[str, float]:
        """Return what bound the decisions, as shares of all, the most frequent first."""
        total = sum(day.decisions for day in self.days) or 1
        counts: dict[str, int] = {}
        for day in self.days:
            for bound, count in day.bounds.items():
                counts[bound] = counts.get(bound, 0) + count
        return {bound: n / total for bound, n in sorted(counts.items(), key=lambda item: -item[1])}

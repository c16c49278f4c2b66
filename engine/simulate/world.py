"""A day in virtual time: one campaign, or several that share their agents, on one clock."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from datetime import timedelta
from random import Random

from engine.domain.model import Dialer
from engine.domain.pacing import Pacer
from engine.domain.pacing.rivals import Rivals
from engine.simulate.campaign import Campaign
from engine.simulate.clock import EPOCH, Clock
from engine.simulate.day import Day
from engine.simulate.floor import Floor
from engine.simulate.scenario import Scenario

#: The pacers are asked at least so often (s).
TICK = 1.0
#: What a campaign is: its traffic, its pacer, its settings.
Side = tuple[Scenario, Pacer, Dialer]


class SharedWorld:
    """A day of campaigns that share the agents (and the hours) of the first one's scenario."""

    def __init__(self, sides: Sequence[Side], seed: int, day: int = 0) -> None:
        first = sides[0][0]
        self._clock = clock = Clock(EPOCH + timedelta(days=day))
        self._end = first.hours * 3600
        # The order in which things of one moment were arranged is that in which they happen.
        clock.at(0.0, self._tick)
        clock.at(0.0, self._minute)
        self._floor = Floor(first, clock, Random(f"agents {seed} {day}"))
        self._rivals = Rivals()
        self._campaigns = [
            Campaign(scenario, pacer, dialer, clock, self._floor, (seed + 10_000 * index) * 1000 + day)
            for index, (scenario, pacer, dialer) in enumerate(sides)
        ]
        self._turns = deque(self._campaigns)

    def run(self) -> list[Day]:
        """Play the day until the last call has ended; return what each campaign made of it.

        All agents' time on duty counts for each: their utilisations add up.
        """
        clock = self._clock
        while (t := clock.next) is not None:
            self._account(t)
            clock.advance(t)
            if t < self._end:
                # Nobody is always the first to be asked.
                self._turns.rotate()
                for campaign in self._turns:
                    campaign.decide(self._rivals)
        return [campaign.day for campaign in self._campaigns]

    def _account(self, t: float) -> None:
        passed = min(t, self._end) - min(self._clock.t, self._end)
        if passed > 0:
            staff = self._floor.working + len(self._floor.idle)
            for campaign in self._campaigns:
                campaign.day.busy += passed * (campaign.talking + campaign.wrapping)
                campaign.day.staffed += passed * staff

    def _tick(self) -> None:
        if self._clock.t + TICK < self._end:
            self._clock.at(self._clock.t + TICK, self._tick)

    def _minute(self) -> None:
        t, idle = self._clock.t, len(self._floor.idle)
        for campaign in self._campaigns:
            working = campaign.talking + campaign.wrapping
            campaign.day.timeline.append((t / 3600, working, idle, campaign.in_flight))
        if t + 60.0 <= self._end:
            self._clock.at(t + 60.0, self._minute)


class World(SharedWorld):
    """A day of one campaign that has its agents for itself; `day` days after EPOCH."""

    def __init__(self, scenario: Scenario, pacer: Pacer, dialer: Dialer, seed: int, day: int = 0) -> None:
        super().__init__([(scenario, pacer, dialer)], seed, day)

    def play(self) -> Day:
        """Play the day."""
        return self.run()[0]

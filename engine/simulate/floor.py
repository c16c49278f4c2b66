"""The agents of a simulated day: who is free, who talks to whom, who is on a break or has left."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Protocol

from engine.domain.agent import SeatState
from engine.simulate.clock import Clock
from engine.simulate.contacts import Call
from engine.simulate.scenario import Scenario

_AT_WORK = (SeatState.TALKING, SeatState.WRAPUP)


class Side(Protocol):
    """A campaign as the floor sees it."""

    talking: int
    wrapping: int

    def seat_changed(self, agent: str, before: SeatState, after: SeatState, lasted: float) -> None:
        """A seat of the campaign's queue went from one state to another."""

    def connect(self, call: Call, agent: Agent) -> None:
        """The agent takes the campaign's waiting call."""


@dataclass(slots=True)
class Agent:
    """`side`: the campaign whose call it is, while there is one."""

    name: str
    state: SeatState = SeatState.READY
    since: float = 0.0
    side: Side | None = None
    away: bool = False
    due_break: float = float("inf")


class Floor:
    """Agents whom one campaign has, or several share, and the callers who wait for them, first come first."""

    def __init__(self, scenario: Scenario, clock: Clock, dice: Random) -> None:
        self._scenario, self._clock, self._random = scenario, clock, dice
        self.agents = [Agent(f"A{index}") for index in range(scenario.agents)]
        self.idle: deque[Agent] = deque(self.agents)
        self.sides: list[Side] = []
        self._waiting: deque[tuple[Side, Call]] = deque()
        for absence in scenario.absences:
            clock.at(absence.start * 3600, self._leave, absence.agents, absence.hours * 3600)
        if scenario.breaks:
            for agent in self.agents:
                agent.due_break = dice.expovariate(1 / (scenario.breaks * 3600))

    @property
    def working(self) -> int:
        """Return how many talk or wrap up."""
        return sum(side.talking + side.wrapping for side in self.sides)

    def waiting(self, side: Side) -> int:
        """Return the campaign's callers who wait."""
        return sum(1 for other, _ in self._waiting if other is side)

    def want(self, side: Side, call: Call) -> bool:
        """A caller needs an agent; False when he has to wait."""
        if self.idle:
            side.connect(call, self.idle.popleft())
            return True
        self._waiting.append((side, call))
        return False

    def give_up(self, side: Side, call: Call) -> None:
        """A caller waits no more."""
        self._waiting.remove((side, call))

    def enter(self, agent: Agent, state: SeatState, side: Side | None = None) -> None:
        """The seat changes its state, in every queue that it sits in: another campaign's call is `busy`."""
        clock = self._clock
        before, owner, lasted = agent.state, agent.side, clock.t - agent.since
        agent.state, agent.since, agent.side = state, clock.t, side
        for each in self.sides:
            seen = before if owner is each or before not in _AT_WORK else SeatState.BUSY
            sees = state if side is each or state not in _AT_WORK else SeatState.BUSY
            if seen is not sees:
                each.seat_changed(agent.name, seen, sees, lasted)

    def free(self, agent: Agent) -> None:
        """Wrap-up or absence is over: the next caller, a break, or ready."""
        if agent.away:
            if agent.state is not SeatState.GONE:
                self.enter(agent, SeatState.GONE)
            return
        clock = self._clock
        if clock.t >= agent.due_break and agent.state is not SeatState.PAUSED:
            scenario = self._scenario
            self.enter(agent, SeatState.PAUSED)
            length = self._random.uniform(0.5, 1.5) * scenario.break_minutes * 60
            agent.due_break = clock.t + length + self._random.expovariate(1 / (scenario.breaks * 3600))
            clock.at(clock.t + length, self.free, agent)
            return
        self.enter(agent, SeatState.READY)
        if self._waiting:
            side, call = self._waiting.popleft()
            side.connect(call, agent)
        else:
            self.idle.append(agent)

    def _leave(self, share: float, seconds: float) -> None:
        """Many leave at the same moment: the idle at once, the others after their call."""
        leaving = self.agents[: round(share * len(self.agents))]
        for agent in leaving:
            agent.away = True
            if agent in self.idle:
                self.idle.remove(agent)
                self.enter(agent, SeatState.GONE)
        self._clock.at(self._clock.t + seconds, self._return, leaving)

    def _return(self, leaving: list[Agent]) -> None:
        for agent in leaving:
            agent.away = False
            if agent.state is SeatState.GONE:
                self.free(agent)

"""A campaign day in virtual time: contacts, carrier, AMD, queue and agents on one event heap.

The pacer under test is the one that runs live: it sees the same events and the same snapshot.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from heapq import heappop, heappush
from random import Random

from engine.domain import events as ev
from engine.domain.agent import SeatState
from engine.domain.model import Dialer
from engine.domain.pacing import (
    CallInFlight,
    Decision,
    Pacer,
    Placed,
    SeatChanged,
    SeatInUse,
    Since,
    Snapshot,
    TokenBucket,
)
from engine.simulate.contacts import Contact, ContactList
from engine.simulate.scenario import Scenario

#: When every simulated day begins.
EPOCH = datetime(2026, 1, 5, 9, tzinfo=UTC)
#: The pacer is asked at least so often (s).
TICK = 1.0
_QUEUE = "SIM"


@dataclass(slots=True)
class Day:
    """What a day came to. Times in s; `timeline`: (hour, busy, idle, calls in flight) once a minute."""

    staffed: float = 0.0
    busy: float = 0.0
    placed: int = 0
    answered: float = 0.0
    abandoned: float = 0.0
    connected: int = 0
    decisions: int = 0
    bounds: dict[str, int] = field(default_factory=dict)
    timeline: list[tuple[float, int, int, int]] = field(default_factory=list)

    @property
    def utilisation(self) -> float:
        """Return talk and wrap-up ÷ time on duty."""
        return self.busy / self.staffed if self.staffed else 0.0

    @property
    def abandonment(self) -> float:
        """Return abandoned ÷ answered by a person."""
        return self.abandoned / self.answered if self.answered else 0.0

    @property
    def calls_per_agent_hour(self) -> float:
        """Return calls connected per hour on duty."""
        return self.connected * 3600 / self.staffed if self.staffed else 0.0


@dataclass(slots=True)
class _Call:
    id: str
    contact: Contact
    view: CallInFlight
    human: bool = False
    answered: float = 0.0
    waiting: bool = False


@dataclass(slots=True)
class _Agent:
    name: str
    state: SeatState = SeatState.READY
    since: float = 0.0
    away: bool = False
    due_break: float = float("inf")


class World:
    """One day of one campaign. `run` plays it; `offset` days after EPOCH."""

    def __init__(self, scenario: Scenario, pacer: Pacer, dialer: Dialer, seed: int, day: int = 0) -> None:
        self.scenario = scenario
        self._pacer = pacer
        self._dialer = dialer
        self._list = ContactList(scenario, seed * 1000 + day)
        self._random = Random(f"agents {seed} {day}")
        self._start = EPOCH + timedelta(days=day)
        self._today: date = self._start.date()
        self._end = scenario.hours * 3600
        self._closes = self._start + timedelta(seconds=self._end) if scenario.closes_known else None
        self._heap: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._order = 0
        self.t = 0.0
        self.now = self._start
        self._agents = [_Agent(f"A{index}") for index in range(scenario.agents)]
        self._idle: deque[_Agent] = deque(self._agents)
        self._views: dict[str, CallInFlight] = {}
        self._seats: dict[str, SeatInUse] = {}
        self._waiting: deque[_Call] = deque()
        self._pending = 0
        self._channels = 0
        self._talking = self._wrapping = 0
        self._bucket = TokenBucket(scenario.cps) if scenario.cps else None
        self._last: datetime | None = None
        self._wake = float("inf")
        self._calls = 0
        self.day = Day()
        # From pick-up or from the verdict, as the profile counts.
        self._from_answer = scenario.profile.since is Since.ANSWER

    def run(self) -> Day:
        """Play the day until the last call has ended."""
        scenario = self.scenario
        self._at(0.0, self._tick)
        self._at(0.0, self._minute)
        for absence in scenario.absences:
            self._at(absence.start * 3600, self._leave, absence.agents, absence.hours * 3600)
        if scenario.breaks:
            for agent in self._agents:
                agent.due_break = self._random.expovariate(1 / (scenario.breaks * 3600))
        heap = self._heap
        while heap:
            t = heap[0][0]
            self._advance(t)
            while heap and heap[0][0] <= t:
                _, _, act, arguments = heappop(heap)
                act(*arguments)
            if t < self._end:
                self._decide()
        return self.day

    # Time

    def _at(self, t: float, act: Callable[..., None], *arguments: object) -> None:
        self._order += 1
        heappush(self._heap, (t, self._order, act, arguments))

    def _advance(self, t: float) -> None:
        passed = min(t, self._end) - min(self.t, self._end)
        if passed > 0:
            working = self._talking + self._wrapping
            self.day.busy += passed * working
            self.day.staffed += passed * (working + len(self._idle))
        self.t = t
        self.now = self._start + timedelta(seconds=t)

    def _tick(self) -> None:
        if self.t + TICK < self._end:
            self._at(self.t + TICK, self._tick)

    def _nothing(self) -> None:
        """Somebody asked to be woken."""

    def _minute(self) -> None:
        working = self._talking + self._wrapping
        self.day.timeline.append((self.t / 3600, working, len(self._idle), len(self._views)))
        if self.t + 60.0 <= self._end:
            self._at(self.t + 60.0, self._minute)

    # Decisions

    def _decide(self) -> None:
        decision = self._pacer.decide(self.snapshot(), self.now)
        day = self.day
        day.decisions += 1
        day.bounds[decision.bound] = day.bounds.get(decision.bound, 0) + 1
        if decision.wake_at is not None:
            wake = max((decision.wake_at - self._start).total_seconds(), self.t + 1e-3)
            if wake < self._wake or self._wake <= self.t:
                self._wake = wake
                self._at(wake, self._nothing)
        self._carry_out(decision)

    def _carry_out(self, decision: Decision) -> None:
        if self._bucket is not None and decision.calls:
            self._bucket.take(decision.calls, self.now)
        for _ in range(decision.calls):
            contact = self._list.take()
            if contact is None:
                return
            if self.scenario.latency:
                self._pending += 1
                self._at(self.t + self.scenario.latency, self._late, contact)
            else:
                self._place(contact)

    def snapshot(self) -> Snapshot:
        """Return the pacer's view of this moment."""
        scenario = self.scenario
        bucket = self._bucket
        return Snapshot(
            dialer=self._dialer,
            ready=len(self._idle),
            ringing=0,
            talking=self._talking,
            wrapup=self._wrapping,
            dialling=len(self._views) + self._pending,
            waiting=len(self._waiting),
            channels=self._channels + self._pending,
            last_originate=self._last,
            calls=tuple(self._views.values()),
            seats=tuple(self._seats.values()),
            today=self._today,
            closes_at=self._closes,
            contacts=self._list.left,
            upcoming=self._list.peek(6) if scenario.peek else (),
            trunk_room=None
            if scenario.trunk_channels is None
            else scenario.trunk_channels - self._channels - self._pending,
            trunk_calls=None if bucket is None else bucket.available(self.now),
            trunk_next=None if bucket is None else bucket.next_at(self.now),
            lag=scenario.latency,
        )

    # Calls

    def _late(self, contact: Contact) -> None:
        self._pending -= 1
        self._place(contact)

    def _place(self, contact: Contact) -> None:
        scenario, t = self.scenario, self.t
        self._calls += 1
        name = str(self._calls)
        view = CallInFlight(name, self.now, traits=contact.traits)
        call = _Call(name, contact, view)
        self._views[name] = view
        self._channels += 1
        self._last = self.now
        self.day.placed += 1
        self._pacer.observe(Placed(self.now, name, contact.traits))
        pick_up = contact.ring + scenario.ring_after
        rings = True
        if self._list.answers(contact, t / 3600) and pick_up < scenario.give_up:
            call.human = True
            self._at(t + pick_up, self._answer, call)
        else:
            rings = self._unanswered(call, pick_up)
        if scenario.ring_after and rings:
            self._at(t + scenario.ring_after, self._ring, call)

    def _unanswered(self, call: _Call, pick_up: float) -> bool:
        """Let the call end as nobody's; return whether it rings."""
        endings, t, die = self.scenario.endings, self.t, call.contact.ending
        if die < endings.busy:
            self._at(t + endings.busy_after, self._hang_up, call)
            return False
        if die < endings.busy + endings.failed:
            self._at(t + endings.failed_after, self._hang_up, call)
            return False
        if die < endings.busy + endings.failed + endings.machine and pick_up < self.scenario.give_up:
            if self.scenario.amd:
                self._at(t + pick_up, self._answer, call)
            else:
                self._at(t + pick_up + endings.machine_after, self._hang_up, call)
        else:
            self._at(t + self.scenario.give_up, self._hang_up, call)
        return True

    def _ring(self, call: _Call) -> None:
        if call.id in self._views:
            view = call.view
            call.view = self._views[call.id] = CallInFlight(view.call, view.sent, self.now, None, view.traits)
            self._pacer.observe(ev.Ringing(self.now, call.id, ""))

    def _answer(self, call: _Call) -> None:
        call.answered = self.t
        amd = self.scenario.amd
        self._pacer.observe(ev.Answered(self.now, call.id, ""))
        if amd is None:
            self._want(call)
            return
        view = call.view
        self._views[call.id] = CallInFlight(view.call, view.sent, view.ringing, self.now, view.traits)
        mistaken = call.contact.mistaken < (amd.false_positives if call.human else amd.missed)
        self._at(self.t + call.contact.listening, self._judge, call, call.human != mistaken)

    def _judge(self, call: _Call, human: bool) -> None:
        self._pacer.observe(ev.MachineJudged(self.now, call.id, "HUMAN" if human else "MACHINE", ""))
        if human:
            self._want(call)
            return
        if call.human and self.scenario.profile.false_positives:
            self.day.answered += 1
            self.day.abandoned += 1
        self._hang_up(call)

    def _hang_up(self, call: _Call) -> None:
        self._channels -= 1
        self._views.pop(call.id, None)
        self._pacer.observe(ev.HungUp(self.now, call.id, "", 16, None))

    def _want(self, call: _Call) -> None:
        """The call needs an agent."""
        del self._views[call.id]
        self._pacer.observe(ev.CallerJoined(self.now, call.id, _QUEUE, 1, ""))
        if self._idle:
            self._connect(call, self._idle.popleft())
            return
        call.waiting = True
        self._waiting.append(call)
        self._at(self.t + self.scenario.patience, self._abandon, call)

    def _abandon(self, call: _Call) -> None:
        if not call.waiting:
            return
        self._waiting.remove(call)
        self._channels -= 1
        self.day.answered += 1
        self.day.abandoned += 1
        self._pacer.observe(ev.CallerAbandoned(self.now, call.id, _QUEUE, 1, 1, 0))
        self._pacer.observe(ev.HungUp(self.now, call.id, "", 16, None))

    def _connect(self, call: _Call, agent: _Agent) -> None:
        waited = 0.0
        if call.waiting:
            call.waiting = False
        start = call.answered
        if not self._from_answer and self.scenario.amd:
            start += call.contact.listening
        waited = self.t - start
        self.day.answered += 1
        self.day.connected += 1
        if waited > self.scenario.profile.seconds + 1e-6:
            self.day.abandoned += 1
        self._pacer.observe(
            ev.AgentConnected(self.now, call.id, _QUEUE, agent.name, agent.name, "", "", int(waited), 0)
        )
        self._enter(agent, SeatState.TALKING)
        drift = 1.0 + (self.scenario.talk_drift - 1.0) * self.t / self._end
        talk = call.contact.talk * drift if call.human else 6.0
        self._at(self.t + talk, self._finish, call, agent)

    # Agents

    def _enter(self, agent: _Agent, state: SeatState) -> None:
        """The seat changes its state; the pacer hears how long the old one lasted."""
        before, lasted = agent.state, self.t - agent.since
        agent.state, agent.since = state, self.t
        self._talking += (state is SeatState.TALKING) - (before is SeatState.TALKING)
        self._wrapping += (state is SeatState.WRAPUP) - (before is SeatState.WRAPUP)
        if state in (SeatState.TALKING, SeatState.WRAPUP, SeatState.PAUSED):
            self._seats[agent.name] = SeatInUse(state, self.now)
        else:
            self._seats.pop(agent.name, None)
        self._pacer.observe(SeatChanged(self.now, before, state, lasted))

    def _finish(self, call: _Call, agent: _Agent) -> None:
        self._channels -= 1
        self._pacer.observe(
            ev.AgentCompleted(self.now, call.id, _QUEUE, agent.name, agent.name, "caller", 0, 0)
        )
        self._pacer.observe(ev.HungUp(self.now, call.id, "", 16, None))
        self._enter(agent, SeatState.WRAPUP)
        self._at(self.t + call.contact.wrapup, self._free, agent)

    def _free(self, agent: _Agent) -> None:
        """Wrap-up or absence is over: the next caller, a break, or ready."""
        if agent.away:
            if agent.state is not SeatState.GONE:
                self._enter(agent, SeatState.GONE)
            return
        if self.t >= agent.due_break and agent.state is not SeatState.PAUSED:
            scenario = self.scenario
            self._enter(agent, SeatState.PAUSED)
            length = self._random.uniform(0.5, 1.5) * scenario.break_minutes * 60
            agent.due_break = self.t + length + self._random.expovariate(1 / (scenario.breaks * 3600))
            self._at(self.t + length, self._free, agent)
            return
        self._enter(agent, SeatState.READY)
        if self._waiting:
            self._connect(self._waiting.popleft(), agent)
        else:
            self._idle.append(agent)

    def _leave(self, share: float, seconds: float) -> None:
        """Many leave at the same moment: the idle at once, the others after their call."""
        leaving = self._agents[: round(share * len(self._agents))]
        for agent in leaving:
            agent.away = True
            if agent in self._idle:
                self._idle.remove(agent)
                self._enter(agent, SeatState.GONE)
        self._at(self.t + seconds, self._return, leaving)

    def _return(self, leaving: list[_Agent]) -> None:
        for agent in leaving:
            agent.away = False
            if agent.state is SeatState.GONE:
                self._free(agent)

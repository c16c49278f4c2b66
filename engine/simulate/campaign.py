"""One campaign of a simulated day: its contacts, the carrier, AMD, and what its pacer sees and decides.

The pacer under test is the one that runs live: it sees the same events and the same snapshot.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
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
from engine.domain.pacing.rivals import Rivals, Shared
from engine.simulate.clock import Clock
from engine.simulate.contacts import Call, Contact, ContactList
from engine.simulate.day import Day
from engine.simulate.floor import Agent, Floor
from engine.simulate.scenario import Scenario

_QUEUE = "SIM"
_SEATED = (SeatState.TALKING, SeatState.WRAPUP, SeatState.PAUSED)


class Campaign:
    """Dials its list with its pacer for the agents of a floor, which others may share."""

    def __init__(
        self, scenario: Scenario, pacer: Pacer, dialer: Dialer, clock: Clock, floor: Floor, seed: int
    ) -> None:
        self.scenario = scenario
        self._pacer = pacer
        self._dialer = dialer
        self._clock = clock
        self._floor = floor
        self._list = ContactList(scenario, seed)
        self._weather = Random(f"weather {seed}")
        self._today: date = clock.start.date()
        self._end = scenario.hours * 3600
        self._closes = clock.start + timedelta(seconds=self._end) if scenario.closes_known else None
        self._views: dict[str, CallInFlight] = {}
        self._seats: dict[str, SeatInUse] = {}
        self._all_seats = frozenset(agent.name for agent in floor.agents)
        self._pending = 0
        self._channels = 0
        self.talking = self.wrapping = 0
        self._bucket = TokenBucket(scenario.cps) if scenario.cps else None
        self._last: datetime | None = None
        self._wake = float("inf")
        self._calls = 0
        self.day = Day()
        # From pick-up or from the verdict, as the profile counts.
        self._from_answer = scenario.profile.since is Since.ANSWER
        floor.sides.append(self)

    @property
    def in_flight(self) -> int:
        """Return the calls of which it is not known yet whether they need an agent."""
        return len(self._views)

    def _nothing(self) -> None:
        """Somebody asked to be woken."""

    # Decisions

    def decide(self, rivals: Rivals) -> None:
        """Ask the pacer, and place what it decides."""
        clock = self._clock
        shared = rivals.of(self, self._all_seats, clock.now)
        decision = self._pacer.decide(self.snapshot(shared), clock.now)
        rivals.note(self, decision, self._all_seats, clock.now)
        day = self.day
        day.decisions += 1
        day.bounds[decision.bound] = day.bounds.get(decision.bound, 0) + 1
        if decision.wake_at is not None:
            wake = max((decision.wake_at - self._clock.start).total_seconds(), self._clock.t + 1e-3)
            if wake < self._wake or self._wake <= self._clock.t:
                self._wake = wake
                self._clock.at(wake, self._nothing)
        self._carry_out(decision)

    def _carry_out(self, decision: Decision) -> None:
        if self._bucket is not None and decision.calls:
            self._bucket.take(decision.calls, self._clock.now)
        for _ in range(decision.calls):
            contact = self._list.take()
            if contact is None:
                return
            if self.scenario.latency:
                self._pending += 1
                self._clock.at(self._clock.t + self.scenario.latency, self._late, contact)
            else:
                self._place(contact)

    def snapshot(self, shared: Shared) -> Snapshot:
        """Return the pacer's view of this moment."""
        scenario = self.scenario
        bucket = self._bucket
        return Snapshot(
            dialer=self._dialer,
            ready=len(self._floor.idle),
            ringing=0,
            talking=self.talking,
            wrapup=self.wrapping,
            dialling=len(self._views) + self._pending,
            waiting=self._floor.waiting(self),
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
            trunk_calls=None if bucket is None else bucket.available(self._clock.now),
            trunk_next=None if bucket is None else bucket.next_at(self._clock.now),
            lag=scenario.latency,
            rivals=shared.callers,
            relief=shared.relief,
            elsewhere=self._floor.working - self.talking - self.wrapping,
            share=shared.share,
        )

    # Calls

    def _late(self, contact: Contact) -> None:
        self._pending -= 1
        self._place(contact)

    def _place(self, contact: Contact) -> None:
        scenario, t = self.scenario, self._clock.t
        self._calls += 1
        name = str(self._calls)
        view = CallInFlight(name, self._clock.now, traits=contact.traits)
        call = Call(name, contact, view)
        self._views[name] = view
        self._channels += 1
        self._last = self._clock.now
        self.day.placed += 1
        self._pacer.observe(Placed(self._clock.now, name, contact.traits))
        pick_up = contact.ring + scenario.ring_after
        rings = True
        if (after := self._refused()) is not None:
            rings = False
            self._clock.at(t + after, self._hang_up, call)
        elif self._list.answers(contact, t / 3600) and pick_up < scenario.give_up:
            call.human = True
            self._clock.at(t + pick_up, self._answer, call)
        else:
            rings = self._unanswered(call, pick_up)
        if scenario.ring_after and rings:
            self._clock.at(t + scenario.ring_after, self._ring, call)

    def _refused(self) -> float | None:
        """Return after how long the network refuses a call placed now; None: it passes it on."""
        hour = self._clock.t / 3600
        for storm in self.scenario.storms:
            if storm.start <= hour < storm.start + storm.hours and self._weather.random() < storm.share:
                return storm.after
        return None

    def _unanswered(self, call: Call, pick_up: float) -> bool:
        """Let the call end as nobody's; return whether it rings."""
        endings, t, die = self.scenario.endings, self._clock.t, call.contact.ending
        if die < endings.busy:
            self._clock.at(t + endings.busy_after, self._hang_up, call)
            return False
        if die < endings.busy + endings.failed:
            self._clock.at(t + endings.failed_after, self._hang_up, call)
            return False
        if die < endings.busy + endings.failed + endings.machine and pick_up < self.scenario.give_up:
            if self.scenario.amd:
                self._clock.at(t + pick_up, self._answer, call)
            else:
                self._clock.at(t + pick_up + endings.machine_after, self._hang_up, call)
        else:
            self._clock.at(t + self.scenario.give_up, self._hang_up, call)
        return True

    def _ring(self, call: Call) -> None:
        if call.id in self._views:
            view = call.view
            call.view = self._views[call.id] = CallInFlight(
                view.call, view.sent, self._clock.now, None, view.traits
            )
            self._pacer.observe(ev.Ringing(self._clock.now, call.id, ""))

    def _answer(self, call: Call) -> None:
        call.answered = self._clock.t
        amd = self.scenario.amd
        self._pacer.observe(ev.Answered(self._clock.now, call.id, ""))
        if amd is None:
            self._want(call)
            return
        view = call.view
        self._views[call.id] = CallInFlight(view.call, view.sent, view.ringing, self._clock.now, view.traits)
        mistaken = call.contact.mistaken < (amd.false_positives if call.human else amd.missed)
        self._clock.at(self._clock.t + call.contact.listening, self._judge, call, call.human != mistaken)

    def _judge(self, call: Call, human: bool) -> None:
        self._pacer.observe(ev.MachineJudged(self._clock.now, call.id, "HUMAN" if human else "MACHINE", ""))
        if human:
            self._want(call)
            return
        if call.human and self.scenario.profile.false_positives:
            self.day.answered += 1
            self.day.abandoned += 1
        self._hang_up(call)

    def _hang_up(self, call: Call) -> None:
        self._channels -= 1
        self._views.pop(call.id, None)
        self._pacer.observe(ev.HungUp(self._clock.now, call.id, "", 16, None))

    def _want(self, call: Call) -> None:
        """The call needs an agent."""
        del self._views[call.id]
        self._pacer.observe(ev.CallerJoined(self._clock.now, call.id, _QUEUE, 1, ""))
        if not self._floor.want(self, call):
            call.waiting = True
            self._clock.at(self._clock.t + self.scenario.patience, self._abandon, call)

    def _abandon(self, call: Call) -> None:
        if not call.waiting:
            return
        self._floor.give_up(self, call)
        self._channels -= 1
        self.day.answered += 1
        self.day.abandoned += 1
        self._pacer.observe(ev.CallerAbandoned(self._clock.now, call.id, _QUEUE, 1, 1, 0))
        self._pacer.observe(ev.HungUp(self._clock.now, call.id, "", 16, None))

    def connect(self, call: Call, agent: Agent) -> None:
        """An agent takes the call."""
        call.waiting = False
        start = call.answered
        if not self._from_answer and self.scenario.amd:
            start += call.contact.listening
        waited = self._clock.t - start
        self.day.answered += 1
        self.day.connected += 1
        if waited > self.scenario.profile.seconds + 1e-6:
            self.day.abandoned += 1
        self._pacer.observe(
            ev.AgentConnected(
                self._clock.now, call.id, _QUEUE, agent.name, agent.name, "", "", int(waited), 0
            )
        )
        self._floor.enter(agent, SeatState.TALKING, self)
        drift = 1.0 + (self.scenario.talk_drift - 1.0) * self._clock.t / self._end
        talk = call.contact.talk * drift if call.human else 6.0
        self._clock.at(self._clock.t + talk, self._finish, call, agent)

    def _finish(self, call: Call, agent: Agent) -> None:
        self._channels -= 1
        self._pacer.observe(
            ev.AgentCompleted(self._clock.now, call.id, _QUEUE, agent.name, agent.name, "caller", 0, 0)
        )
        self._pacer.observe(ev.HungUp(self._clock.now, call.id, "", 16, None))
        self._floor.enter(agent, SeatState.WRAPUP, self)
        self._clock.at(self._clock.t + call.contact.wrapup, self._floor.free, agent)

    def seat_changed(self, agent: str, before: SeatState, after: SeatState, lasted: float) -> None:
        """A seat of the queue went from one state to another: the pacer hears how long the old one lasted."""
        self.talking += (after is SeatState.TALKING) - (before is SeatState.TALKING)
        self.wrapping += (after is SeatState.WRAPUP) - (before is SeatState.WRAPUP)
        if after in _SEATED:
            self._seats[agent] = SeatInUse(after, self._clock.now)
        else:
            self._seats.pop(agent, None)
        self._pacer.observe(SeatChanged(self._clock.now, before, after, lasted))

"""Follows each call of the campaign through its events, and tells the learners and the budget."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from engine.domain import events as ev
from engine.domain.pacing.base import Placed, Traits
from engine.domain.pacing.learn_answers import AnswerRate, Delays, Share
from engine.domain.pacing.learn_contacts import ContactWeights, weight_of
from engine.domain.pacing.profiles import Profile, Since

#: A call that ends sooner (s) and never rang was refused by the network: nobody was asked to answer.
AT_ONCE = 2.0
#: Rounding of moments that is forgiven when the law's seconds are compared (s).
TOLERANCE = 0.001


@dataclass(slots=True)
class _Call:
    """What is remembered of a call until it is over."""

    traits: Traits
    level: int
    chance: float
    sent: datetime
    ringing: datetime | None = None
    answered: datetime | None = None
    wanted: datetime | None = None
    offered: datetime | None = None
    over: bool = False


@dataclass(frozen=True, slots=True)
class Phase:
    """One stage of a call in flight: how it goes on from here."""

    delays: Delays
    share: Share


class CallFollower:
    """The learners of the calls, fed by events. Events may come late, twice or not at all.

    `served(late)` is called once per call that a person answered: was it abandoned as the profile
    has it? `machine()` once per call that AMD took for a machine.
    """

    def __init__(self, profile: Profile, served: Callable[[bool], None], machine: Callable[[], None]) -> None:
        self.profile = profile
        self._served = served
        self._machine = machine
        self.judges = False
        self.rate = AnswerRate()
        self.weights = ContactWeights()
        self.dialled = Delays(12.0)
        self.ringing = Phase(Delays(10.0), Share(0.4))
        self.judged = Phase(Delays(2.5), Share(0.6))
        self.machines = Share(0.0, 400.0)
        self.patience = profile.seconds
        #: Mean time from the ringing of an agent's phone to the talk (s): the caller waits for that, too.
        self.pick_up = 0.0
        self._picked = 0
        #: What AMD takes of an answered call (s): the mean of the first calls, then of the last thirty or so.
        self.listening = 0.0
        self._listened = 0
        #: The level (see `ContactWeights`) at which each call in flight was placed.
        self.levels: dict[str, int] = {}
        self._calls: dict[str, _Call] = {}

    @property
    def seconds(self) -> float:
        """Return within which time an agent must be free for a caller (s): the law's, or his patience,
        less what AMD took of it and what the agent takes to pick up."""
        seconds = self.profile.seconds
        if self.judges and self.profile.since is Since.ANSWER:
            seconds -= self.listening
        return max(min(seconds, self.patience) - self.pick_up, 0.0)

    def observe(self, event: ev.CallEvent | Placed) -> None:
        """Take one event in."""
        if isinstance(event, Placed):
            self._place(event)
            return
        call = self._calls.get(event.call)
        if call is None:
            return
        match event:
            case ev.Ringing():
                call.ringing = call.ringing or event.at
            case ev.Answered():
                call.answered = call.answered or event.at
                if not self.judges:
                    self._want(call, event.at)
            case ev.MachineJudged(status="MACHINE"):
                self.judges = True  # a dialplan may listen although the dialer does not ask for it
                self._judged(call, event.at)
                self.machines.add(True)
                self._machine()
                self._end(call, event.at)
            case ev.MachineJudged(status="HANGUP"):
                self._end(call, event.at)
            case ev.MachineJudged() | ev.CallerJoined() | ev.AgentOffered():
                self._judged(call, event.at)
                self._want(call, event.at)
                if isinstance(event, ev.AgentOffered):
                    call.offered = event.at
            case ev.AgentConnected():
                self._want(call, event.at)
                if call.offered is not None:
                    self._picked_up((event.at - call.offered).total_seconds())
                self._serve(call, event.at)
            case ev.CallerAbandoned() | ev.QueueExited():
                self._lose(call, event.at)
            case ev.OriginateRefused() | ev.OriginateFailed() | ev.HungUp() | ev.Vanished() | ev.Overdue():
                if call.wanted is not None:
                    self._lose(call, event.at)
                else:
                    self._end(call, event.at)
                del self._calls[event.call], self.levels[event.call]
            case _:
                pass

    def _place(self, event: Placed) -> None:
        level = self.weights.level(event.traits)
        weight = weight_of(level)
        chance = min(self.rate.share * weight, 0.98)
        self._calls[event.call] = _Call(event.traits, level, chance, event.at)
        self.levels[event.call] = level
        self.rate.placed(event.at, weight, self.dialled.density)

    def _judged(self, call: _Call, at: datetime) -> None:
        if call.wanted is None and call.answered is not None:
            self._listened += 1
            took = (at - call.answered).total_seconds()
            self.listening += max(0.03, 1 / self._listened) * (took - self.listening)

    def _picked_up(self, seconds: float) -> None:
        self._picked += 1
        self.pick_up += max(1.0 / self._picked, 0.05) * (max(seconds, 0.0) - self.pick_up)

    def _want(self, call: _Call, at: datetime) -> None:
        """A person answered and needs an agent."""
        if call.wanted is not None or call.over:
            return
        call.wanted = at
        self.rate.answered()
        self.machines.add(False)
        self.dialled.became_caller((at - call.sent).total_seconds())
        self._learn(call, at, True)

    def _end(self, call: _Call, at: datetime) -> None:
        """The call ended, or went to a machine; nobody needs an agent."""
        if call.wanted is not None or call.over:
            return
        call.over = True
        seconds = (at - call.sent).total_seconds()
        if call.ringing is None and call.answered is None and seconds < AT_ONCE:
            self.rate.refused(call.sent, weight_of(call.level))
            return
        self.dialled.ended(seconds)
        self._learn(call, at, False)

    def _learn(self, call: _Call, at: datetime, wanted: bool) -> None:
        self.weights.learn(call.traits, call.chance, wanted)
        for phase, since in ((self.ringing, call.ringing), (self.judged, call.answered)):
            if since is None or since == at:
                continue
            phase.share.add(wanted)
            seconds = (at - since).total_seconds()
            if wanted:
                phase.delays.became_caller(seconds)
            else:
                phase.delays.ended(seconds)

    def _serve(self, call: _Call, at: datetime) -> None:
        if not call.over:
            call.over = True
            self._served(self._waited(call, at) > self.profile.seconds + TOLERANCE)

    def _lose(self, call: _Call, at: datetime) -> None:
        """A person left without an agent."""
        self._want(call, at)
        if call.over:
            return
        call.over = True
        waited = (at - (call.wanted or at)).total_seconds()
        self.patience += 0.05 * (min(waited, self.profile.seconds) - self.patience)
        self._served(True)

    def _waited(self, call: _Call, at: datetime) -> float:
        start = call.wanted
        if self.profile.since is Since.ANSWER and call.answered is not None:
            start = call.answered
        return (at - (start or at)).total_seconds()

"""What a queue's figures are now and were today: averages as Asterisk counts them, totals by the local day.

Fed by the same events as the picture; nothing is asked for. Averages are those of Asterisk's `QueueSummary`
(a quarter of each new value, in whole seconds), so that both say the same at any moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from engine.domain import events as ev


@dataclass(slots=True)
class DayFigures:
    """The calls of one queue on one day. `holds`, `lost`: calls that an agent finished, and that left
    without one, by the seconds that they had waited; `talked`: s in all."""

    holds: Counter[int] = field(default_factory=Counter)
    lost: Counter[int] = field(default_factory=Counter)
    talked: int = 0

    @property
    def completed(self) -> int:
        return self.holds.total()

    @property
    def abandoned(self) -> int:
        return self.lost.total()

    @property
    def held(self) -> int:
        """Seconds that the finished calls had waited, in all."""
        return sum(seconds * calls for seconds, calls in self.holds.items())

    def service_level(self, threshold: int) -> tuple[float, float]:
        """Return both of Asterisk's formulas, in %: of the finished calls, and of all calls, those that had
        waited `threshold` s at most."""
        within = _within(self.holds, threshold)
        everybody = self.completed + self.abandoned
        first = 100.0 * within / self.completed if self.completed else 0.0
        second = 100.0 * (within + _within(self.lost, threshold)) / everybody if everybody else 0.0
        return first, second


def _within(waits: Counter[int], threshold: int) -> int:
    return sum(calls for seconds, calls in waits.items() if seconds <= threshold)


@dataclass(slots=True)
class QueueFigures:
    """One queue: Asterisk's own settings, averages (s) and count of finished calls, who waits since when,
    and today. `missing`: calls without a channel when channels were listed last."""

    strategy: str = ""
    service_level: int = 0
    hold: int = 0
    talk: int = 0
    completed: int = 0
    since: dict[str, datetime] = field(default_factory=dict)
    queued: set[str] = field(default_factory=set)
    talking: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    today: DayFigures = field(default_factory=DayFigures)

    def forget_gone(self, live: Container[str]) -> None:
        """Let go of calls whose ends were never told: those without a channel in two lists, one after the
        other. After one alone the end of a talk may still be on its way."""
        gone = {call for call in self.queued | self.talking if call not in live}
        self.queued -= gone & self.missing
        self.talking -= gone & self.missing
        self.missing = gone - self.missing

    def longest(self, now: datetime) -> int:
        """Return how long who waits longest has waited (s)."""
        return max((int((now - at).total_seconds()) for at in self.since.values()), default=0)


def _average(old: int, new: int) -> int:
    return (3 * old + new) // 4


class Figures:
    """All queues, by name without regard to case. `day_of` gives the local day of a moment."""

    def __init__(self, day_of: Callable[[datetime], date] = datetime.date) -> None:
        self._day_of = day_of
        self._queues: dict[str, QueueFigures] = {}
        self._day: date | None = None

    def of(self, queue: str) -> QueueFigures:
        """Return the figures of a queue; an unknown one has none."""
        return self._queues.get(queue.casefold()) or QueueFigures()

    def begin(self, day: date, known: Mapping[str, DayFigures]) -> None:
        """Take over what the records say of a day."""
        self._day = day
        for name, figures in known.items():
            self._of(name).today = figures

    def turn(self, now: datetime) -> None:
        """At midnight (local) the counting begins anew."""
        day = self._day_of(now)
        if self._day is not None and day != self._day:
            for figures in self._queues.values():
                figures.today = DayFigures()
        self._day = day

    def _of(self, queue: str) -> QueueFigures:
        return self._queues.setdefault(queue.casefold(), QueueFigures())

    def apply(self, event: ev.Event) -> None:
        """Take in one event."""
        match event:
            case ev.QueuesListed():
                self._listed(event)
            case ev.ChannelsListed(live=live):
                for figures in self._queues.values():
                    figures.forget_gone(live)
            case ev.HungUp(call=call):
                for figures in self._queues.values():
                    figures.since.pop(call, None)
                    figures.queued.discard(call)
            case ev.QueueEvent():
                self.turn(event.at)
                self._queue_event(event)
            case _:
                pass

    def _queue_event(self, event: ev.QueueEvent) -> None:
        figures, call = self._of(event.queue), event.call
        match event:
            case ev.CallerJoined():
                figures.since[call] = event.at
                figures.queued.add(call)
            case ev.CallerLeft():
                figures.since.pop(call, None)
            case ev.CallerAbandoned(hold=hold):
                figures.since.pop(call, None)
                figures.today.lost[hold] += 1
            case ev.AgentConnected(hold=hold) if call in figures.queued:
                # A call with a reserved agent does not pass Asterisk's queue: no average knows of it.
                figures.queued.discard(call)
                figures.talking.add(call)
                figures.hold = _average(figures.hold, hold)
            case ev.AgentCompleted(hold=hold, talk=talk):
                if call in figures.talking:
                    figures.talking.discard(call)
                    figures.completed += 1
                    # The first talk is the average; the waiting time has no such beginning.
                    figures.talk = talk if figures.completed == 1 else _average(figures.talk, talk)
                figures.today.holds[hold] += 1
                figures.today.talked += talk
            case _:
                pass

    def _listed(self, listed: ev.QueuesListed) -> None:
        for figures in self._queues.values():
            figures.since.clear()
        for facts in listed.facts:
            figures = self._of(facts.queue)
            figures.strategy, figures.service_level = facts.strategy, facts.service_level
            figures.hold, figures.talk, figures.completed = facts.hold, facts.talk, facts.completed
        for waiting in listed.waiting:
            figures = self._of(waiting.queue)
            figures.since[waiting.call] = waiting.since or listed.at
            figures.queued.add(waiting.call)

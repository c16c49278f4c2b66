"""Before the start: how fast a campaign will go, when it is done, how many calls are abandoned."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.domain.schedule import Schedule
from engine.simulate.run import Summary, play
from engine.simulate.scenario import Scenario

#: Hours that are simulated, and days: enough for a rate.
HOURS, _DAYS = 2.0, 2
#: A campaign that needs longer is not expected to end.
LONGEST = timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Pace:
    """`calls` an hour, the share of them that a person answers, the share of these that is abandoned."""

    calls: float
    answer: float
    abandonment: float


@dataclass(frozen=True, slots=True)
class Work:
    """What there is to do: contacts callable `now`, and from which hour (UTC) how many more; `tries`: calls
    that a contact allows on the average, over all its numbers."""

    now: float
    opens: Mapping[datetime, float]
    tries: float

    @property
    def contacts(self) -> float:
        return self.now + sum(self.opens.values())


@dataclass(frozen=True, slots=True)
class Outlook:
    """What may be expected. `ends`: when the last call is made (UTC); None: not within LONGEST."""

    pace: Pace
    calls: float
    answered: float
    abandoned: float
    ends: datetime | None


def pace_of(scenario: Scenario, dialer_type: str) -> Pace:
    """Play the first hours of a day as the dialer would pace them; a broadcast fills its channels."""
    kind = dialer_type.strip().lower()
    if kind == "voicebroadcast":
        answer = scenario.answer_rate(0)
        held = answer * (scenario.ring.mean + scenario.talk.mean) + (1 - answer) * scenario.give_up
        return Pace(max(scenario.max_channels, 1) * 3600 / held, answer, 0.0)
    name = {"predictive": "predictive", "powerdialer": "power"}.get(kind, "progressive")
    summary = Summary(name, tuple(play(scenario, name, _DAYS)))
    placed = sum(day.placed for day in summary.days)
    answered = sum(day.answered for day in summary.days)
    return Pace(
        calls=max(placed / (_DAYS * scenario.hours), 1.0),
        answer=answered / placed if placed else 0.0,
        abandonment=summary.abandonment,
    )


def foresee(
    work: Work, pace: Pace, schedule: Schedule, now: datetime, local: Callable[[datetime], datetime]
) -> Outlook:
    """Return what comes of the work at this pace. `local`: from UTC to the schedule's wall clock."""
    calls = expected_calls(work, pace.answer)
    answered = calls * pace.answer
    return Outlook(pace, calls, answered, answered * pace.abandonment, _end(work, pace, schedule, now, local))


def expected_calls(work: Work, answer: float) -> float:
    """Return how many calls it takes until each contact has answered, or its numbers are used up."""
    tries = max(work.tries, 1.0)
    each = (1 - (1 - answer) ** tries) / answer if answer > 0 else tries
    return work.contacts * each


def _end(
    work: Work, pace: Pace, schedule: Schedule, now: datetime, local: Callable[[datetime], datetime]
) -> datetime | None:
    """Hour by hour, as contacts become callable and the schedule allows."""
    if not work.contacts:
        return now
    each = expected_calls(work, pace.answer) / work.contacts
    waiting, coming = work.now * each, sorted(work.opens.items())
    at = now
    while at - now < LONGEST:
        while coming and coming[0][0] <= at:
            waiting += coming.pop(0)[1] * each
        if schedule.open_at(local(at)):
            if waiting <= pace.calls and not coming:
                return at + timedelta(hours=waiting / pace.calls)
            waiting -= min(waiting, pace.calls)
        at += timedelta(hours=1)
    return None

"""The calls in flight: applies events to them, hands what must be written to the recorder."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from engine.domain import events as ev
from engine.domain.call import Call, State, deadline_seconds, step
from engine.domain.entries import OptOut, agent_act, ending, progress
from engine.domain.model import AttemptId, CampaignName
from engine.domain.outcomes import NOT_CALLED
from engine.domain.records import QueueLogRow, cdr, others_queue_log, queue_log
from engine.domain.rules import next_step
from engine.domain.trunk import Breaker, trunk_failed
from engine.ports import Observer
from engine.services.recorder import Recorder

log = structlog.get_logger(__name__)

#: Of so many ended calls, at most, the end of the talk is still waited for: it comes within the second.
_UNTOLD = 200


@dataclass(slots=True)
class Counts:
    """Calls of one campaign by what they hold."""

    dialling: int = 0
    waiting: int = 0
    channels: int = 0


class CallBook:
    """Every attempt between its originate and its end is here, and nothing else is.

    `listen` is told of every call that changed, before and after; wiring is the caller's.
    """

    def __init__(
        self,
        recorder: Recorder,
        observer: Observer,
        monotonic: Callable[[], float],
        abandoned_rest: timedelta,
    ) -> None:
        self._recorder = recorder
        self._observer = observer
        self._monotonic = monotonic
        self.abandoned_rest = abandoned_rest
        self._calls: dict[str, Call] = {}
        self._since: dict[str, float] = {}
        self._counts: dict[CampaignName, Counts] = {}
        self._breakers: dict[str, Breaker] = {}
        self._over: Counter[str] = Counter()
        #: Calls that ended before their talks were told of, as they were then, the oldest first.
        self._untold: dict[str, Call] = {}
        self.empty = asyncio.Event()
        self.empty.set()
        #: Is what is talked in this call kept in a file?
        self.recorded: Callable[[Call], bool] = lambda call: False
        self.listen: Callable[[Call, ev.CallEvent], None] = lambda call, event: None

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[Call]:
        return iter(list(self._calls.values()))

    def __contains__(self, call: object) -> bool:
        return call in self._calls

    def get(self, call: str) -> Call | None:
        """Return a call of ours by its id."""
        return self._calls.get(call)

    def add(self, call: Call) -> None:
        """Take in a call whose order is about to leave (or that an earlier run left behind)."""
        self._calls[call.attempt.id] = call
        self._since[call.attempt.id] = self._monotonic()
        self._count(call, 1)
        self.empty.clear()

    def withdraw(self, attempt: AttemptId) -> None:
        """Forget a call for which nothing was sent after all; its contact is released elsewhere."""
        call = self._calls.pop(attempt, None)
        self._since.pop(attempt, None)
        if call is not None:
            self._count(call, -1)
        if not self._calls:
            self.empty.set()

    def counts(self, campaign: CampaignName) -> Counts:
        """Return the campaign's calls by what they hold, kept up to date call by call."""
        return self._counts.setdefault(campaign, Counts())

    def _count(self, call: Call, one: int) -> None:
        counts = self.counts(call.dialer.name)
        counts.channels += one
        self._over[call.dialer.dial_string.trunk] += one
        counts.dialling += one * call.dialling
        counts.waiting += one * call.waiting

    def apply(self, event: ev.CallEvent) -> Call | None:
        """Let one event happen; None when it is about a call that is not ours."""
        before = self._calls.get(event.call)
        if before is None:
            self._recorder.put(*(self._told_late(event) or others_queue_log(event)))
            return None
        after = step(before, event)
        rows = queue_log(before, event, after)
        if (after.ringing_at and not before.ringing_at) or (after.answered_at and not before.answered_at):
            # The first sign of life counts when it is heard, not when the talk is over.
            self._heard_of_trunk(after, False, event.at)
        if isinstance(event, ev.AgentDecided) and after.decision and not before.decision:
            self._recorder.put(agent_act(after, event))
        if isinstance(event, ev.OptedOut):
            number = after.attempt.contact.phone.number
            self._recorder.put(OptOut(event.at, after.attempt.id, number))
        if after.state is State.ENDED:
            self._end(after, event.at, rows)
            self.withdraw(after.attempt.id)
            if before.state is State.CONNECTED:
                self._untold[event.call] = before
                if len(self._untold) > _UNTOLD:
                    del self._untold[next(iter(self._untold))]
        else:
            self._count(before, -1)
            self._calls[event.call] = after
            self._count(after, 1)
            steps = (progress(after),) if after.state not in (before.state, State.SENT) else ()
            self._recorder.put(*rows, *steps)
            if after.state is not before.state:
                self._since[event.call] = self._monotonic()
                log.debug(
                    "call went on",
                    action="call.step",
                    call_id=event.call,
                    campaign=after.dialer.name,
                    before=before.state,
                    after=after.state,
                )
        self.listen(after, event)
        return after

    def _told_late(self, event: ev.CallEvent) -> tuple[QueueLogRow, ...]:
        """app_queue tells of a talk's end on a thread of its own, sometimes after the channel's hang-up. The
        call is over then, and its row of the queue log is all that was missing."""
        call = self._untold.pop(event.call, None) if isinstance(event, ev.AgentCompleted) else None
        return () if call is None else queue_log(call, event, step(call, event))

    def _end(self, call: Call, at: datetime, rows: tuple[QueueLogRow, ...]) -> None:
        outcome = call.outcome
        if outcome is None:
            raise RuntimeError(f"call {call.attempt.id} ended without an outcome")
        following = next_step(
            call.attempt.contact,
            outcome,
            call.dialer,
            at,
            self.abandoned_rest,
            reached=call.answered_at is not None,
            undiallable=call.refused_alone,
        )
        record = None if outcome in NOT_CALLED else cdr(call, recorded=self.recorded(call))
        self._recorder.put(ending(call, record, following, rows))
        self._judge_trunk(call, at)
        self._observer.ended(call)
        log.info(
            "call ended",
            action="call.ended",
            call_id=call.attempt.id,
            campaign=call.dialer.name,
            outcome=outcome,
            next=following.step,
            cause=call.cause,
            sip=call.sip,
            after=_seconds(call),
        )

    def breaker(self, trunk: str) -> Breaker:
        """Return the breaker of a trunk; all campaigns share it."""
        return self._breakers.setdefault(trunk, Breaker())

    def over(self, trunk: str) -> int:
        """Return how many calls of all campaigns are on the trunk."""
        return self._over[trunk]

    def dialling_over(self, trunk: str) -> bool:
        """Is any call of any campaign being set up over the trunk?"""
        return any(c.dialling and c.dialer.dial_string.trunk == trunk for c in self._calls.values())

    def _judge_trunk(self, call: Call, at: datetime) -> None:
        failed = trunk_failed(call)
        if failed is not None:
            self._heard_of_trunk(call, failed, at)

    def _heard_of_trunk(self, call: Call, failed: bool, at: datetime) -> None:
        trunk = call.dialer.dial_string.trunk
        breaker = self.breaker(trunk)
        before = breaker.rest_until
        breaker.ended(failed, at)
        if breaker.rest_until is not None and breaker.rest_until != before:
            log.error(
                "trunk fails call after call and rests",
                action="trunk.resting",
                trunk=trunk,
                failures=breaker.failures,
                seconds=breaker.rest.total_seconds(),
            )
        elif before is not None and breaker.rest_until is None:
            log.info("trunk works again", action="trunk.recovered", trunk=trunk)

    def overdue(self) -> list[Call]:
        """Return the calls that have been in their state for longer than it may last."""
        late = []
        now = self._monotonic()
        for call in self._calls.values():
            options, decides = call.dialer.options, call.dialer.mode.decides
            limit = deadline_seconds(call.state, call.dialer.timeout, options.decision_time if decides else 0)
            if limit is not None and now - self._since[call.attempt.id] > limit:
                late.append(call)
        return late


def _seconds(call: Call) -> dict[str, float]:
    """Return how long after its claim a call reached each of its states (s)."""
    begun = call.attempt.claimed_at
    moments = {
        "sent": call.sent_at,
        "ringing": call.ringing_at,
        "answered": call.answered_at,
        "queued": call.queued_at,
        "connected": call.connected_at,
        "completed": call.completed_at,
        "ended": call.ended_at,
    }
    return {name: round((at - begun).total_seconds(), 2) for name, at in moments.items() if at is not None}

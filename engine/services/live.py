"""The engine's live picture for whoever shows it: no query, no waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from engine.domain.agent import Seat
from engine.domain.call import Call
from engine.domain.live import CallNow, CallsNow, QueueNow, SeatNow
from engine.domain.picture import QueuePicture
from engine.ports import CampaignReport
from engine.services.engine import Engine


class LivePicture:
    """Reads what the engine knows at this moment. A standby knows queues and seats, but no calls.

    What there may be much of is made while it is read: whoever reads may let the engine work in between.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def parts(self) -> Mapping[str, Callable[[], Iterable[object]]]:
        """Return every part by its name in `ports.live.Live`."""
        return {
            "current": lambda: (self.current,),
            "leading": lambda: (self.leading,),
            "queues": self.queues,
            "calls": lambda: self.calls().items(),
            "each_call": self.each_call,
            "reports": self.reports,
        }

    @property
    def current(self) -> bool:
        """Is the picture of Asterisk current?"""
        return self._engine.dispatcher.current

    @property
    def leading(self) -> bool:
        """Does this engine lead?"""
        return self._engine.term is not None

    def queues(self) -> Iterator[QueueNow]:
        """Yield every queue that Asterisk has."""
        dispatcher, now = self._engine.dispatcher, self._engine.clock.now()
        dispatcher.figures.turn(now)
        for key, queue in list(dispatcher.picture.queues.items()):
            if queue.told:
                yield self._queue(key, queue, now)

    def _queue(self, key: str, queue: QueuePicture, now: datetime) -> QueueNow:
        dispatcher = self._engine.dispatcher
        figures = dispatcher.figures.of(key)
        return QueueNow(
            name=queue.name or key,
            seats=tuple(_seat(interface, seat, now) for interface, seat in queue.seats.items()),
            waiting=len(queue.waiting),
            longest=figures.longest(now),
            hold=figures.hold,
            talk=figures.talk,
            strategy=figures.strategy,
            service_level=figures.service_level,
            wrapup=dispatcher.picture.wrapup(key),
            today=figures.today,
        )

    def calls(self) -> Mapping[str, CallsNow]:
        """Return campaign → calls of the campaigns that run; none on a standby."""
        term = self._engine.term
        if term is None:
            return {}
        counted = {name: term.book.counts(name) for name in term.fleet.running}
        return {str(n): CallsNow(c.dialling, c.waiting, c.channels) for n, c in counted.items()}

    def each_call(self) -> Iterator[CallNow]:
        """Yield every call that is up; none on a standby."""
        term = self._engine.term
        return (_call(call) for call in (list(term.book) if term is not None else ()))

    def reports(self) -> Iterator[CampaignReport]:
        """Yield what the campaigns were doing within the last second, without the single calls and contacts
        that a decision looked at; none on a standby."""
        term = self._engine.term
        return (_counted(report) for report in (term.fleet.reports if term is not None else ()))


def _counted(report: CampaignReport) -> CampaignReport:
    if report.snapshot is None:
        return report
    return replace(report, snapshot=replace(report.snapshot, calls=(), seats=(), upcoming=()))


def _call(call: Call) -> CallNow:
    contact = call.attempt.contact
    return CallNow(
        guid=str(call.attempt.id),
        campaign=str(call.dialer.name),
        state=str(call.state),
        agent=call.agent,
        number=contact.phone.number,
        contact=contact.reference,
    )


def _seat(interface: str, seat: Seat, now: datetime) -> SeatNow:
    member = seat.member
    return SeatNow(
        interface,
        member.name,
        member.paused,
        seat.state(now),
        reachable=seat.reachable,
        idle=seat.idle,
        reason=member.paused_reason if member.paused else "",
        since=seat.since(now),
    )

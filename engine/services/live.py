"""The engine's live picture for whoever shows it: no query, no waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from engine.domain.agent import Seat
from engine.domain.call import Call
from engine.domain.live import CallNow, CallsNow, QueueNow, SeatNow
from engine.domain.picture import QueuePicture
from engine.ports import CampaignReport
from engine.services.engine import Engine


class LivePicture:
    """Reads what the engine knows at this moment. A standby knows queues and seats, but no calls."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def current(self) -> bool:
        """Is the picture of Asterisk current?"""
        return self._engine.dispatcher.current

    def queues(self, now: datetime) -> Sequence[QueueNow]:
        """Return every queue that Asterisk has."""
        dispatcher = self._engine.dispatcher
        dispatcher.figures.turn(now)
        queues = dispatcher.picture.queues.items()
        return [self._queue(key, queue, now) for key, queue in queues if queue.told]

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

    def each_call(self) -> Sequence[CallNow]:
        """Return every call that is up; none on a standby."""
        term = self._engine.term
        return [] if term is None else [_call(call) for call in term.book]

    def reports(self) -> Sequence[CampaignReport]:
        """Return what the campaigns were doing within the last second; none on a standby."""
        term = self._engine.term
        return term.fleet.reports if term is not None else ()


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
        interface, member.name, member.paused, seat.state(now), reachable=seat.reachable, idle=seat.idle
    )

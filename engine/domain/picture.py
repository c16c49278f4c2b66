"""The live picture of all queues: who sits there, who waits there. Fed by events, read by pacers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from engine.domain import events as ev
from engine.domain.agent import RINGING, Seat, SeatState


class QueuePicture:
    """Seats and waiting callers of one queue; `name` as Asterisk spells it."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.seats: dict[str, Seat] = {}
        self.waiting: set[str] = set()
        #: Has Asterisk told of it? Campaigns whose agents are reserved may have no queue there.
        self.told = False

    @property
    def offered(self) -> set[str]:
        """Callers for whom at least one seat is being rung."""
        return {seat.offered for seat in self.seats.values() if seat.offered}

    def states(self, now: datetime) -> Counter[SeatState]:
        """Count the seats by state."""
        return Counter(seat.state(now) for seat in self.seats.values())

    def next_free(self, now: datetime) -> datetime | None:
        """Return when the next wrap-up ends, so that somebody can look again at that moment."""
        ends = (s.wrapup_until for s in self.seats.values() if s.state(now) is SeatState.WRAPUP)
        return min((end for end in ends if end is not None), default=None)


class Picture:
    """All queues. Names are compared as Asterisk and the database do: without regard to case.

    `wrapup` gives each queue's after-call time (s), which AMI does not report.
    """

    def __init__(self) -> None:
        self.queues: dict[str, QueuePicture] = {}
        self._wrapup: dict[str, int] = {}

    def set_wrapup(self, wrapup: Mapping[str, int]) -> None:
        """Take over the queues' after-call times."""
        self._wrapup = {name.casefold(): seconds for name, seconds in wrapup.items()}

    def wrapup(self, queue: str) -> int:
        """Return a queue's after-call time (s)."""
        return self._wrapup.get(queue.casefold(), 0)

    def queue(self, name: str) -> QueuePicture:
        """Return the picture of queue `name`; an unknown queue has no seats."""
        return self.queues.setdefault(name.casefold(), QueuePicture(name))

    def apply(self, event: ev.Event) -> str | None:
        """Take in one event; return the name of the queue that changed, if any."""
        match event:
            case ev.QueuesListed():
                self._replace(event)
                return None
            case ev.MemberSeen(member=member):
                self.queue(member.queue).told = True
                seats = self.queue(member.queue).seats
                known = seats.get(member.interface)
                seat = known.seen(member) if known else Seat(member)
                seats[member.interface] = seat.after(known, event.at)
                return member.queue
            case ev.MemberGone(queue=queue, interface=interface):
                self.queue(queue).seats.pop(interface, None)
                return queue
            case ev.CallerJoined(queue=queue, call=call):
                self.queue(queue).waiting.add(call)
                return queue
            case ev.CallerLeft(queue=queue, call=call):
                self.queue(queue).waiting.discard(call)
                return queue
            case ev.AgentOffered() | ev.AgentMissed() | ev.AgentConnected() | ev.AgentCompleted():
                return self._seat(event)
            case ev.HungUp(call=call):
                return self._hung_up(call, event.at)
            case _:
                return None

    def _seat(
        self, event: ev.AgentOffered | ev.AgentMissed | ev.AgentConnected | ev.AgentCompleted
    ) -> str | None:
        queue = self.queue(event.queue)
        seat = before = queue.seats.get(event.interface)
        if seat is None:
            return None
        match event:
            case ev.AgentOffered(call=call):
                seat = seat.offer(call)
            case ev.AgentMissed(call=call):
                seat = seat.refuse(call)
            case ev.AgentConnected(call=call):
                seat = seat.connect(call)
                queue.waiting.discard(call)
            case ev.AgentCompleted():
                seat = seat.complete(event.at, self.wrapup(event.queue))
        queue.seats[event.interface] = seat.after(before, event.at)
        return event.queue

    def _hung_up(self, call: str, at: datetime) -> str | None:
        """Who is gone waits no more and talks no more, even when the queue's event was missed."""
        changed = None
        for name, queue in self.queues.items():
            if call in queue.waiting:
                queue.waiting.discard(call)
                changed = name
            for interface, seat in queue.seats.items():
                if seat.call == call:
                    queue.seats[interface] = seat.complete(at, self.wrapup(name)).after(seat, at)
                    changed = name
                elif seat.offered == call:
                    queue.seats[interface] = seat.refuse(call).after(seat, at)
                    changed = name
        return changed

    def _replace(self, listed: ev.QueuesListed) -> None:
        """A full query replaces everything; wrap-up is rebuilt from the end of the last call."""
        fresh: dict[str, QueuePicture] = {name.casefold(): QueuePicture(name) for name in listed.queues}
        for member in listed.members:
            queue = fresh.setdefault(member.queue.casefold(), QueuePicture(member.queue))
            before = self.queue(member.queue).seats.get(member.interface)
            call = before.call if before and member.in_call else ""
            offered = before.offered if before and member.device in RINGING else ""
            seat = Seat(member, offered=offered, call=call)
            seconds = member.wrapup or self.wrapup(member.queue)
            if member.last_call and not member.in_call and seconds > 0:
                # Asterisk tells the second; what we saw ourselves is more exact.
                until = member.last_call + timedelta(seconds=seconds)
                if before and before.wrapup_until:
                    until = max(until, before.wrapup_until)
                if until > listed.at:
                    seat = Seat(member, wrapup_until=until)
            queue.seats[member.interface] = seat.after(before, listed.at) if before else seat
        for waiting in listed.waiting:
            fresh.setdefault(waiting.queue.casefold(), QueuePicture(waiting.queue)).waiting.add(waiting.call)
        for queue in fresh.values():
            queue.told = True
        self.queues = fresh

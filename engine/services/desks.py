"""Which agent is reserved for which call: one agent, one call, over all campaigns."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from engine.domain import events as ev
from engine.domain.agent import SeatState
from engine.domain.call import Call, State
from engine.domain.model import AttemptId, Desk, Dialer
from engine.domain.modes import Mode, Recording
from engine.domain.picture import QueuePicture

#: An agent who did not take a call is left alone for so long, twice as long each time, up to the limit.
FIRST_REST, LONGEST_REST = timedelta(seconds=10), timedelta(minutes=5)


@dataclass(slots=True)
class _Desk:
    call: AttemptId | None = None
    rest_until: datetime | None = None
    missed: int = 0
    last: datetime | None = None


class Desks:
    """Reservations by the agent's extension.

    Invariant: between `reserve` and the end of its call no campaign sees the agent as free, in
    whatever queues he sits; nor during the after-call work that follows.
    """

    def __init__(self) -> None:
        self._desks: dict[str, _Desk] = {}
        self._calls: dict[AttemptId, str] = {}
        self._recorded: frozenset[str] = frozenset()
        #: Calls that another engine placed, and the user names of those who were reserved for them.
        self._adopted: dict[AttemptId, str] = {}

    def adopt(self, attempt: AttemptId, name: str) -> None:
        """Another engine reserved this agent for a call that is ours now."""
        self._adopted[attempt] = name

    def record_only(self, agents: frozenset[str]) -> None:
        """Take over whose talks are recorded (user names or extensions, case folded)."""
        self._recorded = agents

    def recorded(self, dialer: Dialer, desk: Desk) -> bool:
        """Is what the agent talks for this campaign recorded?"""
        if dialer.options.recording is Recording.AGENTS:
            return any(desk.answers_to(name) for name in self._recorded)
        return dialer.options.recording is Recording.ALL

    def engaged(self, interface: str) -> bool:
        """Is the agent reserved for a call?"""
        desk = self._desks.get(_key(interface))
        return desk is not None and desk.call is not None

    def recorded_call(self, call: Call) -> bool:
        """Is there a file of what was talked in this call? Only what two parties say to each other is
        recorded, and what a broadcast hears."""
        if call.dialer.mode is Mode.BROADCAST:
            return call.answered_at is not None and call.dialer.options.recording is Recording.ALL
        desk = call.attempt.desk or Desk(call.agent_channel.rpartition("-")[0], call.agent)
        return call.connected_at is not None and self.recorded(call.dialer, desk)

    def taken(self, interface: str, now: datetime) -> bool:
        """Is the agent reserved, or left alone for a while?"""
        desk = self._desks.get(_key(interface))
        if desk is None:
            return False
        return desk.call is not None or (desk.rest_until is not None and now < desk.rest_until)

    def free(self, queue: QueuePicture, now: datetime) -> list[Desk]:
        """Return the agents of a queue who can be reserved; who waits longest for a call comes first."""
        ready = [
            desk
            for interface, seat in queue.seats.items()
            if seat.state(now) is SeatState.READY and not self.taken(interface, now)
            for desk in (Desk(interface, seat.member.name),)
            if not any(desk.answers_to(name) for name in self._adopted.values())
        ]
        never = datetime.min.replace(tzinfo=now.tzinfo)
        return sorted(ready, key=lambda desk: self._last(desk.interface) or never)

    def _last(self, interface: str) -> datetime | None:
        desk = self._desks.get(_key(interface))
        return desk.last if desk else None

    def next_free(self, now: datetime) -> datetime | None:
        """Return when the next rest ends, so that somebody can look again at that moment."""
        ends = (desk.rest_until for desk in self._desks.values() if desk.rest_until and desk.call is None)
        return min((end for end in ends if end > now), default=None)

    def reserve(self, desk: Desk, attempt: AttemptId, now: datetime) -> None:
        """Reserve the agent for a call; who asks for one himself is not left alone any longer. Raises
        RuntimeError when he is reserved already: that is a fault of ours."""
        if self.engaged(desk.interface):
            raise RuntimeError(f"the agent is reserved twice, for {attempt}")
        known = self._desks.setdefault(_key(desk.interface), _Desk())
        known.call, known.last, known.rest_until = attempt, now, None
        self._calls[attempt] = _key(desk.interface)

    def free_again(self, attempt: AttemptId) -> None:
        """The call is over, or was never placed."""
        interface = self._calls.pop(attempt, None)
        if interface is not None:
            self._desks[interface].call = None

    def heard(self, call: Call, event: ev.CallEvent, wrapup: int) -> None:
        """Something happened to a call; `wrapup` is its queue's after-call time (s)."""
        if call.state is State.ENDED:
            self._adopted.pop(call.attempt.id, None)
        interface = self._calls.get(call.attempt.id)
        if interface is None:
            return
        desk = self._desks[interface]
        if isinstance(event, ev.AgentLegAnswered | ev.AgentConnected):
            desk.missed = 0
        elif _missed(call, event):
            desk.missed += 1
            desk.rest_until = event.at + min(FIRST_REST * 2 ** min(desk.missed - 1, 10), LONGEST_REST)
        if isinstance(event, ev.MachineJudged) and call.left_to_machine:
            self.free_again(call.attempt.id)  # the machine hears its message alone
        if call.state is State.ENDED:
            if call.connected_at is not None and wrapup > 0:
                desk.rest_until = event.at + timedelta(seconds=wrapup)
            self.free_again(call.attempt.id)


def _key(interface: str) -> str:
    """One agent may sit in one queue as `PJSIP/101` and in another as `Local/101@agents/n`."""
    return Desk(interface, "").extension.casefold() or interface


def _missed(call: Call, event: ev.CallEvent) -> bool:
    """Did the agent leave a call alone that was his to take or to decide about?"""
    if isinstance(event, ev.QueueExited):
        return call.connected_at is None
    over = isinstance(event, ev.AgentLegFailed | ev.AgentLegEnded)
    return over and not call.called and call.decision in ("", "timeout")

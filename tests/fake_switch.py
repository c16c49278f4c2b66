"""The CallControl port without a switch: the number's last three digits decide, as at the SIPp carrier."""

from __future__ import annotations

import asyncio
import copy
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from engine.domain import events as ev
from engine.domain.commands import Originate
from engine.domain.model import agent_leg, leg_owner
from engine.domain.orders import Join, Leave, Pause
from engine.ports import LinkError, RefusedError, UncertainError

#: Digits → DialStatus, Q.850 cause, SIP code and OriginateResponse's reason.
ENDINGS = {
    "486": ("BUSY", 17, 486, 5),
    "404": ("CHANUNAVAIL", 1, 404, 8),
    "503": ("CONGESTION", 34, 503, 8),
    "603": ("BUSY", 21, 603, 5),
    "480": ("NOANSWER", 19, 480, 3),
    "487": ("CANCEL", 127, 487, 8),
}
TECHNOLOGIES = ("PJSIP", "Local")


@dataclass
class Line:
    """A live channel of ours and where it is."""

    order: Originate
    channel: str
    answered: bool = False
    queue: str = ""
    agent: ev.Member | None = None

    @property
    def digits(self) -> str:
        return self.order.channel.partition("@")[0][-3:]


class FakeSwitch:
    """A number 2xx is held until it is hung up, 777 rings for ever, any other answer ends by itself.

    `refuse`: every order is refused with this text. `lose`: 'order' or 'answer' never arrives.
    While the link is down, what happens is not told.
    """

    def __init__(self, now: Callable[[], datetime], *, up: bool = True) -> None:
        self._now = now
        self._up_at_start = up
        self._events: asyncio.Queue[ev.Event] = asyncio.Queue()
        self._numbers = itertools.count(1)
        self.linked = False
        self.orders: list[Originate] = []
        self.hung_up: list[str] = []
        self.lines: dict[str, Line] = {}
        self.queues: dict[str, list[str]] = {}
        self.members: dict[tuple[str, str], ev.Member] = {}
        self.refuse = ""
        #: Does an agent who is rung for a reserved call take it?
        self.agents_answer = True
        self.redirected: list[tuple[str, str, str]] = []
        self.variables: list[tuple[str, str, str]] = []
        self.woken: list[str] = []
        #: Do callers who found no agent sleep until they are woken, as in Asterisk's Queue()?
        self.sleepy = False
        self.lose = ""
        #: How far behind events are said to be (s).
        self.late = 0.0
        self._links: list[FakeSwitch] = [self]

    # What a test does.

    def another_link(self) -> FakeSwitch:
        """Return another engine's link to the same switch: what happens is told on both."""
        other = copy.copy(self)
        other._events = asyncio.Queue()
        other.linked = False
        self._links.append(other)
        return other

    def link_up(self) -> None:
        self.linked = True
        self._events.put_nowait(ev.LinkUp(self._now()))

    def link_down(self, reason: str = "the cable is out") -> None:
        self.linked = False
        self._events.put_nowait(ev.LinkDown(self._now(), reason))

    def seat(self, queue: str, number: int) -> ev.Member:
        """Add a free agent."""
        member = ev.Member(queue, f"PJSIP/agent{number}", f"Agent {number}", 1, False, False)
        self.queues.setdefault(queue, [])
        self._seen(member, "added")
        self._serve(queue)
        return member

    def pause(self, member: ev.Member, paused: bool = True) -> None:
        self._seen(replace(self.members[member.queue, member.interface], paused=paused), "pause")

    def vanish(self, call: str) -> None:
        """End a channel without a word."""
        line = self.lines.pop(call)
        if line.agent is not None:
            self.members[line.agent.queue, line.agent.interface] = line.agent
        if leg_owner(call) is not None:
            self._phone(line, 1)
        if call in self.queues.get(line.queue, ()):
            self.queues[line.queue].remove(call)

    def end(self, call: str, by: str = "caller") -> None:
        """End a live call in the way that suits where it is."""
        line = self.lines[call]
        attempt = leg_owner(call)
        if attempt is not None:
            del self.lines[call]
            self._put(ev.AgentLegEnded(self._now(), attempt, 16))
            self._phone(line, 1)
        elif line.agent is not None:
            free = line.agent
            name = dict(line.order.variables).get("OD_AGENT", free.name)
            self._put(
                ev.AgentCompleted(self._now(), call, line.queue, free.interface, name, by, 0, 1),
            )
            self._seen(free, "status")
            self._gone(call, 16, None)
            if not self.sleepy:
                self._serve(line.queue)
        elif line.answered:
            if line.queue:
                self.queues[line.queue].remove(call)
                self._put(ev.CallerAbandoned(self._now(), call, line.queue, 1, 1, 0))
                self._put(ev.CallerLeft(self._now(), call, line.queue))
            self._gone(call, 16, None)
        else:
            self._fail(call, "CANCEL", 16, None, 1)

    # The port.

    async def run(self) -> None:
        if self._up_at_start:
            self.link_up()
        await asyncio.Event().wait()

    async def next_event(self) -> ev.Event:
        return await self._events.get()

    def backlog(self) -> int:
        return self._events.qsize()

    def lag(self) -> float:
        return self.late

    async def _linked(self) -> None:
        await asyncio.sleep(0)
        if not self.linked:
            raise LinkError("there is no link")

    async def originate(self, order: Originate) -> None:
        await self._linked()
        if self.refuse:
            raise RefusedError(self.refuse)
        self.orders.append(order)
        if self.lose != "order":
            self._place(order)
        if self.lose:
            raise UncertainError("no answer came")

    async def hang_up(self, call: str) -> bool:
        await self._linked()
        self.hung_up.append(call)
        if call not in self.lines:
            return False
        self.end(call, "agent")
        return True

    async def redirect(self, call: str, context: str, exten: str) -> None:
        await self._linked()
        self.redirected.append((call, context, exten))

    async def set_variable(self, call: str, name: str, value: str) -> None:
        await self._linked()
        self.variables.append((call, name, value))

    async def wake_caller(self, call: str) -> bool:
        await self._linked()
        self.woken.append(call)
        queue = next((queue for queue, calls in self.queues.items() if call in calls), None)
        if queue is not None:
            self._serve(queue)
        return queue is not None

    async def hang_up_phone(self, interface: str) -> None:
        await self._linked()
        busy = [call for call, line in self.lines.items() if line.agent and line.agent.interface == interface]
        if not busy:
            raise RefusedError("the phone is on no channel")
        for call in busy:
            self.end(call, "agent")

    async def add_member(self, member: Join) -> None:
        await self._linked()
        if member.queue not in self.queues:
            raise RefusedError("Unable to add interface to queue: No such queue")
        known = self.members.get((member.queue, member.interface))
        fresh = ev.Member(member.queue, member.interface, member.agent, 1, member.paused, False)
        self._seen(replace(known, paused=member.paused) if known else fresh, "pause" if known else "added")

    async def remove_member(self, member: Leave) -> None:
        await self._linked()
        if member.queue not in self.queues:
            raise RefusedError("Unable to remove interface from queue: No such queue")
        gone = self.members.pop((member.queue, member.interface), None)
        if gone is not None:
            self._put(ev.MemberGone(self._now(), member.queue, member.interface, gone.name))

    async def pause_member(self, member: Pause) -> None:
        await self._linked()
        known = [
            one
            for (queue, interface), one in self.members.items()
            if interface == member.interface and member.queue in ("", queue)
        ]
        if not known:
            raise RefusedError("Interface not found")
        for one in known:
            self._seen(replace(one, paused=member.paused, paused_reason=member.reason), "pause")

    async def refresh_queues(self) -> None:
        await self._linked()
        waiting = [ev.Waiting(queue, call) for queue, calls in self.queues.items() for call in calls]
        members = tuple(self.members.values())
        self._answer_with(ev.QueuesListed(self._now(), tuple(self.queues), members, tuple(waiting)))

    async def refresh_channels(self) -> None:
        await self._linked()
        live = {call: line.answered for call, line in self.lines.items()}
        self._answer_with(ev.ChannelsListed(self._now(), live))

    # What happens inside.

    def _put(self, event: ev.Event) -> None:
        """Tell everybody."""
        for link in self._links:
            link._answer_with(event)

    def _answer_with(self, event: ev.Event) -> None:
        """Tell whoever is at this link."""
        if self.linked:
            self._events.put_nowait(event)

    def _seen(self, member: ev.Member, change: str) -> None:
        self.members[member.queue, member.interface] = member
        self._put(ev.MemberSeen(self._now(), member, change))

    def _phone(self, line: Line, device: int) -> None:
        """An agent's phone is in use (2) or not (1), which every queue that he sits in is told."""
        for member in list(self.members.values()):
            if member.interface == line.order.channel:
                self._seen(replace(member, device=device), "status")

    def _gone(self, call: str, cause: int | None, sip: int | None) -> None:
        line = self.lines.pop(call)
        self._put(ev.HungUp(self._now(), call, line.channel, cause, sip))

    def _fail(self, call: str, status: str, cause: int, sip: int | None, reason: int) -> None:
        self._put(ev.DialEnded(self._now(), call, status))
        self._gone(call, cause, sip)
        self._put(ev.OriginateFailed(self._now(), call, reason))

    def _place(self, order: Originate) -> None:
        call = order.attempt
        if order.channel.partition("/")[0] not in TECHNOLOGIES:
            self._put(ev.OriginateFailed(self._now(), call, 0))
            return
        line = Line(order, f"PJSIP/CARRIER-{next(self._numbers):08x}")
        self.lines[call] = line
        attempt = leg_owner(call)
        if attempt is not None:
            self._ring_agent(attempt, line)
            return
        if line.digits in ENDINGS and line.digits != "487":
            self._fail(call, *ENDINGS[line.digits])
            return
        self._put(ev.Ringing(self._now(), call, line.channel))
        if line.digits == "487":
            self._fail(call, *ENDINGS[line.digits])
        elif line.digits != "777":
            self._answer(call, line)

    def _ring_agent(self, attempt: str, line: Line) -> None:
        if self.agents_answer:
            line.answered = True
            self._phone(line, 2)
            self._put(ev.AgentLegAnswered(self._now(), attempt, line.channel))
        else:
            del self.lines[line.order.attempt]
            self._put(ev.AgentLegEnded(self._now(), attempt, 19))

    def decide(self, attempt: str, act: str, reason: str = "") -> None:
        """Let the agent press a key."""
        self._put(ev.AgentDecided(self._now(), attempt, act, reason, "key"))
        if act != "dial":
            self.end(agent_leg(attempt))

    def _join(self, call: str, line: Line) -> None:
        """Join a customer with the agent who is reserved for him."""
        carried = dict(line.order.variables)
        queue, interface, name = carried["OD_CAMPAIGN"], carried["OD_INTERFACE"], carried["OD_AGENT"]
        line.queue, line.agent = queue, self.members[queue, interface]
        self._put(ev.AgentConnected(self._now(), call, queue, interface, name, "", agent_leg(call), 0, 0))

    def _answer(self, call: str, line: Line) -> None:
        line.answered = True
        self._put(ev.Answered(self._now(), call, line.channel))
        if "OD_INTERFACE" in dict(line.order.variables):
            self._join(call, line)
            if not line.digits.startswith("2"):
                self.end(call)
            return
        line.queue = dict(line.order.variables).get("OD_CAMPAIGN", "")
        if line.queue:
            waiting = self.queues.setdefault(line.queue, [])
            waiting.append(call)
            number = line.order.caller_id
            self._put(ev.CallerJoined(self._now(), call, line.queue, len(waiting), number))
            self._serve(line.queue)
        if not line.digits.startswith("2"):
            self.end(call)

    def _serve(self, queue: str) -> None:
        """Join waiting callers with free agents, the first with the first."""
        for member in list(self.members.values()):
            if member.queue == queue and self.queues[queue] and not (member.in_call or member.paused):
                self._connect(self.queues[queue].pop(0), member)

    def _connect(self, call: str, member: ev.Member) -> None:
        at, queue, interface, name = self._now(), member.queue, member.interface, member.name
        self.lines[call].agent = member
        self._put(ev.AgentOffered(at, call, queue, interface, name))
        self._put(ev.CallerLeft(at, call, queue))
        self._seen(replace(member, device=2, in_call=True), "status")
        channel = f"{interface}-{next(self._numbers):08x}"
        self._put(ev.AgentConnected(at, call, queue, interface, name, channel, f"agent.{channel}", 0, 0))

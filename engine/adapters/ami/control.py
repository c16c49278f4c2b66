"""The CallControl port over AMI: orders out, translated events in, in order and bounded."""

from __future__ import annotations

import asyncio
import random
import re
from collections import deque
from collections.abc import Callable
from datetime import datetime

import structlog

from engine.adapters.ami import translate as tr
from engine.adapters.ami.link import AmiLink, AmiSettings
from engine.adapters.ami.talks import Talks
from engine.adapters.ami.wire import MAX_LINE, UnsafeValueError
from engine.domain import events as ev
from engine.domain.commands import Originate
from engine.domain.orders import Join, Leave, Pause
from engine.ports import RefusedError
from engine.ports.watch import LinkNumbers

log = structlog.get_logger(__name__)

#: Events that may wait before Asterisk is made to wait (about 200 calls in every stage at once).
HIGH_WATER = 5000
LOW_WATER = 1000
#: Variables beyond these would not fit into one AMI action.
MAX_VARIABLES = 100
#: What a waiting caller seems to press (app_queue.c: any digit ends the wait between two attempts).
WAKING_DIGIT = "D"
#: How Asterisk refuses to add a member that is one.
_ALREADY = "Already there"
#: How it refuses to take out a member that is none.
_NOT_THERE = "Not there"
#: What would end a name in a CallerID.
_NO_NAME = str.maketrans("", "", '"<>\\')


class AmiCallControl:
    """CallControl over one AMI connection.

    Invariant: an Originate is written to a socket at most once. A lost answer becomes
    UncertainError; what became of the call is told by its events or by `refresh_channels`.
    """

    def __init__(
        self,
        settings: AmiSettings,
        now: Callable[[], datetime],
        jitter: Callable[[], float] = random.random,
        answered: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`answered` is told how long Asterisk took for each answer (s)."""
        self._now = now
        self._events: deque[ev.Event] = deque()
        self._some = asyncio.Event()
        self._talks = Talks()
        self.received = 0
        self.link = AmiLink(
            settings,
            on_event=self._on_message,
            on_up=lambda: self._put(ev.LinkUp(now())),
            on_down=lambda why: self._put(ev.LinkDown(now(), why)),
            jitter=jitter,
            answered=answered,
        )

    @property
    def numbers(self) -> LinkNumbers:
        """What the link has lived through so far."""
        link = self.link
        return LinkNumbers(link.links, link.logins_refused, link.bad_messages, self.received)

    async def run(self) -> None:
        await self.link.run()

    def _on_message(self, message: tr.Message) -> None:
        self.received += 1
        event = tr.translate(message, self._now())
        event = self._talks.named(event) if event is not None else None
        if event is not None:
            self._put(event)

    def _put(self, event: ev.Event) -> None:
        self._events.append(event)
        self._some.set()
        if len(self._events) >= HIGH_WATER:
            # What is in the socket's buffers stays there; TCP slows Asterisk down.
            self.link.pause_reading()

    async def next_event(self) -> ev.Event:
        while not self._events:
            self._some.clear()
            await self._some.wait()
        event = self._events.popleft()
        if len(self._events) == LOW_WATER:
            self.link.resume_reading()
        return event

    def backlog(self) -> int:
        return len(self._events)

    def lag(self) -> float:
        """The age of the oldest event here, or of a ping that Asterisk should long have answered: its
        answer comes after the events that were there before it."""
        waiting = (self._now() - self._events[0].at).total_seconds() if self._events else 0.0
        return max(waiting, self.link.silence, 0.0)

    async def originate(self, order: Originate) -> None:
        headers = [
            ("Action", "Originate"),
            ("ActionID", tr.ORIGINATE_ID + order.attempt),
            ("Async", "true"),
            ("Channel", order.channel),
            ("ChannelId", order.attempt),
            ("Context", order.context),
            ("Exten", order.exten),
            ("Priority", "1"),
            ("Timeout", str(order.timeout * 1000)),
        ]
        if order.channel.startswith("Local/"):
            headers.append(("OtherChannelId", order.attempt + ";2"))
        headers += self._caller(order)
        if order.early_media:
            headers.append(("EarlyMedia", "true"))
        if order.channel.startswith("PJSIP/"):
            # Whoever reads a SIP trace, here or at the carrier, finds the attempt.
            headers += [
                ("Variable", tr.quote_variable(f"PJSIP_HEADER(add,{name})", value))
                for name, value in order.headers
            ]
        headers += [("Variable", line) for line in self._variables(order)]
        try:
            await self.link.ask(headers)
        except UnsafeValueError as error:
            raise RefusedError(f"not sent: {error}") from error

    @staticmethod
    def _caller(order: Originate) -> list[tuple[str, str]]:
        """Who calls. Originate's own CallerID always says that it may be shown (main/pbx.c,
        pbx_outgoing_attempt), so a presentation needs it said otherwise."""
        if not order.caller_id:
            return []
        if not order.presentation:
            name = order.caller_name.translate(_NO_NAME) or order.caller_id
            return [("CallerID", f'"{name}" <{order.caller_id}>')]
        says = [("num", order.caller_id), ("pres", order.presentation)]
        return [
            ("Variable", tr.quote_variable(f"{who}({what}{quiet})", value))
            for who, quiet in (("CALLERID", ""), ("CONNECTEDLINE", ",i"))
            for what, value in says
        ]

    @staticmethod
    def _variables(order: Originate) -> list[str]:
        """The engine's own variables first: they must not be the ones that do not fit."""
        own_first = sorted(order.variables, key=lambda pair: not pair[0].startswith("OD_"))
        lines = [tr.quote_variable(name, value) for name, value in own_first]
        fitting = [line for line in lines if _size(line) + len("Variable: ") <= MAX_LINE]
        fitting = fitting[:MAX_VARIABLES]
        if len(fitting) < len(lines):
            log.warning(
                "variables of a contact are too long or too many for AMI and were left out",
                action="ami.variables_left_out",
                call_id=order.attempt,
                left_out=len(lines) - len(fitting),
            )
        return fitting

    async def hang_up(self, call: str) -> bool:
        if call.startswith("/"):
            return False  # Asterisk would take it for a pattern and hang up whatever matches
        try:
            await self.link.ask((("Action", "Hangup"), ("Channel", call), ("Cause", "16")))
        except (RefusedError, UnsafeValueError):
            return False
        return True

    async def redirect(self, call: str, context: str, exten: str) -> None:
        place = (("Context", context), ("Exten", exten), ("Priority", "1"))
        await self.link.ask((("Action", "Redirect"), ("Channel", call), *place))

    async def set_variable(self, call: str, name: str, value: str) -> None:
        await self.link.ask((("Action", "Setvar"), ("Channel", call), ("Variable", name), ("Value", value)))

    async def wake_caller(self, call: str) -> bool:
        """A digit ends the sleep of a caller in Queue(). D is on no phone, so that no extension of a queue's
        context is meant by it, and the caller hears nothing: it is as if he had pressed it."""
        digit = (("Digit", WAKING_DIGIT), ("Receive", "true"))
        try:
            await self.link.ask((("Action", "PlayDTMF"), ("Channel", call), *digit))
        except (RefusedError, UnsafeValueError):
            return False
        return True

    async def hang_up_phone(self, interface: str) -> None:
        """Hang up whatever the phone does: Asterisk takes what stands between slashes for a pattern."""
        pattern = f"/^{re.escape(interface)}-[0-9a-f]+$/"
        headers = (("Action", "Hangup"), ("Channel", pattern), ("Cause", "16"))
        # Asterisk lists what it hangs up, and succeeds with an empty list, too.
        answers = await self.link.ask(headers, as_list=True)
        if not any(message.event == "ChannelHungup" for message in answers):
            raise RefusedError("the phone is on no channel")

    async def add_member(self, member: Join) -> None:
        place = (("Queue", member.queue), ("Interface", member.interface))
        paused = ("Paused", "true" if member.paused else "false")
        try:
            await self.link.ask(
                (
                    ("Action", "QueueAdd"), *place, ("MemberName", member.agent),
                    ("Penalty", str(member.penalty)), paused, ("StateInterface", member.interface),
                )
            )  # fmt: skip
        except UnsafeValueError as error:
            raise RefusedError(f"not sent: {error}") from error
        except RefusedError as error:
            if _ALREADY not in str(error):
                raise
            await self.link.ask((("Action", "QueuePenalty"), *place, ("Penalty", str(member.penalty))))
            await self.link.ask((("Action", "QueuePause"), *place, paused))

    async def remove_member(self, member: Leave) -> None:
        place = (("Queue", member.queue), ("Interface", member.interface))
        try:
            await self.link.ask((("Action", "QueueRemove"), *place))
        except UnsafeValueError as error:
            raise RefusedError(f"not sent: {error}") from error
        except RefusedError as error:
            if _NOT_THERE not in str(error):
                raise

    async def pause_member(self, member: Pause) -> None:
        # Without a queue Asterisk looks for the interface in all of them.
        more = [("Queue", member.queue)] if member.queue else []
        if member.reason:
            more.append(("Reason", member.reason))
        paused = ("Paused", "true" if member.paused else "false")
        try:
            await self.link.ask((("Action", "QueuePause"), ("Interface", member.interface), paused, *more))
        except UnsafeValueError as error:
            raise RefusedError(f"not sent: {error}") from error

    async def refresh_queues(self) -> None:
        at = self._now()
        await self.link.ask(
            (("Action", "QueueStatus"),),
            as_list=True,
            on_done=lambda answers: self._put(tr.queues_listed(answers, at)),
        )

    async def refresh_channels(self) -> None:
        at = self._now()
        await self.link.ask(
            (("Action", "CoreShowChannels"),),
            as_list=True,
            on_done=lambda answers: self._put(tr.channels_listed(answers, at)),
        )


def _size(text: str) -> int:
    """Bytes of UTF-8; text that has none is left to the wire's own check."""
    return len(text.encode("utf-8", "surrogatepass"))

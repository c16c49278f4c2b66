"""Hands events on, in order, and keeps the picture of Asterisk's queues and channels current."""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog

from engine.domain import events as ev
from engine.domain.figures import Figures
from engine.domain.picture import Picture
from engine.domain.records import NOBODY, QueueLogRow
from engine.ports import UNREACHABLE, CallControl, Observer

log = structlog.get_logger(__name__)


class Listener(Protocol):
    """Who is told of what happens while this engine leads."""

    def handle(self, event: ev.CallEvent) -> None:
        """Something happened to a call."""

    def listed(self, listed: ev.QueuesListed) -> None:
        """The queues were asked for."""

    def compare(self, listed: ev.ChannelsListed) -> None:
        """The channels were asked for."""

    def note(self, row: QueueLogRow) -> None:
        """Something happened in a queue that its log should tell."""

    def changed(self, queue: str | None) -> None:
        """The picture of a queue changed; None: of all, or whether it is current."""


class Dispatcher:
    """The picture is fed always, so that a standby knows it already; `listener` only while it is set."""

    def __init__(self, control: CallControl, observer: Observer) -> None:
        self._control = control
        self._observer = observer
        self.picture = Picture()
        self.figures = Figures()
        self.listener: Listener | None = None
        #: Is the picture of queues and channels up to date, so that calls may be placed?
        self.current = False
        self._linked = False
        self._listed = False
        self._down = "no link to Asterisk yet"
        self._resync = asyncio.Event()

    @property
    def obstacle(self) -> str:
        """Why the picture is not current; '' when it is."""
        return "" if self.current else self._down or "the picture of Asterisk's queues is being taken"

    def ask_again(self) -> None:
        """Have the whole picture taken anew soon."""
        self._resync.set()

    def forget(self) -> None:
        """Drop the picture: what it counts with is no longer true. It is taken anew."""
        self.picture = Picture()
        self.current = self._listed = False
        self._resync.set()

    async def run(self) -> None:
        """Handle events until cancelled, in order; what one of them breaks is that event's alone."""
        while True:
            event = await self._control.next_event()
            try:
                self._handle(event)
            except Exception:
                log.exception("event not handled", action="event.failed", event_type=type(event).__name__)
            if self._control.backlog() and self._control.backlog() % 100 == 0:
                await asyncio.sleep(0)  # a long backlog must not keep the link's answers waiting

    def _handle(self, event: ev.Event) -> None:
        self.figures.apply(event)
        match event:
            case ev.LinkUp():
                self._linked, self._down = True, ""
                self._resync.set()
                self._observer.link(True)
            case ev.LinkDown():
                self._linked = self.current = self._listed = False
                self._down = f"no link to Asterisk: {event.reason}"
                self._observer.link(False)
                self._wake(None)
            case ev.QueuesListed():
                self._listed = True
                self.picture.apply(event)
                if self.listener is not None:
                    self.listener.listed(event)
                self._wake(None)
            case ev.ChannelsListed():
                self._compared(event)
            case ev.CallEvent():
                if self.listener is not None:
                    self.listener.handle(event)
                self._changed(self.picture.apply(event))
            case ev.MemberSeen() | ev.MemberGone():
                row = _queue_log(event)
                if row is not None and self.listener is not None:
                    self.listener.note(row)
                self._changed(self.picture.apply(event))

    def _changed(self, queue: str | None) -> None:
        if queue is not None:
            self._wake(queue)

    def _wake(self, queue: str | None) -> None:
        if self.listener is not None:
            self.listener.changed(queue)

    async def keep_current(self) -> None:
        """Take the picture anew: after every new link, when its arrival allows dialling again, and
        whenever somebody asks for it."""
        while True:
            await self._resync.wait()
            self._resync.clear()
            try:
                await self._control.refresh_queues()
                await self._control.refresh_channels()
            except UNREACHABLE as error:
                log.warning("picture not taken", action="reconcile.failed", reason=str(error))
                if self._linked:
                    await asyncio.sleep(1.0)
                    self._resync.set()

    def _compared(self, listed: ev.ChannelsListed) -> None:
        """Channels are asked for last: with them the whole picture is there."""
        if self.listener is not None:
            self.listener.compare(listed)
        if self._linked and self._listed and not self.current:
            self.current = True
            log.info("picture is current", action="reconcile.current")
            self._wake(None)


def _queue_log(event: ev.MemberSeen | ev.MemberGone) -> QueueLogRow | None:
    """Members added, removed, paused and resumed go into queue_log, as Asterisk's own does."""
    if isinstance(event, ev.MemberGone):
        return QueueLogRow(event.at, NOBODY, event.queue, event.name, "REMOVEMEMBER")
    member = event.member
    if event.change == "added":
        return QueueLogRow(event.at, NOBODY, member.queue, member.name, "ADDMEMBER")
    if event.change == "pause":
        word = "PAUSE" if member.paused else "UNPAUSE"
        data = (member.paused_reason,) if member.paused_reason else ()
        return QueueLogRow(event.at, NOBODY, member.queue, member.name, word, data)
    return None

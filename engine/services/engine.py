"""The engine as a whole: starts its parts in order, hands events on, stops in stages."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import structlog

from engine.domain import events as ev
from engine.domain.call import State
from engine.domain.picture import Picture
from engine.domain.records import NOBODY, QueueLogRow
from engine.ports import UNREACHABLE, CallControl, Clock, Observer, Store, StoreError
from engine.services.book import CallBook
from engine.services.campaign import Tools
from engine.services.fleet import Fleet
from engine.services.reconcile import Reconciler
from engine.services.recorder import Recorder

log = structlog.get_logger(__name__)

#: Seconds between two signs of life, at most.
PULSE = 5.0
#: Seconds between two looks at what is overdue or missing.
LOOK = 1.0
#: Looks between two full pictures although the link is up.
REFRESH = 30
#: With more events than this waiting, what Asterisk answers is newer than what we know.
_LAGGING = 100


@dataclass(frozen=True, slots=True)
class StopLimits:
    """How long each stage of the stop may take, in s. Their sum is below systemd's TimeoutStopSec."""

    claims: float = 5.0
    drain: float = 30.0
    hang_up: float = 5.0
    flush: float = 10.0

    @property
    def total(self) -> float:
        return self.claims + self.drain + self.hang_up + self.flush


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """`lease`: how long attempts stay ours without a sign of life; `abandoned_rest`: how long a
    number rests after a call that found no agent."""

    lease: timedelta = timedelta(seconds=30)
    abandoned_rest: timedelta = timedelta(hours=72)
    stop: StopLimits = StopLimits()


class Engine:
    """Run it with `run`, ask it to end with `stop`; it ends by itself only when a part fails."""

    def __init__(
        self,
        control: CallControl,
        store: Store,
        observer: Observer,
        clock: Clock,
        settings: EngineSettings,
    ) -> None:
        self.control = control
        self.store = store
        self.clock = clock
        self.settings = settings
        self.observer = observer
        self.recorder = Recorder(store, observer, clock.new_name)
        self.picture = Picture()
        self.book = CallBook(self.recorder, observer, settings.abandoned_rest)
        self.reconciler = Reconciler(control, store, self.book, clock)
        self.fleet = Fleet(
            Tools(
                control=control,
                store=store,
                book=self.book,
                picture=self.picture,
                recorder=self.recorder,
                observer=observer,
                clock=clock,
                link_fault=self._link_fault,
                lease=lambda: self.settings.lease,
            )
        )
        self.book.listen = self.fleet.on_call
        #: Is the picture of queues and channels up to date, so that calls may be placed?
        self.current = False
        self._linked = False
        self._listed = False
        self._down = "no link to Asterisk yet"
        self._lease_until = self._steady_since = clock.now()
        self._unjudged = 0
        self._resync = asyncio.Event()
        self._stop = asyncio.Event()

    def _link_fault(self) -> str:
        """Why nothing may be dialled; '' when the picture of Asterisk is current."""
        if self.clock.now() > self._lease_until:
            return "this engine's lease is over and not renewed yet"
        if self.current:
            return ""
        return self._down or "the picture of Asterisk's queues is being taken"

    def stop(self) -> None:
        """Ask the engine to stop dialling, let calls end, write everything and end."""
        self._stop.set()

    def reconfigure(self, settings: EngineSettings) -> None:
        """Take over changed settings; they hold from the next call, claim or stop on."""
        self.settings = settings
        self.book.abandoned_rest = settings.abandoned_rest

    async def run(self) -> bool:
        """Run until stopped; return whether everything was written and every call ended.

        Raises StoreError or SchemaError when it cannot start.
        """
        await self.store.check_schema()
        await self._renew()
        await self.reconciler.adopt(own=True)
        async with asyncio.TaskGroup() as group:
            parts = [
                group.create_task(self.recorder.run(), name="recorder"),
                group.create_task(self._dispatch(), name="dispatch"),
                group.create_task(self._keep_current(), name="reconcile"),
                group.create_task(self._watch_overdue(), name="overdue"),
                group.create_task(self.control.run(), name="link"),
                group.create_task(self._keep_lease(), name="lease"),
                group.create_task(self.fleet.collect_debts(), name="debts"),
                group.create_task(self.fleet.run(group), name="fleet"),
            ]
            await self._stop.wait()
            clean = await self._stages()
            for part in parts:
                part.cancel()
        return clean

    async def _keep_lease(self) -> None:
        """Say that we live, in time; what happened while we could not is looked at first."""
        while True:
            await asyncio.sleep(min(self.settings.lease.total_seconds() / 4, PULSE))
            try:
                await self._renew()
            except StoreError as error:
                self.observer.database_failed()
                log.warning("lease not renewed", action="engine.lease", reason=str(error))

    async def _renew(self) -> None:
        lapsed = self.clock.now() > self._lease_until
        until = self.clock.now() + self.settings.lease
        await self.store.renew(until)
        if lapsed:
            await self.reconciler.drop_lost()
            self._steady_since = self.clock.now()
        self._lease_until = until

    async def _dispatch(self) -> None:
        """Handle events one by one, in order; what one of them breaks is that event's alone."""
        while True:
            event = await self.control.next_event()
            try:
                self._handle(event)
            except Exception:
                log.exception("event not handled", action="event.failed", event_type=type(event).__name__)
            if self.control.backlog() and self.control.backlog() % 100 == 0:
                await asyncio.sleep(0)  # a long backlog must not keep the link's answers waiting

    def _handle(self, event: ev.Event) -> None:
        match event:
            case ev.LinkUp():
                self._linked, self._down = True, ""
                self._resync.set()
                self.observer.link(True)
            case ev.LinkDown():
                self._linked = self.current = self._listed = False
                self._down = f"no link to Asterisk: {event.reason}"
                self.observer.link(False)
                self.fleet.on_queue(None)
            case ev.QueuesListed():
                self._listed = True
                self.picture.apply(event)
                self._seen_waiting(event)
                self.fleet.on_queue(None)
            case ev.ChannelsListed():
                self._compared(event)
            case ev.CallEvent():
                self.book.apply(event)
                self._changed(self.picture.apply(event))
            case ev.MemberSeen() | ev.MemberGone():
                self._log_member(event)
                self._changed(self.picture.apply(event))

    def _changed(self, queue: str | None) -> None:
        if queue is not None:
            self.fleet.on_queue(queue)

    def _seen_waiting(self, listed: ev.QueuesListed) -> None:
        """Calls of ours that a query finds waiting have been answered and joined unseen."""
        for waiting in listed.waiting:
            call = self.book.get(waiting.call)
            if call is not None and call.state is not State.QUEUED:
                self.book.apply(ev.CallerJoined(listed.at, waiting.call, waiting.queue, 1, ""))

    def _log_member(self, event: ev.MemberSeen | ev.MemberGone) -> None:
        """Members added, removed, paused and resumed go into queue_log, as Asterisk's own does."""
        if isinstance(event, ev.MemberGone):
            row = QueueLogRow(event.at, NOBODY, event.queue, event.name, "REMOVEMEMBER")
        elif event.change == "added":
            row = QueueLogRow(event.at, NOBODY, event.member.queue, event.member.name, "ADDMEMBER")
        elif event.change == "pause":
            word = "PAUSE" if event.member.paused else "UNPAUSE"
            data = (event.member.paused_reason,) if event.member.paused_reason else ()
            row = QueueLogRow(event.at, NOBODY, event.member.queue, event.member.name, word, data)
        else:
            return
        self.recorder.put(row)

    async def _keep_current(self) -> None:
        """Take the picture anew: after every new link, when its arrival allows dialling again, and
        whenever somebody asks for it."""
        while True:
            await self._resync.wait()
            self._resync.clear()
            try:
                await self.control.refresh_queues()
                await self.control.refresh_channels()
            except UNREACHABLE as error:
                log.warning("picture not taken", action="reconcile.failed", reason=str(error))
                if self._linked:
                    await asyncio.sleep(1.0)
                    self._resync.set()

    def _compared(self, listed: ev.ChannelsListed) -> None:
        """Channels are asked for last: with them the whole picture is there."""
        self._unjudged = self.reconciler.compare(listed)
        if self._linked and self._listed and not self.current:
            self.current = True
            log.info("picture is current", action="reconcile.current", calls=len(self.book))
            self.fleet.on_queue(None)

    async def _watch_overdue(self) -> None:
        """Once a second, look after what should have ended by itself and was not seen to.

        Now and then the whole picture is taken anew: an event that was lost or could not be handled
        must not keep a call, a caller or a seat for ever.
        """
        passed = 0
        while True:
            await asyncio.sleep(LOOK)
            passed += 1
            if passed % REFRESH == 0:
                self._resync.set()
                await self._adopt_expired()
            # With a backlog the answer to a question would overtake events that are already here.
            if not self.current or self.control.backlog() > _LAGGING:
                continue
            await self.reconciler.look_after_overdue()
            if self._unjudged:
                self._resync.set()

    async def _adopt_expired(self) -> None:
        """Take over what another engine left when its lease ran out.

        Not right after our own had run out: then the database was away for the others, too, and they
        are about to say that they live.
        """
        if self.clock.now() < self._steady_since + self.settings.lease:
            return
        try:
            await self.reconciler.adopt(own=False)
        except StoreError as error:
            log.warning("leases not looked at", action="reconcile.database", reason=str(error))

    async def _stages(self) -> bool:
        """Stop dialling, let calls end, hang up what is left, write everything; each within its limit."""
        limits = self.settings.stop
        log.info("stopping", action="engine.stopping", calls=len(self.book))
        released = await self.fleet.stop(limits.claims)
        await self._until_empty(limits.drain)
        if len(self.book):
            log.info("hanging up what is left", action="engine.hanging_up", calls=len(self.book))
            await self._hang_up_all(limits.hang_up)
        written = await self.recorder.flush(limits.flush)
        log.info(
            "stopped",
            action="engine.stopped",
            calls_left=len(self.book),
            records_left=0 if written else self.recorder.pending,
        )
        return released and written and not len(self.book)

    async def _hang_up_all(self, limit: float) -> None:
        """Hang up every call that is left and wait for their ends, `limit` s for all of it."""

        async def hang_up(attempt: str) -> None:
            self.book.apply(ev.HangUpOrdered(self.clock.now(), attempt))
            try:
                await self.control.hang_up(attempt)
            except UNREACHABLE as error:
                log.warning("not hung up", action="engine.hang_up", call_id=attempt, reason=str(error))

        try:
            async with asyncio.timeout(limit):
                await asyncio.gather(*(hang_up(call.attempt.id) for call in self.book))
                await self.book.empty.wait()
        except TimeoutError:
            log.warning("calls are left", action="engine.calls_left", calls=len(self.book))

    async def _until_empty(self, limit: float) -> None:
        try:
            async with asyncio.timeout(limit):
                await self.book.empty.wait()
        except TimeoutError:
            pass

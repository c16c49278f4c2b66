"""One term: what is true only while this engine is the one that dials."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from engine.domain import events as ev
from engine.domain.call import Call, State
from engine.domain.callerid_health import HealthRules
from engine.domain.callerid_pool import Locality
from engine.domain.model import agent_leg
from engine.domain.pacing import Profile
from engine.domain.picture import Picture
from engine.domain.records import QueueLogRow
from engine.ports import UNREACHABLE, CallControl, CallHistory, Clock, Observer, Store, StoreError
from engine.ports.queues import QueueOffice
from engine.ports.voice import Speech, VoiceControl
from engine.services.book import CallBook
from engine.services.broadcast import Broadcasts
from engine.services.callerids import CallerIds, nowhere
from engine.services.desks import Desks
from engine.services.errands import Errands
from engine.services.fleet import Fleet
from engine.services.lists import recycle_lists
from engine.services.orders import Orders
from engine.services.queues import QueueKeeper
from engine.services.reconcile import Reconciler
from engine.services.recorder import Recorder
from engine.services.sampling import sample
from engine.services.tools import Tools
from engine.services.usher import Usher
from engine.services.webhooks import Courier

log = structlog.get_logger(__name__)

#: Seconds between two looks at what is overdue or a ghost.
LOOK = 1.0
#: Looks between two searches for what others left open.
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
        """All stages one after the other; errands after the hang-up have its limit once more."""
        return self.claims + self.drain + 2 * self.hang_up + self.flush


@dataclass(frozen=True, slots=True)
class World:
    """What outlives a term. `obstacle` says why nothing may be dialled, '' when it may; `ask_again` wants the
    picture of Asterisk taken anew."""

    control: CallControl
    store: Store
    observer: Observer
    clock: Clock
    history: CallHistory
    recorder: Recorder
    picture: Picture
    profiles: Mapping[str, Profile]
    obstacle: Callable[[], str]
    ask_again: Callable[[], None]
    voice: VoiceControl | None = None
    speech: Speech | None = None
    locate: Callable[[str, str], Locality] = nowhere
    queues: QueueOffice | None = None
    courier: Courier | None = None


class Term:
    """The calls, the campaigns and what looks after them, from the lease's beginning to its end.

    `begin` it, `run` it, and either `stop` it in stages or cancel it: then nothing more is said
    about its calls, which are another's by then.
    """

    def __init__(self, world: World, abandoned_rest: timedelta, health: HealthRules | None = None) -> None:
        self._world = world
        self.book = CallBook(world.recorder, world.observer, world.clock.monotonic, abandoned_rest)
        desks = Desks()
        self._reconciler = Reconciler(
            world.control, world.store, self.book, world.clock, world.history, world.picture, desks
        )
        self.caller_ids = CallerIds(world.store, world.observer, world.clock, health, world.locate)
        tools = Tools(
            control=world.control,
            store=world.store,
            book=self.book,
            picture=world.picture,
            recorder=world.recorder,
            observer=world.observer,
            clock=world.clock,
            may_dial=world.obstacle,
            caller_ids=self.caller_ids,
            profiles=world.profiles,
            desks=desks,
            voice=world.voice,
            speaks=world.speech is not None and world.speech.able,
        )
        self.fleet = Fleet(tools)
        self._ready = tools.ready
        self._broadcasts: Broadcasts | None = None
        if world.voice is not None and world.speech is not None:
            self._broadcasts = Broadcasts(
                world.voice,
                world.speech,
                self.book,
                world.recorder,
                world.clock,
                self.fleet.script_of,
                self.fleet.told,
            )
        self._orders = Orders(tools)
        self._queues: QueueKeeper | None = None
        if world.queues is not None:
            office = world.queues
            self._queues = QueueKeeper(office.tables, office.control, office.file, world.ask_again)
        self._errands = Errands(world.control, world.clock, tools.desks, self.book.apply)
        self._usher = Usher(world.control, self.book, world.picture, world.clock)
        self.book.listen = self._heard
        self.book.recorded = tools.desks.recorded_call
        self._unjudged = 0

    def _heard(self, call: Call, event: ev.CallEvent) -> None:
        self.caller_ids.heard(call)
        self.fleet.on_call(call, event)
        self._orders.heard(call, event)
        self._errands.heard(call, event)

    async def begin(self) -> None:
        """Take over what was left open. Raises StoreError; then begin again."""
        await self.caller_ids.begin()
        await self._reconciler.adopt()

    async def run(self) -> None:
        """Pace the campaigns and look after the calls until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch(), name="overdue")
            group.create_task(self._errands.run(), name="errands")
            group.create_task(self._usher.run(), name="usher")
            group.create_task(self.caller_ids.run(), name="caller IDs")
            group.create_task(self._orders.run(), name="orders")
            if self._broadcasts is not None and self._world.voice is not None:
                group.create_task(self._world.voice.run(), name="voice")
                group.create_task(self._talk(self._broadcasts), name="broadcasts")
            if self._queues is not None:
                group.create_task(self._queues.run(), name="queues")
            group.create_task(self.fleet.collect_debts(), name="debts")
            group.create_task(recycle_lists(self._world.store, self._world.clock), name="lists")
            group.create_task(
                sample(self._world.store, self._world.observer, self._world.clock, self._ready),
                name="sampling",
            )
            if self._world.courier is not None:
                group.create_task(self._world.courier.run(), name="courier")
            group.create_task(self.fleet.run(group), name="fleet")

    async def _talk(self, broadcasts: Broadcasts) -> None:
        """Talk to answered calls; those of an engine before us are hung up by nobody who knows too little."""
        await self.fleet.followed.wait()
        await broadcasts.run()

    def handle(self, event: ev.CallEvent) -> None:
        """Let something happen to a call."""
        self.book.apply(event)

    def note(self, row: QueueLogRow) -> None:
        """Write a row of the queue log."""
        self._world.recorder.put(row)

    def changed(self, queue: str | None) -> None:
        """Wake the campaign whose queue changed; all of them when it is not known which."""
        self.fleet.on_queue(queue)
        self._usher.changed()

    def listed(self, listed: ev.QueuesListed) -> None:
        """Calls of ours that a query finds waiting have been answered and joined unseen."""
        for waiting in listed.waiting:
            call = self.book.get(waiting.call)
            if call is not None and call.state is not State.QUEUED:
                self.book.apply(ev.CallerJoined(listed.at, waiting.call, waiting.queue, 1, ""))

    def compare(self, listed: ev.ChannelsListed) -> None:
        """Compare our calls with Asterisk's channels."""
        self._unjudged = self._reconciler.compare(listed)

    async def _watch(self) -> None:
        """Look after what should have ended by itself and was not seen to.

        Now and then the whole picture is taken anew: an event that was lost or could not be handled
        must not keep a call, a caller or a seat for ever.
        """
        passed = 0
        while True:
            await asyncio.sleep(LOOK)
            passed += 1
            try:
                if passed % REFRESH == 0:
                    self._world.ask_again()
                    await self._reconciler.adopt()
                    await self._reconciler.release_forgotten()
                # With a backlog the answer to a question would overtake events that are already here. Who
                # stood still has not heard yet what became of his calls, nor whether they are still his.
                if self._world.obstacle() or self._world.control.backlog() > _LAGGING:
                    continue
                await self._reconciler.look_after_overdue()
                await self._reconciler.hang_up_ghosts()
            except StoreError as error:
                log.warning("not looked after", action="reconcile.database", reason=str(error))
            if self._unjudged:
                self._world.ask_again()

    async def stop(self, limits: StopLimits) -> bool:
        """Stop dialling, let calls end, hang up what is left; each within its limit. Returns whether
        every claim was given back and every call has ended."""
        released = await self.fleet.stop(limits.claims)
        await self._until(self.book.empty, limits.drain)
        if len(self.book):
            log.info("hanging up what is left", action="engine.hanging_up", calls=len(self.book))
            await self._hang_up_all(limits.hang_up)
        await self._until(self._errands.done, limits.hang_up)
        try:
            await self.caller_ids.keep()
        except StoreError as error:
            log.warning("caller IDs not kept", action="caller_id.database", reason=str(error))
        return released and not len(self.book)

    async def _hang_up_all(self, limit: float) -> None:
        """Hang up every call that is left and wait for their ends, `limit` s for all of it."""
        control, clock = self._world.control, self._world.clock

        async def hang_up(attempt: str) -> None:
            call = self.book.apply(ev.HangUpOrdered(clock.now(), attempt))
            try:
                await control.hang_up(attempt if call is None or call.called else agent_leg(attempt))
            except UNREACHABLE as error:
                log.warning("not hung up", action="engine.hang_up", call_id=attempt, reason=str(error))

        try:
            async with asyncio.timeout(limit):
                await asyncio.gather(*(hang_up(call.attempt.id) for call in self.book))
                await self.book.empty.wait()
        except TimeoutError:
            log.warning("calls are left", action="engine.calls_left", calls=len(self.book))

    async def _until(self, reached: asyncio.Event, limit: float) -> None:
        try:
            async with asyncio.timeout(limit):
                await reached.wait()
        except TimeoutError:
            pass

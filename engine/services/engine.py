"""The engine as a whole: starts its parts in order, hands events on, leads or stands by, stops in stages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import structlog

from engine.domain.callerid_health import HealthRules
from engine.domain.callerid_pool import Locality
from engine.domain.figures import Figures
from engine.domain.pacing import PROFILES, Profile
from engine.ports import (
    CallControl,
    CallHistory,
    Clock,
    Journal,
    Journals,
    Observer,
    Store,
    StoreError,
)
from engine.ports.queues import QueueOffice
from engine.ports.voice import Speech, VoiceControl
from engine.ports.watch import Component
from engine.services.callerids import nowhere
from engine.services.dispatch import Dispatcher
from engine.services.lease import Identity, Lease
from engine.services.recorder import Recorder, write_out
from engine.services.status import status_of
from engine.services.term import StopLimits, Term, World
from engine.services.webhooks import Courier

log = structlog.get_logger(__name__)

#: Seconds between two signs of life, at most, and between two questions of a standby.
PULSE = 1.0
#: Seconds between two searches for journals of dead engines, while standing by.
INHERIT = 30.0
#: A time of day that was moved by more than this (s) is taken over in one step.
JUMP = 2.0


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """`lease`: how long this engine leads without a sign of life; `abandoned_rest`: how long a number
    rests after a call that found no agent; `caller_ids`: when the numbers that are shown rest."""

    lease: timedelta = timedelta(seconds=10)
    abandoned_rest: timedelta = timedelta(hours=72)
    stop: StopLimits = field(default_factory=StopLimits)
    caller_ids: HealthRules = field(default_factory=HealthRules)


@dataclass(frozen=True, slots=True)
class Outside:
    """Everything outside that the engine uses."""

    control: CallControl
    store: Store
    journals: Journals
    history: CallHistory
    observer: Observer
    clock: Clock
    identity: Identity
    profiles: Mapping[str, Profile] = field(default_factory=lambda: PROFILES)
    voice: VoiceControl | None = None
    speech: Speech | None = None
    locate: Callable[[str, str], Locality] = nowhere
    name: str = "engine"
    queues: QueueOffice | None = None
    courier: Courier | None = None


class Engine:
    """Run it with `run`, ask it to end with `stop`; it ends by itself only when a part fails.

    Invariant: calls are placed only within a term, and a term lasts no longer than the lease.
    """

    def __init__(self, outside: Outside, settings: EngineSettings) -> None:
        self.control = outside.control
        self.store = outside.store
        self.clock = outside.clock
        self.observer = outside.observer
        self.settings = settings
        self.lease = Lease(outside.store, outside.clock, outside.identity)
        self.journal = outside.journals.own()
        self.recorder = Recorder(self.journal, self.store, self.observer, lambda: self.lease.token)
        self.dispatcher = Dispatcher(self.control, self.observer)
        self.dispatcher.figures = Figures(lambda at: self.clock.local(at).date())
        self.term: Term | None = None
        self._journals = outside.journals
        self._history = outside.history
        self._profiles = outside.profiles
        self.voice, self._speech = outside.voice, outside.speech
        self._locate = outside.locate
        self.name = outside.name
        #: How often this engine began to lead, and how often the time of day was set.
        self.terms = self.clock_jumps = 0
        self._queues = outside.queues
        self._courier = outside.courier
        #: How parts beside the engine are: what shows the engine shows them, too.
        self.beside: Callable[[], tuple[Component, ...]] = tuple
        self._inheriting = asyncio.Lock()
        self._inherited: list[Journal] = []
        self._stop = asyncio.Event()
        #: Set as soon as this engine leads or stands by.
        self.started = asyncio.Event()
        self._beat = float("-inf")

    def obstacle(self) -> str:
        """Why nothing may be dialled; '' when the lease is ours and the picture of Asterisk current."""
        if not self.lease.held:
            return "this engine's lease is over and not renewed yet"
        return self.dispatcher.obstacle

    @property
    def alive(self) -> bool:
        """Does the engine still ask for its lease or renew it, as it does every second? It need not get
        it: a database that is away makes nobody ill."""
        return (
            asyncio.get_running_loop().time() - self._beat < self.settings.lease.total_seconds() + 2 * PULSE
        )

    def _live(self) -> None:
        self._beat = asyncio.get_running_loop().time()

    def stop(self) -> None:
        """Ask the engine to stop dialling, let calls end, write everything and end."""
        self._stop.set()

    def reconfigure(self, settings: EngineSettings) -> None:
        """Take over changed settings; they hold from the next call, claim or stop on."""
        self.settings = settings
        if self.term is not None:
            self.term.book.abandoned_rest = settings.abandoned_rest
            self.term.caller_ids.ledger.rules = settings.caller_ids

    async def run(self) -> bool:
        """Run until stopped; return whether everything was written and every call ended.

        Raises StoreError or SchemaError when it cannot start.
        """
        await self.store.check_schema()
        async with asyncio.TaskGroup() as group:
            parts = [
                group.create_task(self.recorder.run(), name="recorder"),
                group.create_task(self.dispatcher.run(), name="dispatch"),
                group.create_task(self.dispatcher.keep_current(), name="picture"),
                group.create_task(self.control.run(), name="link"),
                group.create_task(self._look_for_journals(), name="journals"),
                group.create_task(self._tell(), name="status"),
            ]
            clean = await self._lead_or_stand_by()
            log.info("writing what is left", action="engine.flushing", records=self.recorder.pending)
            written = await self.recorder.flush(self.settings.stop.flush)
            for part in parts:
                part.cancel()
        await self._close(written)
        log.info("stopped", action="engine.stopped", records_left=self.recorder.pending)
        return clean and written

    async def _close(self, written: bool) -> None:
        """Give up the lease and the journal. What is left in it the next engine on this machine writes."""
        try:
            if self.lease.token:
                await self.lease.end()
            self.journal.close()
            if written:
                await self.store.forget_journal(self.journal.id)
        except StoreError as error:
            log.warning("lease not given up", action="engine.lease", reason=str(error))

    # Leading and standing by.

    async def _lead_or_stand_by(self) -> bool:
        """Take the lease whenever nobody else has it, lead as long as it is ours; until asked to stop.

        Returns whether everything of the last term came to its end.
        """
        told = ""
        while not self._stop.is_set():
            self._live()
            self._clock_was_set()  # a term begins with the time of day as it is
            leads = await self._take_lease()
            self.started.set()
            if leads:
                told = ""
                if (ended := await self._lead()) is not None:
                    return ended
                continue
            if self.lease.owner != told:
                told = self.lease.owner
                log.info("standing by", action="engine.standby", leader=told)
            await self._stopped_within(PULSE)
        return True

    async def _take_lease(self) -> bool:
        try:
            return await self.lease.take(self.settings.lease)
        except StoreError as error:
            self.observer.database_failed()
            log.warning("lease not asked for", action="engine.lease", reason=str(error))
            return False

    async def _lead(self) -> bool | None:
        """Lead for one term. Returns whether it came to its end, all stages of the stop included; None
        when another engine leads now or the clock was set, and the term was only left."""
        log.info("leading", action="engine.leading", token=self.lease.token)
        self.observer.leading(True)
        self.terms += 1
        over = asyncio.Event()
        self.term = self.dispatcher.listener = term = Term(
            self._world(), self.settings.abandoned_rest, self.settings.caller_ids
        )
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(self._keep_lease(over), name="lease"),
                    group.create_task(self._serve(term), name="term"),
                ]
                await _first(self._stop.wait(), over.wait())
                ended = None
                if not over.is_set():
                    log.info("stopping", action="engine.stopping", calls=len(term.book))
                    done = await _first(term.stop(self.settings.stop), over.wait())
                    ended = None if over.is_set() else bool(done)
                for task in tasks:
                    task.cancel()
        finally:
            self.term = self.dispatcher.listener = None
            self.observer.leading(False)
        return ended

    def _world(self) -> World:
        return World(
            control=self.control,
            store=self.store,
            observer=self.observer,
            clock=self.clock,
            history=self._history,
            recorder=self.recorder,
            picture=self.dispatcher.picture,
            profiles=self._profiles,
            obstacle=self.obstacle,
            ask_again=self.dispatcher.ask_again,
            voice=self.voice,
            speech=self._speech,
            locate=self._locate,
            queues=self._queues,
            courier=self._courier,
        )

    async def _serve(self, term: Term) -> None:
        """Take over what is there, then work. What dead engines and we ourselves knew comes first: it
        must not be asked of Asterisk, which has forgotten it."""
        while True:
            try:
                await self._inherit()
                if await self.recorder.flush(PULSE):
                    await term.begin()
                    break
            except StoreError as error:
                log.warning("what is open was not taken over", action="engine.begin", reason=str(error))
                await asyncio.sleep(PULSE)
        self.dispatcher.ask_again()
        log.info("at work", action="engine.serving", calls=len(term.book))
        await term.run()

    async def _keep_lease(self, over: asyncio.Event) -> None:
        """Say that we live, in time. `over` is set when another engine has taken over, or when the
        time of day was set: what was counted in the old time is then taken anew from the tables."""
        while True:
            self._live()
            await asyncio.sleep(min(self.settings.lease.total_seconds() / 4, PULSE))
            if self._clock_was_set():
                break
            try:
                if not await self.lease.renew(self.settings.lease):
                    log.error("another engine leads now", action="engine.fenced")
                    break
            except StoreError as error:
                self.observer.database_failed()
                log.warning("lease not renewed", action="engine.lease", reason=str(error))
        over.set()

    def _clock_was_set(self) -> bool:
        """Take over the time of day; when it was moved, drop what was counted in the old one."""
        drift = self.clock.drift()
        self.clock.rebase()
        if abs(drift) <= JUMP:
            return False
        log.warning("the clock was set", action="engine.clock", seconds=round(drift, 1))
        self.dispatcher.forget()
        self.clock_jumps += 1
        return True

    async def _tell(self) -> None:
        """Tell how the engine is, until cancelled. Whoever cannot be told must not cost a call: his page
        grows old, and says so."""
        while True:
            try:
                self.observer.status(status_of(self))
            except Exception:
                log.exception("status not told", action="engine.status")
            await asyncio.sleep(PULSE)

    async def _look_for_journals(self) -> None:
        """Write out, until cancelled, the journals of engines that died on this machine."""
        while True:
            try:
                await self._inherit()
            except StoreError as error:
                log.warning("journal not settled", action="engine.journal", reason=str(error))
            await asyncio.sleep(INHERIT)

    async def _inherit(self) -> None:
        async with self._inheriting:
            self._inherited += self._journals.orphans()
            while self._inherited:
                journal = self._inherited[0]
                try:
                    await write_out(journal, self.store, self.observer)
                finally:
                    # Nobody else can have one that we could not finish: it is tried again.
                    if not journal.pending:
                        self._inherited.pop(0)

    async def _stopped_within(self, seconds: float) -> None:
        """Wait, but no longer than until the stop."""
        try:
            async with asyncio.timeout(seconds):
                await self._stop.wait()
        except TimeoutError:
            pass


async def _first(*waits: Coroutine[Any, Any, Any]) -> Any:
    """Wait until one of `waits` is done, cancel the others and wait for their ends, and return its result (of
    the first given when several are done)."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                return task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

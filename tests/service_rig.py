"""Services wired to the doubles: one campaign's worker, a fleet of them, a whole engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from engine.domain import events as ev
from engine.domain.call import Call, State
from engine.domain.dialstring import parse_dialstring
from engine.domain.model import Campaign, ContactList
from engine.domain.picture import Picture
from engine.services import campaign as campaign_module
from engine.services import engine as engine_module
from engine.services import fleet as fleet_module
from engine.services import orders as orders_module
from engine.services import placing as placing_module
from engine.services import recorder as recorder_module
from engine.services import term as term_module
from engine.services.book import CallBook
from engine.services.callerids import CallerIds
from engine.services.campaign import CampaignWorker
from engine.services.engine import Engine, EngineSettings, Outside
from engine.services.lease import Identity
from engine.services.recorder import Recorder
from engine.services.term import StopLimits
from engine.services.tools import Tools
from tests.builders import QUEUE, a_dialer
from tests.doubles import (
    PATIENCE,
    FakeClock,
    FakeSwitch,
    MemoryJournal,
    MemoryJournals,
    MemoryStore,
    NoPast,
    RecordingObserver,
    background,
    until,
)

LEASE = timedelta(seconds=30)
REST = timedelta(hours=72)
#: Long enough for everything that is ready to happen.
LIMITS = StopLimits(claims=5.0, drain=5.0, hang_up=5.0, flush=5.0)


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every wait of the services short."""
    monkeypatch.setattr(campaign_module, "TICK", 0.002)
    monkeypatch.setattr(placing_module, "TICK", 0.002)
    monkeypatch.setattr(fleet_module, "PERIOD", 0.002)
    monkeypatch.setattr(engine_module, "PULSE", 0.002)
    monkeypatch.setattr(term_module, "LOOK", 0.002)
    monkeypatch.setattr(term_module, "REFRESH", 10**9)
    monkeypatch.setattr(fleet_module, "_REST", 0.02)
    monkeypatch.setattr(orders_module, "PERIOD", 0.002)
    monkeypatch.setattr(recorder_module, "_PATIENCE", (0.002,))


class World:
    """The doubles, and what a test puts into them."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore(monotonic=self.clock.monotonic)
        self.switch = FakeSwitch(self.clock.now)
        self.observer = RecordingObserver()

    def contacts(self, *numbers: str, campaign: str = QUEUE, **columns: Any) -> list[int]:
        base = {"campaign": campaign, "dialerbase": "L1", **columns}
        return [self.store.add_contact(destination=number, **base) for number in numbers]

    def seats(self, count: int, queue: str = QUEUE, first: int = 101) -> list[ev.Member]:
        return [self.switch.seat(queue, number) for number in range(first, first + count)]

    def dialled(self, queue: str = QUEUE) -> list[str]:
        """Return the numbers of all orders of a campaign, in order."""
        own = (order for order in self.switch.orders if ("OD_CAMPAIGN", queue) in order.variables)
        return [dict(order.variables)["OD_NUMBER"] for order in own]

    def statuses(self) -> list[int]:
        """Return the status of every row of the spool."""
        return [row["status"] for row in self.store.spool.values()]

    def outcomes(self) -> list[str]:
        """Return the outcome of every attempt that has ended, in the order of the claims."""
        return [str(row["outcome"]) for row in self.store.attempts.values() if row["state"] == "ended"]


class Bench(World):
    """Everything that a worker or a fleet shares. `current`: may calls be placed?"""

    def __init__(self) -> None:
        super().__init__()
        self.current = True
        self.journal = MemoryJournal()
        self.recorder = Recorder(self.journal, self.store, self.observer, lambda: 0)
        self.book = CallBook(self.recorder, self.observer, self.clock.monotonic, REST)
        self.picture = Picture()
        self.workers: list[CampaignWorker] = []
        self.tools = Tools(
            control=self.switch,
            store=self.store,
            book=self.book,
            picture=self.picture,
            recorder=self.recorder,
            observer=self.observer,
            clock=self.clock.port(),
            may_dial=lambda: "" if self.current else "no link",
            caller_ids=CallerIds(self.store, self.observer, self.clock.port()),
        )
        self.book.listen = self.heard
        self.switch.link_up()

    def heard(self, call: Call, event: ev.CallEvent) -> None:
        for worker in self.workers:
            worker.observe(call, event)

    async def dispatch(self) -> None:
        """Hand events on, as the engine does."""
        while True:
            event = await self.switch.next_event()
            if isinstance(event, ev.CallEvent):
                self.book.apply(event)
            self.picture.apply(event)

    @asynccontextmanager
    async def working(self, **dialer: Any) -> AsyncIterator[CampaignWorker]:
        """Run one worker; it is stopped where the block ends."""
        worker = CampaignWorker(a_campaign(**dialer), self.tools)
        self.workers.append(worker)
        async with background(self.dispatch(), self.recorder.run()) as group:
            task = group.create_task(worker.run())
            yield worker
            worker.stop()
            async with asyncio.timeout(PATIENCE):
                await task


def a_campaign(**changes: Any) -> Campaign:
    """A campaign with the list L1 that wants one call for each free agent."""
    values = {"dial_string": parse_dialstring("SIP/CARRIER/"), "tbc_nocontact": 0, **changes}
    return Campaign(a_dialer(**values), (ContactList("L1", 1.0),))


class EngineRoom(World):
    """A world with one campaign in it, and engines that run there, one process after the other or
    several at once."""

    def __init__(self) -> None:
        super().__init__()
        self.store.add_dialer(QUEUE)
        self.journals = MemoryJournals()
        self.history = NoPast()
        self.dead: set[str] = set()
        self._started = 0

    def engine(self, limits: StopLimits = LIMITS) -> Engine:
        """Return an engine that is a process of its own."""
        return self._engine(limits, self.store, self.switch, self.journals)

    def standby(self, limits: StopLimits = LIMITS) -> Engine:
        """Return an engine of another name beside the first: with its own view of the rows, its own link
        to the switch, its own journal."""
        store = self.store.seen_by("another")
        store.held, store.waiting = {}, set()
        return self._engine(limits, store, self.switch.another_link(), MemoryJournals())

    def _engine(
        self, limits: StopLimits, store: MemoryStore, switch: FakeSwitch, journals: MemoryJournals
    ) -> Engine:
        self._started += 1
        outside = Outside(
            control=switch,
            store=store,
            journals=journals,
            history=self.history,
            observer=self.observer,
            clock=self.clock.port(),
            identity=Identity(f"process {self._started}", self.dead.__contains__),
        )
        return Engine(outside, EngineSettings(lease=LEASE, abandoned_rest=REST, stop=limits))

    @asynccontextmanager
    async def running(self, limits: StopLimits = LIMITS) -> AsyncIterator[Engine]:
        """Run an engine; where the block ends it is gone as after a crash, unless it was stopped."""
        engine = self.engine(limits)
        async with background(engine.run()):
            yield engine
        self.dead.add(self.store.lease["process"])
        self.journals = self.journals.after()


def calls_of(engine: Engine) -> list[Call]:
    """Return the calls that an engine looks after; none while it stands by."""
    return list(engine.term.book) if engine.term is not None else []


def unjudged(engine: Engine) -> int:
    """Return how many calls were missing from one list of channels and have to be missing again."""
    return engine.term._unjudged if engine.term is not None else 0


async def settled(room: EngineRoom, engine: Engine) -> None:
    """Wait until everything heard is handled and written."""
    await until(lambda: not room.switch.backlog() and not engine.recorder.pending, "all is handled")


async def in_state(engine: Engine, state: State, count: int = 1) -> None:
    await until(lambda: [c.state for c in calls_of(engine)].count(state) == count, f"{count} calls {state}")


async def rounds(room: World, count: int = 3) -> None:
    """Let the fleet look `count` more times; workers look as often."""
    before = room.store.calls["publish"]
    await until(lambda: room.store.calls["publish"] > before + count, f"{count} more rounds")


def log_of(room: World, call: str) -> list[str]:
    return [row.event for row in room.store.queue_log if row.call == call]

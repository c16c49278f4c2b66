"""Engines that are cut off at any step: a switch that lives on, and ports that stop in the middle."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from engine.domain import events as ev
from engine.domain.commands import Originate
from engine.domain.entries import Entry
from engine.domain.model import agent_leg, leg_owner
from engine.domain.orders import Join, Leave, Pause
from engine.ports import RefusedError, UncertainError
from engine.services.engine import Engine, EngineSettings, Outside
from engine.services.lease import Identity
from tests.builders import QUEUE
from tests.doubles import MemoryJournal, MemoryJournals, NoPast, RecordingObserver
from tests.fake_switch import FakeSwitch, Line
from tests.memory_store import MemoryStore, Row
from tests.service_rig import LIMITS
from tests.virtual_time import clock

LEASE = timedelta(seconds=30)
REST = timedelta(seconds=60)
#: Longer than a lease: another engine finds callers who talk.
TALK = 45.0


class Cut:
    """Counts the steps of one engine and stops it for good (or until `thaw`) at step `at`."""

    def __init__(self, at: int = 0) -> None:
        self.at = at
        self.steps: list[str] = []
        self.happened = asyncio.Event()
        self.off = False
        self._gate = asyncio.Event()

    async def step(self, name: str) -> None:
        """Pass one boundary. Where the engine is cut off nothing of it gets any further."""
        if not self.off:
            self.steps.append(name)
            if len(self.steps) != self.at:
                return
            self.off = True
            self.happened.set()
        await self._gate.wait()

    def thaw(self) -> None:
        self.off = False
        self._gate.set()


class CutStore:
    """A store whose every transaction has a boundary before it and one before its answer."""

    def __init__(self, store: MemoryStore, cut: Cut) -> None:
        self._store = store
        self._cut = cut

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if not inspect.iscoroutinefunction(method):
            return method

        async def call(*args: Any, **named: Any) -> Any:
            await self._cut.step(f"before {name}")
            result = await method(*args, **named)
            await self._cut.step(f"after {name}")
            return result

        return call


class CutJournal(MemoryJournal):
    """The journal of a process: what is not alive writes nothing."""

    def __init__(self, cut: Cut) -> None:
        super().__init__()
        self._cut = cut

    def append(self, fence: int, entries: Sequence[Entry]) -> None:
        if not self._cut.off:
            super().append(fence, entries)


@dataclass(frozen=True)
class Placed:
    """An order, when it came, and what was alive and written at that moment."""

    attempt: str
    at: datetime
    alive: frozenset[str]
    attempts: dict[str, Row]


class Exchange(FakeSwitch):
    """A switch whose calls live on in time by themselves, with one link for each engine.

    The number's last three digits: 2xx talks for TALK seconds (or hangs up when it found no agent), 299
    is a machine, 777 rings out, 990 is refused; of 996 the order is lost, of 997 only the answer, and 295
    (who talks) comes to the exchange after a while only.
    """

    def __init__(self, now: Callable[[], datetime], store: MemoryStore) -> None:
        super().__init__(now, up=False)
        self.linked = True
        self.links: list[ExchangeLink] = []
        self.told: list[ev.Event] = []
        self.placed: list[Placed] = []
        #: Calls that began when their attempts had ended.
        self.too_late: list[str] = []
        #: Talks that an engine ended.
        self.cut_short: list[str] = []
        self._store = store

    def _put(self, event: ev.Event) -> None:
        self.told.append(event)
        for link in self.links:
            link.events.put_nowait(event)

    def take(self, order: Originate) -> None:
        """An order has come."""
        digits = order.channel.partition("@")[0][-3:]
        if digits == "990":
            raise RefusedError("Extension does not exist.")
        self.orders.append(order)
        if leg_owner(order.attempt):
            self._ring(order, digits)
            return
        rows = {attempt: dict(row) for attempt, row in self._store.attempts.items()}
        self.placed.append(Placed(order.attempt, self._now(), frozenset(self.lines), rows))
        if digits == "295":
            asyncio.get_running_loop().call_later(12, self._place, order)
        elif digits != "996":
            self._place(order)

    def _ring(self, order: Originate, agent: str) -> None:
        """Agent 101 takes calls, 102 decides against them, 103 never answers."""
        leg, attempt = order.attempt, str(leg_owner(order.attempt))
        line = self.lines[leg] = Line(order, f"{order.channel}-{next(self._numbers):08x}")

        def answer() -> None:
            line.answered = True
            self._put(ev.AgentLegAnswered(self._now(), attempt, line.channel))
            if agent == "102":
                self._later(2, leg, skip)

        def skip() -> None:
            self._put(ev.AgentDecided(self._now(), attempt, "skip", "", "key"))
            self.end(leg)

        if agent == "103":
            self._later(order.timeout, leg, lambda: self.end(leg))
        else:
            self._later(1, leg, answer)

    def end(self, call: str, by: str = "caller") -> None:
        super().end(call, by)
        if agent_leg(call) in self.lines:
            super().end(agent_leg(call))  # the bridge takes the agent's leg with it

    @staticmethod
    async def answer(order: Originate) -> None:
        """Wait for the answer to an order."""
        if order.channel.partition("@")[0][-3:] in ("295", "996", "997"):
            await asyncio.sleep(10)
            raise UncertainError("no answer came")

    async def hang_up(self, call: str) -> bool:
        if call in self.lines and self.lines[call].agent is not None:
            self.cut_short.append(call)
        return await super().hang_up(call)

    def _place(self, order: Originate) -> None:
        call = order.attempt
        if self._store.attempts[call]["state"] == "ended":
            self.too_late.append(call)
        line = Line(order, f"PJSIP/CARRIER-{next(self._numbers):08x}")
        self.lines[call] = line
        if line.digits == "486":
            self._later(1, call, lambda: self._fail(call, "BUSY", 17, 486, 5))
            return
        self._later(1, call, lambda: self._put(ev.Ringing(self._now(), call, line.channel)))
        if line.digits == "777":
            self._later(order.timeout, call, lambda: self._fail(call, "NOANSWER", 19, 480, 3))
        elif line.digits == "299":
            self._later(2, call, lambda: self._machine(call, line))
        else:
            self._later(2, call, lambda: self._take(call, line))

    def _take(self, call: str, line: Line) -> None:
        self._answer(call, line)
        self._later(TALK, call, lambda: self.end(call))

    def _answer(self, call: str, line: Line) -> None:
        line.answered = True
        self._put(ev.Answered(self._now(), call, line.channel))
        if "OD_INTERFACE" in dict(line.order.variables):
            self._join(call, line)
            return
        line.queue = QUEUE
        waiting = self.queues.setdefault(QUEUE, [])
        waiting.append(call)
        self._put(ev.CallerJoined(self._now(), call, QUEUE, len(waiting), line.order.caller_id))
        self._serve(QUEUE)

    def _machine(self, call: str, line: Line) -> None:
        line.answered = True
        self._put(ev.Answered(self._now(), call, line.channel))
        self._put(ev.MachineJudged(self._now(), call, "MACHINE", "LONGGREETING"))
        self._later(1, call, lambda: self._gone(call, 16, None))

    def _later(self, seconds: float, call: str, then: Callable[[], None]) -> None:
        def happen() -> None:
            if call in self.lines:
                then()

        asyncio.get_running_loop().call_later(seconds, happen)


class ExchangeLink:
    """One engine's link to the exchange: the CallControl port with boundaries in it."""

    def __init__(self, exchange: Exchange, now: Callable[[], datetime], cut: Cut) -> None:
        self.events: asyncio.Queue[ev.Event] = asyncio.Queue()
        self._exchange = exchange
        self._now = now
        self._cut = cut
        self._handled = ""

    async def run(self) -> None:
        self._exchange.links.append(self)
        self.events.put_nowait(ev.LinkUp(self._now()))
        await asyncio.Event().wait()

    def drop(self) -> None:
        """What happens from now on is not told here."""
        if self in self._exchange.links:
            self._exchange.links.remove(self)

    async def next_event(self) -> ev.Event:
        if self._handled:
            await self._cut.step(f"after {self._handled}")
        event = await self.events.get()
        self._handled = type(event).__name__
        # Who stood still reads late, and takes it for news.
        return replace(event, at=self._now())

    def backlog(self) -> int:
        return self.events.qsize()

    def lag(self) -> float:
        return 0.0

    async def originate(self, order: Originate) -> None:
        await self._cut.step("before originate")
        self._exchange.take(order)
        await self._cut.step("after the order left")
        await self._exchange.answer(order)
        await self._cut.step("after originate")

    async def hang_up(self, call: str) -> bool:
        await self._cut.step("before hang_up")
        done = await self._exchange.hang_up(call)
        await self._cut.step("after hang_up")
        return done

    async def redirect(self, call: str, context: str, exten: str) -> None:
        await self._exchange.redirect(call, context, exten)

    async def set_variable(self, call: str, name: str, value: str) -> None:
        await self._exchange.set_variable(call, name, value)

    async def wake_caller(self, call: str) -> bool:
        return await self._exchange.wake_caller(call)

    async def add_member(self, member: Join) -> None:
        await self._exchange.add_member(member)

    async def remove_member(self, member: Leave) -> None:
        await self._exchange.remove_member(member)

    async def pause_member(self, member: Pause) -> None:
        await self._exchange.pause_member(member)

    async def hang_up_phone(self, interface: str) -> None:
        await self._exchange.hang_up_phone(interface)

    async def refresh_queues(self) -> None:
        switch = self._exchange
        waiting = [ev.Waiting(queue, call) for queue, calls in switch.queues.items() for call in calls]
        members = tuple(switch.members.values())
        self.events.put_nowait(ev.QueuesListed(self._now(), tuple(switch.queues), members, tuple(waiting)))

    async def refresh_channels(self) -> None:
        live = {call: line.answered for call, line in self._exchange.lines.items()}
        self.events.put_nowait(ev.ChannelsListed(self._now(), live))


class Process:
    """One engine process: its engine, its ports and its task."""

    def __init__(self, house: House, name: str, cut: Cut, journals: MemoryJournals) -> None:
        self.name = name
        self.cut = cut
        self.store = house.store.seen_by(name)
        self.link = ExchangeLink(house.exchange, house.clock.now, cut)
        self.journals = journals
        self.journals.journal = CutJournal(cut)
        outside = Outside(
            control=self.link,
            store=CutStore(self.store, cut),  # type: ignore[arg-type]
            journals=journals,
            history=NoPast(),
            observer=house.observer,
            clock=replace(house.clock, monotonic=self._monotonic),
            identity=Identity(name, house.dead.__contains__),
        )
        self.engine = Engine(outside, EngineSettings(lease=LEASE, abandoned_rest=REST, stop=LIMITS))
        self.task = asyncio.ensure_future(self.engine.run())

    def _monotonic(self) -> float:
        """What a frozen engine looks at in spite of the cut it would see when it wakes: much later."""
        return asyncio.get_running_loop().time() + (10**9 if self.cut.off else 0)

    async def kill(self) -> None:
        """Nothing more of it runs; nobody hears for it any more."""
        self.cut.off = True
        self.link.drop()
        before = self.task
        before.cancel()
        await asyncio.wait([before])

    async def stop(self) -> bool:
        """Ask it to end; tell whether everything was written and every call ended."""
        self.engine.stop()
        return await self.task


class House:
    """One database, one exchange, one campaign, and the processes that come and go."""

    def __init__(self, *, decides: bool = False, **dialer: Any) -> None:
        self.clock = clock()
        self.store = MemoryStore(monotonic=self.clock.monotonic)
        self.store.add_dialer(QUEUE, timeout=10, **dialer)
        if decides:
            self.store.options.append(
                {
                    "campaign": QUEUE, "customer_first": 0, "agent_decides": 1, "decision_time": 30,
                    "later": 60, "machines": "hangup", "machine_sound": "", "recording": "none",
                }
            )  # fmt: skip
        self.exchange = Exchange(self.clock.now, self.store)
        self.observer = RecordingObserver()
        self.dead: set[str] = set()
        self.processes: list[Process] = []

    def contact(self, number: str, **columns: Any) -> None:
        order = {"priority": len(self.store.spool) + 1, "shuffle": 0.0}
        self.store.add_contact(destination=number, campaign=QUEUE, dialerbase="L1", **order, **columns)

    def start(self, *, cut: int = 0, journals: MemoryJournals | None = None) -> Process:
        name = f"process {len(self.processes) + 1}"
        process = Process(self, name, Cut(cut), journals or MemoryJournals())
        self.processes.append(process)
        return process

    @property
    def over(self) -> bool:
        """Is every contact finished or set aside, and everything written?"""
        open_ones = [row for row in self.store.attempts.values() if row["state"] != "ended"]
        ready = [row for row in self.store.spool.values() if row["status"] not in (2, 3)]
        left = [p for p in self.processes if not p.cut.off and p.engine.recorder.pending]
        return not (open_ones or ready or left or self.exchange.lines)

    async def until_over(self) -> None:
        """Let time pass until everything has come to its end."""
        for _ in range(900):
            if self.over:
                return
            await asyncio.sleep(1)
        raise AssertionError(f"it does not end: {self.store.spool} {self.store.attempts}")

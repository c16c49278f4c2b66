"""An engine that is gone, or frozen, after any single step costs nobody a second call, and no record.

The steps are counted in a run that nothing interrupts; then one run is cut off at each of them.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
import structlog

from engine.domain import events as ev
from engine.domain.rules import NOT_PLACED_PAUSE
from engine.services import campaign as campaign_module
from engine.services import engine as engine_module
from engine.services import fleet as fleet_module
from engine.services import orders as orders_module
from engine.services import placing as placing_module
from engine.services import sampling as sampling_module
from engine.services import term as term_module
from tests.builders import QUEUE
from tests.cuts import LEASE, REST, House, Placed, Process
from tests.virtual_time import run

#: Steps that an idle engine takes again and again; cutting it off at the first few of each is enough.
_IDLE = ("settings", "publish", "renew_lease", "QueuesListed", "ChannelsListed", "ended", "MemberSeen")
_OFTEN = 2
#: Reads and changes nothing that matters here.
_UNCUT = ("count_spool", "count_small")
#: When all is over nothing more may happen, so long (s).
AFTERWARDS = 20

#: How a call path ends → its contacts, the dialer's columns.
PATHS: dict[str, tuple[tuple[dict[str, str], ...], dict[str, Any]]] = {
    "talked": (({"number": "1001200"},), {}),
    "busy, then the alternative talked": (({"number": "1001486", "alternatives": "1002200"},), {}),
    "rang out twice": (({"number": "1001777"},), {"retries": 1}),
    "one abandoned": (({"number": "1001200"}, {"number": "1002200"}), {"tbc": -200}),
    "the order was refused": (({"number": "1001990"},), {}),
    "the order was lost": (({"number": "1001996"},), {}),
    "the answer was lost": (({"number": "1001997"},), {}),
    "the order came late": (({"number": "1001295", "alternatives": "1002200"},), {}),
    "a machine": (({"number": "1001299"},), {"retries": 1}),
    "the agent was called first": (({"number": "1001200"},), {"dialertype": "Preview", "tbc": 0}),
    "the agent skipped": (({"number": "1001200"},), {"dialertype": "Preview", "tbc": 0, "decides": True}),
}


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look less often than in earnest: time costs nothing here, but looking does."""
    monkeypatch.setattr(campaign_module, "TICK", 6.0)
    monkeypatch.setattr(fleet_module, "PERIOD", 6.0)
    monkeypatch.setattr(orders_module, "PERIOD", 6.0)
    monkeypatch.setattr(placing_module, "TICK", 6.0)
    monkeypatch.setattr(engine_module, "PULSE", 6.0)
    monkeypatch.setattr(sampling_module, "PERIOD", 600.0)
    monkeypatch.setattr(term_module, "LOOK", 3.0)
    monkeypatch.setattr(term_module, "REFRESH", 6)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


def a_house(path: str) -> House:
    contacts, dialer = PATHS[path]
    house = House(**dialer)
    for contact in contacts:
        house.contact(**contact)
    house.exchange.seat(QUEUE, 102 if dialer.get("decides") else 101)
    return house


async def _steps(path: str) -> list[str]:
    """Run the path without interruption; return every step that the engine took."""
    house = a_house(path)
    process = house.start()
    await house.until_over()
    await asyncio.sleep(AFTERWARDS)
    assert await process.stop()
    check(house)
    return process.cut.steps


@cache
def cuts(path: str) -> dict[int, str]:
    """Return the steps worth cutting after, by their numbers."""
    seen: Counter[str] = Counter()
    found = {}
    for number, name in enumerate(run(_steps(path)), 1):
        seen[name] += 1
        if name.partition(" ")[2] in _UNCUT:
            continue
        if seen[name] <= _OFTEN or name.partition(" ")[2] not in _IDLE:
            found[number] = name
    return found


def check(house: House, *, queue_log: bool = True) -> None:
    """Everything that must be true when all has come to its end, whatever happened on the way."""
    store, exchange = house.store, house.exchange
    orders = Counter(order.attempt for order in exchange.orders)
    assert all(count == 1 for count in orders.values()), "an attempt was dialled twice"
    assert not exchange.too_late, "a call began that had been given up"
    assert not exchange.cut_short, "customer and agent were cut off"
    assert all(row["state"] == "ended" for row in store.attempts.values()), "an attempt is open"
    for row in store.spool.values():
        assert row["status"] == 2, "a contact is in no known place"
        assert row["reason"], "a contact is aside without a reason"
    cdrs = Counter(row.guid for row in store.cdr)
    for attempt, row in store.attempts.items():
        if attempt in orders:
            assert cdrs[attempt] == 1, "exactly one CDR for what was dialled"
            assert row["next_step"] != "released", "what was dialled was given back"
        assert cdrs[attempt] <= 1
    assert set(cdrs) <= set(store.attempts)
    _check_rules(house)
    if queue_log:
        _check_queue_log(house)
    assert not any(member.in_call for member in exchange.members.values())
    for process in house.processes:
        if not process.cut.off:
            assert process.engine.recorder.pending == 0
            assert process.journals.journal.set_aside == []
            seats = process.engine.dispatcher.picture.queue(QUEUE).seats.values()
            assert not any(seat.call or seat.offered for seat in seats)
            assert not process.engine.dispatcher.picture.queue(QUEUE).waiting


def _check_rules(house: House) -> None:
    """A contact is dialled again only as its last attempt's next step said then, and not before its time."""
    retries = int(house.store.dialers[QUEUE]["retries"])
    contacts: dict[int, list[Placed]] = defaultdict(list)
    for placed in house.exchange.placed:
        contacts[house.store.attempts[placed.attempt]["spool_id"]].append(placed)
    for own in contacts.values():
        counted: Counter[str] = Counter()
        for before, after in pairwise(own):
            one, two = after.attempts[before.attempt], after.attempts[after.attempt]
            same = one["destination"] == two["destination"]
            assert one["next_step"] in (("retry", "again", "rest") if same else ("alternative",))
            assert before.attempt not in after.alive, "two calls to one contact at once"
            pause = {"rest": REST, "again": NOT_PLACED_PAUSE}.get(one["next_step"], timedelta())
            assert after.at.replace(tzinfo=None) - one["ended_at"] >= pause, "dialled before its time"
            counted[one["destination"]] += one["next_step"] == "retry"
        assert all(count <= retries for count in counted.values()), "more attempts than the rule allows"


def _check_queue_log(house: House) -> None:
    """At most one row for whatever happened once."""
    happened: Counter[tuple[str, str]] = Counter()
    for event in house.exchange.told:
        match event:
            case ev.CallerJoined():
                happened[event.call, "ENTERQUEUE"] += 1
            case ev.AgentConnected():
                happened[event.call, "CONNECT"] += 1
            case ev.AgentCompleted():
                happened[event.call, "COMPLETE"] += 1
            case ev.CallerAbandoned():
                happened[event.call, "ABANDON"] += 1
    rows = Counter((row.call, _kind(row.event)) for row in house.store.queue_log if row.call != "NONE")
    for (call, kind), count in rows.items():
        allowed = 1 if kind == "OUTCALL" else happened[call, kind]
        assert count <= allowed, f"{count} rows {kind} for {allowed} events"


def _kind(event: str) -> str:
    return "COMPLETE" if event.startswith("COMPLETE") else event


async def _crash(path: str, cut: int) -> None:
    """The engine is gone; another process of the same machine starts a moment later."""
    house = a_house(path)
    first = house.start(cut=cut)
    await _cut_off(first)
    await first.kill()
    house.dead.add(first.name)
    await asyncio.sleep(1)
    second = house.start(journals=first.journals.after())
    await _finish(house, second)


async def _lost_machine(path: str, cut: int) -> None:
    """The engine's machine is gone; a standby elsewhere takes over, and the journal comes much later."""
    house = a_house(path)
    first = house.start(cut=cut)
    await asyncio.sleep(0.5)
    second = house.start()
    await _cut_off(first)
    await first.kill()
    await house.until_over()
    await asyncio.sleep(AFTERWARDS)
    third = house.start(journals=first.journals.after())
    await asyncio.sleep(AFTERWARDS)
    await _finish(house, second, third)


async def _freeze(path: str, cut: int, thaw_late: bool, queue_log: bool) -> None:
    """The engine stands still, a standby takes over, and then the engine wakes up."""
    house = a_house(path)
    first = house.start(cut=cut)
    await asyncio.sleep(0.5)
    second = house.start()
    await _cut_off(first)
    await asyncio.sleep(LEASE.total_seconds() + 10)
    if thaw_late:
        await house.until_over()
    first.cut.thaw()
    await _finish(house, first, second, queue_log=queue_log)


async def _cut_off(process: Process) -> None:
    """Wait until it is cut off; a step that does not come this time cannot be."""
    async with asyncio.timeout(400):
        await process.cut.happened.wait()


async def _finish(house: House, *processes: Process, queue_log: bool = True) -> None:
    await house.until_over()
    await asyncio.sleep(AFTERWARDS)
    for process in processes:
        assert await process.stop(), "not everything was written"
    check(house, queue_log=queue_log)


@pytest.mark.parametrize("path", PATHS)
def test_an_engine_that_dies_after_any_step_costs_nobody_anything(path: str) -> None:
    for cut in cuts(path):
        run(_crash(path, cut))


@pytest.mark.parametrize("path", PATHS)
def test_a_journal_that_comes_after_any_cut_and_much_too_late_adds_nothing_twice(path: str) -> None:
    for cut in cuts(path):
        run(_lost_machine(path, cut))


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("path", PATHS)
def test_an_engine_that_freezes_after_any_step_and_wakes_dials_and_writes_nothing_twice(
    path: str, late: bool
) -> None:
    """Between the last look at the lease and the order's way into the socket the engine waits for nothing:
    there it cannot be told that it stood still, so that one step is left out."""
    for cut, step in cuts(path).items():
        if step != "before originate":
            run(_freeze(path, cut, late, queue_log=False))


def test_an_engine_that_wakes_tells_the_queue_log_nothing_twice() -> None:
    for cut, step in cuts("talked").items():
        if step != "before originate":
            run(_freeze("talked", cut, False, queue_log=True))

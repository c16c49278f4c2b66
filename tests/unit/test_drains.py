"""A drained campaign places no new call, while those that are up come to their end."""

from __future__ import annotations

import pytest

from engine.domain.call import State
from engine.domain.pacing import Bound
from engine.ports import StoreError
from tests.builders import QUEUE
from tests.doubles import until
from tests.service_rig import Bench, EngineRoom, hurry, in_state, rounds


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def a_room(contacts: int = 3) -> EngineRoom:
    """One agent, and contacts whose phones are answered and who talk until they are hung up."""
    room = EngineRoom()
    room.store.add_dialer(QUEUE, tbc=0, maxchannels=1)
    room.seats(1)
    room.contacts(*(f"10{n}200" for n in range(contacts)))
    return room


@pytest.mark.parametrize("name", ["*", QUEUE, QUEUE.lower()])
async def test_calls_that_are_up_go_on_and_no_new_one_is_placed_until_it_is_resumed(name: str) -> None:
    room = a_room()
    async with room.running() as engine:
        await until(lambda: len(room.dialled()) == 1, "a call is up")
        room.store.drains.append({"campaign": name, "reason": "new cards"})
        await until(lambda: room.store.reports[QUEUE].state == "draining", "it is being drained")
        assert engine.term is not None
        assert len(engine.term.book) == 1, "the call is let alone"
        room.switch.end(room.switch.orders[0].attempt)
        await until(lambda: room.store.reports[QUEUE].state == "drained", "nothing is up any more")
        decision = room.store.reports[QUEUE].decision
        assert decision is not None
        assert (decision.bound, decision.reason) == (Bound.DRAIN, "drained: new cards")
        await rounds(room)
        assert len(room.dialled()) == 1
        room.store.drains.clear()
        await until(lambda: len(room.dialled()) == 2, "it goes on")


async def test_a_drain_outlives_the_engine() -> None:
    room = a_room()
    room.store.drains.append({"campaign": "*", "reason": ""})
    for _ in range(2):
        async with room.running():
            await until(lambda: QUEUE in room.store.reports, "the engine works")
            await rounds(room)
        assert room.dialled() == []


async def test_another_campaigns_drain_is_nothing_to_this_one() -> None:
    room = a_room()
    room.store.drains.append({"campaign": "OTHER<-", "reason": ""})
    async with room.running() as engine:
        await in_state(engine, State.CONNECTED)


async def test_orders_for_new_calls_are_refused_while_everybody_is_drained() -> None:
    room = a_room(contacts=0)
    room.store.drains.append({"campaign": "*", "reason": "new cards"})
    async with room.running():
        await rounds(room)
        order = room.store.add_order("workflow", context="flow", exten="start")
        await until(lambda: room.store.orders[order]["status"] == "failed", "it is refused")
    assert room.store.orders[order]["result"] == "no new calls are placed: new cards"


def test_nothing_is_drained_at_first() -> None:
    assert Bench().tools.drains.of(QUEUE) == ""


async def test_orders_are_carried_out_and_answered_although_the_database_fails_in_between() -> None:
    room = a_room(0)
    async with room.running():
        room.store.fail, room.store.fail_in = StoreError("no answer within 5 s"), frozenset({"finish_order"})
        orders = [room.store.add_order("workflow", context="flow", exten=f"{n}") for n in (1, 2)]
        await until(lambda: room.store.calls["finish_order"] == 2, "the second does not wait for the first")
        assert len(room.switch.orders) == 2
        room.store.fail = None
        await until(lambda: all(room.store.orders[n]["status"] == "failed" for n in orders), "both are told")
        await rounds(room)
        assert len(room.switch.orders) == 2, "whatever became of them, they are not carried out twice"

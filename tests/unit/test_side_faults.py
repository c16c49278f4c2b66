"""A fault of ours beside the dialling costs what it is in, and is tried again: calls go on."""

from __future__ import annotations

from typing import Any

import pytest

from engine.domain.call import State
from engine.ports.queues import QueueRows
from engine.services import lists, queues, webhooks
from engine.services.queues import QueueKeeper
from engine.services.webhooks import Courier
from tests.builders import QUEUE
from tests.doubles import FakeClock, RecordingObserver, background, until
from tests.service_rig import EngineRoom, hurry, in_state


class Broken:
    """Fails whenever it is asked, and counts how often."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, *_: object) -> Any:
        self.asked += 1
        raise RuntimeError("a fault of ours")


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> EngineRoom:
    hurry(monkeypatch)
    room = EngineRoom()
    room.store.add_dialer(QUEUE, tbc=0, maxchannels=1)
    room.seats(1)
    room.contacts("1001200")
    return room


async def test_an_order_that_fails_in_an_unforeseen_way_is_answered_and_calls_go_on(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.switch, "hang_up_phone", Broken())
    async with room.running() as engine:
        number = room.store.add_order("hangup", phone="agent101")
        await until(lambda: room.store.orders[number]["status"] == "failed", "the order is answered")
        assert room.store.orders[number]["result"] == "an internal error stopped it (see the log)"
        await in_state(engine, State.CONNECTED)


async def test_lists_that_cannot_be_recycled_stop_no_call(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PERIOD", 0.1)
    broken = Broken()
    monkeypatch.setattr(room.store, "recycle_due", broken)
    async with room.running() as engine:
        await until(lambda: broken.asked > 1, "it is tried again")
        await in_state(engine, State.CONNECTED)


async def test_queues_that_cannot_be_followed_are_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queues, "PERIOD", 0.1)

    class Tables:
        asked = 0

        async def queues(self) -> QueueRows:
            self.asked += 1
            raise RuntimeError("a fault of ours")

    class Control:
        session = 1

    tables, control = Tables(), Control()
    async with background(QueueKeeper(tables, control, None, lambda: None).run()):  # type: ignore[arg-type]
        await until(lambda: tables.asked > 1, "they are looked at again")


async def test_an_outbox_that_cannot_be_tidied_is_delivered_from_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhooks, "LOOK", 0.1)
    monkeypatch.setattr(webhooks, "PERIOD", 0.001)

    class Outbox:
        look = Broken()
        taken = 0

        async def take(self, *_: object) -> tuple[()]:
            self.taken += 1
            return ()

    class Sender:
        async def close(self) -> None:
            """Nothing is open."""

    outbox: Any = Outbox()
    sender: Any = Sender()
    observer: Any = RecordingObserver()
    async with background(Courier(outbox, sender, observer, FakeClock().port()).run()):
        await until(lambda: outbox.look.asked > 1 and outbox.taken > 1, "both go on")

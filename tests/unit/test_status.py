"""What an engine tells of itself: each part as it is, leading or not; and how the spool is counted."""

from __future__ import annotations

import asyncio

import pytest

from engine.domain.call import State
from engine.ports import StoreError
from engine.ports.watch import Component, EngineStatus, SpoolCount
from engine.services import sampling
from engine.services.engine import Engine
from engine.services.status import status_of
from tests.builders import QUEUE
from tests.doubles import RecordingObserver, background, until
from tests.memory_store import MemoryStore
from tests.service_rig import EngineRoom, hurry, in_state
from tests.virtual_time import clock, run


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def room() -> EngineRoom:
    room = EngineRoom()
    room.store.add_dialer(QUEUE, tbc=0, maxchannels=1)
    room.seats(2)
    room.contacts("1001200", "1002200")
    return room


def parts(engine: Engine) -> dict[str, Component]:
    return {part.name: part for part in status_of(engine).components}


async def test_a_leading_engine_tells_of_every_part_campaign_and_trunk(room: EngineRoom) -> None:
    async with room.running() as engine:
        await in_state(engine, State.CONNECTED)
        await until(lambda: bool(status_of(engine).campaigns), "it is reported")
        await until(lambda: status_of(engine).campaigns[0].seats["talking"] == 1, "the talk is seen")
        status = status_of(engine)
        assert status.ready, status.components
        assert (status.role, status.token, status.calls, status.terms) == ("leading", 1, 1, 1)
        assert set(parts(engine)) == {"asterisk", "database", "journal", "lease", "pacing"}
        [campaign], [trunk] = status.campaigns, status.trunks
        assert (campaign.state, campaign.channels, campaign.seats["ready"]) == ("running", 1, 1)
        assert campaign.standing is not None
        assert campaign.standing.answered == 1
        assert (trunk.trunk, trunk.calls, trunk.resting) == ("CARRIER", 1, False)
        assert room.observer.statuses, "somebody is told"


async def test_a_standby_is_ready_and_names_who_leads(room: EngineRoom) -> None:
    async with room.running():
        await until(lambda: room.observer.leads == [True], "one leads")
        standby = room.standby()
        async with background(standby.run()):
            await until(lambda: status_of(standby).leader != "", "the other knows of it")
            await until(lambda: status_of(standby).ready, "it could take over")
            status = status_of(standby)
            assert (status.role, status.leader, status.campaigns) == ("standby", "test", ())


async def test_the_part_that_does_not_work_is_named_with_the_reason(room: EngineRoom) -> None:
    async with room.running() as engine:
        await until(lambda: engine.term is not None and status_of(engine).ready, "all is well")
        room.switch.link_down("the cable is out")
        await until(lambda: not parts(engine)["asterisk"].ok, "the link is gone")
        assert "the cable is out" in parts(engine)["asterisk"].detail
        room.switch.link_up()
        room.store.fail = StoreError("the disk is full")
        await until(lambda: parts(engine)["database"].detail == "the disk is full", "the database is named")
        assert not status_of(engine).ready
        room.store.fail = None
        engine.journal.fault = "no room"  # type: ignore[misc]
        assert parts(engine)["journal"] == Component("journal", False, "no room")
        engine.journal.fault = ""  # type: ignore[misc]
        await until(lambda: status_of(engine).ready, "all is well again")


async def test_settings_that_are_not_read_any_more_are_a_fault_of_pacing(room: EngineRoom) -> None:
    async with room.running() as engine:
        await until(lambda: engine.term is not None and status_of(engine).ready, "all is well")
        room.store.held["settings"] = asyncio.Event()
        await until(lambda: "settings" in room.store.waiting, "somebody asks and gets no answer")
        room.clock.advance(60)
        assert not parts(engine)["pacing"].ok


async def test_who_cannot_be_told_or_counted_costs_no_call(
    room: EngineRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(room.observer, "status", broken)
    monkeypatch.setattr(room.observer, "spool", broken)
    async with room.running() as engine:
        await in_state(engine, State.CONNECTED)


def test_a_large_spool_is_counted_for_a_small_share_of_the_time() -> None:
    """Each part takes the database a tenth of a second here."""

    class Slow(MemoryStore):
        async def count_spool(self, now: object, after: int, limit: int) -> object:  # type: ignore[override]
            await asyncio.sleep(0.1)
            return await super().count_spool(now, after, 10)  # type: ignore[arg-type]

    async def count() -> tuple[list[tuple[SpoolCount, ...]], float]:
        store, observer = Slow(), RecordingObserver()
        for number in range(35):
            store.add_contact(campaign=QUEUE, destination=str(number), status=number % 2)
        loop = asyncio.get_running_loop()
        async with background(sampling.sample(store, observer, clock(), sampling.ReadyContacts())):
            async with asyncio.timeout(600):
                while True:
                    await asyncio.sleep(1)
                    if len(observer.spools) >= 2:
                        break
        return observer.spools, loop.time()

    spools, took = run(count())
    assert spools[0] == (SpoolCount(QUEUE, "in_progress", "", 18), SpoolCount(QUEUE, "ready", "", 17))
    assert took >= 2 * 3 * 0.1 / sampling.SHARE


def test_the_pacers_are_told_how_many_contacts_could_be_called() -> None:
    ready = sampling.ReadyContacts()
    assert ready.of(QUEUE) is None, "not counted yet"
    ready.take(
        (
            SpoolCount(QUEUE, "ready", "", 5),
            SpoolCount(QUEUE.lower(), "ready", "", 2),
            SpoolCount(QUEUE, "ready", "hours", 9),
            SpoolCount(QUEUE, "waiting", "", 9),
        )
    )
    assert (ready.of(QUEUE), ready.of("another")) == (7, 0)


def test_a_status_without_faults_is_ready() -> None:
    components = (Component("asterisk", True), Component("database", False))
    assert not EngineStatus(None, "leading", "one", 1, components).ready  # type: ignore[arg-type]
    assert EngineStatus(None, "leading", "one", 1, components[:1]).ready  # type: ignore[arg-type]

"""What becomes of calls that nobody watched: journals, Asterisk's records, ghosts, a set clock."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from engine.domain import events as ev
from engine.domain.call import State
from engine.domain.records import QueueLogRow
from engine.ports import PastCall, StoreError
from engine.services.engine import Engine
from tests.builders import NOW, QUEUE
from tests.doubles import MemoryJournal, until
from tests.service_rig import EngineRoom, calls_of, hurry, in_state, log_of, rounds, settled, unjudged

DOWN = StoreError("the server has gone away")
#: The ring time of the room's campaign and the margin that an order gets on top of it.
DEADLINE = 3 + 15


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def room() -> EngineRoom:
    return EngineRoom()


async def listed(room: EngineRoom, engine: Engine, count: int = 1) -> None:
    """Have Asterisk's channels listed `count` times, a second apart."""
    for _ in range(count):
        await list_once(engine)
        room.clock.advance(1)


async def list_once(engine: Engine) -> None:
    term = engine.term
    assert term is not None
    compare, heard = term.compare, asyncio.Event()

    def note(event: ev.ChannelsListed) -> None:
        compare(event)
        heard.set()

    term.compare = note  # type: ignore[method-assign]
    engine.dispatcher.ask_again()
    await until(heard.is_set, "the channels are listed")
    term.compare = compare  # type: ignore[method-assign]


async def order_left(room: EngineRoom, engine: Engine) -> str:
    """Wait for an order that nothing is heard of; return its call."""
    await until(lambda: len(room.switch.orders) == 1, "the order left")
    await in_state(engine, State.SENT)
    return room.switch.orders[0].attempt


async def test_outcomes_that_an_engine_took_with_it_come_out_of_its_journal(room: EngineRoom) -> None:
    room.seats(1)
    room.contacts("1001200", alternatives="1002200")
    async with room.running() as engine:
        await in_state(engine, State.CONNECTED)
        await settled(room, engine)
        room.store.fail = DOWN
        call = room.switch.orders[0].attempt
        room.switch.end(call)
        await until(lambda: not calls_of(engine), "the call has ended")
        assert engine.recorder.pending > 0
    room.store.fail = None
    assert room.statuses() == [0]
    async with room.running() as engine:
        await until(lambda: room.store.spool == {}, "the contact is done")
        await rounds(room)
    assert room.dialled() == ["1001200"], "who was reached is not called again"
    assert [(row.guid, row.disposition) for row in room.store.cdr] == [(call, "ANSWERED")]
    assert log_of(room, call) == ["ENTERQUEUE", "CONNECT", "COMPLETECALLER", "OUTCALL"]
    assert room.outcomes() == ["answered"]


async def test_what_was_already_written_does_not_come_out_of_a_journal_again(room: EngineRoom) -> None:
    room.seats(1)
    room.contacts("1001200")
    async with room.running() as engine:
        await in_state(engine, State.CONNECTED)
        room.store.done = lambda method: forget_the_answer(room) if method == "record" else None
        room.switch.end(room.switch.orders[0].attempt)
        await until(lambda: engine.recorder.failing != "", "it does not know that it was written")
    room.store.fail = None
    async with room.running():
        await rounds(room)
    assert len(room.store.cdr) == 1
    assert log_of(room, room.store.cdr[0].guid) == ["ENTERQUEUE", "CONNECT", "COMPLETECALLER", "OUTCALL"]


def forget_the_answer(room: EngineRoom) -> None:
    room.store.fail, room.store.done = DOWN, lambda method: None
    raise DOWN


async def test_every_journal_of_the_dead_is_written_even_when_the_database_goes_in_between(
    room: EngineRoom,
) -> None:
    left = [MemoryJournal(f"dead-{n}") for n in range(3)]
    for journal in left:
        journal.append(1, [QueueLogRow(NOW, journal.id, QUEUE, "NONE", "ENTERQUEUE")])
    room.journals.left = list(left)
    room.store.fail, room.store.fail_in = DOWN, frozenset({"forget_journal"})
    async with room.running():
        await until(lambda: room.store.calls["forget_journal"] > 0, "the first is written")
        room.store.fail = None
        await until(lambda: all(journal.closed for journal in left), "all are written")
    assert sorted(row.call for row in room.store.queue_log) == [journal.id for journal in left]


async def test_a_journal_whose_writing_was_broken_off_is_taken_up_again(room: EngineRoom) -> None:
    journal = MemoryJournal("dead")
    journal.append(1, [QueueLogRow(NOW, "call", QUEUE, "NONE", "ENTERQUEUE")])
    room.journals.left = [journal]
    room.store.held["record"] = asyncio.Event()
    async with room.running() as engine:
        await until(lambda: "record" in room.store.waiting, "it is being written")
        room.clock.set(3600)
        await until(lambda: room.observer.leads == [True, False, True], "a new term began meanwhile")
        room.store.held.pop("record").set()
        await until(lambda: journal.closed, "it is written")
        assert engine.recorder.pending == 0
    assert [row.call for row in room.store.queue_log] == ["call"]


@pytest.mark.parametrize(
    ("past", "outcome", "spool"),
    [
        (PastCall(NOW, NOW, "", "PJSIP/agent101-00000002"), "answered", 0),
        (PastCall(NOW, NOW, "", ""), "abandoned", 1),
        (PastCall(NOW, None, "BUSY", ""), "busy", 1),
        (PastCall(NOW, None, "NOANSWER", ""), "no_answer", 1),
    ],
)
async def test_an_adopted_call_ends_as_asterisk_recorded_it(
    room: EngineRoom, past: PastCall, outcome: str, spool: int
) -> None:
    room.seats(1)
    room.contacts("1001777")
    room.store.dialers[QUEUE]["retries"] = 1
    async with room.running() as engine:
        await in_state(engine, State.RINGING)
        await settled(room, engine)
    call = room.switch.orders[0].attempt
    room.switch.vanish(call)
    room.history.past[call] = past
    async with room.running() as engine:
        await until(lambda: unjudged(engine) == 1, "it is missing from the first list")
        room.clock.advance(1)
        await until(lambda: room.outcomes() == [outcome], "its outcome is known")
    assert len(room.store.spool) == spool
    assert [row.guid for row in room.store.cdr] == [call]


async def test_an_order_whose_arrival_is_not_known_is_not_judged_by_a_missing_channel(
    room: EngineRoom,
) -> None:
    room.seats(1)
    room.contacts("1001777")
    room.switch.lose = "order"
    async with room.running() as engine:
        await order_left(room, engine)
        await listed(room, engine, DEADLINE - 2)
        assert (room.outcomes(), room.switch.hung_up) == ([], [])
        room.store.lists.clear()
        room.clock.advance(DEADLINE)
        await until(lambda: room.outcomes() == ["unknown"], "its time is over")


async def test_an_adopted_order_gets_its_whole_time_too(room: EngineRoom) -> None:
    room.seats(1)
    room.contacts("1001777")
    room.switch.lose = "order"
    async with room.running() as engine:
        await order_left(room, engine)
    room.clock.advance(DEADLINE)
    async with room.running() as engine:
        await in_state(engine, State.SENT)
        room.store.lists.clear()
        await listed(room, engine, DEADLINE - 2)
        assert room.outcomes() == []
        room.clock.advance(DEADLINE)
        await until(lambda: room.outcomes() == ["unknown"], "its time is over")


async def test_an_order_that_is_seen_alive_is_certain_from_then_on(room: EngineRoom) -> None:
    room.seats(1)
    room.contacts("1001777")
    room.switch.lose = "order"
    async with room.running() as engine:
        call = await order_left(room, engine)
        room.switch.linked = False
        room.switch._place(room.switch.orders[0])  # it arrives, and nothing is heard of it
        room.switch.linked = True
        await listed(room, engine)
        room.switch.vanish(call)
        room.store.lists.clear()
        await listed(room, engine, 2)
        await until(lambda: room.outcomes() == ["unknown"], "it is gone")


async def test_an_uncertain_order_ends_as_asterisk_recorded_it_as_soon_as_that_is_there(
    room: EngineRoom,
) -> None:
    room.seats(1)
    room.contacts("1001777")
    room.switch.lose = "order"
    async with room.running() as engine:
        room.history.past[await order_left(room, engine)] = PastCall(NOW, None, "BUSY", "")
        await listed(room, engine, 2)
        await until(lambda: room.outcomes() == ["busy"], "its outcome is known")


async def test_a_call_that_lives_on_after_its_end_is_hung_up_once(room: EngineRoom) -> None:
    room.seats(1)
    room.contacts("1001777")
    async with room.running() as engine:
        await in_state(engine, State.RINGING)
        room.store.lists.clear()
        call = room.switch.orders[0].attempt
        line = room.switch.lines.pop(call)
        await listed(room, engine, 2)
        await until(lambda: room.outcomes() == ["unknown"], "it was not in the lists")
        room.switch.lines[call] = line
        await listed(room, engine)
        assert room.switch.hung_up == [], "one list alone proves nothing"
        await listed(room, engine)
        await until(lambda: room.switch.hung_up == [call], "it is hung up")
        assert room.switch.lines == {}
        await listed(room, engine, 3)
        await rounds(room)
    assert room.switch.hung_up == [call]
    assert (room.outcomes(), len(room.store.cdr)) == (["unknown"], 1)


async def test_calls_of_others_are_never_hung_up(room: EngineRoom) -> None:
    """Strangers' channels, and those whose attempts are not in these tables."""
    room.seats(1)
    room.contacts("1001777")
    async with room.running() as engine:
        await in_state(engine, State.RINGING)
        line = room.switch.lines[room.switch.orders[0].attempt]
        for stranger in ("1741.5", "01955777-0000-7000-8000-00000000abcd", "asterisk-1741.6"):
            room.switch.lines[stranger] = line
        await listed(room, engine, 4)
        await rounds(room)
    assert room.switch.hung_up == []


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_is_set_hangs_up_nobody_and_dialling_goes_on(room: EngineRoom, hours: int) -> None:
    room.store.dialers[QUEUE]["maxchannels"] = 3
    room.seats(3)
    room.contacts("1001200", "1002777")
    async with room.running() as engine:
        await in_state(engine, State.CONNECTED)
        await in_state(engine, State.RINGING)
        room.clock.set(3600 * hours)
        await until(lambda: room.observer.leads == [True, False, True], "a new term begins")
        await in_state(engine, State.CONNECTED)
        await in_state(engine, State.RINGING)
        await until(lambda: engine.dispatcher.current, "the picture is there")
        assert room.clock.now() == NOW + timedelta(hours=hours)
        await listed(room, engine, 3)
        assert (room.switch.hung_up, room.outcomes()) == ([], [])
        room.contacts("1003200")
        await until(lambda: len(room.switch.orders) == 3, "it dials again")
        await in_state(engine, State.CONNECTED, 2)
        room.switch.end(next(call for call, line in room.switch.lines.items() if line.agent is not None))
        await until(lambda: room.outcomes() == ["answered"], "the talk ends by itself")
    assert len(set(room.dialled())) == 3


async def test_a_clock_that_is_corrected_by_little_ends_no_term(room: EngineRoom) -> None:
    room.seats(1)
    room.contacts("1001777")
    async with room.running() as engine:
        await in_state(engine, State.RINGING)
        for _ in range(5):
            room.clock.set(0.5)
            await until(lambda: room.clock.drift() == 0.0, "it is taken over")
        assert (room.observer.leads, len(calls_of(engine))) == ([True], 1)


async def test_a_standby_knows_the_time_of_day_before_it_dials(room: EngineRoom) -> None:
    """Its clock was set while another led: the schedule of now counts, not that of then."""
    room.store.dialers[QUEUE]["schedule"] = "sun-sat;15:00-15:30"
    room.seats(1)
    room.contacts("1001777")
    room.store.lease.update(owner="another", process="theirs", token=1, until=1.0)
    async with room.running() as engine:
        await until(lambda: engine.lease.owner == "another", "it stands by")
        room.clock.set(3600)
        room.dead.add("theirs")
        await until(lambda: room.observer.leads == [True], "it leads")
        await rounds(room)
        assert room.switch.orders == []
        assert room.store.reports[QUEUE].state == "off_schedule"
        assert room.observer.leads == [True], "and needs no second beginning"

"""The engine as a whole on the doubles: crash, lost link, vanished calls, and the stop in stages."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from engine.domain.call import State
from engine.ports import SchemaError, StoreError
from engine.services.engine import _first
from engine.services.term import StopLimits
from tests.builders import NOW, QUEUE
from tests.doubles import until
from tests.service_rig import EngineRoom, calls_of, hurry, in_state, log_of, rounds, settled, unjudged

#: Nobody hangs up by himself in these tests: the drain need not be waited for.
IMPATIENT = StopLimits(claims=5.0, drain=0.01, hang_up=5.0, flush=5.0)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def room() -> EngineRoom:
    return EngineRoom()


async def test_contacts_are_called_joined_with_agents_and_leave_the_spool(room: EngineRoom) -> None:
    room.seats(2)
    room.contacts("1001100", "1002100", "1003100")
    room.contacts("1004486", alternatives="1005100")
    async with room.running():
        await until(lambda: room.store.spool == {}, "every contact is done")
    assert Counter(room.outcomes()) == {"answered": 4, "busy": 1}
    assert sorted(room.dialled()) == ["1001100", "1002100", "1003100", "1004486", "1005100"]
    assert len({row.guid for row in room.store.cdr}) == len(room.store.cdr) == 5
    guid = room.store.cdr[0].guid
    if room.store.attempts[guid]["outcome"] == "answered":
        assert log_of(room, guid) == ["ENTERQUEUE", "CONNECT", "COMPLETECALLER", "OUTCALL"]


async def test_an_engine_does_not_start_on_a_schema_that_is_not_its_own(room: EngineRoom) -> None:
    room.store.fail = SchemaError("the schema is newer")
    with pytest.raises(SchemaError):
        await room.engine().run()


async def test_after_a_crash_what_was_not_sent_goes_back_and_is_called(room: EngineRoom) -> None:
    room.seats(1)
    room.contacts("1001100")
    room.store.held["mark_sent"] = asyncio.Event()
    async with room.running():
        await until(lambda: "mark_sent" in room.store.waiting, "claimed and not sent")
    assert room.statuses() == [0]
    del room.store.held["mark_sent"]
    async with room.running():
        await until(lambda: room.store.spool == {}, "the contact was called after all")
    assert room.dialled() == ["1001100"]
    assert [row["next_step"] for row in room.store.attempts.values()] == ["released", "finished"]


async def test_after_a_crash_a_live_call_is_followed_to_its_end(room: EngineRoom) -> None:
    room.seats(1)
    room.contacts("1001200")
    async with room.running() as engine:
        await in_state(engine, State.CONNECTED)
        await settled(room, engine)
    async with room.running() as engine:
        await in_state(engine, State.CONNECTED)
        await until(lambda: engine.dispatcher.current, "the picture is there")
        room.switch.end(room.switch.orders[0].attempt)
        await until(lambda: room.store.spool == {}, "the contact is done")
    assert room.outcomes() == ["answered"]
    assert room.dialled() == ["1001200"], "nobody was called twice"


async def test_after_a_crash_a_call_that_is_gone_ends_unknown_and_its_contact_moves_on(
    room: EngineRoom,
) -> None:
    room.seats(1)
    [spool_id] = room.contacts("1001777", alternatives="1002777")
    async with room.running() as engine:
        await in_state(engine, State.RINGING)
        await settled(room, engine)
    room.switch.vanish(room.switch.orders[0].attempt)
    room.clock.advance(10)
    async with room.running() as engine:
        await until(lambda: unjudged(engine) == 1, "it is missing from the first list")
        room.clock.advance(1)
        await until(lambda: room.outcomes() == ["unknown"], "its fate is not known")
        room.clock.advance(1)
        await in_state(engine, State.RINGING)
        assert room.dialled() == ["1001777", "1002777"]
        assert room.store.spool[spool_id]["destination"] == "1002777"


async def test_a_lost_link_stops_dialling_until_the_picture_is_taken_anew(room: EngineRoom) -> None:
    async with room.running() as engine:
        await until(lambda: engine.dispatcher.current, "the picture is there")
        room.seats(1)
        room.switch.link_down()
        await until(lambda: not engine.dispatcher.current, "the loss is noticed")
        room.contacts("1001777")
        await rounds(room)
        assert room.switch.orders == []
        assert room.statuses() == [1]
        room.switch.link_up()
        await until(lambda: engine.dispatcher.current, "the picture is there again")
        await until(lambda: len(room.switch.orders) == 1, "and it dials")
        assert room.observer.links == [True, False, True]


async def test_calls_that_ended_while_the_link_was_down_are_found_and_ended(room: EngineRoom) -> None:
    room.seats(2)
    room.contacts("1001200", "1002777")
    async with room.running() as engine:
        await in_state(engine, State.CONNECTED)
        await in_state(engine, State.RINGING)
        room.switch.link_down()
        await until(lambda: not engine.dispatcher.current, "the loss is noticed")
        room.store.lists.clear()
        for call in list(room.switch.lines):
            room.switch.vanish(call)
        room.clock.advance(10)
        room.switch.link_up()
        await until(lambda: unjudged(engine) == 2, "both are missing from the first list")
        assert room.outcomes() == [], "one list alone proves nothing"
        room.clock.advance(1)
        await until(lambda: len(room.outcomes()) == 2, "both have ended")
        assert sorted(room.outcomes()) == ["answered", "unknown"], "who had talked was reached"


async def test_calls_that_live_on_are_not_ended_by_a_lost_link(room: EngineRoom) -> None:
    room.seats(1)
    room.contacts("1001200")
    async with room.running() as engine:
        await in_state(engine, State.CONNECTED)
        room.clock.advance(100)
        room.switch.link_down()
        room.switch.link_up()
        await until(lambda: room.observer.links == [True, False, True], "the link is back")
        await until(lambda: engine.dispatcher.current, "the picture is there")
        assert [call.state for call in calls_of(engine)] == [State.CONNECTED]
        room.switch.end(room.switch.orders[0].attempt)
        await until(lambda: room.outcomes() == ["answered"], "it ends by itself")


async def test_an_answer_missed_while_the_link_was_down_is_made_up_for(room: EngineRoom) -> None:
    room.seats(1)
    room.contacts("1001777")
    async with room.running() as engine:
        await in_state(engine, State.RINGING)
        room.switch.link_down()
        room.switch.lines[room.switch.orders[0].attempt].answered = True
        room.clock.advance(10)
        room.switch.link_up()
        await in_state(engine, State.ANSWERED)


async def test_a_caller_who_still_waits_after_a_lost_link_entered_the_queue_once(room: EngineRoom) -> None:
    room.store.dialers[QUEUE]["maxchannels"] = 2
    room.seats(1)
    room.contacts("1001200", "1002200")
    async with room.running() as engine:
        await in_state(engine, State.QUEUED)
        [waiting] = [call.attempt.id for call in calls_of(engine) if call.state is State.QUEUED]
        await settled(room, engine)
        assert log_of(room, waiting) == ["ENTERQUEUE"]
        room.clock.advance(10)
        room.switch.link_down()
        room.switch.link_up()
        await until(lambda: room.observer.links == [True, False, True], "the link is back")
        await until(lambda: engine.dispatcher.current, "the picture is there")
        await settled(room, engine)
        assert log_of(room, waiting) == ["ENTERQUEUE"]


async def test_an_order_whose_fate_is_not_known_is_looked_after_once_its_time_is_over(
    room: EngineRoom,
) -> None:
    room.seats(1)
    room.contacts("1001777")
    room.switch.lose = "order"
    async with room.running() as engine:
        await until(lambda: len(room.switch.orders) == 1, "the order left")
        await rounds(room)
        assert len(calls_of(engine)) == 1
        room.store.lists.clear()
        room.clock.advance(60)
        await until(lambda: room.outcomes() == ["unknown"], "nothing was heard of it")
        assert room.switch.hung_up == [room.switch.orders[0].attempt], "it was looked for first"


async def test_while_the_database_is_away_calls_go_on_and_are_written_afterwards(room: EngineRoom) -> None:
    room.seats(1)
    room.contacts("1001200", "1002200")
    room.store.dialers[QUEUE].update(maxchannels=1, tbc=0)
    async with room.running() as engine:
        await in_state(engine, State.CONNECTED)
        await settled(room, engine)
        room.store.fail = StoreError("the server has gone away")
        room.switch.end(room.switch.orders[0].attempt)
        await until(lambda: engine.recorder.obstacle != "", "outcomes cannot be written")
        failures = room.observer.failures
        await until(lambda: room.observer.failures > failures + 5, "it goes on")
        assert (len(room.switch.orders), room.store.cdr) == (1, [])
        room.store.fail = None
        await until(lambda: len(room.switch.orders) == 2, "it dials again")
        assert [row.disposition for row in room.store.cdr] == ["ANSWERED"]


async def test_agents_who_come_pause_and_resume_are_in_the_queue_log(room: EngineRoom) -> None:
    async with room.running() as engine:
        await until(lambda: engine.dispatcher.current, "the picture is there")
        [member] = room.seats(1)
        room.switch.pause(member)
        room.switch.pause(member, False)
        await until(lambda: len(room.store.queue_log) == 3, "three rows")
        rows = [(row.queue, row.agent, row.event) for row in room.store.queue_log]
        assert rows == [(QUEUE, "Agent 101", word) for word in ("ADDMEMBER", "PAUSE", "UNPAUSE")]


async def test_a_stop_lets_calls_end_and_writes_everything(room: EngineRoom) -> None:
    room.seats(2)
    room.contacts("1001200", "1002200", "1003200")
    room.store.dialers[QUEUE]["tbc"] = 0
    async with room.running() as engine:
        await in_state(engine, State.CONNECTED, 2)
        engine.stop()
        await until(lambda: room.store.reports[QUEUE].state == "stopped", "no more dialling")
        for order in list(room.switch.orders):
            room.switch.end(order.attempt)
        await until(lambda: len(calls_of(engine)) == 0, "the calls have ended")
        await settled(room, engine)
    assert room.outcomes() == ["answered", "answered"]
    assert room.switch.hung_up == [], "nobody was cut off"
    assert room.statuses() == [1], "the third contact waits for another day"
    assert len(room.store.cdr) == 2


async def test_a_stop_hangs_up_what_does_not_end_and_writes_everything(room: EngineRoom) -> None:
    room.seats(2)
    room.contacts("1001200", "1002777")
    engine = room.engine(IMPATIENT)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(engine.run())
        await in_state(engine, State.CONNECTED)
        await in_state(engine, State.RINGING)
        engine.stop()
    assert len(calls_of(engine)) == engine.recorder.pending == 0
    assert sorted(room.switch.hung_up) == sorted(order.attempt for order in room.switch.orders)
    assert room.outcomes().count("answered") == 1
    assert len(room.store.cdr) == 2
    assert all(row["state"] == "ended" for row in room.store.attempts.values())
    assert all(row["status"] == 1 for row in room.store.spool.values())


async def test_a_stop_with_nothing_to_do_ends_at_once(room: EngineRoom) -> None:
    engine = room.engine()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(engine.run())
        await until(lambda: engine.dispatcher.current, "it is up")
        engine.stop()
    assert room.clock.now() == NOW


async def test_a_stop_while_the_link_is_down_still_writes_and_ends(room: EngineRoom) -> None:
    room.seats(1)
    room.contacts("1001200")
    limits = StopLimits(claims=5.0, drain=0.01, hang_up=0.01, flush=5.0)
    engine = room.engine(limits)
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        group.create_task(engine.run())
        await in_state(engine, State.CONNECTED)
        room.switch.link_down()
        engine.stop()
    assert [row["state"] for row in room.store.attempts.values()] == ["connected"], "the next run adopts it"


async def test_a_stop_while_the_settings_are_being_read_dials_nobody_and_ends(room: EngineRoom) -> None:
    room.seats(2)
    room.contacts("1001200", "1002200")
    room.store.dialers[QUEUE].update(maxchannels=1, tbc=0)
    engine = room.engine()
    task = asyncio.ensure_future(engine.run())
    try:
        await in_state(engine, State.CONNECTED)
        answer = room.store.held["settings"] = asyncio.Event()
        await until(lambda: "settings" in room.store.waiting, "the settings are being asked for")
        room.store.dialers[QUEUE]["maxchannels"] = 2
        engine.stop()
        await until(lambda: room.store.reports[QUEUE].state == "stopped", "no more dialling")
        answer.set()
        await rounds(room)
        assert len(room.switch.orders) == 1
        room.switch.end(room.switch.orders[0].attempt)
        await until(task.done, "the engine has ended")
    finally:
        task.cancel()
        await asyncio.wait([task])


async def test_of_several_waits_the_others_have_ended_when_the_first_is_told() -> None:
    ended = asyncio.Event()

    async def long() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            ended.set()

    async def short() -> str:
        return "done"

    assert await _first(long(), short()) == "done"
    assert ended.is_set()

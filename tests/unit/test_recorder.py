"""The recorder: everything once, in order, whatever the database does meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.domain.call import Call
from engine.domain.entries import Ending, Written, ending, progress
from engine.domain.model import Attempt, AttemptId, CampaignName
from engine.domain.records import QueueLogRow, cdr
from engine.domain.rules import next_step
from engine.ports import Batch, ClaimRequest, StoreError
from engine.services.recorder import Recorder, write_out
from tests.builders import NOW, QUEUE, a_call, a_dialer, answered, hung_up, play, ringing, sent
from tests.doubles import MemoryJournal, MemoryStore, RecordingObserver, background, until
from tests.service_rig import hurry

DOWN = StoreError("the server has gone away")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def journal() -> MemoryJournal:
    return MemoryJournal()


@pytest.fixture
def recorder(store: MemoryStore, journal: MemoryJournal) -> Recorder:
    return Recorder(journal, store, RecordingObserver(), lambda: store.fence)


def rows(count: int, first: int = 0) -> list[QueueLogRow]:
    return [QueueLogRow(NOW, f"call-{n}", QUEUE, "NONE", "ENTERQUEUE") for n in range(first, first + count)]


def written(store: MemoryStore) -> list[str]:
    return [row.call for row in store.queue_log]


async def claimed(store: MemoryStore) -> Attempt:
    store.add_contact(campaign=QUEUE, destination="1001")
    request = ClaimRequest(CampaignName(QUEUE), 1, (), (), False, NOW)
    [attempt] = (await store.claim(request)).attempts
    return attempt


def own(call: Call, attempt: Attempt) -> Call:
    return replace(call, attempt=attempt)


def end(call: Call) -> Ending:
    assert call.outcome is not None
    step = next_step(call.attempt.contact, call.outcome, a_dialer(), NOW, timedelta(hours=72))
    return ending(call, cdr(call), step, ())


async def test_everything_is_written_in_order_over_several_batches(
    store: MemoryStore, recorder: Recorder
) -> None:
    async with background(recorder.run()):
        recorder.put(*rows(450))
        await until(lambda: recorder.pending == 0, "everything is written")
        assert written(store) == [row.call for row in rows(450)]
        assert store.calls["record"] < 10, "many rows share a transaction"
        recorder.put(*rows(1, first=450))
        await until(lambda: len(store.queue_log) == 451, "it goes on afterwards")


async def test_a_calls_last_step_is_what_the_supervisor_reads(store: MemoryStore, recorder: Recorder) -> None:
    attempt = await claimed(store)
    async with background(recorder.run()):
        first, second = (own(a_call(sent(), event), attempt) for event in (ringing(), answered()))
        recorder.put(progress(first), progress(second))
        await until(lambda: recorder.pending == 0, "the steps are written")
        assert store.attempts[attempt.id]["state"] == "answered"
        assert store.calls["record"] == 1
        recorder.put(progress(first), end(own(a_call(sent(), hung_up()), attempt)))
        await until(lambda: recorder.pending == 0, "the end is written")
        assert store.attempts[attempt.id]["state"] == "ended"
        assert [row.guid for row in store.cdr] == [attempt.id]


async def test_while_the_database_is_away_everything_is_held_and_then_written_once(
    store: MemoryStore, recorder: Recorder
) -> None:
    assert recorder.obstacle == ""
    store.fail = DOWN
    async with background(recorder.run()):
        recorder.put(*rows(3))
        await until(lambda: store.calls["record"] > 3, "it tries again and again")
        assert recorder.obstacle == recorder.failing == "the server has gone away"
        recorder.put(*rows(300, first=3))
        await until(lambda: store.calls["record"] > 6, "and again")
        assert (recorder.pending, store.queue_log) == (303, [])
        store.fail = None
        await until(lambda: recorder.pending == 0, "everything is written")
        assert recorder.obstacle == ""
        assert written(store) == [row.call for row in rows(303)]


async def test_with_too_many_records_unwritten_no_call_may_be_placed(
    store: MemoryStore, recorder: Recorder
) -> None:
    recorder.put(*rows(1999))
    assert recorder.obstacle == ""
    recorder.put(*rows(1, first=1999))
    assert "too many" in recorder.obstacle
    async with background(recorder.run()):
        await until(lambda: not recorder.obstacle, "the queue is short again")


async def test_a_record_that_the_database_refuses_for_good_is_set_aside_alone(
    store: MemoryStore, recorder: Recorder, journal: MemoryJournal
) -> None:
    store.poison = {"call-2"}
    async with background(recorder.run()):
        recorder.put(*rows(5))
        await until(lambda: recorder.pending == 0, "the others are written")
        [(aside, reason)] = journal.set_aside
        assert (aside.entry, reason) == (rows(1, first=2)[0], "1406: data too long")
        assert written(store) == ["call-0", "call-1", "call-3", "call-4"]
        assert recorder.obstacle == ""


async def test_after_a_refused_record_a_failure_in_between_writes_nothing_twice(
    store: MemoryStore, recorder: Recorder
) -> None:
    store.poison = {"call-2"}

    def fail_in_between(method: str) -> None:
        if len(store.queue_log) == 3:
            store.fail, store.done = DOWN, lambda method: None

    store.done = fail_in_between
    async with background(recorder.run()):
        recorder.put(*rows(5))
        await until(lambda: recorder.obstacle != "", "the database went away in the middle")
        store.fail = None
        await until(lambda: recorder.pending == 0, "everything is written")
        assert written(store) == ["call-0", "call-1", "call-3", "call-4"]


async def test_a_flush_tells_whether_everything_is_written(store: MemoryStore, recorder: Recorder) -> None:
    assert await recorder.flush(0.0), "there is nothing to write"
    store.fail = DOWN
    async with background(recorder.run()):
        recorder.put(*rows(2))
        assert not await recorder.flush(0.01)
        store.fail = None
        assert await recorder.flush(10.0)
        assert written(store) == ["call-0", "call-1"]


async def test_an_end_that_was_written_already_is_not_written_again(
    store: MemoryStore, recorder: Recorder
) -> None:
    attempt = await claimed(store)
    first = end(own(play(a_call(), sent(), hung_up(cause=17)), attempt))
    await store.record(Batch("other", (Written(1, 0, first),)))
    async with background(recorder.run()):
        recorder.put(first, *rows(1))
        await until(lambda: recorder.pending == 0, "the rest is written")
        assert [row.guid for row in store.cdr] == [AttemptId(attempt.id)]
        assert written(store)[-1] == "call-0"


async def test_what_cannot_be_kept_on_disk_stops_dialling_and_is_written_all_the_same(
    store: MemoryStore, recorder: Recorder, journal: MemoryJournal
) -> None:
    async with background(recorder.run()):
        journal.fault = "the journal cannot be written: No space left on device"
        recorder.put(*rows(2))
        assert recorder.obstacle == journal.fault
        await until(lambda: recorder.pending == 0, "the database takes it")
        assert written(store) == ["call-0", "call-1"]
        journal.room = True
        await until(lambda: recorder.obstacle == "", "the disk is tried although there is nothing to write")


async def test_what_the_database_cannot_take_now_is_made_to_outlive_the_machine(
    store: MemoryStore, recorder: Recorder, journal: MemoryJournal
) -> None:
    store.fail = DOWN
    async with background(recorder.run()):
        recorder.put(*rows(1))
        await until(lambda: store.calls["record"] > 3, "it tries again and again")
        assert journal.synced == 1, "once, when it began to fail"


async def test_entries_are_kept_under_the_token_of_their_moment(
    store: MemoryStore, recorder: Recorder, journal: MemoryJournal
) -> None:
    recorder.put(*rows(1))
    store.fence = 7
    recorder.put(*rows(1, first=1))
    assert [(line.number, line.fence) for line in journal.lines] == [(1, 0), (2, 7)]


async def test_a_recorder_writes_what_its_journal_already_holds(
    store: MemoryStore, journal: MemoryJournal
) -> None:
    journal.append(3, rows(2))
    recorder = Recorder(journal, store, RecordingObserver(), lambda: 4)
    assert not await recorder.flush(0.0)
    async with background(recorder.run()):
        await until(lambda: recorder.pending == 0, "it is written")
        assert written(store) == ["call-0", "call-1"]


async def test_a_dead_engines_journal_is_written_out_and_given_up(
    store: MemoryStore, journal: MemoryJournal
) -> None:
    journal.append(1, rows(450))
    store.poison = {"call-7"}
    await write_out(journal, store, RecordingObserver())
    assert written(store) == [row.call for row in rows(450) if row.call != "call-7"]
    assert [aside.entry for aside, _ in journal.set_aside] == rows(1, first=7)
    assert (journal.closed, store.journals) == (True, {})


async def test_a_dead_engines_journal_waits_for_the_database(
    store: MemoryStore, journal: MemoryJournal
) -> None:
    journal.append(1, rows(3))
    store.fail = DOWN
    async with background(write_out(journal, store, RecordingObserver())):
        await until(lambda: store.calls["record"] > 3, "it tries again and again")
        assert (journal.pending, journal.closed) == (3, False)
        store.fail = None
        await until(lambda: journal.closed, "it is written")
        assert written(store) == ["call-0", "call-1", "call-2"]

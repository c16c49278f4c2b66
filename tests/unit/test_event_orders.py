"""Events in any order, twice, lost, or mixed with those of others: each call ends once, and rightly."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import events as ev
from engine.domain.agent import SeatState
from engine.domain.call import Call
from engine.domain.entries import Ending
from engine.domain.model import AttemptId, SpoolId
from engine.domain.picture import Picture
from engine.domain.records import QueueLogRow
from engine.ports import CallHistory, PastCall
from engine.services.book import CallBook
from engine.services.desks import Desks
from engine.services.reconcile import Reconciler
from engine.services.recorder import Recorder
from tests import builders as b
from tests.builders import ANY_TEXT, ID, NOW, PHONE, PURE, QUEUE, a_contact, a_dialer, a_member, an_attempt
from tests.doubles import FakeClock, FakeSwitch, MemoryJournal, MemoryStore, NoPast, RecordingObserver

OTHER = AttemptId("0195573e-0000-7000-8000-000000000002")
#: Longer than any call may stay unheard of.
LONG = 1000.0

#: What happens to a call, one list for each way in which a call can go.
PATHS: dict[str, tuple[ev.CallEvent, ...]] = {
    "talked": (
        b.sent(), b.ringing(), b.answered(), b.joined(), b.offered(), b.left(15), b.connected(),
        b.completed(), b.hung_up(),
    ),
    "transferred": (
        b.sent(), b.ringing(), b.answered(), b.joined(), b.offered(), b.left(15), b.connected(),
        b.completed("transfer"), b.hung_up(),
    ),
    "missed by one agent": (
        b.sent(), b.answered(), b.joined(), b.offered(), b.missed(), b.offered(19, "PJSIP/102", "Bo"),
        b.left(20), b.connected(21), b.completed("caller"), b.hung_up(),
    ),
    "abandoned": (b.sent(), b.ringing(), b.answered(), b.joined(), b.abandoned(), b.left(31), b.hung_up(32)),
    "sent on": (b.sent(), b.answered(), b.joined(), b.left(30), b.queue_exit("TIMEOUT"), b.hung_up(32)),
    "busy": (b.sent(), b.dial_ended("BUSY"), b.hung_up(20, 17, 486), b.failed(5, 20)),
    "rang out": (b.sent(), b.ringing(), b.dial_ended("NOANSWER"), b.hung_up(30, 19, 487), b.failed(3)),
    "no such number": (b.sent(), b.dial_ended("CHANUNAVAIL"), b.hung_up(20, 1, 404), b.failed(8, 20)),
    "a machine": (b.sent(), b.ringing(), b.answered(), b.judged("MACHINE"), b.hung_up(13)),
    "a person, says AMD": (
        b.sent(), b.answered(), b.judged("HUMAN"), b.joined(13), b.offered(14), b.left(15), b.connected(16),
        b.completed(), b.hung_up(),
    ),
    "withdrawn": (b.sent(), b.ringing(), b.hang_up_ordered(), b.dial_ended("CANCEL", 41), b.hung_up(41, 16)),
    "refused": (b.sent(), b.refused()),
}  # fmt: skip

#: What happened → the word that queue_log has for it.
WORDS: dict[type[ev.Event], str] = {
    ev.CallerJoined: "ENTERQUEUE",
    ev.AgentMissed: "RINGNOANSWER",
    ev.AgentConnected: "CONNECT",
    ev.AgentCompleted: "COMPLETE",
    ev.CallerAbandoned: "ABANDON",
    ev.QueueExited: "EXIT",
}


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Any:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


class Desk:
    """A book, its recorder's journal and a reconciler: what stands between events and the tables."""

    def __init__(self, history: CallHistory | None = None) -> None:
        self.clock = FakeClock()
        self.journal = MemoryJournal()
        self.observer = RecordingObserver()
        store = MemoryStore()
        recorder = Recorder(self.journal, store, self.observer, lambda: 1)
        self.book = CallBook(recorder, self.observer, self.clock.monotonic, timedelta(hours=72))
        self.switch = FakeSwitch(self.clock.now)
        self.switch.linked = True
        self.reconciler = Reconciler(
            self.switch, store, self.book, self.clock.port(), history or NoPast(), Picture(), Desks()
        )

    def add(self, attempt: AttemptId, spool_id: int) -> None:
        own = replace(an_attempt(a_contact(id=SpoolId(spool_id))), id=attempt)
        self.book.add(Call(own, a_dialer(), "18885751288"))
        self.book.apply(ev.OriginateSent(NOW, attempt))

    def happen(self, event: ev.Event) -> None:
        if isinstance(event, ev.ChannelsListed):
            self.reconciler.compare(event)
        elif isinstance(event, ev.CallEvent):
            self.book.apply(event)

    def close(self) -> None:
        """What is left is missing from two lists, and what may still be on its way is overdue."""
        self.clock.advance(LONG)
        for seconds in (LONG, LONG + 5):
            self.reconciler.compare(ev.ChannelsListed(b.later(seconds), {}))
        asyncio.run(self.reconciler.look_after_overdue())

    def endings(self, attempt: str) -> list[Ending]:
        entries = [line.entry for line in self.journal.lines]
        return [entry for entry in entries if isinstance(entry, Ending) and entry.attempt == attempt]

    def rows(self, attempt: str) -> list[QueueLogRow]:
        """Return the queue_log of a call, the rows of its ending included."""
        found: list[QueueLogRow] = []
        for line in self.journal.lines:
            if isinstance(line.entry, QueueLogRow) and line.entry.call == attempt:
                found.append(line.entry)
            elif isinstance(line.entry, Ending) and line.entry.attempt == attempt:
                found += line.entry.queue_log
        return found


def renamed(event: ev.CallEvent, call: str) -> ev.CallEvent:
    return replace(event, call=call)


#: What is no event of any call of ours, or none that could be.
garbage: st.SearchStrategy[ev.Event] = st.one_of(
    st.builds(ev.HungUp, st.just(NOW), ANY_TEXT, ANY_TEXT, st.integers(), st.none()),
    st.builds(ev.DialEnded, st.just(NOW), st.just(str(ID)), ANY_TEXT),
    st.builds(ev.CallerJoined, st.just(NOW), ANY_TEXT, ANY_TEXT, st.integers(), ANY_TEXT),
    st.builds(ev.AgentOffered, st.just(NOW), ANY_TEXT, ANY_TEXT, ANY_TEXT, ANY_TEXT),
    st.builds(ev.ChannelsListed, st.just(NOW), st.dictionaries(ANY_TEXT, st.booleans(), max_size=3)),
    st.builds(ev.LinkDown, st.just(NOW), ANY_TEXT),
)


@st.composite
def happenings(draw: st.DrawFn) -> list[ev.Event]:
    """The events of a path, some lost, some twice, in any order, mixed with whatever else there is."""
    path = list(PATHS[draw(st.sampled_from(sorted(PATHS)))])
    kept = [event for event in path if draw(st.integers(0, 4))]
    twice = [event for event in kept if not draw(st.integers(0, 3))]
    other = PATHS[draw(st.sampled_from(sorted(PATHS)))]
    strange = draw(st.lists(garbage, max_size=3))
    events: list[ev.Event] = [*kept, *twice, *(renamed(event, OTHER) for event in other), *strange]
    return draw(st.permutations(events))


def played(events: Sequence[ev.Event], *, close: bool = True) -> Desk:
    desk = Desk()
    desk.add(ID, 7)
    desk.add(OTHER, 8)
    for event in events:
        desk.happen(event)
    if close:
        desk.close()
    return desk


@pytest.mark.parametrize("path", PATHS)
def test_every_path_in_its_own_order_ends_its_call_without_help(path: str) -> None:
    desk = played(PATHS[path], close=False)
    [end] = desk.endings(ID)
    assert end.outcome != "unknown"
    assert ID not in desk.book


@PURE
@given(happenings())
def test_a_call_ends_once_whatever_order_its_events_have(events: list[ev.Event]) -> None:
    desk = played(events)
    for attempt, spool_id in ((ID, 7), (OTHER, 8)):
        [end] = desk.endings(attempt)
        assert (end.spool_id, end.cdr.guid) == (spool_id, attempt)
        assert end.ended_at is not None
    assert sorted(call.attempt.id for call in desk.observer.calls) == [ID, OTHER]
    assert len(desk.book) == 0
    assert desk.book.empty.is_set()
    counts = desk.book.counts(a_dialer().name)
    assert (counts.dialling, counts.waiting, counts.channels) == (0, 0, 0)


class Slow:
    """The CallHistory port of a switch that takes its time: meanwhile the first call is answered."""

    desk: Desk

    def find(self, attempts: frozenset[str]) -> dict[str, PastCall]:
        assert threading.current_thread() is not threading.main_thread(), "events wait for the records"
        assert attempts == {ID, OTHER}
        self.desk.happen(b.answered())
        return {OTHER: PastCall(b.later(30), None, "BUSY", "")}


def test_what_happens_while_the_records_of_overdue_calls_are_read_counts() -> None:
    slow = Slow()
    slow.desk = desk = Desk(slow)
    for attempt, spool_id in ((ID, 7), (OTHER, 8)):
        desk.add(attempt, spool_id)
    desk.clock.advance(LONG)
    asyncio.run(desk.reconciler.look_after_overdue())
    assert desk.endings(ID) == []
    assert [end.outcome for end in desk.endings(OTHER)] == ["busy"]


def until_the_end(events: Sequence[ev.Event]) -> list[ev.CallEvent]:
    """Return the events of the call up to the first that ends it."""
    own: list[ev.CallEvent] = []
    for event in events:
        if isinstance(event, ev.CallEvent) and event.call == ID:
            own.append(event)
            if isinstance(event, ev.HungUp):
                break
    return own


@PURE
@given(happenings())
def test_evidence_that_came_in_time_is_never_called_unknown(events: list[ev.Event]) -> None:
    desk = played(events)
    [end] = desk.endings(ID)
    own = until_the_end(events)
    if any(isinstance(event, ev.HungUp) and event.cause for event in own):
        assert end.outcome != "unknown"
    refused = [n for n, event in enumerate(own) if isinstance(event, ev.OriginateRefused)]
    before = own[: refused[0]] if refused else own
    if any(isinstance(event, ev.AgentConnected) for event in before):
        assert end.outcome == "answered"
        assert end.step == "finished"


@PURE
@given(happenings())
def test_no_order_of_events_writes_one_thing_twice(events: list[ev.Event]) -> None:
    desk = played(events)
    told = Counter(WORDS[type(e)] for e in events if getattr(e, "call", "") == ID and type(e) in WORDS)
    written = Counter(_word(row.event) for row in desk.rows(ID))
    assert written.pop("OUTCALL") == 1
    # An abandonment is written once, at the end, and an exit stands for one.
    assert written["ABANDON"] + written["EXIT"] <= 1 + told["EXIT"]
    for word in ("ENTERQUEUE", "RINGNOANSWER", "CONNECT", "COMPLETE"):
        assert written[word] <= told[word]


def _word(event: str) -> str:
    if event.startswith("COMPLETE") or event == "TRANSFER":
        return "COMPLETE"
    return "EXIT" if event.startswith("EXIT") else event


@PURE
@given(st.sampled_from(sorted(PATHS)), st.data())
def test_an_event_heard_twice_in_a_row_is_written_once(path: str, data: st.DataObject) -> None:
    once = list(PATHS[path])
    doubled = [copy for event in once for copy in [event] * data.draw(st.integers(1, 3))]
    assert played(doubled).rows(ID) == played(once).rows(ID)
    assert played(doubled).endings(ID) == played(once).endings(ID)


@PURE
@given(st.sampled_from(sorted(PATHS)), st.sets(st.integers(0, 9), max_size=6))
def test_the_times_of_a_call_are_in_order_where_only_events_are_lost(path: str, lost: set[int]) -> None:
    [end] = played([event for n, event in enumerate(PATHS[path]) if n not in lost]).endings(ID)
    times = [end.ringing_at, end.answered_at, end.connected_at, end.ended_at]
    known = [at for at in times if at is not None]
    assert known == sorted(known)
    assert end.cdr.billsec <= end.cdr.duration


# The picture of the queues.

members = st.builds(
    lambda n, device, paused, in_call: a_member(
        interface=f"PJSIP/{n}", name=f"Agent {n}", device=device, paused=paused, in_call=in_call
    ),
    st.integers(101, 103), st.integers(0, 9), st.booleans(), st.booleans(),
)  # fmt: skip
lists = st.builds(
    lambda own, waiting: ev.QueuesListed(
        NOW,
        (QUEUE,),
        tuple({m.interface: m for m in own}.values()),
        tuple(ev.Waiting(QUEUE, c) for c in waiting),
    ),
    st.lists(members, max_size=3),
    st.sets(st.sampled_from([str(ID), str(OTHER), "stranger"])),
)
queue_events = st.lists(
    b.any_event()
    | st.builds(renamed, b.any_event(), st.sampled_from([str(OTHER), "stranger", ""]))
    | st.builds(ev.MemberSeen, st.just(NOW), members, st.sampled_from(["status", "pause", "added"]))
    | st.builds(ev.MemberGone, st.just(NOW), st.just(QUEUE), st.sampled_from([PHONE, "PJSIP/102"]), ANY_TEXT)
    | lists
    | garbage,
    max_size=25,
)


@PURE
@given(queue_events, lists, st.integers(0, 60))
def test_whatever_was_seen_before_a_full_list_brings_the_picture_to_the_truth(
    events: list[ev.Event], listed: ev.QueuesListed, wrapup: int
) -> None:
    picture = Picture()
    picture.set_wrapup({QUEUE: wrapup})
    for event in events:
        picture.apply(event)
        picture.queue(QUEUE).states(NOW)
        picture.queue(QUEUE).next_free(NOW)
    picture.apply(listed)
    queue = picture.queue(QUEUE)
    assert {seat.member for seat in queue.seats.values()} == set(listed.members)
    assert queue.waiting == {waiting.call for waiting in listed.waiting}
    for seat in queue.seats.values():
        assert bool(seat.call) <= seat.member.in_call
        if seat.member.in_call:
            assert seat.state(NOW) is SeatState.TALKING
        elif seat.member.paused:
            assert seat.state(NOW) is SeatState.PAUSED
        elif seat.member.device == 1:
            assert seat.state(NOW) in (SeatState.READY, SeatState.WRAPUP)

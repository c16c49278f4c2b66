"""The book of calls: what happens to a call is applied, counted, told and handed to the recorder."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.domain import events as ev
from engine.domain.call import Call, State
from engine.domain.entries import Ending, Entry, Progress
from engine.domain.model import AttemptId, CampaignName
from engine.domain.outcomes import Outcome
from engine.domain.records import QueueLogRow
from engine.domain.rules import Step
from engine.services.book import CallBook
from engine.services.recorder import Recorder
from tests import builders as b
from tests.builders import ID, NOW, QUEUE, a_call, a_contact, a_dialer, an_attempt, later
from tests.doubles import FakeClock, MemoryJournal, MemoryStore, RecordingObserver

NAME = CampaignName(QUEUE)


class Notes(Recorder):
    """A recorder that keeps what it is given."""

    def __init__(self) -> None:
        super().__init__(MemoryJournal(), MemoryStore(), RecordingObserver(), lambda: 0)
        self.given: list[Entry] = []

    def put(self, *entries: Entry) -> None:
        self.given += entries

    def states(self) -> list[State]:
        return [State(item.state) for item in self.given if isinstance(item, Progress)]

    def log(self) -> list[str]:
        return [item.event for item in self.given if isinstance(item, QueueLogRow)]

    def ends(self) -> list[Ending]:
        return [item for item in self.given if isinstance(item, Ending)]


@pytest.fixture
def notes() -> Notes:
    return Notes()


@pytest.fixture
def observer() -> RecordingObserver:
    return RecordingObserver()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def book(notes: Notes, observer: RecordingObserver, clock: FakeClock) -> CallBook:
    book = CallBook(notes, observer, clock.monotonic, timedelta(hours=72))
    book.add(a_call())
    return book


def tell(book: CallBook, *events: ev.CallEvent) -> None:
    for event in events:
        book.apply(event)


def counts(book: CallBook, campaign: CampaignName = NAME) -> tuple[int, int, int]:
    now = book.counts(campaign)
    return now.dialling, now.waiting, now.channels


def another(call: str, campaign: str = QUEUE) -> Call:
    attempt = replace(an_attempt(), id=AttemptId(call))
    return Call(attempt, a_dialer(name=CampaignName(campaign)))


async def test_an_event_of_a_stranger_changes_nothing(book: CallBook, notes: Notes) -> None:
    assert book.apply(replace(b.answered(), call="stranger")) is None
    assert notes.given == []
    assert list(book) == [a_call()]


async def test_an_answered_call_is_recorded_step_by_step_and_then_leaves(
    book: CallBook, notes: Notes, observer: RecordingObserver
) -> None:
    assert not book.empty.is_set()
    tell(book, b.sent(), b.ringing(), b.ringing(), b.answered(), b.joined(), b.offered(), b.connected())
    assert notes.states() == [State.RINGING, State.ANSWERED, State.QUEUED, State.CONNECTED]
    assert notes.log() == ["ENTERQUEUE", "CONNECT"]
    assert not notes.ends()
    tell(book, b.completed(), b.hung_up())
    [end] = notes.ends()
    assert (end.outcome, end.step, end.cdr.disposition) == (
        Outcome.ANSWERED, Step.FINISHED, "ANSWERED",
    )  # fmt: skip
    assert [row.event for row in end.queue_log] == ["OUTCALL"]
    assert [call.outcome for call in observer.calls] == [Outcome.ANSWERED]
    assert (len(book), ID in book, book.empty.is_set()) == (0, False, True)


async def test_what_comes_after_the_end_is_not_written(book: CallBook, notes: Notes) -> None:
    tell(book, b.sent(), b.hung_up(cause=17))
    before = list(notes.given)
    tell(book, b.failed(5), b.hung_up(cause=16), b.vanished())
    assert notes.given == before


async def test_a_talk_that_is_told_of_after_the_hang_up_is_in_the_queue_log_once(
    book: CallBook, notes: Notes
) -> None:
    tell(book, b.sent(), b.answered(), b.joined(), b.offered(), b.connected(), b.hung_up())
    [end] = notes.ends()
    assert (end.outcome, [row.event for row in end.queue_log]) == (Outcome.ANSWERED, ["OUTCALL"])
    tell(book, b.completed(), b.completed())
    [row] = [item for item in notes.given if isinstance(item, QueueLogRow) and item.event == "COMPLETEAGENT"]
    assert row.call == ID
    assert notes.ends() == [end]


async def test_the_next_step_follows_the_settings_of_the_moment(notes: Notes) -> None:
    book = CallBook(notes, RecordingObserver(), FakeClock().monotonic, timedelta(hours=72))
    book.add(replace(a_call(), attempt=an_attempt(a_contact())))
    book.abandoned_rest = timedelta(hours=1)
    tell(book, b.sent(), b.answered(), b.joined(), b.abandoned(), b.hung_up(t=60))
    [end] = notes.ends()
    assert (end.step, end.not_before) == (Step.REST, later(3660))


async def test_calls_are_counted_by_campaign_and_by_what_they_hold(book: CallBook) -> None:
    book.add(another("two"))
    book.add(another("three", "OTHER<-"))
    assert counts(book) == (2, 0, 2)
    assert counts(book, CampaignName("OTHER<-")) == (1, 0, 1)
    tell(book, b.sent(), b.answered())
    assert counts(book) == (1, 1, 2), "answered: an agent is owed to it"
    tell(book, b.joined(), b.offered())
    assert counts(book) == (1, 0, 2), "an agent is being rung for it"
    tell(book, b.missed())
    assert counts(book) == (1, 1, 2), "that agent did not take it"
    tell(book, b.connected(), b.completed())
    assert counts(book) == (1, 0, 2)
    tell(book, b.hung_up())
    assert counts(book) == (1, 0, 1)
    book.withdraw(AttemptId("two"))
    book.withdraw(AttemptId("two"))
    assert counts(book) == (0, 0, 0)
    assert counts(book, CampaignName("OTHER<-")) == (1, 0, 1)


async def test_a_withdrawn_call_leaves_no_trace(
    book: CallBook, notes: Notes, observer: RecordingObserver
) -> None:
    tell(book, b.sent())
    book.withdraw(ID)
    assert book.empty.is_set()
    assert (notes.given, observer.calls) == ([], [])


async def test_the_listener_hears_each_event_with_the_call_after_it(book: CallBook) -> None:
    heard: list[tuple[State, str]] = []
    book.listen = lambda call, event: heard.append((call.state, type(event).__name__))
    tell(book, b.sent(), b.ringing(), replace(b.ringing(), call="stranger"), b.hung_up())
    assert heard == [
        (State.SENT, "OriginateSent"), (State.RINGING, "Ringing"), (State.ENDED, "HungUp"),
    ]  # fmt: skip


async def test_calls_that_set_up_for_too_long_are_overdue_and_talks_never_are(
    book: CallBook, clock: FakeClock
) -> None:
    limit = a_call().dialer.timeout + 15
    tell(book, b.sent(t=0))
    clock.advance(limit)
    assert book.overdue() == []
    clock.advance(1)
    assert [call.attempt.id for call in book.overdue()] == [ID]
    tell(book, b.ringing(t=limit))
    assert book.overdue() == [], "it went on: its time begins anew"
    clock.advance(limit + 1)
    assert [call.attempt.id for call in book.overdue()] == [ID]
    tell(book, b.answered(), b.joined(), b.connected())
    clock.advance(86_400)
    assert book.overdue() == []


async def test_a_set_clock_makes_no_call_overdue(book: CallBook, clock: FakeClock) -> None:
    tell(book, b.sent(t=0))
    clock.set(3600)
    clock.rebase()
    assert book.overdue() == []
    clock.set(-7200)
    clock.rebase()
    clock.advance(a_call().dialer.timeout + 16)
    assert len(book.overdue()) == 1, "its time passes all the same"


async def test_a_call_given_up_without_a_hang_up_is_overdue_at_once(book: CallBook, clock: FakeClock) -> None:
    tell(book, b.sent(t=0), b.failed(0, t=10))
    clock.advance(2)
    assert book.overdue() == []
    clock.advance(1)
    assert len(book.overdue()) == 1


async def test_the_book_may_change_while_it_is_walked_through(book: CallBook) -> None:
    book.add(another("two"))
    for call in book:
        book.apply(ev.OriginateSent(NOW, call.attempt.id))
        book.apply(ev.Vanished(later(1), call.attempt.id))
    assert len(book) == 0

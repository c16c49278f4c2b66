"""Figures of queues: averages as Asterisk has them, totals by the local day, and the documented shapes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from engine.domain import events as ev
from engine.domain.agent import Seat, SeatState
from engine.domain.figures import DayFigures, Figures
from engine.domain.integra.live import campaign_status, queue_summary
from engine.domain.live import QueueNow, SeatNow

NOW = datetime(2026, 3, 4, 23, 0, tzinfo=UTC)
Q = "POWER<-"


def _talk(figures: Figures, call: str, hold: int, talk: int, at: datetime = NOW) -> None:
    figures.apply(ev.CallerJoined(at, call, Q, 1, ""))
    figures.apply(ev.CallerLeft(at, call, Q))
    figures.apply(ev.AgentConnected(at, call, Q, "PJSIP/1", "A", "", "", hold, 1))
    figures.apply(ev.HungUp(at, call, "", 16, None))
    figures.apply(ev.AgentCompleted(at, call, Q, "PJSIP/1", "A", "caller", hold, talk))


def test_averages_move_by_a_quarter_in_whole_seconds() -> None:
    figures = Figures()
    for call, hold, talk in (("a", 8, 40), ("b", 2, 100), ("c", 30, 1)):
        _talk(figures, call, hold, talk)
    own = figures.of("power<-")
    # 8/4 = 2; (6+2)/4 = 2; (6+30)/4 = 9. Talk: 40; (120+100)/4 = 55; (165+1)/4 = 41.
    assert (own.hold, own.talk, own.completed) == (9, 41, 3)
    assert (own.today.completed, own.today.held, own.today.talked) == (3, 40, 141)
    assert own.queued == own.talking == set()


def test_asterisks_own_word_replaces_the_averages_and_the_waiting() -> None:
    figures = Figures()
    figures.apply(ev.CallerJoined(NOW, "ghost", Q, 1, ""))
    facts = ev.QueueFacts(Q, "linear", 15, 7, 70, 4)
    waiting = ev.Waiting(Q, "b", NOW - timedelta(seconds=9))
    figures.apply(ev.QueuesListed(NOW, (Q,), (), (waiting,), (facts,)))
    own = figures.of(Q)
    assert (own.strategy, own.service_level, own.hold, own.talk) == ("linear", 15, 7, 70)
    _talk(figures, "next", 3, 2)
    assert (own.hold, own.talk) == (6, 53)
    assert own.longest(NOW + timedelta(seconds=1)) == 10
    figures.apply(ev.HungUp(NOW, "b", "", 16, None))
    assert own.longest(NOW) == 0


def test_a_call_with_a_reserved_agent_counts_and_moves_no_average() -> None:
    figures = Figures()
    figures.apply(ev.AgentConnected(NOW, "a", Q, "PJSIP/1", "A", "", "", 0, 0))
    figures.apply(ev.AgentCompleted(NOW, "a", Q, "PJSIP/1", "A", "agent", 0, 50))
    own = figures.of(Q)
    assert (own.hold, own.talk, own.today.completed, own.today.talked) == (0, 0, 1, 50)


def test_a_call_whose_end_was_never_told_is_let_go() -> None:
    figures = Figures()
    for call in ("waited", "talked", "talks"):
        figures.apply(ev.CallerJoined(NOW, call, Q, 1, ""))
    for call in ("talked", "talks"):
        figures.apply(ev.AgentConnected(NOW, call, Q, "PJSIP/1", "A", "", "", 4, 1))
    own = figures.of(Q)
    figures.apply(ev.ChannelsListed(NOW, {"talks": True}))
    assert own.talking == {"talked", "talks"}, "the end of a talk may come after its channel has gone"
    figures.apply(ev.ChannelsListed(NOW, {"talks": True}))
    assert (own.queued, own.talking) == (set(), {"talks"})
    figures.apply(ev.AgentCompleted(NOW, "talks", Q, "PJSIP/1", "A", "agent", 4, 30))
    assert (own.completed, own.talk) == (1, 30)


def test_a_call_that_is_missing_from_one_list_alone_is_kept() -> None:
    figures = Figures()
    figures.apply(ev.CallerJoined(NOW, "a", Q, 1, ""))
    for live in ({}, {"a": True}, {}):
        figures.apply(ev.ChannelsListed(NOW, live))
    assert figures.of(Q).queued == {"a"}


def test_the_day_turns_at_local_midnight() -> None:
    figures = Figures(lambda at: (at - timedelta(hours=3)).date())
    figures.begin(date(2026, 3, 4), {Q: DayFigures(talked=9)})
    figures.turn(NOW + timedelta(hours=3, minutes=30))
    assert figures.of(Q).today.talked == 9
    _talk(figures, "a", 1, 5, NOW + timedelta(hours=4, minutes=1))
    assert figures.of(Q).today.talked == 5


def test_service_levels_are_asterisks_two_formulas() -> None:
    day = DayFigures()
    assert day.service_level(10) == (0.0, 0.0)
    day.holds.update({3: 3, 11: 1})
    day.lost.update({5: 1, 50: 3})
    assert day.service_level(10) == (75.0, 50.0)


def _seat(state: SeatState, *, paused: bool = False, reachable: bool = True, idle: bool = False) -> SeatNow:
    return SeatNow("PJSIP/1", "A", paused, state, reachable=reachable, idle=idle)


QUEUE = QueueNow(
    Q,
    (
        _seat(SeatState.READY, idle=True), _seat(SeatState.WRAPUP, idle=True), _seat(SeatState.TALKING),
        _seat(SeatState.RINGING), _seat(SeatState.TALKING, paused=True),
        _seat(SeatState.PAUSED, paused=True, idle=True), _seat(SeatState.GONE, reachable=False),
        _seat(SeatState.PAUSED, paused=True, reachable=False),
    ),
    waiting=3, longest=220, hold=18, talk=130, strategy="leastrecent", service_level=3, wrapup=5,
)  # fmt: skip


def test_the_summary_has_the_documented_keys_and_ends_without_a_queue() -> None:
    rows = queue_summary([QUEUE], "1982468278_6312", "Nov 2, 2018 11:31:42 AM")
    stamp = {"internalActionId": "1982468278_6312", "dateReceived": "Nov 2, 2018 11:31:42 AM"}
    assert rows == [
        {
            "queue": Q, "loggedIn": 6, "available": 2, "callers": 3, "holdTime": 18, "talkTime": 130,
            "longestHoldTime": 220, **stamp,
        },
        stamp,
    ]  # fmt: skip
    assert next(iter(rows[0])) == "queue"


def test_every_member_is_counted_in_one_place() -> None:
    QUEUE.today.holds.update({2: 2, 9: 1})
    QUEUE.today.lost.update({4: 1})
    QUEUE.today.talked = 3725
    assert campaign_status(QUEUE) == {
        "campaign": Q, "availables": 1, "notavailables": 2, "paused": 1, "busy": 2, "busypaused": 1,
        "totalagents": 8, "logged": 6, "onwrapup": 1, "completed": 3, "abandoned": 1,
        "talked": "01:02:05-3", "hold": "00:00:13-3", "abandonedlevel": "25", "totalcalls": 4, "acd": 3,
        "servicelevel": "66.7", "servicelevel2": "50.0", "strategy": "leastrecent", "slevelthreshold": "3",
        "wrapup": 5,
    }  # fmt: skip


def test_an_empty_campaign_looks_as_in_the_documents() -> None:
    empty = campaign_status(QueueNow("test->", (), 0, strategy="leastrecent", service_level=3, wrapup=3))
    assert empty == {
        "campaign": "test->", "availables": 0, "notavailables": 0, "paused": 0, "busy": 0, "busypaused": 0,
        "totalagents": 0, "logged": 0, "onwrapup": 0, "completed": 0, "abandoned": 0,
        "talked": "00:00:00-0", "hold": "00:00:00-0", "abandonedlevel": "0", "totalcalls": 0, "acd": 0,
        "servicelevel": "0.0", "servicelevel2": "0.0", "strategy": "leastrecent", "slevelthreshold": "3",
        "wrapup": 3,
    }  # fmt: skip


def test_a_phone_is_reachable_and_idle_as_asterisk_says() -> None:
    for device, reachable, idle in ((0, True, True), (1, True, True), (2, True, False), (5, False, False)):
        seat = Seat(ev.Member(Q, "PJSIP/1", "A", device, False, False))
        assert (seat.reachable, seat.idle) == (reachable, idle)

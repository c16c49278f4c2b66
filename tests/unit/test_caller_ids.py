"""The caller IDs of a term: choosing, learning, resting, and what people steer meanwhile."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.domain import events as ev
from engine.domain.call import Call, State
from engine.domain.callerid import CallerIdRules, parse_callerid
from engine.domain.callerid_health import Cause, HealthRules
from engine.domain.callerid_pool import Locality
from engine.domain.model import Dialer
from engine.domain.outcomes import Outcome
from engine.domain.pacing import Bound
from engine.domain.settings import SettingsRows
from engine.ports import StoreError
from engine.services import callerids as module
from engine.services.callerids import CallerIds
from tests import builders as b
from tests.builders import QUEUE, a_dialer
from tests.doubles import FakeClock, MemoryStore, RecordingObserver, background, until
from tests.service_rig import Bench, EngineRoom, hurry, rounds

RULES = HealthRules(flagged=2, rest=timedelta(hours=1))
NONE = CallerIdRules(())
_EMPTY = SettingsRows((), (), ())


class Stand:
    """Caller IDs over rows in memory, with a campaign that has no own."""

    def __init__(self, *entries: str) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore()
        self.observer = RecordingObserver()
        for entry in entries:
            self.store.add_caller_id(QUEUE, entry)
        self.dialer: Dialer = a_dialer(caller_id=NONE)
        self.ids = self.term()

    def term(self) -> CallerIds:
        return CallerIds(self.store, self.observer, self.clock.port(), RULES)

    async def follow(self) -> None:
        written = self.ids.written
        self.ids.follow(await self.store.settings(), written)

    async def begin(self) -> None:
        self.ids = self.term()
        await self.ids.begin()

    def choose(self, **changes: Any) -> str | None:
        self.clock.advance(1)
        return self.ids.choose(replace(self.dialer, **changes), "2125550100")

    def ended(self, number: str, outcome: Outcome = Outcome.ANSWERED, sip: int | None = None) -> None:
        """Let a call with `number`, placed now, end at once."""
        call = replace(
            b.a_call(), dialer=self.dialer, caller_id=number, sent_at=self.clock.now(), sip=sip,
            outcome=outcome, state=State.ENDED,
        )  # fmt: skip
        self.ids.heard(call)

    def flag(self, number: str, times: int = 2) -> None:
        for _ in range(times):
            self.ended(number, Outcome.REJECTED, 608)


@pytest.fixture
async def stand() -> Stand:
    stand = Stand("100", "200", "300")
    await stand.begin()
    return stand


async def test_without_rows_the_dialers_own_rules_hold_as_documented(stand: Stand) -> None:
    stand.store.caller_id_rows.clear()
    await stand.follow()
    assert stand.choose(caller_id=parse_callerid("1-00-99,2")) == "100"
    assert stand.choose() == ""
    assert stand.ids.hold(stand.dialer) is None


async def test_campaigns_that_share_numbers_share_the_turns(stand: Stand) -> None:
    stand.store.caller_id_rows = []
    for campaign in ("*", "OTHER<-"):
        stand.store.add_caller_id(campaign, "100")
    stand.store.add_caller_id("*", "200")
    await stand.follow()
    other = a_dialer(name="other<-", caller_id=NONE)
    shown = [stand.ids.choose(dialer, "0991") for dialer in (stand.dialer, other, other, stand.dialer)]
    assert shown == ["100", "200", "100", "200"]


async def test_a_number_that_is_flagged_rests_and_comes_back(stand: Stand) -> None:
    assert stand.choose() == "100"
    stand.choose()
    stand.choose()
    stand.flag("100")
    assert stand.observer.rests == [(QUEUE, Cause.FLAGGED)]
    assert {stand.choose() for _ in range(6)} == {"200", "300"}
    await stand.ids.keep()
    await stand.follow()
    state = stand.store.caller_id_state["100"]
    assert (state["rests"], state["counts"]) == (1, (0, 0, 0, 0))
    assert state["reason"] == "2 of 2 calls were answered 607 or 608"
    assert stand.observer.caller_id_counts == {QUEUE: (2, 1)}
    assert {stand.choose() for _ in range(6)} == {"200", "300"}
    stand.clock.advance(3600)
    await stand.follow()
    assert "100" in {stand.choose() for _ in range(3)}
    stand.flag("100")
    await stand.ids.keep()
    state = stand.store.caller_id_state["100"]
    assert state["rests"] == 2
    assert (state["resting_until"] - stand.clock.now()).total_seconds() == 7200


async def test_calls_that_were_placed_before_the_rest_ended_do_not_count_after_it(stand: Stand) -> None:
    stand.choose()
    stand.flag("100")
    placed = stand.clock.now()
    stand.clock.advance(3601)
    for _ in range(2):
        call = replace(b.a_call(), caller_id="100", sent_at=placed, state=State.ENDED)
        stand.ids.heard(replace(call, sip=608, outcome=Outcome.REJECTED))
    assert stand.ids.ledger.counts("100").attempts == 0


async def test_a_rest_is_forgiven_after_a_whole_healthy_window(stand: Stand) -> None:
    stand.ids.ledger.rules = replace(RULES, window=10)
    stand.choose()
    stand.flag("100")
    stand.clock.advance(3600)
    for _ in range(10):
        stand.ended("100")
    await stand.ids.keep()
    assert stand.store.caller_id_state["100"]["rests"] == 0
    stand.flag("100")
    await stand.ids.keep()
    assert stand.store.caller_id_state["100"]["rests"] == 1


async def test_when_all_rest_the_dialers_own_number_serves_or_the_campaign_holds(stand: Stand) -> None:
    for number in ("100", "200", "300"):
        stand.choose()
        stand.flag(number)
    assert stand.choose(caller_id=parse_callerid("999")) == "999"
    assert stand.ids.hold(replace(stand.dialer, caller_id=parse_callerid("999"))) is None
    assert stand.choose() is None
    hold = stand.ids.hold(stand.dialer)
    assert hold is not None
    assert "every caller ID of the campaign rests" in hold.reason
    assert hold.until is not None
    stand.clock.advance(3600)
    assert stand.ids.hold(stand.dialer) is None


async def test_rows_that_all_have_a_prefix_need_a_number_for_the_others(stand: Stand) -> None:
    stand.store.caller_id_rows = []
    stand.store.add_caller_id(QUEUE, "593#100")
    await stand.follow()
    hold = stand.ids.hold(stand.dialer)
    assert hold is not None
    assert "PREFIX#" in hold.reason
    assert stand.ids.hold(replace(stand.dialer, caller_id=parse_callerid("9"))) is None


async def test_a_persons_rest_and_release_hold_at_once(stand: Stand) -> None:
    stand.store.caller_id_row("200").update(resting_until=stand.clock.now() + timedelta(days=1))
    await stand.follow()
    assert {stand.choose() for _ in range(6)} == {"100", "300"}
    stand.flag("100")
    await stand.ids.keep()
    for number in ("100", "200"):
        stand.store.caller_id_state[number]["resting_until"] = None
    await stand.follow()
    assert {stand.choose() for _ in range(6)} == {"100", "200", "300"}
    await stand.ids.keep()
    assert stand.store.caller_id_state["100"]["rests"] == 0


async def test_rows_that_were_read_before_a_decision_was_written_do_not_undo_it(stand: Stand) -> None:
    stand.choose()
    written, rows = stand.ids.written, await stand.store.settings()
    stand.flag("100")
    stand.ids.follow(rows, written)
    await stand.ids.keep()
    stand.ids.follow(rows, written)
    assert {stand.choose() for _ in range(6)} == {"200", "300"}
    await stand.follow()
    assert {stand.choose() for _ in range(6)} == {"200", "300"}


async def test_rows_with_an_older_rest_of_the_number_do_not_undo_a_new_one(stand: Stand) -> None:
    stand.choose()
    stand.flag("100")
    await stand.ids.keep()
    await stand.follow()
    stand.clock.advance(3600)
    await stand.follow()
    written, rows = stand.ids.written, await stand.store.settings()
    stand.flag("100")
    await stand.ids.keep()
    stand.ids.follow(rows, written)
    assert {stand.choose() for _ in range(6)} == {"200", "300"}
    assert stand.ids.ledger.counted_from("100") == stand.store.caller_id_state["100"]["resting_until"]


async def test_a_decision_holds_while_the_database_is_away_and_is_written_later(stand: Stand) -> None:
    stand.choose()
    stand.flag("100")
    stand.store.fail = StoreError("away")
    with pytest.raises(StoreError):
        await stand.ids.keep()
    assert {stand.choose() for _ in range(6)} == {"200", "300"}
    stand.store.fail = None
    await stand.ids.keep()
    assert stand.store.caller_id_state["100"]["rests"] == 1
    assert stand.store.caller_id_state["200"]["used_at"] is not None


async def test_own_numbers_of_a_dialer_are_counted_and_never_rest(stand: Stand) -> None:
    stand.store.caller_id_rows = []
    await stand.follow()
    own = parse_callerid("700,8-0000-9999")
    assert stand.choose(caller_id=own) == "700"
    stand.flag("700", 5)
    assert stand.observer.rests == []
    assert stand.choose(caller_id=own) == "700"
    assert stand.choose(caller_id=parse_callerid("8-0000-9999")) == "80000"
    stand.ended("80000")
    await stand.ids.keep()
    assert stand.store.caller_id_state["700"]["counts"] == (5, 0, 5, 5)
    assert "80000" not in stand.store.caller_id_state


async def test_a_row_that_cannot_be_used_costs_that_row(stand: Stand) -> None:
    stand.store.add_caller_id(QUEUE, "John")
    stand.store.add_caller_id("ELSEWHERE", "1-9-1")
    await stand.follow()
    assert {stand.choose() for _ in range(6)} == {"100", "200", "300"}


async def test_local_presence_asks_where_numbers_belong_in_the_dialers_country() -> None:
    stand = Stand("100", "200")
    asked = []

    def locate(number: str, country: str) -> Locality:
        asked.append(country)
        return Locality("east" if number in ("200", "2125550100") else "west", "1")

    stand.ids = CallerIds(stand.store, stand.observer, stand.clock.port(), RULES, locate)
    await stand.ids.begin()
    assert {stand.choose(local_presence=True, jurisdiction="US") for _ in range(4)} == {"200"}
    assert set(asked) == {"US"}
    assert {stand.choose() for _ in range(4)} == {"100", "200"}


async def test_a_new_term_begins_with_what_the_last_one_left(stand: Stand) -> None:
    assert [stand.choose(), stand.choose()] == ["100", "200"]
    stand.flag("200")
    await stand.ids.keep()
    await stand.begin()
    assert [stand.choose() for _ in range(3)] == ["300", "100", "300"]
    assert stand.store.caller_id_state["200"]["rests"] == 1


async def test_earlier_calls_count_again_after_a_restart(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PERIOD", 0.002)
    monkeypatch.setattr(module, "SWEEP", 2)
    stand.store.attempts["x"] = {
        "campaign": QUEUE, "caller_id": "100", "state": "ended", "outcome": "rejected", "sip": 608,
        "sent_at": stand.clock.now().replace(tzinfo=None), "next_step": "retry",
        "ended_at": stand.clock.now().replace(tzinfo=None),
    }  # fmt: skip
    stand.clock.advance(1)
    await stand.begin()
    async with background(stand.ids.run()):
        await until(lambda: stand.ids.ledger.counts("100").attempts == 1, "it is read")
        stand.flag("100", 1)
        assert stand.observer.rests == [(QUEUE, Cause.FLAGGED)]
        stand.store.fail = StoreError("away")
        before = stand.store.calls["keep_caller_ids"]
        await until(lambda: stand.store.calls["keep_caller_ids"] > before, "it tries")
        stand.store.fail = None
        await until(lambda: stand.store.caller_id_state.get("100", {}).get("rests") == 1, "it is written")
        stand.clock.advance(86_400 * 40)
        await until(lambda: "300" not in stand.ids.ledger and not stand.ids._used, "all is forgotten")


async def test_a_campaign_without_a_free_number_says_so_and_dials_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hurry(monkeypatch)
    bench = Bench()
    bench.store.add_dialer(QUEUE)
    bench.store.add_caller_id(QUEUE, "100")
    bench.seats(2)
    bench.contacts("1001", "1002")
    end = bench.clock.now() + timedelta(hours=1)
    bench.store.caller_id_row("100").update(resting_until=end)
    ids = bench.tools.caller_ids
    ids.follow(await bench.store.settings(), ids.written)
    async with bench.working(caller_id=NONE) as worker:
        await until(lambda: Bound.CALLER_ID in bench.observer.bounds(QUEUE), "it holds")
        assert bench.dialled() == []
        bench.store.caller_id_state["100"]["resting_until"] = None
        ids.follow(await bench.store.settings(), ids.written)
        worker.wake()
        await until(lambda: len(bench.dialled()) == 2, "it dials")
    assert {order.caller_id for order in bench.switch.orders} == {"100"}


async def test_the_last_number_that_rests_while_contacts_are_claimed_sends_them_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hurry(monkeypatch)
    bench = Bench()
    bench.store.add_dialer(QUEUE)
    bench.store.add_caller_id(QUEUE, "100")
    bench.seats(1)
    bench.contacts("1001")
    ids = bench.tools.caller_ids
    ids.follow(await bench.store.settings(), ids.written)

    def rest(method: str) -> None:
        if method == "claim":
            bench.store.caller_id_row("100").update(resting_until=bench.clock.now() + timedelta(hours=1))
            rows = replace(
                _EMPTY, caller_ids=ids._rows, resting={"100": bench.clock.now() + timedelta(hours=1)}
            )
            ids.follow(rows, ids.written)

    bench.store.done = rest
    async with bench.working(caller_id=NONE):
        await until(
            lambda: bench.statuses() == [1] and bool(bench.store.calls["release"]), "it is given back"
        )
        assert bench.dialled() == []
        assert Bound.CALLER_ID in bench.observer.bounds(QUEUE)


async def test_an_engine_shows_numbers_in_turn_and_follows_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    room = EngineRoom()
    room.store.dialers[QUEUE]["callerid"] = ""
    for entry in ("100", "200"):
        room.store.add_caller_id(QUEUE, entry)
    room.contacts("1001", "1002", "1003", "1004")
    async with room.running():
        await rounds(room)
        room.seats(4)
        room.switch.link_up()
        await until(lambda: len(room.dialled()) == 4, "all are called")
    assert sorted(order.caller_id for order in room.switch.orders) == ["100", "100", "200", "200"]
    assert sorted(row["caller_id"] for row in room.store.attempts.values()) == ["100", "100", "200", "200"]


@pytest.mark.parametrize(("ordered", "shown"), [("", "100"), ("777", "777")])
async def test_a_manual_call_shows_what_was_ordered_or_takes_its_turn(
    monkeypatch: pytest.MonkeyPatch, ordered: str, shown: str
) -> None:
    hurry(monkeypatch)
    room = EngineRoom()
    room.store.dialers.clear()
    room.store.add_caller_id(QUEUE, "100")
    room.seats(1)
    columns = {"phone": "agent101", "context": "agents", "destination": "5002100", "callerid": ordered}
    async with room.running():
        room.store.add_order("call", campaign=QUEUE, agent="ana", **columns)
        await until(lambda: len(room.store.cdr) == 1, "the call is over")
    assert room.switch.orders[1].caller_id == shown
    assert [row["caller_id"] for row in room.store.attempts.values()] == [shown]


async def test_a_manual_call_without_a_free_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    room = EngineRoom()
    room.store.add_caller_id(QUEUE, "100")
    room.store.caller_id_row("100").update(resting_until=room.clock.now() + timedelta(hours=1))
    room.seats(1)
    columns = {"phone": "agent101", "context": "agents", "destination": "5002100"}
    async with room.running():
        number = room.store.add_order("call", campaign=QUEUE, agent="ana", **columns)
        await until(lambda: room.store.orders[number]["status"] == "failed", "the order is answered")
    assert room.store.orders[number]["result"] == "every caller ID of the campaign rests"
    assert room.switch.orders == []
    assert room.outcomes() == ["cancelled"]


async def test_an_agent_who_is_called_first_gets_a_customer_who_sees_the_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hurry(monkeypatch)
    room = EngineRoom()
    room.store.dialers[QUEUE].update(dialertype="Preview", tbc=0, callerid="")
    room.store.add_caller_id(QUEUE, "100")
    room.seats(1)
    room.contacts("1002100")
    async with room.running():
        await until(lambda: room.outcomes() == ["answered"], "the call is over")
    assert [order.caller_id for order in room.switch.orders] == ["1002100", "100"]


def test_a_call_without_an_end_or_a_number_says_nothing() -> None:
    stand = Stand("100")
    stand.ids.heard(b.a_call(b.sent()))
    stand.ids.heard(replace(b.a_call(b.sent()), state=State.ENDED, outcome=Outcome.ANSWERED, caller_id=""))
    assert stand.observer.caller_id_results == []
    ended: Call = b.a_call(b.sent(), ev.HungUp(b.later(3), b.ID, "", 21, 603))
    stand.ids.heard(ended)
    assert [result.rejected for _, result in stand.observer.caller_id_results] == [True]

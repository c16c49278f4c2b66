"""Calls with a reserved agent, in a whole engine on the doubles: order of acts, every ending, every cut."""

from __future__ import annotations

from typing import Any

import pytest

from engine.domain import events as ev
from engine.domain.call import State
from engine.domain.model import agent_leg, leg_owner
from tests.builders import QUEUE
from tests.doubles import background, until
from tests.service_rig import EngineRoom, calls_of, hurry, in_state, rounds

#: A customer who talks until hung up, one who talks and leaves, one whose phone rings for ever.
HOLDS, TALKS, RINGS, BUSY = "1001200", "1002100", "1003777", "1004486"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def a_room(kind: str = "Preview", **options: Any) -> EngineRoom:
    room = EngineRoom()
    room.store.dialers[QUEUE].update(dialertype=kind, tbc=0)
    defaults = {
        "customer_first": 0, "agent_decides": 0, "decision_time": 30, "later": 60, "machines": "hangup",
        "machine_sound": "", "recording": "none",
    }  # fmt: skip
    room.store.options.append({"campaign": QUEUE, **defaults, **options})
    return room


def legs(room: EngineRoom) -> list[str]:
    """Return whom each order was for, in order."""
    return ["agent" if leg_owner(order.attempt) else "customer" for order in room.switch.orders]


async def test_the_agent_is_called_first_and_both_are_free_afterwards() -> None:
    room = a_room()
    room.seats(1)
    room.contacts(TALKS, BUSY)
    async with room.running():
        await until(lambda: len(room.outcomes()) == 2, "both calls are over")
        await until(lambda: not room.switch.lines, "nobody is kept on the line")
    assert legs(room) == ["agent", "customer", "agent", "customer"]
    assert sorted(room.outcomes()) == ["answered", "busy"]


async def test_an_agent_is_reserved_once_whatever_campaigns_he_works_for() -> None:
    room = a_room()
    room.store.add_dialer("SECOND->", dialertype="Preview", tbc=0)
    room.switch.seat(QUEUE, 101)
    room.switch.seat("SECOND->", 101)
    room.contacts(HOLDS)
    room.contacts("2002200", campaign="SECOND->")
    async with room.running() as engine:
        await in_state(engine, State.CONNECTED)
        await rounds(room, 5)
        assert legs(room) == ["agent", "customer"]
        room.switch.end(next(call.attempt.id for call in calls_of(engine)))
        await until(lambda: len(legs(room)) == 4, "the other campaign's turn")


async def test_a_scheduled_call_of_an_agent_waits_for_him_in_preview() -> None:
    room = a_room()
    room.seats(1)
    room.contacts(HOLDS, dialerbase="", agentphone="agent102", priority=1)
    room.contacts("2002200", agentphone="agent102")
    async with room.running() as engine:
        await until(lambda: len(legs(room)) == 2, "what is in a list is anybody's")
        await rounds(room, 5)
        assert [call.attempt.contact.phone.number for call in calls_of(engine)] == ["2002200"]
        room.switch.seat(QUEUE, 102)
        await until(lambda: len(legs(room)) == 4, "he is there")
        [call] = [c for c in calls_of(engine) if c.attempt.contact.priority == 1]
        assert call.attempt.desk is not None
        assert call.attempt.desk.answers_to("agent102")


async def test_an_agent_who_misses_a_call_is_left_alone_and_the_contact_is_untouched() -> None:
    room = a_room()
    room.seats(1)
    room.switch.agents_answer = False
    (row,) = room.contacts(TALKS)
    async with room.running():
        await until(lambda: room.outcomes() == ["agent_missed"], "the call is over")
        await rounds(room, 5)
        assert legs(room) == ["agent"]
        assert (room.store.spool[row]["status"], room.store.spool[row]["retries"]) == (1, 0)
        room.switch.agents_answer = True
        room.clock.advance(11)
        await until(lambda: "answered" in room.outcomes(), "after a rest he is rung again")
    assert len(room.store.cdr) == 1


async def test_an_agent_who_leaves_while_the_customers_phone_rings_ends_that_call() -> None:
    room = a_room()
    room.seats(1)
    room.contacts(RINGS)
    async with room.running() as engine:
        await in_state(engine, State.RINGING)
        call = calls_of(engine)[0].attempt.id
        room.switch.end(agent_leg(call))
        await until(lambda: room.outcomes() == ["withdrawn"], "the customer's phone is silent")
    assert room.switch.lines == {}


@pytest.mark.parametrize("act", ["skip", "later", "timeout"])
async def test_nothing_is_sent_to_the_customer_before_the_agent_says_so(act: str) -> None:
    room = a_room(agent_decides=1)
    room.seats(1)
    (row,) = room.contacts(TALKS)
    async with room.running() as engine:
        await in_state(engine, State.HELD)
        await rounds(room, 5)
        assert legs(room) == ["agent"]
        room.switch.decide(calls_of(engine)[0].attempt.id, act, "key 4")
        await until(lambda: len(room.outcomes()) == 1, "it is over")
    assert legs(room) == ["agent"]
    expected = {"skip": "skipped", "later": "postponed", "timeout": "agent_missed"}
    assert room.outcomes() == [expected[act]]
    assert (row in room.store.spool) is (act != "skip")
    assert [(a.act, a.reason, a.via) for a in room.store.agent_acts] == [(act, "key 4", "key")]


async def test_a_decision_to_dial_is_evidence_before_the_customer_is_called() -> None:
    room = a_room(agent_decides=1)
    room.seats(1)
    room.contacts(TALKS)
    async with room.running() as engine:
        await in_state(engine, State.HELD)
        room.switch.decide(calls_of(engine)[0].attempt.id, "dial")
        await until(lambda: room.outcomes() == ["answered"], "the customer talked")
    act = room.store.agent_acts[0]
    assert (act.act, act.agent, act.destination) == ("dial", "Agent 101", TALKS)


@pytest.mark.parametrize("state", [State.OFFERED, State.HELD])
async def test_a_killed_engine_leaves_contacts_that_were_not_called_as_they_were(
    state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = a_room(agent_decides=1)
    room.seats(1)
    (row,) = room.contacts(TALKS)
    if state is State.OFFERED:
        monkeypatch.setattr(room.switch, "_ring_agent", lambda attempt, line: None)
    async with room.running() as engine:
        await in_state(engine, state)
        await rounds(room, 2)
    assert legs(room) == ["agent"]
    room.clock.advance(60)
    left = set(room.switch.lines)
    async with room.running():

        def hung_up() -> bool:
            room.clock.advance(0.005)
            return not left & set(room.switch.lines)

        await until(hung_up, "the dead engine's leg is hung up")
        await until(lambda: len(legs(room)) == 2, "the contact is offered again")
    assert room.store.spool[row]["retries"] == 0
    assert legs(room) == ["agent", "agent"]


async def test_an_agent_whose_customer_rings_is_reserved_for_the_next_engine_too() -> None:
    room = a_room("Progressive", customer_first=1)
    room.seats(1)
    room.contacts(RINGS)
    async with room.running() as engine:
        await in_state(engine, State.RINGING)
    room.contacts(TALKS)
    async with room.running() as engine:
        await until(lambda: bool(calls_of(engine)), "the call is taken over")
        await rounds(room, 5)
        assert legs(room) == ["customer"]
        room.switch.end(calls_of(engine)[0].attempt.id)
        await until(lambda: len(legs(room)) == 2, "then he is free")


async def test_who_is_black_listed_while_the_agent_thinks_is_not_called() -> None:
    room = a_room(agent_decides=1)
    room.seats(1)
    (row,) = room.contacts(TALKS)
    async with room.running() as engine:
        await in_state(engine, State.HELD)
        room.store.black_list.add((TALKS, "*"))
        room.switch.decide(calls_of(engine)[0].attempt.id, "dial")
        await until(lambda: room.outcomes() == ["withheld"], "the agent is let go")
        await until(lambda: room.store.spool[row]["status"] == 3, "the next claim blocks the contact")
    assert legs(room) == ["agent"]


async def test_a_schedule_that_ends_lets_waiting_agents_go() -> None:
    room = a_room(agent_decides=1)
    room.seats(1)
    room.contacts(TALKS)
    async with room.running() as engine:
        await in_state(engine, State.HELD)
        room.store.dialers[QUEUE]["schedule"] = "sun-sat;00:00-00:00"
        await until(lambda: room.outcomes() == ["withheld"], "the agent is let go")
    assert legs(room) == ["agent"]


async def test_a_machine_that_hears_a_message_keeps_no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    room = a_room(machines="message", machine_sound="m")
    room.seats(1)
    room.contacts(HOLDS)
    monkeypatch.setattr(room.switch, "_join", lambda call, line: None)  # it is listened to first
    async with room.running() as engine:
        await in_state(engine, State.ANSWERED)
        call = calls_of(engine)[0].attempt.id
        room.switch._put(ev.MachineJudged(room.clock.now(), call, "MACHINE", "LONGGREETING"))
        await until(lambda: agent_leg(call) in room.switch.hung_up, "he is let go")
        room.contacts(BUSY)
        await until(lambda: "busy" in room.outcomes(), "and has the next call")


@pytest.mark.parametrize("columns", [{"agent": "agent101"}, {"agent": "Agent 102"}])
async def test_an_order_decides_about_ones_own_calls_where_one_decides(columns: dict[str, str]) -> None:
    room = a_room(agent_decides=int("102" in columns["agent"]))
    room.seats(1)
    room.contacts(HOLDS)
    async with room.running() as engine:
        if "102" in columns["agent"]:
            await in_state(engine, State.HELD)
        else:
            await in_state(engine, State.CONNECTED)
        call = calls_of(engine)[0].attempt.id
        number = room.store.add_order("decide", attempt=call, act="skip", **columns)
        await until(lambda: room.store.orders[number]["status"] == "failed", "the order is answered")
    assert room.store.agent_acts == []


async def test_who_decides_before_his_phone_is_answered_is_asked_for_nothing_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    room = a_room(agent_decides=1)
    room.seats(1)
    room.contacts(HOLDS)
    monkeypatch.setattr(room.switch, "_ring_agent", lambda attempt, line: None)
    async with room.running() as engine:
        await in_state(engine, State.OFFERED)
        call = calls_of(engine)[0].attempt.id
        number = room.store.add_order("decide", agent="agent101", act="dial")
        await until(lambda: room.store.orders[number]["status"] == "done", "the order is answered")
        await rounds(room, 3)
        assert room.switch.redirected == []
        assert legs(room) == ["agent"]
        room.switch._put(ev.AgentLegAnswered(room.clock.now(), call, "PJSIP/agent101-1"))
        await in_state(engine, State.CONNECTED)
        assert room.switch.redirected[0] == (agent_leg(call), "overdial-agent", "wait")


async def test_an_order_whose_engine_died_is_answered_by_the_next() -> None:
    room = EngineRoom()
    number = room.store.add_order("hangup", phone="agent101")
    room.store.orders[number]["status"] = "taken"
    async with room.running():
        await until(lambda: room.store.orders[number]["status"] == "failed", "the order is answered")
    assert room.switch.hung_up == []


async def test_a_manual_campaign_is_recorded_as_its_options_say() -> None:
    room = a_room(recording="all")
    room.store.dialers.clear()
    room.seats(1)
    async with room.running():
        room.store.add_order(
            "call", campaign=QUEUE, agent="ana", phone="agent101", context="agents", destination="5002100"
        )
        await until(lambda: len(room.store.cdr) == 1, "the call is over")
    assert dict(room.switch.orders[1].variables)["OD_RECORD"].endswith(".wav")


async def test_a_stop_lets_waiting_agents_go_and_calls_nobody() -> None:
    room = a_room(agent_decides=1)
    room.seats(2)
    room.contacts(TALKS, HOLDS)
    engine = room.engine()
    async with background(engine.run()):
        await in_state(engine, State.HELD, 2)
        engine.stop()
        await until(lambda: len(room.outcomes()) == 2, "both are let go")
        await until(lambda: not room.switch.lines, "no agent is kept on the line")
    assert legs(room) == ["agent", "agent"]
    assert room.statuses() == [1, 1]


async def test_progressive_gives_contacts_to_their_own_agents() -> None:
    room = a_room("Progressive")
    room.seats(2)
    room.contacts("3001200", agentphone="AGENT102")
    room.contacts("3002200", agentphone="agent 101")
    room.contacts("3003200", agentphone="somebody else")
    async with room.running() as engine:
        await in_state(engine, State.CONNECTED, 2)
        await rounds(room, 3)
        agents = {call.attempt.contact.phone.number: call.agent for call in calls_of(engine)}
        assert agents == {"3001200": "Agent 102", "3002200": "Agent 101"}


async def test_reverse_progressive_calls_agents_first_while_its_budget_is_spent() -> None:
    room = a_room("Progressive", customer_first=1)
    room.seats(1)
    room.contacts(HOLDS)
    async with room.running() as engine:
        await in_state(engine, State.CONNECTED)
        assert legs(room) == ["customer"]


@pytest.mark.parametrize("act", ["dial", "skip"])
async def test_an_order_decides_while_the_agents_phone_still_asks(act: str) -> None:
    room = a_room(agent_decides=1)
    room.seats(1)
    room.contacts(HOLDS)
    async with room.running() as engine:
        await in_state(engine, State.HELD)
        leg = agent_leg(calls_of(engine)[0].attempt.id)
        number = room.store.add_order("decide", agent="agent101", act=act, reason="busy day")
        await until(lambda: room.store.orders[number]["status"] == "done", "the order is answered")
        if act == "dial":
            await in_state(engine, State.CONNECTED)
            assert room.switch.redirected == [(leg, "overdial-agent", "wait")]
        else:
            await until(lambda: room.outcomes() == ["skipped"], "it is over")
            assert leg in room.switch.hung_up
    assert [(a.act, a.via, a.reason) for a in room.store.agent_acts] == [(act, "order", "busy day")]


async def test_click_to_call_has_its_guid_and_leaves_a_cdr() -> None:
    room = EngineRoom()
    room.store.dialers.clear()
    room.seats(1)
    async with room.running():
        number = room.store.add_order(
            "call", campaign=QUEUE, agent="ana", phone="agent101", context="agents", destination="5002100"
        )
        await until(lambda: len(room.store.cdr) == 1, "the call is over")
    guid = room.store.orders[number]["guid"]
    assert legs(room) == ["agent", "customer"]
    assert room.switch.orders[1].channel == "Local/5002100@agents/n"
    assert (room.store.cdr[0].guid, room.store.cdr[0].accountcode) == (guid, "ana")


@pytest.mark.parametrize(
    ("kind", "columns", "field"),
    [
        ("call", {"campaign": "", "phone": "1", "context": "c", "destination": "5"}, "campaign"),
        ("call", {"campaign": "M", "phone": "1&2", "context": "c", "destination": "5551234"}, "phone"),
        ("call", {"campaign": "M", "phone": "1", "context": "c d", "destination": "5551234"}, "context"),
        ("call", {"campaign": "M", "phone": "1", "tech": "X", "context": "c", "destination": "555"}, "tech"),
        ("workflow", {"context": "c", "exten": "s", "variables": "[1]"}, "variables"),
        ("workflow", {"context": "c", "exten": "s", "variables": '{"OD_X": 1}'}, "variables"),
        ("decide", {"agent": "x", "act": "perhaps"}, "act"),
        ("decide", {"act": "dial"}, "agent"),
        ("hangup", {"phone": ""}, "phone"),
        ("dance", {}, "kind"),
        ("workflow", {"context": "c", "exten": "s", "callerid": '"x" <911>'}, "callerid"),
        ("workflow", {"context": "c", "exten": "s", "callerid": "5\r\nAction: Logoff"}, "callerid"),
        ("workflow", {"context": "c", "exten": "s&x", "variables": "{}"}, "exten"),
        ("call", {"campaign": "M", "phone": "1", "context": "c", "destination": "5;rm"}, "destination"),
    ],
)
async def test_an_order_that_cannot_be_understood_names_its_field(
    kind: str, columns: dict[str, str], field: str
) -> None:
    room = EngineRoom()
    async with room.running():
        number = room.store.add_order(kind, **columns)
        await until(lambda: room.store.orders[number]["status"] == "failed", "the order is answered")
    assert str(room.store.orders[number]["result"]).startswith(f"{field}:")


async def test_talks_are_recorded_for_marked_agents_only() -> None:
    room = a_room(recording="agents")
    room.store.agent_options += [
        {"agent": "Agent 101", "recording": 1},
        {"agent": "agent102", "recording": 0},
    ]
    room.seats(2)
    room.contacts(HOLDS, "1009200")
    async with room.running() as engine:
        await in_state(engine, State.CONNECTED, 2)
    files = {}
    for order in room.switch.orders:
        carried = dict(order.variables)
        if not leg_owner(order.attempt):
            files[carried["OD_AGENT"]] = carried.get("OD_RECORD", "")
    assert files["Agent 102"] == ""
    assert files["Agent 101"].endswith(".wav")

"""The stream of AMI messages: lists, strange bytes, strange peers, a paused reader."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from engine.adapters.ami import control as control_module
from engine.adapters.ami import wire
from engine.domain import events as ev
from engine.ports import RefusedError, UncertainError
from tests.doubles import until
from tests.scripted_ami import (
    BANNER,
    NOW,
    PATIENCE,
    Action,
    Connection,
    Rig,
    answer_and_drop,
    event,
    order,
    reply,
    silence,
)


def left(call: str) -> bytes:
    return event("QueueCallerLeave", Uniqueid=call, Queue="spring")


def queue_status(last_call: str = "0", *, complete: bool = True) -> Callable[[Connection, Action], bytes]:
    """Return an answer to QueueStatus with one queue, one member and one caller."""

    def answer(connection: Connection, action: Action) -> bytes:
        tag = action.get("ActionID")
        parts = [
            reply(action, EventList="start", Message="Queue status will follow"),
            event("QueueParams", ActionID=tag, Queue="spring"),
            event(
                "QueueMember",
                ActionID=tag,
                Queue="spring",
                Location="PJSIP/7",
                Name="Ann",
                LastCall=last_call,
            ),
            left("between"),
            event("QueueEntry", ActionID=tag, Queue="spring", Uniqueid="waiting"),
        ]
        if complete:
            parts.append(event("QueueStatusComplete", ActionID=tag, EventList="Complete", ListItems="3"))
        return b"".join(parts)

    return answer


async def test_a_queue_list_ends_on_its_complete_event_and_other_events_pass_by(rig: Rig) -> None:
    rig.server.on("QueueStatus", queue_status())
    control = await rig.up()
    async with asyncio.timeout(PATIENCE):
        await control.refresh_queues()
    assert (await rig.event(ev.CallerLeft)).call == "between"
    listed = await rig.event(ev.QueuesListed)
    assert listed.queues == ("spring",)
    assert [(member.interface, member.name) for member in listed.members] == [("PJSIP/7", "Ann")]
    assert [(waiting.queue, waiting.call) for waiting in listed.waiting] == [("spring", "waiting")]


async def test_an_event_right_behind_a_list_comes_after_it(rig: Rig) -> None:
    """Whoever left after the list was made must not be put back by it."""
    rig.server.on("QueueStatus", lambda c, a: queue_status()(c, a) + left("waiting"))
    control = await rig.up()
    async with asyncio.timeout(PATIENCE):
        await control.refresh_queues()
    assert (await rig.event(ev.CallerLeft)).call == "between"
    assert isinstance(await control.next_event(), ev.QueuesListed)
    assert (await rig.event(ev.CallerLeft)).call == "waiting"


async def test_asterisk_that_boots_after_we_stopped_waiting_is_asked_anew(rig: Rig) -> None:
    rig.server.fully_booted = False
    await rig.up(boot_timeout=0.05)
    await rig.server.connections[0].send(event("FullyBooted", Status="Fully Booted"))
    await rig.event(ev.LinkUp)


async def test_a_list_without_its_complete_event_is_uncertain_and_nothing_is_kept(rig: Rig) -> None:
    rig.server.on("QueueStatus", queue_status(complete=False))
    control = await rig.up()
    protocol = control.link._protocol
    assert protocol is not None
    control.link.settings = replace(control.link.settings, action_timeout=0.2)
    with pytest.raises(UncertainError):
        await control.refresh_queues()
    assert protocol.responses == {}
    assert (await rig.event(ev.CallerLeft)).call == "between"
    assert control.backlog() == 0


async def test_a_list_cut_off_by_the_end_of_the_link_is_uncertain(rig: Rig) -> None:
    def cut_off(connection: Connection, action: Action) -> None:
        connection.writer.write(queue_status(complete=False)(connection, action))
        connection.close()

    rig.server.on("QueueStatus", cut_off)
    control = await rig.up()
    with pytest.raises(UncertainError):
        await control.refresh_queues()
    await rig.event(ev.CallerLeft)
    await rig.event(ev.LinkDown)


async def test_an_order_whose_caller_gives_up_leaves_nothing_behind(rig: Rig) -> None:
    rig.server.on("Originate", silence)
    control = await rig.up()
    protocol = control.link._protocol
    assert protocol is not None
    waiting = asyncio.ensure_future(control.originate(order()))
    await rig.server.wait_for("Originate")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert protocol.responses == {}
    await rig.round_trip()


@pytest.mark.parametrize(
    "banner", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00\xff\xfe\x01", b"Asterisk Call Center\r\n"]
)
async def test_a_banner_of_something_else_is_a_lost_link_with_its_reason(rig: Rig, banner: bytes) -> None:
    rig.server.banner = banner
    rig.server.on("Login", silence)
    control = rig.launch(backoff_first=PATIENCE * 10, backoff_most=PATIENCE * 10)
    down = await rig.event(ev.LinkDown)
    assert "not an Asterisk manager" in down.reason
    assert not control.link.up
    await rig.server.wait_closed(rig.server.connections[0])


async def test_a_banner_in_pieces_is_a_banner_and_the_secret_waits_for_it(rig: Rig) -> None:
    rig.server.banner = b""
    rig.launch()
    await rig.server.wait_connections(1)
    connection = rig.server.connections[0]
    with pytest.raises(TimeoutError):
        await rig.server.wait_for("Login", timeout=0.2)
    await connection.send(*(BANNER[at : at + 1] for at in range(len(BANNER))))
    await rig.event(ev.LinkUp)
    await rig.round_trip()


async def test_a_peer_that_says_nothing_at_all_is_a_lost_link(rig: Rig) -> None:
    rig.server.banner = None
    control = rig.launch(action_timeout=0.1, backoff_first=PATIENCE * 10, backoff_most=PATIENCE * 10)
    assert (await rig.event(ev.LinkDown)).reason
    assert not control.link.up
    await rig.server.wait_closed(rig.server.connections[0])


async def test_a_link_lost_before_asterisk_has_booted_is_never_reported_as_up(rig: Rig) -> None:
    rig.server.on("Login", answer_and_drop)
    rig.launch(backoff_first=PATIENCE * 10, backoff_most=PATIENCE * 10)
    await rig.event(ev.LinkDown)


async def test_a_message_without_end_closes_the_link(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_FRAME", 2000)
    control = await rig.up()
    await rig.server.connections[0].send(left("before") + b"Event: Endless\r\nValue: " + b"x" * 5000)
    assert (await rig.event(ev.CallerLeft)).call == "before"
    assert "more than 2000 bytes" in (await rig.event(ev.LinkDown)).reason
    await rig.event(ev.LinkUp)
    assert control.link.up
    await rig.server.wait_closed(rig.server.connections[0])


@pytest.mark.parametrize(
    "strange",
    [
        b"Event: QueueCallerLeave\r\nUniqueid: \xff\xfe\xc3\r\nQueue: spring\r\n\r\n",
        b"Event: QueueCallerLeave\r\nUniqueid: \x00\x01\x7f\x1b[31m\r\nQueue: spring\r\n\r\n",
        b"Event: QueueCallerLeave\r\nUniqueid: " + b"x" * 600_000 + b"\r\nQueue: spring\r\n\r\n",
        b"Event: QueueCallerLeave\r\nno separator\r\n: no name\r\n::: \r\nUniqueid:\r\nQueue: spring\r\n\r\n",
    ],
    ids=["invalid-utf8", "control-characters", "very-long", "no-headers"],
)
async def test_an_event_with_strange_values_does_not_stop_the_stream(rig: Rig, strange: bytes) -> None:
    control = await rig.up()
    await rig.server.connections[0].send(left("before") + strange + left("after"))
    assert (await rig.event(ev.CallerLeft)).call == "before"
    assert (await rig.event(ev.CallerLeft)).queue == "spring"
    assert (await rig.event(ev.CallerLeft)).call == "after"
    assert control.link.bad_messages == 0


async def test_what_is_no_message_at_all_is_passed_over(rig: Rig) -> None:
    control = await rig.up()
    noise = (
        b"\r\n\r\n\r\n\r\n"
        + bytes(range(256))
        + b"\r\n\r\n"
        + b"Response: Success\r\nActionID: nobody\r\n\r\n"
    )
    await rig.server.connections[0].send(noise + left("after"))
    assert (await rig.event(ev.CallerLeft)).call == "after"
    assert control.link.bad_messages == 0
    await rig.round_trip()


GARBAGE = ["", "abc", "-1", "1.5", "nan", "inf", "-1e999", "0x10", "9" * 400, "1e300", "99999999999999", "٣"]


@pytest.mark.parametrize("number", GARBAGE, ids=[number[:16] or "empty" for number in GARBAGE])
async def test_garbage_in_number_fields_costs_no_event(rig: Rig, number: str) -> None:
    control = await rig.up()
    fields = (
        "Position",
        "OriginalPosition",
        "HoldTime",
        "RingTime",
        "TalkTime",
        "Reason",
        "Cause",
        "TechCause",
    )
    names = {
        "QueueCallerJoin": ev.CallerJoined,
        "QueueCallerAbandon": ev.CallerAbandoned,
        "AgentRingNoAnswer": ev.AgentMissed,
        "AgentConnect": ev.AgentConnected,
        "AgentComplete": ev.AgentCompleted,
        "OriginateResponse": ev.OriginateFailed,
        "Hangup": ev.HungUp,
    }
    garbage = dict.fromkeys(fields, number)
    await rig.server.connections[0].send(*(event(name, Uniqueid="call", **garbage) for name in names))
    for kind in names.values():
        await rig.event(kind)
    assert control.link.bad_messages == 0


@pytest.mark.parametrize("number", GARBAGE, ids=[number[:16] or "empty" for number in GARBAGE])
async def test_garbage_in_the_numbers_of_a_member_costs_no_event(rig: Rig, number: str) -> None:
    control = await rig.up()
    garbage = dict.fromkeys(("Status", "WrapupTime", "LastCall"), number)
    status = event("QueueMemberStatus", Queue="spring", Interface="PJSIP/7", MemberName="Ann", **garbage)
    await rig.server.connections[0].send(status + left("after"))
    assert (await rig.event(ev.MemberSeen)).member.interface == "PJSIP/7"
    assert (await rig.event(ev.CallerLeft)).call == "after"
    assert control.link.bad_messages == 0


async def test_a_member_with_an_impossible_last_call_does_not_cost_the_queue_list(rig: Rig) -> None:
    rig.server.on("QueueStatus", queue_status("99999999999999"))
    control = await rig.up()
    async with asyncio.timeout(PATIENCE):
        await control.refresh_queues()
    await rig.event(ev.CallerLeft)
    assert (await rig.event(ev.QueuesListed)).members[0].name == "Ann"


@pytest.mark.parametrize("mark", [chr(0xDCE9), chr(0xD800)], ids=["escaped-byte", "lone-surrogate"])
@pytest.mark.parametrize("place", ["caller_id", "variable"])
async def test_a_value_that_has_no_bytes_is_refused_and_nothing_is_sent(
    rig: Rig, place: str, mark: str
) -> None:
    control = await rig.up()
    control.link.settings = replace(control.link.settings, action_timeout=0.2)
    changes: dict[str, Any] = {"variables": (("name", mark),)} if place == "variable" else {"caller_id": mark}
    with pytest.raises(RefusedError):
        await control.originate(order(**changes))
    await rig.round_trip()
    assert rig.server.count("Originate") == 0


async def test_a_ping_in_flight_when_reading_is_paused_does_not_cost_the_link(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_module, "HIGH_WATER", 20)
    monkeypatch.setattr(control_module, "LOW_WATER", 5)
    pings: list[Action] = []

    def burst_first(connection: Connection, action: Action) -> bytes:
        pings.append(action)
        burst = b"".join(left(f"call-{number}") for number in range(20))
        return burst if len(pings) == 1 else reply(action)

    rig.server.on("Ping", burst_first)
    control = rig.make(ping_interval=0.05, ping_timeout=0.1)
    paused, pause = asyncio.Event(), control.link.pause_reading

    def pause_and_tell() -> None:
        pause()
        paused.set()

    monkeypatch.setattr(control.link, "pause_reading", pause_and_tell)
    await rig.up()
    async with asyncio.timeout(PATIENCE):
        await paused.wait()
    # Asterisk answers the ping and goes on; we are the ones who do not read.
    await rig.server.connections[0].send(reply(pings[0]) + left("unread"))
    with pytest.raises(TimeoutError):
        await rig.server.wait_connections(2, timeout=0.5)
    calls = [(await rig.event(ev.CallerLeft)).call for _ in range(21)]
    assert calls == [*(f"call-{number}" for number in range(20)), "unread"]


async def test_events_that_wait_to_be_handled_tell_how_far_behind_they_are(rig: Rig) -> None:
    control = await rig.up()
    assert control.lag() == 0.0
    connection = await rig.server.wait_connections(1)
    await connection.send(left("one"), left("two"))
    await rig.round_trip()
    control._now = lambda: NOW + timedelta(seconds=3)
    assert (control.backlog(), control.lag()) == (2, 3.0)
    await rig.event(ev.CallerLeft)
    await rig.event(ev.CallerLeft)
    assert control.lag() == 0.0


async def test_a_ping_that_waits_for_its_answer_counts_as_lag_until_it_comes(rig: Rig) -> None:
    """Asterisk tells late: nothing waits here, and yet the picture is old."""
    rig.server.on("Ping", silence)
    control = await rig.up(ping_interval=0.01)
    await until(lambda: control.lag() > 0, "the ping waits")
    ping = await rig.server.wait_for("Ping")
    connection = await rig.server.wait_connections(1)
    rig.server.on("Ping", lambda connection, action: reply(action))
    await connection.send(reply(ping))
    await until(lambda: control.lag() == 0.0, "it was answered")

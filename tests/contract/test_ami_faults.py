"""What AMI clients get wrong, T1…T16: AmiCallControl must hold against each of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from engine.adapters.ami import control as control_module
from engine.adapters.ami import translate as tr
from engine.domain import events as ev
from engine.ports import LinkError, RefusedError, UncertainError
from tests.scripted_ami import (
    PATIENCE,
    Action,
    Connection,
    Rig,
    answer_and_drop,
    drop,
    event,
    order,
    refuse,
    reply,
    silence,
)


def joined(call: str, caller: str = "1001") -> bytes:
    return event("QueueCallerJoin", Uniqueid=call, Queue="spring", Position="1", CallerIDNum=caller)


async def test_t01_a_malformed_event_is_read_as_far_as_it_goes_and_costs_no_other(rig: Rig) -> None:
    await rig.up()
    # Two headers of one name make a list where a text is expected.
    malformed = event("Hangup", Uniqueid="bad", TechCause="SIP 404")[:-2] + b"TechCause: SIP 486\r\n\r\n"
    await rig.server.connections[0].send(joined("one") + malformed + joined("two"))
    assert (await rig.event(ev.CallerJoined)).call == "one"
    assert (await rig.event(ev.HungUp)).sip == 404, "the first header of a name counts"
    assert (await rig.event(ev.CallerJoined)).call == "two"
    await rig.round_trip()
    assert len(rig.server.connections) == 1


async def test_t01_an_error_in_the_handler_costs_that_event_only(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    control = await rig.up()
    translate = tr.translate

    def fail_once(message: tr.Message, at: datetime) -> ev.Event | None:
        if message.uniqueid == "bad":
            raise RuntimeError("a fault in the handler")
        return translate(message, at)

    monkeypatch.setattr(tr, "translate", fail_once)
    await rig.server.connections[0].send(joined("one") + joined("bad") + joined("two") + joined("three"))
    calls = [(await rig.event(ev.CallerJoined)).call for _ in range(3)]
    assert calls == ["one", "two", "three"]
    assert control.link.bad_messages == 1
    await rig.round_trip()
    assert len(rig.server.connections) == 1


async def test_t02_an_originate_whose_answer_was_lost_is_uncertain_and_never_sent_again(rig: Rig) -> None:
    rig.server.on("Originate", drop)
    control = await rig.up()
    with pytest.raises(UncertainError):
        await control.originate(order())
    await rig.event(ev.LinkDown)
    await rig.event(ev.LinkUp)
    await rig.round_trip()
    assert len(rig.server.connections) == 2
    assert rig.server.count("Originate") == 1


async def test_t03_an_originate_ends_by_its_response_though_the_link_is_lost_before_the_event(
    rig: Rig,
) -> None:
    rig.server.on("Originate", answer_and_drop)
    control = await rig.up()
    protocol = control.link._protocol
    assert protocol is not None
    async with asyncio.timeout(PATIENCE):
        await control.originate(order())
    assert protocol.responses == {}
    await rig.event(ev.LinkDown)
    await rig.event(ev.LinkUp)
    await rig.round_trip()
    assert rig.server.count("Originate") == 1


async def test_t04_a_peer_that_no_longer_answers_pings_is_reported_and_nothing_is_kept(rig: Rig) -> None:
    rig.server.on("Ping", silence)
    control = await rig.up(ping_interval=0.05, ping_timeout=0.1, backoff_first=PATIENCE)
    protocol = control.link._protocol
    assert protocol is not None
    down = await rig.event(ev.LinkDown)
    assert "no longer answers" in down.reason
    assert not control.link.up
    assert protocol.responses == {}
    assert rig.server.count("Ping") <= 1
    await rig.server.wait_closed(rig.server.connections[0])


async def test_t04_an_order_in_flight_on_a_half_open_link_ends_uncertain(rig: Rig) -> None:
    rig.server.on("Ping", silence)
    rig.server.on("Originate", silence)
    control = await rig.up(ping_interval=0.05, ping_timeout=0.1)
    with pytest.raises(UncertainError):
        await control.originate(order())
    await rig.event(ev.LinkDown)
    await rig.event(ev.LinkUp)
    assert rig.server.count("Originate") <= 1


@pytest.mark.parametrize("name", ["Müller", "Łukasz", "李雷", "📞 desk"])
async def test_t05_a_character_split_over_two_reads_arrives_whole(rig: Rig, name: str) -> None:
    await rig.up()
    whole = event("AgentCalled", Uniqueid="call", Queue="spring", Interface="PJSIP/7", MemberName=name)
    first = next(at for at, byte in enumerate(whole) if byte > 127)
    connection = rig.server.connections[0]
    for cut in range(first + 1, first + 2 + (whole[first] > 0xDF)):
        # The event in front shows that the first piece has been read before the second is sent.
        await connection.send(joined("before") + whole[:cut])
        await rig.event(ev.CallerJoined)
        await connection.send(whole[cut:])
        assert (await rig.event(ev.AgentOffered)).agent == name


@pytest.mark.parametrize("mark", ["\r\n", "\r", "\n", "\x00"], ids=["crlf", "cr", "lf", "nul"])
@pytest.mark.parametrize(
    "place", ["attempt", "channel", "context", "exten", "caller_id", "variable", "value"]
)
async def test_t06_a_value_that_could_start_a_line_is_refused_and_nothing_is_sent(
    rig: Rig, place: str, mark: str
) -> None:
    control = await rig.up()
    bad = f"x{mark}Action: Command{mark}Command: core stop now"
    changes: dict[str, Any] = {place: bad}
    if place in ("variable", "value"):
        changes = {"variables": ((bad, "1") if place == "variable" else ("name", bad),)}
    with pytest.raises(RefusedError):
        await control.originate(order(**changes))
    await rig.round_trip()
    assert [action.name for action in rig.server.actions] == ["Login", "Hangup"]


async def test_t06_a_channel_id_that_could_start_a_line_hangs_nothing_up(rig: Rig) -> None:
    control = await rig.up()
    assert await control.hang_up("x\r\nAction: Command\r\nCommand: core stop now") is False
    await rig.round_trip()
    assert [action.name for action in rig.server.actions] == ["Login", "Hangup"]


async def test_t06_a_value_full_of_separators_arrives_as_one_escaped_variable(rig: Rig) -> None:
    control = await rig.up()
    value = 'Smith, "Jo" \\ (a) [b] {c}, OD_QUEUE=evil'
    await control.originate(
        order(
            variables=(("name", value), ("OD_ATTEMPT", "call-1")),
            headers=(("X-Overdial-Attempt", "call-1"),),
        )
    )
    seen = await rig.server.wait_for("Originate")
    assert seen.all("Variable") == [
        "PJSIP_HEADER(add,X-Overdial-Attempt)=call-1",
        "OD_ATTEMPT=call-1",
        'name=Smith\\, \\"Jo\\" \\\\ \\(a\\) \\[b\\] \\{c\\}\\, OD_QUEUE=evil',
    ]


async def test_t07_an_originate_is_asynchronous_and_returns_on_the_immediate_response(rig: Rig) -> None:
    control = await rig.up()
    async with asyncio.timeout(PATIENCE):
        await control.originate(order("call-7"))
    seen = await rig.server.wait_for("Originate")
    assert seen.get("Async") == "true"
    assert seen.get("ChannelId") == "call-7"
    assert control.backlog() == 0
    await rig.round_trip()
    assert len(rig.server.connections) == 1


async def test_t08_cancelling_run_during_the_reconnect_wait_makes_no_further_connection(rig: Rig) -> None:
    await rig.up(backoff_first=0.3, backoff_most=0.3)
    rig.server.connections[0].abort()
    await rig.event(ev.LinkDown)
    await rig.cancel()
    with pytest.raises(TimeoutError):
        await rig.server.wait_connections(2, timeout=0.5)
    assert len(rig.server.connections) == 1


async def test_t09_an_originate_while_disconnected_fails_at_once_and_is_not_sent_later(rig: Rig) -> None:
    control = await rig.up()
    rig.server.on("Login", silence)
    rig.server.connections[0].abort()
    await rig.event(ev.LinkDown)
    with pytest.raises(LinkError):
        await control.originate(order("while-waiting"))
    login = await rig.server.wait_for("Login", count=2)
    with pytest.raises(LinkError):
        await control.originate(order("while-logging-in"))
    second = rig.server.connections[1]
    await second.send(rig.server.logged_in(second, login))
    await rig.event(ev.LinkUp)
    await rig.round_trip()
    assert rig.server.count("Originate") == 0


@pytest.mark.parametrize("response", ["Success", "Failure"])
async def test_t10_the_outcome_of_an_originate_is_delivered_as_an_event(rig: Rig, response: str) -> None:
    control = await rig.up()
    await control.originate(order("call-10"))
    seen = await rig.server.wait_for("Originate")
    outcome = event(
        "OriginateResponse",
        ActionID=seen.get("ActionID"),
        Response=response,
        Channel="PJSIP/trunk-1",
        Reason="4" if response == "Success" else "5",
    )
    await rig.server.connections[0].send(outcome)
    if response == "Success":
        answered = await rig.event(ev.Answered)
        assert (answered.call, answered.channel) == ("call-10", "PJSIP/trunk-1")
    else:
        failed = await rig.event(ev.OriginateFailed)
        assert (failed.call, failed.reason) == ("call-10", 5)


async def test_t10_an_outcome_that_comes_before_the_response_is_not_swallowed(rig: Rig) -> None:
    def outcome_first(connection: Connection, action: Action) -> bytes:
        outcome = event("OriginateResponse", ActionID=action.get("ActionID"), Response="Failure", Reason="8")
        return outcome + reply(action)

    rig.server.on("Originate", outcome_first)
    control = await rig.up()
    async with asyncio.timeout(PATIENCE):
        await control.originate(order("call-10"))
    failed = await rig.event(ev.OriginateFailed)
    assert (failed.call, failed.reason) == ("call-10", 8)


async def test_t10_a_refused_originate_ends_at_once_with_the_reason(rig: Rig) -> None:
    rig.server.on("Originate", refuse)
    control = await rig.up()
    with pytest.raises(RefusedError, match="Permission denied"):
        await control.originate(order())


async def test_t11_orders_that_are_never_answered_end_uncertain_and_nothing_is_kept(rig: Rig) -> None:
    rig.server.on("Originate", silence)
    control = await rig.up()
    control.link.settings = replace(control.link.settings, action_timeout=0.2)
    protocol = control.link._protocol
    assert protocol is not None
    orders = (control.originate(order(f"call-{number}")) for number in range(200))
    results = await asyncio.gather(*orders, return_exceptions=True)
    assert [type(result) for result in results] == [UncertainError] * 200
    assert protocol.responses == {}
    await rig.server.wait_for("Originate", count=200)
    # Answers that come too late do no harm.
    await rig.server.connections[0].send(*(reply(action) for action in rig.server.actions), joined("next"))
    assert (await rig.event(ev.CallerJoined)).call == "next"
    assert protocol.responses == {}
    assert rig.server.count("Originate") == 200


async def test_t12_a_refused_login_is_reported_and_waits_longer_than_a_lost_link(rig: Rig) -> None:
    rig.server.refuse_login = True
    control = rig.launch(backoff_first=0.01, backoff_most=0.02, backoff_refused=PATIENCE * 10)
    down = await rig.event(ev.LinkDown)
    assert "login refused" in down.reason
    assert "Authentication failed" in down.reason
    with pytest.raises(TimeoutError):
        await rig.server.wait_connections(2, timeout=0.5)
    assert control.link.logins_refused == 1
    assert rig.server.count("Login") == 1


async def test_t12_a_login_is_tried_once_per_wait_until_it_is_accepted(rig: Rig) -> None:
    rig.server.refuse_login = True
    control = rig.launch(backoff_refused=0.1)
    await rig.event(ev.LinkDown)
    await rig.event(ev.LinkDown)
    rig.server.refuse_login = False
    await rig.event(ev.LinkUp)
    assert control.link.logins_refused == 2
    assert rig.server.count("Login") == 3


async def test_t13_events_come_in_order_and_the_backlog_is_bounded(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control_module, "HIGH_WATER", 200)
    monkeypatch.setattr(control_module, "LOW_WATER", 50)
    control = await rig.up()
    transport = control.link._transport
    assert transport is not None
    paused, pause, total = asyncio.Event(), control.link.pause_reading, 20_000

    def pause_and_tell() -> None:
        pause()
        paused.set()

    monkeypatch.setattr(control.link, "pause_reading", pause_and_tell)
    burst = [joined(f"call-{number}") for number in range(total)]
    calls: list[str] = []
    peaks: list[int] = []
    async with asyncio.timeout(PATIENCE * 3), asyncio.TaskGroup() as tasks:
        tasks.create_task(rig.server.connections[0].send(b"".join(burst)))
        while len(calls) < total:
            if not control.backlog() and total - len(calls) > 10_000:
                # Nobody takes events until Asterisk is made to wait.
                paused.clear()
                await paused.wait()
                assert not transport.is_reading()
                peaks.append(control.backlog())
            calls.append((await rig.event(ev.CallerJoined)).call)
    assert calls == [f"call-{number}" for number in range(total)]
    # What one read brings is handled whole; nothing is read after it.
    assert 200 <= max(peaks) <= 200 + 256 * 1024 // min(map(len, burst)) + 1 < total
    assert transport.is_reading()
    await rig.round_trip()
    assert len(rig.server.connections) == 1


async def test_t14_an_originate_before_the_link_was_ever_up_fails_and_is_not_sent_later(rig: Rig) -> None:
    rig.server.on("Login", silence)
    control = rig.make()
    with pytest.raises(LinkError):
        await control.originate(order("before-run"))
    rig.launch()
    login = await rig.server.wait_for("Login")
    with pytest.raises(LinkError):
        await control.originate(order("before-login"))
    connection = rig.server.connections[0]
    await connection.send(rig.server.logged_in(connection, login))
    await rig.event(ev.LinkUp)
    await rig.round_trip()
    assert rig.server.count("Originate") == 0


async def test_t15_a_refused_list_ends_at_once(rig: Rig) -> None:
    rig.server.on("QueueStatus", refuse)
    rig.server.on("CoreShowChannels", refuse)
    control = await rig.up()
    protocol = control.link._protocol
    assert protocol is not None
    with pytest.raises(RefusedError, match="Permission denied"):
        await control.refresh_queues()
    with pytest.raises(RefusedError, match="Permission denied"):
        await control.refresh_channels()
    assert protocol.responses == {}
    assert control.backlog() == 0


async def test_t16_a_user_without_the_system_class_comes_up_and_can_dial(rig: Rig) -> None:
    rig.server.fully_booted = False
    control = await rig.up()
    async with asyncio.timeout(PATIENCE):
        await control.originate(order())
    await rig.round_trip()
    assert rig.server.count("Originate") == 1

"""What every CallControl must do, asked of the double and of AMI on a real Asterisk alike."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from engine.adapters.ami import AmiCallControl, AmiSettings
from engine.domain import events as ev
from engine.domain.call import Call, State, step
from engine.domain.commands import originate
from engine.domain.dialstring import parse_dialstring
from engine.domain.model import Attempt, CampaignName, attempt_id
from engine.domain.orders import Join, Leave, Pause
from engine.domain.outcomes import Outcome
from engine.domain.phones import Phone
from engine.lab.asterisk import Asterisk
from engine.lab.parts import poll
from engine.ports import CallControl, LinkError, RefusedError
from tests.builders import a_contact, a_dialer
from tests.fake_switch import FakeSwitch
from tests.stage import CAMPAIGN

#: The longest wait for any one event, in s. Nothing is ever measured against it.
PATIENCE = 20.0
SEATS = (101, 102, 103)

E = TypeVar("E", bound=ev.Event)


def utc_now() -> datetime:
    return datetime.now(UTC)


class Bench:
    """A switch under test, everything heard from it, and calls played through the call machine."""

    def __init__(self, control: CallControl) -> None:
        self.control = control
        self.heard: list[ev.Event] = []
        self.dialer = a_dialer(
            name=CampaignName(CAMPAIGN), dial_string=parse_dialstring("SIP/CARRIER/"), timeout=3
        )

    async def hear(self) -> ev.Event:
        async with asyncio.timeout(PATIENCE):
            event = await self.control.next_event()
        self.heard.append(event)
        return event

    async def hear_a(self, kind: type[E]) -> E:
        while True:
            event = await self.hear()
            if isinstance(event, kind):
                return event

    async def dial(self, number: str, channel: str = "") -> Call:
        """Place one call; a refusal ends it at once."""
        phone = a_contact(campaign=CampaignName(CAMPAIGN), phone=Phone(number))
        attempt = Attempt(attempt_id(time.time_ns() // 1_000_000, secrets.randbits(74)), phone, utc_now())
        call = step(Call(attempt, self.dialer, "18885550100"), ev.OriginateSent(utc_now(), attempt.id))
        order = originate(self.dialer, attempt, "18885550100")
        try:
            await self.control.originate(replace(order, channel=channel or order.channel))
        except RefusedError as error:
            return step(call, ev.OriginateRefused(utc_now(), attempt.id, str(error)))
        return call

    async def follow(self, call: Call, far_enough: Callable[[Call], bool]) -> Call:
        """Let what is heard happen to the call until it is far enough."""
        while not far_enough(call):
            event = await self.hear()
            if isinstance(event, ev.CallEvent) and event.call == call.attempt.id:
                call = step(call, event)
        return call

    def story(self, call: Call) -> list[type[ev.Event]]:
        """Return what was heard of a call, in order."""
        own = (event for event in self.heard if isinstance(event, ev.CallEvent))
        return [type(event) for event in own if event.call == call.attempt.id]


def ended(call: Call) -> bool:
    return call.state is State.ENDED


def talking(call: Call) -> bool:
    return call.state is State.CONNECTED


def the_double() -> FakeSwitch:
    switch = FakeSwitch(utc_now)
    for number in SEATS:
        switch.seat(CAMPAIGN, number)
    return switch


def the_real_one(asterisk: Asterisk) -> AmiCallControl:
    return AmiCallControl(AmiSettings(port=asterisk.ami_port, secret=asterisk.secret), utc_now)


@pytest.fixture(params=["double", "asterisk"])
def unlinked(request: pytest.FixtureRequest) -> CallControl:
    """A switch whose link nobody keeps yet."""
    return the_double() if request.param == "double" else the_real_one(request.getfixturevalue("asterisk"))


@pytest.fixture
async def bench(unlinked: CallControl, request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """A switch with its link kept; no call is left behind."""
    link = asyncio.ensure_future(unlinked.run())
    yield Bench(unlinked)
    link.cancel()
    await asyncio.wait([link])
    if isinstance(unlinked, AmiCallControl):
        asterisk: Asterisk = request.getfixturevalue("asterisk")
        asterisk.command("channel request hangup all")
        poll(lambda: asterisk.channels() == 0, "all channels are gone", 20.0)


async def up(bench: Bench) -> Bench:
    await bench.hear_a(ev.LinkUp)
    return bench


async def test_without_a_link_nothing_leaves(unlinked: CallControl) -> None:
    bench = Bench(unlinked)
    with pytest.raises(LinkError):
        await bench.dial("5551000100")
    for ask in (unlinked.refresh_queues, unlinked.refresh_channels):
        with pytest.raises(LinkError):
            await ask()
    with pytest.raises(LinkError):
        await unlinked.hang_up("nobody")
    assert unlinked.backlog() == 0


async def test_the_first_thing_heard_is_that_the_link_is_up(bench: Bench) -> None:
    assert isinstance(await bench.hear(), ev.LinkUp)


async def test_the_queue_is_listed_with_its_three_free_members(bench: Bench) -> None:
    await up(bench)
    await bench.control.refresh_queues()
    listed = await bench.hear_a(ev.QueuesListed)
    assert CAMPAIGN in listed.queues
    members = [member for member in listed.members if member.queue == CAMPAIGN]
    assert {member.interface for member in members} == {f"PJSIP/agent{n}" for n in SEATS}
    assert {member.name for member in members} == {f"Agent {n}" for n in SEATS}
    assert not any(member.paused or member.in_call for member in members)
    assert listed.waiting == ()


async def test_an_answered_call_is_joined_with_an_agent_and_ends_answered(bench: Bench) -> None:
    await up(bench)
    call = await bench.follow(await bench.dial("5551000100"), ended)
    assert call.outcome is Outcome.ANSWERED
    assert call.agent in {f"Agent {n}" for n in SEATS}
    assert (call.cause, call.reason) == (16, None)
    assert call.channel.startswith("PJSIP/CARRIER-")
    assert call.agent_channel.startswith("PJSIP/agent")
    story = bench.story(call)
    steps = (
        ev.Answered, ev.CallerJoined, ev.AgentOffered, ev.AgentConnected, ev.AgentCompleted, ev.HungUp
    )  # fmt: skip
    assert [kind for kind in dict.fromkeys(story) if kind in steps] == list(steps)
    assert ev.CallerLeft in story
    assert ev.CallerAbandoned not in story


async def test_the_seat_is_seen_busy_during_the_talk_and_free_afterwards(bench: Bench) -> None:
    await up(bench)
    call = await bench.follow(await bench.dial("5551000200"), talking)
    seat = call.agent_interface

    async def device(wanted: frozenset[int]) -> ev.Member:
        seen = [e.member for e in bench.heard if isinstance(e, ev.MemberSeen)]
        while not (seen and seen[-1].interface == seat and seen[-1].device in wanted):
            seen.append((await bench.hear_a(ev.MemberSeen)).member)
        return seen[-1]

    await device(frozenset((2, 3)))
    bench.heard.clear()
    assert await bench.control.hang_up(call.attempt.id)
    assert not (await device(frozenset((1,)))).in_call


@pytest.mark.parametrize(
    ("digits", "outcome"),
    [
        ("486", Outcome.BUSY),
        ("404", Outcome.INVALID),
        ("503", Outcome.CONGESTION),
        ("603", Outcome.REJECTED),
        ("480", Outcome.NO_ANSWER),
        ("487", Outcome.CANCELLED),
    ],
)
async def test_a_call_that_is_not_answered_ends_as_the_carrier_said(
    bench: Bench, digits: str, outcome: Outcome
) -> None:
    await up(bench)
    call = await bench.follow(await bench.dial(f"5551000{digits}"), ended)
    assert (call.outcome, call.sip) == (outcome, int(digits))
    assert call.answered_at is None


async def test_a_call_that_rings_is_seen_to_ring(bench: Bench) -> None:
    await up(bench)
    call = await bench.follow(await bench.dial("5551000777"), lambda call: call.state is State.RINGING)
    assert await bench.control.hang_up(call.attempt.id)
    call = await bench.follow(call, ended)
    assert call.answered_at is None
    assert call.outcome is not Outcome.ANSWERED


async def test_an_order_that_cannot_be_placed_ends_not_placed(bench: Bench) -> None:
    await up(bench)
    call = await bench.dial("5551000100", channel="Nope/1")
    call = await bench.follow(call, lambda call: call.state in (State.FAILING, State.ENDED))
    if call.state is State.FAILING:
        assert not await bench.control.hang_up(call.attempt.id), "there never was a channel"
        call = step(call, ev.Overdue(utc_now(), call.attempt.id))
    assert call.outcome is Outcome.NOT_PLACED


async def test_a_live_call_can_be_hung_up_and_an_unknown_one_cannot(bench: Bench) -> None:
    await up(bench)
    call = await bench.follow(await bench.dial("5551000200"), talking)
    assert await bench.control.hang_up(call.attempt.id) is True
    call = await bench.follow(call, ended)
    assert call.outcome is Outcome.ANSWERED
    assert await bench.control.hang_up(call.attempt.id) is False
    assert await bench.control.hang_up("nobody") is False


async def test_a_live_call_is_listed_as_answered_and_no_longer_after_its_end(bench: Bench) -> None:
    await up(bench)
    call = await bench.follow(await bench.dial("5551000200"), talking)
    await bench.control.refresh_channels()
    assert (await bench.hear_a(ev.ChannelsListed)).live[call.attempt.id] is True
    await bench.control.hang_up(call.attempt.id)
    await bench.follow(call, ended)
    await bench.control.refresh_channels()
    assert call.attempt.id not in (await bench.hear_a(ev.ChannelsListed)).live


async def test_a_ringing_call_is_listed_as_not_answered(bench: Bench) -> None:
    await up(bench)
    call = await bench.follow(await bench.dial("5551000777"), lambda call: call.state is State.RINGING)
    await bench.control.refresh_channels()
    assert (await bench.hear_a(ev.ChannelsListed)).live[call.attempt.id] is False
    await bench.control.hang_up(call.attempt.id)
    await bench.follow(call, ended)


async def test_a_list_comes_after_what_had_happened_before_it(bench: Bench) -> None:
    await up(bench)
    call = await bench.dial("5551000200")
    call = await bench.follow(call, talking)
    await bench.control.hang_up(call.attempt.id)
    call = await bench.follow(call, ended)
    await bench.control.refresh_queues()
    await bench.control.refresh_channels()
    kinds = [type(await bench.hear_a(ev.QueuesListed)), type(await bench.hear_a(ev.ChannelsListed))]
    assert kinds == [ev.QueuesListed, ev.ChannelsListed], "each is heard in the order of the questions"


async def test_a_phone_becomes_a_member_and_a_member_gets_the_new_pause(bench: Bench) -> None:
    await up(bench)
    member = Join(CAMPAIGN, "PJSIP/agent9001", "Berta", 2, False)
    await bench.control.add_member(member)
    while (seen := await bench.hear_a(ev.MemberSeen)).member.interface != member.interface:
        pass
    assert (seen.change, seen.member.name, seen.member.paused) == ("added", "Berta", False)
    await bench.control.add_member(replace(member, paused=True))
    while not (seen := await bench.hear_a(ev.MemberSeen)).member.paused:
        pass
    assert (seen.change, seen.member.interface) == ("pause", member.interface)
    with pytest.raises(RefusedError):
        await bench.control.add_member(replace(member, queue="nowhere<-"))
    await bench.control.remove_member(Leave(CAMPAIGN, member.interface))


async def test_a_member_is_paused_with_a_reason_goes_on_and_leaves(bench: Bench) -> None:
    await up(bench)
    member = Join(CAMPAIGN, "PJSIP/agent9002", "Carla", 0, False)
    await bench.control.add_member(member)
    for queue, paused, reason in ((CAMPAIGN, True, "lunch, 30 min"), ("", False, "")):
        await bench.control.pause_member(Pause(queue, member.interface, paused, reason))
        while (seen := await bench.hear_a(ev.MemberSeen)).change != "pause":
            pass
        told = seen.member
        assert (told.interface, told.paused, told.paused_reason) == (member.interface, paused, reason)
    await bench.control.remove_member(Leave(CAMPAIGN, member.interface))
    gone = await bench.hear_a(ev.MemberGone)
    assert (gone.queue, gone.interface, gone.name) == (CAMPAIGN, member.interface, "Carla")
    await bench.control.remove_member(Leave(CAMPAIGN, member.interface))  # he is not there: as it is wanted
    for order in (
        bench.control.remove_member(Leave("nowhere<-", member.interface)),
        bench.control.pause_member(Pause(CAMPAIGN, member.interface, True, "")),
        bench.control.pause_member(Pause("", member.interface, True, "")),
    ):
        with pytest.raises(RefusedError):
            await order


async def test_nobody_paused_is_offered_a_call_and_who_talks_leaves_without_losing_his(bench: Bench) -> None:
    await up(bench)
    phone = "PJSIP/agent201"
    seated = [Pause(CAMPAIGN, f"PJSIP/agent{number}", True, "") for number in SEATS]
    await bench.control.add_member(Join(CAMPAIGN, phone, "Dora", 0, False))
    for pause in seated:
        await bench.control.pause_member(pause)
    try:
        call = await bench.follow(await bench.dial("5551000200"), talking)
        offers = {event.interface for event in bench.heard if isinstance(event, ev.AgentOffered)}
        assert (offers, call.agent) == ({phone}, "Dora")
        await bench.control.remove_member(Leave(CAMPAIGN, phone))
        await bench.hear_a(ev.MemberGone)
        await bench.control.refresh_channels()
        assert (await bench.hear_a(ev.ChannelsListed)).live[call.attempt.id] is True
        await bench.control.hang_up(call.attempt.id)
        await bench.follow(call, ended)
    finally:
        for pause in seated:
            await bench.control.pause_member(replace(pause, paused=False))


async def test_a_phone_that_is_on_nothing_cannot_be_hung_up(bench: Bench) -> None:
    await up(bench)
    with pytest.raises(RefusedError):
        await bench.control.hang_up_phone("PJSIP/agent101")

"""One agent, one call: reservations by extension, under races, and what a missed call means."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import pytest

from engine.domain import events as ev
from engine.domain.commands import Originate
from engine.domain.model import Attempt, AttemptId, Desk
from engine.ports import ClaimRequest, ClaimResult
from engine.services.desks import Desks
from tests.builders import NOW, QUEUE, a_call
from tests.doubles import until
from tests.service_rig import EngineRoom, hurry, rounds

ANA = Desk("PJSIP/101", "Ana")


def reserved(desks: Desks, desk: Desk = ANA, attempt: str = "a") -> None:
    desks.reserve(desk, AttemptId(attempt), NOW)


def missed(desks: Desks, attempt: str = "a") -> None:
    known = a_call()
    call = replace(known, attempt=Attempt(AttemptId(attempt), known.attempt.contact, NOW, ANA))
    desks.heard(call, ev.AgentLegEnded(NOW, attempt, 19), 0)
    desks.free_again(AttemptId(attempt))


@pytest.mark.parametrize("interface", ["PJSIP/101", "Local/101@agents/n", "SIP/101", "pjsip/101"])
def test_an_agent_is_the_same_in_whatever_queue_and_spelling(interface: str) -> None:
    desks = Desks()
    reserved(desks)
    assert desks.taken(interface, NOW)
    with pytest.raises(RuntimeError):
        reserved(desks, Desk(interface, "somebody"), "b")
    desks.free_again(AttemptId("a"))
    assert not desks.taken(interface, NOW)


def test_who_missed_a_call_may_ask_for_one_himself() -> None:
    desks = Desks()
    reserved(desks)
    missed(desks)
    assert desks.taken(ANA.interface, NOW + timedelta(seconds=9))
    assert not desks.engaged(ANA.interface)
    reserved(desks, attempt="b")
    assert desks.engaged(ANA.interface)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("101", True), (" 101 ", True), ("josé", True), ("JOSE", True), ("Jose\u0301", True), ("", False),
        ("10", False), ("José P", False),
    ],
)  # fmt: skip
def test_an_agent_is_named_as_the_database_compares(text: str, meant: bool) -> None:
    assert Desk("PJSIP/101", "José").answers_to(text) is meant


@pytest.mark.parametrize("seed", range(4))
async def test_nobody_is_reserved_twice_however_campaigns_race(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    hurry(monkeypatch)
    dice = random.Random(seed)
    room = EngineRoom()
    campaigns = [QUEUE, "SECOND->", "THIRD->", "FOURTH->"]
    kinds = ["Preview", "Progressive", "Preview", "Progressive"]
    room.store.dialers.clear()
    for name, kind in zip(campaigns, kinds, strict=True):
        room.store.add_dialer(name, dialertype=kind, tbc=0)
        for agent in (101, 102, 103):
            room.switch.seat(name, agent)
        room.contacts(*(f"{n}00{campaigns.index(name)}100" for n in range(10, 20)), campaign=name)
    claim, originate = room.store.claim, room.switch.originate
    lines: dict[str, str] = {}
    twice: list[str] = []

    async def slow_claim(request: ClaimRequest) -> ClaimResult:
        result = await claim(request)
        for _ in range(dice.randrange(8)):
            await asyncio.sleep(0)
        return result

    async def watched(order: Originate) -> None:
        if order.attempt.startswith("agent-"):
            other = lines.get(order.channel, "")
            if other in room.switch.lines:
                twice.append(order.channel)
            lines[order.channel] = order.attempt
        await originate(order)

    monkeypatch.setattr(room.store, "claim", slow_claim)
    monkeypatch.setattr(room.switch, "originate", watched)
    async with room.running():
        await until(lambda: room.outcomes().count("answered") == 40, "all contacts were called")
        await rounds(room)
    assert twice == []
    # What could not be reserved went back unheard.
    assert set(room.outcomes()) <= {"answered", "cancelled"}

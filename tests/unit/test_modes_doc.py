"""docs/modes.md shows what the engine does: every sequence diagram is what a call of that mode leaves."""

from __future__ import annotations

from typing import Any

import pytest

from engine.domain import events as ev
from engine.domain.call import State
from engine.domain.commands import Originate
from engine.domain.model import leg_owner
from engine.domain.modes import Mode
from engine.resources import resource
from tests.builders import QUEUE
from tests.doubles import until
from tests.service_rig import EngineRoom, calls_of, hurry, in_state
from tests.ways import SETTINGS

#: A broadcast has no agents; what it says is drawn in tests/unit/test_broadcast.py.
DRAWN = [mode for mode in SETTINGS if mode is not Mode.BROADCAST]
EVENTS: dict[type[Any], str] = {
    ev.AgentLegAnswered: "Agent-->>Overdial: answers",
    ev.AgentDecided: "Agent->>Overdial: presses 1",
    ev.Ringing: "Customer-->>Overdial: rings",
    ev.Answered: "Customer-->>Overdial: answers",
    ev.CallerJoined: "Customer->>Asterisk: enters the queue",
    ev.AgentOffered: "Asterisk->>Agent: rings",
    ev.AgentConnected: "Customer->>Agent: talk",
    ev.AgentCompleted: "Customer->>Agent: end",
    ev.HungUp: "Customer--xOverdial: hangs up",
}
STEPS = {
    "claim": "Overdial->>Database: claims the contact, writes the attempt",
    "mark_sent": "Overdial->>Database: writes that the order leaves",
}


class Listening:
    """Writes down, in order, what a room's engine orders, writes and hears."""

    def __init__(self, room: EngineRoom, monkeypatch: pytest.MonkeyPatch) -> None:
        self.lines: list[str] = []
        self._orders, self._events = room.switch.originate, room.switch._put
        monkeypatch.setattr(room.switch, "originate", self.originate)
        monkeypatch.setattr(room.switch, "_put", self.put)
        room.store.done = lambda method: self.add(STEPS.get(method))

    def add(self, line: str | None) -> None:
        if line and line not in self.lines:
            self.lines.append(line)

    async def originate(self, order: Originate) -> None:
        self.add(f"Overdial->>{'Agent' if leg_owner(order.attempt) else 'Customer'}: calls")
        await self._orders(order)

    def put(self, event: ev.Event) -> None:
        self.add(EVENTS.get(type(event)))
        self._events(event)


async def diagram(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> str:
    kind, options = SETTINGS[mode]
    room = EngineRoom()
    room.store.dialers[QUEUE].update(dialertype=kind, tbc=0, maxchannels=1)
    defaults = {
        "customer_first": 0, "agent_decides": 0, "decision_time": 30, "later": 60, "machines": "hangup",
        "machine_sound": "", "recording": "none",
    }  # fmt: skip
    room.store.options.append({"campaign": QUEUE, **defaults, **options})
    room.seats(1)
    listening = Listening(room, monkeypatch)
    room.contacts("1001200", agentphone="agent101" if mode.portfolio else "")
    async with room.running() as engine:
        if mode.decides:
            await in_state(engine, State.HELD)
            room.switch.decide(calls_of(engine)[0].attempt.id, "dial")
        await in_state(engine, State.CONNECTED)
        room.switch.end(calls_of(engine)[0].attempt.id)
        await until(lambda: room.outcomes() == ["answered"], "the call is over")
    return "\n".join(["```mermaid", "sequenceDiagram", *(f"    {line}" for line in listening.lines), "```"])


@pytest.mark.parametrize("mode", DRAWN)
async def test_the_diagram_of_the_page_is_what_happens(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    page = (resource("asterisk-conf").parent / "docs/modes.md").read_text("utf-8")
    section = page.partition(f"\n## {mode}\n")[2].partition("\n## ")[0]
    drawn = await diagram(mode, monkeypatch)
    assert drawn in section, drawn

"""What must be said to the switch when something happened to a call: legs to hang up, talks to record."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from engine.domain import events as ev
from engine.domain.call import Call, State
from engine.domain.commands import AGENT_CONTEXT, recording_file
from engine.domain.model import Desk, agent_leg
from engine.domain.modes import Recording
from engine.ports import UNREACHABLE, CallControl, Clock
from engine.services.desks import Desks

log = structlog.get_logger(__name__)


class Errands:
    """`heard` decides, at once and without waiting; `run` performs until cancelled.

    An errand that fails is logged and not repeated: what lives on without its call is found and hung up
    by the next comparison with Asterisk. `done` is set while none is left.
    """

    def __init__(
        self,
        control: CallControl,
        clock: Clock,
        desks: Desks,
        apply: Callable[[ev.CallEvent], object],
    ) -> None:
        self._control = control
        self._clock = clock
        self._apply = apply
        self._waiting: asyncio.Queue[tuple[str, str, Coroutine[Any, Any, object]]] = asyncio.Queue()
        self._desks = desks
        self._open = 0
        self.done = asyncio.Event()
        self.done.set()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    group.create_task(self._do(*await self._waiting.get()))
        finally:
            while not self._waiting.empty():
                self._waiting.get_nowait()[2].close()

    async def _do(self, what: str, call: str, errand: Coroutine[Any, Any, object]) -> None:
        try:
            await errand
        except UNREACHABLE as error:
            log.warning("not done", action=f"errand.{what}", call_id=call, reason=str(error))
        finally:
            self._open -= 1
            if not self._open:
                self.done.set()

    def _put(self, what: str, call: Call, errand: Coroutine[Any, Any, object]) -> None:
        self._open += 1
        self.done.clear()
        self._waiting.put_nowait((what, call.attempt.id, errand))

    def heard(self, call: Call, event: ev.CallEvent) -> None:
        """Something happened to `call`, which is as it is after `event`."""
        if call.state is State.ENDED:
            if call.agent_leg:
                self._put("agent_leg", call, self._control.hang_up(agent_leg(call.attempt.id)))
            return
        match event:
            case ev.AgentLegEnded() if call.called and call.dialling:
                self._give_up(call)
            case ev.AgentDecided(via="order"):
                self._carry_out(call, event)
            case ev.AgentLegAnswered() if call.held and call.decision == "dial":
                self._let_wait(call)  # he decided before his phone was answered
            case ev.MachineJudged() if call.agent_leg and call.left_to_machine:
                self._put("agent_leg", call, self._control.hang_up(agent_leg(call.attempt.id)))
            case ev.AgentOffered() if call.dialer.options.recording is Recording.AGENTS:
                self._record(call, Desk(event.interface, event.agent))

    def _record(self, call: Call, desk: Desk) -> None:
        """The dialplan records the talk with this agent, should he be the one who takes the call."""
        if self._desks.recorded(call.dialer, desk):
            file = recording_file(call.attempt.id, self._clock.local(self._clock.now()))
            name = f"OD_RECORD_{desk.extension}"
            self._put("record", call, self._control.set_variable(call.attempt.id, name, file))

    def _give_up(self, call: Call) -> None:
        """The agent is gone while the customer's phone rings: nobody would speak to him."""
        self._put("give_up", call, self._control.hang_up(call.attempt.id))
        self._apply(ev.HangUpOrdered(self._clock.now(), call.attempt.id))

    def _carry_out(self, call: Call, event: ev.AgentDecided) -> None:
        """The agent decided elsewhere than on his phone, which still asks him."""
        if call.decision != event.act:
            return  # he had decided before
        if event.act != "dial":
            self._put("decision", call, self._control.hang_up(agent_leg(call.attempt.id)))
        elif call.held:
            self._let_wait(call)

    def _let_wait(self, call: Call) -> None:
        """The phone asks for nothing any more; the customer is called."""
        leg = agent_leg(call.attempt.id)
        self._put("decision", call, self._control.redirect(leg, AGENT_CONTEXT, "wait"))

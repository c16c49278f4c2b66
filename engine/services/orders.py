"""Carries out what people ask of single calls and seats: click to call, hang-ups, decisions, pauses."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime

import structlog

from engine.domain import events as ev
from engine.domain.call import Call, State
from engine.domain.commands import Originate
from engine.domain.model import Attempt, AttemptId, Campaign, agent_leg, attempt_id
from engine.domain.orders import (
    Decide,
    HangUpCall,
    HangUpPhone,
    Join,
    Leave,
    ManualCall,
    Pause,
    Workflow,
)
from engine.ports import UNREACHABLE, StoreError, TakenOrder
from engine.services.reserving import ReservedPlacer
from engine.services.tools import Tools

log = structlog.get_logger(__name__)

#: Seconds between two looks into `orders`: a person waits for the answer.
PERIOD = 0.25
#: Where our side of a started flow waits until the flow ends (asterisk-conf/overdial/extensions.conf).
WORKFLOW_CONTEXT = "overdial-workflow"


class _Nobody:
    """Manual calls teach no pacer."""

    def placed(self, attempt: Attempt, at: datetime) -> None:
        """Nothing to learn."""

    def not_placed(self, attempt: Attempt, at: datetime) -> None:
        """Nothing to learn."""


class Orders:
    """Takes orders and answers them. An order that was taken is never carried out twice."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._placers: dict[str, ReservedPlacer] = {}
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Work until cancelled; a database that does not answer is asked again."""
        unanswered = True  # those of an engine before us
        while True:
            try:
                if unanswered:
                    await self._tools.store.give_up_orders()
                    unanswered = False
                if not self._tools.may_dial():
                    unanswered = True  # unless it is heard what was taken, and every answer is written
                    unanswered = not await self._take()
                await self._proceed()
            except StoreError as error:
                log.warning("orders not taken", action="orders.database", reason=str(error))
            self._wake.clear()
            try:
                async with asyncio.timeout(PERIOD):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def _take(self) -> bool:
        """Carry out what is new; tell whether all of it could be answered. Raises StoreError."""
        answered = True
        for taken in await self._tools.store.take_orders(self._tools.clock.now()):
            try:
                await self._tools.store.finish_order(taken.id, await self._carry_out(taken))
            except StoreError as error:
                answered = False  # the next one waits for its answer, too
                log.warning("order not answered", action="orders.database", reason=str(error))
        return answered

    def heard(self, call: Call, event: ev.CallEvent) -> None:
        """Something happened to a call; the ordered ones are looked after here."""
        placer = self._placers.get(call.attempt.id)
        if placer is not None:
            placer.heard(call, event)
            self._wake.set()

    async def _proceed(self) -> None:
        """Call the destinations of those whose agents are on the line."""
        for attempt, placer in list(self._placers.items()):
            await placer.proceed(self._tools.clock.now())
            await placer.release()
            if attempt not in self._tools.book:
                del self._placers[attempt]

    async def _carry_out(self, taken: TakenOrder) -> str:
        """Return why it could not be done, '' when it was."""
        if fault := self._drained(taken):
            if taken.attempt is not None:
                await self._tools.store.release((taken.attempt,), self._tools.clock.now())
            return fault
        try:
            match taken.order:
                case ManualCall() if taken.attempt is not None:
                    return await self._call(taken.order, taken.attempt)
                case Workflow():
                    await self._start(taken.order)
                case HangUpPhone():
                    await self._tools.control.hang_up_phone(taken.order.interface)
                case HangUpCall():
                    return await self._hang_up(taken.order.attempt)
                case Join():
                    await self._tools.control.add_member(taken.order)
                case Leave():
                    await self._tools.control.remove_member(taken.order)
                case Pause():
                    await self._tools.control.pause_member(taken.order)
                case Decide():
                    return self._decide(taken.order)
        except UNREACHABLE as error:
            return str(error)
        except StoreError:
            raise
        except Exception:
            # A fault in one order is that order's: campaigns dial on.
            log.exception("order failed", action="orders.fault", order=taken.id)
            return "an internal error stopped it (see the log)"
        return ""

    async def _hang_up(self, attempt: AttemptId) -> str:
        """Hang up the customer, or the agent while nobody else was called."""
        call = self._tools.book.get(attempt)
        if call is None:
            return "no such call is up"
        call = self._tools.book.apply(ev.HangUpOrdered(self._tools.clock.now(), attempt)) or call
        there = await self._tools.control.hang_up(attempt if call.called else agent_leg(attempt))
        return "" if there else "its channel is gone already"

    def _drained(self, taken: TakenOrder) -> str:
        """Why a new call may not be placed; hang-ups and decisions end what is up, and always may be."""
        match taken.order:
            case ManualCall():
                reason = self._tools.drains.of(taken.order.dialer.name)
            case Workflow():
                reason = self._tools.drains.everybody
            case _:
                reason = ""
        return f"no new calls are placed: {reason}" if reason else ""

    async def _call(self, order: ManualCall, attempt: Attempt) -> str:
        tools = self._tools
        placer = ReservedPlacer(Campaign(order.dialer), tools, _Nobody(), self._wake.set)
        if tools.desks.engaged(order.desk.interface):
            await tools.store.release((attempt,), tools.clock.now())
            return "the agent is reserved for another call"
        caller_id = self._caller_id(order)
        if caller_id is None:
            await tools.store.release((attempt,), tools.clock.now())
            return "every caller ID of the campaign rests"
        attempt = replace(attempt, caller_id=caller_id)
        self._placers[attempt.id] = placer
        tools.desks.reserve(order.desk, attempt.id, tools.clock.now())
        await placer.ring(attempt)
        return ""

    def _caller_id(self, order: ManualCall) -> str | None:
        """A number that was ordered is shown; where none was, the campaign's caller IDs take turns."""
        number = order.contact.phone.number
        if order.caller_id:
            return order.dialer.caller_id.choose(number, self._tools.clock.draw)
        return self._tools.caller_ids.choose(order.dialer, number)

    async def _start(self, order: Workflow) -> None:
        clock = self._tools.clock
        unix_ms = int(clock.now().timestamp() * 1000)
        await self._tools.control.originate(
            Originate(
                attempt=attempt_id(unix_ms, clock.draw(1 << 74)),
                channel=f"Local/{order.exten}@{order.context}/n",
                context=WORKFLOW_CONTEXT,
                exten="s",
                caller_id=order.caller_id,
                timeout=30,
                variables=order.variables,
            )
        )

    def _decide(self, order: Decide) -> str:
        for call in self._tools.book:
            asked = call.dialer.mode.decides and call.state in (State.OFFERED, State.HELD)
            if asked and not call.decision and _meant(call, order):
                now = self._tools.clock.now()
                self._tools.book.apply(
                    ev.AgentDecided(now, call.attempt.id, order.act, order.reason, "order")
                )
                return ""
        return "no call waits for this agent's decision"


def _meant(call: Call, order: Decide) -> bool:
    """Where both the call and the agent are named, it must be this agent's call: acts are evidence."""
    desk = call.attempt.desk
    theirs = not order.agent or (desk is not None and desk.answers_to(order.agent))
    return theirs and order.attempt in ("", call.attempt.id)

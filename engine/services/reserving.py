"""Calls for which an agent is reserved: ring him, let him decide where he may, then call the customer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import structlog

from engine.domain import events as ev
from engine.domain.call import Call, State
from engine.domain.commands import ring_agent
from engine.domain.model import Attempt, Campaign, Desk, Dialer
from engine.domain.pacing import Bound, Decision
from engine.domain.pacing.reserved import AGENT_FIRST
from engine.ports import LinkError, RefusedError, UncertainError
from engine.services.placing import BATCH, Learner, Placer
from engine.services.tools import Tools

log = structlog.get_logger(__name__)


class ReservedPlacer(Placer):
    """Reserves an agent for every call; rings him first, or the customer first where the mode says so."""

    def __init__(self, campaign: Campaign, tools: Tools, view: Learner, wake: Callable[[], None]) -> None:
        super().__init__(campaign, tools, view, wake)
        #: Whose agents were rung here, and which of them are on the line and willing.
        self._rung: set[str] = set()
        self._accepted: dict[str, None] = {}
        self._agent_first = campaign.dialer.mode.agent_first

    @property
    def dialer(self) -> Dialer:
        """The dialer as it dials now: with the agents first while the budget is spent."""
        dialer = self.campaign.dialer
        if self._agent_first and not dialer.mode.agent_first:
            return replace(dialer, options=replace(dialer.options, customer_first=False))
        return dialer

    def heard(self, call: Call, event: ev.CallEvent) -> None:
        """An agent is on the line, or has decided: his customer is next."""
        if call.called or call.state is State.ENDED:
            self._rung.discard(call.attempt.id)
            return
        accepted = isinstance(event, ev.AgentLegAnswered) and not call.dialer.mode.decides
        decided = isinstance(event, ev.AgentDecided | ev.AgentLegAnswered)
        if (
            call.attempt.id in self._rung
            and call.held
            and (accepted or (decided and call.decision == "dial"))
        ):
            self._accepted[call.attempt.id] = None

    async def _dial(self, decision: Decision, now: datetime) -> Decision:
        self._agent_first = self.campaign.dialer.mode.agent_first or bool(decision.detail.get(AGENT_FIRST))
        desks = self._tools.desks.free(self._tools.picture.queue(self.dialer.name), now)
        desks = desks[: min(decision.calls, BATCH)]
        if not desks:
            return replace(
                decision, calls=0, bound=Bound.NOBODY, reason="other calls have reserved all agents"
            )
        names = tuple(desk.names for desk in desks)
        portfolio = self.dialer.mode.portfolio
        result = await self._claim(len(desks), now, names if portfolio else (), None if portfolio else names)
        if result.rows == 0:
            return self._nobody_ready(decision, now)
        if result.rows > len(result.attempts):
            self._wake()
        shown = self._shown(result.attempts)
        attempts = self._reserve(shown, desks)
        if self._agent_first:
            await asyncio.gather(*(self.ring(attempt) for attempt in attempts))
        else:
            await self._place(attempts)
        if len(shown) < len(result.attempts):
            return self._no_caller_id(decision, len(attempts))
        if len(attempts) < decision.calls:
            return self._fewer(decision, len(attempts), result, len(desks))
        return decision

    def _reserve(self, attempts: tuple[Attempt, ...], desks: list[Desk]) -> tuple[Attempt, ...]:
        """Give every call an agent who is free still: his own first, then whoever is left."""
        now, left, reserved = self._tools.clock.now(), list(desks), []
        for attempt in sorted(attempts, key=lambda attempt: not self._bound_to(attempt)):
            desk = next((desk for desk in left if self._may_have(attempt, desk, now)), None)
            if desk is None:
                self.unreleased.append(attempt)  # he was taken while the database was asked
                continue
            left.remove(desk)
            self._tools.desks.reserve(desk, attempt.id, now)
            reserved.append(replace(attempt, desk=desk))
        return tuple(reserved)

    def _may_have(self, attempt: Attempt, desk: Desk, now: datetime) -> bool:
        if self._tools.desks.taken(desk.interface, now):
            return False
        bound_to = self._bound_to(attempt)
        return not bound_to or desk.answers_to(bound_to)

    def _bound_to(self, attempt: Attempt) -> str:
        """Return whose the call is, '' where any agent will do."""
        contact = attempt.contact
        own = self.dialer.mode.portfolio or contact.waits_for_agent
        return contact.agent_phone.strip() if own else ""

    async def ring(self, attempt: Attempt) -> None:
        """Ring the agent; nothing is said to the customer's side yet."""
        tools, dialer = self._tools, self.dialer
        if self.stopping or tools.may_dial():
            self.unreleased.append(attempt)
            return
        self._rung.add(attempt.id)
        tools.book.add(Call(attempt, dialer, attempt.caller_id))
        tools.book.apply(ev.AgentLegOrdered(tools.clock.now(), attempt.id))
        log.info(
            "agent is rung",
            action="call.agent_rung",
            call_id=attempt.id,
            campaign=dialer.name,
            list=attempt.contact.list_name,
            row=attempt.contact.id,
        )
        try:
            await tools.control.originate(ring_agent(dialer, attempt))
        except (LinkError, RefusedError) as error:
            if isinstance(error, RefusedError):
                self._note_refusal(str(error))
            tools.book.apply(ev.AgentLegFailed(tools.clock.now(), attempt.id, 0))
        except UncertainError as error:
            log.warning(
                "whether the agent is rung is not known", action="call.uncertain", call_id=attempt.id,
                campaign=dialer.name, reason=str(error),
            )  # fmt: skip
        else:
            self.refusals = 0

    async def proceed(self, now: datetime) -> None:
        """Call the customers whose agents are on the line and willing. Raises StoreError."""
        trunks = self._tools.trunks
        for attempt_id in list(self._accepted):
            call = self._tools.book.get(attempt_id)
            if call is None or not call.held:
                del self._accepted[attempt_id]
                continue
            trunk = call.dialer.dial_string.trunk
            allowed, _ = trunks.calls(trunk, now)
            if allowed is not None and allowed < 1:
                return  # the trunk takes no further call at this moment; the next turn is soon
            attempt, dialer = call.attempt, call.dialer
            held_back = await self._tools.store.held_back(attempt, dialer.name, bool(dialer.dncr), now)
            if held_back:
                self._dismissed(call, held_back)
                continue
            ours = await self._tools.store.mark_sent((attempt,), self._tools.clock.now())
            call = self._tools.book.get(attempt_id)
            self._accepted.pop(attempt_id, None)
            if call is None:
                self.unreleased.append(attempt)  # the agent left while the database was asked
                continue
            if attempt.id not in ours or self.stopping or self._tools.may_dial():
                self._tools.book.apply(ev.AgentDismissed(self._tools.clock.now(), attempt.id))
                continue
            trunks.reserve(trunk, 1, now)
            await self._originate(attempt)
            trunks.settle(trunk, 1, 1, self._tools.clock.now())

    def _dismissed(self, call: Call, reason: str) -> None:
        """Something came up between the claim and now: the next claim says what becomes of the contact."""
        self._accepted.pop(call.attempt.id, None)
        log.info(
            "the agent is let go", action="call.held_back", call_id=call.attempt.id,
            campaign=call.dialer.name, reason=reason,
        )  # fmt: skip
        self._tools.book.apply(ev.AgentDismissed(self._tools.clock.now(), call.attempt.id))

    def dismiss(self) -> None:
        """Let agents go whose customers will not be called any more."""
        for call in self._tools.book:
            if call.attempt.id in self._rung:
                self._tools.book.apply(ev.AgentDismissed(self._tools.clock.now(), call.attempt.id))

"""From a decision to calls: claim contacts, write that the orders leave, let them leave."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from engine.domain import events as ev
from engine.domain.call import Call
from engine.domain.commands import originate, recording_file
from engine.domain.model import Attempt, Campaign, ContactList, Dialer
from engine.domain.modes import Recording
from engine.domain.pacing import Bound, Decision
from engine.ports import ClaimRequest, ClaimResult, LinkError, RefusedError, UncertainError
from engine.services.tools import Tools

log = structlog.get_logger(__name__)

#: How soon to look again for contacts where there were none (s): rows are steered by plain SQL.
TICK = 0.8
#: So many refused orders in a row mean that Asterisk refuses the campaign, not a contact …
REFUSALS = 3
#: … and a setting must change first: one order is tried in this time.
REFUSED_PAUSE = timedelta(seconds=10)
#: More in one claim would let the black list and the picture grow old before the last is dialled.
BATCH = 50


class Learner(Protocol):
    """Who is told of what leaves."""

    def placed(self, attempt: Attempt, at: datetime) -> None:
        """An order is about to leave."""

    def not_placed(self, attempt: Attempt, at: datetime) -> None:
        """It did not leave after all."""


class Placer:
    """Places one campaign's calls, customers first.

    Invariant: what was claimed is sent once, or is in `unreleased` until it has been given back.
    """

    def __init__(self, campaign: Campaign, tools: Tools, view: Learner, wake: Callable[[], None]) -> None:
        self.campaign = campaign
        self._tools = tools
        self._view = view
        self._wake = wake
        self.stopping = False
        self.empty_until = self.refused_until = tools.clock.now()
        self.refusal = ""
        self.refusals = 0
        self.unreleased: list[Attempt] = []
        self._claim_unknown = False

    @property
    def dialer(self) -> Dialer:
        return self.campaign.dialer

    def update(self, campaign: Campaign) -> None:
        """Take over changed settings."""
        self.campaign = campaign
        self.empty_until = self.refused_until = self._tools.clock.now()

    def heard(self, call: Call, event: ev.CallEvent) -> None:
        """Hear of a call of the campaign: one that is placed is nothing to a placer of customers first."""

    async def proceed(self, now: datetime) -> None:
        """Go on with what agents have accepted: nothing, where customers are called first."""

    def dismiss(self) -> None:
        """Let go of what waits for an agent: nothing, where customers are called first."""

    async def dial(self, decision: Decision, now: datetime) -> Decision:
        """Claim and place the decided calls, with the trunk's channels and calls per second reserved
        meanwhile; return the decision as it could be carried out. Raises StoreError."""
        trunk, trunks = self.dialer.dial_string.trunk, self._tools.trunks
        wanted = min(decision.calls, BATCH)
        trunks.reserve(trunk, wanted, now)
        placed = 0
        try:
            decision = await self._dial(decision, now)
            placed = decision.calls
        finally:
            trunks.settle(trunk, wanted, placed, self._tools.clock.now())
        return decision

    async def _dial(self, decision: Decision, now: datetime) -> Decision:
        wanted = min(decision.calls, BATCH)
        result = await self._claim(wanted, now)
        if result.rows == 0:
            return self._nobody_ready(decision, now)
        if result.rows > len(result.attempts) or decision.calls > BATCH:
            self._wake()  # some rows went aside, or more may be placed: look again at once
        attempts = self._shown(result.attempts)
        await self._place(attempts)
        placed = len(attempts)
        if placed < len(result.attempts):
            return self._no_caller_id(decision, placed)
        if placed < decision.calls:
            return self._fewer(decision, placed, result, wanted)
        return decision

    def _fewer(self, decision: Decision, placed: int, result: ClaimResult, wanted: int) -> Decision:
        """Say why only `placed` calls follow from a decision for which `wanted` contacts were claimed."""
        bound = Bound.BATCH
        if result.rows < wanted:
            bound, reason = Bound.SPOOL, f"{result.rows} contacts were ready for {wanted} calls"
        else:
            reason = f"{placed} of {decision.calls} calls are placed at once, the others next"
        if aside := result.rows - len(result.attempts):
            reason += f"; {aside} not to be called"
        return replace(decision, calls=placed, bound=bound, reason=reason)

    def _nobody_ready(self, decision: Decision, now: datetime) -> Decision:
        self.empty_until = now + timedelta(seconds=TICK)
        return Decision(0, Bound.SPOOL, "no contact is ready in the active lists", decision.detail)

    async def _claim(
        self,
        wanted: int,
        now: datetime,
        agents: tuple[tuple[str, ...], ...] = (),
        free: tuple[tuple[str, ...], ...] | None = None,
    ) -> ClaimResult:
        started = time.perf_counter()
        lists = self.campaign.lists
        self._claim_unknown = True
        result = await self._tools.store.claim(
            ClaimRequest(
                campaign=self.dialer.name,
                limit=wanted,
                slots=tuple(self._draw_list(lists) for _ in range(wanted)) if lists else (),
                lists=tuple(item.name for item in lists),
                check_black_list=bool(self.dialer.dncr),
                now=now,
                agents=agents,
                free=free,
            )
        )
        self._claim_unknown = False
        for attempt in result.attempts:
            log.debug("claimed", action="call.claimed", call_id=attempt.id, campaign=self.dialer.name)
        if result.rows:
            self._tools.observer.claimed(self.dialer.name, result, time.perf_counter() - started)
        return result

    def _draw_list(self, lists: Sequence[ContactList]) -> str:
        """Return the name of one list, drawn by the lists' shares (which sum to 1)."""
        point = self._tools.clock.draw(1_000_000) / 1_000_000
        for item in lists:
            point -= item.share
            if point < 0:
                return item.name
        return lists[-1].name

    def _shown(self, attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
        """Give every attempt the number that it shows; those that may show none go back."""
        shown = []
        for attempt in attempts:
            caller_id = self._tools.caller_ids.choose(self.dialer, attempt.contact.phone.number)
            if caller_id is None:
                self.unreleased.append(attempt)
            else:
                shown.append(replace(attempt, caller_id=caller_id))
        return tuple(shown)

    def _no_caller_id(self, decision: Decision, placed: int) -> Decision:
        """The last number was sent to rest while contacts were claimed."""
        return replace(decision, calls=placed, bound=Bound.CALLER_ID, reason="every caller ID rests")

    async def _place(self, attempts: tuple[Attempt, ...]) -> None:
        """Write that the orders leave, then let them leave."""
        if not attempts:
            return
        at = self._tools.clock.now()
        self.unreleased += attempts
        ours = await self._tools.store.mark_sent(attempts, at)
        # Asked after the wait: a stop may have come, the link may be gone, another engine may have
        # taken over what we were too slow for.
        if self.stopping or self._tools.may_dial():
            return
        self._keep(attempts)
        await asyncio.gather(*(self._originate(attempt) for attempt in attempts if attempt.id in ours))

    def _keep(self, attempts: Sequence[Attempt]) -> None:
        """These are not to be given back."""
        self.unreleased = [attempt for attempt in self.unreleased if attempt not in attempts]

    async def _originate(self, attempt: Attempt) -> None:
        tools = self._tools
        if tools.may_dial():
            self.unreleased.append(attempt)  # something changed since the order was written
            return
        known = tools.book.get(attempt.id)
        dialer = known.dialer if known else self.dialer
        caller_id = attempt.caller_id
        self._view.placed(attempt, tools.clock.now())
        if known is None:
            tools.book.add(Call(attempt, dialer, caller_id))
        tools.book.apply(ev.OriginateSent(tools.clock.now(), attempt.id))
        log.info(
            "call placed",
            action="call.placed",
            call_id=attempt.id,
            campaign=dialer.name,
            trunk=dialer.dial_string.trunk,
            list=attempt.contact.list_name,
            row=attempt.contact.id,
            attempt=attempt.contact.retries + 1,
        )
        order = originate(dialer, attempt, caller_id, self._record(attempt, dialer))
        try:
            await tools.control.originate(order)
        except LinkError:
            tools.book.withdraw(attempt.id)
            self._view.not_placed(attempt, tools.clock.now())
            self.unreleased.append(attempt)
        except RefusedError as error:
            self._refused(attempt, str(error))
        except UncertainError as error:
            log.warning(
                "whether the order arrived is not known; events or reconciliation will tell",
                action="call.uncertain",
                call_id=attempt.id,
                campaign=dialer.name,
                reason=str(error),
            )
        except Exception:
            # What nobody thought of. The order may have left, so the call stays in the book.
            log.exception("originate failed", action="call.uncertain", call_id=attempt.id)
        else:
            tools.book.apply(ev.OriginateAccepted(tools.clock.now(), attempt.id))
            self.refusals = 0

    def _record(self, attempt: Attempt, dialer: Dialer) -> str:
        """Return the file in which the talk is recorded, '' where it is not, or nobody knows yet."""
        wanted = dialer.options.recording is Recording.ALL
        if attempt.desk is not None:
            wanted = self._tools.desks.recorded(dialer, attempt.desk)
        local = self._tools.clock.local(self._tools.clock.now())
        return recording_file(attempt.id, local) if wanted else ""

    def _refused(self, attempt: Attempt, text: str) -> None:
        """One refusal may be the contact's fault; several in a row are the campaign's."""
        everybody = self._note_refusal(text)
        self._tools.book.apply(
            ev.OriginateRefused(self._tools.clock.now(), attempt.id, text, alone=not everybody)
        )

    def _note_refusal(self, text: str) -> bool:
        self.refusals += 1
        everybody = self.refusals >= REFUSALS
        if everybody:
            self.refusal = text
            self.refused_until = self._tools.clock.now() + REFUSED_PAUSE
        return everybody

    async def release(self) -> None:
        """Give back what was claimed and not sent, also by a claim whose answer was lost. Raises
        StoreError."""
        if self._claim_unknown:
            await self._tools.store.release_claimed(self.dialer.name, self._tools.clock.now())
            self._claim_unknown = False
        if self.unreleased:
            await self._tools.store.release(self.unreleased, self._tools.clock.now())
            log.info(
                "claims released",
                action="campaign.released",
                campaign=self.dialer.name,
                contacts=len(self.unreleased),
            )
            for attempt in self.unreleased:
                self._tools.desks.free_again(attempt.id)
                log.debug("given back, not called", action="call.released", call_id=attempt.id)
            self.unreleased = []

    @property
    def owes(self) -> bool:
        """Is there anything claimed that could not be given back yet?"""
        return bool(self.unreleased) or self._claim_unknown

"""One worker per running campaign: look, decide, claim, dial; again when something happens."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from engine.domain import events as ev
from engine.domain.agent import SeatState
from engine.domain.call import Call
from engine.domain.commands import originate
from engine.domain.model import Attempt, Campaign, CampaignName, ContactList
from engine.domain.pacing import PROFILES, Bound, Decision, Profile
from engine.domain.pacing.rivals import Rivals
from engine.domain.picture import Picture
from engine.ports import (
    CallControl,
    CampaignReport,
    ClaimRequest,
    ClaimResult,
    Clock,
    LinkError,
    Observer,
    RefusedError,
    Store,
    StoreError,
    UncertainError,
)
from engine.services.book import CallBook
from engine.services.recorder import Recorder
from engine.services.trunks import Trunks
from engine.services.view import CampaignView

log = structlog.get_logger(__name__)

#: How often to look when nothing happens: rows, lists and black list are steered by plain SQL.
TICK = 0.8
#: So many refused orders in a row mean that Asterisk refuses the campaign, not a contact …
REFUSALS = 3
#: … and a setting must change first: one order is tried in this time.
REFUSED_PAUSE = timedelta(seconds=10)
#: Events so late (s) slow dialling down …
LATE = 0.25
#: … and so late stop it: whom the picture shows as free may long have a caller.
STALE = 2.0
#: More in one claim would let the black list and the picture grow old before the last is dialled.
BATCH = 50


@dataclass(frozen=True, slots=True)
class Tools:
    """What every worker shares."""

    control: CallControl
    store: Store
    book: CallBook
    picture: Picture
    recorder: Recorder
    observer: Observer
    clock: Clock
    may_dial: Callable[[], str]
    profiles: Mapping[str, Profile] = field(default_factory=lambda: PROFILES)
    trunks: Trunks = field(default_factory=Trunks)
    rivals: Rivals = field(default_factory=Rivals)


class CampaignWorker:
    """Paces one campaign. `update` gives it new settings, `stop` lets it end after its turn."""

    def __init__(self, campaign: Campaign, tools: Tools) -> None:
        self.campaign = campaign
        self._tools = tools
        self.view = CampaignView(
            campaign,
            control=tools.control,
            book=tools.book,
            picture=tools.picture,
            clock=tools.clock,
            trunks=tools.trunks,
            rivals=tools.rivals,
            profiles=tools.profiles,
        )
        self._wake = asyncio.Event()
        self._stopping = False
        self._empty_until = tools.clock.now()
        self._refused_until = self._empty_until
        self._refusal = ""
        self._refusals = 0
        self.unreleased: list[Attempt] = []
        self._claim_unknown = False
        self._since = tools.clock.now()
        self._state = ""
        self._reported: Decision | None = None
        self._sequence = 0
        self.decision: Decision | None = None

    @property
    def name(self) -> CampaignName:
        return self.campaign.dialer.name

    def update(self, campaign: Campaign) -> None:
        """Take over changed settings."""
        if campaign == self.campaign:
            return
        self.view.update(campaign)
        self.campaign = campaign
        self._empty_until = self._refused_until = self._tools.clock.now()
        log.info("settings changed", action="campaign.updated", campaign=self.name)
        self.wake()

    def observe(self, call: Call, event: ev.CallEvent) -> None:
        """Hear of a call of this campaign."""
        self.view.heard(call, event)
        self.wake()

    def wake(self) -> None:
        """Look again soon: something changed."""
        self._wake.set()

    def stop(self) -> None:
        """End after the present turn; what is claimed and not sent goes back."""
        self._stopping = True
        self.wake()

    async def run(self) -> None:
        """Pace until stopped. An error of the world outside costs one turn, never the worker."""
        while not self._stopping:
            self._wake.clear()
            wait = TICK
            try:
                wait = await self._turn()
            except StoreError as error:
                self._database_failed(error)
                await asyncio.sleep(TICK)  # every event would wake us, and the next try is no better
            if not self._stopping:
                try:
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
                except TimeoutError:
                    pass
        await self.release()

    def _database_failed(self, error: StoreError) -> None:
        self._tools.observer.database_failed()
        if self.decision is None or self.decision.bound is not Bound.DATABASE:
            log.warning("no claim", action="campaign.database", campaign=self.name, reason=str(error))
        self.decision = Decision(0, Bound.DATABASE, f"the database does not answer: {error}")

    async def _turn(self) -> float:
        """Look, decide, claim, dial once; return how long to wait for the next look (s)."""
        started = time.perf_counter()
        await self.release()
        await self.view.prepare(self._tools.store, self._tools.clock.now())
        now = self._tools.clock.now()
        decision = self._obstacle(now)
        if decision is None:
            decision = self._slowed(self._probing(self.view.decide(now)))
            if decision.calls > 0:
                decision = await self._within_trunk(decision, now)
        else:
            self.view.rest()
        self.decision = decision
        self._tools.observer.decided(self.name, decision, time.perf_counter() - started)
        return self._wait(decision, now)

    def _wait(self, decision: Decision, now: datetime) -> float:
        moments = [decision.wake_at, self._tools.picture.queue(self.name).next_free(now)]
        waits = [(moment - now).total_seconds() for moment in moments if moment is not None]
        return min([TICK, *(max(wait, 0.001) for wait in waits)])

    def _obstacle(self, now: datetime) -> Decision | None:
        """What forbids dialling altogether, whatever the agents do."""
        if not self.campaign.dialer.schedule.open_at(self._tools.clock.local(now)):
            return Decision(0, Bound.SCHEDULE, "outside the dialer's schedule")
        if fault := self._tools.may_dial():
            return Decision(0, Bound.LINK, fault)
        if reason := self._tools.recorder.obstacle:
            return Decision(0, Bound.DATABASE, f"outcomes cannot be recorded: {reason}")
        lag = self._tools.control.lag()
        if lag > STALE:
            return Decision(0, Bound.LAG, f"events are {lag:.1f} s behind", {"lag": lag})
        breaker = self._tools.book.breaker(self.campaign.dialer.dial_string.trunk)
        if breaker.resting(now):
            reason = f"the trunk failed {breaker.failures} calls in a row and rests"
            return Decision(0, Bound.TRUNK, reason, wake_at=breaker.rest_until)
        if now < self._refused_until:
            reason = f"Asterisk refuses the orders: {self._refusal}"
            return Decision(0, Bound.REFUSED, reason, wake_at=self._refused_until)
        if now < self._empty_until:
            reason = "no contact is ready in the active lists"
            return Decision(0, Bound.SPOOL, reason, wake_at=self._empty_until)
        return None

    def _probing(self, decision: Decision) -> Decision:
        """Over a trunk that has just failed call after call, one call at a time is placed."""
        trunk = self.campaign.dialer.dial_string.trunk
        breaker = self._tools.book.breaker(trunk)
        if decision.calls == 0:
            return decision
        if self._refusals >= REFUSALS:
            reason = f"Asterisk refused {self._refusals} orders in a row and is asked with one"
            return Decision(1, Bound.REFUSED, reason, decision.detail)
        if not breaker.suspicious:
            return decision
        free = not self._tools.book.dialling_over(trunk)
        reason = f"the trunk failed {breaker.failures} calls in a row and is tried with one"
        return Decision(int(free), Bound.TRUNK, reason, decision.detail)

    def _slowed(self, decision: Decision) -> Decision:
        """While events lag, the picture is older than it looks: the further behind, the fewer calls at
        once. One is left even so: a campaign of few agents decides one at a time, and would stop."""
        lag = self._tools.control.lag()
        if lag <= LATE or decision.calls == 0:
            return decision
        calls = math.ceil(decision.calls * (STALE - lag) / (STALE - LATE))
        detail = {**decision.detail, "lag": lag}
        return Decision(max(calls, 0), Bound.LAG, f"events are {lag:.1f} s behind; {decision.reason}", detail)

    async def _within_trunk(self, decision: Decision, now: datetime) -> Decision:
        """Dial, with the trunk's channels and calls per second reserved meanwhile."""
        trunk, trunks = self.campaign.dialer.dial_string.trunk, self._tools.trunks
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
        """Claim and place the decided calls; return the decision as it could be carried out."""
        wanted = min(decision.calls, BATCH)
        result = await self._claim(wanted, now)
        if result.rows == 0:
            self._empty_until = now + timedelta(seconds=TICK)
            return Decision(0, Bound.SPOOL, "no contact is ready in the active lists", decision.detail)
        if result.rows > len(result.attempts) or decision.calls > BATCH:
            self.wake()  # some rows went aside, or more may be placed: look again at once
        await self._place(result.attempts)
        placed = len(result.attempts)
        if placed < decision.calls:
            bound = Bound.BATCH if placed == BATCH else Bound.SPOOL
            return Decision(placed, bound, decision.reason, decision.detail, decision.wake_at)
        return decision

    async def _claim(self, wanted: int, now: datetime) -> ClaimResult:
        started = time.perf_counter()
        lists = self.campaign.lists
        self._claim_unknown = True
        result = await self._tools.store.claim(
            ClaimRequest(
                campaign=self.name,
                limit=wanted,
                slots=tuple(self._draw_list(lists) for _ in range(wanted)) if lists else (),
                lists=tuple(item.name for item in lists),
                check_black_list=bool(self.campaign.dialer.dncr),
                now=now,
            )
        )
        self._claim_unknown = False
        if result.rows:
            self._tools.observer.claimed(self.name, result, time.perf_counter() - started)
        return result

    def _draw_list(self, lists: Sequence[ContactList]) -> str:
        """Return the name of one list, drawn by the lists' shares (which sum to 1)."""
        point = self._tools.clock.draw(1_000_000) / 1_000_000
        for item in lists:
            point -= item.share
            if point < 0:
                return item.name
        return lists[-1].name

    async def _place(self, attempts: tuple[Attempt, ...]) -> None:
        """Write that the orders leave, then let them leave."""
        if not attempts:
            return
        at = self._tools.clock.now()
        self.unreleased += attempts
        ours = await self._tools.store.mark_sent(attempts, at)
        # Asked after the wait: a stop may have come, the link may be gone, another engine may have
        # taken over what we were too slow for.
        if self._stopping or self._tools.may_dial():
            return
        self.unreleased = [attempt for attempt in self.unreleased if attempt not in attempts]
        await asyncio.gather(*(self._originate(attempt) for attempt in attempts if attempt.id in ours))

    async def _originate(self, attempt: Attempt) -> None:
        tools, dialer = self._tools, self.campaign.dialer
        if tools.may_dial():
            self.unreleased.append(attempt)  # something changed since the order was written
            return
        number = attempt.contact.phone.number
        caller_id = dialer.caller_id.choose(number, tools.clock.draw)
        self.view.placed(attempt, tools.clock.now())
        tools.book.add(Call(attempt, dialer, caller_id))
        tools.book.apply(ev.OriginateSent(tools.clock.now(), attempt.id))
        try:
            await tools.control.originate(originate(dialer, attempt, caller_id))
        except LinkError:
            tools.book.withdraw(attempt.id)
            self.view.not_placed(attempt, tools.clock.now())
            self.unreleased.append(attempt)
        except RefusedError as error:
            self._refused(attempt, str(error))
        except UncertainError as error:
            log.warning(
                "whether the order arrived is not known; events or reconciliation will tell",
                action="call.uncertain",
                call_id=attempt.id,
                campaign=self.name,
                reason=str(error),
            )
        except Exception:
            # What nobody thought of. The order may have left, so the call stays in the book.
            log.exception("originate failed", action="call.uncertain", call_id=attempt.id)
        else:
            tools.book.apply(ev.OriginateAccepted(tools.clock.now(), attempt.id))
            self._refusals = 0

    def _refused(self, attempt: Attempt, text: str) -> None:
        """One refusal may be the contact's fault; several in a row are the campaign's."""
        self._refusals += 1
        everybody = self._refusals >= REFUSALS
        if everybody:
            self._refusal = text
            self._refused_until = self._tools.clock.now() + REFUSED_PAUSE
        self._tools.book.apply(
            ev.OriginateRefused(self._tools.clock.now(), attempt.id, text, alone=not everybody)
        )

    async def release(self) -> None:
        """Give back what was claimed and not sent, also by a claim whose answer was lost."""
        if self._claim_unknown:
            await self._tools.store.release_claimed(self.name, self._tools.clock.now())
            self._claim_unknown = False
        if self.unreleased:
            await self._tools.store.release(self.unreleased, self._tools.clock.now())
            log.info(
                "claims released",
                action="campaign.released",
                campaign=self.name,
                contacts=len(self.unreleased),
            )
            self.unreleased = []

    @property
    def owes(self) -> bool:
        """Is there anything claimed that could not be given back yet?"""
        return bool(self.unreleased) or self._claim_unknown

    def report(self, now: datetime) -> CampaignReport:
        """Return what the campaign is doing."""
        state = "running"
        if self.decision is not None and self.decision.bound is Bound.SCHEDULE:
            state = "off_schedule"
        if state != self._state:
            self._state, self._since = state, now
        if self.decision is not self._reported:
            self._reported = self.decision
            self._sequence += 1
        snapshot = self.view.snapshot(now)
        states = self.view.states(now)
        self._tools.observer.seats(self.name, states, snapshot)
        return CampaignReport(
            campaign=self.name,
            state=state,
            since=self._since,
            decision=self.decision,
            snapshot=snapshot,
            paused=states[SeatState.PAUSED],
            sequence=self._sequence,
        )

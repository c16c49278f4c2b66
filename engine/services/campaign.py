"""One worker per running campaign: look, decide, claim, dial; again when something happens."""

from __future__ import annotations

import asyncio
import math
import time
from datetime import UTC, datetime, timedelta

import structlog

from engine.domain import events as ev
from engine.domain.agent import SeatState
from engine.domain.broadcast import Result
from engine.domain.call import Call
from engine.domain.model import Campaign, CampaignName
from engine.domain.pacing import Bound, Decision
from engine.ports import CampaignReport, StoreError
from engine.services.placing import REFUSALS, REFUSED_PAUSE, TICK, Placer
from engine.services.reserving import ReservedPlacer
from engine.services.tools import Tools
from engine.services.view import CampaignView

log = structlog.get_logger(__name__)

#: Events so late (s) slow dialling down …
LATE = 0.25
#: … and so late stop it: whom the picture shows as free may long have a caller.
STALE = 2.0


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
            desks=tools.desks,
            profiles=tools.profiles,
            ready=tools.ready,
        )
        self._wake = asyncio.Event()
        #: Since when somebody waits for a decision (s of the performance counter).
        self._woken: float | None = None
        self._stopping = False
        kind = ReservedPlacer if campaign.dialer.mode.reserves else Placer
        self.placer = kind(campaign, tools, self.view, self.wake)
        self._since = tools.clock.now()
        self._state = ""
        #: Calls in a row that could not be told anything, and until when none is placed for it.
        self._mute = 0
        self._mute_until = tools.clock.now()
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
        self.placer.update(campaign)
        log.info("settings changed", action="campaign.updated", campaign=self.name)
        self.wake()

    def observe(self, call: Call, event: ev.CallEvent) -> None:
        """Hear of a call of this campaign."""
        self.view.heard(call, event)
        self.placer.heard(call, event)
        self.wake()

    def told(self, result: Result) -> None:
        """A broadcast call is over: people who hear nothing at all must not become many."""
        if result is Result.FAILED:
            self._mute += 1
            self._mute_until = self._tools.clock.now() + REFUSED_PAUSE
        elif result is not Result.HUNG_UP:
            self._mute = 0

    def wake(self) -> None:
        """Look again soon: something changed."""
        if self._woken is None:
            self._woken = time.perf_counter()
        self._wake.set()

    def stop(self) -> None:
        """End after the present turn; what is claimed and not sent goes back."""
        self._stopping = self.placer.stopping = True
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
        self.placer.dismiss()
        await self.placer.release()

    def _database_failed(self, error: StoreError) -> None:
        self._tools.observer.database_failed()
        if self.decision is None or self.decision.bound is not Bound.DATABASE:
            log.warning("no claim", action="campaign.database", campaign=self.name, reason=str(error))
        self.decision = Decision(0, Bound.DATABASE, f"the database does not answer: {error}")

    async def _turn(self) -> float:
        """Look, decide, claim, dial once; return how long to wait for the next look (s)."""
        started = time.perf_counter()
        woken, self._woken = self._woken, None
        await self.placer.release()
        await self.view.prepare(self._tools.store, self._tools.clock.now())
        now = self._tools.clock.now()
        decision = self._obstacle(now)
        if decision is None:
            await self.placer.proceed(now)
            decision = self._idle(now)
        if decision is None:
            decision = self._slowed(self._probing(self.view.decide(now)))
            if woken is not None:
                self._tools.observer.waited(self.name, time.perf_counter() - woken)
            if decision.calls > 0:
                decision = await self.placer.dial(decision, now)
        else:
            if decision.bound is Bound.SCHEDULE:
                self.placer.dismiss()
            self.view.rest()
        self.decision = decision
        self._tools.observer.decided(self.name, decision, time.perf_counter() - started)
        return self._wait(decision, now)

    def _wait(self, decision: Decision, now: datetime) -> float:
        queue = self._tools.picture.queue(self.name)
        moments = [decision.wake_at, queue.next_free(now), self._tools.desks.next_free(now)]
        waits = [(moment - now).total_seconds() for moment in moments if moment is not None]
        return min([TICK, *(max(wait, 0.001) for wait in waits)])

    def _obstacle(self, now: datetime) -> Decision | None:
        """What forbids every call, also those that agents wait for."""
        if not self.campaign.dialer.schedule.open_at(self._tools.clock.local(now)):
            return Decision(0, Bound.SCHEDULE, "outside the dialer's schedule")
        if fault := self._tools.may_dial():
            return Decision(0, Bound.LINK, fault)
        if reason := self._tools.recorder.obstacle:
            return Decision(0, Bound.DATABASE, f"outcomes cannot be recorded: {reason}")
        lag = self._tools.control.lag()
        if lag > STALE:
            return Decision(0, Bound.LAG, f"events are {lag:.1f} s behind", {"lag": lag})
        voice = self._tools.voice
        if self.campaign.script is not None and (voice is None or not voice.up):
            return Decision(0, Bound.LINK, "no link to ARI: nobody would talk to who answers")
        breaker = self._tools.book.breaker(self.campaign.dialer.dial_string.trunk)
        if breaker.resting(now):
            reason = f"the trunk failed {breaker.failures} calls in a row and rests"
            return Decision(0, Bound.TRUNK, reason, wake_at=breaker.rest_until)
        return None

    def _idle(self, now: datetime) -> Decision | None:
        """What makes it pointless to look for further contacts."""
        placer = self.placer
        if reason := self._tools.drains.of(self.name):
            return Decision(0, Bound.DRAIN, f"drained: {reason}")
        if now < placer.refused_until:
            reason = f"Asterisk refuses the orders: {placer.refusal}"
            return Decision(0, Bound.REFUSED, reason, wake_at=placer.refused_until)
        if hold := self._tools.caller_ids.hold(placer.dialer):
            return Decision(0, Bound.CALLER_ID, hold.reason, wake_at=hold.until)
        if self._mute >= REFUSALS and now < self._mute_until:
            reason = f"{self._mute} calls in a row heard nothing: a sound is missing, or cannot be spoken"
            return Decision(0, Bound.REFUSED, reason, wake_at=self._mute_until)
        if now < placer.empty_until:
            reason = "no contact is ready in the active lists"
            return Decision(0, Bound.SPOOL, reason, wake_at=placer.empty_until)
        return None

    def _probing(self, decision: Decision) -> Decision:
        """Over a trunk that has just failed call after call, one call at a time is placed."""
        trunk = self.campaign.dialer.dial_string.trunk
        breaker = self._tools.book.breaker(trunk)
        if decision.calls == 0:
            return decision
        if self.placer.refusals >= REFUSALS:
            reason = f"Asterisk refused {self.placer.refusals} orders in a row and is asked with one"
            return Decision(1, Bound.REFUSED, reason, decision.detail)
        if self._mute >= REFUSALS:
            self._mute_until = self._tools.clock.now() + REFUSED_PAUSE
            reason = f"{self._mute} calls in a row heard nothing, and it is tried with one"
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

    def report(self, now: datetime) -> CampaignReport:
        """Return what the campaign is doing."""
        state = "running"
        if self.decision is not None and self.decision.bound is Bound.SCHEDULE:
            state = "off_schedule"
        if self._tools.drains.of(self.name):
            state = "draining" if self._tools.book.counts(self.name).channels else "drained"
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
            until=self._opens(now) if state == "off_schedule" else None,
            seats=states,
            standing=self.view.standing,
        )

    def _opens(self, now: datetime) -> datetime:
        """Return when the schedule opens next, a clock change until then included."""
        local = self._tools.clock.local
        opens = self.campaign.dialer.schedule.opens_after(local(now)).astimezone(UTC)
        shift = (local(opens).utcoffset() or timedelta()) - (local(now).utcoffset() or timedelta())
        return opens - shift if shift and local(now).tzinfo != local(opens).tzinfo else opens

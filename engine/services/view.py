"""One campaign as its pacer sees it: counts, ages, limits; and what the pacer is told to learn from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from engine.domain import events as ev
from engine.domain.agent import SeatState
from engine.domain.call import Call
from engine.domain.model import Attempt, Campaign, CampaignName
from engine.domain.pacing import (
    CallInFlight,
    Decision,
    Pacer,
    Placed,
    Profile,
    Snapshot,
    Standing,
    Traits,
    pacer_for,
    profile_for,
)
from engine.domain.pacing.rivals import Rivals
from engine.domain.pacing.watch import SeatWatch, open_call, traits_of
from engine.domain.picture import Picture
from engine.ports import CallControl, Clock, Store
from engine.services.book import CallBook
from engine.services.desks import Desks
from engine.services.sampling import ReadyContacts
from engine.services.trunks import Trunks

_AWAY = (SeatState.PAUSED, SeatState.GONE)


class CampaignView:
    """Counts, and tells the pacer. Everything but `prepare` is free of waiting."""

    def __init__(
        self,
        campaign: Campaign,
        *,
        control: CallControl,
        book: CallBook,
        picture: Picture,
        clock: Clock,
        trunks: Trunks,
        rivals: Rivals,
        desks: Desks,
        profiles: Mapping[str, Profile],
        ready: ReadyContacts,
    ) -> None:
        self.campaign = campaign
        self._control = control
        self._book = book
        self._picture = picture
        self._clock = clock
        self._trunks = trunks
        self._rivals = rivals
        self._desks = desks
        self._profiles = profiles
        self._ready = ready
        self._pacer: Pacer = pacer_for(campaign.dialer, profiles)
        self._prepared = False
        self._seats = SeatWatch()
        self._open: dict[str, CallInFlight] = {}
        self._last_originate: datetime | None = None

    @property
    def name(self) -> CampaignName:
        return self.campaign.dialer.name

    def update(self, campaign: Campaign) -> None:
        """Take over changed settings; the pacer keeps what it has learnt unless its kind changed."""
        before, after = self.campaign.dialer, campaign.dialer
        self.campaign = campaign
        if (after.dialer_type, after.jurisdiction) != (before.dialer_type, before.jurisdiction):
            self._pacer = pacer_for(after, self._profiles)
            self._prepared = False

    async def prepare(self, store: Store, now: datetime) -> None:
        """Tell a fresh pacer what the records say of the days that its rules look at. Raises StoreError."""
        if self._prepared:
            return
        profile = profile_for(self.campaign.dialer.jurisdiction, self._profiles)
        today = self._clock.local(now).date()
        for totals in await store.day_totals(self.name, today, profile):
            self._pacer.observe(totals)
        self._prepared = True

    def heard(self, call: Call, event: ev.CallEvent) -> None:
        """Something happened to a call of this campaign."""
        self._pacer.observe(event)
        known = self._open.get(call.attempt.id)
        traits = known.traits if known else self._traits(call.attempt)
        still = open_call(call, traits)
        if still is None:
            self._open.pop(call.attempt.id, None)
        else:
            self._open[call.attempt.id] = still

    def placed(self, attempt: Attempt, at: datetime) -> None:
        """An order is about to leave."""
        self._last_originate = at
        self._pacer.observe(Placed(at, attempt.id, self._traits(attempt)))

    def not_placed(self, attempt: Attempt, at: datetime) -> None:
        """It did not leave after all."""
        self._pacer.observe(ev.OriginateRefused(at, attempt.id, "it did not leave"))
        self._open.pop(attempt.id, None)

    def _traits(self, attempt: Attempt) -> Traits:
        return traits_of(attempt.contact, self._clock.local(attempt.claimed_at).hour)

    def decide(self, now: datetime) -> Decision:
        """Look, tell the pacer which seats changed, and ask it."""
        seats = self._picture.queue(self.name).seats
        for change in self._seats.look(seats, now):
            self._pacer.observe(change)
        decision = self._pacer.decide(self.snapshot(now), now)
        self._rivals.note(self.name, decision, self._at_work(now), now)
        return decision

    def _at_work(self, now: datetime) -> frozenset[str]:
        """Return the seats that take calls of this campaign: who pauses only here is free for others."""
        seats = self._picture.queue(self.name).seats
        return frozenset(name for name, seat in seats.items() if seat.state(now) not in _AWAY)

    @property
    def standing(self) -> Standing | None:
        """How the campaign stands with its abandoned calls."""
        return self._pacer.standing

    def rest(self) -> None:
        """Nothing is placed at present: others need not leave agents to this campaign."""
        self._rivals.rest(self.name, calls=len(self._open))

    def states(self, now: datetime) -> Counter[SeatState]:
        """Count the seats by state."""
        return self._picture.queue(self.name).states(now)

    def snapshot(self, now: datetime) -> Snapshot:
        """Count what the pacer may know."""
        dialer = self.campaign.dialer
        queue = self._picture.queue(self.name)
        states = queue.states(now)
        counts = self._book.counts(self.name)
        strangers = {call for call in queue.waiting - queue.offered if call not in self._book}
        reserved = sum(
            1
            for interface, seat in queue.seats.items()
            if seat.state(now) is SeatState.READY and self._desks.taken(interface, now)
        )
        trunk = dialer.dial_string.trunk
        trunk_calls, trunk_next = self._trunks.calls(trunk, now)
        local = self._clock.local(now)
        shared = self._rivals.of(self.name, self._at_work(now), now)
        listening = sum(1 for call in self._open.values() if call.answered is not None)
        return Snapshot(
            dialer=dialer,
            ready=states[SeatState.READY] - reserved,
            ringing=states[SeatState.RINGING] + reserved,
            talking=states[SeatState.TALKING],
            wrapup=states[SeatState.WRAPUP],
            dialling=counts.dialling,
            waiting=max(counts.waiting - listening, 0) + len(strangers),
            channels=counts.channels,
            last_originate=self._last_originate,
            calls=tuple(self._open.values()),
            seats=self._seats.in_use(queue.seats),
            today=local.date(),
            closes_at=dialer.schedule.ends_today(local),
            left=self._ready.of(self.name),
            trunk_room=self._trunks.room(trunk, self._book.over(trunk)),
            trunk_calls=trunk_calls,
            trunk_next=trunk_next,
            lag=self._control.lag(),
            rivals=shared.callers,
            relief=shared.relief,
            elsewhere=states[SeatState.BUSY],
            share=shared.share,
        )

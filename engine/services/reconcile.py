"""Compares what we believe with what Asterisk has: at the start, after reconnects, when calls are overdue."""

from __future__ import annotations

import asyncio
import re
from datetime import datetime, timedelta

import structlog

from engine.domain import events as ev
from engine.domain.call import Call, State
from engine.domain.callerid import CallerIdRules
from engine.domain.dialstring import parse_dialstring
from engine.domain.errors import FieldError
from engine.domain.model import Attempt, AttemptId, Dialer, DialerType, agent_leg, leg_owner
from engine.domain.picture import Picture
from engine.domain.schedule import parse_schedule
from engine.domain.settings import SettingsRows, read_dialer
from engine.domain.variables import Variables
from engine.ports import UNREACHABLE, CallControl, CallHistory, Clock, OpenAttempt, PastCall, Store
from engine.services.book import CallBook
from engine.services.desks import Desks

log = structlog.get_logger(__name__)

#: A call that is missing from two lists of channels so far apart is gone.
_SURE = timedelta(seconds=0.8)
#: Between its claim and its order an attempt spends milliseconds; after this its claim is forgotten.
FORGOTTEN = timedelta(minutes=1)
#: The form of our attempt ids (domain/model.py).
_OURS = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


class Reconciler:
    """Missed events are made up for by events of our own, through the same call machine."""

    def __init__(
        self,
        control: CallControl,
        store: Store,
        book: CallBook,
        clock: Clock,
        history: CallHistory,
        picture: Picture,
        desks: Desks,
    ) -> None:
        self._control = control
        self._store = store
        self._book = book
        self._clock = clock
        self._history = history
        self._picture = picture
        self._desks = desks
        self._strays: frozenset[AttemptId] = frozenset()
        self._untouched: list[Attempt] = []
        self._missing: dict[str, datetime] = {}
        self._strangers: dict[str, datetime] = {}
        self._ghosts: frozenset[str] = frozenset()

    async def adopt(self) -> None:
        """Take over attempts that others left open: back into the spool when nothing was sent, else into
        the book, where events or the next comparison end them. Raises StoreError; then call it again.
        """
        await self._release_untouched()
        # Remembered until they are ours in earnest: an answer may be lost on its way.
        self._strays |= await self._store.strays()
        if not self._strays:
            return
        rows = await self._store.settings()
        left = await self._store.take_over(self._strays)
        self._strays = frozenset()
        # An agent's leg that such an attempt may have left behind is found as a ghost.
        sent = [item for item in left if item.sent_at is not None]
        self._untouched += [_attempt(item) for item in left if item.sent_at is None]
        for item in sent:
            if item.id not in self._book:
                call = _call(item, _dialer(item, rows))
                self._book.add(call)
                if call.dialer.mode.reserves and call.agent:
                    self._desks.adopt(item.id, call.agent)
        log.info(
            "took over what was left open",
            action="reconcile.adopted",
            released=len(self._untouched),
            in_flight=len(sent),
        )
        await self._release_untouched()

    async def release_forgotten(self) -> None:
        """Give back what a claim took whose answer was given up before it took effect."""
        now = self._clock.now()
        count = await self._store.release_forgotten(now - FORGOTTEN, now)
        if count:
            log.warning("forgotten claims released", action="reconcile.forgotten", contacts=count)

    async def _release_untouched(self) -> None:
        """Give back contacts for whom nothing was sent; tried again at the next occasion."""
        if self._untouched:
            await self._store.release(self._untouched, self._clock.now())
            self._untouched = []

    def compare(self, listed: ev.ChannelsListed) -> int:
        """End the calls whose channels are gone, note those that were answered unseen.

        Asterisk drops a channel from its list a moment before it tells of the hang-up, and shows one
        a moment after the order: only a call that is missing from two lists is gone. One whose order
        may still be on its way is not judged at all: its ring time has to pass. Returns how many calls
        were missing for the first time; ask again for them in a moment.
        """
        missing: dict[str, datetime] = {}
        gone: list[Call] = []
        for call in self._book:
            attempt = call.attempt.id
            channel = attempt if call.called else agent_leg(attempt)
            if channel in listed.live:
                self._alive(call, answered=listed.live[channel])
                continue
            first = self._missing.get(attempt, listed.at)
            if listed.at - first < _SURE:
                missing[attempt] = first
            else:
                gone.append(call)
        past = self._history.find(frozenset(call.attempt.id for call in gone)) if gone else {}
        for call in gone:
            if call.attempt.id in past:
                self._replay(call, past[call.attempt.id])
            elif not (call.uncertain or call.state is State.OFFERED):
                self._book.apply(ev.Vanished(self._clock.now(), call.attempt.id))
        self._missing = missing
        return len(missing) + self._look_for_ghosts(listed)

    def _alive(self, call: Call, *, answered: bool) -> None:
        """The channel that the call has now (its agent's, while the customer is not called) is there."""
        now, attempt = self._clock.now(), call.attempt.id
        if answered and call.state is State.OFFERED:
            self._book.apply(ev.AgentLegAnswered(now, attempt, ""))
        elif answered and call.state in (State.SENT, State.RINGING):
            self._book.apply(ev.Answered(now, attempt, call.channel))
        elif call.uncertain:
            self._book.apply(ev.OriginateAccepted(now, attempt))

    def _replay(self, call: Call, past: PastCall) -> None:
        """Let what the switch recorded happen to the call, as if its events had been heard."""
        attempt = call.attempt.id
        if past.answered_at is not None:
            self._book.apply(ev.Answered(past.answered_at, attempt, call.channel))
            if past.agent_channel and not call.agent_channel:
                self._book.apply(self._joined(call, past, past.answered_at))
        else:
            self._book.apply(ev.DialEnded(past.ended_at, attempt, past.status))
        self._book.apply(ev.HungUp(past.ended_at, attempt, call.channel, None, None))

    def _joined(self, call: Call, past: PastCall, at: datetime) -> ev.AgentConnected:
        """The talk that a record tells of; who the agent was, the channel does."""
        queue, channel = call.dialer.name, past.agent_channel
        interface = channel.rpartition("-")[0] or channel
        seat = self._picture.queue(queue).seats.get(interface)
        name = seat.member.name if seat else interface
        return ev.AgentConnected(at, call.attempt.id, queue, interface, name, channel, "", 0, 0)

    def _look_for_ghosts(self, listed: ev.ChannelsListed) -> int:
        """Channels with the form of our ids that the book does not know: an order that reached a frozen
        Asterisk late, a hang-up that was lost. What they are the tables tell. Returns of how
        many it is too early to tell."""
        strangers = {
            channel: self._strangers.get(channel, listed.at)
            for channel in listed.live
            if _owner(channel) not in self._book and _OURS.fullmatch(_owner(channel))
        }
        self._ghosts = frozenset(
            channel for channel, first in strangers.items() if listed.at - first >= _SURE
        )
        self._strangers = strangers
        return len(strangers) - len(self._ghosts)

    async def hang_up_ghosts(self) -> None:
        """Hang up channels whose attempts have ended: nobody else ever would. Raises StoreError."""
        ended = await self._store.ended(frozenset(AttemptId(_owner(channel)) for channel in self._ghosts))
        for channel in self._ghosts:
            if _owner(channel) not in ended:
                continue
            log.warning("a call that had ended lives on; hung up", action="reconcile.ghost", call_id=channel)
            try:
                await self._control.hang_up(channel)
            except UNREACHABLE:
                return
        self._ghosts = frozenset()

    async def look_after_overdue(self) -> None:
        """End what should have ended by itself: hang up what lives, give up what does not."""
        late = frozenset(call.attempt.id for call in self._book.overdue())
        if not late:
            return
        # In a thread, as it comes round for as long as a call is overdue; what happened meanwhile counts.
        past = await asyncio.to_thread(self._history.find, late)
        for call in self._book.overdue():
            attempt = call.attempt.id
            if attempt not in late:
                continue
            if attempt in past:
                self._replay(call, past[attempt])
                continue
            try:
                alive = await self._control.hang_up(attempt if call.called else agent_leg(attempt))
            except UNREACHABLE:
                return
            if not alive and attempt in self._book:
                self._book.apply(ev.Overdue(self._clock.now(), attempt))


def _owner(channel: str) -> str:
    """Return the attempt that a channel belongs to, were it one of ours."""
    return leg_owner(channel) or channel


def _attempt(item: OpenAttempt) -> Attempt:
    return Attempt(item.id, item.contact, item.claimed_at, caller_id=item.caller_id)


def _dialer(item: OpenAttempt, rows: SettingsRows) -> Dialer:
    """The dialer as it is now; a campaign that was broken or removed meanwhile gets the safest one."""
    queues = {str(row["name"]).lower(): row for row in rows.queues}
    options = {str(row["campaign"]).lower(): row for row in rows.options}
    name = item.campaign.lower()
    for row in rows.dialers:
        if str(row["campaign"]).lower() == name:
            try:
                return read_dialer(row, queues.get(name), options=options.get(name))
            except FieldError:
                break
    return Dialer(
        name=item.campaign,
        dialer_type=DialerType.POWER,
        schedule=parse_schedule("mon-sun;00:00-23:59"),
        dial_string=parse_dialstring("Local/@gone"),
        context="gone",
        exten="gone",
        caller_id=CallerIdRules(()),
        variables=Variables(()),
        max_channels=0,
        timeout=60,
        tbc=0,
        tbc_nocontact=60,
        retries=0,
    )


def _call(item: OpenAttempt, dialer: Dialer) -> Call:
    return Call(
        attempt=_attempt(item),
        dialer=dialer,
        caller_id=item.caller_id,
        # A step before the order may have been written after it.
        state=max(State(item.state), State.SENT, key=list(State).index),
        sent_at=item.sent_at,
        ringing_at=item.ringing_at,
        answered_at=item.answered_at,
        queued_at=item.queued_at,
        connected_at=item.connected_at,
        agent=item.agent,
        # His leg is to be hung up with the customer's; that it is there nobody needs to know.
        agent_leg=dialer.mode.agent_first,
    )

"""Compares what we believe with what Asterisk has: at the start, after reconnects, when calls are overdue."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from engine.domain import events as ev
from engine.domain.call import Call, State
from engine.domain.callerid import CallerIdRules
from engine.domain.dialstring import parse_dialstring
from engine.domain.errors import FieldError
from engine.domain.model import Attempt, Dialer, DialerType
from engine.domain.schedule import parse_schedule
from engine.domain.settings import SettingsRows, read_dialer
from engine.domain.variables import Variables
from engine.ports import UNREACHABLE, CallControl, Clock, OpenAttempt, Store
from engine.services.book import CallBook

log = structlog.get_logger(__name__)

#: A call that is missing from two lists of channels so far apart is gone.
_SURE = timedelta(seconds=0.8)


class Reconciler:
    """Missed events are made up for by events of our own, through the same call machine."""

    def __init__(self, control: CallControl, store: Store, book: CallBook, clock: Clock) -> None:
        self._control = control
        self._store = store
        self._book = book
        self._clock = clock
        self._untouched: list[Attempt] = []
        self._missing: dict[str, datetime] = {}

    async def adopt(self, *, own: bool) -> None:
        """Take over attempts that were left open: back into the spool when nothing was sent, else into
        the book, where events or the next comparison end them.

        `own`: also what an earlier run of this engine left (at the start only: later it is ours in
        earnest); else only what another engine left whose lease is over.
        """
        now = self._clock.now()
        await self._release_untouched()
        rows = await self._store.settings()
        left = await self._store.open_attempts(now, own=own)
        if not left:
            return
        # From here they are ours: first remember all of them, then do what may fail.
        for item in left:
            if item.state == "claimed":
                self._untouched.append(_attempt(item))
            else:
                self._book.add(_call(item, _dialer(item, rows)), now)
        released = len(self._untouched)
        await self._release_untouched()
        log.info(
            "took over what was left open",
            action="reconcile.adopted",
            released=released,
            in_flight=len(left) - released,
        )

    async def _release_untouched(self) -> None:
        """Give back contacts for whom nothing was sent; tried again at the next occasion."""
        if self._untouched:
            await self._store.release(self._untouched, self._clock.now())
            self._untouched = []

    async def drop_lost(self) -> None:
        """After our lease had run out: forget the calls that another engine took over meanwhile."""
        calls = [call.attempt for call in self._book]
        ours = await self._store.still_ours(calls)
        for attempt in calls:
            if attempt.id not in ours:
                self._book.withdraw(attempt.id)
        if len(ours) < len(calls):
            log.warning("calls were taken over", action="reconcile.lost", calls=len(calls) - len(ours))

    def compare(self, listed: ev.ChannelsListed) -> int:
        """End the calls whose channels are gone, note those that were answered unseen.

        Asterisk drops a channel from its list a moment before it tells of the hang-up, and shows one
        a moment after the order: only a call that is missing from two lists is gone. Returns how many
        calls were missing for the first time; ask again for them in a moment.
        """
        missing: dict[str, datetime] = {}
        for call in self._book:
            attempt = call.attempt.id
            if attempt in listed.live:
                if listed.live[attempt] and call.state in (State.SENT, State.RINGING):
                    self._book.apply(ev.Answered(self._clock.now(), attempt, call.channel))
                continue
            first = self._missing.get(attempt, listed.at)
            if listed.at - first >= _SURE:
                self._book.apply(ev.Vanished(self._clock.now(), attempt))
            else:
                missing[attempt] = first
        self._missing = missing
        return len(missing)

    async def look_after_overdue(self) -> None:
        """End what should have ended by itself: hang up what lives, give up what does not."""
        now = self._clock.now()
        for call in self._book.overdue(now):
            attempt = call.attempt.id
            try:
                alive = await self._control.hang_up(attempt)
            except UNREACHABLE:
                return
            if not alive and attempt in self._book:
                self._book.apply(ev.Overdue(self._clock.now(), attempt))


def _attempt(item: OpenAttempt) -> Attempt:
    return Attempt(item.id, item.contact, item.claimed_at)


def _dialer(item: OpenAttempt, rows: SettingsRows) -> Dialer:
    """The dialer as it is now; a campaign that was broken or removed meanwhile gets the safest one."""
    queues = {str(row["name"]).lower(): row for row in rows.queues}
    name = item.campaign.lower()
    for row in rows.dialers:
        if str(row["campaign"]).lower() == name:
            try:
                return read_dialer(row, queues.get(name))
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
        state=State(item.state),
        sent_at=item.sent_at,
        ringing_at=item.ringing_at,
        answered_at=item.answered_at,
        queued_at=item.queued_at,
        connected_at=item.connected_at,
        agent=item.agent,
    )

"""Compares what we believe with what Asterisk has: at the start, after reconnects, when calls are overdue."""

from __future__ import annotations

from datetime import timedelta

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
from engine.ports import (
    CallControl,
    Clock,
    LinkError,
    OpenAttempt,
    RefusedError,
    Store,
    UncertainError,
)
from engine.services.book import CallBook

log = structlog.get_logger(__name__)

_UNREACHABLE = (LinkError, RefusedError, UncertainError)
#: An order may travel for a moment before its channel can be seen.
_YOUNG = timedelta(seconds=2)


class Reconciler:
    """Missed events are made up for by events of our own, through the same call machine."""

    def __init__(self, control: CallControl, store: Store, book: CallBook, clock: Clock) -> None:
        self._control = control
        self._store = store
        self._book = book
        self._clock = clock

    async def adopt(self, *, own: bool) -> None:
        """Take over attempts that were left open: back into the spool when nothing was sent, else into
        the book, where events or the next comparison end them.

        `own`: also what an earlier run of this engine left (at the start only: later it is ours in
        earnest); else only what another engine left whose lease is over.
        """
        now = self._clock.now()
        left = await self._store.open_attempts(now, own=own)
        if not left:
            return
        rows = await self._store.settings()
        untouched = [_attempt(item) for item in left if item.state == "claimed"]
        await self._store.release(untouched, now)
        for item in left:
            if item.state != "claimed":
                self._book.add(_call(item, _dialer(item, rows)), now)
        log.info(
            "took over what was left open",
            action="reconcile.adopted",
            released=len(untouched),
            in_flight=len(left) - len(untouched),
        )

    def compare(self, listed: ev.ChannelsListed) -> int:
        """End the calls whose channels are gone, note those that were answered unseen.

        Returns how many calls are too young to be judged; ask again for them in a moment.
        """
        young = 0
        for call in self._book:
            started = call.sent_at or call.attempt.claimed_at
            if call.attempt.id not in listed.live and started > listed.at - _YOUNG:
                young += 1
                continue
            event = self._missed(call, listed.live)
            if event is not None:
                self._book.apply(event)
        return young

    def _missed(self, call: Call, live: dict[str, bool]) -> ev.CallEvent | None:
        now = self._clock.now()
        if call.attempt.id not in live:
            return ev.Vanished(now, call.attempt.id)
        if live[call.attempt.id] and call.state in (State.SENT, State.RINGING):
            return ev.Answered(now, call.attempt.id, call.channel)
        return None

    async def look_after_overdue(self) -> None:
        """End what should have ended by itself: hang up what lives, give up what does not."""
        now = self._clock.now()
        for call in self._book.overdue(now):
            attempt = call.attempt.id
            try:
                alive = await self._control.hang_up(attempt)
            except _UNREACHABLE:
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

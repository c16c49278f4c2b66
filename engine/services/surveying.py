"""Judges every contact that waits, round after round and for a small share of the time, so that a table can
say which rule holds it and until when."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from engine.ports import Clock, StoreError
from engine.ports.survey import Look, Part, Source, Surveyor

log = structlog.get_logger(__name__)

#: Contacts judged at once: about 10 ms of the event loop, in several pieces, between two requests of the API.
BATCH = 100
#: Rows of the outlook that are looked through at once for contacts that have gone.
SWEEP = 2_000
#: For so large a share of the time one connection may be busy with judging.
SHARE = 0.2
#: Seconds between two searches for those who have come since.
NEW = 1.0
#: Seconds between the beginnings of two rounds, at least.
PERIOD = 10.0


async def survey(surveyor: Surveyor, clock: Clock, leads: Callable[[], Awaitable[bool]]) -> None:
    """Judge round after round, while `leads` says yes, until cancelled. A round that fails is given up; the
    next one judges anew."""
    rounds = Rounds(surveyor, clock, leads)
    while True:
        begun = clock.monotonic()
        try:
            if not await leads():
                await asyncio.sleep(NEW)
                continue
            contacts = await rounds.round()
            seconds = round(clock.monotonic() - begun, 1)
            log.debug("contacts judged", action="surveying.round", contacts=contacts, seconds=seconds)
        except StoreError as error:
            log.debug("contacts not judged", action="surveying.database", reason=str(error))
        except Exception:
            log.exception("contacts not judged", action="surveying.failed")  # no reason to stop dialling
        await asyncio.sleep(max(PERIOD - (clock.monotonic() - begun), PERIOD / 10))


class Rounds:
    """Goes over all contacts; one that came in the last second is judged before the round goes on."""

    def __init__(self, surveyor: Surveyor, clock: Clock, leads: Callable[[], Awaitable[bool]]) -> None:
        self._surveyor = surveyor
        self._clock = clock
        self._leads = leads
        #: The highest id that was seen in each source.
        self._seen: dict[Source, int] = {}
        self._searched = float("-inf")

    async def round(self) -> int:
        """Judge everybody once; return how many contacts were judged. It ends early when another engine
        leads. Raises StoreError."""
        for source in Source:
            if source not in self._seen:
                self._seen[source] = await self._surveyor.newest(source)
        judged = await self._all(Part(Source.SCHEDULER, 0, BATCH))
        for campaign in await self._surveyor.campaigns():
            judged += await self._all(Part(Source.SPOOL, 0, BATCH, campaign))
        for source in Source:
            await self._sweep(source)
        return judged

    async def _all(self, part: Part) -> int:
        judged, more = 0, True
        while more and await self._leads():
            judged += await self._new()
            look = await self._paced(self._surveyor.look(part, self._clock.now()))
            judged += look.contacts
            part = Part(part.source, look.last, part.most, part.campaign)
            more = look.more
        return judged

    async def _new(self) -> int:
        """Judge a part of those who came since; where there are more, the next part comes next time."""
        if self._clock.monotonic() - self._searched < NEW:
            return 0
        judged, more = 0, False
        for source in Source:
            part = Part(source, self._seen[source], BATCH)
            look = await self._paced(self._surveyor.look(part, self._clock.now()))
            self._seen[source] = max(self._seen[source], look.last)
            judged += look.contacts
            more = more or look.more
        if not more:
            self._searched = self._clock.monotonic()
        return judged

    async def _sweep(self, source: Source) -> None:
        after, more = 0, True
        while more and await self._leads():
            look = await self._paced(self._surveyor.sweep(source, after, SWEEP))
            after, more = look.last, look.more

    async def _paced(self, work: Awaitable[Look]) -> Look:
        """Wait for `work`, and then so long that all of it stays within the share."""
        begun = self._clock.monotonic()
        look = await work
        await asyncio.sleep((self._clock.monotonic() - begun) * (1 - SHARE) / SHARE)
        return look

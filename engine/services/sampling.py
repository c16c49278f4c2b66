"""Counts the spool, part by part and for a small share of the time at most, while this engine leads."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

import structlog

from engine.ports import Clock, Observer, Store, StoreError
from engine.ports.watch import SpoolCount

log = structlog.get_logger(__name__)

#: Contacts counted in one question: some tens of milliseconds of one connection.
CHUNK = 10_000
#: For so large a share of the time one connection may be busy with counting.
SHARE = 0.1
#: Seconds between the beginnings of two rounds, at least.
PERIOD = 10.0


class ReadyContacts:
    """How many contacts of a campaign could be called at the last count, in all its lists."""

    def __init__(self) -> None:
        self._contacts: Counter[str] | None = None

    def take(self, counts: Iterable[SpoolCount]) -> None:
        """Take over a count of the whole spool."""
        self._contacts = Counter()
        for count in counts:
            if count.state == "ready" and not count.reason:
                self._contacts[count.campaign.casefold()] += count.contacts

    def of(self, campaign: str) -> int | None:
        """Return the campaign's; None: nothing has been counted yet."""
        return None if self._contacts is None else self._contacts[campaign.casefold()]


async def sample(store: Store, observer: Observer, clock: Clock, ready: ReadyContacts) -> None:
    """Count round after round until cancelled. A round that fails is given up; the next one counts anew."""
    while True:
        begun = clock.monotonic()
        try:
            observer.small(await store.count_small(clock.now()))
            counts = await _round(store, clock)
            ready.take(counts)
            observer.spool(counts)
        except StoreError as error:
            log.debug("spool not counted", action="sampling.database", reason=str(error))
        except Exception:
            log.exception("spool not counted", action="sampling.failed")  # no reason to stop dialling
        await asyncio.sleep(max(PERIOD - (clock.monotonic() - begun), PERIOD / 10))


async def _round(store: Store, clock: Clock) -> tuple[SpoolCount, ...]:
    """Count all of the spool. Raises StoreError."""
    total: Counter[tuple[str, str, str]] = Counter()
    after, more = 0, True
    while more:
        begun = clock.monotonic()
        chunk = await store.count_spool(clock.now(), after, CHUNK)
        for count in chunk.counts:
            total[count.campaign, count.state, count.reason] += count.contacts
        after, more = chunk.last, chunk.more
        if more:
            await asyncio.sleep((clock.monotonic() - begun) * (1 - SHARE) / SHARE)
    return tuple(SpoolCount(*key, contacts) for key, contacts in sorted(total.items()))

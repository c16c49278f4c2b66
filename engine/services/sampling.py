"""Counts the spool, part by part and for a small share of the time at most, while this engine leads."""

from __future__ import annotations

import asyncio
from collections import Counter

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


async def sample(store: Store, observer: Observer, clock: Clock) -> None:
    """Count round after round until cancelled. A round that fails is given up; the next one counts anew."""
    while True:
        begun = clock.monotonic()
        try:
            observer.small(await store.count_small(clock.now()))
            observer.spool(await _round(store, clock))
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

"""Automatic recycling: a campaign whose spool has run dry gets its next list, where its rules say so."""

from __future__ import annotations

import asyncio

import structlog

from engine.ports import Clock, Store, StoreError

log = structlog.get_logger(__name__)

#: How often dry campaigns are looked for (s); delays of rules are minutes.
PERIOD = 15.0


async def recycle_lists(store: Store, clock: Clock) -> None:
    """Look for dry campaigns until cancelled."""
    while True:
        await asyncio.sleep(PERIOD)
        try:
            for campaign, contacts in (await store.recycle_due(clock.now())).items():
                log.info("list recycled", action="lists.recycled", campaign=campaign, contacts=contacts)
        except StoreError as error:
            log.warning("lists not recycled", action="lists.database", reason=str(error))
        except Exception:
            log.exception("lists not recycled", action="lists.failed")  # no reason to stop dialling

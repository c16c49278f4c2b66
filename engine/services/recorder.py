"""Writes what happened: first into the journal, then, in order and in batches, into the tables."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from engine.domain.entries import Ending, Entry, attempt_of
from engine.ports import Batch, Journal, Observer, Store, StoreError

log = structlog.get_logger(__name__)

_BATCH = 200
#: With this many entries unwritten, dialling waits: what cannot be recorded must not happen.
_FULL = 2000
_PATIENCE = (0.1, 0.2, 0.5, 1.0, 2.0)
#: Seconds between two looks whether a journal that could not be written can be.
_AGAIN = 0.5


class Recorder:
    """One writer for all campaigns.

    Invariant: an entry is in the journal from the moment it is put until its transaction is
    committed, or until the database has refused its values for good (then it is set aside).
    """

    def __init__(self, journal: Journal, store: Store, observer: Observer, fence: Callable[[], int]) -> None:
        self._journal = journal
        self._store = store
        self._observer = observer
        self._fence = fence
        self._some = asyncio.Event()
        self._empty = asyncio.Event()
        self._size = _BATCH
        self._failures = 0
        self.failing: str = ""
        self._look()

    def put(self, *entries: Entry) -> None:
        """Take in what is to be written."""
        if entries:
            self._journal.append(self._fence(), entries)
            self._look()

    def _look(self) -> None:
        if self._journal.pending:
            self._empty.clear()
            self._some.set()
        else:
            self._some.clear()
            self._empty.set()

    @property
    def pending(self) -> int:
        return self._journal.pending

    @property
    def obstacle(self) -> str:
        """Why no calls may be placed: outcomes could not be recorded; '' when they can."""
        if self.failing or self._journal.fault:
            return self.failing or self._journal.fault
        return "too many outcomes wait to be written" if self.pending >= _FULL else ""

    async def run(self) -> None:
        """Write until cancelled."""
        while True:
            if self._journal.fault and not self._journal.pending:
                # Dialling waits for the journal, and no call brings an entry with which it would be tried.
                await asyncio.sleep(_AGAIN)
                self._journal.head(1)
                continue
            await self._some.wait()
            await self.write_some()

    async def write_some(self) -> None:
        """Write one batch; after a failure return only when it is time to try again."""
        batch = self._journal.head(self._size)
        if batch is None:
            self._look()
            return
        try:
            await self._store.record(batch)
        except StoreError as error:
            # Perhaps one entry is at fault, perhaps they are too many for one packet.
            self._size = max(len(batch.entries) // 2, 1)
            if error.data:
                self._refused(batch, error)
            else:
                await self._failed(error)
            return
        if self.failing:
            log.info("outcomes are being written again", action="recorder.recovered")
        self.failing, self._failures = "", 0
        for written in batch.entries:
            if isinstance(written.entry, Ending):
                log.debug("written", action="call.written", call_id=written.entry.attempt)
        self._size = min(self._size * 2, _BATCH)
        self._journal.settled(batch.last)
        self._look()

    def _refused(self, batch: Batch, error: StoreError) -> None:
        """Values are at fault: smaller batches until the culprit is alone, then go on without it. The
        database answers, so it is not away."""
        self.failing = ""
        if len(batch.entries) > 1:
            return
        [written] = batch.entries
        log.error(
            "the database refuses a record for good",
            action="recorder.refused",
            call_id=attempt_of(written.entry),
            reason=str(error),
        )
        self._journal.refused(written, str(error))
        self._journal.settled(batch.last)
        self._look()

    async def _failed(self, error: StoreError) -> None:
        self._observer.database_failed()
        if not self.failing:
            log.error(
                "outcomes cannot be written; dialling waits",
                action="recorder.failing",
                reason=str(error),
                pending=self.pending,
            )
            await self._journal.sync()
        log.debug("not written", action="recorder.again", reason=str(error), entries=self._size)
        self.failing = str(error)
        await asyncio.sleep(_PATIENCE[min(self._failures, len(_PATIENCE) - 1)])
        self._failures += 1

    async def flush(self, limit: float) -> bool:
        """Wait until everything is written, `limit` s at most; False when it is not."""
        try:
            async with asyncio.timeout(limit):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True


async def write_out(journal: Journal, store: Store, observer: Observer) -> None:
    """Bring what a dead process left into the tables, all of it, and give its journal up.

    Raises StoreError when the last word about the journal is not heard; that costs nothing.
    """
    entries = journal.pending
    recorder = Recorder(journal, store, observer, lambda: 0)
    while journal.pending:
        await recorder.write_some()
    journal.close()
    await store.forget_journal(journal.id)
    log.info("wrote out the journal of a dead engine", action="recorder.inherited", entries=entries)

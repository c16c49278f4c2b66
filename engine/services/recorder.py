"""Writes what happened, in order, in batches; holds it while the database is away."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

import structlog

from engine.domain.call import Call
from engine.domain.records import QueueLogRow
from engine.ports import Finished, Observer, Records, Store, StoreError

log = structlog.get_logger(__name__)

Item = Call | QueueLogRow | Finished
_BATCH = 200
#: With this many records unwritten, dialling waits: what cannot be recorded must not happen.
_FULL = 2000
_PATIENCE = (0.1, 0.2, 0.5, 1.0, 2.0)


class Recorder:
    """One writer for all campaigns.

    Invariant: an item leaves the queue only after its transaction was committed, or after the
    database refused its values for good (then it is in the log with its call id).
    """

    def __init__(self, store: Store, observer: Observer, new_name: Callable[[], str]) -> None:
        self._new_name = new_name
        self._name = ""
        self._batch: list[Item] = []
        self._store = store
        self._observer = observer
        self._items: deque[Item] = deque()
        self._some = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._one_by_one = 0
        self.failing: str = ""

    def put(self, *items: Item) -> None:
        """Queue items to be written."""
        if items:
            self._items.extend(items)
            self._empty.clear()
            self._some.set()

    @property
    def pending(self) -> int:
        return len(self._items)

    @property
    def ready(self) -> bool:
        """May calls be placed: is the database taking records and the queue short?"""
        return not self.failing and len(self._items) < _FULL

    async def run(self) -> None:
        """Write until cancelled."""
        failures = 0
        while True:
            await self._some.wait()
            batch = self._batch or self._next_batch()
            try:
                await self._store.record(_records(self._name, batch))
            except StoreError as error:
                if error.data:
                    self._refused(batch, error)
                else:
                    self._failed(error)
                    await asyncio.sleep(_PATIENCE[min(failures, len(_PATIENCE) - 1)])
                    failures += 1
                continue
            if self.failing:
                log.info("outcomes are being written again", action="recorder.recovered")
            self.failing, failures = "", 0
            self._written(len(batch))

    def _next_batch(self) -> list[Item]:
        """Cut the next batch; it stays the same, under the same name, until it is settled."""
        size = 1 if self._one_by_one else _BATCH
        self._batch = [self._items[i] for i in range(min(size, len(self._items)))]
        self._name = self._new_name()
        return self._batch

    def _written(self, count: int) -> None:
        self._batch = []
        for _ in range(count):
            self._items.popleft()
        self._one_by_one = max(self._one_by_one - count, 0)
        if not self._items:
            self._some.clear()
            self._empty.set()

    def _refused(self, batch: list[Item], error: StoreError) -> None:
        """Values are at fault: write one by one until the culprit is alone, then go on without it. The
        database answers, so it is not away."""
        self.failing = ""
        if len(batch) > 1:
            self._one_by_one, self._batch = len(batch), []
            return
        log.error(
            "the database refuses a record for good",
            action="recorder.refused",
            call_id=_call_id(batch[0]),
            reason=str(error),
        )
        self._written(1)

    def _failed(self, error: StoreError) -> None:
        self._observer.database_failed()
        if not self.failing:
            log.error(
                "outcomes cannot be written; dialling waits",
                action="recorder.failing",
                reason=str(error),
                pending=self.pending,
            )
        self.failing = str(error)

    async def flush(self, limit: float) -> bool:
        """Wait until everything is written, `limit` s at most; False when it is not."""
        try:
            async with asyncio.timeout(limit):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True


def _records(name: str, batch: list[Item]) -> Records:
    """Sort a batch by kind; of several steps of one call only the last is worth a statement."""
    latest = {item.attempt.id: item for item in batch if isinstance(item, Call)}
    finished = tuple(item for item in batch if isinstance(item, Finished))
    for item in finished:
        latest.pop(item.call.attempt.id, None)
    return Records(
        batch=name,
        progress=tuple(latest.values()),
        queue_log=tuple(item for item in batch if isinstance(item, QueueLogRow)),
        finished=finished,
    )


def _call_id(item: Item) -> str:
    match item:
        case Finished():
            return item.call.attempt.id
        case Call():
            return item.attempt.id
        case QueueLogRow():
            return item.call

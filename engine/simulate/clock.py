"""Virtual time: what happens when, on one heap."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

#: When every simulated day begins.
EPOCH = datetime(2026, 1, 5, 9, tzinfo=UTC)


class Clock:
    """`t` counts s since `start`; `now` is the same moment."""

    def __init__(self, start: datetime) -> None:
        self.start = start
        self.t = 0.0
        self.now = start
        self._heap: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._order = 0

    def at(self, t: float, act: Callable[..., None], *arguments: object) -> None:
        """Let something happen at `t`."""
        self._order += 1
        heappush(self._heap, (t, self._order, act, arguments))

    @property
    def next(self) -> float | None:
        """Return when something happens next."""
        return self._heap[0][0] if self._heap else None

    def advance(self, t: float) -> None:
        """It is `t` now; let happen what is due."""
        self.t = t
        self.now = self.start + timedelta(seconds=t)
        heap = self._heap
        while heap and heap[0][0] <= t:
            _, _, act, arguments = heappop(heap)
            act(*arguments)

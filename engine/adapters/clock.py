"""Time: the one place where the engine reads the machine's clocks."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def boot_seconds() -> float:
    """Seconds since the machine was started, its sleep included: nobody can set them (Linux)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SteadyClock:
    """The time of day as it was at the start, carried on by the seconds that have passed since.

    A time of day that is set while the engine runs therefore moves nothing by itself: `drift` tells
    of it and `rebase` takes it over, when whoever counts with `now` is ready for that.
    """

    def __init__(
        self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = boot_seconds
    ) -> None:
        self._wall = wall
        self.monotonic = monotonic
        self.rebase()

    def rebase(self) -> None:
        """Take over the time of day."""
        self._start, self._since = self._wall(), self.monotonic()

    def now(self) -> datetime:
        """Return the time, aware UTC."""
        passed = self.monotonic() - self._since
        return datetime.fromtimestamp(self._start, UTC) + timedelta(seconds=passed)

    def drift(self) -> float:
        """Return by how many seconds the time of day is ahead of `now`."""
        return self._wall() - self._start - (self.monotonic() - self._since)

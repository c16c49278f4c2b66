"""So many requests a second, and a burst: one bucket per token and one per address."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

#: Seconds of requests that may come at once.
BURST = 10.0
#: Who was not heard of longest is forgotten first; his bucket would be full again by then.
_REMEMBERED = 20_000


class Buckets:
    """Token buckets by name. `rate` per s; `monotonic` gives seconds."""

    def __init__(self, rate: float, monotonic: Callable[[], float]) -> None:
        self._rate = rate
        self._full = max(rate * BURST, 1.0)
        self._monotonic = monotonic
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> bool:
        """Take one; False when there is none left."""
        now = self._monotonic()
        left, at = self._known.pop(name, (self._full, now))
        left = min(left + (now - at) * self._rate, self._full)
        self._known[name] = (max(left - 1.0, 0.0) if left >= 1.0 else left, now)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return left >= 1.0

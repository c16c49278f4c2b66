"""How many contacts the lists will still bring: those that were counted, and those that come after them."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import exp

#: A count that stays the same for so long is a new one: small lists are counted every ten seconds.
SAME = timedelta(seconds=90)
#: How many of the contacts that are called are replaced is remembered over so many.
_MEMORY = 1000.0
#: As many contacts weigh the guess that none is.
_PRIOR = 5.0


class ListEnd:
    """Contacts that are called may be replaced: by retries, or by a feed that keeps few ready at any time.

    Where a share f of them is, n contacts become n / (1 − f). A load of many at once says little about
    the next one, so no more are believed to be replaced than were called meanwhile.
    """

    def __init__(self) -> None:
        self._left: int | None = None
        self._at: datetime | None = None
        self._called = 0
        self._all = self._replaced = 0.0

    def called(self) -> None:
        """A contact was called."""
        self._called += 1

    def expected(self, left: int, now: datetime) -> float:
        """Return how many contacts will still be called, where `left` were ready at the last count."""
        if self._left is None or self._at is None:
            self._begin(left, now)
        elif left != self._left or now - self._at >= SAME:
            called = self._called
            keep = exp(-called / _MEMORY)
            came = min(max(left - self._left + called, 0), called)
            self._all = self._all * keep + called
            self._replaced = self._replaced * keep + came
            self._begin(left, now)
        return left / (1.0 - self._replaced / (self._all + _PRIOR))

    def _begin(self, left: int, now: datetime) -> None:
        self._left, self._at, self._called = left, now, 0

"""What each trunk may be given: channels at once and calls per second, shared by all campaigns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from engine.domain.pacing import TokenBucket
from engine.domain.settings import TrunkLimits


@dataclass(slots=True)
class _Trunk:
    limits: TrunkLimits
    bucket: TokenBucket | None
    reserved: int = 0


class Trunks:
    """The limits of all trunks. What a decision takes is reserved at once, so that two campaigns never
    count on the same channel; a trunk without a row in `trunks` has no limit."""

    def __init__(self) -> None:
        self._trunks: dict[str, _Trunk] = {}

    def follow(self, limits: Mapping[str, TrunkLimits]) -> None:
        """Take over changed limits; what was reserved and earned stays."""
        for name in self._trunks.keys() - limits.keys():
            del self._trunks[name]
        for name, wanted in limits.items():
            known = self._trunks.get(name)
            if known is None or known.limits != wanted:
                bucket = TokenBucket(wanted.cps) if wanted.cps is not None else None
                self._trunks[name] = _Trunk(wanted, bucket, known.reserved if known else 0)

    def limits(self, name: str) -> TrunkLimits | None:
        """Return the limits of a trunk; None: it has none."""
        trunk = self._trunks.get(name)
        return trunk.limits if trunk is not None else None

    def room(self, name: str, in_use: int) -> int | None:
        """Return the free channels of a trunk on which `in_use` calls are; None: no limit."""
        trunk = self._trunks.get(name)
        if trunk is None or trunk.limits.channels is None:
            return None
        return max(trunk.limits.channels - in_use - trunk.reserved, 0)

    def calls(self, name: str, now: datetime) -> tuple[int | None, datetime | None]:
        """Return how many calls may leave now, and when the next may; None: no limit."""
        trunk = self._trunks.get(name)
        if trunk is None or trunk.bucket is None:
            return None, None
        return max(trunk.bucket.available(now), 0), trunk.bucket.next_at(now)

    def reserve(self, name: str, calls: int, now: datetime) -> None:
        """Note that `calls` were decided."""
        trunk = self._trunks.get(name)
        if trunk is not None:
            trunk.reserved += calls
            if trunk.bucket is not None:
                trunk.bucket.take(calls, now)

    def settle(self, name: str, calls: int, placed: int, now: datetime) -> None:
        """Note that of `calls` reserved ones `placed` are in the book now, and the others not needed."""
        trunk = self._trunks.get(name)
        if trunk is not None:
            trunk.reserved = max(trunk.reserved - calls, 0)
            if trunk.bucket is not None:
                trunk.bucket.take(placed - calls, now)

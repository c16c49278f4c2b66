"""Who dials: of the engines that share a database one holds the lease, the others stand by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from engine.ports import Clock, Store


@dataclass(frozen=True, slots=True)
class Identity:
    """This process, by a name that others can check, and how to check others' names.

    `is_dead`: is the process of that name certainly gone? It may always say False.
    """

    process: str
    is_dead: Callable[[str], bool]


class Lease:
    """Our side of the lease.

    Invariant: `held` ends before the lease can be anybody else's. We count from the moment before we
    asked, on a clock that nobody can set; the database counts from the moment after.
    """

    def __init__(self, store: Store, clock: Clock, identity: Identity) -> None:
        self._store = store
        self._clock = clock
        self._identity = identity
        self._until = float("-inf")
        self._dead = ""
        #: The engine that has the lease, as far as we know.
        self.owner = ""

    @property
    def held(self) -> bool:
        """May we dial?"""
        return self._clock.monotonic() < self._until

    @property
    def token(self) -> int:
        """The fencing token of the lease that we took last."""
        return self._store.fence

    async def take(self, length: timedelta) -> bool:
        """Take the lease if nobody alive has it; tell whether it is ours. Raises StoreError.

        The process that has it is looked at first: what is certainly dead need not be waited for.
        """
        asked = self._clock.monotonic()
        state = await self._store.take_lease(self._identity.process, length, self._dead)
        if not state.ours:
            self.owner = state.owner
            self._dead = state.process if self._identity.is_dead(state.process) else ""
            return False
        self._dead = ""
        self._until = asked + length.total_seconds()
        return True

    async def renew(self, length: timedelta) -> bool:
        """Say that we live; False when another engine has taken over. Raises StoreError."""
        asked = self._clock.monotonic()
        if not await self._store.renew_lease(length):
            self._until = float("-inf")
            return False
        self._until = asked + length.total_seconds()
        return True

    async def end(self) -> None:
        """Let another engine take over at once. Raises StoreError."""
        self._until = float("-inf")
        await self._store.end_lease()

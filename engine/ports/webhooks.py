"""What the delivery of webhooks needs: an outbox in the database, and somebody who carries a request out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from engine.domain.webhooks import Reply


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event for one endpoint. `attempts` counts this try as well; `body` is the same in every try."""

    id: int
    webhook: int
    url: str
    secrets: tuple[str, ...] = field(repr=False)
    event: str
    body: bytes
    attempts: int


class Outbox(Protocol):
    """The events that wait. Every method is one transaction or several, and raises StoreError."""

    async def take(
        self, room: Mapping[int, int], default: int, limit: int, lease: timedelta
    ) -> tuple[Delivery, ...]:
        """Take what is due, `limit` at most; per endpoint as many as `room` says, else `default`. What is
        not noted within `lease` is due again."""

    async def delivered(self, delivery: Delivery, reply: Reply) -> None:
        """The endpoint has it."""

    async def again(self, delivery: Delivery, reply: Reply, after: timedelta) -> None:
        """It is to be tried again."""

    async def bury(self, delivery: Delivery, reply: Reply) -> None:
        """It is tried no more: into the dead letters."""

    async def switch_off(self, webhook: int, reason: str) -> None:
        """An endpoint wants nothing more."""

    async def look(self) -> None:
        """Tell of lists that were finished."""

    async def tidy(self) -> int:
        """Bury what is too old, forget what was delivered long ago; return how many deliveries wait."""


class Sender(Protocol):
    """Carries requests out."""

    async def send(self, delivery: Delivery, timestamp: int) -> Reply:
        """Send one request, signed at `timestamp` (s since 1970). Never raises but when cancelled."""

    async def close(self) -> None:
        """Close what is open."""


class CourierObserver(Protocol):
    """Who counts deliveries."""

    def webhook(self, result: str, seconds: float) -> None:
        """A try ended: delivered, refused (by its status), unreachable, dead; and how long it took."""

    def outbox(self, waiting: int) -> None:
        """How many deliveries wait."""

"""The engine's own picture of this moment, as whoever shows it asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from engine.domain.live import CallNow, CallsNow, QueueNow
from engine.ports import CampaignReport


class EngineSilentError(Exception):
    """The engine did not answer in time: nothing is known of this moment."""


class Live(Protocol):
    """What the engine knows now, at most a moment old. No query of the database. Every method raises
    EngineSilentError."""

    async def current(self) -> bool:
        """Is the picture of Asterisk current?"""

    async def leading(self) -> bool:
        """Does this engine lead (is a term running)?"""

    async def queues(self) -> Sequence[QueueNow]:
        """Return every queue that Asterisk has."""

    async def calls(self) -> Mapping[str, CallsNow]:
        """Return campaign → calls of the campaigns that run; none on a standby."""

    async def each_call(self) -> Sequence[CallNow]:
        """Return every call that is up; none on a standby."""

    async def reports(self) -> Sequence[CampaignReport]:
        """Return what the campaigns were doing within the last second; none on a standby."""

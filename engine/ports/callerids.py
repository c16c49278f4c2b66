"""What the rotation of caller IDs needs of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.domain.callerid_health import Counts, Result
from engine.domain.settings import SettingsRows


@dataclass(frozen=True, slots=True)
class CallerIdRecord:
    """What an earlier term knew of a number (digits). `rests`: automatic rests in a row."""

    number: str
    used_at: datetime | None
    counted_from: datetime | None = None
    rests: int = 0


@dataclass(frozen=True, slots=True)
class CallerIdFigures:
    """How a number fares now."""

    number: str
    used_at: datetime | None
    counts: Counts
    counted_from: datetime | None


@dataclass(frozen=True, slots=True)
class CallerIdRest:
    """The decision to let a number rest; `rests` in a row, this one included."""

    number: str
    until: datetime
    reason: str
    rests: int


class CallerIdStore(Protocol):
    """The part of the store that keeps caller IDs. Every method raises StoreError when it did not happen."""

    async def settings(self) -> SettingsRows:
        """Return the current settings, the enabled rows of `caller_ids` and what rests among them."""

    async def caller_id_records(self, now: datetime) -> tuple[CallerIdRecord, ...]:
        """Return what is known of every number that was shown in the last weeks, the last moment before
        the engine's death included."""

    async def caller_id_calls(
        self, numbers: Sequence[str], since: datetime, before: datetime, limit: int
    ) -> Mapping[str, Sequence[Result]]:
        """Return the telling calls of each number, the newest `limit` of those that were placed since
        `since` and had ended `before`, oldest first."""

    async def keep_caller_ids(
        self,
        figures: Sequence[CallerIdFigures],
        rests: Sequence[CallerIdRest],
        proven: Sequence[str],
    ) -> None:
        """Write how numbers fare and which begin to rest; the rests of the `proven` are forgotten."""

    async def forget_caller_ids(self, before: datetime) -> None:
        """Forget numbers that do not rest and were not shown since `before`."""

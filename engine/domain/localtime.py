"""Between UTC and the local time of the documented columns, clock changes included."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo


@dataclass(frozen=True, slots=True)
class LocalTime:
    """The engine's time zone; None is the machine's own."""

    zone: tzinfo | None = None

    def at(self, moment: datetime) -> datetime:
        """Return an aware moment in local time."""
        return moment.astimezone(self.zone)

    def naive(self, moment: datetime) -> datetime:
        """Return what a documented column holds for an aware moment."""
        return self.at(moment).replace(tzinfo=None)

    def utc(self, naive: datetime) -> datetime:
        """Return the moment (aware UTC) that a documented column means.

        The hour that autumn has twice means its second half, and one that spring leaves out the later
        of its two readings: whatever a column forbids is then not allowed too early. The calendar's
        end, which stands for "never", stays.
        """
        try:
            return max(self._read(naive, fold) for fold in (0, 1))
        except OverflowError:
            return naive.replace(tzinfo=UTC)

    def soonest(self, naive: datetime) -> datetime:
        """Return the earlier of the moments that a documented column may mean: whatever it takes away is
        gone from then on."""
        try:
            return min(self._read(naive, fold) for fold in (0, 1))
        except OverflowError:
            return naive.replace(tzinfo=UTC)

    def _read(self, naive: datetime, fold: int) -> datetime:
        folded = naive.replace(fold=fold)
        return (folded.replace(tzinfo=self.zone) if self.zone else folded).astimezone(UTC)

"""How a campaign stands with its abandoned calls, for people and metrics to see."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """How a campaign stands with its abandoned calls: today and over the law's window, today included.

    `limit`: the share of answered calls that may be abandoned; `left`: so many more may be lost now before
    the day or the window is above it, less than 0 when it is.
    """

    answered: float
    abandoned: float
    window_answered: float
    window_abandoned: float
    window_days: int
    limit: float
    left: float

"""Campaigns that share agents: who expects which callers, and which agents come free again."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.domain.pacing.base import Decision


class _Claim(NamedTuple):
    callers: float
    relief: float
    seats: frozenset[str]


@dataclass(slots=True)
class Rivals:
    """What each campaign's last decision expected, and which seats it counts on: some may be the same."""

    _claims: dict[Hashable, _Claim] = field(default_factory=dict)

    def note(self, campaign: Hashable, decision: Decision, seats: frozenset[str]) -> None:
        """Take over what a decision expects: callers waiting and to come, agents who will be done."""
        numbers = decision.detail
        callers = numbers.get("waiting", 0.0) + numbers.get("expected", 0.0)
        self._claims[campaign] = _Claim(callers, numbers.get("relief", 0.0), seats)

    def forget(self, campaign: Hashable) -> None:
        """The campaign has stopped."""
        self._claims.pop(campaign, None)

    def of(self, campaign: Hashable, seats: frozenset[str]) -> tuple[float, float]:
        """Return callers and agents coming free of other campaigns, by the share of seats in common."""
        callers = relief = 0.0
        for name, claim in self._claims.items():
            if name != campaign and claim.seats:
                share = len(seats & claim.seats) / len(claim.seats)
                callers += share * claim.callers
                relief += share * claim.relief
        return callers, relief

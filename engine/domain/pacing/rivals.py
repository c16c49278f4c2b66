"""Campaigns that share agents: who expects which callers, and which agents come free again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import NamedTuple

from engine.domain.pacing.base import Bound, Decision

#: Who is bound by these would place more calls if more agents were free.
_BY_AGENTS = frozenset((Bound.AGENTS, Bound.NOBODY, Bound.BUDGET, Bound.DATA))


class Shared(NamedTuple):
    """What other campaigns mean for one: callers they have waiting or expect at its seats, agents there who
    will be done with calls of theirs, and the share of its seats that is due to itself (1: all)."""

    callers: float = 0.0
    relief: float = 0.0
    share: float = 1.0


class _Claim(NamedTuple):
    callers: float
    relief: float
    seats: frozenset[str]
    wants: bool


@dataclass(slots=True)
class Rivals:
    """What each campaign's last decision expected, and which seats it counts on: some may be the same."""

    _claims: dict[Hashable, _Claim] = field(default_factory=dict)

    def note(self, campaign: Hashable, decision: Decision, seats: frozenset[str]) -> None:
        """Take over what a decision expects: callers waiting and to come, agents who will be done."""
        numbers, wants = decision.detail, decision.bound in _BY_AGENTS
        callers = numbers.get("waiting", 0.0) + numbers.get("expected", 0.0)
        self._claims[campaign] = _Claim(callers, numbers.get("relief", 0.0), seats, wants)

    def forget(self, campaign: Hashable) -> None:
        """The campaign has stopped."""
        self._claims.pop(campaign, None)

    def rest(self, campaign: Hashable, *, calls: int) -> None:
        """The campaign places none at present, whatever the agents do; `calls` are still in flight."""
        claim = self._claims.get(campaign)
        if claim is not None:
            self._claims[campaign] = claim._replace(wants=False)
            if not calls:
                del self._claims[campaign]

    def of(self, campaign: Hashable, seats: frozenset[str]) -> Shared:
        """Return what the others mean for a campaign with these seats.

        Callers and relief by the share of their seats in common. A seat for which several campaigns
        would have more calls is due to each of them in equal parts: who learnt first, or has the better
        list, must not keep the others from ever being heard.
        """
        callers = relief = 0.0
        wanted: Counter[str] = Counter()
        for name, claim in self._claims.items():
            if name == campaign or not claim.seats:
                continue
            common = seats & claim.seats
            part = len(common) / len(claim.seats)
            callers += part * claim.callers
            relief += part * claim.relief
            if claim.wants:
                wanted.update(common)
        due = len(seats) - len(wanted) + sum(1 / (1 + others) for others in wanted.values())
        return Shared(callers, relief, due / len(seats) if seats else 1.0)

"""Campaigns that share agents: who expects which callers, who comes free again, and whose turn it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from engine.domain.pacing.base import Bound, Decision

#: Who is bound by these would place more calls if more agents were free.
_BY_AGENTS = frozenset((Bound.AGENTS, Bound.NOBODY, Bound.BUDGET, Bound.DATA))
#: Who is bound by these and aims at no loss places safe calls only.
_SAFE_ONLY = frozenset((Bound.BUDGET, Bound.DATA))
#: Who wants calls and has had none for so long gets a turn: the others that share its agents place none …
STARVED = timedelta(seconds=60)
#: … until it has placed some, or for so long: its agents may be kept by calls that are nobody's here.
TURN = timedelta(seconds=45)
#: A turn that was of no use doubles the time to the next, up to so much.
_LONGEST = timedelta(minutes=16)


class Shared(NamedTuple):
    """What other campaigns mean for one: callers they have waiting or expect at its seats, agents there who
    will be done with calls of theirs, and the share of its seats that is due to itself (1: all, 0: it is
    another's turn)."""

    callers: float = 0.0
    relief: float = 0.0
    share: float = 1.0


@dataclass(slots=True)
class _Claim:
    """`hungry`: since when it wants calls and has none; `patience`: how long until it gets a turn."""

    callers: float
    relief: float
    seats: frozenset[str]
    wants: bool
    hungry: datetime | None = None
    patience: timedelta = STARVED


@dataclass(slots=True)
class Rivals:
    """What each campaign's last decision expected, and which seats it counts on: some may be the same."""

    _claims: dict[Hashable, _Claim] = field(default_factory=dict)

    def note(self, campaign: Hashable, decision: Decision, seats: frozenset[str], now: datetime) -> None:
        """Take over what a decision expects: callers waiting and to come, agents who will be done."""
        numbers, wants = decision.detail, decision.bound in _BY_AGENTS
        expected = numbers.get("expected", 0.0)
        if decision.bound in _SAFE_ONLY and numbers.get("target", 0.0) == 0.0:
            # It places a call only where an agent is free for it, and has nothing to lose him to others by.
            expected = max(expected, numbers.get("dialling", 0.0) + decision.calls)
        claim = _Claim(numbers.get("waiting", 0.0) + expected, numbers.get("relief", 0.0), seats, wants)
        # Without a number of channels nobody was on duty.
        if wants and not decision.calls and numbers.get("channels", 1.0) == 0.0:
            before = self._claims.get(campaign)
            claim.hungry = now
            if before is not None and before.hungry is not None:
                claim.hungry, claim.patience = before.hungry, before.patience
                if now >= claim.hungry + claim.patience + TURN:
                    claim.hungry, claim.patience = now, min(2 * claim.patience, _LONGEST)
        self._claims[campaign] = claim

    def forget(self, campaign: Hashable) -> None:
        """The campaign has stopped."""
        self._claims.pop(campaign, None)

    def rest(self, campaign: Hashable, *, calls: int) -> None:
        """The campaign places none at present, whatever the agents do; `calls` are still in flight."""
        claim = self._claims.get(campaign)
        if claim is not None:
            claim.wants, claim.hungry = False, None
            if not calls:
                del self._claims[campaign]

    def of(self, campaign: Hashable, seats: frozenset[str], now: datetime) -> Shared:
        """Return what the others mean for a campaign with these seats.

        Callers and relief by the share of their seats in common. A seat for which several campaigns
        would have more calls is due to each of them in equal parts: who learnt first, or has the better
        list, must not keep the others from ever being heard. That is not enough where agents are few:
        there the others' callers leave no call without risk to a campaign that has no budget. So who has
        had no call for a while gets a turn, the one that has waited longest first.
        """
        callers = relief = 0.0
        wanted: Counter[str] = Counter()
        starved: tuple[datetime, Hashable] | None = None
        for name, claim in self._claims.items():
            common = seats & claim.seats
            if not common:
                continue
            hungry = claim.hungry
            if hungry is not None and now >= hungry + claim.patience and (not starved or hungry < starved[0]):
                starved = hungry, name
            if name == campaign:
                continue
            part = len(common) / len(claim.seats)
            callers += part * claim.callers
            relief += part * claim.relief
            if claim.wants:
                wanted.update(common)
        if starved is not None and starved[1] != campaign:
            return Shared(callers, relief, 0.0)
        due = len(seats) - len(wanted) + sum(1 / (1 + others) for others in wanted.values())
        return Shared(callers, relief, due / len(seats) if seats else 1.0)

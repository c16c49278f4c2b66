"""Pacing: how many calls to place now, and why. One file per strategy behind one interface."""

from collections.abc import Mapping

from engine.domain.model import Dialer, DialerType
from engine.domain.pacing.base import (
    NOTHING_KNOWN,
    Bound,
    CallInFlight,
    DayTotals,
    Decision,
    Observed,
    Pacer,
    Placed,
    SeatChanged,
    SeatInUse,
    Snapshot,
    Traits,
)
from engine.domain.pacing.limits import TokenBucket
from engine.domain.pacing.power import PowerPacer
from engine.domain.pacing.predictive import PredictivePacer
from engine.domain.pacing.profiles import PROFILES, STRICT, Profile, Since, profile_for

__all__ = [
    "NOTHING_KNOWN",
    "PROFILES",
    "STRICT",
    "Bound",
    "CallInFlight",
    "DayTotals",
    "Decision",
    "Observed",
    "Pacer",
    "Placed",
    "PowerPacer",
    "PredictivePacer",
    "Profile",
    "SeatChanged",
    "SeatInUse",
    "Since",
    "Snapshot",
    "TokenBucket",
    "Traits",
    "pacer_for",
    "profile_for",
    "supported",
]

_STRATEGIES = frozenset({DialerType.POWER, DialerType.PREDICTIVE})


def supported(kind: DialerType) -> bool:
    """Is there a strategy for this type of dialer?"""
    return kind in _STRATEGIES


def pacer_for(dialer: Dialer, profiles: Mapping[str, Profile] = PROFILES) -> Pacer:
    """Return a fresh pacer for the dialer. Raises KeyError where `supported` is false.

    `profiles`: jurisdictions by name, in capitals; `dialer.jurisdiction` chooses among them.
    """
    if dialer.dialer_type is DialerType.POWER:
        return PowerPacer(profile_for(dialer.jurisdiction, profiles))
    if dialer.dialer_type is DialerType.PREDICTIVE:
        return PredictivePacer(profile_for(dialer.jurisdiction, profiles))
    raise KeyError(dialer.dialer_type)

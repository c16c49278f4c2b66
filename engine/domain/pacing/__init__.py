"""Pacing: how many calls to place now, and why. One file per strategy behind one interface."""

from collections.abc import Mapping

from engine.domain.model import Dialer
from engine.domain.modes import Mode
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
from engine.domain.pacing.channels import ChannelPacer
from engine.domain.pacing.limits import TokenBucket
from engine.domain.pacing.power import PowerPacer
from engine.domain.pacing.predictive import PredictivePacer
from engine.domain.pacing.profiles import PROFILES, STRICT, Profile, Since, profile_for
from engine.domain.pacing.reserved import ReservedPacer
from engine.domain.pacing.standing import Standing

__all__ = [
    "NOTHING_KNOWN",
    "PROFILES",
    "STRICT",
    "Bound",
    "CallInFlight",
    "ChannelPacer",
    "DayTotals",
    "Decision",
    "Observed",
    "Pacer",
    "Placed",
    "PowerPacer",
    "PredictivePacer",
    "Profile",
    "ReservedPacer",
    "SeatChanged",
    "SeatInUse",
    "Since",
    "Snapshot",
    "Standing",
    "TokenBucket",
    "Traits",
    "pacer_for",
    "profile_for",
]


def pacer_for(dialer: Dialer, profiles: Mapping[str, Profile] = PROFILES) -> Pacer:
    """Return a fresh pacer for the dialer.

    `profiles`: jurisdictions by name, in capitals; `dialer.jurisdiction` chooses among them.
    """
    profile = profile_for(dialer.jurisdiction, profiles)
    if dialer.mode is Mode.POWER:
        return PowerPacer(profile)
    if dialer.mode is Mode.PREDICTIVE:
        return PredictivePacer(profile)
    return ReservedPacer(profile) if dialer.mode.reserves else ChannelPacer()

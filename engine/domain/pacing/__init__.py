"""Pacing: how many calls to place now, and why. One file per strategy behind one interface."""

from engine.domain.model import Dialer, DialerType
from engine.domain.pacing.base import Bound, Decision, Pacer, Snapshot
from engine.domain.pacing.power import PowerPacer

__all__ = ["Bound", "Decision", "Pacer", "PowerPacer", "Snapshot", "pacer_for", "supported"]

_STRATEGIES: dict[DialerType, type[PowerPacer]] = {DialerType.POWER: PowerPacer}


def supported(kind: DialerType) -> bool:
    """Is there a strategy for this type of dialer?"""
    return kind in _STRATEGIES


def pacer_for(dialer: Dialer) -> Pacer:
    """Return a fresh pacer for the dialer's type. Raises KeyError where `supported` is false."""
    return _STRATEGIES[dialer.dialer_type]()

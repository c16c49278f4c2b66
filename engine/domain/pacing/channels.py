"""Voice broadcast: as many calls as there are channels. No agent is needed, so nothing is predicted."""

from __future__ import annotations

from datetime import datetime

from engine.domain.pacing.base import Bound, Decision, Observed, Snapshot
from engine.domain.pacing.limits import within_limits

#: More than any campaign places at once; channels, trunk, gap and list bring it down.
_PLENTY = 10_000


class ChannelPacer:
    """The same snapshot always gives the same decision."""

    #: Nobody is lost: who answers is talked to by the machine.
    standing = None

    def observe(self, event: Observed) -> None:
        """Nothing is learnt: what is free is known."""

    def decide(self, snapshot: Snapshot, now: datetime) -> Decision:
        detail = {"dialling": float(snapshot.dialling)}
        return within_limits(Decision(_PLENTY, Bound.CHANNELS, "all channels", detail), snapshot, now)

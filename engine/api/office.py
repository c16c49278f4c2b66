"""What every route needs: the database, time, ids, the live picture, who may do what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from engine.adapters.legal import Legal
from engine.adapters.mysql import Database
from engine.adapters.recordings import Recordings
from engine.api.clerk import Clerk
from engine.api.guard import Guard
from engine.api.v1.stream import Stream
from engine.config import HttpSection
from engine.domain.localtime import LocalTime
from engine.domain.pacing import Profile
from engine.domain.webhooks import Reach
from engine.ports import Clock
from engine.ports.live import Live


@dataclass(frozen=True, slots=True)
class Office:
    """Given to every handler. `clerk`: keeps sent files until they are loaded; `recordings`: where Asterisk
    writes them, None when it is not known; `profiles`: rules on abandoned calls; `stream`: live events;
    `reach`: where webhooks may go."""

    database: Database
    clock: Clock
    local: LocalTime
    legal: Legal
    live: Live
    new_id: Callable[[], str]
    guard: Guard
    settings: HttpSection
    recordings: Recordings | None
    profiles: Mapping[str, Profile]
    clerk: Clerk
    stream: Stream
    reach: Reach

    def wall(self) -> datetime:
        """Return the local time as the documented columns hold it (naive)."""
        return self.local.naive(self.clock.now())

"""The interface between a campaign's worker and its pacing strategy."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from engine.domain.events import CallEvent
from engine.domain.model import Dialer


class Bound(enum.StrEnum):
    """What kept a decision from placing more calls; metrics and `campaign_state` use these words."""

    AGENTS = "agents"  # every free agent has its share of calls
    NOBODY = "nobody"  # no agent is free
    CHANNELS = "channels"  # maxchannels reached
    GAP = "gap"  # the time between calls has not passed
    SCHEDULE = "schedule"  # outside the dialer's hours
    SPOOL = "spool"  # no contact is ready
    REFUSED = "refused"  # Asterisk refuses the orders (a context or extension that does not exist)
    TRUNK = "trunk"  # the trunk fails call after call and rests
    LINK = "link"  # Asterisk cannot be reached
    DATABASE = "database"  # outcomes cannot be recorded
    LAG = "lag"  # events from Asterisk come late: who is free is not known well enough
    BATCH = "batch"  # more could be placed, next time


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a strategy may know, counted at one moment.

    `ready`, `ringing`, `talking`, `wrapup`: seats of the campaign's queue by state (another call
    or a pause counts in none). `dialling`: attempts placed and not yet answered. `waiting`:
    answered callers whom no agent is being rung for, from whatever source. `channels`: attempts
    of this campaign that hold a channel. `last_originate`: when the last call was placed.
    """

    dialer: Dialer
    ready: int
    ringing: int
    talking: int
    wrapup: int
    dialling: int
    waiting: int
    channels: int
    last_originate: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Place `calls` calls now; `bound` is what kept it from more, `reason` says it in words.

    `detail` holds the numbers behind it; `wake_at` is when the strategy wants to be asked again
    even if nothing happens.
    """

    calls: int
    bound: Bound
    reason: str
    detail: dict[str, float] = field(default_factory=dict)
    wake_at: datetime | None = None


class Pacer(Protocol):
    """A strategy: hears what happens to the campaign's calls, decides from a snapshot."""

    def observe(self, event: CallEvent) -> None:
        """Learn from what happened to a call of the campaign."""

    def decide(self, snapshot: Snapshot, now: datetime) -> Decision:
        """Return how many calls to place at `now`. Never raises, never returns less than 0."""

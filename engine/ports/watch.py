"""What an engine tells of itself, once a second: to metrics, to the health pages and to `overdial top`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as made
from datetime import datetime

from engine.domain.pacing import Standing


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the engine. `ok`: does it do what it is there for; `detail` says in words how it is."""

    name: str
    ok: bool
    detail: str = ""


@dataclass(frozen=True, slots=True)
class CampaignStatus:
    """One campaign as its last decision saw it. `bound`, `reason`: why it placed no more calls.

    `seats`: by state; `dialling`, `waiting`, `channels`: calls; `numbers`: what the decision was made of;
    `standing`: its abandoned calls, where it keeps a budget of them.
    """

    campaign: str
    state: str
    since: datetime
    field: str = ""
    reason: str = ""
    bound: str = ""
    calls: int = 0
    seats: Mapping[str, int] = made(default_factory=dict)
    dialling: int = 0
    waiting: int = 0
    channels: int = 0
    numbers: Mapping[str, float] = made(default_factory=dict)
    standing: Standing | None = None


@dataclass(frozen=True, slots=True)
class TrunkStatus:
    """A trunk: calls on it over all campaigns, failures in a row, and whether it rests because of them.

    `channels`, `cps`: its limits as the table `trunks` has them; None: no limit.
    """

    trunk: str
    calls: int
    failures: int
    resting: bool
    channels: int | None = None
    cps: float | None = None


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """Everything at one moment. `role`: leading or standby; `leader`: who leads, as far as is known.

    `drained`: why every campaign is being drained, '' when they are not; `events`, `lag`: events waiting
    and how far behind they are (s); `entries`, `journal_bytes`: outcomes that are not in the tables yet, and
    the file that keeps them; `terms`: how often this engine has begun to lead; `clock_jumps`: how often the
    time of day was set.
    """

    at: datetime
    role: str
    leader: str
    token: int
    components: tuple[Component, ...]
    campaigns: tuple[CampaignStatus, ...] = ()
    trunks: tuple[TrunkStatus, ...] = ()
    calls: int = 0
    drained: str = ""
    events: int = 0
    lag: float = 0.0
    entries: int = 0
    journal_bytes: int = 0
    terms: int = 0
    clock_jumps: int = 0

    @property
    def ready(self) -> bool:
        """Can it do its work, be it to lead or to take over?"""
        return all(component.ok for component in self.components)


@dataclass(frozen=True, slots=True)
class LinkNumbers:
    """The life of the link to the switch: how often it came up, how often the login was refused, messages
    that could not be read, events received."""

    links: int
    logins_refused: int
    bad_messages: int
    events: int


@dataclass(frozen=True, slots=True)
class SpoolCount:
    """So many contacts of a campaign in one state. `state`: ready, waiting, in_progress, set_aside, blocked;
    `reason`: the rule that holds them back (docs/law.md), '' for none."""

    campaign: str
    state: str
    reason: str
    contacts: int


@dataclass(frozen=True, slots=True)
class SpoolChunk:
    """A part of the spool, counted: rows up to id `last`; `more`: are there any behind it?"""

    counts: tuple[SpoolCount, ...]
    last: int
    more: bool


@dataclass(frozen=True, slots=True)
class SmallCounts:
    """What is counted at once: orders that nobody has taken yet, and by how many seconds the database's
    clock is ahead of ours."""

    orders: int
    clock_ahead: float

"""The interface between a campaign's worker and its pacing strategy."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple, Protocol

from engine.domain.agent import SeatState
from engine.domain.events import CallEvent
from engine.domain.model import Dialer
from engine.domain.pacing.standing import Standing


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
    BUDGET = "budget"  # what may be abandoned is used up for the moment
    TRUNK_CHANNELS = "trunk_channels"  # the trunk has no free channel
    CPS = "cps"  # calls per second of the trunk
    CALLER_ID = "caller_id"  # every caller ID that it may show rests
    DRAIN = "drain"  # a person has asked for no new calls
    DATA = "data"  # too little has been seen to predict


class Traits(NamedTuple):
    """What is known of a contact before it is called and may tell whether it will be answered.

    `list_name` and `phone_type` as in the spool; `attempt`: 1 for the first call to the contact;
    `hour`: 0 to 23 where the contact lives, -1 unknown; `history`: what earlier campaigns know of
    the number, in any few words of the caller's choice (`reached`, `never`, `machine` …).
    A value that says nothing is left empty: the pacer then has nothing to learn from it.
    """

    list_name: str = ""
    attempt: int = 0
    phone_type: str = ""
    hour: int = -1
    history: str = ""


#: A contact of which nothing is known.
NOTHING_KNOWN = Traits()


@dataclass(frozen=True, slots=True, eq=False)
class CallInFlight:
    """A call placed at `sent` of which it is not yet known whether a person will need an agent.

    Best one object as long as nothing changes: a pacer then knows it again, and a decision costs less.
    `ringing` and `answered`: since when, if it does (answered: AMD is still listening).
    """

    call: str
    sent: datetime
    ringing: datetime | None = None
    answered: datetime | None = None
    traits: Traits = NOTHING_KNOWN


@dataclass(frozen=True, slots=True)
class SeatInUse:
    """A seat that is not ready: what it does (talking, wrapup or paused) and since when.

    `until`: when it will be free, if that is fixed (a queue's wrap-up time is).
    """

    state: SeatState
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a strategy may know, counted at one moment.

    `ready`, `ringing`, `talking`, `wrapup`: seats of the campaign's queue by state (another call
    or a pause counts in none). `dialling`: attempts placed and not yet answered. `waiting`:
    answered callers whom no agent is being rung for, from whatever source. `channels`: attempts
    of this campaign that hold a channel. `last_originate`: when the last call was placed.

    What predicting needs beyond these counts; each may be left out, at the price of caution:
    `calls`: every call in flight (then `waiting` counts only callers who need an agent, not those
    AMD still listens to); `seats`: the seats talking, in wrap-up or paused. Without their ages a
    call counts as just placed and a seat as busy for ever.
    `today`: the calendar day of the campaign's zone (default: UTC's); `closes_at`: when the
    schedule ends, or that day if it is sooner; `contacts`: contacts ready to be called, None unknown;
    `left`: the same as of the last count, which may be a minute old: it limits no decision, and tells
    when the list will run dry;
    `upcoming`: traits of the contacts that would be called next, in order. `trunk_room`: free channels
    of the trunk;
    `trunk_calls`: calls the trunk may be given now, and `trunk_next`: when the next
    (see `limits.TokenBucket`). `lag`: s by which events arrive late. `rivals`: callers whom
    other campaigns have waiting or expect within the same seconds for the same agents, and `relief`:
    the agents who will be done with calls of those campaigns by then. `elsewhere`: seats on calls that
    are not this campaign's; `share`: of all its seats, the part that is due to it while others want the
    rest, 0 while it is another's turn (see `rivals.Rivals`).
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
    calls: tuple[CallInFlight, ...] = ()
    seats: tuple[SeatInUse, ...] = ()
    today: date | None = None
    closes_at: datetime | None = None
    contacts: int | None = None
    left: int | None = None
    upcoming: tuple[Traits, ...] = ()
    trunk_room: int | None = None
    trunk_calls: int | None = None
    trunk_next: datetime | None = None
    lag: float = 0.0
    rivals: float = 0.0
    relief: float = 0.0
    elsewhere: int = 0
    share: float = 1.0

    @property
    def staff(self) -> int:
        """Seats on duty: ready, being rung, talking or in wrap-up."""
        return self.ready + self.ringing + self.talking + self.wrapup


@dataclass(frozen=True, slots=True)
class Placed:
    """A call of the campaign was placed at `at`, to a contact with these traits."""

    at: datetime
    call: str
    traits: Traits = NOTHING_KNOWN


@dataclass(frozen=True, slots=True)
class SeatChanged:
    """A seat went from `before`, which lasted `lasted` s, to `after`."""

    at: datetime
    before: SeatState
    after: SeatState
    lasted: float


@dataclass(frozen=True, slots=True)
class DayTotals:
    """What the records say of a day of the campaign, told once at start (today included).

    `answered`: calls that a person answered, the abandoned among them; `machines`: calls that AMD
    took for machines.
    """

    day: date
    answered: int
    abandoned: int
    machines: int = 0


#: What a pacer may be told: the campaign's call events, and three things that are none.
Observed = CallEvent | Placed | SeatChanged | DayTotals


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

    @property
    def standing(self) -> Standing | None:
        """How the campaign stands with its abandoned calls; None where no caller needs an agent."""

    def observe(self, event: Observed) -> None:
        """Learn from what happened. What the strategy does not know it ignores."""

    def decide(self, snapshot: Snapshot, now: datetime) -> Decision:
        """Return how many calls to place at `now`. Never raises, never returns less than 0."""

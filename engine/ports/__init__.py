"""What the services need of the world outside: a switch, a store, a clock, dice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as made
from datetime import date, datetime, timedelta
from typing import Protocol

from engine.domain.agent import SeatState
from engine.domain.commands import Originate
from engine.domain.entries import Entry, Written
from engine.domain.events import Event
from engine.domain.model import Attempt, AttemptId, CampaignName, Contact
from engine.domain.orders import Join, Leave, Order, Pause
from engine.domain.pacing import DayTotals, Decision, Profile, Snapshot, Standing
from engine.domain.settings import SettingsRows
from engine.ports.callerids import CallerIdStore
from engine.ports.history import CallHistory as CallHistory
from engine.ports.history import PastCall as PastCall
from engine.ports.observer import Observer as Observer
from engine.ports.watch import SmallCounts, SpoolChunk


class LinkError(Exception):
    """The switch cannot be reached; the order did not leave."""


class RefusedError(Exception):
    """The switch refused the order; it has had no effect."""


class UncertainError(Exception):
    """The order left and no answer came: it may or may not have taken effect."""


#: So many decisions of each campaign can be looked at.
DECISIONS_KEPT = 60
#: However a question to the switch may fail.
UNREACHABLE = (LinkError, RefusedError, UncertainError)


class StoreError(Exception):
    """The database did not do what was asked. `data`: it never will, the values are at fault."""

    def __init__(self, message: str, *, data: bool = False) -> None:
        super().__init__(message)
        self.data = data


class FencedError(StoreError):
    """Another engine holds the lease: nothing was done, and nothing may be dialled."""


class SchemaError(StoreError):
    """The database's schema is not the one this engine was made for."""


class CallControl(Protocol):
    """The switch. Events come in order, one at a time, through `next_event`.

    Contract: after LinkUp every answer is current; after LinkDown nothing is sent, and what had
    been sent ends in UncertainError. No order is ever sent twice.
    """

    async def run(self) -> None:
        """Keep the link until cancelled."""

    async def next_event(self) -> Event:
        """Wait for the next event."""

    async def originate(self, order: Originate) -> None:
        """Dial. Raises LinkError, RefusedError or UncertainError."""

    async def hang_up(self, call: str) -> bool:
        """Hang up one channel; False when there is none. Raises LinkError or UncertainError."""

    async def redirect(self, call: str, context: str, exten: str) -> None:
        """Let one channel go on elsewhere in the dialplan. Raises LinkError, RefusedError or
        UncertainError."""

    async def set_variable(self, call: str, name: str, value: str) -> None:
        """Set a variable of one channel. Raises LinkError, RefusedError or UncertainError."""

    async def wake_caller(self, call: str) -> bool:
        """Let a caller who waits in a queue look for an agent at once; False when there is no such
        channel. Raises LinkError or UncertainError."""

    async def hang_up_phone(self, interface: str) -> None:
        """Hang up whatever the phone `interface` does. Raises LinkError, RefusedError (when it does
        nothing) or UncertainError."""

    async def add_member(self, member: Join) -> None:
        """Make a phone a member of a queue; one that is a member already gets the new penalty and pause.
        Raises LinkError, RefusedError (no such queue) or UncertainError."""

    async def remove_member(self, member: Leave) -> None:
        """Take a phone out of a queue, where it may not be at all; a talk goes on. Raises LinkError,
        RefusedError (no such queue, or a member of its static ones) or UncertainError."""

    async def pause_member(self, member: Pause) -> None:
        """Pause a member, or let him go on. Raises LinkError, RefusedError (he sits in no such queue) or
        UncertainError."""

    async def refresh_queues(self) -> None:
        """Ask for the full picture of all queues; it comes as QueuesListed, in order with the
        other events. Raises LinkError, RefusedError or UncertainError."""

    async def refresh_channels(self) -> None:
        """Ask for all live channels; they come as ChannelsListed, in order with the other events.
        Raises LinkError, RefusedError or UncertainError."""

    def backlog(self) -> int:
        """Return how many events wait to be handled."""

    def lag(self) -> float:
        """Return how far what is handled now lies behind what happens at the switch (s)."""


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Ask for up to `limit` contacts of one campaign: tasks first, then one per slot.

    `slots` names the list that each place was drawn for; what a dry list cannot give is taken
    from the other `lists`. `agents`: one contact for each, by the names that `agentphone` may call him;
    his own come before those that are nobody's, and those of others he never gets. `free`: the agents for
    whom a mode without portfolios claims: tasks and scheduled calls that are bound to somebody (priority 1,
    no list) come for him alone, one for each; None where no agent is reserved and nobody can be waited for.
    """

    campaign: CampaignName
    limit: int
    slots: tuple[str, ...]
    lists: tuple[str, ...]
    check_black_list: bool
    now: datetime
    agents: tuple[tuple[str, ...], ...] = ()
    free: tuple[tuple[str, ...], ...] | None = None


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """What a claim gave: attempts to make, and how many rows went aside."""

    attempts: tuple[Attempt, ...] = ()
    blocked: int = 0
    held: int = 0
    set_aside: int = 0

    @property
    def rows(self) -> int:
        """Rows that left the ready state by this claim."""
        return len(self.attempts) + self.blocked + self.held + self.set_aside


@dataclass(frozen=True, slots=True)
class TakenOrder:
    """An order for a single call, and the attempt that was written for it."""

    id: int
    order: Order
    attempt: Attempt | None


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An attempt that an earlier run left unfinished, with its contact where the row still exists."""

    id: AttemptId
    campaign: CampaignName
    state: str
    contact: Contact
    claimed_at: datetime
    sent_at: datetime | None
    ringing_at: datetime | None
    answered_at: datetime | None
    queued_at: datetime | None
    connected_at: datetime | None
    agent: str
    caller_id: str = ""


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """What a campaign is doing, for the supervisor to read by SQL. `until`: when that ends by itself, None
    when it does not. `sequence` counts the decisions that were reported; the last DECISIONS_KEPT of them stay
    readable."""

    campaign: CampaignName
    state: str
    since: datetime
    field: str = ""
    reason: str = ""
    decision: Decision | None = None
    snapshot: Snapshot | None = None
    paused: int = 0
    sequence: int = 0
    until: datetime | None = None
    seats: Mapping[SeatState, int] = made(default_factory=dict)
    standing: Standing | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """The oldest entries of a journal that are not in the tables yet, in order.

    Written again (its answer was lost), alone or with later entries, it changes nothing twice: the
    tables know the last number of each journal.
    """

    journal: str
    entries: tuple[Written, ...]

    @property
    def last(self) -> int:
        """The number of its last entry."""
        return self.entries[-1].number


class Journal(Protocol):
    """Keeps entries, in order, from the moment they are known until they are in the tables.

    It outlives the process. No method raises: what cannot be kept on disk stays in memory, and
    `fault` says so.
    """

    @property
    def id(self) -> str:
        """Its name in the tables."""

    @property
    def fault(self) -> str:
        """Why entries cannot be kept on disk now; '' when they can."""

    @property
    def pending(self) -> int:
        """How many entries are not settled yet."""

    @property
    def size(self) -> int:
        """Bytes that it holds on disk."""

    def append(self, fence: int, entries: Sequence[Entry]) -> None:
        """Keep entries made under the fencing token `fence`."""

    def head(self, limit: int) -> Batch | None:
        """Return the oldest `limit` entries; None when all are settled. After a `fault` the disk is tried."""

    def settled(self, number: int) -> None:
        """Take note that everything up to entry `number` is in the tables."""

    def refused(self, written: Written, reason: str) -> None:
        """Set aside an entry that the tables will never take, where a person finds it."""

    async def sync(self) -> None:
        """Let what was appended outlive the machine, too."""

    def close(self) -> None:
        """Give it up: when everything is settled nothing of it is left."""


class Journals(Protocol):
    """The journals of this machine's engines."""

    def own(self) -> Journal:
        """Return this process's journal."""

    def orphans(self) -> Sequence[Journal]:
        """Return the journals of processes that died with entries left; they are ours from here on."""


@dataclass(frozen=True, slots=True)
class LeaseState:
    """Who dials. `token` is ours when `ours`, else that of `owner`."""

    token: int
    ours: bool
    owner: str
    process: str


class Store(CallerIdStore, Protocol):
    """The database. Every method is one transaction and raises StoreError when it did not happen."""

    @property
    def fault(self) -> str:
        """Why the last transaction failed; '' when it did not, or when only its values were at fault."""

    async def count_spool(self, now: datetime, after: int, limit: int) -> SpoolChunk:
        """Count up to `limit` contacts with ids above `after`, without a lock."""

    async def count_small(self, now: datetime) -> SmallCounts:
        """Count what can be counted at once."""

    async def check_schema(self) -> None:
        """Raise SchemaError when the schema is older or newer than the engine's."""

    async def settings(self) -> SettingsRows:
        """Return the current settings."""

    async def claim(self, request: ClaimRequest) -> ClaimResult:
        """Take contacts out of the spool and write their attempts, in one short transaction."""

    async def take_orders(self, now: datetime) -> tuple[TakenOrder, ...]:
        """Take the orders for single calls that are new; a call's attempt is written with it."""

    async def give_up_orders(self) -> int:
        """Answer the orders that an engine before us took and did not answer; return how many."""

    async def finish_order(self, order: int, fault: str) -> None:
        """Answer an order; `fault` '' when it was carried out."""

    async def held_back(
        self, attempt: Attempt, campaign: CampaignName, check_black_list: bool, now: datetime
    ) -> str:
        """Return why the contact of a claimed attempt may not be called any more, '' when it may: an agent
        may have thought for minutes since the claim, and somebody else may have talked to the person."""

    async def mark_sent(self, attempts: Sequence[Attempt], at: datetime) -> frozenset[AttemptId]:
        """Write that the orders are about to leave, and what number each shows; return which of them are
        still ours to send."""

    async def release(self, attempts: Sequence[Attempt], at: datetime) -> None:
        """Put claimed contacts back as they were: nothing was sent for them. Doing it again is
        harmless."""

    async def release_claimed(self, campaign: CampaignName, at: datetime) -> None:
        """Put back whatever was claimed for `campaign` under our token and not marked as sent: after a
        claim whose answer was lost, nobody knows what it took."""

    async def release_forgotten(self, before: datetime, at: datetime) -> int:
        """Put back what was claimed under our token before `before` and never marked as sent (a claim
        that took effect after its answer was given up); return how many."""

    async def record(self, batch: Batch) -> None:
        """Write entries, each once. What was made under an older token adds what is not known yet and
        changes nothing that is."""

    async def strays(self) -> frozenset[AttemptId]:
        """Return the unfinished attempts that are not under our token."""

    async def take_over(self, attempts: frozenset[AttemptId]) -> tuple[OpenAttempt, ...]:
        """Put unfinished attempts under our token and return them; asked again, the same."""

    async def ended(self, attempts: frozenset[AttemptId]) -> frozenset[AttemptId]:
        """Return which of these are known here and have ended."""

    @property
    def fence(self) -> int:
        """The token of the lease that we took last; 0 before the first."""

    async def take_lease(self, process: str, length: timedelta, dead: str = "") -> LeaseState:
        """Take the lease when it is over or held by the process `dead`; return who has it now."""

    async def renew_lease(self, length: timedelta) -> bool:
        """Prolong our lease from now; False when another engine has taken it."""

    async def end_lease(self) -> None:
        """Let others take the lease at once."""

    async def forget_journal(self, journal: str) -> None:
        """Forget how far a journal was written: its file is gone."""

    async def day_totals(
        self, campaign: CampaignName, today: date, profile: Profile
    ) -> tuple[DayTotals, ...]:
        """Return what the records say of the local days of the profile's window, `today` included: calls
        that a person answered, and those of them for whom no agent came within the profile's seconds."""

    async def recycle_due(self, now: datetime) -> Mapping[str, int]:
        """Make new lists of finished contacts for enabled campaigns that have run dry and whose rules
        (`recycle`) choose some; return campaign → contacts. In several transactions."""

    async def publish(self, reports: Sequence[CampaignReport], now: datetime) -> None:
        """Write what the campaigns are doing."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and dice, given by the composition root so that tests can give their own.

    `now` goes on steadily from the time of day at the start, or at the last `rebase`; `monotonic` are
    seconds that nobody can set, the machine's sleep included; `drift` tells by how many seconds the
    time of day has been moved against `now` since.
    """

    now: Callable[[], datetime]
    local: Callable[[datetime], datetime]
    monotonic: Callable[[], float]
    drift: Callable[[], float]
    rebase: Callable[[], None]
    draw: Callable[[int], int]

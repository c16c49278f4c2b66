"""What the services need of the world outside: a switch, a store, a clock, dice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from engine.domain.agent import SeatState
from engine.domain.call import Call
from engine.domain.commands import Originate
from engine.domain.events import Event
from engine.domain.model import Attempt, AttemptId, CampaignName, Contact
from engine.domain.pacing import Decision, Snapshot
from engine.domain.records import CdrRow, QueueLogRow
from engine.domain.rules import NextStep
from engine.domain.settings import SettingsRows


class LinkError(Exception):
    """The switch cannot be reached; the order did not leave."""


class RefusedError(Exception):
    """The switch refused the order; it has had no effect."""


class UncertainError(Exception):
    """The order left and no answer came: it may or may not have taken effect."""


#: However a question to the switch may fail.
UNREACHABLE = (LinkError, RefusedError, UncertainError)


class StoreError(Exception):
    """The database did not do what was asked. `data`: it never will, the values are at fault."""

    def __init__(self, message: str, *, data: bool = False) -> None:
        super().__init__(message)
        self.data = data


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

    async def refresh_queues(self) -> None:
        """Ask for the full picture of all queues; it comes as QueuesListed, in order with the
        other events. Raises LinkError, RefusedError or UncertainError."""

    async def refresh_channels(self) -> None:
        """Ask for all live channels; they come as ChannelsListed, in order with the other events.
        Raises LinkError, RefusedError or UncertainError."""

    def backlog(self) -> int:
        """Return how many events wait to be handled."""


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Ask for up to `limit` contacts of one campaign: tasks first, then one per slot.

    `slots` names the list that each place was drawn for; what a dry list cannot give is taken
    from the other `lists`.
    """

    campaign: CampaignName
    limit: int
    slots: tuple[str, ...]
    lists: tuple[str, ...]
    check_black_list: bool
    now: datetime
    local_now: datetime
    lease_until: datetime


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
class Finished:
    """The end of an attempt: its CDR and last queue_log rows, and the contact's next step."""

    call: Call
    cdr: CdrRow
    step: NextStep
    queue_log: tuple[QueueLogRow, ...] = ()


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


@dataclass(frozen=True, slots=True)
class CampaignReport:
    """What a campaign is doing, for the supervisor to read by SQL."""

    campaign: CampaignName
    state: str
    since: datetime
    field: str = ""
    reason: str = ""
    decision: Decision | None = None
    snapshot: Snapshot | None = None
    paused: int = 0


@dataclass(frozen=True, slots=True)
class Records:
    """What is to be written about calls, in order; written together or not at all.

    `batch` names the batch: written again (its answer was lost), it changes nothing.
    """

    batch: str
    progress: tuple[Call, ...] = ()
    queue_log: tuple[QueueLogRow, ...] = ()
    finished: tuple[Finished, ...] = ()

    def __len__(self) -> int:
        return len(self.progress) + len(self.queue_log) + len(self.finished)


class Store(Protocol):
    """The database. Every method is one transaction and raises StoreError when it did not happen."""

    async def check_schema(self) -> None:
        """Raise SchemaError when the schema is older or newer than the engine's."""

    async def settings(self) -> SettingsRows:
        """Return the current settings."""

    async def claim(self, request: ClaimRequest) -> ClaimResult:
        """Take contacts out of the spool and write their attempts, in one short transaction."""

    async def mark_sent(self, attempts: Sequence[Attempt], at: datetime) -> frozenset[AttemptId]:
        """Write that the orders are about to leave; return which of them are still ours to send."""

    async def release(self, attempts: Sequence[Attempt], at: datetime) -> None:
        """Put claimed contacts back as they were: nothing was sent for them. Doing it again is
        harmless."""

    async def release_claimed(self, campaign: CampaignName, at: datetime) -> None:
        """Put back whatever this engine has claimed for `campaign` and not marked as sent: after a
        claim whose answer was lost, nobody knows what it took."""

    async def record(self, records: Records) -> None:
        """Write progress, queue_log rows and endings. An ending that is there is not written again."""

    async def open_attempts(self, now: datetime, *, own: bool) -> tuple[OpenAttempt, ...]:
        """Take over and return what engines left unfinished whose lease is over; with `own` also what
        an earlier run of this engine left."""

    async def still_ours(self, attempts: Sequence[Attempt]) -> frozenset[AttemptId]:
        """Return which of these this engine still owns and nobody has ended."""

    async def renew(self, lease_until: datetime) -> None:
        """Say that this engine lives: its attempts are its own until then."""

    async def publish(self, reports: Sequence[CampaignReport], now: datetime) -> None:
        """Write what the campaigns are doing."""


class Observer(Protocol):
    """Who counts what happens (metrics)."""

    def ended(self, call: Call) -> None:
        """An attempt ended."""

    def decided(self, campaign: str, decision: Decision, seconds: float) -> None:
        """A pacer decided, and how long the turn took."""

    def claimed(self, campaign: str, result: ClaimResult, seconds: float) -> None:
        """Contacts were claimed."""

    def seats(self, campaign: str, states: Mapping[SeatState, int], snapshot: Snapshot) -> None:
        """The picture of a campaign, once per report."""

    def link(self, up: bool) -> None:
        """The link to the switch came or went."""

    def backlog(self, events: int, records: int) -> None:
        """How many events and records wait to be handled."""

    def database_failed(self) -> None:
        """A transaction failed for good."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Time and dice, given by the composition root so that tests can give their own."""

    now: Callable[[], datetime]
    local: Callable[[datetime], datetime]
    draw: Callable[[int], int]
    new_name: Callable[[], str]

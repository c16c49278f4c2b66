"""Who is told of what happens, to count it and to show it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from engine.domain.agent import SeatState
from engine.domain.call import Call
from engine.domain.callerid_health import Cause, Result
from engine.domain.pacing import Decision, Snapshot
from engine.ports.watch import EngineStatus, SmallCounts, SpoolCount

if TYPE_CHECKING:
    from engine.ports import ClaimResult


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

    def caller_id_heard(self, campaign: str, result: Result) -> None:
        """A call told something of its caller ID."""

    def caller_id_rests(self, campaign: str, cause: Cause) -> None:
        """A caller ID was sent to rest after a call of the campaign."""

    def caller_ids(self, campaign: str, healthy: int, resting: int) -> None:
        """How many caller IDs a campaign's rows of `caller_ids` have now."""

    def link(self, up: bool) -> None:
        """The link to the switch came or went."""

    def leading(self, leads: bool) -> None:
        """Whether this engine is the one that dials."""

    def waited(self, campaign: str, seconds: float) -> None:
        """A pacer decided so long (s) after the event that asked for it."""

    def status(self, status: EngineStatus) -> None:
        """How the engine is, about once a second."""

    def spool(self, counts: Sequence[SpoolCount]) -> None:
        """The whole spool has been counted."""

    def small(self, counts: SmallCounts) -> None:
        """What is counted at once."""

    def database_failed(self) -> None:
        """A transaction failed for good."""

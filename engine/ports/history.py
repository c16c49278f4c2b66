"""What the switch itself has recorded: how calls ended that nobody watched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PastCall:
    """What the switch itself recorded of a call that is over. `status`: DialStatus when unanswered.

    `agent_channel`: the channel that it was joined with, '' for none.
    """

    ended_at: datetime
    answered_at: datetime | None
    status: str
    agent_channel: str


class CallHistory(Protocol):
    """The switch's own records of calls that are over."""

    def find(self, attempts: frozenset[str]) -> Mapping[str, PastCall]:
        """Return what is recorded of these calls; those that are not are left out. Never raises."""

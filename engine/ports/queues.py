"""What the services need to make the tables of queues take effect in the switch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.domain.queue_tables import QueueMember, Row


@dataclass(frozen=True, slots=True)
class QueueRows:
    """The tables `queues` and `queue_members` as read: one snapshot of one moment."""

    queues: tuple[Row, ...]
    members: tuple[Row, ...]


class QueueTables(Protocol):
    """The tables."""

    async def queues(self) -> QueueRows:
        """Return what they hold. Raises StoreError."""


class QueueControl(Protocol):
    """The switch's queues. All but `session` raise LinkError, RefusedError or UncertainError."""

    @property
    def session(self) -> int:
        """The number of the present link; what was done over an earlier one may be forgotten."""

    async def add_member(self, member: QueueMember) -> bool:
        """Seat a member; False when he sits there already. RefusedError: no such queue, most likely."""

    async def remove_member(self, member: QueueMember) -> None:
        """Take a member out of his queue, where he may sit no more."""

    async def set_penalty(self, member: QueueMember) -> None:
        """Give a seated member his penalty."""

    async def set_paused(self, member: QueueMember) -> None:
        """Pause a seated member or let him go on."""

    async def reload_queues(self) -> None:
        """Let the switch read the settings of its queues again; its members stay as they are."""


class QueueFile(Protocol):
    """Where the switch reads the settings of its queues."""

    def write(self, text: str) -> bool:
        """Replace the content; False when it was the same. Raises OSError."""


@dataclass(frozen=True, slots=True)
class QueueOffice:
    """All that belongs together; without `file` the settings of queues are the administrator's."""

    tables: QueueTables
    control: QueueControl
    file: QueueFile | None = None

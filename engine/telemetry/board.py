"""The last status, and whether it is fresh: what is behind /healthz, /readyz and /state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine import __version__
from engine.ports.watch import EngineStatus

#: The engine tells about once a second; after so many seconds without a word it is stuck.
PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class _Posted:
    status: EngineStatus
    at: float


class Board:
    """Written by the engine's loop, read by the server's threads: what is posted is never changed."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._posted: _Posted | None = None
        self._made = now()

    def post(self, status: EngineStatus) -> None:
        """Put up a new status."""
        self._posted = _Posted(status, self._now())

    @property
    def status(self) -> EngineStatus | None:
        """The last status; None before the first."""
        posted = self._posted
        return posted.status if posted is not None else None

    @property
    def silence(self) -> float:
        """Seconds since the engine last told how it is."""
        posted = self._posted
        return self._now() - (posted.at if posted is not None else self._made)

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Does the engine's loop turn? Whoever gets False may start it anew."""
        silence = self.silence
        healthy = silence < PATIENCE
        return healthy, {"healthy": healthy, "silence": round(silence, 1), "version": __version__}

    def readiness(self) -> tuple[bool, dict[str, Any]]:
        """Can the engine do its work, to lead or to take over?"""
        status = self.status
        if status is None:
            return False, {"ready": False, "role": "starting", "components": {}}
        healthy, _ = self.health()
        ready = healthy and status.ready
        return ready, {
            "ready": ready,
            "role": status.role,
            "leader": status.leader,
            "drained": status.drained,
            "components": {c.name: {"ok": c.ok, "detail": c.detail} for c in status.components},
        }

    def state(self) -> tuple[bool, dict[str, Any]]:
        """Everything that the engine tells of itself."""
        healthy, health = self.health()
        return healthy, {**health, "ready": self.readiness()[0], "status": self.status}

"""What a simulated day came to."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Day:
    """Times in s; `timeline`: (hour, busy, idle, calls in flight) once a minute."""

    staffed: float = 0.0
    busy: float = 0.0
    placed: int = 0
    answered: float = 0.0
    abandoned: float = 0.0
    connected: int = 0
    decisions: int = 0
    bounds: dict[str, int] = field(default_factory=dict)
    timeline: list[tuple[float, int, int, int]] = field(default_factory=list)

    @property
    def utilisation(self) -> float:
        """Return talk and wrap-up ÷ time on duty."""
        return self.busy / self.staffed if self.staffed else 0.0

    @property
    def abandonment(self) -> float:
        """Return abandoned ÷ answered by a person."""
        return self.abandoned / self.answered if self.answered else 0.0

    @property
    def calls_per_agent_hour(self) -> float:
        """Return calls connected per hour on duty."""
        return self.connected * 3600 / self.staffed if self.staffed else 0.0

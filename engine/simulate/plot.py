"""Two pictures in one SVG file: utilisation against abandonment, and the course of a day."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from engine.simulate.run import Summary

_COLOURS = ("#1b6ca8", "#c8553d", "#3a7d44", "#7b5ea7", "#a67c00", "#444444")
_WIDTH, _HEIGHT, _LEFT, _TOP = 420.0, 300.0, 60.0, 40.0


def draw(title: str, summaries: Sequence[Summary], limit: float) -> str:
    """Return the SVG text. `limit`: abandonment that the law allows, 0 to 1."""
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" width="1060" height="420" '
        'font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        _text(20, 22, title, size=15),
        _scatter(summaries, limit),
        _course(summaries[0]),
        "</svg>",
    ]
    return "\n".join(parts)


def _scatter(summaries: Sequence[Summary], limit: float) -> str:
    """One dot per day: abandonment to the right, utilisation upwards."""
    days = [day for summary in summaries for day in summary.days]
    right = max([limit * 1.3, *(day.abandonment * 1.1 for day in days)])
    low = min(day.utilisation for day in days) - 0.05
    top = max(day.utilisation for day in days) + 0.05
    panel = _Panel(_LEFT, _TOP, (0.0, right), (low, top))
    parts = [panel.frame("abandoned of answered, %", "utilisation, %", 100.0, 100.0)]
    parts.append(panel.line([(limit, low), (limit, top)], "#999999", dashed=True))
    parts.append(_text(panel.x(limit) + 4, _TOP + 12, "limit"))
    for index, summary in enumerate(summaries):
        colour = _COLOURS[index % len(_COLOURS)]
        parts += [
            f'<circle cx="{panel.x(day.abandonment):.1f}" cy="{panel.y(day.utilisation):.1f}" r="4" '
            f'fill="{colour}" fill-opacity="0.7"/>'
            for day in summary.days
        ]
        parts.append(_text(_LEFT + 150 * (index % 3), 395 + 16 * (index // 3), summary.policy, colour))
    return "\n".join(parts)


def _course(summary: Summary) -> str:
    """The first day: busy and idle agents, calls in flight."""
    course = summary.days[0].timeline
    top = max([1.0, *(float(max(busy + idle, calls)) for _, busy, idle, calls in course)])
    panel = _Panel(_LEFT + 520, _TOP, (0.0, max(course[-1][0], 0.1)), (0.0, top))
    parts = [panel.frame(f"hour of the first day ({summary.policy})", "agents, calls", 1.0, 1.0)]
    series = (
        ("calls in flight", "#c0c0c0", [(hour, float(calls)) for hour, _, _, calls in course]),
        ("agents on duty", "#3a7d44", [(hour, float(busy + idle)) for hour, busy, idle, _ in course]),
        ("agents busy", "#1b6ca8", [(hour, float(busy)) for hour, busy, _, _ in course]),
    )
    for index, (name, colour, points) in enumerate(series):
        parts.append(panel.line(points, colour))
        parts.append(_text(_LEFT + 520 + 130 * index, 395, name, colour))
    return "\n".join(parts)


class _Panel:
    """Maps values to places in one of the two pictures."""

    def __init__(
        self, left: float, top: float, across: tuple[float, float], upward: tuple[float, float]
    ) -> None:
        self._left, self._top, self._across, self._upward = left, top, across, upward

    def x(self, value: float) -> float:
        low, high = self._across
        return self._left + _WIDTH * (value - low) / (high - low)

    def y(self, value: float) -> float:
        low, high = self._upward
        return self._top + _HEIGHT * (1 - (value - low) / (high - low))

    def line(self, points: Sequence[tuple[float, float]], colour: str, *, dashed: bool = False) -> str:
        places = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        dash = ' stroke-dasharray="5 4"' if dashed else ""
        return f'<polyline points="{places}" fill="none" stroke="{colour}"{dash}/>'

    def frame(self, across: str, upward: str, scale_x: float, scale_y: float) -> str:
        parts = [
            f'<rect x="{self._left}" y="{self._top}" width="{_WIDTH}" height="{_HEIGHT}" '
            'fill="none" stroke="#444444"/>',
            _text(self._left + _WIDTH / 2 - 70, self._top + _HEIGHT + 34, across),
            _text(self._left - 30, self._top - 8, upward),
        ]
        for step in range(5):
            x = self._across[0] + (self._across[1] - self._across[0]) * step / 4
            y = self._upward[0] + (self._upward[1] - self._upward[0]) * step / 4
            parts.append(_text(self.x(x) - 8, self._top + _HEIGHT + 16, f"{x * scale_x:.3g}"))
            parts.append(_text(self._left - 36, self.y(y) + 4, f"{y * scale_y:.3g}"))
        return "\n".join(parts)


def _text(x: float, y: float, text: str, colour: str = "#222222", size: int = 12) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="{size}">{escape(text)}</text>'

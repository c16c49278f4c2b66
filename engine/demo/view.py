"""The live picture of the running demo: read from the database, as a supervisor's screen would."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from engine.lab.mariadb import MariaDB

_STATE = """SELECT state, bound, reason, overdial, ready, ringing, talking, wrapup, paused, dialling,
  waiting, channels FROM ccdata.campaign_state WHERE campaign = '{campaign}';"""
_SPOOL = """SELECT COALESCE(SUM(status IN (0, 1) AND (notbefore IS NULL
  OR notbefore < UTC_TIMESTAMP() + INTERVAL 50 MINUTE)), 0), COALESCE(SUM(status IN (1)
  AND notbefore >= UTC_TIMESTAMP() + INTERVAL 50 MINUTE), 0), COALESCE(SUM(status IN (2, 3)), 0)
  FROM ccdata.calls_spool WHERE campaign = '{campaign}';"""
_OPEN = """SELECT state, COUNT(*) FROM ccdata.attempts WHERE state IN ('claimed', 'offered', 'held', 'sent',
  'ringing', 'answered', 'queued', 'connected', 'completed') AND campaign = '{campaign}' GROUP BY state;"""
_DONE = """SELECT COALESCE(outcome, ''), COUNT(*) FROM ccdata.attempts WHERE campaign = '{campaign}'
  AND state = 'ended' GROUP BY outcome;"""


@dataclass
class Picture:
    """One moment of the campaign."""

    total: int
    state: str = "starting"
    bound: str = ""
    reason: str = ""
    overdial: int = 0
    seats: dict[str, int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, int] = field(default_factory=dict)
    left: int = 0
    resting: int = 0
    aside: int = 0

    @property
    def finished(self) -> bool:
        """Nothing left to dial and nothing in flight."""
        return self.state != "starting" and self.left == 0 and not self.calls

    @property
    def answered(self) -> int:
        return sum(self.outcomes.get(word, 0) for word in ("answered", "abandoned", "machine"))

    @property
    def abandonment(self) -> float:
        return 100 * self.outcomes.get("abandoned", 0) / self.answered if self.answered else 0.0


def look(database: MariaDB, campaign: str, total: int) -> Picture:
    """Read the present moment."""
    picture = Picture(total)
    text = database.sql(
        "".join(
            f"SELECT '--{name}';" + sql.format(campaign=campaign)
            for name, sql in (("state", _STATE), ("spool", _SPOOL), ("open", _OPEN), ("done", _DONE))
        )
    )
    section = ""
    for line in text.splitlines():
        if line.startswith("--"):
            section = line[2:]
            continue
        cells = line.split("\t")
        if section == "state":
            picture.state, picture.bound, picture.reason = cells[:3]
            picture.overdial = int(cells[3])
            names = ("ready", "ringing", "talking", "wrapup", "paused")
            picture.seats = dict(zip(names, map(int, cells[4:9]), strict=True))
        elif section == "spool":
            picture.left, picture.resting, picture.aside = (int(float(cell)) for cell in cells)
        elif section == "open":
            picture.calls[cells[0]] = int(cells[1])
        else:
            picture.outcomes[cells[0]] = int(cells[1])
    return picture


def line(picture: Picture, seconds: float) -> str:
    """Return the moment as one line of text, for logs and dumb terminals."""
    seats = " ".join(f"{name} {count}" for name, count in picture.seats.items())
    calls = " ".join(f"{name} {count}" for name, count in picture.calls.items()) or "none"
    return (
        f"{seconds:5.0f} s | agents: {seats} | calls: {calls} | answered {picture.answered}"
        f" abandoned {picture.abandonment:.1f} % | left {picture.left} of {picture.total}"
        f" | overdial {picture.overdial} %, {picture.bound}: {picture.reason}"
    )


_SEAT_COLOURS = {
    "ready": "green",
    "ringing": "yellow",
    "talking": "cyan",
    "wrapup": "magenta",
    "paused": "red",
}


def render(picture: Picture, seconds: float, campaign: str) -> RenderableType:
    """Return the moment as a screen."""
    done = max(picture.total - picture.left, 0)
    head = Text.assemble(
        ("Overdial  ", "bold"), (campaign, "bold cyan"), f"   {picture.state}   {seconds:.0f} s"
    )
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    seats = Text()
    for name, count in picture.seats.items():
        seats.append("█" * count, _SEAT_COLOURS[name])
    seats.append("  " + "  ".join(f"{name} {count}" for name, count in picture.seats.items()))
    table.add_row("agents", seats)
    calls = "  ".join(f"{name} {count}" for name, count in sorted(picture.calls.items())) or "none"
    table.add_row("calls in flight", calls)
    table.add_row("overdial", f"{picture.overdial} %")
    table.add_row("last decision", f"{picture.bound}: {picture.reason}")
    table.add_row("answered", str(picture.answered))
    table.add_row("abandoned", f"{picture.outcomes.get('abandoned', 0)}  ({picture.abandonment:.1f} %)")
    outcomes = "  ".join(f"{name} {count}" for name, count in sorted(picture.outcomes.items()))
    table.add_row("outcomes", outcomes or "none yet")
    table.add_row("contacts left", f"{picture.left} of {picture.total}, {picture.resting} resting")
    bar = ProgressBar(total=max(picture.total, 1), completed=done, width=60)
    return Group(head, Text(), table, Text(), bar)

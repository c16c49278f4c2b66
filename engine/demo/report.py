"""The end of the demo: what `cdr_repo` and `queue_log_repo` say of it."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from engine.lab.mariadb import MariaDB


@dataclass(frozen=True)
class Report:
    """Figures of one campaign, read from the two history tables only."""

    attempts: int
    answered: int
    connected: int
    abandoned: int
    talk_seconds: int
    wrapup_seconds: int
    staffed_seconds: int
    retries: int
    alternatives: int
    contacts: int
    results: tuple[tuple[str, str, int], ...]
    not_called: tuple[tuple[str, int], ...] = ()

    @property
    def answer_seizure_ratio(self) -> float:
        """Answered calls per attempt, in per cent (ITU-T E.411 §3.2)."""
        return 100 * self.answered / self.attempts if self.attempts else 0.0

    @property
    def abandonment(self) -> float:
        """Answered calls that found no agent, per answered call, in per cent."""
        return 100 * self.abandoned / self.answered if self.answered else 0.0

    @property
    def occupancy(self) -> float:
        """Talk and wrap-up per second of presence, in per cent."""
        busy = self.talk_seconds + self.wrapup_seconds
        return 100 * busy / self.staffed_seconds if self.staffed_seconds else 0.0


_CDR = """SELECT COUNT(*), COALESCE(SUM(disposition = 'ANSWERED'), 0), COUNT(DISTINCT contact, dst),
  COUNT(DISTINCT contact) FROM ccrepo.cdr_repo WHERE campaign = '{campaign}';"""
_LOG = """SELECT COALESCE(SUM(event = 'CONNECT'), 0),
  COALESCE(SUM(event IN ('ABANDON', 'EXITWITHTIMEOUT')), 0),
  COALESCE(SUM(IF(event LIKE 'COMPLETE%', data2, 0)), 0),
  COALESCE(SUM(event LIKE 'COMPLETE%'), 0),
  COALESCE(TIMESTAMPDIFF(SECOND,
    MIN(IF(event IN ('ENTERQUEUE', 'CONNECT', 'OUTCALL'), datetime, NULL)), MAX(datetime)), 0)
  FROM ccrepo.queue_log_repo WHERE queuename = '{campaign}';"""
_NOT_CALLED = """SELECT outcome, COUNT(*) FROM ccdata.attempts WHERE campaign = '{campaign}'
  AND outcome IN ('agent_missed', 'skipped', 'postponed') GROUP BY 1 ORDER BY 1;"""
_RESULTS = """SELECT disposition, causecode, COUNT(*) FROM ccrepo.cdr_repo
  WHERE campaign = '{campaign}' GROUP BY 1, 2 ORDER BY 3 DESC;"""


def read(database: MariaDB, campaign: str, agents: int, wrapup: int) -> Report:
    """Read the figures of `campaign`; `wrapup` is its after-call time in s."""

    def rows(sql: str) -> list[list[str]]:
        text = database.sql(sql.format(campaign=campaign))
        return [line.split("\t") for line in text.splitlines()]

    attempts, answered, numbers, people = (int(float(value)) for value in rows(_CDR)[0])
    connected, abandoned, talk, completed, span = (int(float(value)) for value in rows(_LOG)[0])
    return Report(
        attempts=attempts,
        answered=answered,
        connected=connected,
        abandoned=abandoned,
        talk_seconds=talk,
        wrapup_seconds=completed * wrapup,
        # The wrap-up of the last talk lies behind the last event.
        staffed_seconds=agents * (span + wrapup),
        retries=attempts - numbers,
        alternatives=numbers - people,
        contacts=people,
        not_called=tuple((row[0], int(row[1])) for row in rows(_NOT_CALLED)),
        results=tuple((row[0], row[1], int(row[2])) for row in rows(_RESULTS)),
    )


def render(report: Report) -> RenderableType:
    """Return the report for a terminal or a file."""
    outcomes = Table(title="Outcomes (cdr_repo)", title_justify="left")
    outcomes.add_column("disposition")
    outcomes.add_column("cause")
    outcomes.add_column("calls", justify="right")
    for disposition, cause, count in report.results:
        outcomes.add_row(disposition, cause, str(count))
    for outcome, count in report.not_called:
        outcomes.add_row(f"not called: {outcome}", "", str(count))
    figures = Table(title="Campaign (cdr_repo, queue_log_repo)", title_justify="left", show_header=False)
    figures.add_column()
    figures.add_column(justify="right")
    for name, value in (
        ("contacts called", str(report.contacts)),
        ("attempts", str(report.attempts)),
        ("answered", str(report.answered)),
        ("answer seizure ratio", f"{report.answer_seizure_ratio:.1f} %"),
        ("connected to an agent", str(report.connected)),
        ("abandoned", f"{report.abandoned} ({report.abandonment:.1f} %)"),
        ("talk time", f"{report.talk_seconds} s"),
        ("occupancy", f"{report.occupancy:.1f} %"),
        ("retries of a number", str(report.retries)),
        ("alternative numbers used", str(report.alternatives)),
    ):
        figures.add_row(name, value)
    return Group(Text(), outcomes, Text(), figures)

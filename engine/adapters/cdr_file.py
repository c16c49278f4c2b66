"""The CallHistory port over Asterisk's own CDR file (cdr_csv): how calls ended that nobody watched.

Fields in their order: cdr/cdr_csv.c. The file must be written with loguniqueid and usegmtime
(`asterisk-conf/overdial/cdr.conf`).
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import structlog

from engine.ports import PastCall

log = structlog.get_logger(__name__)

_DST_CHANNEL, _ANSWER, _END, _DISPOSITION, _UNIQUE_ID = 6, 10, 11, 14, 16
_FIELDS = 17
#: How far back the file is read, in bytes: some 12,000 calls, in some 20 ms.
_TAIL = 4 * 1024 * 1024
_STATUS = {"NO ANSWER": "NOANSWER", "BUSY": "BUSY", "CONGESTION": "CONGESTION", "FAILED": "CHANUNAVAIL"}


class NoHistory:
    """Asterisk keeps no records that we could read: nothing is known of what nobody watched."""

    def find(self, attempts: frozenset[str]) -> Mapping[str, PastCall]:
        return {}


class CdrFile:
    """Reads the end of the file whenever it is asked."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def find(self, attempts: frozenset[str]) -> Mapping[str, PastCall]:
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(size - _TAIL, 0))
                if size > _TAIL:
                    file.readline()  # the rest of a line
                text = file.read().decode("utf-8", "replace")
        except OSError as error:
            log.warning("Asterisk's CDR file cannot be read", action="history.failed", reason=str(error))
            return {}
        return _parse(text.split("\n"), attempts)


def _parse(lines: Iterable[str], attempts: frozenset[str]) -> dict[str, PastCall]:
    """A call may have several records, one for each agent that was rung: they are told as one."""
    found: dict[str, PastCall] = {}
    for line in lines:
        # Only lines about us, and each by itself: somebody's damaged record is its own concern.
        if attempts.isdisjoint(line.split('"')):
            continue
        row = _fields(line)
        if len(row) < _FIELDS or row[_UNIQUE_ID] not in attempts:
            continue
        end, answer = _moment(row[_END]), _moment(row[_ANSWER])
        if end is None:
            continue
        answered = answer if row[_DISPOSITION] == "ANSWERED" else None
        agent = row[_DST_CHANNEL] if answered else ""
        before = found.get(row[_UNIQUE_ID])
        if before is not None:
            end = max(end, before.ended_at)
            answered = min((at for at in (answered, before.answered_at) if at), default=None)
            agent = agent or before.agent_channel
        status = "" if answered else _STATUS.get(row[_DISPOSITION], "")
        found[row[_UNIQUE_ID]] = PastCall(end, answered, status, agent)
    return found


def _fields(line: str) -> list[str]:
    """Return the fields of one line; none of one that cannot be read."""
    try:
        return next(csv.reader((line,)), [])
    except csv.Error:
        return []


def _moment(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None

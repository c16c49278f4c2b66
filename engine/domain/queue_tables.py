"""The tables `queues` and `queue_members` as the switch wants them: settings as text, members as values."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.domain.errors import FieldError, excerpt

Row = Mapping[str, Any]

_NAME = re.compile(r"[\w .<>-]{1,128}")
_INTERFACE = re.compile(r"[A-Za-z0-9]+/[\w.@+-]{1,100}(?:/n)?", re.ASCII)
#: chan_sip left Asterisk in 21; the documented interface is SIP/<extension>.
_SIP = re.compile(r"^SIP/", re.IGNORECASE)
_PJSIP = re.compile(r"^PJSIP/", re.IGNORECASE)
_STRATEGIES = frozenset(
    ("ringall", "leastrecent", "fewestcalls", "random", "rrmemory", "rrordered", "linear", "wrandom")
)
#: The conditions of joinempty and leavewhenempty (Asterisk's queues.conf).
_CONDITIONS = frozenset(
    ("penalty", "paused", "inuse", "ringing", "unavailable", "invalid", "unknown", "wrapup")
)
_EMPTY = _CONDITIONS | {"yes", "no", "strict", "loose"}
_CLASS = re.compile(r"[\w.-]{1,64}", re.ASCII)
_SOUND = re.compile(r"[\w./-]{0,128}", re.ASCII)
_SOUNDS = re.compile(r"[\w./,-]{0,128}", re.ASCII)
_CONTEXT = re.compile(r"[\w.-]{0,80}", re.ASCII)
_LARGEST = 1_000_000


@dataclass(frozen=True, slots=True)
class QueueMember:
    """One seat of one queue, as a row of `queue_members` wants it."""

    queue: str
    interface: str
    name: str = ""
    state_interface: str = ""
    penalty: int = 0
    paused: bool = False

    @property
    def seat(self) -> tuple[str, str]:
        """What there is once only; Asterisk compares both without regard to case."""
        return self.queue.casefold(), self.interface.casefold()


def read_member(row: Row) -> QueueMember:
    """Check one row of `queue_members`. Raises FieldError."""
    queue = str(row["queue_name"])
    if not _NAME.fullmatch(queue):
        raise FieldError("queue_members.queue_name", f"{excerpt(queue)} names no queue", "Correct it.")
    penalty = int(row["penalty"])
    if penalty < 0:
        raise FieldError("queue_members.penalty", f"{penalty} is negative", "Use 0 or more.")
    name = str(row["membername"] or "")
    if not name.isprintable():
        raise FieldError("queue_members.membername", "it has unprintable characters", "Correct it.")
    return QueueMember(
        queue,
        _interface(row, "interface"),
        name,
        _interface(row, "state_interface") if row["state_interface"] else "",
        penalty,
        bool(row["paused"]),
    )


def _interface(row: Row, column: str) -> str:
    return read_interface(str(row[column]), f"queue_members.{column}")


def as_in_asterisk(interface: str) -> str:
    """Return an interface as Asterisk spells it: `SIP/101` is `PJSIP/101` there."""
    return _SIP.sub("PJSIP/", interface.strip())


def read_interface(text: str, field: str) -> str:
    """Return an interface as Asterisk spells it. Raises FieldError."""
    interface = as_in_asterisk(text)
    if not _INTERFACE.fullmatch(interface):
        raise FieldError(
            field, f"{excerpt(interface)} is no interface", "Write SIP/101, PJSIP/101 or Local/101@agents/n."
        )
    return interface


def spellings(interface: str) -> tuple[str, str]:
    """Return how rows may spell an interface (twice the same where there is one way)."""
    plain = as_in_asterisk(interface)
    return plain, _PJSIP.sub("SIP/", plain)


def _number(row: Row, column: str) -> str:
    value = int(row[column])
    if not 0 <= value <= _LARGEST:
        raise FieldError(column, f"{value} is out of range", f"Use 0 to {_LARGEST}.")
    return str(value)


def _whole(row: Row, column: str) -> str:
    text = str(row[column]).strip() or "0"
    if not text.isdecimal() or int(text) > _LARGEST:
        raise FieldError(column, f"{excerpt(text)} is no number of seconds", f"Use 0 to {_LARGEST}.")
    return text


def _yes_no(row: Row, column: str) -> str:
    return "yes" if int(row[column]) else "no"


def _word(row: Row, column: str, words: frozenset[str]) -> str:
    text = str(row[column]).strip().lower()
    if text not in words:
        raise FieldError(column, f"{excerpt(text)} is unknown", f"Use {', '.join(sorted(words))}.")
    return text


def _words(row: Row, column: str) -> str:
    text = str(row[column]).strip().lower().replace(" ", "")
    unknown = set(text.split(",")) - _EMPTY
    if unknown:
        raise FieldError(
            column,
            f"{excerpt(sorted(unknown)[0])} is unknown",
            f"Use yes, no, strict, loose, or some of {', '.join(sorted(_CONDITIONS))} joined by ','.",
        )
    return text


def _text(row: Row, column: str, pattern: re.Pattern[str]) -> str:
    text = str(row[column]).strip()
    if not pattern.fullmatch(text):
        raise FieldError(
            column, f"{excerpt(text)} is not usable", "Use letters, digits, '_', '-', '.' and '/'."
        )
    return text


_SAY = frozenset(("yes", "no", "once"))
_PLACE = frozenset(("yes", "no", "limit", "more"))
#: What holds where a column cannot be used; for the others Asterisk's own default is as good.
_SPARE = {"strategy": "rrmemory", "timeout": "15", "retry": "3", "joinempty": "yes", "leavewhenempty": "no"}

#: Asterisk's keyword, our column and how it is read. What is empty is left out.
_SETTINGS: tuple[tuple[str, str, Callable[[Row, str], str]], ...] = (
    ("musiconhold", "musiconhold", lambda r, c: _text(r, c, _CLASS)),
    ("announce", "announce", lambda r, c: _text(r, c, _SOUND)),
    ("context", "context", lambda r, c: _text(r, c, _CONTEXT)),
    ("timeout", "timeout", _number),
    ("retry", "retry", _number),
    ("wrapuptime", "wrapuptime", _number),
    ("maxlen", "maxlen", _number),
    ("servicelevel", "servicelevel", _number),
    ("strategy", "strategy", lambda r, c: _word(r, c, _STRATEGIES)),
    ("joinempty", "joinempty", _words),
    ("leavewhenempty", "leavewhenempty", _words),
    ("weight", "weight", _number),
    ("memberdelay", "memberdelay", _number),
    ("timeoutrestart", "timeoutrestart", _yes_no),
    ("ringinuse", "ringinuse", _yes_no),
    ("setinterfacevar", "setinterfacevar", _yes_no),
    ("reportholdtime", "reportholdtime", _yes_no),
    ("announce-frequency", "announceFrequency", _number),
    ("announce-round-seconds", "announceRoundSeconds", _number),
    ("announce-holdtime", "announceHoldtime", lambda r, c: _word(r, c, _SAY)),
    ("announce-position", "announcePosition", lambda r, c: _word(r, c, _PLACE)),
    ("periodic-announce", "periodicAnnounce", lambda r, c: _text(r, c, _SOUNDS)),
    ("periodic-announce-frequency", "periodicAnnounceFrequency", _whole),
)


def check_settings(row: Row) -> None:
    """Read the columns of a row of `queues` that are given, as `queues_conf` does. Raises FieldError for one
    that cannot be used."""
    for _, column, read in _SETTINGS:
        if column in row:
            read(row, column)


def queues_conf(rows: Sequence[Row]) -> tuple[str, tuple[str, ...]]:
    """Return the queues as Asterisk's queues.conf wants them, and what could not be taken over.

    A value that cannot be used is replaced by a safe one; a queue whose name cannot be used is left out.
    Nothing of a row reaches the file unchecked. No template is used: of two strategies in one section
    Asterisk takes the first.
    """
    lines = ["; Written by overdial from the table queues; changes here are lost."]
    faults: list[str] = []
    for row in sorted(rows, key=lambda row: str(row["name"]).casefold()):
        name = str(row["name"])
        if not _NAME.fullmatch(name):
            faults.append(f"queues.name: {excerpt(name)} is not usable. Use letters, digits and . - < > _.")
            continue
        lines += ["", f"[{name}]", "autofill = yes"]
        for keyword, column, read in _SETTINGS:
            try:
                value = read(row, column)
            except FieldError as error:
                faults.append(f"queue {name}: queues.{error}")
                value = _SPARE.get(keyword, "")
            if value:
                lines.append(f"{keyword} = {value}")
    return "\n".join(lines) + "\n", tuple(faults)

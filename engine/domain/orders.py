"""Orders for single calls, read from rows of `orders`; what is wrong is named by its column."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from engine.domain.callerid import parse_callerid
from engine.domain.dialstring import parse_dialstring
from engine.domain.errors import FieldError, excerpt
from engine.domain.model import AttemptId, CampaignName, Contact, Desk, Dialer, DialerType, SpoolId
from engine.domain.modes import DEFAULT_OPTIONS, read_options
from engine.domain.phones import parse_phone
from engine.domain.queue_tables import read_interface
from engine.domain.schedule import parse_schedule
from engine.domain.variables import Variables, parse_variables, printable

Row = Mapping[str, Any]

#: Ring time (s) of a manual call, for the agent and for the destination.
MANUAL_RING = 60
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,80}", re.ASCII)
_EXTEN = re.compile(r"[A-Za-z0-9_*#+.-]{1,80}", re.ASCII)
_CALLER = re.compile(r"\+?[0-9*#]{0,32}", re.ASCII)
_ACTS = ("dial", "skip", "later")
_KINDS = ("call", "workflow", "hangup", "decide", "join", "leave", "pause", "unpause")
#: Bytes of UTF-8 that Asterisk keeps of a pause's reason (app_queue.c, reason_paused).
LONGEST_REASON = 79


@dataclass(frozen=True, slots=True)
class ManualCall:
    """Click to call: the agent's phone first, then the destination through the agent's context."""

    dialer: Dialer
    contact: Contact
    desk: Desk
    caller_id: str

    def with_options(self, row: Row | None) -> ManualCall:
        """Return the call with what `dialer_options` says of its campaign: whether it is recorded. The rest
        is no matter of manual calls. Raises FieldError."""
        if row is None:
            return self
        options = replace(DEFAULT_OPTIONS, recording=read_options(row).recording)
        return replace(self, dialer=replace(self.dialer, options=options))


@dataclass(frozen=True, slots=True)
class Workflow:
    """A flow of the dialplan is started with variables."""

    context: str
    exten: str
    caller_id: str
    variables: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class HangUpPhone:
    """Whatever the agent's phone does is hung up."""

    interface: str


@dataclass(frozen=True, slots=True)
class HangUpCall:
    """One call of ours is hung up, whatever it does."""

    attempt: AttemptId


@dataclass(frozen=True, slots=True)
class Decide:
    """The agent decided about the call that is before him (`attempt` '': whichever that is)."""

    attempt: AttemptId
    agent: str
    act: str
    reason: str


@dataclass(frozen=True, slots=True)
class Join:
    """An agent's phone becomes a member of a queue."""

    queue: str
    interface: str
    agent: str
    penalty: int
    paused: bool


@dataclass(frozen=True, slots=True)
class Leave:
    """A phone is a member of a queue no more. Whom it talks to stays on the line."""

    queue: str
    interface: str


@dataclass(frozen=True, slots=True)
class Pause:
    """A member of a queue ('' = of every one in which he sits) gets no more calls, or goes on."""

    queue: str
    interface: str
    paused: bool
    reason: str


Order = ManualCall | Workflow | HangUpPhone | HangUpCall | Decide | Join | Leave | Pause


def read_order(row: Row) -> Order:
    """Check one row. Raises FieldError."""
    kind = str(row["kind"]).strip().lower()
    if kind == "call":
        return _call(row)
    if kind == "workflow":
        return _workflow(row)
    if kind == "hangup":
        call = AttemptId(str(row["attempt"] or ""))
        return HangUpCall(call) if call and not row["phone"] else HangUpPhone(_interface(row))
    if kind == "decide":
        return _decide(row)
    if kind == "join":
        return _join(row)
    if kind == "leave":
        return Leave(_required(row, "campaign", "Name the queue."), _seat(row))
    if kind in ("pause", "unpause"):
        return _pause(row, paused=kind == "pause")
    raise FieldError("kind", f"{excerpt(kind)} is unknown", f"Use {', '.join(_KINDS)}.")


def _call(row: Row) -> ManualCall:
    campaign = _required(row, "campaign", "Name the manual campaign that the call counts for.")
    context = _matching(_WORD, row, "context")
    phone = parse_phone(_required(row, "destination", "Give the number to call."))
    caller_id = str(row["callerid"] or "")
    name = CampaignName(campaign)
    dialer = Dialer(
        name=name,
        dialer_type=DialerType.PREVIEW,
        schedule=parse_schedule("mon-sun;00:00-23:59"),
        dial_string=parse_dialstring(f"Local/@{context}/n", "context"),
        context=DialerType.PREVIEW.value,
        exten="${EXTEN}",
        caller_id=parse_callerid(caller_id),
        variables=Variables(()),
        max_channels=1,
        timeout=MANUAL_RING,
        tbc=0,
        tbc_nocontact=0,
        retries=0,
        auto_answer=True,
    )
    contact = Contact(SpoolId(0), name, phone, (), "", "", "", 1, "", 0)
    interface = _interface(row)
    return ManualCall(dialer, contact, Desk(interface, str(row["agent"] or "") or interface), caller_id)


def _object(row: Row) -> dict[str, Any]:
    try:
        values = json.loads(str(row["variables"] or "{}"))
    except (ValueError, RecursionError) as error:
        raise FieldError("variables", f"it is not JSON: {error}", 'Write {"name": "value"}.') from error
    if not isinstance(values, dict):
        raise FieldError("variables", "it is not a JSON object", 'Write {"name": "value"}.')
    return values


def _join(row: Row) -> Join:
    """`campaign`: the queue; `variables`: {"penalty": 0, "paused": 0}, both by choice."""
    values = _object(row)
    try:
        penalty, paused = int(values.get("penalty") or 0), bool(int(values.get("paused") or 0))
    except (TypeError, ValueError) as error:
        raise FieldError("variables", "penalty or paused is no number", "Use 0 or more.") from error
    interface = _seat(row)
    queue = _required(row, "campaign", "Name the queue.")
    return Join(queue, interface, str(row["agent"] or "") or interface, max(penalty, 0), paused)


def _pause(row: Row, *, paused: bool) -> Pause:
    reason = printable(str(row["reason"] or "")).strip()
    if len(reason.encode()) > LONGEST_REASON:
        raise FieldError("reason", f"it has more than {LONGEST_REASON} bytes", "Say it in fewer words.")
    return Pause(str(row["campaign"] or "").strip(), _seat(row), paused, reason)


def _seat(row: Row) -> str:
    """`phone` is an extension, or a whole interface as in `queue_members`."""
    phone = str(row["phone"] or "").strip()
    return read_interface(phone, "phone") if "/" in phone else _interface(row)


def _workflow(row: Row) -> Workflow:
    values = _object(row)
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        plain = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        # Read as a contact's data are, pair by pair: the same names are refused, a ':' is no separator here.
        read = parse_variables(f"{name}=")
        if read.refused or ":" in name:
            raise FieldError(
                "variables",
                f"{excerpt(str(name))} cannot be a channel variable",
                "Use letters, digits and '_', and no name of Asterisk's own.",
            )
        pairs.append((name, printable(plain)))
    return Workflow(
        _matching(_WORD, row, "context"),
        _matching(_EXTEN, row, "exten"),
        _caller(row),
        tuple(pairs),
    )


def _decide(row: Row) -> Decide:
    act = str(row["act"]).strip().lower()
    if act not in _ACTS:
        raise FieldError("act", f"{excerpt(act)} is unknown", f"Use {', '.join(_ACTS)}.")
    agent = str(row["agent"] or "") or str(row["phone"] or "")
    if not agent and not row["attempt"]:
        raise FieldError("agent", "neither agent nor attempt is given", "Name the agent who decides.")
    return Decide(AttemptId(str(row["attempt"] or "")), agent, act, str(row["reason"] or ""))


def _interface(row: Row) -> str:
    phone = _matching(_WORD, row, "phone")
    tech = str(row["tech"] or "SIP").strip().upper()
    if tech not in ("SIP", "PJSIP"):
        raise FieldError("tech", f"{excerpt(tech)} is unknown", "Use SIP.")
    return f"PJSIP/{phone}"


def _caller(row: Row) -> str:
    text = str(row["callerid"] or "").strip()
    if not _CALLER.fullmatch(text):
        raise FieldError("callerid", f"{excerpt(text)} is no caller ID", "Use digits, or leave it empty.")
    return text


def _required(row: Row, column: str, fix: str) -> str:
    text = str(row[column] or "").strip()
    if not text:
        raise FieldError(column, "it is empty", fix)
    return text


def _matching(pattern: re.Pattern[str], row: Row, column: str) -> str:
    text = str(row[column] or "").strip()
    if not pattern.fullmatch(text):
        raise FieldError(column, f"{excerpt(text)} is not usable", "Use letters, digits, '_', '-' and '.'.")
    return text

"""The ways of dialling: who is called first, who decides, and the options that no documented key holds."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from engine.domain.errors import FieldError, excerpt


class Mode(enum.StrEnum):
    """How a campaign dials: its dialer type together with its options."""

    POWER = "power"
    PREDICTIVE = "predictive"
    PREVIEW = "preview"
    PROGRESSIVE = "progressive"
    REVERSE_PROGRESSIVE = "reverse-progressive"
    TCPA_PREVIEW = "tcpa-preview"
    TCPA_PROGRESSIVE = "tcpa-progressive"
    BROADCAST = "broadcast"

    @property
    def reserves(self) -> bool:
        """Is one agent reserved for every call?"""
        return self not in (Mode.POWER, Mode.PREDICTIVE, Mode.BROADCAST)

    @property
    def agent_first(self) -> bool:
        """Is the agent called before the customer?"""
        return self.reserves and self is not Mode.REVERSE_PROGRESSIVE

    @property
    def portfolio(self) -> bool:
        """Are contacts bound to their agents (`calls_spool.agentphone`)?"""
        return self in (Mode.PROGRESSIVE, Mode.REVERSE_PROGRESSIVE, Mode.TCPA_PROGRESSIVE)

    @property
    def decides(self) -> bool:
        """Does the agent decide about each call?"""
        return self in (Mode.TCPA_PREVIEW, Mode.TCPA_PROGRESSIVE)


class Machines(enum.StrEnum):
    """What becomes of an answering machine that AMD heard; the words of `dialer_options.machines`."""

    HANG_UP = "hangup"
    MESSAGE = "message"  # after the beep
    AGENT = "agent"


class Recording(enum.StrEnum):
    """Which talks are recorded; the words of `dialer_options.recording`."""

    NONE = "none"
    ALL = "all"
    AGENTS = "agents"  # those of the agents whom agent_options marks


@dataclass(frozen=True, slots=True)
class Options:
    """What `dialer_options` says of a campaign; a campaign without a row has these.

    `decision_time`: how long an agent may think, s; `later`: when a contact that was put off is called
    again, min.
    """

    customer_first: bool = False
    agent_decides: bool = False
    decision_time: int = 30
    later: int = 60
    machines: Machines = Machines.HANG_UP
    machine_sound: str = ""
    recording: Recording = Recording.NONE


DEFAULT_OPTIONS = Options()

_SOUND = re.compile(r"[\w./&:-]*")


def read_options(row: Mapping[str, Any]) -> Options:
    """Check one `dialer_options` row. Raises FieldError, which names the column."""
    sound = str(row["machine_sound"] or "")
    if not _SOUND.fullmatch(sound):
        raise FieldError(
            "dialer_options.machine_sound",
            f"{excerpt(sound)} is not usable",
            "Name recordings without their extension, several joined by '&'.",
        )
    options = Options(
        customer_first=bool(row["customer_first"]),
        agent_decides=bool(row["agent_decides"]),
        decision_time=_number(row, "decision_time", 5, 600),
        later=_number(row, "later", 1, 525_600),
        machines=_choice(Machines, row, "machines"),
        machine_sound=sound,
        recording=_choice(Recording, row, "recording"),
    )
    if options.machines is Machines.MESSAGE and not sound:
        raise FieldError(
            "dialer_options.machine_sound",
            "machines are to hear a message, and none is named",
            "Name the recording, or set machines to hangup or agent.",
        )
    if options.customer_first and options.agent_decides:
        raise FieldError(
            "dialer_options.customer_first",
            "an agent who decides about a call cannot do so after the customer was called",
            "Set customer_first or agent_decides to 0.",
        )
    return options


def _number(row: Mapping[str, Any], column: str, low: int, high: int) -> int:
    value = int(row[column])
    if not low <= value <= high:
        raise FieldError(f"dialer_options.{column}", f"{value} is out of range", f"Use {low} to {high}.")
    return value


_Choice = TypeVar("_Choice", bound=enum.StrEnum)


def _choice(kind: type[_Choice], row: Mapping[str, Any], column: str) -> _Choice:
    text = str(row[column]).strip().lower()
    try:
        return kind(text)
    except ValueError as error:
        known = ", ".join(kind)
        raise FieldError(
            f"dialer_options.{column}", f"{excerpt(text)} is unknown", f"Use one of {known}."
        ) from error


def mode_of(dialer_type: str, options: Options) -> Mode:
    """Return how a dialer of this (documented) type dials. Raises FieldError for contradictory options."""
    kind = dialer_type.lower()
    preview, progressive = kind == "preview", kind == "progressive"
    if options.customer_first and not progressive:
        raise FieldError(
            "dialer_options.customer_first",
            f"{dialer_type} has no such variant",
            "Only Progressive can call the customer first; set it to 0.",
        )
    if options.agent_decides and not (preview or progressive):
        raise FieldError(
            "dialer_options.agent_decides",
            f"{dialer_type} has no agent before the call",
            "Only Preview and Progressive let the agent decide; set it to 0.",
        )
    if preview:
        return Mode.TCPA_PREVIEW if options.agent_decides else Mode.PREVIEW
    if progressive:
        if options.customer_first:
            return Mode.REVERSE_PROGRESSIVE
        return Mode.TCPA_PROGRESSIVE if options.agent_decides else Mode.PROGRESSIVE
    return {"powerdialer": Mode.POWER, "predictive": Mode.PREDICTIVE, "voicebroadcast": Mode.BROADCAST}[kind]

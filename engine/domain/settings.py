"""From rows as supervisors write them to checked settings; what is wrong is named by its column."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from engine.domain.callerid import parse_callerid
from engine.domain.dialstring import parse_dialstring
from engine.domain.errors import FieldError, excerpt
from engine.domain.model import (
    CampaignName,
    Contact,
    ContactList,
    Dialer,
    DialerType,
    SpoolId,
)
from engine.domain.modes import DEFAULT_OPTIONS, read_options
from engine.domain.pacing.profiles import PROFILES, Profile, profile_for
from engine.domain.phone_order import parse_phone_order
from engine.domain.phones import parse_alternatives, parse_phone
from engine.domain.recycling import parse_recycle
from engine.domain.schedule import parse_schedule
from engine.domain.variables import Variables, parse_variables

#: How `calls_spool.reason` begins after an order for the contact was refused.
REFUSED = "Asterisk refused the order: "

Row = Mapping[str, Any]

_CONTEXT = re.compile(r"[A-Za-z0-9_.-]{1,80}", re.ASCII)
_EXTEN = re.compile(r"[A-Za-z0-9_*#+-]{1,80}", re.ASCII)
_NAME = re.compile(r"[\w .<>-]{1,128}")
_LANGUAGE = re.compile(r"[A-Za-z_]{0,16}", re.ASCII)
#: The eight settings of answering-machine detection, in the order in which AMD() takes them.
AMD_SETTINGS = (
    "initialSilence", "greeting", "afterGreetingSilence", "totalAnalysisTime",
    "minWordLength", "betweenWordSilence", "maxNumberOfWords", "silenceThreshold",
)  # fmt: skip
_SOUND = re.compile(r"[\w./&:-]*")


@dataclass(frozen=True, slots=True)
class SettingsRows:
    """What the settings tables hold, as read: one snapshot of one moment.

    `caller_ids`: the enabled rows, the same object as long as nothing has changed; `resting`: number → until.
    """

    dialers: tuple[Row, ...]
    lists: tuple[Row, ...]
    queues: tuple[Row, ...]
    trunks: tuple[Row, ...] = ()
    options: tuple[Row, ...] = ()
    agents: tuple[Row, ...] = ()
    broadcast: tuple[Row, ...] = ()
    caller_ids: tuple[Row, ...] = ()
    resting: Mapping[str, datetime] = field(default_factory=dict)
    drains: tuple[Row, ...] = ()
    laws: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class TrunkLimits:
    """What one trunk may be given: `channels` at once, `cps` calls per second; None: no limit."""

    channels: int | None
    cps: float | None


def read_trunks(rows: Sequence[Row]) -> dict[str, TrunkLimits]:
    """Check the rows of `trunks`. Raises FieldError."""
    limits = {}
    for row in rows:
        channels, cps = row["channels"], row["cps"]
        if channels is not None and int(channels) < 0:
            raise FieldError(
                "trunks.channels", f"{channels} is negative", "Use 0 or more, NULL for no limit."
            )
        if cps is not None and not float(cps) > 0:
            raise FieldError("trunks.cps", f"{cps} calls per second", "Use more than 0, NULL for no limit.")
        limits[str(row["name"])] = TrunkLimits(
            None if channels is None else int(channels), None if cps is None else float(cps)
        )
    return limits


#: `callerpres` → Asterisk's word (main/callerid.c). 0 is how it presents anyway; any other number is no code
#: and changes nothing.
PRESENTATIONS = {
    1: "allowed_passed_screen", 2: "allowed_failed_screen", 3: "allowed",
    32: "prohib_not_screened", 33: "prohib_passed_screen", 34: "prohib_failed_screen", 35: "prohib",
    67: "unavailable",
}  # fmt: skip


def read_dialer(
    row: Row, queue: Row | None, profiles: Mapping[str, Profile] = PROFILES, options: Row | None = None
) -> Dialer:
    """Check one `dialers` row and its rows of `queues` and `dialer_options`. Raises FieldError."""
    name = str(row["campaign"])
    if not _NAME.fullmatch(name):
        raise FieldError(
            "campaign",
            f"{excerpt(name)} has characters that a queue name cannot have",
            "Use letters, digits, space, '.', '_', '-', '<' and '>'.",
        )
    kind = _dialer_type(str(row["dialertype"]))
    if queue is None and kind is not DialerType.VOICE_BROADCAST:
        raise FieldError(
            "campaign", f"{excerpt(name)} has no row in queues", "Insert the queue with this name."
        )
    queue = queue or {"queue_timeout": 60, "wrapuptime": 0}
    variables = _variables(str(row["variables"] or ""))
    safe_harbour = _word(_SOUND, variables.get("safeharbour"), "variables")
    country = str(row.get("country") or "").strip()
    profile = profile_for(country, profiles)
    dialer = Dialer(
        name=CampaignName(name),
        dialer_type=kind,
        schedule=parse_schedule(str(row["schedule"])),
        dial_string=parse_dialstring(str(row["dialstring"])),
        context=_word(_CONTEXT, str(row["context"]), "context"),
        exten=_exten(str(row["exten"])),
        caller_id=parse_callerid(str(row["callerid"] or "")),
        variables=variables,
        amd=_amd(variables),
        language=_word(_LANGUAGE, variables.get("language"), "variables"),
        max_channels=_number(row, "maxchannels", 0, 100_000),
        # Where a jurisdiction is named it rings at least as long as the law wants.
        timeout=max(_number(row, "timeout", 1, 600), math.ceil(profile.min_ring) if country else 0),
        tbc=_number(row, "tbc", -10_000, 86_400_000),
        tbc_nocontact=_number(row, "tbc_nocontact", 0, 525_600),
        retries=_number(row, "retries", 0, 1_000),
        am=_number(row, "am", 0, 1),
        sound=_word(_SOUND, str(row["sound"] or ""), "sound"),
        dncr=_number(row, "dncr", 0, 1),
        queue_timeout=_patience(queue, safe_harbour, profile),
        safe_harbour=safe_harbour,
        wrapup=_number(queue, "wrapuptime", 0, 86_400, "queues.wrapuptime"),
        jurisdiction=country,
        auto_answer=bool(row.get("autoanswer")),
        early_media=bool(row.get("earlymedia")),
        caller_pres=PRESENTATIONS.get(int(row.get("callerpres") or 0), ""),
        local_presence=bool(row.get("autoconvertcallerid")),
        options=read_options(options) if options else DEFAULT_OPTIONS,
    )
    _ = dialer.mode  # refuses contradictory options
    if (kind is DialerType.VOICE_BROADCAST) != (dialer.context == DialerType.VOICE_BROADCAST.value):
        _refuse_foreign_context(dialer)
    # What the store uses in its claims is read here to be refused in time.
    parse_phone_order(str(row.get("schedulephones") or ""))
    parse_recycle(str(row.get("recycle") or ""))
    return dialer


def _refuse_foreign_context(dialer: Dialer) -> None:
    """A context of a site's own may do anything; ours talk to customers, or lead to agents, never both."""
    if dialer.context in (kind.value for kind in DialerType):
        raise FieldError(
            "context",
            f"{dialer.context} is not where calls of {dialer.dialer_type.value} go",
            f"Use {dialer.dialer_type.value}, or a context of your own.",
        )


def _dialer_type(text: str) -> DialerType:
    for kind in DialerType:
        if kind.value.lower() == text.strip().lower():
            return kind
    known = ", ".join(kind.value for kind in DialerType)
    raise FieldError("dialertype", f"{excerpt(text)} is unknown", f"Use one of {known}.")


def _word(pattern: re.Pattern[str], text: str, field: str) -> str:
    if not pattern.fullmatch(text):
        raise FieldError(field, f"{excerpt(text)} is not usable", "Use letters, digits, '_', '-', '.'.")
    return text


def _exten(text: str) -> str:
    """`${EXTEN}` stands for the dialled number and is kept; nothing else may be evaluated."""
    return text if text == "${EXTEN}" else _word(_EXTEN, text, "exten")


def _variables(text: str) -> Variables:
    variables = parse_variables(text)
    if variables.refused:
        raise FieldError(
            "variables",
            f"{excerpt(variables.refused[0])} cannot be a channel variable",
            "Write name=value joined by ':', with names of letters, digits and '_'.",
        )
    return variables


def _patience(queue: Row, safe_harbour: str, profile: Profile) -> int:
    """Return how long a caller may wait (s). Who is told so by a recording is told in the law's time."""
    seconds = _number(queue, "queue_timeout", 1, 86_400, "queues.queue_timeout")
    return min(seconds, max(int(profile.seconds), 1)) if safe_harbour else seconds


def _amd(variables: Variables) -> str:
    """Return AMD()'s arguments; a setting that is not given is left to Asterisk's amd.conf."""
    values = [variables.get(name) for name in AMD_SETTINGS]
    for name, value in zip(AMD_SETTINGS, values, strict=True):
        if value and not (value.isascii() and value.isdigit() and len(value) <= 6):
            raise FieldError("variables", f"{name}={excerpt(value)} is not a number", "Use milliseconds.")
    return ",".join(values)


def _number(row: Row, column: str, low: int, high: int, field: str = "") -> int:
    try:
        value = int(row[column])
    except (TypeError, ValueError, OverflowError) as error:
        raise FieldError(field or column, "it is not a number", f"Use {low} to {high}.") from error
    if not low <= value <= high:
        raise FieldError(
            field or column, f"{excerpt(str(row[column]))} is out of range", f"Use {low} to {high}."
        )
    return value


def active_lists(rows: Sequence[Row], campaign: str) -> tuple[ContactList, ...]:
    """Return the active lists of a campaign with their shares, in the order in which they serve.

    Lists of the smallest `priority` come first; the others, without a share, serve when those are dry.
    `percentage` are shares among the first and are normalised; where none has one, all are equal. Beside
    lists that have one a list with NULL serves when those are dry, and one with 0 gets nothing.
    """
    shares: dict[str, int | None] = {}
    levels: dict[str, int] = {}
    for row in rows:
        if str(row["campaign"]).lower() == campaign.lower() and row["active"]:
            name = str(row["name"])
            given = [share for share in (shares.get(name), row["percentage"]) if share is not None]
            shares[name] = max(0, *map(int, given)) if given else None
            levels[name] = min(levels.get(name, 2**31), int(row.get("priority") or 0))
    ranked: list[ContactList] = []
    for level in sorted(set(levels.values())):
        mine = {name: share for name, share in shares.items() if levels[name] == level}
        total = sum(share or 0 for share in mine.values())
        if total:
            # Those with a share first; what they cannot give comes from the lists behind them.
            mine = {name: share for name, share in mine.items() if share} | {
                name: share for name, share in mine.items() if share is None
            }
        first = not ranked
        for name, share in mine.items():
            part = (share or 0) / total if total else 1 / len(mine)
            ranked.append(ContactList(name, part if first else 0.0))
    return tuple(ranked)


def read_contact(row: Row) -> Contact:
    """Check one spool row. Raises FieldError; broken alternatives are left out."""
    alternatives, broken = parse_alternatives(str(row["alternatives"] or ""))
    return Contact(
        id=SpoolId(int(row["id"])),
        campaign=CampaignName(str(row["campaign"])),
        phone=parse_phone(str(row["destination"])),
        alternatives=alternatives,
        data=str(row["data"] or ""),
        reference=str(row["contact"] or ""),
        list_name=str(row["dialerbase"]),
        priority=_number(row, "priority", -(2**31), 2**31 - 1),
        agent_phone=str(row["agentphone"] or ""),
        retries=_number(row, "retries", 0, 1_000_000),
        refused=str(row.get("reason") or "").startswith(REFUSED),
        remark=f"alternatives left out: {', '.join(excerpt(e) for e in broken)}" if broken else "",
        timezone=str(row.get("timezone") or ""),
    )

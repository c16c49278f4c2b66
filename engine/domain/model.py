"""The nouns of the dialer: dialer settings, lists, contacts, attempts. All frozen."""

from __future__ import annotations

import enum
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from typing import NewType

from engine.domain.broadcast import Script
from engine.domain.callerid import CallerIdRules
from engine.domain.dialstring import DialString
from engine.domain.modes import DEFAULT_OPTIONS, Mode, Options, mode_of
from engine.domain.phones import Phone
from engine.domain.schedule import Schedule
from engine.domain.variables import Variables

#: Attempt id = Asterisk channel id = cdr_repo.guid = the key of every log line of the call.
AttemptId = NewType("AttemptId", str)
#: Name of a dialer, of its campaign and of the campaign's queue: they are the same word.
CampaignName = NewType("CampaignName", str)
#: calls_spool.priority of scheduled calls and of tasks that come before everything.
FIRST = 1
#: calls_spool.id
SpoolId = NewType("SpoolId", int)


class DialerType(enum.Enum):
    """`dialers.dialertype`; spelled as documented, read without regard to case."""

    POWER = "PowerDialer"
    PREDICTIVE = "Predictive"
    PREVIEW = "Preview"
    PROGRESSIVE = "Progressive"
    VOICE_BROADCAST = "VoiceBroadCast"


@dataclass(frozen=True, slots=True)
class Dialer:
    """The settings of one voice dialer, read and checked. Units as in the documents:

    `timeout` s of ringing; `tbc` ms between originates when ≥ 0, overdial % (magnitude; for Predictive the
    highest abandonment %) when < 0;
    `amd`: arguments of Asterisk's AMD(), commas included; `language` of the prompts;
    `tbc_nocontact` min before a contact that was not reached is tried again; `retries` extra
    attempts per number; `max_channels` simultaneous calls, for Predictive per agent on duty.
    `safe_harbour`: the recording for callers whom no agent takes in time;
    `jurisdiction`: the country whose rules on abandoned calls hold (`dialers.country`).
    `auto_answer`: agents' phones answer by themselves; `early_media`: what is heard before the answer
    counts as answered; `caller_pres`: Asterisk's word for the presentation, '' for the trunk's own;
    `local_presence`: a caller ID of the destination's area is preferred.
    """

    name: CampaignName
    dialer_type: DialerType
    schedule: Schedule
    dial_string: DialString
    context: str
    exten: str
    caller_id: CallerIdRules
    variables: Variables
    max_channels: int
    timeout: int
    tbc: int
    tbc_nocontact: int
    retries: int
    am: int = 0
    amd: str = ""
    language: str = ""
    sound: str = ""
    dncr: int = 1
    queue_timeout: int = 600
    safe_harbour: str = ""
    wrapup: int = 0
    jurisdiction: str = ""
    auto_answer: bool = False
    early_media: bool = False
    caller_pres: str = ""
    local_presence: bool = False
    options: Options = DEFAULT_OPTIONS

    @property
    def mode(self) -> Mode:
        """How it dials: its type and its options together. Raises FieldError for contradictory ones."""
        return mode_of(self.dialer_type.value, self.options)

    @property
    def overdial(self) -> int:
        """Overdial in per cent: calls placed beyond one per free agent."""
        return -self.tbc if self.tbc < 0 else 0

    @property
    def gap(self) -> float:
        """Seconds between two originates of this campaign."""
        return self.tbc / 1000 if self.tbc > 0 else 0.0


@dataclass(frozen=True, slots=True)
class ContactList:
    """An active list of a campaign and its share of the contacts (normalised, sums to 1)."""

    name: str
    share: float


@dataclass(frozen=True, slots=True)
class Contact:
    """One claimed row of the spool.

    `retries` counts the attempts made on the current number before this one; `remark` says what of
    the row could not be used; `refused`: Asterisk refused the last order for it; `timezone`: where it is,
    '' when its list or its number says so.
    """

    id: SpoolId
    campaign: CampaignName
    phone: Phone
    alternatives: tuple[Phone, ...]
    data: str
    reference: str
    list_name: str
    priority: int
    agent_phone: str
    retries: int
    remark: str = ""
    refused: bool = False
    timezone: str = ""

    @property
    def waits_for_agent(self) -> bool:
        """Is it a scheduled call, or a first task, of one agent? His it is wherever agents are reserved."""
        return bool(self.agent_phone.strip()) and not self.list_name and self.priority == FIRST


@dataclass(frozen=True, slots=True)
class Desk:
    """The agent for whom a call is meant: his phone as Asterisk knows it, and his user name."""

    interface: str
    name: str

    @property
    def extension(self) -> str:
        """The phone without technology and context: `PJSIP/1001` and `Local/1001@agents/n` are 1001."""
        return self.interface.partition("/")[2].partition("@")[0].partition("/")[0]

    @property
    def names(self) -> tuple[str, ...]:
        """What `calls_spool.agentphone` may call him."""
        return tuple(dict.fromkeys((self.extension, self.name)))

    def answers_to(self, text: str) -> bool:
        """Is he meant by this extension or user name? Compared as the database does: neither case nor
        accents count."""
        wanted = _plain(text)
        return bool(wanted) and any(_plain(name) == wanted for name in self.names)


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


@dataclass(frozen=True, slots=True)
class Attempt:
    """The intention to call one number of one contact, written before the act.

    `desk`: the agent who is reserved for it, None where any agent of the queue will do; `caller_id`: the
    number that is shown, '' for the trunk's own.
    """

    id: AttemptId
    contact: Contact
    claimed_at: datetime
    desk: Desk | None = None
    caller_id: str = ""


@dataclass(frozen=True, slots=True)
class Campaign:
    """What one pacing worker works for: a dialer, its active lists, and what a broadcast says."""

    dialer: Dialer
    lists: tuple[ContactList, ...] = field(default_factory=tuple)
    script: Script | None = None


#: How the channel id of an agent's leg begins. Asterisk refuses an id that begins with another channel's
#: whole id (main/channel.c, does_id_conflict), so the attempt's comes last.
_AGENT_LEG = "agent-"


def agent_leg(attempt: str) -> AttemptId:
    """Return the channel id of the leg to the agent who is reserved for `attempt`."""
    return AttemptId(_AGENT_LEG + attempt)


def leg_owner(channel: str) -> str | None:
    """Return the attempt whose agent's leg has this channel id, None for any other channel."""
    return channel.removeprefix(_AGENT_LEG) if channel.startswith(_AGENT_LEG) else None


def attempt_id(unix_ms: int, random_bits: int) -> AttemptId:
    """Return a UUID version 7 (RFC 9562 §5.7): ordered by time, so that its index stays compact.

    `unix_ms`: milliseconds since 1970; `random_bits`: 74 random bits.
    """
    value = (unix_ms & (1 << 48) - 1) << 80 | 7 << 76
    value |= (random_bits >> 62 & 0xFFF) << 64 | 2 << 62 | random_bits & (1 << 62) - 1
    digits = f"{value:032x}"
    return AttemptId(f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}")

"""What the adapters found out. Plain values; what they mean is judged elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from engine.domain.checkup.columns import Columns
from engine.domain.checkup.shapes import Indexes, Views
from engine.domain.queue_tables import QueueMember


@dataclass(frozen=True, slots=True)
class Needs:
    """What tables and settings ask of Asterisk. `trunks`: technology and name; `campaigns`: enabled dialers;
    `lawless`: those for which nobody named a law; `reads_cdrs`: asterisk.cdr_file is set."""

    campaigns: tuple[str, ...] = ()
    broadcasts: tuple[str, ...] = ()
    contexts: frozenset[str] = frozenset()
    trunks: frozenset[tuple[str, str]] = frozenset()
    members: tuple[QueueMember, ...] = ()
    detects_machines: bool = False
    records: bool = False
    faults: tuple[str, ...] = ()
    lawless: tuple[str, ...] = ()
    reads_cdrs: bool = False


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """`variables`: the server's, lower case; `foreign_tables`: ours that are not InnoDB or not utf8mb4, with
    what they are; `offset`: its clock minus ours, s; `zone`: its local time minus the engine's, s; `denied`:
    what the account has no right to; `refused`: what the server did not do for another reason, with its
    words; `known`, `known_indexes`, `known_views`: ours, `columns`, `indexes`, `views`: those there."""

    version: str
    variables: Mapping[str, str]
    session_isolation: str
    lacking: tuple[str, ...] = ()
    newer: tuple[str, ...] = ()
    foreign_tables: Mapping[str, str] = field(default_factory=dict)
    connections: int = 0
    zones: bool = True
    offset: float = 0.0
    zone: float = 0.0
    denied: tuple[str, ...] = ()
    refused: Mapping[str, str] = field(default_factory=dict)
    known: Columns = field(default_factory=dict)
    columns: Columns = field(default_factory=dict)
    known_indexes: Indexes = field(default_factory=dict)
    indexes: Indexes = field(default_factory=dict)
    known_views: Views = field(default_factory=dict)
    views: Views = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrunkFacts:
    """A trunk as Asterisk knows it. `contacts`: address state by contact; `known` None: nobody could tell."""

    technology: str
    name: str
    known: bool | None
    codecs: tuple[str, ...] = ()
    contacts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Registration:
    """An outbound registration."""

    name: str
    status: str


@dataclass(frozen=True, slots=True)
class SwitchFacts:
    """`commands`: what our user may do; `modules`: name → loaded, empty when func_module is missing;
    `offset`: its clock minus ours, s; `heard`: events that a call inside Asterisk made us hear, None: not
    tried; `calls`: the channels of such calls that have ended, an answered one and one that was not; `spool`,
    `logs`: its folders, on its machine."""

    version: str
    booted: bool
    commands: frozenset[str]
    modules: Mapping[str, bool]
    contexts: Mapping[str, bool]
    queues: frozenset[str]
    members: frozenset[tuple[str, str]]
    dynamic: frozenset[tuple[str, str]] = frozenset()
    trunks: tuple[TrunkFacts, ...] = ()
    registrations: tuple[Registration, ...] = ()
    manual_trunk: str = ""
    offset: float = 0.0
    heard: frozenset[str] | None = None
    calls: tuple[str, ...] = ()
    spool: str = ""
    logs: str = ""


@dataclass(frozen=True, slots=True)
class AriFacts:
    """`status` of a question about Asterisk, `write_status` of one that only a user with all rights may ask;
    0 and `problem`: no answer."""

    status: int
    write_status: int = 0
    problem: str = ""


class CdrFile(StrEnum):
    """What is known of Asterisk's CDR file. CLOSED: its folder, or one above, lets us not in; NOT_YET:
    Asterisk may not have had a call; UNWRITTEN: it has had one. NAMELESS: that one's line has no channel id;
    LOCAL_TIME: it is not in UTC; ANSWERED_ONLY: another call, which nobody answered, has none."""

    READABLE = "readable"
    UNREADABLE = "unreadable"
    CLOSED = "closed"
    NO_FOLDER = "no folder"
    ELSEWHERE = "elsewhere"
    NOT_YET = "not yet"
    UNWRITTEN = "unwritten"
    NAMELESS = "nameless"
    LOCAL_TIME = "local time"
    ANSWERED_ONLY = "answered only"


@dataclass(frozen=True, slots=True)
class Validity:
    """Of a certificate, in days from now: when it begins (negative: it has), when it ends."""

    path: str
    begins: float
    ends: float


@dataclass(frozen=True, slots=True)
class HostFacts:
    """`problems`: path or port of a setting → what is wrong with it; `kept`: setting → what the service's
    unit keeps from it; `exposed`: secret files that others can read; `synchronised`: None where the kernel
    does not say; `recordings`: where they would go and no folder is, '' when all is well; `cdr_file`: as set;
    `cdr_place`: where Asterisk writes it, '' when unknown."""

    user: str
    problems: Mapping[str, str] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    exposed: tuple[str, ...] = ()
    open_files: int = 65_536
    synchronised: bool | None = True
    free_megabytes: Mapping[str, int] = field(default_factory=dict)
    engine_runs: bool = False
    recordings: str = ""
    cdr: CdrFile = CdrFile.READABLE
    cdr_file: str = ""
    cdr_place: str = ""
    certificate: Validity | None = None

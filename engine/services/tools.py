"""What every campaign's worker shares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.domain.pacing import PROFILES, Profile
from engine.domain.pacing.rivals import Rivals
from engine.domain.picture import Picture
from engine.ports import CallControl, Clock, Observer, Store
from engine.ports.voice import VoiceControl
from engine.services.book import CallBook
from engine.services.callerids import CallerIds
from engine.services.desks import Desks
from engine.services.drains import Drains
from engine.services.recorder import Recorder
from engine.services.sampling import ReadyContacts
from engine.services.trunks import Trunks


@dataclass(frozen=True, slots=True)
class Tools:
    """`may_dial` says why nothing may be dialled, '' when it may; `voice` is who talks to answered calls;
    `speaks`: can texts be spoken?"""

    control: CallControl
    store: Store
    book: CallBook
    picture: Picture
    recorder: Recorder
    observer: Observer
    clock: Clock
    may_dial: Callable[[], str]
    caller_ids: CallerIds
    profiles: Mapping[str, Profile] = field(default_factory=lambda: PROFILES)
    trunks: Trunks = field(default_factory=Trunks)
    rivals: Rivals = field(default_factory=Rivals)
    desks: Desks = field(default_factory=Desks)
    drains: Drains = field(default_factory=Drains)
    ready: ReadyContacts = field(default_factory=ReadyContacts)
    voice: VoiceControl | None = None
    speaks: bool = False

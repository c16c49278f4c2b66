"""What the services need to talk to answered calls: a switch that plays and listens, somebody who speaks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.domain import broadcast


class SpeechError(Exception):
    """A text could not be spoken."""


@dataclass(frozen=True, slots=True)
class VoiceEvent:
    """Something happened to a call that is being talked to."""

    call: str
    event: broadcast.Event


class VoiceControl(Protocol):
    """Answered calls that are talked to: they enter, hear sounds, press keys, leave. Events come in order;
    after the link was gone, those who are there enter once more, and those who are not have left."""

    @property
    def up(self) -> bool:
        """Is there a link, so that calls may be placed?"""

    async def run(self) -> None:
        """Keep the link until cancelled."""

    async def next_event(self) -> VoiceEvent:
        """Wait for the next event."""

    async def play(self, call: str, sounds: Sequence[str]) -> None:
        """Play sounds one after the other. Raises LinkError, RefusedError or UncertainError, as all do."""

    async def stop_playing(self, call: str) -> None:
        """End what is being played."""

    async def record(self, call: str, name: str, seconds: int) -> None:
        """Record speech until it pauses, `seconds` at most."""

    async def go_on(self, call: str, label: str) -> None:
        """Let the call go on in the dialplan, at `label` of the extension that it came from."""

    async def hang_up(self, call: str) -> None:
        """Hang up; a call that is gone already is no error."""


class Speech(Protocol):
    """Who speaks texts."""

    @property
    def able(self) -> bool:
        """Is there anything that speaks?"""

    async def sound(self, text: str) -> str:
        """Return the name under which the switch plays `text`. Raises SpeechError."""

"""The VoiceControl port over ARI: answered calls enter our application, hear sounds and press keys."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from urllib.parse import quote

import structlog

from engine.adapters.ari.link import APP, AriLink, AriSettings, Message
from engine.domain import broadcast as bc
from engine.ports import UNREACHABLE, RefusedError
from engine.ports.voice import VoiceEvent

log = structlog.get_logger(__name__)

__all__ = ["AriSettings", "AriVoice"]

#: Events that may wait before the socket is read no further.
ROOM = 5000


class AriVoice:
    """Every call that is in our application is in `_inside`, also after the link was gone for a while: then
    those that left meanwhile are told as Left, and those that are there as Entered once more."""

    def __init__(self, settings: AriSettings) -> None:
        self._events: asyncio.Queue[VoiceEvent] = asyncio.Queue(ROOM)
        self._inside: set[str] = set()
        self._playing: dict[str, str] = {}
        self._number = 0
        self.link = AriLink(settings, self._up, self._event, lambda: None)

    @property
    def up(self) -> bool:
        return self.link.up

    async def run(self) -> None:
        await self.link.run()

    async def next_event(self) -> VoiceEvent:
        return await self._events.get()

    # Events.

    async def _up(self) -> None:
        """Make up for what was missed."""
        try:
            answer = await self.link.ask("GET", f"applications/{APP}")
        except RefusedError:
            answer = {}  # nobody has entered it since Asterisk began
        there = {str(channel) for channel in (answer or {}).get("channel_ids", ())}
        for call in self._inside - there:
            await self._leave(call)
        self._playing.clear()
        for call in there:
            self._inside.add(call)
            await self._events.put(VoiceEvent(call, bc.Entered()))

    async def _event(self, event: Message) -> None:
        kind = event.get("type")
        channel = event.get("channel")
        call = str(channel.get("id", "")) if isinstance(channel, dict) else ""
        if kind == "StasisStart":
            arguments = event.get("args") or [""]
            self._inside.add(call)
            await self._events.put(VoiceEvent(call, bc.Entered(machine=arguments[0] == "MACHINE")))
        elif kind == "ChannelHangupRequest":
            self._playing.pop(call, None)  # what stops playing now did not fail
        elif kind == "StasisEnd":
            await self._leave(call)
        elif kind == "ChannelDtmfReceived":
            await self._events.put(VoiceEvent(call, bc.Pressed(str(event.get("digit", "")))))
        elif kind == "PlaybackFinished":
            await self._played(event.get("playback"))
        elif kind in ("RecordingFinished", "RecordingFailed"):
            await self._recorded(event.get("recording"), kind == "RecordingFailed")

    async def _leave(self, call: str) -> None:
        self._inside.discard(call)
        self._playing.pop(call, None)
        await self._events.put(VoiceEvent(call, bc.Left()))

    async def _played(self, playback: object) -> None:
        if not isinstance(playback, dict):
            return
        call = str(playback.get("target_uri", "")).removeprefix("channel:")
        if self._playing.get(call) == playback.get("id"):  # what was stopped is of no interest any more
            del self._playing[call]
            await self._events.put(VoiceEvent(call, bc.Played(failed=playback.get("state") == "failed")))

    async def _recorded(self, recording: object, failed: bool) -> None:
        if isinstance(recording, dict):
            call = str(recording.get("target_uri", "")).removeprefix("channel:")
            spoke = not failed and recording.get("duration") != 0
            name = f"{recording.get('name')}.{recording.get('format')}" if spoke else ""
            await self._events.put(VoiceEvent(call, bc.Recorded(name)))

    # Orders.

    async def play(self, call: str, sounds: Sequence[str]) -> None:
        self._number += 1
        playback = f"{call}.{self._number}"
        self._playing[call] = playback
        media = ",".join(f"sound:{sound}" for sound in sounds)
        try:
            await self.link.ask("POST", f"channels/{quote(call)}/play", media=media, playbackId=playback)
        except RefusedError:
            if self._playing.get(call) == playback:  # its channel has left: nothing would ever end it
                del self._playing[call]
            raise

    async def stop_playing(self, call: str) -> None:
        playback = self._playing.pop(call, None)
        if playback is not None:
            with suppress(RefusedError):  # it ended by itself at the same moment
                await self.link.ask("DELETE", f"playbacks/{quote(playback)}")

    async def record(self, call: str, name: str, seconds: int) -> None:
        await self.link.ask(
            "POST",
            f"channels/{quote(call)}/record",
            name=name,
            format="wav",
            maxDurationSeconds=str(seconds),
            maxSilenceSeconds="2",
            ifExists="overwrite",
        )

    async def go_on(self, call: str, label: str) -> None:
        await self.link.ask("POST", f"channels/{quote(call)}/continue", label=label)

    async def hang_up(self, call: str) -> None:
        try:
            await self.link.ask("DELETE", f"channels/{quote(call)}")
        except RefusedError:
            pass  # it is gone already
        except UNREACHABLE as error:
            log.warning("not hung up", action="ari.hang_up", call_id=call, reason=str(error))

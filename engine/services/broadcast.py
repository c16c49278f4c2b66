"""Talks to answered broadcast calls: performs what their scripts order, records how they ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from engine.domain import broadcast as bc
from engine.domain import events as ev
from engine.domain.call import Call
from engine.domain.entries import Heard, OptOut
from engine.domain.scripts import TEXT, spoken
from engine.ports import UNREACHABLE, Clock
from engine.ports.voice import Speech, SpeechError, VoiceControl, VoiceEvent
from engine.services.book import CallBook
from engine.services.recorder import Recorder

log = structlog.get_logger(__name__)

#: The label in the dialplan at which a call goes on that wants an agent.
QUEUE_LABEL = "queue"


@dataclass(slots=True)
class _Talk:
    """One call that is talked to. `turn`: what was ordered before this is of no interest any more."""

    call: Call
    talk: bc.Talk
    since: datetime
    turn: int = 0
    timer: asyncio.TimerHandle | None = None
    orders: asyncio.Lock = field(default_factory=asyncio.Lock)


class Broadcasts:
    """All talks of this engine. Who enters without being in the book is hung up: nobody called him.

    `script` returns what a call is to hear, None where its campaign broadcasts no more; `told` hears how each
    ended.
    """

    def __init__(
        self,
        voice: VoiceControl,
        speech: Speech,
        book: CallBook,
        recorder: Recorder,
        clock: Clock,
        script: Callable[[Call], bc.Script | None],
        told: Callable[[Call, bc.Result], None],
    ) -> None:
        self._voice, self._speech = voice, speech
        self._book, self._recorder, self._clock = book, recorder, clock
        self._script, self._told = script, told
        self._talks: dict[str, _Talk] = {}

    async def run(self) -> None:
        """Hand events on, in order, until cancelled; orders are performed beside it."""
        try:
            async with asyncio.TaskGroup() as group:
                while True:
                    self._heard(group, await self._voice.next_event())
        finally:
            for talk in self._talks.values():
                if talk.timer is not None:
                    talk.timer.cancel()

    def _heard(self, group: asyncio.TaskGroup, event: VoiceEvent) -> None:
        call = self._book.get(event.call)
        known = self._talks.get(event.call)
        if known is None:
            if not isinstance(event.event, bc.Entered):
                return
            script = self._script(call) if call is not None else None
            if call is None or script is None:
                group.create_task(self._voice.hang_up(event.call))
                return
            known = self._talks[event.call] = _Talk(call, bc.Talk(script), self._clock.now())
        self._step(group, event.call, known, event.event)

    def _step(self, group: asyncio.TaskGroup, call: str, known: _Talk, event: bc.Event) -> None:
        before = known.talk
        known.talk, orders = bc.step(before, event)
        if known.talk is not before and known.timer is not None:
            known.timer.cancel()
            known.timer = None
        if orders:
            known.turn += 1
            group.create_task(self._perform(group, call, known, orders, known.turn))
        if known.talk.result is not None:
            del self._talks[call]
            self._over(call, known)

    async def _perform(
        self, group: asyncio.TaskGroup, call: str, known: _Talk, orders: tuple[bc.Order, ...], turn: int
    ) -> None:
        async with known.orders:
            for order in orders:
                try:
                    await self._do(group, call, known, order, turn)
                except (*UNREACHABLE, SpeechError) as error:
                    log.warning("not performed", action="broadcast.order", call_id=call, reason=str(error))
                    if known.turn == turn:
                        spoke = isinstance(order, bc.Record)
                        self._step(group, call, known, bc.Recorded("") if spoke else bc.Played(failed=True))
                    return

    async def _do(
        self, group: asyncio.TaskGroup, call: str, known: _Talk, order: bc.Order, turn: int
    ) -> None:
        match order:
            case bc.Play():
                await self._voice.play(call, [await self._sound(known.call, sound) for sound in order.sounds])
            case bc.StopPlaying():
                await self._voice.stop_playing(call)
            case bc.Record():
                await self._voice.record(call, call, order.seconds)
            case bc.WaitFor() if known.turn == turn:
                loop = asyncio.get_running_loop()
                known.timer = loop.call_later(order.seconds, self._time_up, group, call, known)
            case bc.ToQueue():
                await self._voice.go_on(call, QUEUE_LABEL)
            case bc.HangUp():
                await self._voice.hang_up(call)

    def _time_up(self, group: asyncio.TaskGroup, call: str, known: _Talk) -> None:
        if self._talks.get(call) is known:
            self._step(group, call, known, bc.TimeUp())

    async def _sound(self, call: Call, sound: str) -> str:
        if not sound.startswith(TEXT):
            return sound
        return await self._speech.sound(spoken(sound.removeprefix(TEXT), call.attempt.contact))

    def _over(self, call: str, known: _Talk) -> None:
        """Write how it ended; who does not want to be called again is on the black list at once. The book
        may have heard of the hang-up first and forgotten the call."""
        ours, talk, now = known.call, known.talk, self._clock.now()
        if talk.result is None:
            return
        result, contact = talk.result, ours.attempt.contact
        self._told(ours, result)
        if result in (bc.Result.OPTED_OUT, bc.Result.REFUSED) and not self._book.apply(
            ev.OptedOut(now, call)
        ):
            self._recorder.put(OptOut(now, call, contact.phone.number))
        consent = {bc.Result.CONSENTED: True, bc.Result.REFUSED: False}.get(result)
        self._recorder.put(
            Heard(
                at=now,
                attempt=call,
                campaign=ours.dialer.name,
                contact=contact.reference,
                destination=contact.phone.number,
                result=result,
                keys=talk.keys,
                seconds=(now - known.since).total_seconds(),
                answers=talk.answers,
                consent=consent,
            )
        )
        log.info("talk over", action="broadcast.over", call_id=call, campaign=ours.dialer.name, result=result)

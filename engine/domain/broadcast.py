"""Voice broadcast: what an answered call hears, what its keys mean, and how it ends. One table, no I/O.

A call goes through the steps of its script: sounds are played, then a key is waited for. Events in, orders
out; whoever performs the orders (an ARI client) knows nothing of their meaning.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field, replace


class Act(enum.StrEnum):
    """What a key does; the words of `broadcast_options.menu`."""

    QUEUE = "queue"  # on to the campaign's queue
    OPT_OUT = "optout"  # never call again, by any campaign
    REPEAT = "repeat"  # the same once more
    ANSWER = "answer"  # the key is the answer
    CONSENT = "consent"  # may be called on
    REFUSE = "refuse"  # may not: opt-out, and the consent is withdrawn
    END = "end"


class Result(enum.StrEnum):
    """How it ended; the words of `broadcast_results.result`."""

    COMPLETED = "completed"  # everything was heard
    HUNG_UP = "hung_up"  # the person left before
    QUEUED = "queued"
    OPTED_OUT = "opted_out"
    CONSENTED = "consented"
    REFUSED = "refused"
    MACHINE = "machine"  # a machine was left its message
    FAILED = "failed"  # something could not be played


@dataclass(frozen=True, slots=True)
class Question:
    """Sounds, and what the keys mean after them. `name` '' is the message itself; `wait`: s for a key."""

    name: str
    sounds: tuple[str, ...]
    keys: Mapping[str, Act] = field(default_factory=dict)
    wait: float = 5.0
    #: How often it is said again when nobody presses a key, and seconds of speech recorded after it.
    again: int = 0
    record: int = 0


@dataclass(frozen=True, slots=True)
class Script:
    """The message and the questions after it; what a machine hears instead."""

    questions: tuple[Question, ...]
    machine_sounds: tuple[str, ...] = ()


# What may happen.


@dataclass(frozen=True, slots=True)
class Entered:
    """The answered call is ours to talk to. `machine`: a machine has been heard."""

    machine: bool = False


@dataclass(frozen=True, slots=True)
class Played:
    """The sounds that were ordered are over; `failed`: they could not be played."""

    failed: bool = False


@dataclass(frozen=True, slots=True)
class Pressed:
    key: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """The speech is kept as the recording `name`, '' when there was none."""

    name: str


@dataclass(frozen=True, slots=True)
class TimeUp:
    """The time that was ordered is over."""


@dataclass(frozen=True, slots=True)
class Left:
    """The call is gone, or somewhere else."""


Event = Entered | Played | Pressed | Recorded | TimeUp | Left

# What may be ordered.


@dataclass(frozen=True, slots=True)
class Play:
    sounds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StopPlaying:
    """Whatever is being played ends now."""


@dataclass(frozen=True, slots=True)
class Record:
    seconds: int


@dataclass(frozen=True, slots=True)
class WaitFor:
    seconds: float


@dataclass(frozen=True, slots=True)
class ToQueue:
    """The call goes on in the dialplan, at the campaign's queue."""


@dataclass(frozen=True, slots=True)
class HangUp:
    pass


Order = Play | StopPlaying | Record | WaitFor | ToQueue | HangUp


class Stage(enum.StrEnum):
    """Where the call is in its present question."""

    NEW = "new"
    PLAYING = "playing"
    ASKING = "asking"
    RECORDING = "recording"
    LEAVING = "leaving"  # to the machine's message
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Talk:
    """One call's way through its script. `answers`: question, key, recording."""

    script: Script
    stage: Stage = Stage.NEW
    at: int = 0
    said: int = 1
    keys: str = ""
    answers: tuple[tuple[str, str, str], ...] = ()
    result: Result | None = None

    @property
    def question(self) -> Question:
        return self.script.questions[self.at]


#: How often a person may ask for the same once more.
MOST_REPEATS = 3


def step(talk: Talk, event: Event) -> tuple[Talk, tuple[Order, ...]]:
    """Return the call after `event`, and what is to be done. Pure; unexpected events change nothing."""
    if talk.stage is Stage.OVER:
        return talk, ()
    match event:
        case Left():
            ended = Result.MACHINE if talk.stage is Stage.LEAVING else Result.HUNG_UP
            return _over(talk, ended)
        case Entered(machine=machine) if machine or talk.stage is Stage.LEAVING:
            if not talk.script.machine_sounds:
                return _over(talk, Result.MACHINE, HangUp())
            return replace(talk, stage=Stage.LEAVING), (Play(talk.script.machine_sounds),)
        case Entered():
            # Also when the link was gone for a while: from the beginning of the present question.
            return _say(talk)
        case Played(failed=True):
            return _over(talk, Result.FAILED, HangUp())
        case Played() if talk.stage is Stage.LEAVING:
            return _over(talk, Result.MACHINE, HangUp())
        case Played() if talk.stage is Stage.PLAYING:
            return _ask(talk)
        case Pressed() if talk.stage in (Stage.PLAYING, Stage.ASKING):
            return _pressed(talk, event.key)
        case TimeUp() if talk.stage is Stage.ASKING:
            return _silent(talk)
        case Recorded() if talk.stage is Stage.RECORDING:
            answer = (talk.question.name, "", event.name)
            return _next(replace(talk, answers=(*talk.answers, answer)) if event.name else talk)
    return talk, ()


def _say(talk: Talk) -> tuple[Talk, tuple[Order, ...]]:
    return replace(talk, stage=Stage.PLAYING), (Play(talk.question.sounds),)


def _ask(talk: Talk) -> tuple[Talk, tuple[Order, ...]]:
    question = talk.question
    if question.record:
        return replace(talk, stage=Stage.RECORDING), (Record(question.record),)
    if not question.keys:
        return _next(talk)
    return replace(talk, stage=Stage.ASKING), (WaitFor(question.wait),)


def _silent(talk: Talk) -> tuple[Talk, tuple[Order, ...]]:
    if talk.said <= talk.question.again:
        return _say(replace(talk, said=talk.said + 1))
    return _next(talk)


def _next(talk: Talk) -> tuple[Talk, tuple[Order, ...]]:
    """On to the next question; after the last one the call is complete."""
    if talk.at + 1 == len(talk.script.questions):
        return _over(talk, Result.COMPLETED, HangUp())
    return _say(replace(talk, at=talk.at + 1, said=1))


def _pressed(talk: Talk, key: str) -> tuple[Talk, tuple[Order, ...]]:
    act = talk.question.keys.get(key)
    if act is None:
        return talk, ()  # a key without a meaning interrupts nothing
    if act is Act.REPEAT and talk.keys.count(key) >= MOST_REPEATS:
        return talk, ()  # as a key without a meaning: what is being waited for goes on
    playing = (StopPlaying(),) if talk.stage is Stage.PLAYING else ()
    talk = replace(talk, keys=(talk.keys + key)[:32])
    match act:
        case Act.REPEAT:
            again, orders = _say(talk)
            return again, (*playing, *orders)
        case Act.ANSWER:
            answered = replace(talk, answers=(*talk.answers, (talk.question.name, key, "")))
            further, orders = _next(answered)
            return further, (*playing, *orders)
        case Act.QUEUE:
            return _over(talk, Result.QUEUED, *playing, ToQueue())
    results = {
        Act.OPT_OUT: Result.OPTED_OUT,
        Act.CONSENT: Result.CONSENTED,
        Act.REFUSE: Result.REFUSED,
        Act.END: Result.COMPLETED,
    }
    return _over(talk, results[act], *playing, HangUp())


def _over(talk: Talk, result: Result, *orders: Order) -> tuple[Talk, tuple[Order, ...]]:
    return replace(talk, stage=Stage.OVER, result=result), orders

"""The documented live answers, out of what the picture shows of a queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.domain.agent import SeatState
from engine.domain.live import QueueNow, SeatNow

_OCCUPIED = frozenset((SeatState.TALKING, SeatState.BUSY, SeatState.RINGING))


def queue_summary(queues: Sequence[QueueNow], question: str, date: str) -> list[dict[str, Any]]:
    """Return queuesummary: one object per queue, then one without a queue, as AMI ends its list."""
    stamp = {"internalActionId": question, "dateReceived": date}
    rows = [
        {
            "queue": queue.name,
            "loggedIn": queue.logged_in,
            "available": queue.available,
            "callers": queue.waiting,
            "holdTime": queue.hold,
            "talkTime": queue.talk,
            "longestHoldTime": queue.longest,
            **stamp,
        }
        for queue in queues
    ]
    return [*rows, stamp]


def campaign_status(queue: QueueNow) -> dict[str, Any]:
    """Return one campaign of campaignstatus: 21 keys. Every member is counted in exactly one of
    availables, notavailables, paused, busy, busypaused and onwrapup."""
    places = [_place(seat) for seat in queue.seats]
    today = queue.today
    calls = today.completed + today.abandoned
    first, second = today.service_level(queue.service_level)
    return {
        "campaign": queue.name,
        "availables": places.count("availables"),
        "notavailables": places.count("notavailables"),
        "paused": places.count("paused"),
        "busy": places.count("busy"),
        "busypaused": places.count("busypaused"),
        "totalagents": len(places),
        "logged": len(places) - places.count("notavailables"),
        "onwrapup": places.count("onwrapup"),
        "completed": today.completed,
        "abandoned": today.abandoned,
        "talked": _clock(today.talked, today.completed),
        "hold": _clock(today.held, today.completed),
        "abandonedlevel": str(round(100 * today.abandoned / calls)) if calls else "0",
        "totalcalls": calls,
        "acd": queue.waiting,
        "servicelevel": f"{first:.1f}",
        "servicelevel2": f"{second:.1f}",
        "strategy": queue.strategy,
        "slevelthreshold": str(queue.service_level),
        "wrapup": queue.wrapup,
    }


def _place(seat: SeatNow) -> str:
    if seat.state in _OCCUPIED:
        return "busypaused" if seat.paused else "busy"
    if not seat.reachable:
        return "notavailables"
    if seat.paused:
        return "paused"
    return "onwrapup" if seat.state is SeatState.WRAPUP else "availables"


def _clock(seconds: int, calls: int) -> str:
    """Return hours:minutes:seconds of all calls, and how many they were: `00:00:00-0`."""
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d}-{calls}"

"""Whose talk it was: app_queue tells of a talk's end on a thread of its own, at times when the caller's
channel has left Asterisk's cache already, or both have. AgentComplete then comes without Uniqueid."""

from __future__ import annotations

from dataclasses import replace

from engine.domain import events as ev


class Talks:
    """Remembers who talks at which seat, and puts the call into ends that name none.

    One entry per seat that ever had a talk: the next talk there takes its place.
    """

    def __init__(self) -> None:
        self._calls: dict[tuple[str, str], str] = {}

    def named(self, event: ev.Event) -> ev.Event | None:
        """Return the event with its call; None for the end of a talk of which nothing is known, as of one
        that began before we listened: it is found missing when channels are listed."""
        if isinstance(event, ev.AgentConnected):
            self._calls[event.queue, event.interface] = event.call
        if not isinstance(event, ev.AgentCompleted):
            return event
        seat = event.queue, event.interface
        known = self._calls.get(seat, "")
        call = event.call or known
        if not call:
            return None
        if call == known:
            del self._calls[seat]
        return replace(event, call=call)

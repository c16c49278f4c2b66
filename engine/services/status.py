"""Puts together what the engine tells of itself: which part works, and what every campaign and trunk does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from engine.domain.agent import SeatState
from engine.ports import CallControl, CampaignReport, Clock, Journal, Store
from engine.ports.voice import VoiceControl
from engine.ports.watch import CampaignStatus, Component, EngineStatus, TrunkStatus
from engine.services.dispatch import Dispatcher
from engine.services.fleet import PERIOD, Fleet
from engine.services.lease import Lease
from engine.services.recorder import Recorder
from engine.services.term import Term

#: The fleet looks every PERIOD; so many periods without a look mean that it does not work.
_PATIENCE = 12


class Whole(Protocol):
    """An engine, as far as its parts tell how they are. `terms`: how often it began to lead;
    `clock_jumps`: how often the time of day was set; `beside`: how parts beside it are."""

    name: str
    control: CallControl
    store: Store
    clock: Clock
    lease: Lease
    journal: Journal
    recorder: Recorder
    dispatcher: Dispatcher
    voice: VoiceControl | None
    term: Term | None
    terms: int
    clock_jumps: int
    beside: Callable[[], tuple[Component, ...]]


def status_of(engine: Whole) -> EngineStatus:
    """Return how things stand now. Free of waiting."""
    now = engine.clock.now()
    term = engine.term
    fleet = term.fleet if term is not None else None
    control = engine.control
    return EngineStatus(
        at=now,
        role="leading" if term is not None else "standby",
        leader=engine.name if term is not None else engine.lease.owner,
        token=engine.lease.token,
        components=(
            _asterisk(engine),
            _database(engine),
            _journal(engine),
            _lease(engine),
            *_ari(engine),
            _pacing(engine, fleet),
            *engine.beside(),
        ),
        campaigns=tuple(_campaign(report) for report in fleet.reports) if fleet is not None else (),
        trunks=_trunks(engine, fleet) if fleet is not None else (),
        calls=len(term.book) if term is not None else 0,
        drained=fleet.drained if fleet is not None else "",
        events=control.backlog(),
        lag=control.lag(),
        entries=engine.recorder.pending,
        journal_bytes=engine.journal.size,
        terms=engine.terms,
        clock_jumps=engine.clock_jumps,
    )


def _asterisk(engine: Whole) -> Component:
    obstacle = engine.dispatcher.obstacle
    return Component("asterisk", not obstacle, obstacle or "linked, and the picture of its queues is current")


def _database(engine: Whole) -> Component:
    fault = engine.store.fault or engine.recorder.failing
    return Component("database", not fault, fault or "answers")


def _journal(engine: Whole) -> Component:
    fault = engine.journal.fault
    return Component("journal", not fault, fault or f"{engine.recorder.pending} outcomes wait to be written")


def _lease(engine: Whole) -> Component:
    if engine.term is None:
        leader = engine.lease.owner
        return Component(
            "lease", bool(leader), f"standing by for {leader}" if leader else "nobody is known to lead"
        )
    held = engine.lease.held
    return Component(
        "lease", held, f"leading, token {engine.lease.token}" if held else "over and not renewed yet"
    )


def _ari(engine: Whole) -> tuple[Component, ...]:
    """Nothing where ARI is not set up; a standby has no link to it."""
    voice = engine.voice
    if voice is None:
        return ()
    if engine.term is None:
        return (Component("ari", True, "linked only while leading"),)
    return (Component("ari", voice.up, "linked" if voice.up else "no link: broadcasts wait"),)


def _pacing(engine: Whole, fleet: Fleet | None) -> Component:
    if fleet is None:
        return Component("pacing", True, "standing by")
    silent = engine.clock.monotonic() - fleet.looked_at
    if silent > _PATIENCE * PERIOD:
        return Component("pacing", False, f"the settings have not been read for {silent:.0f} s")
    states: dict[str, int] = {}
    for report in fleet.reports:
        states[report.state] = states.get(report.state, 0) + 1
    found = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    drained = f"; every campaign is drained: {fleet.drained}" if fleet.drained else ""
    return Component("pacing", True, f"campaigns: {found or 'none'}{drained}")


def _campaign(report: CampaignReport) -> CampaignStatus:
    decision, snapshot = report.decision, report.snapshot
    return CampaignStatus(
        campaign=report.campaign,
        state=report.state,
        since=report.since,
        field=report.field,
        reason=report.reason or (decision.reason if decision else ""),
        bound=decision.bound if decision else "",
        calls=decision.calls if decision else 0,
        seats={state.value: report.seats.get(state, 0) for state in SeatState} if report.snapshot else {},
        dialling=snapshot.dialling if snapshot else 0,
        waiting=snapshot.waiting if snapshot else 0,
        channels=snapshot.channels if snapshot else 0,
        numbers=decision.detail if decision else {},
        standing=report.standing,
    )


def _trunks(engine: Whole, fleet: Fleet) -> tuple[TrunkStatus, ...]:
    now = engine.clock.now()
    found = []
    for trunk in sorted(fleet.trunks):
        breaker = fleet.book.breaker(trunk)
        limits = fleet.limits(trunk)
        found.append(
            TrunkStatus(
                trunk=trunk,
                calls=fleet.book.over(trunk),
                failures=breaker.failures,
                resting=breaker.resting(now),
                channels=limits.channels if limits else None,
                cps=limits.cps if limits else None,
            )
        )
    return tuple(found)

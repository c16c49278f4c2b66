"""Gauges that show the engine's last status: campaigns, seats, calls, trunks, budgets, components."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from engine.ports.watch import CampaignStatus, EngineStatus, TrunkStatus
from engine.telemetry.board import Board
from engine.telemetry.export import OTHER, Exported, Names, Sample

_Read = Callable[[EngineStatus], Iterable[Sample]]


def export_status(exported: Exported, board: Board, campaigns: Names, trunks: Names) -> None:
    """Declare the gauges; they are worked out from the board when Prometheus asks."""

    def add(kind: str, name: str, text: str, labels: tuple[str, ...], read: _Read) -> None:
        def samples() -> Iterable[Sample]:
            status = board.status
            return read(status) if status is not None else ()

        exported.follow(kind, name, text, labels, samples)

    def one(kind: str, name: str, text: str, read: Callable[[EngineStatus], float]) -> None:
        add(kind, name, text, (), lambda status: [((), float(read(status)))])

    def each_campaign(
        name: str, text: str, label: tuple[str, ...], read: Callable[[CampaignStatus], Iterable[Sample]]
    ) -> None:
        def samples(status: EngineStatus) -> Iterator[Sample]:
            for campaign in at_work(status):
                own = campaigns.label(campaign.campaign)
                for values, measure in read(campaign):
                    yield (own, *values), measure

        add("gauge", name, text, ("campaign", *label), samples)

    def each_trunk(name: str, text: str, read: Callable[[TrunkStatus], float | None]) -> None:
        def samples(status: EngineStatus) -> Iterator[Sample]:
            for trunk in status.trunks:
                measure = read(trunk)
                if measure is not None:
                    yield (trunks.label(trunk.trunk),), float(measure)

        add("gauge", name, text, ("trunk",), samples)

    exported.follow(
        "gauge",
        "overdial_silence_seconds",
        "Seconds since the engine's loop last told how it is",
        (),
        lambda: [((), board.silence)],
    )
    one("gauge", "overdial_ready", "1 while every component works", lambda s: s.ready)
    add(
        "gauge",
        "overdial_component_up",
        "1 while a part of the engine works",
        ("component",),
        lambda s: [((c.name,), float(c.ok)) for c in s.components],
    )
    one("gauge", "overdial_lease_token", "The fencing token that this engine had last", lambda s: s.token)
    one("counter", "overdial_terms", "Times that this engine began to lead", lambda s: s.terms)
    one("counter", "overdial_clock_jumps", "Times that the time of day was set", lambda s: s.clock_jumps)
    one(
        "gauge",
        "overdial_journal_bytes",
        "Size of the journal of outcomes (bytes)",
        lambda s: s.journal_bytes,
    )
    one("gauge", "overdial_calls_in_flight", "Calls of all campaigns", lambda s: s.calls)
    one("gauge", "overdial_drained", "1 while every campaign is being drained", lambda s: bool(s.drained))
    add(
        "gauge",
        "overdial_campaigns",
        "Campaigns by state",
        ("state",),
        lambda s: [((state,), n) for state, n in Counter(c.state for c in s.campaigns).items()],
    )
    each_campaign(
        "overdial_campaign_state",
        "1 for the state that a campaign is in",
        ("state",),
        lambda c: [((c.state,), 1)],
    )
    each_campaign(
        "overdial_seats",
        "Seats by state",
        ("state",),
        lambda c: [((state,), n) for state, n in c.seats.items()],
    )
    each_campaign(
        "overdial_calls",
        "Calls in flight: being set up, waiting for an agent, and all channels",
        ("stage",),
        lambda c: [(("dialling",), c.dialling), (("waiting",), c.waiting), (("channels",), c.channels)],
    )
    each_campaign(
        "overdial_pacing",
        "The numbers behind the last decision",
        ("quantity",),
        lambda c: (
            [((name,), n) for name, n in c.numbers.items()] if campaigns.label(c.campaign) != OTHER else []
        ),
    )
    each_campaign(
        "overdial_answered_calls",
        "Calls that persons answered, today and in the law's window",
        ("period",),
        lambda c: (
            [(("today",), c.standing.answered), (("window",), c.standing.window_answered)]
            if c.standing
            else []
        ),
    )
    each_campaign(
        "overdial_abandoned_calls",
        "Those of them for whom no agent came in time",
        ("period",),
        lambda c: (
            [(("today",), c.standing.abandoned), (("window",), c.standing.window_abandoned)]
            if c.standing
            else []
        ),
    )
    each_campaign(
        "overdial_abandonment_limit_calls",
        "Calls that may be abandoned of those answered, today and in the law's window",
        ("period",),
        lambda c: (
            [
                (("today",), c.standing.answered * c.standing.limit),
                (("window",), c.standing.window_answered * c.standing.limit),
            ]
            if c.standing
            else []
        ),
    )
    each_campaign(
        "overdial_abandonment_budget_calls",
        "Calls that may still be abandoned now before a limit is passed; below 0 it is passed",
        (),
        lambda c: [((), c.standing.left)] if c.standing else [],
    )
    each_trunk("overdial_trunk_calls", "Calls on the trunk, over all campaigns", lambda t: t.calls)
    each_trunk("overdial_trunk_failures", "Calls in a row that the trunk failed", lambda t: t.failures)
    each_trunk("overdial_trunk_resting", "1 while the trunk rests because it failed", lambda t: t.resting)
    each_trunk("overdial_trunk_channels_limit", "Calls at once that it may be given", lambda t: t.channels)
    each_trunk("overdial_trunk_cps_limit", "Calls per second that it may be given", lambda t: t.cps)


def at_work(status: EngineStatus) -> Iterator[CampaignStatus]:
    """Yield the campaigns that are not switched off: however many there are of the others, they have no
    series."""
    return (one for one in status.campaigns if one.state not in ("disabled", "stopped"))

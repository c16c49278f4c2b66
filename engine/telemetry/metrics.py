"""The Observer that counts. Labels are campaigns, trunks and closed sets of words, nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector

from engine import __version__
from engine.domain.agent import SeatState
from engine.domain.call import Call
from engine.domain.callerid_health import Cause, Result
from engine.domain.pacing import Decision, Snapshot
from engine.ports import ClaimResult
from engine.ports.watch import EngineStatus, LinkNumbers, SmallCounts, SpoolCount
from engine.telemetry.board import Board
from engine.telemetry.export import Exported, Names, Sample
from engine.telemetry.pictures import export_status

#: So many campaigns and trunks have series of their own; what comes later counts as `other`.
CAMPAIGNS, TRUNKS, REASONS = 200, 50, 40
#: Series of a campaign that has stopped stay so long (s): Prometheus must see its last values.
KEPT = 300.0
#: A look that comes later than this (s) is counted as if it had come by then.
_GAP = 5.0
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_DELIVERY = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_FINE = (
    0.0005, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.006, 0.008,
    0.012, 0.016, 0.024, 0.032, 0.05, 0.1, 0.25, 1.0,
)  # fmt: skip
_ANSWER = (0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)


class Metrics:
    """Counts what it is told; `board` keeps the last status for whoever asks how the engine is."""

    def __init__(
        self, registry: CollectorRegistry | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        """`now`: seconds of a clock that nobody can set."""
        self.exported = exported = Exported(registry)
        self.board = Board(now)
        self._now = now
        self.campaigns, self._trunks = Names(CAMPAIGNS), Names(TRUNKS)
        self._reasons = Names(REASONS)
        self._seen: dict[str, float] = {}
        self._bounds: dict[str, tuple[str, float]] = {}
        self._seats_at: dict[str, float] = {}
        self._caller_ids: dict[str, tuple[int, int]] = {}
        self._spool: tuple[SpoolCount, ...] = ()
        self._spool_at: float | None = None
        self._small: SmallCounts | None = None
        self._link_numbers: Callable[[], LinkNumbers] | None = None
        if registry is None:
            for collector in (ProcessCollector, PlatformCollector, GCCollector):
                collector(registry=exported.registry)
        self._declare(exported)
        export_status(exported, self.board, self.campaigns, self._trunks)
        self._follow(exported)

    @property
    def registry(self) -> CollectorRegistry:
        return self.exported.registry

    def _declare(self, x: Exported) -> None:
        info = x.gauge("overdial_build_info", "1; the label tells the engine's version", "version")
        info.labels(__version__).set(1)
        self._ended = x.counter("overdial_attempts_ended", "Ended attempts", "campaign", "outcome")
        self._over_trunk = x.counter(
            "overdial_trunk_attempts_ended",
            "Ended attempts by the trunk that they went over",
            "trunk",
            "outcome",
        )
        self._talk = x.counter("overdial_talk_seconds", "Seconds that agents talked", "campaign")
        self._wait = x.histogram(
            "overdial_answer_to_agent_seconds",
            "From the answer to the agent (s)",
            "campaign",
            buckets=_ANSWER,
        )
        self._decisions = x.counter(
            "overdial_decisions", "Pacing decisions by what bound them", "campaign", "bound"
        )
        self._bound = x.counter(
            "overdial_bound_seconds", "Seconds for which each bound held the pacer back", "campaign", "bound"
        )
        self._placed = x.counter("overdial_calls_placed", "Calls that decisions placed", "campaign")
        self._delay = x.histogram(
            "overdial_decision_delay_seconds",
            "From what woke a pacer (an answer, a free agent, the tick) to its decision (s)",
            "campaign",
            buckets=_FINE,
        )
        self._turn = x.histogram(
            "overdial_turn_seconds",
            "One turn of a campaign: look, decide, claim, dial (s)",
            "campaign",
            buckets=_SECONDS,
        )
        self._claims = x.histogram(
            "overdial_claim_seconds",
            "One claim of contacts, its transaction included (s)",
            "campaign",
            buckets=_SECONDS,
        )
        self._contacts = x.counter(
            "overdial_contacts_claimed", "Contacts that left the ready state", "campaign", "result"
        )
        self._seat_seconds = x.counter(
            "overdial_seat_seconds", "Seconds that seats spent in each state", "campaign", "state"
        )
        self._shown = x.counter(
            "overdial_caller_id_calls",
            "Calls that tell of their caller ID, and what they tell",
            "campaign",
            "result",
        )
        self._rested = x.counter("overdial_caller_id_rests", "Caller IDs sent to rest", "campaign", "cause")
        self._round_trip = x.histogram(
            "overdial_ami_round_trip_seconds", "From an order to Asterisk's answer (s)", buckets=_SECONDS
        )
        self._transactions = x.histogram(
            "overdial_database_transaction_seconds", "One try of a transaction (s)", buckets=_SECONDS
        )
        self._faults = x.counter(
            "overdial_database_faults", "Tries of transactions that failed, also those tried again", "kind"
        )
        self._database = x.counter("overdial_database_errors", "Transactions given up, after all tries")
        self._lines = x.counter("overdial_log_lines", "Lines written to the log", "level")
        self._office = x.counter(
            "overdial_office_restarts", "Times that the office process (HTTP API) was started again"
        )
        self._webhooks = x.counter(
            "overdial_webhook_deliveries", "Tries to deliver webhooks, by how they ended", "result"
        )
        self._webhook_seconds = x.histogram(
            "overdial_webhook_seconds", "One try to deliver a webhook (s)", buckets=_DELIVERY
        )
        self._outbox = x.gauge("overdial_webhook_outbox", "Deliveries of webhooks that wait")
        self._up = x.gauge("overdial_asterisk_up", "1 while Asterisk can be reached")
        self._events = x.gauge("overdial_event_backlog", "Events of Asterisk that wait to be handled")
        self._lag = x.gauge("overdial_event_lag_seconds", "How far the handling of events is behind (s)")
        self._records = x.gauge("overdial_journal_entries", "Outcomes that are not in the tables yet")
        self._leads = x.gauge("overdial_leading", "1 while this engine dials, 0 while it stands by")

    def _follow(self, x: Exported) -> None:
        """What is asked for when Prometheus asks."""
        x.follow(
            "gauge",
            "overdial_spool_contacts",
            "Contacts in the spool by state, and the rule that holds them back (docs/law.md)",
            ("campaign", "state", "reason"),
            self._spool_samples,
        )
        x.follow(
            "gauge",
            "overdial_spool_age_seconds",
            "How long ago the spool was counted (s)",
            (),
            self._spool_age,
        )
        x.follow(
            "gauge",
            "overdial_caller_ids",
            "Caller IDs in rotation",
            ("campaign", "state"),
            self._caller_id_samples,
        )
        x.follow(
            "gauge",
            "overdial_orders_waiting",
            "Orders for single calls that nobody has taken yet",
            (),
            lambda: [((), self._small.orders)] if self._small else [],
        )
        x.follow(
            "gauge",
            "overdial_clock_ahead_seconds",
            "How far the clock of another is ahead of ours (s)",
            ("of",),
            lambda: [(("database",), self._small.clock_ahead)] if self._small else [],
        )
        for name, text in (
            ("links", "Times that the link to Asterisk came up"),
            ("logins_refused", "Logins that Asterisk refused"),
            ("bad_messages", "Messages from Asterisk that could not be read"),
            ("events", "Events from Asterisk"),
        ):
            x.follow("counter", f"overdial_ami_{name}", text, (), self._link_reader(name))

    def _caller_id_samples(self) -> list[Sample]:
        return [
            ((self.campaigns.label(campaign), state), float(count))
            for campaign, counts in dict(self._caller_ids).items()
            for state, count in zip(("healthy", "resting"), counts, strict=True)
        ]

    def _link_reader(self, name: str) -> Callable[[], list[Sample]]:
        def read() -> list[Sample]:
            return [((), float(getattr(self._link_numbers(), name)))] if self._link_numbers else []

        return read

    def _spool_samples(self) -> list[Sample]:
        return [
            ((self.campaigns.label(c.campaign), c.state, self._reasons.label(c.reason)), c.contacts)
            for c in self._spool
        ]

    def _spool_age(self) -> list[Sample]:
        return [] if self._spool_at is None else [((), self._now() - self._spool_at)]

    def watch_link(self, numbers: Callable[[], LinkNumbers]) -> None:
        """Export the life of the link to Asterisk; `numbers` gives it as it is."""
        self._link_numbers = numbers

    # Told by adapters.

    def answered_in(self, seconds: float) -> None:
        """Asterisk answered an order after so many seconds."""
        self._round_trip.observe(seconds)

    def transaction(self, seconds: float, fault: str) -> None:
        """A transaction was tried; `fault` '' when it happened."""
        self._transactions.observe(seconds)
        if fault:
            self._faults.labels(fault).inc()

    def webhook(self, result: str, seconds: float) -> None:
        """A delivery was tried; `dead`: it will not be tried again, which is no try of its own."""
        self._webhooks.labels(result).inc()
        if result != "dead":
            self._webhook_seconds.observe(seconds)

    def outbox(self, waiting: int) -> None:
        """So many deliveries wait."""
        self._outbox.set(waiting)

    def logged(self, level: str, lines: int = 1) -> None:
        """Lines went into the log."""
        self._lines.labels(level).inc(lines)

    def office_restarted(self) -> None:
        """The office process is started again."""
        self._office.inc()

    # The Observer port.

    def ended(self, call: Call) -> None:
        campaign = self.campaigns.label(call.dialer.name)
        self._ended.labels(campaign, call.outcome).inc()
        self._over_trunk.labels(self._trunks.label(call.dialer.dial_string.trunk), call.outcome).inc()
        if call.connected_at and call.answered_at:
            self._wait.labels(campaign).observe((call.connected_at - call.answered_at).total_seconds())
        if call.connected_at and call.ended_at:
            talked_until = call.completed_at or call.ended_at
            self._talk.labels(campaign).inc(max((talked_until - call.connected_at).total_seconds(), 0.0))

    def decided(self, campaign: str, decision: Decision, seconds: float) -> None:
        label, now = self.campaigns.label(campaign), self._now()
        self._decisions.labels(label, decision.bound).inc()
        self._placed.labels(label).inc(decision.calls)
        self._turn.labels(label).observe(seconds)
        bound, since = self._bounds.get(campaign, (decision.bound, now))
        self._bound.labels(label, bound).inc(min(now - since, _GAP))
        self._bounds[campaign] = (decision.bound, now)

    def waited(self, campaign: str, seconds: float) -> None:
        self._delay.labels(self.campaigns.label(campaign)).observe(seconds)

    def claimed(self, campaign: str, result: ClaimResult, seconds: float) -> None:
        label = self.campaigns.label(campaign)
        self._claims.labels(label).observe(seconds)
        self._contacts.labels(label, "claimed").inc(len(result.attempts))
        self._contacts.labels(label, "blocked").inc(result.blocked)
        self._contacts.labels(label, "held").inc(result.held)
        self._contacts.labels(label, "set_aside").inc(result.set_aside)

    def seats(self, campaign: str, states: Mapping[SeatState, int], snapshot: Snapshot) -> None:
        label, now = self.campaigns.label(campaign), self._now()
        passed = min(now - self._seats_at.get(campaign, now), _GAP)
        self._seats_at[campaign] = now
        for state in SeatState:
            self._seat_seconds.labels(label, state).inc(states.get(state, 0) * passed)

    def caller_id_heard(self, campaign: str, result: Result) -> None:
        label = self.campaigns.label(campaign)
        self._shown.labels(label, "attempts").inc()
        words = {"answers": result.answered, "rejections": result.rejected, "flagged": result.flagged}
        for word, happened in words.items():
            self._shown.labels(label, word).inc(int(happened))

    def caller_id_rests(self, campaign: str, cause: Cause) -> None:
        self._rested.labels(self.campaigns.label(campaign), cause).inc()

    def caller_ids(self, campaign: str, healthy: int, resting: int) -> None:
        self._caller_ids[campaign] = (healthy, resting)

    def link(self, up: bool) -> None:
        self._up.set(1 if up else 0)

    def leading(self, leads: bool) -> None:
        self._leads.set(1 if leads else 0)
        if not leads:
            self._spool, self._spool_at, self._small = (), None, None
            self._caller_ids = {}

    def status(self, status: EngineStatus) -> None:
        self._events.set(status.events)
        self._records.set(status.entries)
        self._lag.set(status.lag)
        self.board.post(status)
        self._forget_stopped({one.campaign for one in status.campaigns if one.state not in _STOPPED})

    def _forget_stopped(self, present: set[str]) -> None:
        """Remove the series of campaigns that have not been there for a while."""
        now = self._now()
        for name in present | (self.campaigns.known - self._seen.keys()):
            self._seen[name] = now
        for name in [name for name, at in self._seen.items() if now - at > KEPT]:
            if name in self.campaigns.known:
                self.exported.forget_campaign(name)
                self.campaigns.forget(name)
            for memory in (self._seen, self._bounds, self._seats_at, self._caller_ids):
                memory.pop(name, None)

    def spool(self, counts: Sequence[SpoolCount]) -> None:
        self._spool, self._spool_at = tuple(counts), self._now()

    def small(self, counts: SmallCounts) -> None:
        self._small = counts

    def database_failed(self) -> None:
        self._database.inc()


#: Campaigns in these states do nothing.
_STOPPED = ("disabled", "stopped")

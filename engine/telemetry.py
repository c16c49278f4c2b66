"""What the engine shows of itself: structured logs and Prometheus metrics.

Log lines carry a short sentence, a stable `action`, and `call_id`/`campaign` where they apply.
Phone numbers and contact data are never logged at INFO or above and are never a label.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from engine import __version__
from engine.domain.agent import SeatState
from engine.domain.call import Call
from engine.domain.callerid_health import Cause, Result
from engine.domain.pacing import Decision, Snapshot
from engine.ports import ClaimResult

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def _to_json(value: Any, **_: Any) -> str:
    return orjson.dumps(value, default=str).decode()


def configure_logging(level: str, style: str) -> None:
    """Send logs to standard error: one JSON object per line, or coloured text for a terminal."""
    renderer: Any = (
        structlog.processors.JSONRenderer(serializer=_to_json)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    tracebacks = [structlog.processors.dict_tracebacks] if style == "json" else []
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *tracebacks,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries speak through the standard library; only their warnings are of interest.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(name)s: %(message)s")
    # panoramisk logs whole messages, with numbers in them.
    logging.getLogger("panoramisk").setLevel(logging.CRITICAL)


_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_FINE = (
    0.0005, 0.001, 0.0015, 0.002, 0.003, 0.004, 0.006, 0.008,
    0.012, 0.016, 0.024, 0.032, 0.05, 0.1, 0.25, 1.0,
)  # fmt: skip


class Metrics:
    """The Observer that counts. Labels: campaign and closed sets of words, nothing else."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        r = self.registry
        self.info = Gauge("overdial_build_info", "Version of the engine", ["version"], registry=r)
        self.info.labels(__version__).set(1)
        self._ended = Counter(
            "overdial_attempts_ended", "Ended attempts", ["campaign", "outcome"], registry=r
        )
        self._talk = Counter("overdial_talk_seconds", "Seconds that agents talked", ["campaign"], registry=r)
        self._wait = Histogram(
            "overdial_answer_to_agent_seconds",
            "From the answer to the agent",
            ["campaign"],
            buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0),
            registry=r,
        )
        self._decisions = Counter(
            "overdial_decisions",
            "Pacing decisions by what bound them",
            ["campaign", "bound"],
            registry=r,
        )
        self._placed = Counter(
            "overdial_calls_placed", "Calls that decisions placed", ["campaign"], registry=r
        )
        self._pacing = Gauge(
            "overdial_pacing", "The numbers behind the last decision", ["campaign", "quantity"], registry=r
        )
        self._turn = Histogram(
            "overdial_turn_seconds",
            "One turn of a campaign: look, decide, claim, dial",
            ["campaign"],
            buckets=_SECONDS,
            registry=r,
        )
        self._delay = Histogram(
            "overdial_decision_delay_seconds",
            "From the event that asked for a decision to the decision",
            ["campaign"],
            buckets=_FINE,
            registry=r,
        )
        self._claims = Histogram(
            "overdial_claim_seconds", "One claim", ["campaign"], buckets=_SECONDS, registry=r
        )
        self._contacts = Counter(
            "overdial_contacts_claimed",
            "Contacts that left the ready state",
            ["campaign", "result"],
            registry=r,
        )
        self._seats = Gauge("overdial_seats", "Seats by state", ["campaign", "state"], registry=r)
        self._calls = Gauge("overdial_calls", "Calls in flight", ["campaign", "stage"], registry=r)
        self._shown = Counter(
            "overdial_caller_id_calls",
            "Calls that tell of their caller ID, and what they tell",
            ["campaign", "result"],
            registry=r,
        )
        self._rested = Counter(
            "overdial_caller_id_rests", "Caller IDs sent to rest", ["campaign", "cause"], registry=r
        )
        self._caller_ids = Gauge(
            "overdial_caller_ids", "Caller IDs in rotation", ["campaign", "state"], registry=r
        )
        self._link = Gauge("overdial_asterisk_up", "1 while Asterisk can be reached", registry=r)
        self._events = Gauge("overdial_event_backlog", "Events waiting", registry=r)
        self._lag = Gauge("overdial_event_lag_seconds", "How far events are behind", registry=r)
        self._records = Gauge("overdial_journal_entries", "Outcomes not in the tables yet", registry=r)
        self._leads = Gauge("overdial_leading", "1 while this engine dials, 0 while it stands by", registry=r)
        self._database = Counter("overdial_database_errors", "Failed transactions", registry=r)
        self._webhooks = Counter(
            "overdial_webhook_deliveries",
            "Tries to deliver webhooks, by how they ended",
            ["result"],
            registry=r,
        )
        self._webhook_seconds = Histogram(
            "overdial_webhook_seconds",
            "One try",
            buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
            registry=r,
        )
        self._outbox = Gauge("overdial_webhook_outbox", "Deliveries that wait", registry=r)

    def count_ami_events(self, received: Callable[[], int]) -> None:
        """Export how many events came over AMI; `received` gives the number so far."""
        registry = self.registry

        class Events(Collector):
            def collect(self) -> Iterable[CounterMetricFamily]:
                yield CounterMetricFamily("overdial_ami_events", "Events from Asterisk", received())

        registry.register(Events())

    def serve(self, address: str, port: int) -> None:
        """Serve /metrics in a thread of its own. Raises OSError when the port is taken."""
        start_http_server(port, address, registry=self.registry)

    def ended(self, call: Call) -> None:
        campaign = call.dialer.name
        self._ended.labels(campaign, call.outcome).inc()
        if call.connected_at and call.answered_at:
            self._wait.labels(campaign).observe((call.connected_at - call.answered_at).total_seconds())
        if call.connected_at and call.ended_at:
            talked_until = call.completed_at or call.ended_at
            self._talk.labels(campaign).inc(max((talked_until - call.connected_at).total_seconds(), 0.0))

    def decided(self, campaign: str, decision: Decision, seconds: float) -> None:
        self._decisions.labels(campaign, decision.bound).inc()
        self._placed.labels(campaign).inc(decision.calls)
        self._turn.labels(campaign).observe(seconds)
        for quantity, value in decision.detail.items():
            self._pacing.labels(campaign, quantity).set(value)

    def waited(self, campaign: str, seconds: float) -> None:
        self._delay.labels(campaign).observe(seconds)

    def claimed(self, campaign: str, result: ClaimResult, seconds: float) -> None:
        self._claims.labels(campaign).observe(seconds)
        self._contacts.labels(campaign, "claimed").inc(len(result.attempts))
        self._contacts.labels(campaign, "blocked").inc(result.blocked)
        self._contacts.labels(campaign, "held").inc(result.held)
        self._contacts.labels(campaign, "set_aside").inc(result.set_aside)

    def seats(self, campaign: str, states: Mapping[SeatState, int], snapshot: Snapshot) -> None:
        for state in SeatState:
            self._seats.labels(campaign, state).set(states.get(state, 0))
        self._calls.labels(campaign, "dialling").set(snapshot.dialling)
        self._calls.labels(campaign, "waiting").set(snapshot.waiting)
        self._calls.labels(campaign, "channels").set(snapshot.channels)

    def caller_id_heard(self, campaign: str, result: Result) -> None:
        self._shown.labels(campaign, "attempts").inc()
        for word, happened in (
            ("answers", result.answered), ("rejections", result.rejected), ("flagged", result.flagged),
        ):  # fmt: skip
            self._shown.labels(campaign, word).inc(int(happened))

    def caller_id_rests(self, campaign: str, cause: Cause) -> None:
        self._rested.labels(campaign, cause).inc()

    def caller_ids(self, campaign: str, healthy: int, resting: int) -> None:
        self._caller_ids.labels(campaign, "healthy").set(healthy)
        self._caller_ids.labels(campaign, "resting").set(resting)

    def link(self, up: bool) -> None:
        self._link.set(1 if up else 0)

    def leading(self, leads: bool) -> None:
        self._leads.set(1 if leads else 0)

    def backlog(self, events: int, records: int, lag: float) -> None:
        self._events.set(events)
        self._records.set(records)
        self._lag.set(lag)

    def database_failed(self) -> None:
        self._database.inc()

    def webhook(self, result: str, seconds: float) -> None:
        self._webhooks.labels(result).inc()
        if result != "dead":  # the try itself is counted by its own result
            self._webhook_seconds.observe(seconds)

    def outbox(self, waiting: int) -> None:
        self._outbox.set(waiting)

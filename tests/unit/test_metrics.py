"""Metrics: what they count, that they stay few and name nobody; the pages that tell how the engine is."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from engine.domain.agent import SeatState
from engine.domain.call import Call
from engine.domain.outcomes import Outcome
from engine.domain.pacing import Bound, Decision
from engine.domain.pacing.standing import Standing
from engine.ports.watch import CampaignStatus, Component, EngineStatus, SpoolCount, TrunkStatus
from engine.telemetry.board import PATIENCE
from engine.telemetry.export import OTHER
from engine.telemetry.metrics import CAMPAIGNS, KEPT, Metrics
from engine.telemetry.page import page
from engine.telemetry.server import application
from tests.builders import NOW, a_contact, a_dialer, an_attempt

ROOT = Path(__file__).parents[2]
FINE = (Component("asterisk", True), Component("database", True))


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def metrics(clock: Clock) -> Metrics:
    return Metrics(CollectorRegistry(), clock)


def text(metrics: Metrics) -> str:
    return generate_latest(metrics.registry).decode()


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def a_status(*campaigns: CampaignStatus, **changes: Any) -> EngineStatus:
    fields: dict[str, Any] = {"role": "leading", "leader": "one", "token": 7, "components": FINE, **changes}
    return EngineStatus(at=NOW, campaigns=campaigns, **fields)


def a_campaign(name: str, state: str = "running", **changes: Any) -> CampaignStatus:
    return CampaignStatus(name, state, NOW, **changes)


def an_end(campaign: str) -> Call:
    call = Call(an_attempt(a_contact()), a_dialer(name=campaign), "18885550100")
    return replace(call, outcome=Outcome.ANSWERED, ended_at=NOW)


def test_whatever_the_number_of_campaigns_the_series_stay_few(metrics: Metrics) -> None:
    decision = Decision(1, Bound.AGENTS, "")
    for number in range(CAMPAIGNS * 3):
        metrics.ended(an_end(f"C{number}"))
        metrics.decided(f"C{number}", decision, 0.01)
    metrics.status(a_status(*(a_campaign(f"C{n}", seats={"ready": 1}) for n in range(CAMPAIGNS * 3))))
    labels = set(re.findall(r'campaign="([^"]*)"', text(metrics)))
    assert len(labels) == CAMPAIGNS + 1
    assert (
        value(metrics, "overdial_attempts_ended_total", campaign=OTHER, outcome="answered") == CAMPAIGNS * 2
    )
    assert value(metrics, "overdial_seats", campaign=OTHER, state="ready") == CAMPAIGNS * 2, "added up"


def test_a_stopped_campaign_leaves_when_prometheus_has_seen_its_last_values(
    metrics: Metrics, clock: Clock
) -> None:
    metrics.status(a_status(a_campaign("A"), a_campaign("B")))
    for name in "AB":
        metrics.ended(an_end(name))
        metrics.decided(name, Decision(1, Bound.AGENTS, ""), 0.01)
    metrics.status(a_status(a_campaign("A"), a_campaign("B", "disabled")))
    assert 'overdial_campaign_state{campaign="B"' not in text(metrics), "it does nothing now"
    clock.at += KEPT / 2
    metrics.status(a_status(a_campaign("A"), a_campaign("B", "disabled")))
    assert value(metrics, "overdial_attempts_ended_total", campaign="B", outcome="answered") == 1
    clock.at += KEPT
    metrics.status(a_status(a_campaign("A")))
    assert 'campaign="B"' not in text(metrics)
    assert value(metrics, "overdial_attempts_ended_total", campaign="A", outcome="answered") == 1


def test_a_campaign_that_stopped_makes_room_for_another(metrics: Metrics, clock: Clock) -> None:
    metrics.status(a_status(*(a_campaign(f"C{n}") for n in range(CAMPAIGNS))))
    text(metrics)
    clock.at += KEPT + 1
    metrics.status(a_status())
    metrics.status(a_status(a_campaign("NEW")))
    assert value(metrics, "overdial_campaign_state", campaign="NEW", state="running") == 1


def test_no_number_and_no_contact_is_ever_a_label(metrics: Metrics) -> None:
    metrics.ended(an_end("A"))
    metrics.status(a_status(a_campaign("A", reason="the number 5551234567 is odd"), trunks=(
        TrunkStatus("CARRIER", 1, 0, False, 30, 2.5),
    )))  # fmt: skip
    assert "5551234567" not in text(metrics)
    assert a_contact().phone.number not in text(metrics)
    names = {label for one in metrics.exported.catalogue for label in one.labels}
    assert names <= {
        "campaign", "trunk", "state", "outcome", "bound", "result", "reason", "stage", "quantity", "period",
        "kind", "level", "component", "version", "of", "cause",
    }  # fmt: skip


def test_time_is_counted_for_the_bound_that_held_the_pacer_back(metrics: Metrics, clock: Clock) -> None:
    for bound in (Bound.NOBODY, Bound.SPOOL, Bound.SPOOL):
        metrics.decided("A", Decision(0, bound, ""), 0.01)
        clock.at += 2
    assert value(metrics, "overdial_bound_seconds_total", campaign="A", bound="nobody") == 2
    assert value(metrics, "overdial_bound_seconds_total", campaign="A", bound="spool") == 2


def test_seats_are_counted_in_seconds_and_a_long_silence_is_not(metrics: Metrics, clock: Clock) -> None:
    for passed in (0, 1, 1, 1000):
        clock.at += passed
        metrics.seats("A", {SeatState.TALKING: 3}, None)  # type: ignore[arg-type]
    assert value(metrics, "overdial_seat_seconds_total", campaign="A", state="talking") == 3 * (1 + 1 + 5)


def test_the_budget_of_abandoned_calls_is_shown(metrics: Metrics) -> None:
    standing = Standing(100, 2, 1000, 40, 30, 0.03, -10)
    metrics.status(a_status(a_campaign("A", standing=standing), a_campaign("B")))
    assert value(metrics, "overdial_abandoned_calls", campaign="A", period="window") == 40
    assert value(metrics, "overdial_abandonment_limit_calls", campaign="A", period="today") == 3
    assert value(metrics, "overdial_abandonment_budget_calls", campaign="A") == -10
    assert value(metrics, "overdial_abandonment_budget_calls", campaign="B") is None


def test_the_spool_is_shown_until_this_engine_leads_no_more(metrics: Metrics, clock: Clock) -> None:
    metrics.spool([SpoolCount("A", "ready", "", 5), SpoolCount("A", "waiting", "hours", 2)])
    clock.at += 4
    assert value(metrics, "overdial_spool_contacts", campaign="A", state="waiting", reason="hours") == 2
    assert value(metrics, "overdial_spool_age_seconds") == 4
    metrics.leading(False)
    assert "overdial_spool_contacts{" not in text(metrics)


def test_caller_ids_are_counted_by_campaign_and_go_with_it(metrics: Metrics, clock: Clock) -> None:
    for number in range(CAMPAIGNS + 2):
        metrics.caller_ids(f"C{number}", 3, 1)
    assert value(metrics, "overdial_caller_ids", campaign="C0", state="resting") == 1
    assert value(metrics, "overdial_caller_ids", campaign=OTHER, state="healthy") == 6, "added up"
    metrics.status(a_status())
    clock.at += KEPT + 1
    metrics.status(a_status())
    assert value(metrics, "overdial_caller_ids", campaign="C0", state="resting") is None


def test_the_page_on_metrics_tells_what_there_is() -> None:
    assert (ROOT / "docs" / "metrics.md").read_text("utf-8") == page()


# The pages.


def ask(metrics: Metrics, path: str) -> tuple[int, Any]:
    environ: dict[str, Any] = {"PATH_INFO": path}
    setup_testing_defaults(environ)
    answered: list[str] = []
    body = b"".join(application(metrics)(environ, lambda status, headers, info=None: answered.append(status)))  # type: ignore[arg-type, return-value]
    status = int(answered[0].split()[0])
    return status, json.loads(body) if body.startswith(b"{") else body.decode()


def test_before_the_first_word_the_engine_lives_and_is_not_ready(metrics: Metrics) -> None:
    assert ask(metrics, "/healthz")[0] == 200
    status, body = ask(metrics, "/readyz")
    assert (status, body["role"]) == (503, "starting")


def test_ready_names_every_component_and_why_one_does_not_work(metrics: Metrics) -> None:
    metrics.status(a_status())
    assert ask(metrics, "/readyz")[0] == 200
    broken = Component("journal", False, "no space left on device")
    metrics.status(a_status(components=(*FINE, broken)))
    status, body = ask(metrics, "/readyz")
    assert status == 503
    assert body["components"]["journal"] == {"ok": False, "detail": "no space left on device"}
    assert body["components"]["asterisk"]["ok"] is True
    assert ask(metrics, "/healthz")[0] == 200, "to start it anew would mend nothing"


def test_an_engine_whose_loop_does_not_turn_is_neither_healthy_nor_ready(
    metrics: Metrics, clock: Clock
) -> None:
    metrics.status(a_status())
    clock.at += PATIENCE + 1
    assert ask(metrics, "/healthz")[0] == 503
    assert ask(metrics, "/readyz")[0] == 503
    assert value(metrics, "overdial_silence_seconds") == PATIENCE + 1


def test_the_state_tells_everything_at_once(metrics: Metrics) -> None:
    metrics.status(a_status(a_campaign("A", bound="nobody", seats={"ready": 2}), calls=4))
    status, body = ask(metrics, "/state")
    assert (status, body["ready"], body["status"]["calls"]) == (200, True, 4)
    assert body["status"]["campaigns"][0]["seats"] == {"ready": 2}


def test_what_is_not_there_is_told_with_what_is(metrics: Metrics) -> None:
    status, body = ask(metrics, "/admin")
    assert status == 404
    assert "/readyz" in body
    assert "overdial_ready" in ask(metrics, "/metrics")[1]


# Rules and dashboards name what is exported.


def _known() -> set[str]:
    names = {name for one in Metrics(CollectorRegistry()).exported.catalogue for name in one.series}
    recorded = re.findall(r"record: (\S+)", (ROOT / "deploy/prometheus/recording.yml").read_text())
    return names | set(recorded)


def _expressions() -> list[tuple[str, str]]:
    found = []
    for path in sorted((ROOT / "deploy/prometheus").glob("*.yml")):
        found += [(path.name, m) for m in re.findall(r"expr: >-\n\s+(.+)", path.read_text())]
    for path in sorted((ROOT / "deploy/grafana").glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            found += [(f"{path.name}: {panel['title']}", t["expr"]) for t in panel.get("targets", ())]
    return found


def test_every_metric_in_rules_and_dashboards_is_exported() -> None:
    expressions, known = _expressions(), _known()
    assert len(expressions) > 100
    for where, expression in expressions:
        used = re.findall(
            r"(?<![\w:])((?:[a-z]+(?:_[a-z]+)*:)?overdial[a-z0-9_:]*)", re.sub(r'"[^"]*"', '""', expression)
        )
        for name in used:
            assert name in known, f"{where}: {name}"


def test_every_alert_has_its_paragraph_and_its_test() -> None:
    alerts = re.findall(r"alert: (\w+)", (ROOT / "deploy/prometheus/alerts.yml").read_text())
    runbook = (ROOT / "docs/runbook.md").read_text()
    tests = (ROOT / "deploy/prometheus/tests.yml").read_text()
    assert len(alerts) == len(set(alerts)) > 20
    for alert in alerts:
        paragraph = runbook.partition(f"\n## {alert}\n")[2].partition("\n## ")[0]
        assert len(paragraph.split()) > 30, f"{alert} has no paragraph"
        assert "- eval_time" in tests.partition(f"  - name: {alert}\n")[2].partition("  - name:")[0]
    assert set(re.findall(r"\n## (\w+)\n", runbook)) == set(alerts)

"""What campaigns are doing, written for whoever looks: `campaign_state` and the last decisions."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from engine.adapters.mysql.database import Session, utc
from engine.domain.pacing import Decision
from engine.ports import DECISIONS_KEPT, CampaignReport


async def publish(session: Session, reports: Sequence[CampaignReport], owner: str, now: datetime) -> None:
    """Write a row per campaign, and its decision among its last ones."""
    await session.run_many(
        "INSERT INTO ccdata.campaign_state (campaign, state, field, reason, bound, calls,"
        " overdial, ready, ringing, talking, wrapup, paused, dialling, waiting, channels,"
        " owner, since, until_utc, updated_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON DUPLICATE KEY UPDATE state=VALUES(state), field=VALUES(field),"
        " reason=VALUES(reason), bound=VALUES(bound), calls=VALUES(calls),"
        " overdial=VALUES(overdial), ready=VALUES(ready), ringing=VALUES(ringing),"
        " talking=VALUES(talking), wrapup=VALUES(wrapup), paused=VALUES(paused),"
        " dialling=VALUES(dialling), waiting=VALUES(waiting), channels=VALUES(channels),"
        " owner=VALUES(owner), since=VALUES(since), until_utc=VALUES(until_utc),"
        " updated_at=VALUES(updated_at)",
        [_state(report, owner, now) for report in reports],
    )
    await session.run_many(
        "REPLACE INTO ccdata.decisions (campaign, slot, decided_at, calls, bound, reason, detail)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [_decision(report, report.decision, now) for report in reports if report.decision],
    )


def _state(report: CampaignReport, owner: str, now: datetime) -> tuple[Any, ...]:
    snapshot, decision = report.snapshot, report.decision
    counts = (
        (
            snapshot.dialer.overdial,
            snapshot.ready,
            snapshot.ringing,
            snapshot.talking,
            snapshot.wrapup,
            report.paused,
            snapshot.dialling,
            snapshot.waiting,
            snapshot.channels,
        )
        if snapshot
        else (0,) * 9
    )
    reason = report.reason or (decision.reason if decision else "")
    return (
        report.campaign[:128],
        report.state,
        report.field[:32],
        reason[:500],
        decision.bound if decision else "",
        decision.calls if decision else 0,
        *counts,
        owner,
        utc(report.since),
        utc(report.until),
        utc(now),
    )


def _decision(report: CampaignReport, decision: Decision, now: datetime) -> tuple[Any, ...]:
    numbers = {name: round(value, 4) for name, value in decision.detail.items()}
    return (
        report.campaign[:128],
        report.sequence % DECISIONS_KEPT,
        utc(now),
        decision.calls,
        decision.bound,
        decision.reason[:500],
        json.dumps(numbers)[:2000],
    )

"""Attempts that another engine left open: made ours, with what is known of their contacts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from engine.adapters.mysql.database import Session, aware
from engine.domain.errors import FieldError
from engine.domain.model import AttemptId, CampaignName, Contact, SpoolId
from engine.domain.phones import Phone
from engine.domain.settings import read_contact
from engine.ports import OpenAttempt


async def take(session: Session, ids: Sequence[AttemptId], owner: str, fence: int) -> tuple[OpenAttempt, ...]:
    """Take these attempts over where they belong to an older term; return those that are ours."""
    marks = ",".join(["%s"] * len(ids))
    await session.run(
        f"UPDATE ccdata.attempts SET owner=%s, fence=%s, taken_over=1 WHERE id IN ({marks})"
        " AND state <> 'ended' AND fence < %s",
        (owner, fence, *ids, fence),
    )
    rows = await session.rows(
        "SELECT a.id AS attempt_id, a.campaign AS attempt_campaign, a.spool_id, a.state,"
        " a.destination AS attempt_destination, a.contact AS attempt_contact,"
        " a.dialerbase AS attempt_list, a.attempt, a.claimed_at, a.sent_at, a.ringing_at,"
        " a.answered_at, a.queued_at, a.connected_at, a.agent, a.caller_id,"
        " s.id, s.campaign, s.destination,"
        " s.alternatives, s.data, s.contact, s.dialerbase, s.priority, s.agentphone, s.retries,"
        " s.timezone"
        " FROM ccdata.attempts a LEFT JOIN ccdata.calls_spool s ON s.id = a.spool_id"
        f" WHERE a.id IN ({marks}) AND a.fence = %s AND a.state <> 'ended'",
        (*ids, fence),
    )
    return tuple(_open_attempt(row) for row in rows)


def _open_attempt(row: dict[str, Any]) -> OpenAttempt:
    return OpenAttempt(
        id=AttemptId(str(row["attempt_id"])),
        campaign=CampaignName(str(row["attempt_campaign"])),
        state=str(row["state"]),
        contact=_contact_of(row),
        claimed_at=aware(row["claimed_at"]),
        sent_at=aware(row["sent_at"]),
        ringing_at=aware(row["ringing_at"]),
        answered_at=aware(row["answered_at"]),
        queued_at=aware(row["queued_at"]),
        connected_at=aware(row["connected_at"]),
        agent=str(row["agent"]),
        caller_id=str(row["caller_id"]),
    )


def _contact_of(row: dict[str, Any]) -> Contact:
    """The contact as its spool row says; from the attempt alone where the row is gone or broken."""
    if row["id"] is not None:
        try:
            return read_contact(row)
        except FieldError:
            pass
    return Contact(
        id=SpoolId(int(row["spool_id"])),
        campaign=CampaignName(str(row["attempt_campaign"])),
        phone=Phone(str(row["attempt_destination"])),
        alternatives=(),
        data="",
        reference=str(row["attempt_contact"]),
        list_name=str(row["attempt_list"]),
        priority=9999,
        agent_phone="",
        retries=max(int(row["attempt"]) - 1, 0),
    )

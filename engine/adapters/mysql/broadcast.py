"""What broadcast calls leave in the tables: results, answers, consents."""

from __future__ import annotations

from engine.adapters.mysql.blacklists import audit
from engine.adapters.mysql.database import Session, utc
from engine.domain.entries import Heard
from engine.domain.localtime import LocalTime


async def heard(session: Session, entry: Heard, local: LocalTime) -> None:
    """Write how one broadcast call ended, once."""
    await session.run(
        "INSERT IGNORE INTO ccdata.broadcast_results (attempt, campaign, contact, destination, result,"
        " keys_pressed, seconds, ended_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
        (
            entry.attempt,
            entry.campaign,
            entry.contact[:64],
            entry.destination,
            entry.result,
            entry.keys[:32],
            round(entry.seconds, 1),
            utc(entry.at),
        ),
    )
    await session.run_many(
        "INSERT IGNORE INTO ccdata.broadcast_answers (attempt, question, answer, recording)"
        " VALUES (%s, %s, %s, %s)",
        [(entry.attempt, *answer) for answer in entry.answers],
    )
    if entry.consent is not None:
        await _consent(session, entry, local)


async def _consent(session: Session, entry: Heard, local: LocalTime) -> None:
    """A withdrawal is never undone by a later yes: only a person clears it."""
    if not entry.consent:
        said = f"consent refused: {entry.destination} in {entry.campaign}, call {entry.attempt}"
        await audit(session, local.naive(entry.at), "", said)
    at, source = local.naive(entry.at), f"broadcast {entry.campaign}, call {entry.attempt}"[:255]
    await session.run(
        "INSERT INTO ccdata.consents (phone, campaign, given_at, withdrawn_at, source)"
        " VALUES (%s, '*', %s, %s, %s) ON DUPLICATE KEY UPDATE"
        " source = IF(withdrawn_at IS NULL, VALUES(source), source),"
        " given_at = IF(withdrawn_at IS NULL, COALESCE(VALUES(given_at), given_at), given_at),"
        " withdrawn_at = COALESCE(withdrawn_at, VALUES(withdrawn_at))",
        (entry.destination, at if entry.consent else None, None if entry.consent else at, source),
    )

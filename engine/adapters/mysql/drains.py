"""Asking for a drain and taking it back: rows of `drains`, and how many calls are still up."""

from __future__ import annotations

from engine.adapters.mysql.database import Database, Session
from engine.domain.errors import FieldError

#: Attempts that are neither ended nor still to be sent, as the index attempts_open has them.
_UP = (
    "SELECT COUNT(*) AS calls FROM ccdata.attempts FORCE INDEX (attempts_open) WHERE state IN ('claimed',"
    " 'offered', 'held', 'sent', 'ringing', 'answered', 'queued', 'connected', 'completed')"
    " AND (%s = '*' OR campaign = %s)"
)


async def drain(database: Database, campaign: str, reason: str) -> None:
    """Ask for no new calls of `campaign` ('*': of all). Raises FieldError for one that does not exist."""

    async def work(session: Session) -> None:
        await _known(session, campaign)
        await session.run(
            "INSERT INTO ccdata.drains (campaign, reason) VALUES (%s, %s)"
            " ON DUPLICATE KEY UPDATE reason = VALUES(reason)",
            (campaign, reason[:255]),
        )

    await database.transaction(work)


async def resume(database: Database, campaign: str) -> tuple[str, ...]:
    """Let `campaign` place calls again ('*': all of them, also those that were drained by name); return
    what is still being drained."""

    async def work(session: Session) -> tuple[str, ...]:
        await _known(session, campaign)
        await session.run(
            "DELETE FROM ccdata.drains WHERE %s = '*' OR campaign = %s",
            (campaign, campaign),
        )
        rows = await session.rows("SELECT campaign FROM ccdata.drains ORDER BY campaign")
        return tuple(str(row["campaign"]) for row in rows)

    return await database.transaction(work)


async def calls_up(database: Database, campaign: str) -> int:
    """Return how many calls of `campaign` ('*': of all) have not ended."""

    async def work(session: Session) -> int:
        return int((await session.rows(_UP, (campaign, campaign)))[0]["calls"])

    return await database.transaction(work)


async def _known(session: Session, campaign: str) -> None:
    if campaign == "*":
        return
    if not await session.rows("SELECT 1 FROM ccdata.dialers WHERE campaign = %s", (campaign,)):
        raise FieldError("campaign", f"there is no dialer {campaign!r}", "Correct it, or give none for all.")

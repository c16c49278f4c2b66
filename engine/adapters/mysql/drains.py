"""Asking for a drain and taking it back: rows of `drains`, and how many calls are still up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.adapters.mysql.database import Database, Session
from engine.domain.errors import FieldError

#: Attempts that are neither ended nor still to be sent, as the index attempts_open has them.
_UP = (
    "SELECT COUNT(*) AS calls FROM ccdata.attempts FORCE INDEX (attempts_open) WHERE state IN ('claimed',"
    " 'offered', 'held', 'sent', 'ringing', 'answered', 'queued', 'connected', 'completed')"
    " AND (%s = '*' OR campaign = %s)"
)


@dataclass(frozen=True, slots=True)
class Drain:
    """A row of `drains`. `campaign` '*': every campaign, and orders for single calls."""

    campaign: str
    reason: str

    def __str__(self) -> str:
        name = "every campaign" if self.campaign == "*" else self.campaign
        return f"{name} ({self.reason})" if self.reason else name


async def drain(database: Database, campaign: str, reason: str) -> Drain | None:
    """Ask for no new calls of `campaign` ('*': of all); return the same drain as it was before, if there was
    one, whose reason stays when no other is given. Raises FieldError for a campaign that does not exist."""

    async def work(session: Session) -> Drain | None:
        await _known(session, campaign)
        rows = await session.rows(
            "SELECT campaign, reason FROM ccdata.drains WHERE campaign = %s FOR UPDATE", (campaign,)
        )
        await session.run(
            "INSERT INTO ccdata.drains (campaign, reason) VALUES (%s, %s)"
            " ON DUPLICATE KEY UPDATE reason = IF(VALUES(reason) = '', reason, VALUES(reason))",
            (campaign, reason[:255]),
        )
        return Drain(str(rows[0]["campaign"]), str(rows[0]["reason"])) if rows else None

    return await database.transaction(work)


async def resume(database: Database, campaign: str) -> tuple[int, Sequence[Drain]]:
    """Take the drain of `campaign` back ('*': the one of all campaigns; '': every drain); return how many
    were taken back, and those that still hold. Raises FieldError for a campaign that does not exist."""

    async def work(session: Session) -> tuple[int, Sequence[Drain]]:
        if campaign:
            await _known(session, campaign)
        taken = await session.run(
            "DELETE FROM ccdata.drains WHERE %s = '' OR campaign = %s", (campaign, campaign)
        )
        rows = await session.rows("SELECT campaign, reason FROM ccdata.drains ORDER BY campaign")
        return taken, tuple(Drain(str(row["campaign"]), str(row["reason"])) for row in rows)

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

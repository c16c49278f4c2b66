"""Which dispositions a campaign has, as a supervisor configures them."""

from __future__ import annotations

from typing import Any

from engine.adapters.mysql.database import Session
from engine.domain.integra.calls import DialerAction

_COLUMNS = "id, campaign, level1, level2, level3, category, action"


async def listing(session: Session, campaign: str) -> list[dict[str, Any]]:
    """Return the dispositions that hold for a campaign, its own ones first."""
    return await session.rows(
        f"SELECT {_COLUMNS} FROM ccdata.dispositions WHERE campaign IN (%s, '*')"
        " ORDER BY campaign='*', level1, level2, level3",
        (campaign,),
    )


async def put(
    session: Session, campaign: str, levels: tuple[str, str, str], category: str, action: DialerAction
) -> dict[str, Any]:
    """Configure a disposition, in the place of the one with the same levels; return its row."""
    await session.run(
        "INSERT INTO ccdata.dispositions (campaign, level1, level2, level3, category, action)"
        " VALUES (%s, %s, %s, %s, %s, %s) ON DUPLICATE KEY UPDATE category=VALUES(category),"
        " action=VALUES(action)",
        (campaign, *levels, category, action.value),
    )
    [row] = await session.rows(
        f"SELECT {_COLUMNS} FROM ccdata.dispositions WHERE campaign=%s AND level1=%s AND level2=%s"
        " AND level3=%s",
        (campaign, *levels),
    )
    return row


async def remove(session: Session, campaign: str, disposition: int) -> bool:
    """Remove a disposition of a campaign; False when it has none of this id."""
    return bool(
        await session.run(
            "DELETE FROM ccdata.dispositions WHERE id=%s AND campaign=%s", (disposition, campaign)
        )
    )

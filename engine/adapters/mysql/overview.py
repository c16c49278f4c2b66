"""What the tables know of engines and campaigns: for `overdial status` when no engine answers."""

from __future__ import annotations

from typing import Any

from engine.adapters.mysql.database import Database, Session

_LEADER = (
    "SELECT owner, token, GREATEST(TIMESTAMPDIFF(SECOND, UTC_TIMESTAMP(3), lease_until), 0) AS seconds"
    " FROM ccdata.leases"
)
_CAMPAIGNS = (
    "SELECT campaign, state, bound, reason, field, calls, ready, ringing, talking, wrapup, paused, dialling,"
    " waiting, channels, TIMESTAMPDIFF(SECOND, updated_at, UTC_TIMESTAMP()) AS age FROM ccdata.campaign_state"
    " ORDER BY campaign"
)
_DRAINS = "SELECT campaign, reason, since FROM ccdata.drains ORDER BY campaign"
_SEATS = ("ready", "ringing", "talking", "wrapup", "paused")


async def overview(database: Database) -> dict[str, Any]:
    """Return leader, drains and campaigns as plain values. Raises StoreError."""

    async def work(session: Session) -> dict[str, Any]:
        leases = await session.rows(_LEADER)
        return {
            "leader": leases[0] if leases else None,
            "drains": await session.rows(_DRAINS),
            "campaigns": [_campaign(row) for row in await session.rows(_CAMPAIGNS)],
        }

    return await database.transaction(work)


def _campaign(row: dict[str, Any]) -> dict[str, Any]:
    """The row in the shape in which the engine itself tells of a campaign."""
    rest = {name: value for name, value in row.items() if name not in _SEATS}
    return {**rest, "seats": {name: row[name] for name in _SEATS}, "numbers": {}, "standing": None}

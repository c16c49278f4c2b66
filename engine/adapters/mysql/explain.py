"""What a campaign is doing, its last decisions and the numbers behind them, for a person to read."""

from __future__ import annotations

import json
from typing import Any

from engine.adapters.mysql.database import Database, Session

_STATE = (
    "SELECT campaign, state, field, reason, ready, ringing, talking, wrapup, paused, dialling, waiting,"
    " channels, owner, since, TIMESTAMPDIFF(SECOND, updated_at, UTC_TIMESTAMP()) AS age"
    " FROM ccdata.campaign_state WHERE campaign = %s"
)
_DECISIONS = (
    "SELECT decided_at, calls, bound, reason, detail FROM ccdata.decisions WHERE campaign = %s"
    " ORDER BY decided_at DESC, slot DESC LIMIT %s"
)
#: The engine writes about once a second; older than this (s) means that nobody does.
_OLD = 10


async def explain(database: Database, campaign: str, last: int) -> str | None:
    """Return the story of a campaign, its `last` decisions included; None when it is not known."""

    async def work(session: Session) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        return await session.rows(_STATE, (campaign,)), await session.rows(_DECISIONS, (campaign, last))

    states, decisions = await database.transaction(work)
    if not states:
        return None
    return "\n".join([*_state(states[0]), *_decisions(decisions)])


def _state(row: dict[str, Any]) -> list[str]:
    where = f" (field {row['field']})" if row["field"] else ""
    lines = [
        f"{row['campaign']}: {row['state']} since {row['since']:%Y-%m-%d %H:%M:%S} UTC{where}",
        f"  {row['reason']}",
        f"  seats: {row['ready']} ready, {row['ringing']} ringing, {row['talking']} talking,"
        f" {row['wrapup']} in wrap-up, {row['paused']} paused",
        f"  calls: {row['dialling']} dialling, {row['waiting']} waiting, {row['channels']} channels",
    ]
    if row["age"] > _OLD:
        lines.append(f"  nothing was written for {row['age']} s: does an engine run? (last: {row['owner']})")
    return lines


def _decisions(rows: list[dict[str, Any]]) -> list[str]:
    if not rows:
        return ["  no decision yet"]
    lines = ["  last decisions (UTC, newest first):"]
    for row in rows:
        at = f"{row['decided_at']:%H:%M:%S}"
        lines.append(f"  {at}  {row['calls']:>3} calls  bound by {row['bound']:<9} {row['reason']}")
    newest = json.loads(rows[0]["detail"])
    numbers = ", ".join(f"{name} {value:g}" for name, value in newest.items())
    return [*lines, f"  the numbers of the newest: {numbers}"]

"""Campaigns as a supervisor steers them: settings with all that belongs to them, switched on and off.

Whatever is written is read back the way the engine reads it, in the same transaction: settings that it could
not use never get there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from engine.adapters.legal import Legal
from engine.adapters.mysql.compliance import campaign_law
from engine.adapters.mysql.database import Session
from engine.domain.access import Scope
from engine.domain.errors import Refused
from engine.domain.model import DialerType
from engine.domain.pacing import Profile
from engine.domain.queue_tables import check_settings
from engine.domain.scripts import read_script
from engine.domain.settings import read_dialer

Row = dict[str, Any]

#: The documented columns of a dialer, but for its name.
SETTINGS = (
    "schedule", "dialertype", "status", "dialstring", "context", "exten", "am", "sound", "maxchannels",
    "variables", "timeout", "callerid", "retries", "callerpres", "tbc", "dncr", "schedulephones",
    "autoanswer", "tbc_nocontact", "earlymedia", "recyclecount", "recycle", "country", "rule",
    "autoconvertcallerid",
)  # fmt: skip
#: What belongs to a campaign besides: part → table, its key, its columns.
PARTS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "queue": (
        "queues",
        "name",
        (
            "wrapuptime", "queue_timeout", "strategy", "servicelevel", "timeout", "retry", "maxlen", "weight",
            "ringinuse", "joinempty", "leavewhenempty", "musiconhold",
        ),
    ),
    "options": (
        "dialer_options",
        "campaign",
        (
            "customer_first", "agent_decides", "decision_time", "later", "machines", "machine_sound",
            "recording",
        ),
    ),
    "broadcast": (
        "broadcast_options",
        "campaign",
        ("menu", "wait", "again", "survey", "consent", "record", "tts"),
    ),
    "law": (
        "law_options",
        "campaign",
        ("law", "cap_calls", "cap_hours", "rest_hours", "consent", "holidays"),
    ),
}  # fmt: skip


async def exists(session: Session, campaign: str, *, lock: bool = False) -> str | None:
    """Return the campaign's name as it was created; None when there is none. `lock` it until the end."""
    rows = await session.rows(
        f"SELECT campaign FROM ccdata.dialers WHERE campaign=%s{' FOR UPDATE' if lock else ''}", (campaign,)
    )
    return str(rows[0]["campaign"]) if rows else None


async def whole(session: Session, campaign: str, *, lock: bool = False) -> Row | None:
    """Return a campaign with its parts; None when there is none."""
    rows = await session.rows(
        f"SELECT campaign, {', '.join(SETTINGS)} FROM ccdata.dialers WHERE campaign=%s"
        f"{' FOR UPDATE' if lock else ''}",
        (campaign,),
    )
    if not rows:
        return None
    found = dict(rows[0])
    for part, (table, key, columns) in PARTS.items():
        own = await session.rows(
            f"SELECT {', '.join(f'`{name}`' for name in columns)} FROM ccdata.{table} WHERE {key}=%s",
            (campaign,),
        )
        found[part] = own[0] if own else None
    drained = await session.rows(
        "SELECT campaign FROM ccdata.drains WHERE campaign IN (%s, '*') LIMIT 1", (campaign,)
    )
    found["paused"] = bool(drained)
    return found


async def page(session: Session, scope: Scope, after: str, limit: int) -> Sequence[Row]:
    """Return some campaigns by name, those of `scope` after the one called `after`, with their state."""
    where, values = ["d.campaign > %s"], [after]
    if not scope.everything:
        if not scope.names:
            return []
        where.append(f"d.campaign IN ({','.join(['%s'] * len(scope.names))})")
        values += sorted(scope.names)
    return await session.rows(
        "SELECT d.campaign, d.dialertype, d.status, d.country, s.state, s.reason, s.since, s.updated_at"
        " FROM ccdata.dialers d LEFT JOIN ccdata.campaign_state s ON s.campaign = d.campaign"
        f" WHERE {' AND '.join(where)} ORDER BY d.campaign LIMIT %s",
        (*values, limit),
    )


async def create(session: Session, campaign: str, values: Mapping[str, Any]) -> None:
    """Make a campaign with its queue. Raises Refused when it exists."""
    if await exists(session, campaign):
        raise Refused("There is a campaign of this name already.")
    settings = {name: value for name, value in values.items() if name in SETTINGS}
    names = ["campaign", *settings]
    made = await session.run(
        f"INSERT INTO ccdata.dialers ({', '.join(names)}) VALUES ({', '.join(['%s'] * len(names))})"
        " ON DUPLICATE KEY UPDATE campaign=dialers.campaign",
        (campaign, *settings.values()),
    )
    if not made:  # somebody was faster
        raise Refused("There is a campaign of this name already.")
    await session.run("INSERT IGNORE INTO ccdata.queues (name) VALUES (%s)", (campaign,))
    await _parts(session, campaign, values)


async def change(session: Session, campaign: str, values: Mapping[str, Any]) -> None:
    """Change what is given of a campaign that exists; a part that is given as None is as it was at first."""
    settings = {name: value for name, value in values.items() if name in SETTINGS}
    if settings:
        words = ", ".join(f"{name}=%s" for name in settings)
        await session.run(
            f"UPDATE ccdata.dialers SET {words} WHERE campaign=%s", (*settings.values(), campaign)
        )
    await _parts(session, campaign, values)


async def _parts(session: Session, campaign: str, values: Mapping[str, Any]) -> None:
    for part, (table, key, columns) in PARTS.items():
        if part not in values:
            continue
        own = values[part]
        if own is None:
            sql = f"DELETE FROM ccdata.{table}"
            if part == "queue":  # a campaign has one
                sql = f"UPDATE ccdata.{table} SET {', '.join(f'`{name}`=DEFAULT' for name in columns)}"
            await session.run(f"{sql} WHERE {key}=%s", (campaign,))
            continue
        chosen = {name: own[name] for name in columns if name in own}
        if part == "queue":
            check_settings(chosen)
        if chosen:
            names = ", ".join(f"`{name}`" for name in chosen)
            marks = ", ".join(["%s"] * len(chosen))
            again = ", ".join(f"`{name}`=VALUES(`{name}`)" for name in chosen)
            await session.run(
                f"INSERT INTO ccdata.{table} ({key}, {names}) VALUES (%s, {marks})"
                f" ON DUPLICATE KEY UPDATE {again}",
                (campaign, *chosen.values()),
            )


async def check(
    session: Session, campaign: str, profiles: Mapping[str, Profile], legal: Legal, *, ari: bool = True
) -> None:
    """Read a campaign as the engine does. Raises FieldError when it could not use it."""
    [row] = await session.rows("SELECT * FROM ccdata.dialers WHERE campaign=%s", (campaign,))
    queues = await session.rows(
        "SELECT name, queue_timeout, wrapuptime FROM ccdata.queues WHERE name=%s", (campaign,)
    )
    options = await session.rows("SELECT * FROM ccdata.dialer_options WHERE campaign=%s", (campaign,))
    dialer = read_dialer(row, queues[0] if queues else None, profiles, options[0] if options else None)
    if dialer.dialer_type is DialerType.VOICE_BROADCAST and ari:
        own = await session.rows("SELECT * FROM ccdata.broadcast_options WHERE campaign=%s", (campaign,))
        read_script(dialer.sound, own[0] if own else None, dialer.options)
    await campaign_law(session, legal, campaign)


async def switch(session: Session, campaign: str, *, on: bool) -> None:
    """Switch a campaign on (a pause of its own ends) or off."""
    await session.run("UPDATE ccdata.dialers SET status=%s WHERE campaign=%s", (int(on), campaign))
    if on:
        await session.run("DELETE FROM ccdata.drains WHERE campaign=%s", (campaign,))


async def pause(session: Session, campaign: str, reason: str) -> None:
    """Place no new calls until the campaign is started; those that are up come to their end."""
    await session.run(
        "INSERT INTO ccdata.drains (campaign, reason) VALUES (%s, %s)"
        " ON DUPLICATE KEY UPDATE reason=VALUES(reason)",
        (campaign, reason[:255]),
    )


async def state(session: Session, campaign: str) -> Row | None:
    """Return what the engine wrote of a campaign about a second ago; None when it has not seen it."""
    rows = await session.rows("SELECT * FROM ccdata.campaign_state WHERE campaign=%s", (campaign,))
    return rows[0] if rows else None


async def decisions(session: Session, campaign: str, last: int) -> list[Row]:
    """Return the last decisions, the newest first, with the numbers behind them."""
    rows = await session.rows(
        "SELECT decided_at, calls, bound, reason, detail FROM ccdata.decisions WHERE campaign=%s"
        " ORDER BY decided_at DESC, slot DESC LIMIT %s",
        (campaign, last),
    )
    return [{**row, "detail": orjson.loads(row["detail"] or "{}")} for row in rows]

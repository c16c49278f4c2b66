"""Who wants which events: subscriptions, their secrets, dead letters and replays."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from engine.adapters.mysql.database import Database, Session, utc
from engine.adapters.mysql.outbox import BATCH, write_event
from engine.domain.errors import FieldError
from engine.domain.webhooks import KEY_BYTES, TEST, Reach, make_secret, read_events, read_secret

#: For so long after a rotation deliveries are signed with the former secret as well.
OVERLAP = timedelta(hours=24)
_COLUMNS = (
    "SELECT w.id, w.campaign, w.url, w.events, w.masked, w.enabled, w.reason, w.created_at,"
    " (SELECT COUNT(*) FROM ccdata.webhook_deliveries d WHERE d.webhook = w.id AND d.next_try IS NOT NULL)"
    "  AS waiting,"
    " (SELECT COUNT(*) FROM ccdata.webhook_dead_letters l WHERE l.webhook = w.id) AS dead"
    " FROM ccdata.webhooks w"
)


@dataclass(frozen=True, slots=True)
class Webhook:
    """One subscription, without its secret. `waiting`: deliveries that were not made yet; `dead`: events
    that could not be delivered; `reason`: why the engine switched it off."""

    id: int
    campaign: str
    url: str
    events: str
    masked: bool
    enabled: bool
    reason: str
    waiting: int
    dead: int


async def listing(database: Database, campaign: str = "") -> tuple[Webhook, ...]:
    """Return all subscriptions, or those that hear of one campaign."""

    async def work(session: Session) -> tuple[Webhook, ...]:
        where = " WHERE w.campaign IN ('*', %s)" if campaign else ""
        rows = await session.rows(f"{_COLUMNS}{where} ORDER BY w.id", (campaign,) if campaign else ())
        return tuple(_webhook(row) for row in rows)

    return await database.transaction(work)


async def get(session: Session, webhook: int) -> Webhook:
    """Return one subscription. Raises FieldError when there is none."""
    rows = await session.rows(f"{_COLUMNS} WHERE w.id = %s", (webhook,))
    if not rows:
        raise FieldError(
            "webhook", f"there is no webhook {webhook}", "See them with 'overdial webhooks list'."
        )
    return _webhook(rows[0])


def _webhook(row: dict[str, Any]) -> Webhook:
    return Webhook(
        id=int(row["id"]),
        campaign=str(row["campaign"]),
        url=str(row["url"]),
        events=str(row["events"]),
        masked=bool(row["masked"]),
        enabled=bool(row["enabled"]),
        reason=str(row["reason"]),
        waiting=int(row["waiting"]),
        dead=int(row["dead"]),
    )


@dataclass(frozen=True, slots=True)
class Subscription:
    """What somebody asks for. An empty `secret` is made here."""

    campaign: str
    url: str
    events: str = "*"
    masked: bool = False
    secret: str = field(default="", repr=False)


async def subscribe(session: Session, wish: Subscription, reach: Reach) -> tuple[int, str]:
    """Add a subscription; return its id and its secret, which is not shown again. Raises FieldError."""
    secret = wish.secret or make_secret(secrets.token_bytes(KEY_BYTES))
    read_secret(secret)
    if not wish.campaign or len(wish.campaign) > 128:
        raise FieldError("campaign", "it is empty or too long", "Give a campaign, or * for all.")
    await session.run(
        "INSERT INTO ccdata.webhooks (campaign, url, events, masked, secret) VALUES (%s, %s, %s, %s, %s)",
        (wish.campaign, reach.url(wish.url), read_events(wish.events), int(wish.masked), secret),
    )
    [row] = await session.rows("SELECT LAST_INSERT_ID() AS id")
    return int(row["id"]), secret


async def change(
    session: Session,
    webhook: int,
    reach: Reach,
    *,
    url: str | None = None,
    events: str | None = None,
    masked: bool | None = None,
    enabled: bool | None = None,
) -> Webhook:
    """Change what is given; switching it on clears why it was off. Raises FieldError."""
    await get(session, webhook)
    values: dict[str, object] = {}
    if url is not None:
        values["url"] = reach.url(url)
    if events is not None:
        values["events"] = read_events(events)
    if masked is not None:
        values["masked"] = int(masked)
    if enabled is not None:
        values |= {"enabled": int(enabled), "reason": ""}
    if values:
        words = ", ".join(f"{name}=%s" for name in values)
        await session.run(f"UPDATE ccdata.webhooks SET {words} WHERE id=%s", (*values.values(), webhook))
    return await get(session, webhook)


async def rotate(session: Session, webhook: int, now: datetime) -> str:
    """Give a new secret; for OVERLAP deliveries carry both signatures. Raises FieldError."""
    await get(session, webhook)
    secret = make_secret(secrets.token_bytes(KEY_BYTES))
    await session.run(
        "UPDATE ccdata.webhooks SET old_secret=secret, old_secret_until=%s, secret=%s WHERE id=%s",
        (utc(now + OVERLAP), secret, webhook),
    )
    return secret


async def unsubscribe(session: Session, webhook: int) -> None:
    """Remove a subscription, and what waits for it; its dead letters stay. Raises FieldError."""
    await get(session, webhook)
    await session.run("DELETE FROM ccdata.webhooks WHERE id=%s", (webhook,))
    await session.run(
        "DELETE FROM ccdata.webhook_deliveries WHERE webhook=%s AND next_try IS NOT NULL", (webhook,)
    )


async def probe(session: Session, webhook: int, now: datetime) -> str:
    """Send one endpoint an event that says nothing; return its id. Raises FieldError."""
    hook = await get(session, webhook)
    event = str(uuid.uuid4())
    await session.run(
        "INSERT INTO ccdata.webhook_deliveries (webhook, event, next_try, created_at)"
        " VALUES (%s, %s, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))",
        (webhook, event),
    )
    await write_event(session, event, TEST, hook.campaign, now, {})
    return event


async def dead_letters(
    session: Session, webhook: int | None = None, before: int = 0, limit: int = 100
) -> list[dict[str, Any]]:
    """Return dead letters without their bodies, the newest first, those with ids below `before`."""
    where, values = ["1=1"], []
    if webhook is not None:
        where.append("webhook=%s")
        values.append(webhook)
    if before:
        where.append("id < %s")
        values.append(before)
    return await session.rows(
        "SELECT id, webhook, event, kind, campaign, attempts, last_status, last_error, happened_at, died_at"
        f" FROM ccdata.webhook_dead_letters WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT %s",
        (*values, limit),
    )


async def replay(
    database: Database, webhook: int, since: datetime | None = None, events: Sequence[str] = ()
) -> int:
    """Let an endpoint have its dead letters anew; with `since` also what it was given since then, or of all
    that only `events`. Each keeps its id. Returns how many. Raises FieldError."""
    await database.transaction(lambda session: get(session, webhook))
    total, after = 0, 0
    while True:

        async def dead(session: Session, after: int = after) -> list[dict[str, Any]]:
            return await _revive(session, webhook, after, events)

        rows = await database.transaction(dead)
        total += len(rows)
        if not rows:
            break
        after = int(rows[-1]["id"])
    if since is not None or events:
        start = utc(since) if since is not None else datetime(1970, 1, 1)  # noqa: DTZ001  a UTC column
        only = f" AND event IN ({','.join(['%s'] * len(events))})" if events else ""
        total += await database.transaction(
            lambda session: session.run(
                "UPDATE ccdata.webhook_deliveries SET next_try=UTC_TIMESTAMP(3), delivered_at=NULL,"
                " attempts=0, created_at=UTC_TIMESTAMP(3)"
                f" WHERE webhook=%s AND delivered_at >= %s{only}",
                (webhook, start, *events),
            )
        )
    return total


async def _revive(session: Session, webhook: int, after: int, events: Sequence[str]) -> list[dict[str, Any]]:
    only = f" AND event IN ({','.join(['%s'] * len(events))})" if events else ""
    rows = await session.rows(
        "SELECT id, event FROM ccdata.webhook_dead_letters WHERE webhook=%s AND id > %s"
        f"{only} ORDER BY id LIMIT %s FOR UPDATE",
        (webhook, after, *events, BATCH),
    )
    if rows:
        ids = [row["id"] for row in rows]
        marks = ",".join(["%s"] * len(ids))
        await session.run(
            "INSERT IGNORE INTO ccdata.webhook_events (id, kind, campaign, body, created_at)"
            " SELECT event, kind, campaign, body, happened_at FROM ccdata.webhook_dead_letters"
            f" WHERE id IN ({marks})",
            ids,
        )
        await session.run(
            "INSERT IGNORE INTO ccdata.webhook_deliveries (webhook, event, next_try, created_at)"
            " SELECT webhook, event, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) FROM ccdata.webhook_dead_letters"
            f" WHERE id IN ({marks})",
            ids,
        )
        await session.run(f"DELETE FROM ccdata.webhook_dead_letters WHERE id IN ({marks})", ids)
    return rows

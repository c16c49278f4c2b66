"""Events on their way out: written in the transaction of what they tell of, taken, noted, buried.

A delivery is a row of its own per endpoint. Whoever writes an event writes its deliveries with it, so that
an event without subscribers leaves nothing.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from engine.adapters.mysql.database import Database, Session, utc
from engine.domain.webhooks import Kind, Reply, budget_level, mask
from engine.ports.webhooks import Delivery

#: Seconds for which a look at the subscriptions serves: most transactions ask nothing.
_FRESH = 1.0
#: Rows of one transaction.
BATCH = 500

_WANT = "enabled = 1 AND (campaign = '*' OR campaign = %s) AND (events = '*' OR FIND_IN_SET(%s, events) > 0)"
#: What is due for one endpoint, the oldest first.
DUE = (
    "SELECT id, event, attempts FROM ccdata.webhook_deliveries"
    " WHERE webhook = %s AND next_try <= UTC_TIMESTAMP(3) ORDER BY next_try LIMIT %s FOR UPDATE SKIP LOCKED"
)
#: Lists that are switched on and have nobody left to call, with the last contact that left them.
_DRY = (
    "SELECT b.campaign, b.name, (SELECT f.id FROM ccrepo.finished_contacts f"
    "  WHERE f.campaign = b.campaign AND f.dialerbase = b.name ORDER BY f.id DESC LIMIT 1) AS last"
    " FROM ccdata.dialer_base b WHERE b.active <> 0 AND NOT EXISTS (SELECT 1 FROM ccdata.calls_spool s"
    "  WHERE s.campaign = b.campaign AND s.dialerbase = b.name AND s.status IN (0, 1))"
)


@dataclass(slots=True)
class Subscriptions:
    """Which campaigns' events anybody wants, as of a moment ago: without subscribers nothing is paid."""

    _rows: tuple[tuple[str, str], ...] = ()
    _until: float = field(default=0.0)

    async def wanted(self, session: Session, kind: Kind) -> frozenset[str]:
        """Return the campaigns, in small letters, of which somebody wants `kind`; '*' stands for all."""
        if time.monotonic() >= self._until:
            rows = await session.rows("SELECT campaign, events FROM ccdata.webhooks WHERE enabled = 1")
            self._rows = tuple((str(row["campaign"]).lower(), str(row["events"])) for row in rows)
            self._until = time.monotonic() + _FRESH
        return frozenset(
            campaign for campaign, events in self._rows if events == "*" or kind in events.split(",")
        )


async def tell(session: Session, kind: str, campaign: str, at: datetime, data: Mapping[str, Any]) -> str:
    """Write an event for whoever wants it, in the caller's transaction; return its id, '' when nobody does.

    `at`: when it happened. The phone number belongs under `number` in `data`, where it can be masked.
    """
    event = str(uuid.uuid4())
    wanted = await session.run(
        "INSERT INTO ccdata.webhook_deliveries (webhook, event, next_try, created_at)"
        f" SELECT id, %s, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) FROM ccdata.webhooks WHERE {_WANT}",
        (event, campaign, kind),
    )
    if not wanted:
        return ""
    await write_event(session, event, kind, campaign, at, data)
    return event


async def write_event(
    session: Session, event: str, kind: str, campaign: str, at: datetime, data: Mapping[str, Any]
) -> None:
    """Write the event itself; its deliveries are the caller's."""
    stamp = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = orjson.dumps({"type": kind, "timestamp": stamp, "data": {"campaign": campaign, **data}})
    await session.run(
        "INSERT INTO ccdata.webhook_events (id, kind, campaign, body, created_at)"
        " VALUES (%s, %s, %s, %s, UTC_TIMESTAMP(3))",
        (event, kind, campaign, body.decode()),
    )


async def calls_ended(
    session: Session, subscriptions: Subscriptions, attempts: Sequence[str], corrected: Sequence[str]
) -> None:
    """Tell of attempts that have just ended; of `corrected` ones the end is now known, which it was not."""
    wanted = await subscriptions.wanted(session, Kind.CALL_ENDED) if attempts else frozenset()
    if not wanted:
        return
    marks = ",".join(["%s"] * len(attempts))
    rows = await session.rows(
        "SELECT id, campaign, dialerbase, contact, destination, attempt, agent, outcome, cause, sip,"
        " next_step, sent_at, ringing_at, answered_at, connected_at, ended_at FROM ccdata.attempts"
        f" WHERE id IN ({marks}) ORDER BY ended_at, id",
        list(attempts),
    )
    for row in rows:
        if "*" not in wanted and str(row["campaign"]).lower() not in wanted:
            continue
        times = {name: _iso(value) for name, value in row.items() if name.endswith("_at")}
        data = {
            "call": row["id"],
            "list": row["dialerbase"],
            "contact": row["contact"],
            "number": row["destination"],
            "attempt": row["attempt"],
            "agent": row["agent"],
            "outcome": row["outcome"],
            "cause": row["cause"],
            "sip": row["sip"],
            "next_step": row["next_step"],
            **times,
            "corrected": row["id"] in corrected,
        }
        at = (row["ended_at"] or datetime.now(UTC)).replace(tzinfo=UTC)
        await tell(session, Kind.CALL_ENDED, str(row["campaign"]), at, data)


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds") + "Z"


async def budget_warning(
    session: Session,
    subscriptions: Subscriptions,
    campaign: str,
    detail: Mapping[str, float],
    now: datetime,
    day: int,
) -> None:
    """Tell, once a `day` (yyyymmdd) and level, when the day's abandoned calls come near their limit, or
    pass it."""
    level = budget_level(detail)
    if not level:
        return
    wanted = await subscriptions.wanted(session, Kind.BUDGET_WARNING)
    if not wanted & {"*", campaign.lower()}:
        return
    if not await _mark(session, "budget", campaign, level, day):
        return
    answered, abandoned = detail["answered"], detail["abandoned"]
    numbers = {
        "level": level,
        "answered": round(answered, 2),
        "abandoned": round(abandoned, 2),
        "rate": round(abandoned / answered, 5),
        "limit": detail["limit"],
    }
    await tell(session, Kind.BUDGET_WARNING, campaign, now, numbers)


async def _mark(session: Session, kind: str, campaign: str, name: str, mark: int) -> bool:
    """Note that something was told of; False when it had been."""
    rows = await session.rows(
        "SELECT mark FROM ccdata.webhook_marks WHERE kind=%s AND campaign=%s AND name=%s FOR UPDATE",
        (kind, campaign, name),
    )
    if rows and int(rows[0]["mark"]) == mark:
        return False
    await session.run(
        "INSERT INTO ccdata.webhook_marks (kind, campaign, name, mark) VALUES (%s, %s, %s, %s)"
        " ON DUPLICATE KEY UPDATE mark=VALUES(mark)",
        (kind, campaign, name, mark),
    )
    return True


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long what is delivered can be replayed, and after how long an event is given up."""

    delivered: timedelta = timedelta(days=7)
    give_up: timedelta = timedelta(days=3)


class MysqlOutbox:
    """The Outbox port over MySQL. Times are the server's, so that no clock but its own counts."""

    def __init__(self, database: Database, keeping: Keeping | None = None) -> None:
        self._database = database
        self._keeping = keeping or Keeping()
        self._subscriptions = Subscriptions()

    async def take(
        self, room: Mapping[int, int], default: int, limit: int, lease: timedelta
    ) -> tuple[Delivery, ...]:
        async def work(session: Session) -> tuple[Delivery, ...]:
            taken: list[Delivery] = []
            for hook in await session.rows("SELECT * FROM ccdata.webhooks WHERE enabled = 1 ORDER BY id"):
                count = min(room.get(int(hook["id"]), default), limit - len(taken))
                if count > 0:
                    taken += await _take(session, hook, count, lease)
            return tuple(taken)

        return await self._database.transaction(work)

    async def delivered(self, delivery: Delivery, reply: Reply) -> None:
        await self._note(
            "next_try=NULL, delivered_at=UTC_TIMESTAMP(3), last_status=%s, last_error=''",
            (reply.status,),
            delivery,
        )

    async def again(self, delivery: Delivery, reply: Reply, after: timedelta) -> None:
        await self._note(
            "next_try=UTC_TIMESTAMP(3) + INTERVAL %s MICROSECOND, last_status=%s, last_error=%s",
            (int(after.total_seconds() * 1e6), reply.status, reply.error[:255]),
            delivery,
        )

    async def _note(self, change: str, values: tuple[object, ...], delivery: Delivery) -> None:
        sql = f"UPDATE ccdata.webhook_deliveries SET {change} WHERE id=%s"
        await self._database.transaction(lambda session: session.run(sql, (*values, delivery.id)))

    async def bury(self, delivery: Delivery, reply: Reply) -> None:
        async def work(session: Session) -> None:
            await session.run(
                "UPDATE ccdata.webhook_deliveries SET last_status=%s, last_error=%s WHERE id=%s",
                (reply.status, reply.error[:255], delivery.id),
            )
            await _bury(session, [delivery.id])

        await self._database.transaction(work)

    async def switch_off(self, webhook: int, reason: str) -> None:
        sql = "UPDATE ccdata.webhooks SET enabled=0, reason=%s WHERE id=%s"
        await self._database.transaction(lambda session: session.run(sql, (reason, webhook)))

    async def look(self) -> None:
        wanted = await self._database.transaction(
            lambda session: self._subscriptions.wanted(session, Kind.LIST_FINISHED)
        )
        if wanted:
            for row in await self._database.transaction(lambda session: session.rows(_DRY)):
                if "*" in wanted or str(row["campaign"]).lower() in wanted:
                    await self._finished(str(row["campaign"]), str(row["name"]), int(row["last"] or 0))

    async def _finished(self, campaign: str, name: str, last: int) -> None:
        """Tell of a list that nobody is left in, unless that was told of, or was so before anybody wanted
        to know."""

        async def work(session: Session) -> None:
            if not last or not await _mark(session, "list", campaign, name, last):
                return
            [row] = await session.rows(
                "SELECT f.finished_at, (SELECT COUNT(*) FROM ccrepo.finished_contacts c"
                "  WHERE c.campaign=%s AND c.dialerbase=%s AND c.again_at IS NULL) AS finished,"
                " (SELECT COUNT(*) FROM ccdata.calls_spool s WHERE s.campaign=%s AND s.dialerbase=%s) held,"
                f" (SELECT MIN(created_at) FROM ccdata.webhooks WHERE {_WANT}) <= f.finished_at"
                " AS heard FROM ccrepo.finished_contacts f WHERE f.id=%s",
                (campaign, name, campaign, name, campaign, Kind.LIST_FINISHED, last),
            )
            if not row["heard"]:
                return
            at = row["finished_at"].replace(tzinfo=UTC)
            data = {"list": name, "finished": int(row["finished"]), "held_back": int(row["held"])}
            await tell(session, Kind.LIST_FINISHED, campaign, at, data)

        await self._database.transaction(work)

    async def tidy(self) -> int:
        """What an endpoint that was switched off has not taken waits for it as long as it may."""
        now = datetime.now(UTC)
        old = utc(now - self._keeping.give_up)
        while await self._database.transaction(lambda session: _bury_old(session, old)) == BATCH:
            pass
        forgotten = utc(now - self._keeping.delivered)
        while await self._database.transaction(lambda session: _forget(session, forgotten)) == BATCH:
            pass
        [row] = await self._database.transaction(
            lambda session: session.rows(
                "SELECT COUNT(*) AS n FROM ccdata.webhook_deliveries WHERE delivered_at IS NULL"
            )
        )
        return int(row["n"])


async def _take(session: Session, hook: Mapping[str, Any], count: int, lease: timedelta) -> list[Delivery]:
    rows = await session.rows(DUE, (hook["id"], count))
    if not rows:
        return []
    marks = ",".join(["%s"] * len(rows))
    await session.run(
        "UPDATE ccdata.webhook_deliveries SET attempts=attempts+1,"
        f" next_try=UTC_TIMESTAMP(3) + INTERVAL %s MICROSECOND WHERE id IN ({marks})",
        (int(lease.total_seconds() * 1e6), *(row["id"] for row in rows)),
    )
    events = await session.rows(
        f"SELECT id, body FROM ccdata.webhook_events WHERE id IN ({marks})", [row["event"] for row in rows]
    )
    bodies = {str(event["id"]): str(event["body"]) for event in events}
    secrets = [str(hook["secret"])]
    until = hook["old_secret_until"]
    if hook["old_secret"] and until is not None and until.replace(tzinfo=UTC) > datetime.now(UTC):
        secrets.append(str(hook["old_secret"]))
    return [
        Delivery(
            id=int(row["id"]),
            webhook=int(hook["id"]),
            url=str(hook["url"]),
            secrets=tuple(secrets),
            event=str(row["event"]),
            body=_body(bodies[str(row["event"])], bool(hook["masked"])),
            attempts=int(row["attempts"]) + 1,
        )
        for row in rows
        if str(row["event"]) in bodies
    ]


def _body(text: str, masked: bool) -> bytes:
    if not masked:
        return text.encode()
    whole = orjson.loads(text)
    return orjson.dumps({**whole, "data": mask(whole["data"])})


async def _bury(session: Session, ids: Sequence[int]) -> None:
    """Into the dead letters, with the event itself: it outlives the outbox."""
    marks = ",".join(["%s"] * len(ids))
    await session.run(
        "INSERT IGNORE INTO ccdata.webhook_dead_letters (webhook, event, kind, campaign, body, attempts,"
        " last_status, last_error, happened_at, died_at)"
        " SELECT d.webhook, d.event, e.kind, e.campaign, e.body, d.attempts, d.last_status, d.last_error,"
        " e.created_at, UTC_TIMESTAMP(3) FROM ccdata.webhook_deliveries d"
        f" JOIN ccdata.webhook_events e ON e.id = d.event WHERE d.id IN ({marks})",
        list(ids),
    )
    await session.run(f"DELETE FROM ccdata.webhook_deliveries WHERE id IN ({marks})", list(ids))


async def _bury_old(session: Session, before: datetime | None) -> int:
    rows = await session.rows(
        "SELECT id FROM ccdata.webhook_deliveries WHERE delivered_at IS NULL AND created_at < %s"
        " LIMIT %s FOR UPDATE SKIP LOCKED",
        (before, BATCH),
    )
    if rows:
        await _bury(session, [int(row["id"]) for row in rows])
    return len(rows)


async def _forget(session: Session, before: datetime | None) -> int:
    """Delete what was delivered before; and events with it that nobody waits for any more."""
    rows = await session.rows(
        "SELECT id, event FROM ccdata.webhook_deliveries WHERE delivered_at < %s LIMIT %s FOR UPDATE",
        (before, BATCH),
    )
    if rows:
        marks = ",".join(["%s"] * len(rows))
        await session.run(
            f"DELETE FROM ccdata.webhook_deliveries WHERE id IN ({marks})", [row["id"] for row in rows]
        )
    await session.run(
        "DELETE FROM ccdata.webhook_events WHERE created_at < %s AND NOT EXISTS"
        " (SELECT 1 FROM ccdata.webhook_deliveries d WHERE d.event = ccdata.webhook_events.id) LIMIT %s",
        (before, BATCH),
    )
    return len(rows)

"""Caller IDs in the tables: what people steer, how the numbers fare, and what attempts say of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from engine.adapters.mysql.database import Session, aware, utc
from engine.domain.callerid_health import Result, result_of
from engine.domain.outcomes import Outcome
from engine.ports.callerids import (
    CallerIdFigures,
    CallerIdRecord,
    CallerIdRest,
)

#: What the figures may not tell yet of the last term: they are written every second or so, and a contact is
#: claimed some time before it is called where an agent decides.
_GAP = timedelta(minutes=15)
_OUTCOMES = frozenset(outcome.value for outcome in Outcome)
#: The newest calls of one number.
CALLS = (
    "SELECT caller_id, campaign, outcome, sip, sent_at FROM ccdata.attempts FORCE INDEX (attempts_caller_id)"
    " WHERE caller_id = %s AND sent_at >= %s AND state = 'ended' AND ended_at < %s"
    " AND next_step <> 'released' ORDER BY sent_at DESC LIMIT %s"
)
#: The numbers that a campaign has shown lately.
SHOWN = (
    "SELECT caller_id, MAX(sent_at) AS used FROM ccdata.attempts FORCE INDEX (attempts_campaign)"
    " WHERE campaign = %s AND claimed_at >= %s AND caller_id <> '' GROUP BY caller_id"
)


async def records(session: Session, now: datetime) -> tuple[CallerIdRecord, ...]:
    """Return what is known of each number, newer uses than the table tells included."""
    known = {
        str(row["number"]): CallerIdRecord(
            str(row["number"]), aware(row["last_used_at"]), aware(row["counted_from"]), int(row["rests"])
        )
        for row in await session.rows(
            "SELECT number, last_used_at, counted_from, rests FROM ccdata.caller_id_state"
        )
    }
    newest = max((one.used_at for one in known.values() if one.used_at), default=None)
    since = utc(newest - _GAP if newest else now - timedelta(days=1))
    for dialer in await session.rows("SELECT campaign FROM ccdata.dialers"):
        for row in await session.rows(SHOWN, (dialer["campaign"], since)):
            number, used = str(row["caller_id"]), aware(row["used"])
            before = known.get(number, CallerIdRecord(number, None))
            if used is not None and (before.used_at is None or before.used_at < used):
                known[number] = CallerIdRecord(number, used, before.counted_from, before.rests)
    return tuple(known.values())


class Steered:
    """What people steer. The rows are read again only when a look at them says that they have changed."""

    def __init__(self) -> None:
        self._mark = ""
        self._rows: tuple[dict[str, Any], ...] = ()

    async def rows(self, session: Session) -> tuple[dict[str, Any], ...]:
        """Return the enabled rows, the same object as long as nothing has changed."""
        [row] = await session.rows(
            "SELECT COUNT(*) AS many, COALESCE(SUM(CRC32(CONCAT(campaign, ' ', entry))), 0) AS text"
            " FROM ccdata.caller_ids WHERE enabled <> 0"
        )
        mark = f"{row['many']} {row['text']}"
        if mark != self._mark:
            self._rows = tuple(
                await session.rows("SELECT campaign, entry FROM ccdata.caller_ids WHERE enabled <> 0")
            )
            self._mark = mark
        return self._rows


async def resting(session: Session) -> dict[str, datetime]:
    """Return what rests, and until when; what has just ended with it."""
    rows = await session.rows(
        "SELECT number, resting_until FROM ccdata.caller_id_state"
        " WHERE resting_until > UTC_TIMESTAMP(3) - INTERVAL 1 HOUR"
    )
    return {str(row["number"]): aware(row["resting_until"]) for row in rows}


async def calls(
    session: Session, numbers: Sequence[str], since: datetime, before: datetime, limit: int
) -> dict[str, list[Result]]:
    """Return each number's telling calls, oldest first."""
    found: dict[str, list[Result]] = {number: [] for number in numbers}
    if not numbers:
        return found
    query = " UNION ALL ".join([f"({CALLS})"] * len(numbers))
    args: list[Any] = []
    for number in numbers:
        args += [number, utc(since), utc(before), limit]
    for row in await session.rows(query, args):
        if row["outcome"] not in _OUTCOMES:
            continue  # of another version, or changed by hand
        result = result_of(aware(row["sent_at"]), str(row["campaign"]), Outcome(row["outcome"]), row["sip"])
        if result is not None:
            found[str(row["caller_id"])].append(result)
    for results in found.values():
        results.sort(key=lambda result: result.sent)
    return found


async def keep(
    session: Session,
    figures: Sequence[CallerIdFigures],
    rests: Sequence[CallerIdRest],
    proven: Sequence[str],
) -> None:
    """Write figures and decisions. What people set is left alone but by a decision."""
    await session.run_many(
        "INSERT INTO ccdata.caller_id_state (number, last_used_at, attempts, answers, rejections, flagged,"
        " counted_from) VALUES (%s, %s, %s, %s, %s, %s, %s)"
        " ON DUPLICATE KEY UPDATE last_used_at=VALUES(last_used_at), attempts=VALUES(attempts),"
        " answers=VALUES(answers), rejections=VALUES(rejections), flagged=VALUES(flagged),"
        " counted_from=VALUES(counted_from)",
        [(one.number, utc(one.used_at), *one.counts, utc(one.counted_from)) for one in figures],
    )
    await session.run_many(
        "UPDATE ccdata.caller_id_state SET rests=0 WHERE number=%s", [(number,) for number in proven]
    )
    await session.run_many(
        "INSERT INTO ccdata.caller_id_state (number, resting_until, reason, rests) VALUES (%s, %s, %s, %s)"
        " ON DUPLICATE KEY UPDATE resting_until=VALUES(resting_until), reason=VALUES(reason),"
        " rests=VALUES(rests)",
        [(one.number, utc(one.until), one.reason[:255], one.rests) for one in rests],
    )


async def forget(session: Session, before: datetime) -> None:
    """Delete what nobody has used for long, in one bounded statement."""
    await session.run(
        "DELETE FROM ccdata.caller_id_state WHERE last_used_at < %s"
        " AND (resting_until IS NULL OR resting_until < %s) LIMIT 5000",
        (utc(before), utc(before)),
    )

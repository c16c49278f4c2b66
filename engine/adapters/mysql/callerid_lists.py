"""The caller IDs of a campaign as supervisors' commands see them: load, list, rest, release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.adapters.mysql.database import Database, Session, utc
from engine.domain.callerid_file import FileLine
from engine.domain.errors import FieldError

#: The campaign whose rows serve every campaign.
EVERYBODY = "*"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load changed."""

    added: int
    there: int
    removed: int


@dataclass(frozen=True, slots=True)
class Row:
    """A row of caller_ids."""

    campaign: str
    entry: str
    enabled: bool
    note: str


@dataclass(frozen=True, slots=True)
class Health:
    """How one number fares."""

    number: str
    resting_until: datetime | None
    attempts: int
    answers: int
    rejections: int
    last_used_at: datetime | None
    reason: str


async def load(database: Database, campaign: str, lines: Sequence[FileLine], *, replace: bool) -> Loaded:
    """Add caller IDs to a campaign; with `replace` those that are not among `lines` go. All or nothing.

    Raises FieldError where there is no such campaign, StoreError.
    """

    async def work(session: Session) -> Loaded:
        name = await _known(session, campaign)
        rows = await session.rows("SELECT entry FROM ccdata.caller_ids WHERE campaign=%s FOR UPDATE", (name,))
        there = {str(row["entry"]) for row in rows}
        wanted = {line.entry.text(): line.note for line in lines}
        await session.run_many(
            "INSERT INTO ccdata.caller_ids (campaign, entry, note) VALUES (%s, %s, %s)"
            " ON DUPLICATE KEY UPDATE note=VALUES(note), enabled=1",
            [(name, entry, note) for entry, note in wanted.items()],
        )
        gone = sorted(there - wanted.keys()) if replace else []
        await session.run_many(
            "DELETE FROM ccdata.caller_ids WHERE campaign=%s AND entry=%s", [(name, entry) for entry in gone]
        )
        return Loaded(len(wanted.keys() - there), len(wanted.keys() & there), len(gone))

    return await database.transaction(work)


async def _known(session: Session, campaign: str) -> str:
    if campaign == EVERYBODY:
        return campaign
    rows = await session.rows("SELECT campaign FROM ccdata.dialers WHERE campaign=%s", (campaign,))
    if not rows:
        raise FieldError(
            "campaign", f"there is no dialer {campaign!r}", "Correct it, or use '*' for every campaign."
        )
    return str(rows[0]["campaign"])


async def rows_of(database: Database, campaign: str) -> tuple[Row, ...]:
    """Return the rows that serve a campaign, those for every campaign included."""
    found = await database.transaction(
        lambda session: session.rows(
            "SELECT campaign, entry, enabled, note FROM ccdata.caller_ids WHERE campaign IN (%s, '*')"
            " ORDER BY campaign, entry",
            (campaign,),
        )
    )
    return tuple(
        Row(str(row["campaign"]), str(row["entry"]), bool(row["enabled"]), str(row["note"])) for row in found
    )


async def health(database: Database) -> dict[str, Health]:
    """Return how each number fares that was shown."""
    found = await database.transaction(
        lambda session: session.rows(
            "SELECT number, resting_until, attempts, answers, rejections, last_used_at, reason"
            " FROM ccdata.caller_id_state ORDER BY number"
        )
    )
    return {str(row["number"]): Health(**{**row, "number": str(row["number"])}) for row in found}


async def rest(database: Database, number: str, until: datetime, reason: str) -> None:
    """Let a number rest until `until`."""
    await database.transaction(
        lambda session: session.run(
            "INSERT INTO ccdata.caller_id_state (number, resting_until, reason) VALUES (%s, %s, %s)"
            " ON DUPLICATE KEY UPDATE resting_until=VALUES(resting_until), reason=VALUES(reason)",
            (number, utc(until), reason[:255]),
        )
    )


async def release(database: Database, number: str) -> bool:
    """End a number's rest, and forget that it rested; False when it does not rest."""
    now = utc(datetime.now(UTC))
    changed = await database.transaction(
        lambda session: session.run(
            "UPDATE ccdata.caller_id_state SET resting_until=NULL, rests=0, counted_from=%s, attempts=0,"
            " answers=0, rejections=0, flagged=0 WHERE number=%s AND resting_until > %s",
            (now, number, now),
        )
    )
    return changed > 0

"""The documented audit table: who changed what, from where."""

from __future__ import annotations

from datetime import datetime

from engine.adapters.mysql.database import Session

#: Characters that AUDITORY.action holds.
_LONGEST = 2000


async def note(session: Session, at: datetime, user: str, host: str, action: str) -> None:
    """Write one row; `at` is the local (naive) time."""
    await session.run(
        "INSERT INTO ccrepo.auditory (datetime, userid, host, action) VALUES (%s, %s, %s, %s)",
        (at.replace(microsecond=0), user[:80], host[:64], action[:_LONGEST]),
    )

"""The lease in the database: one engine dials. Its end is told by the database's own clock."""

from __future__ import annotations

from datetime import timedelta

from engine.adapters.mysql.database import Session
from engine.ports import FencedError, LeaseState

#: The one lease there is.
_NAME = "dialling"
_UNTIL = "UTC_TIMESTAMP(3) + INTERVAL %s MICROSECOND"


async def take(session: Session, owner: str, process: str, length: timedelta, dead: str) -> LeaseState:
    """Take the lease when it is over, ours already or a dead process's; return who has it now.

    Every change of hands raises the token by one: what was claimed under an older one can be told.
    """
    await session.run(
        "INSERT IGNORE INTO ccdata.leases (name, lease_until, taken_at)"
        " VALUES (%s, '2000-01-01', UTC_TIMESTAMP(3))",
        (_NAME,),
    )
    taken = await session.run(
        f"UPDATE ccdata.leases SET owner=%s, process=%s, token=token+1, lease_until={_UNTIL},"
        " taken_at=UTC_TIMESTAMP(3)"
        " WHERE name=%s AND (lease_until < UTC_TIMESTAMP(3) OR process=%s OR (process=%s AND %s <> ''))",
        (owner, process, _microseconds(length), _NAME, process, dead, dead),
    )
    [row] = await session.rows("SELECT owner, process, token FROM ccdata.leases WHERE name=%s", (_NAME,))
    return LeaseState(int(row["token"]), taken > 0, str(row["owner"]), str(row["process"]))


async def renew(session: Session, token: int, length: timedelta) -> bool:
    """Prolong the lease from now; False when the token is no longer the last one."""
    await session.run(
        f"UPDATE ccdata.leases SET lease_until={_UNTIL} WHERE name=%s AND token=%s",
        (_microseconds(length), _NAME, token),
    )
    rows = await session.rows("SELECT token FROM ccdata.leases WHERE name=%s", (_NAME,))
    return bool(rows) and int(rows[0]["token"]) == token


async def end(session: Session, token: int) -> None:
    """Let the lease be over."""
    await session.run(
        "UPDATE ccdata.leases SET lease_until=UTC_TIMESTAMP(3) - INTERVAL 1 SECOND"
        " WHERE name=%s AND token=%s",
        (_NAME, token),
    )


async def check(session: Session, token: int) -> None:
    """Raise FencedError when another engine has taken the lease."""
    rows = await session.rows("SELECT owner FROM ccdata.leases WHERE name=%s AND token <> %s", (_NAME, token))
    if rows:
        raise FencedError(f"{rows[0]['owner']} has taken over")


def _microseconds(length: timedelta) -> int:
    return int(length.total_seconds() * 1_000_000)

"""Users, their passwords, scopes and tokens, as rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from engine.adapters.mysql.database import Database, Session, utc
from engine.domain.access import Caller, Role, Scope
from engine.domain.errors import FieldError
from engine.domain.passwords import Account, State

_COLUMNS = (
    "user, fullname, email, role, state, password, password_at, must_change, password_stays, failures,"
    " blocked_at, login_at, login_hours, valid_from, valid_until, enabled_at"
)
_CHANGEABLE = {
    name: name for name in ("fullname", "email", "role", "login_hours", "valid_from", "valid_until")
}


@dataclass(frozen=True, slots=True)
class User:
    """A row of `users` with the campaigns and phones that go with it."""

    name: str
    fullname: str
    role: Role
    password: str = field(repr=False)
    failures: int
    account: Account
    campaigns: tuple[str, ...]
    phones: tuple[str, ...]

    def caller(self, host: str) -> Caller:
        """Return the user as somebody who asks from `host`."""
        return Caller(self.name, self.role, Scope.of(self.campaigns), frozenset(self.phones), host)


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to be made. `password` is the hash."""

    name: str
    role: Role
    password: str = field(repr=False)
    campaigns: tuple[str, ...]
    fullname: str = ""
    must_change: bool = True
    password_stays: bool = False
    login_hours: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None


async def find(session: Session, name: str, *, lock: bool = False) -> User | None:
    """Return the user `name`; `lock` his row until the transaction ends."""
    rows = await session.rows(
        f"SELECT {_COLUMNS} FROM ccdata.users WHERE user=%s" + (" FOR UPDATE" if lock else ""), (name,)
    )
    if not rows:
        return None
    own = str(rows[0]["user"])
    campaigns = await session.rows(
        "SELECT campaign FROM ccdata.user_campaigns WHERE user=%s ORDER BY campaign", (own,)
    )
    phones = await session.rows("SELECT name FROM ccdata.phones WHERE accountcode=%s ORDER BY id", (own,))
    return _user(rows[0], [str(r["campaign"]) for r in campaigns], [str(r["name"]) for r in phones])


def _user(row: dict[str, Any], campaigns: Sequence[str], phones: Sequence[str]) -> User:
    return User(
        name=str(row["user"]),
        fullname=str(row["fullname"]),
        role=Role(row["role"]),
        password=str(row["password"]),
        failures=int(row["failures"]),
        account=Account(
            state=State(row["state"]),
            password_at=_moment(row["password_at"]),
            enabled_at=_moment(row["enabled_at"]),
            must_change=bool(row["must_change"]),
            password_stays=bool(row["password_stays"]),
            blocked_at=_moment(row["blocked_at"]) if row["blocked_at"] else None,
            login_at=_moment(row["login_at"]) if row["login_at"] else None,
            login_hours=str(row["login_hours"]),
            valid_from=row["valid_from"],
            valid_until=row["valid_until"],
        ),
        campaigns=tuple(campaigns),
        phones=tuple(phones),
    )


def _moment(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)


async def any_user(database: Database) -> bool:
    """Is there a user at all?"""
    return bool(await database.transaction(lambda s: s.rows("SELECT 1 FROM ccdata.users LIMIT 1")))


async def add(session: Session, user: NewUser, now: datetime) -> None:
    """Make a user. Raises FieldError when there is one of that name."""
    made = await session.run(
        "INSERT IGNORE INTO ccdata.users (user, fullname, role, password, password_at, must_change,"
        " password_stays, login_hours, valid_from, valid_until, created_at, enabled_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        (
            user.name, user.fullname, user.role.value, user.password, utc(now), user.must_change,
            user.password_stays, user.login_hours, user.valid_from, user.valid_until, utc(now), utc(now),
        ),
    )  # fmt: skip
    if not made:
        raise FieldError("user", "there is one of this name", "Choose another name.")
    if user.password:
        await _remember(session, user.name, user.password, now)
    await set_campaigns(session, user.name, user.campaigns)


async def everybody(session: Session) -> tuple[User, ...]:
    """Return all users by name."""
    rows = await session.rows(f"SELECT {_COLUMNS} FROM ccdata.users ORDER BY user")
    campaigns = await session.rows("SELECT user, campaign FROM ccdata.user_campaigns ORDER BY campaign")
    phones = await session.rows("SELECT accountcode AS user, name FROM ccdata.phones ORDER BY id")
    return tuple(
        _user(row, _of(row["user"], campaigns, "campaign"), _of(row["user"], phones, "name")) for row in rows
    )


def _of(user: str, rows: Sequence[dict[str, Any]], column: str) -> list[str]:
    return [str(row[column]) for row in rows if str(row["user"]).casefold() == user.casefold()]


async def other_administrators(session: Session, name: str) -> bool:
    """Is there an active administrator besides `name`? All their rows are locked meanwhile."""
    rows = await session.rows(
        "SELECT user FROM ccdata.users WHERE role='administrator' AND state='active' ORDER BY user FOR UPDATE"
    )
    return any(str(row["user"]).casefold() != name.casefold() for row in rows)


async def change(session: Session, name: str, columns: Mapping[str, Any]) -> None:
    """Change columns of a user: fullname, email, role, login_hours, valid_from, valid_until."""
    for column, value in columns.items():
        await session.run(f"UPDATE ccdata.users SET {_CHANGEABLE[column]}=%s WHERE user=%s", (value, name))


async def let_in(session: Session, name: str, now: datetime) -> None:
    """Make an account active, whatever had disabled it."""
    await session.run(
        "UPDATE ccdata.users SET state='active', failures=0, blocked_at=NULL, enabled_at=%s WHERE user=%s",
        (utc(now), name),
    )


async def shut_out(session: Session, name: str) -> None:
    """Make an account inactive; its sessions end."""
    await session.run("UPDATE ccdata.users SET state='inactive' WHERE user=%s", (name,))
    await session.run("DELETE FROM ccdata.tokens WHERE user=%s", (name,))


async def set_campaigns(session: Session, name: str, campaigns: Sequence[str]) -> None:
    """Let the user reach exactly these campaigns."""
    await session.run("DELETE FROM ccdata.user_campaigns WHERE user=%s", (name,))
    await session.run_many(
        "INSERT IGNORE INTO ccdata.user_campaigns (user, campaign) VALUES (%s, %s)",
        [(name, campaign) for campaign in campaigns],
    )


async def set_password(session: Session, name: str, hashed: str, now: datetime, *, must_change: bool) -> None:
    """Give the user a new password; a block ends with it, and so do his sessions."""
    await session.run(
        "UPDATE ccdata.users SET password=%s, password_at=%s, must_change=%s, failures=0, blocked_at=NULL,"
        " state=IF(state='blocked', 'active', state) WHERE user=%s",
        (hashed, utc(now), must_change, name),
    )
    await _remember(session, name, hashed, now)
    await session.run("DELETE FROM ccdata.tokens WHERE user=%s", (name,))


async def _remember(session: Session, name: str, hashed: str, now: datetime) -> None:
    await session.run(
        "INSERT INTO ccdata.user_passwords (user, password, set_at) VALUES (%s, %s, %s)",
        (name, hashed, utc(now)),
    )


async def old_passwords(session: Session, name: str, count: int) -> tuple[str, ...]:
    """Return the last `count` passwords (hashes) of a user."""
    rows = await session.rows(
        "SELECT password FROM ccdata.user_passwords WHERE user=%s ORDER BY id DESC LIMIT %s", (name, count)
    )
    return tuple(str(row["password"]) for row in rows)


async def failed(session: Session, name: str, limit: int, now: datetime) -> bool:
    """Count a wrong password; return whether it has blocked the account (`limit` 0: it never does)."""
    await session.run("UPDATE ccdata.users SET failures=failures+1 WHERE user=%s", (name,))
    if not limit:
        return False
    return bool(
        await session.run(
            "UPDATE ccdata.users SET state='blocked', blocked_at=%s"
            " WHERE user=%s AND failures>=%s AND state IN ('active', 'blocked')",
            (utc(now), name, limit),
        )
    )


async def logged_in(session: Session, name: str, now: datetime) -> None:
    """Note a login; a block that is over ends for good."""
    await session.run(
        "UPDATE ccdata.users SET login_at=%s, failures=0, blocked_at=NULL,"
        " state=IF(state='blocked', 'active', state) WHERE user=%s",
        (utc(now), name),
    )


async def add_token(
    session: Session, digest: str, name: str, host: str, now: datetime, until: datetime
) -> None:
    """Keep a session by its token's digest; those that are over go."""
    await session.run("DELETE FROM ccdata.tokens WHERE expires_at<%s LIMIT 1000", (utc(now),))
    await session.run(
        "INSERT INTO ccdata.tokens (digest, user, host, made_at, expires_at) VALUES (%s, %s, %s, %s, %s)",
        (digest, name, host, utc(now), utc(until)),
    )


async def of_token(session: Session, digest: str, now: datetime) -> tuple[User, datetime] | None:
    """Return whose session it is and when it began; None when there is none (any more)."""
    rows = await session.rows(
        "SELECT user, made_at FROM ccdata.tokens WHERE digest=%s AND expires_at>%s", (digest, utc(now))
    )
    user = await find(session, str(rows[0]["user"])) if rows else None
    return None if user is None else (user, _moment(rows[0]["made_at"]))


async def drop_token(session: Session, digest: str) -> bool:
    """End one session; return whether there was one."""
    return bool(await session.run("DELETE FROM ccdata.tokens WHERE digest=%s", (digest,)))


async def drop_tokens(session: Session, name: str) -> int:
    """End all sessions of a user; return how many."""
    return await session.run("DELETE FROM ccdata.tokens WHERE user=%s", (name,))

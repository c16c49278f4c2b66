"""Logging in and changing passwords: the rules of `[passwords]` over the rows of `users`."""

from __future__ import annotations

from typing import NoReturn

import structlog

from engine.adapters.hashing import TooBusyError
from engine.adapters.mysql import audit, users
from engine.adapters.mysql.database import Session
from engine.api.guard import TooMany
from engine.api.office import Office
from engine.domain.errors import FieldError, Refused
from engine.domain.passwords import LONGEST, check_password, obstacle, stale

log = structlog.get_logger(__name__)


async def log_in(office: Office, name: str, password: str, host: str) -> users.User:
    """Return the user when name and password fit and the account may be used now.

    Raises Refused (the reason is for the log: the answer never tells which it was) or TooMany. Takes as
    long for a user that there is not as for a wrong password.
    """
    user = await _verified(office, name, password, host)
    now = office.clock.now()
    why = stale(office.guard.policy, user.account, now)
    if why:
        await _refuse(office, user.name, host, why)
    return user


async def change_password(office: Office, name: str, password: str, new: str, host: str) -> None:
    """Give a user a new password by the old one, which may have expired; his sessions end.

    Raises Refused, TooMany, or FieldError when the new one breaks a rule.
    """
    user = await _verified(office, name, password, host)
    guard, now = office.guard, office.clock.now()
    check_password(guard.policy, new, user.name)
    old = await office.database.transaction(lambda s: users.old_passwords(s, user.name, guard.policy.history))
    try:
        if new == password or await office.guard.passwords.used(old, new):
            raise FieldError("password", "it was used before", "Choose a new one.")
        hashed = await office.guard.passwords.hash(new)
    except TooBusyError as error:
        raise TooMany from error

    async def work(session: Session) -> None:
        await users.set_password(session, user.name, hashed, now, must_change=False)
        await audit.note(session, office.wall(), user.name, host, "password changed")

    await office.database.transaction(work)
    guard.forget(user.name)


async def _verified(office: Office, name: str, password: str, host: str) -> users.User:
    guard = office.guard
    if not guard.may_try_password(host):
        raise TooMany
    name = name.strip()
    user = None
    if len(name) <= 80:
        user = await office.database.transaction(lambda s: users.find(s, name))
    try:
        stored = user.password if user is not None else ""
        right = await office.guard.passwords.verify(stored, password[: LONGEST + 1])
    except TooBusyError as error:
        raise TooMany from error
    now = office.clock.now()
    if user is None:
        await _refuse(office, name, host, "no such user")
    why = obstacle(guard.policy, user.account, now, office.local.at(now))
    if why:
        await _refuse(office, user.name, host, why)
    if not right:
        await _wrong(office, user, host)
    return user


async def _wrong(office: Office, user: users.User, host: str) -> NoReturn:
    now, limit = office.clock.now(), office.guard.policy.failures

    async def work(session: Session) -> bool:
        is_blocked = await users.failed(session, user.name, limit, now)
        if is_blocked:
            await audit.note(session, office.wall(), user.name, host, "account blocked: wrong passwords")
        return is_blocked

    if await office.database.transaction(work):
        office.guard.forget(user.name)
        log.warning("account blocked", action="api.blocked", user=user.name)
    await _refuse(office, user.name, host, "wrong password")


async def _refuse(office: Office, name: str, host: str, why: str) -> NoReturn:
    at, who = office.wall(), name.encode("utf-8", "replace").decode()
    await office.database.transaction(lambda s: audit.note(s, at, who, host, f"login refused: {why}"))
    raise Refused(why)

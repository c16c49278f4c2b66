"""Users as an administrator keeps them: by command or over HTTP, each change with its audit row."""

from __future__ import annotations

import secrets
import string
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from engine.adapters.hashing import TooBusyError
from engine.adapters.mysql import audit, users
from engine.adapters.mysql.database import Session
from engine.api.guard import Guard, TooMany
from engine.domain.access import Caller, Role, Scope, read_campaigns, read_user_name
from engine.domain.errors import FieldError, Refused
from engine.domain.passwords import check_password
from engine.domain.schedule import parse_schedule

T = TypeVar("T")

_LETTERS = string.ascii_letters + string.digits


def random_password() -> str:
    """Return a password (about 140 random bits) that holds all that a policy may ask for."""
    kinds = (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-_+.")
    characters = [secrets.choice(_LETTERS) for _ in range(22)] + [secrets.choice(kind) for kind in kinds]
    secrets.SystemRandom().shuffle(characters)
    return "".join(characters)


class NoUser(FieldError):  # noqa: N818  # it is what the answer says
    """There is no user of that name."""

    def __init__(self) -> None:
        super().__init__("user", "there is none of this name", "Correct it.")


async def add(
    guard: Guard,
    by: Caller,
    name: str,
    role: Role,
    campaigns: Sequence[str],
    *,
    password: str = "",
    password_stays: bool = False,
    must_change: bool = True,
    fullname: str = "",
    login_hours: str = "",
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> str:
    """Make a user; return his password. Without `password` a random one is made.

    Raises FieldError or TooMany. An administrator reaches every campaign; others those that are given.
    """
    name = read_user_name(name)
    _check_hours(login_hours)
    scope = ("*",) if role is Role.ADMINISTRATOR else read_campaigns(campaigns)
    word = _checked(guard, name, password)
    user = users.NewUser(
        name,
        role,
        await _hashed(guard, word),
        scope,
        fullname=fullname,
        must_change=must_change and not password_stays,
        password_stays=password_stays,
        login_hours=login_hours,
        valid_from=valid_from,
        valid_until=valid_until,
    )
    now = guard.clock.now()

    async def work(session: Session) -> None:
        await users.add(session, user, now)
        await _note(guard, session, by, f"user {name} made: {role}, campaigns {', '.join(scope) or 'none'}")

    await guard.database.transaction(work)
    return word


async def first_administrator(guard: Guard) -> str:
    """Make the user `admin` when there is no user at all; return the password, '' when there was one.

    Nothing has a default password. Of several engines that start at once, one makes it.
    """
    if await users.any_user(guard.database):
        return ""
    nobody = Caller("", Role.ADMINISTRATOR, Scope())
    try:
        return await add(guard, nobody, "admin", Role.ADMINISTRATOR, (), must_change=False)
    except FieldError:
        return ""


async def set_password(guard: Guard, by: Caller, name: str, password: str = "") -> str:
    """Give a user a password that he must change at first; return it. His sessions end.

    Raises FieldError or TooMany.
    """
    user = await _known(guard, name)
    word = _checked(guard, user.name, password)
    hashed = await _hashed(guard, word)
    now = guard.clock.now()

    async def work(session: Session) -> None:
        await users.set_password(session, user.name, hashed, now, must_change=not user.account.password_stays)
        await _note(guard, session, by, f"password of {user.name} set")

    await _changed(guard, user.name, work)
    return word


async def change(
    guard: Guard, by: Caller, name: str, columns: Mapping[str, Any], campaigns: Sequence[str] | None = None
) -> None:
    """Change columns of a user, and his campaigns when they are given. Who is an administrator no more keeps
    none but those. Raises FieldError or Refused."""
    user = await _known(guard, name)
    _check_hours(str(columns.get("login_hours") or ""))
    role = Role(columns.get("role", user.role))
    scope: tuple[str, ...] | None = None
    if role is Role.ADMINISTRATOR:
        scope = ("*",)
    elif campaigns is not None or user.role is Role.ADMINISTRATOR:
        scope = read_campaigns(campaigns or ())
    told = [*(f"{column}={value}" for column, value in columns.items())]
    if scope is not None:
        told.append(f"campaigns={', '.join(scope) or 'none'}")

    async def work(session: Session) -> None:
        if role is not Role.ADMINISTRATOR:
            await _keep_one(session, user)
        await users.change(session, user.name, columns)
        if scope is not None:
            await users.set_campaigns(session, user.name, scope)
        await _note(guard, session, by, f"user {user.name} changed: {' '.join(told)}")

    await _changed(guard, user.name, work)


async def lock(guard: Guard, by: Caller, name: str) -> None:
    """Disable an account; its sessions end. Raises FieldError, or Refused for the last administrator."""
    user = await _known(guard, name)

    async def work(session: Session) -> None:
        await _keep_one(session, user)
        await users.shut_out(session, user.name)
        await _note(guard, session, by, f"user {user.name} locked")

    await _changed(guard, user.name, work)


async def unlock(guard: Guard, by: Caller, name: str) -> None:
    """Enable an account again, whatever had disabled it. Raises FieldError."""
    user = await _known(guard, name)
    now = guard.clock.now()

    async def work(session: Session) -> None:
        await users.let_in(session, user.name, now)
        await _note(guard, session, by, f"user {user.name} unlocked")

    await _changed(guard, user.name, work)


async def revoke(guard: Guard, by: Caller, name: str) -> int:
    """End all sessions of a user; return how many. Raises FieldError."""
    user = await _known(guard, name)

    async def work(session: Session) -> int:
        count = await users.drop_tokens(session, user.name)
        await _note(guard, session, by, f"sessions of {user.name} ended")
        return count

    return await _changed(guard, user.name, work)


async def everybody(guard: Guard) -> tuple[users.User, ...]:
    """Return all users by name."""
    return await guard.database.transaction(users.everybody)


async def _known(guard: Guard, name: str) -> users.User:
    user = await guard.database.transaction(lambda s: users.find(s, read_user_name(name)))
    if user is None:
        raise NoUser
    return user


async def _changed(guard: Guard, name: str, work: Callable[[Session], Awaitable[T]]) -> T:
    result = await guard.database.transaction(work)
    guard.forget(name)
    return result


async def _keep_one(session: Session, user: users.User) -> None:
    if user.role is Role.ADMINISTRATOR and not await users.other_administrators(session, user.name):
        raise Refused("the last administrator stays one")


async def _note(guard: Guard, session: Session, by: Caller, action: str) -> None:
    await audit.note(session, guard.wall(guard.clock.now()), by.user, by.host, action)


def _checked(guard: Guard, name: str, password: str) -> str:
    if not password:
        return random_password()
    check_password(guard.policy, password, name)
    return password


async def _hashed(guard: Guard, password: str) -> str:
    try:
        return await guard.passwords.hash(password)
    except TooBusyError as error:
        raise TooMany from error


def _check_hours(hours: str) -> None:
    if hours:
        parse_schedule(hours, "login_hours")

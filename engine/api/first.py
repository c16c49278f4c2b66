"""The first start: an administrator with a random password, because nothing has a default one."""

from __future__ import annotations

import secrets
import string

from engine.adapters.mysql import audit, users
from engine.adapters.mysql.database import Session
from engine.api.office import Office
from engine.domain.access import Role
from engine.domain.errors import FieldError

_LETTERS = string.ascii_letters + string.digits


def random_password(length: int = 24) -> str:
    """Return a password that every policy of letters and digits takes (about 140 bits)."""
    while True:
        word = "".join(secrets.choice(_LETTERS) for _ in range(length)) + "-" + secrets.choice(_LETTERS)
        if (
            any(c.islower() for c in word)
            and any(c.isupper() for c in word)
            and any(c.isdigit() for c in word)
        ):
            return word


async def first_administrator(office: Office) -> str:
    """Make the user `admin` when there is no user at all; return the password, '' when there was one.

    Of several engines that start at once, one makes it.
    """
    if await users.any_user(office.database):
        return ""
    word = random_password()
    hashed = await office.guard.passwords.hash(word)
    admin = users.NewUser("admin", Role.ADMINISTRATOR, hashed, ("*",), must_change=False)
    now = office.clock.now()

    async def work(session: Session) -> None:
        await users.add(session, admin, now)
        await audit.note(session, office.wall(), "admin", "", "first administrator made")

    try:
        await office.database.transaction(work)
    except FieldError:
        return ""
    return word

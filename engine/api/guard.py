"""Who is asking: tokens to callers, rights, campaign scopes, rate limits, and the audit of every change."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import secrets
import uuid
from collections import OrderedDict
from dataclasses import replace
from datetime import datetime, timedelta

from engine.adapters.hashing import Passwords
from engine.adapters.mysql import Database, audit, users
from engine.adapters.mysql.database import Session
from engine.api.limits import Buckets
from engine.config import HttpSection
from engine.domain.access import Caller, Right, Role, Scope
from engine.domain.localtime import LocalTime
from engine.domain.passwords import Policy, State, obstacle
from engine.ports import Clock, StoreError

#: A caller is looked up again after so many seconds: a revoked token or a changed role holds by then.
KEPT = 1.0
_CACHED = 10_000
#: Longer ones were not made here.
_LONGEST_TOKEN = 1000


class UnknownCaller(Exception):  # noqa: N818  # it is what the answer says
    """There is no (live) token."""


class Forbidden(Exception):  # noqa: N818  # it is what the answer says
    """The caller is known and may not do this."""


class TooMany(Exception):  # noqa: N818  # it is what the answer says
    """The caller or the address asks too often."""


def digest(token: str) -> str:
    """Return what is stored of a token. Looking a digest up tells nothing about others by its time."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Guard:
    """Every request passes here before anything of it is read.

    Invariant: no handler of a route with a right other than OPEN runs without a live token whose user has
    that right.
    """

    def __init__(
        self, database: Database, clock: Clock, local: LocalTime, settings: HttpSection, policy: Policy
    ) -> None:
        self.policy = policy
        self.passwords = Passwords()
        self.database = database
        self.clock = clock
        self.local = local
        self._settings = settings
        self._tokens = Buckets(settings.token_rate, clock.monotonic)
        self._addresses = Buckets(settings.address_rate, clock.monotonic)
        self._logins = Buckets(settings.login_rate, clock.monotonic)
        self._asking: dict[str, asyncio.Lock] = {}
        self._known: OrderedDict[str, tuple[float, Caller]] = OrderedDict()
        #: Grows whenever rights, campaigns or tokens change here.
        self.changes = 0

    async def admit(self, token: str, right: Right, host: str) -> Caller:
        """Return who asks. Raises UnknownCaller, Forbidden, TooMany or StoreError."""
        if not self._addresses.take(host):
            raise TooMany
        if right is Right.OPEN:
            return Caller("", Role.AGENT, Scope(), host=host)
        if not token or len(token) > _LONGEST_TOKEN:
            raise UnknownCaller
        key = digest(token)
        caller = await self._lookup(key)
        if not self._tokens.take(key):
            raise TooMany
        if not caller.may(right):
            raise Forbidden
        return replace(caller, host=host)

    async def holds(self, token: str) -> Caller | None:
        """Return who has a token now, without counting it as a request; None when it is not live (any more).
        Raises StoreError."""
        try:
            return await self._lookup(digest(token))
        except UnknownCaller:
            return None

    def may_try_password(self, host: str) -> bool:
        """May this address try another password now?"""
        return self._logins.take(host)

    async def _lookup(self, key: str) -> Caller:
        kept = self._kept(key)
        if kept is not None:
            return kept
        # Whoever else has the same token waits for this answer.
        turn = self._asking.setdefault(key, asyncio.Lock())
        try:
            async with turn:
                return self._kept(key) or await self._look_up(key)
        finally:
            if not turn.locked():
                self._asking.pop(key, None)

    def _kept(self, key: str) -> Caller | None:
        kept = self._known.get(key)
        if kept is not None and self.clock.monotonic() - kept[0] < KEPT:
            return kept[1]
        return None

    async def _look_up(self, key: str) -> Caller:
        moment = self.clock.monotonic()
        self._known.pop(key, None)
        now = self.clock.now()
        found = await self.database.transaction(lambda s: users.of_token(s, key, now))
        if found is None:
            raise UnknownCaller
        user, made_at = found
        account = user.account
        if (
            account.state is State.BLOCKED
            and account.blocked_at is not None
            and made_at <= account.blocked_at
        ):
            # Anybody can send wrong passwords: they keep new sessions out and end none that there are.
            account = replace(account, state=State.ACTIVE)
        if obstacle(self.policy, account, now, self.local.at(now)):
            raise UnknownCaller
        caller = user.caller("")
        self._known[key] = (moment, caller)
        while len(self._known) > _CACHED:
            self._known.popitem(last=False)
        return caller

    # Sessions.

    async def open_session(self, user: users.User, host: str) -> str:
        """Make a token of the documented shape: base64 of `<user>:<random>`."""
        token = base64.b64encode(f"{user.name}:{uuid.UUID(bytes=secrets.token_bytes(16))}".encode()).decode()
        now = self.clock.now()
        until = now + timedelta(hours=self._settings.token_hours)

        async def work(session: Session) -> None:
            await users.logged_in(session, user.name, now)
            await users.add_token(session, digest(token), user.name, host, now, until)
            await audit.note(session, self.wall(now), user.name, host, "login")

        await self.database.transaction(work)
        return token

    async def end_session(self, token: str, user: str, host: str) -> bool:
        """End a session, of `user` when one is named; return whether there was one."""
        key = digest(token)
        now = self.clock.now()

        async def work(session: Session) -> bool:
            found = await users.of_token(session, key, now)
            if found is None or (user and found[0].name.casefold() != user.strip().casefold()):
                return False
            await users.drop_token(session, key)
            await audit.note(session, self.wall(now), found[0].name, host, "logout")
            return True

        ended = await self.database.transaction(work)
        self._known.pop(key, None)
        self.changes += 1
        return ended

    def forget(self, user: str = "") -> None:
        """Look everybody (or one user) up anew: rights, campaigns or tokens have changed."""
        self.changes += 1
        name = user.casefold()
        for key in [k for k, (_, c) in self._known.items() if not name or c.user.casefold() == name]:
            del self._known[key]

    # The audit.

    async def note(self, caller: Caller, action: str) -> None:
        """Write who does what, before it is done: nothing changes without a row."""
        at = self.wall(self.clock.now())
        await self.database.transaction(lambda s: audit.note(s, at, caller.user, caller.host, action))

    async def note_failure(self, caller: Caller, action: str) -> None:
        """Write that something which was noted has failed; when not even that can be written, its first row
        stands alone."""
        with contextlib.suppress(StoreError):
            await self.note(caller, f"failed: {action}")

    def wall(self, now: datetime) -> datetime:
        """Return what a documented column holds for a moment."""
        return self.local.naive(now)

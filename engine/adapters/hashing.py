"""Passwords as argon2id hashes, made in a worker thread: one at a time, so that calls never wait for them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

#: 64 MiB and three rounds in one lane: about a tenth of a second of one core (RFC 9106, second choice,
#: without its four lanes: they would take all cores of a small machine at once).
_HASHER = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1)
#: So many may wait for their turn; the next one is told to come again.
_WAITING = 32

T = TypeVar("T")


class TooBusyError(Exception):
    """More passwords are being checked than can be in a reasonable time."""


class Passwords:
    """Makes and verifies hashes. Verifying takes the same time whether there is a hash or not."""

    def __init__(self, hasher: PasswordHasher = _HASHER) -> None:
        self._hasher = hasher
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0
        self._nobody = ""

    async def hash(self, password: str) -> str:
        """Return the hash to store. Raises TooBusyError."""
        return await self._run(partial(self._hasher.hash, password))

    async def verify(self, stored: str, password: str) -> bool:
        """Is `password` the one that was hashed? `stored` '' is nobody's. Raises TooBusyError."""
        if not self._nobody:
            self._nobody = await self.hash(secrets.token_urlsafe(16))
        matches = await self._run(partial(self._matches, stored or self._nobody, password))
        return matches and bool(stored)

    async def used(self, stored: tuple[str, ...], password: str) -> bool:
        """Is `password` one of these? Raises TooBusyError."""
        for one in stored:
            if await self._run(partial(self._matches, one, password)):
                return True
        return False

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False

    async def _run(self, work: Callable[[], T]) -> T:
        if self._waiting >= _WAITING:
            raise TooBusyError
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1

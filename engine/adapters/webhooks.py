"""Sends webhooks over HTTP: to addresses that are allowed, without redirects, with little patience."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Sequence

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from engine import __version__
from engine.domain.errors import FieldError
from engine.domain.webhooks import Reach, Reply, sign
from engine.ports.webhooks import Delivery

#: So much of an answer is read (bytes), and so much kept for people to see (characters).
_READ, _KEPT = 4096, 200


class _Guard(AbstractResolver):
    """Resolves names; the addresses that it lets pass are those that are connected to."""

    def __init__(self, reach: Reach, inner: AbstractResolver) -> None:
        self._reach, self._inner = reach, inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._inner.resolve(host, port, family)
        allowed = [
            one for one in found if self._reach.allows(ipaddress.ip_address(one["host"].split("%")[0]))
        ]
        if not allowed:
            why = "the name leads to addresses that are not public (webhooks.networks)"
            raise OSError(errno.EACCES, why)
        return allowed

    async def close(self) -> None:
        await self._inner.close()


class HttpSender:
    """One pool of connections for all endpoints."""

    def __init__(self, reach: Reach, timeout: float, resolver: AbstractResolver | None = None) -> None:
        self._reach = reach
        self._timeout = timeout
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            guard = _Guard(self._reach, self._resolver or aiohttp.ThreadedResolver())
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(resolver=guard, use_dns_cache=False, limit=0),
                timeout=aiohttp.ClientTimeout(total=self._timeout, connect=min(self._timeout, 5.0)),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                headers={"User-Agent": f"Overdial/{__version__}", "Content-Type": "application/json"},
            )
        return self._session

    async def send(self, delivery: Delivery, timestamp: int) -> Reply:
        try:
            url = self._reach.url(delivery.url)
            headers = {
                "webhook-id": delivery.event,
                "webhook-timestamp": str(timestamp),
                "webhook-signature": sign(delivery.secrets, delivery.event, timestamp, delivery.body),
            }
            async with self._open().post(
                URL(url, encoded=True), data=delivery.body, headers=headers, allow_redirects=False
            ) as response:
                text = await response.content.read(_READ)
                status = response.status
                if 200 <= status < 300:
                    return Reply(status)
                return Reply(status, _shown(text), _after(response.headers.getall("Retry-After", [])))
        except FieldError as error:
            return Reply(None, str(error))
        except TimeoutError:
            return Reply(None, f"no answer within {self._timeout:g} s")
        except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
            return Reply(None, str(error) or type(error).__name__)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None


def _shown(text: bytes) -> str:
    words = text.decode("utf-8", "replace")[:_KEPT]
    return "".join(letter if letter.isprintable() else " " for letter in words)


def _after(values: Sequence[str]) -> float | None:
    """Seconds that `Retry-After` asks for; dates are passed over."""
    return float(values[0]) if values and values[0].strip().isdecimal() and len(values[0]) < 9 else None

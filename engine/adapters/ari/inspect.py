"""Asks ARI whether it knows us, and whether we may do more than read."""

from __future__ import annotations

from base64 import b64encode

import aiohttp

from engine.adapters.ari.link import AriSettings
from engine.domain.checkup.facts import AriFacts

#: A recording that does not exist: who may write is told 404, who may not 403.
_NOBODYS = "recordings/stored/overdial-check-nobodys"


async def ari_facts(settings: AriSettings) -> AriFacts:
    """Ask; whatever goes wrong is a fact."""
    word = b64encode(f"{settings.user}:{settings.secret}".encode()).decode("ascii")
    limit = aiohttp.ClientTimeout(total=settings.timeout)
    headers = {"Authorization": f"Basic {word}"}
    try:
        async with aiohttp.ClientSession(headers=headers, timeout=limit) as session:
            async with session.get(f"{settings.url}/ari/asterisk/info") as answer:
                status = answer.status
            async with session.delete(f"{settings.url}/ari/{_NOBODYS}") as answer:
                return AriFacts(status, answer.status)
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return AriFacts(0, problem=str(error) or type(error).__name__)

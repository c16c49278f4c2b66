"""Reading a body within its limits of size and time."""

from __future__ import annotations

import asyncio

from starlette.requests import ClientDisconnect, Request


class TooLarge(Exception):  # noqa: N818  # it is what the answer says
    """The body is larger than it may be."""


async def read_body(request: Request, limit: int, seconds: float) -> bytes:
    """Return the body. Raises TooLarge as soon as it is known to be, TimeoutError when it does not come."""
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise TooLarge
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise TooLarge
    except ClientDisconnect as error:
        raise TimeoutError from error
    return bytes(body)

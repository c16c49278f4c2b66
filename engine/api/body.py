"""Reading a body within its limits of size and time."""

from __future__ import annotations

import asyncio

from fastapi import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message, Receive


class TooLarge(Exception):  # noqa: N818  # it is what the answer says
    """The body is larger than it may be."""


def encoding_of(request: Request) -> str:
    """Return how a body is compressed, '' for not at all: no compressed one is read, because a few bytes
    could become any number."""
    encoding = request.headers.get("content-encoding", "").strip().lower()
    return "" if encoding == "identity" else encoding


async def read_body(request: Request, limit: int, seconds: float) -> bytearray:
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
    return body


def limited(receive: Receive, limit: int, seconds: float) -> Receive:
    """Return a `receive` that holds a body to the same limits, for FastAPI, which reads it itself and lets
    nothing through but its own exceptions."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    size = 0
    whole = False

    async def receive_within() -> Message:
        nonlocal size, whole
        if whole:
            return await receive()  # waits for the client to leave
        try:
            async with asyncio.timeout_at(until):
                message = await receive()
        except TimeoutError as error:
            raise HTTPException(408, "The body did not come in time.") from error
        size += len(message.get("body", b""))
        if size > limit:
            raise HTTPException(413, "The body is too large.")
        whole = not message.get("more_body", False)
        return message

    return receive_within

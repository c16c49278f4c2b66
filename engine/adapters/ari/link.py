"""One link to ARI: events over a websocket that comes back by itself, orders over HTTP with a time limit."""

from __future__ import annotations

import asyncio
import random
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
import structlog

from engine.ports import LinkError, RefusedError, UncertainError

log = structlog.get_logger(__name__)

#: Our application's name in Stasis() (asterisk-conf/overdial/extensions.conf).
APP = "overdial"
#: No event and no answer of ARI is longer (bytes); what is longer is not from Asterisk.
LONGEST = 1 << 20
#: Waits between two attempts to connect (s), the last one for ever; each is drawn from half to the whole.
PATIENCE = (0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class AriSettings:
    """`timeout`: s that an order may take; `heartbeat`: s of silence until the link is given up."""

    url: str
    user: str
    secret: str = field(repr=False)
    timeout: float = 5.0
    heartbeat: float = 10.0


Message = dict[str, Any]


class AriLink:
    """`on_up` is told when events flow, before the first; `on_event` of each, in order; `on_down` of the end.

    An order that was sent and not answered is uncertain and never repeated here.
    """

    def __init__(
        self,
        settings: AriSettings,
        on_up: Callable[[], Awaitable[None]],
        on_event: Callable[[Message], Awaitable[None]],
        on_down: Callable[[], None],
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._on_up, self._on_event, self._on_down = on_up, on_event, on_down
        self._session: aiohttp.ClientSession | None = None
        self._jitter = jitter
        self.up = False

    async def run(self) -> None:
        """Keep the link until cancelled."""
        settings = self._settings
        word = b64encode(f"{settings.user}:{settings.secret}".encode()).decode("ascii")
        headers = {"Authorization": f"Basic {word}"}
        limit = aiohttp.ClientTimeout(total=settings.timeout)
        async with aiohttp.ClientSession(headers=headers, timeout=limit) as session:
            self._session = session
            failures = 0
            try:
                while True:
                    try:
                        await self._listen(session)
                        failures = 0
                    except (aiohttp.ClientError, TimeoutError, OSError, LinkError, UncertainError) as error:
                        level = log.warning if failures == 0 else log.debug
                        level("no link to ARI", action="ari.down", reason=str(error) or type(error).__name__)
                    finally:
                        self._went_down()
                    wait = PATIENCE[min(failures, len(PATIENCE) - 1)]
                    failures += 1
                    await asyncio.sleep(wait * (0.5 + self._jitter() / 2))
            finally:
                self._session = None

    async def _listen(self, session: aiohttp.ClientSession) -> None:
        """Hear events until the link ends. Returns after a link that had been up."""
        url = f"{self._settings.url}/ari/events"
        params = {"app": APP, "subscribeAll": "false"}
        async with session.ws_connect(
            url, params=params, heartbeat=self._settings.heartbeat, max_msg_size=LONGEST
        ) as socket:
            self.up = True
            log.info("linked to ARI", action="ari.up")
            await self._on_up()
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                try:
                    event = orjson.loads(message.data)
                except orjson.JSONDecodeError:
                    log.warning("not JSON from ARI, left out", action="ari.garbage")
                    continue
                if isinstance(event, dict):
                    await self._on_event(event)
        log.warning("the link to ARI ended", action="ari.down", reason="closed")

    def _went_down(self) -> None:
        if self.up:
            self.up = False
            self._on_down()

    async def ask(self, method: str, path: str, **params: str) -> Any:
        """Send one order and return its answer. Raises LinkError when it did not leave, RefusedError when
        Asterisk refused it, UncertainError when no answer came."""
        if self._session is None or not self.up:
            raise LinkError("there is no link to ARI")
        url = f"{self._settings.url}/ari/{path}"
        try:
            async with self._session.request(method, url, params=params) as answer:
                body = await _whole(answer.content)
                if answer.status < 300:
                    return orjson.loads(body) if body else None
                raise RefusedError(f"{answer.status}: {body[:200].decode('utf-8', 'replace')}")
        except aiohttp.ClientConnectorError as error:
            raise LinkError(f"ARI cannot be reached: {error}") from error
        except (aiohttp.ClientError, TimeoutError, orjson.JSONDecodeError) as error:
            raise UncertainError(f"no answer from ARI: {error or type(error).__name__}") from error


async def _whole(content: aiohttp.StreamReader) -> bytes:
    """Return all of an answer, in however many pieces it comes. Raises UncertainError when it is longer than
    Asterisk's are."""
    body = bytearray()
    async for piece in content.iter_any():
        body += piece
        if len(body) > LONGEST:
            raise UncertainError(f"an answer from ARI of more than {LONGEST} bytes")
    return bytes(body)

"""The life of the link to one Asterisk: connect, log in, watch, lose, wait, connect again.

A connection is used once: nothing that was asked on one is ever sent on the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import structlog
from panoramisk.message import Message

from engine.adapters.ami.wire import Headers, SafeAction, SafeProtocol, UnsafeValueError
from engine.ports import LinkError, RefusedError, UncertainError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AmiSettings:
    """Where Asterisk's manager is and how patient we are. Times in s.

    `backoff_first` doubles up to `backoff_most`; a refused login waits `backoff_refused` at
    once, because each try may count for a fail2ban.
    """

    host: str = "127.0.0.1"
    port: int = 5038
    username: str = "overdial"
    secret: str = field(default="", repr=False)
    connect_timeout: float = 5.0
    action_timeout: float = 10.0
    boot_timeout: float = 1.0
    ping_interval: float = 5.0
    ping_timeout: float = 5.0
    backoff_first: float = 0.25
    backoff_most: float = 15.0
    backoff_refused: float = 30.0


class LoginRefusedError(Exception):
    """Asterisk does not know the user, the secret or our address."""


class AmiLink:
    """Keeps one logged-in connection. `up` is true while orders may be sent."""

    def __init__(
        self,
        settings: AmiSettings,
        *,
        on_event: Callable[[Message], None],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
        jitter: Callable[[], float],
        answered: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """`answered` is told how long Asterisk took for each answer (s)."""
        self.settings = settings
        self.up = False
        #: Links so far: each begins at a switch that may have been started anew.
        self.links = 0
        self._answered = answered
        self.failures = 0
        self.logins_refused = 0
        self.bad_messages = 0
        self._on_event = on_event
        self._on_up = on_up
        self._on_down = on_down
        self._jitter = jitter
        self._protocol: SafeProtocol | None = None
        self._transport: asyncio.Transport | None = None
        self._booted = asyncio.Event()
        self._paused = False
        self._asked: float | None = None

    @property
    def booted(self) -> bool:
        """Did the switch say over this link that it has booted?"""
        return self._booted.is_set()

    @property
    def silence(self) -> float:
        """Seconds for which a ping has been waiting for its answer; 0 when none does."""
        return 0.0 if self._asked is None else asyncio.get_running_loop().time() - self._asked

    async def run(self) -> None:
        """Keep the link until cancelled; whatever goes wrong is reported and tried again."""
        while True:
            try:
                await self._session()
            except LoginRefusedError as refused:
                self.logins_refused += 1
                delay = self.settings.backoff_refused
                log.error(
                    "Asterisk refuses the manager login",
                    action="ami.login_refused",
                    user=self.settings.username,
                    answer=str(refused),
                    retry_in=delay,
                )
                self._on_down(f"login refused: {refused}")
            except (OSError, TimeoutError, UncertainError, LinkError, UnsafeValueError) as error:
                delay = self._backoff()
                why = str(error) or type(error).__name__
                log.warning("no link to Asterisk", action="ami.down", reason=why, retry_in=delay)
                self._on_down(why)
            await asyncio.sleep(delay * (0.5 + self._jitter() / 2))

    def _backoff(self) -> float:
        self.failures += 1
        doubled: float = self.settings.backoff_first * 2 ** min(self.failures - 1, 20)
        return min(doubled, self.settings.backoff_most)

    async def _session(self) -> None:
        """One connection from its first byte to its last. Always raises in the end."""
        loop = asyncio.get_running_loop()
        lost: asyncio.Future[str] = loop.create_future()

        def over(why: str) -> None:
            if not lost.done():
                lost.set_result(why)

        self._booted.clear()
        self._paused = False
        async with asyncio.timeout(self.settings.connect_timeout):
            transport, protocol = await loop.create_connection(
                lambda: SafeProtocol(self._event, self._bad_message, over),
                self.settings.host,
                self.settings.port,
            )
        try:
            await self._greeted(protocol, lost)
            await self._log_in(protocol, lost)
            self._protocol, self._transport, self.up, self.failures = protocol, transport, True, 0
            self.links += 1
            log.info("linked to Asterisk", action="ami.up", host=self.settings.host)
            self._on_up()
            await self._watch(protocol, lost)
        finally:
            self.up, self._protocol, self._transport = False, None, None
            protocol.close()
            for action in list(protocol.responses.values()):
                if not action.future.done():
                    action.future.set_exception(UncertainError("the link was lost before the answer"))
                    action.future.exception()
            protocol.responses.clear()

    async def _greeted(self, protocol: SafeProtocol, lost: asyncio.Future[str]) -> None:
        """Wait for the banner: the secret is for an Asterisk manager and for nobody else."""
        await _first(protocol.greeting, lost, timeout=self.settings.connect_timeout)
        if lost.done():
            raise LinkError(lost.result())
        if not protocol.greeting.done():
            raise LinkError("what answers there says nothing")

    async def _log_in(self, protocol: SafeProtocol, lost: asyncio.Future[str]) -> None:
        headers = (
            ("Action", "Login"),
            ("Username", self.settings.username),
            ("Secret", self.settings.secret),
            ("Events", "on"),
        )
        answers = await self._answer(protocol, SafeAction(headers, as_list=False), lost)
        if not answers[0].success:
            raise LoginRefusedError(answers[0].message)
        # FullyBooted needs the user's `system` class; without it a moment of patience must do.
        booted = asyncio.ensure_future(self._booted.wait())
        try:
            await _first(booted, lost, timeout=self.settings.boot_timeout)
        finally:
            booted.cancel()
        if lost.done():
            raise LinkError(lost.result())
        if not self._booted.is_set():
            log.warning(
                "Asterisk did not say that it has booted; give the manager user read=system",
                action="ami.no_fullybooted",
            )

    async def _watch(self, protocol: SafeProtocol, lost: asyncio.Future[str]) -> None:
        """Ping until the link is lost; a peer that does not answer in time is lost too."""
        while True:
            done, _ = await asyncio.wait((lost,), timeout=self.settings.ping_interval)
            if done:
                raise LinkError(lost.result())
            if self._paused:
                continue  # we do not read, so an answer could not be seen
            ping = SafeAction((("Action", "Ping"),), as_list=False)
            self._asked = asyncio.get_running_loop().time()
            try:
                await self._answer(protocol, ping, lost, self.settings.ping_timeout)
            except TimeoutError as error:
                if self._paused:
                    continue  # the answer may be lying in the socket that we do not read
                raise LinkError("Asterisk no longer answers") from error
            finally:
                self._asked = None

    async def _answer(
        self,
        protocol: SafeProtocol,
        action: SafeAction,
        lost: asyncio.Future[str] | None = None,
        timeout: float | None = None,
    ) -> list[Message]:
        """Send and wait for the answer. Raises TimeoutError, UncertainError; LinkError when closed."""
        if protocol.closed:
            raise LinkError("the connection is closed")
        begun = asyncio.get_running_loop().time()
        protocol.ask(action)
        waiting = (action.future,) if lost is None else (action.future, lost)
        try:
            await _first(*waiting, timeout=timeout or self.settings.action_timeout)
            if action.future.done():
                self._answered(asyncio.get_running_loop().time() - begun)
                answers: list[Message] = action.future.result()
                return answers
            if lost is not None and lost.done():
                raise LinkError(lost.result())
            raise TimeoutError("no answer in time")
        finally:
            protocol.forget(action)

    async def ask(
        self,
        headers: Headers,
        *,
        as_list: bool = False,
        on_done: Callable[[list[Message]], None] | None = None,
    ) -> list[Message]:
        """Send one action and return its answers; `on_done` gets a list in order with the events.

        Raises LinkError (nothing was sent), UncertainError (sent, no answer), RefusedError (the
        answer is a refusal), UnsafeValueError (nothing was sent).
        """
        action = SafeAction(headers, as_list=as_list, on_done=on_done)
        protocol = self._protocol
        if protocol is None or not self.up:
            raise LinkError("there is no link to Asterisk")
        try:
            answers = await self._answer(protocol, action)
        except TimeoutError as error:
            raise UncertainError("Asterisk did not answer in time") from error
        if "response" in answers[0] and not answers[0].success:
            raise RefusedError(answers[0].message)
        return answers

    def pause_reading(self) -> None:
        """Leave further events in the socket until `resume_reading`."""
        if self._transport is not None and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Read on after `pause_reading`."""
        if self._transport is not None and self._paused:
            self._paused = False
            self._transport.resume_reading()

    def _event(self, message: Message) -> None:
        if message.event == "FullyBooted" and not self._booted.is_set():
            self._booted.set()
            if self.up:
                # It was still booting when we gave up waiting: what was asked then may be half of it.
                self.links += 1
                self._on_up()
        self._on_event(message)

    def _bad_message(self, why: str) -> None:
        self.bad_messages += 1
        log.warning("a message from Asterisk could not be handled", action="ami.bad_message", reason=why)


async def _first(*futures: asyncio.Future[Any], timeout: float) -> None:
    """Wait until one of the futures is done, `timeout` s at most."""
    await asyncio.wait(futures, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)

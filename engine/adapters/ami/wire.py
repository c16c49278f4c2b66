"""The wire of AMI: panoramisk's protocol, action and message, made safe for dialling.

panoramisk parses and formats. What this module changes, and why (numbers: docs/dependencies.md):
bytes are framed before they are decoded (T5), an answer ends an action whatever it says (T3, T7,
T10, T15), nothing is ever kept for sending later (T2, T9, T16), and no value can end its line (T6).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.message import Message

_END = b"\r\n\r\n"
BANNER = b"Asterisk Call Manager/"
#: A frame that grows past this is not AMI (the longest real ones are a few kB).
MAX_FRAME = 4 * 1024 * 1024
#: Asterisk drops input lines of 1,025 bytes and more (main/manager.c, inbuf) and headers past 128.
MAX_LINE = 1000
MAX_HEADERS = 120

Headers = Iterable[tuple[str, str]]


class UnsafeValueError(ValueError):
    """A header or value that would not arrive at Asterisk as one line. Nothing was sent."""


class SafeAction(Action):  # type: ignore[misc]  # panoramisk has no type information
    """An action whose future always ends by its answer.

    `as_list`: the answer is a list of events that ends with one named …Complete; a refusal ends
    it too. Otherwise the first response ends it. `on_done` gets a complete list before the next
    message of the connection is looked at, so that it keeps its place among the events.
    """

    def __init__(
        self,
        headers: Headers,
        *,
        as_list: bool,
        on_done: Callable[[list[Message]], None] | None = None,
    ) -> None:
        self.on_done = on_done
        grouped: dict[str, list[str]] = {}
        for name, value in headers:
            grouped.setdefault(_checked(name, value), []).append(value)
        if sum(len(values) for values in grouped.values()) > MAX_HEADERS:
            raise UnsafeValueError(f"an action may have {MAX_HEADERS} headers at most")
        super().__init__(
            {name: values if len(values) > 1 else values[0] for name, values in grouped.items()},
            as_list=as_list,
        )

    def add_message(self, message: Message) -> bool:
        """Take one answer; True when it was the last."""
        self.responses.append(message)
        first = self.responses[0]
        refused = "response" in first and not first.success
        done = not self.as_list or refused or message.event.endswith("Complete")
        if done and not self.future.done():
            if self.on_done is not None and not refused:
                self.on_done(self.responses)
            self.future.set_result(self.responses)
        return done


def _checked(name: str, value: str) -> str:
    """Refuse whatever could start a line of its own or be cut off."""
    for text in (name, value):
        if any(mark in text for mark in "\r\n\x00"):
            raise UnsafeValueError(f"{name.split()[0] if name.split() else 'header'}: a line break or NUL")
    try:
        length = len(f"{name}: {value}".encode())
    except UnicodeEncodeError as error:
        raise UnsafeValueError("a value that is not Unicode text") from error
    if length > MAX_LINE:
        raise UnsafeValueError(f"{name}: more than {MAX_LINE} bytes")
    return name


def _keep_first(message: Message) -> None:
    """Of a header that comes several times the first counts: Asterisk's own come before what a dialplan
    adds, and whoever reads a value expects text."""
    for name, value in list(message.items()):
        if isinstance(value, list):
            message[name] = value[0]


class SafeProtocol(AMIProtocol):  # type: ignore[misc]  # panoramisk has no type information
    """One connection: frames in, messages out, and a word when it is over.

    `on_event` is called for every event, in order; it must not raise, and if it does the event
    is reported to `on_error` and the next one is handled (T1). No task is made per event (T13).
    """

    def __init__(
        self,
        on_event: Callable[[Message], None],
        on_error: Callable[[str], None],
        on_lost: Callable[[str], None],
    ) -> None:
        self.on_event = on_event
        self.on_error = on_error
        self.on_lost = on_lost
        self.encoding = "utf-8"
        self.buffer = bytearray()
        self.greeting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.responses: dict[str, SafeAction] = {}
        self.closed = False

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        # panoramisk's own queue of text is replaced by `buffer`, its factory by our callbacks.
        self.queue: deque[str] = deque()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.greeting.done():
            if len(self.buffer) < len(BANNER) and BANNER.startswith(bytes(self.buffer)):
                return
            if not self.buffer.startswith(BANNER):
                self._give_up("what answers there is not an Asterisk manager")
                return
            self.greeting.set_result(None)
        start = 0
        while (end := self.buffer.find(_END, start)) >= 0:
            self._frame(bytes(self.buffer[start:end]))
            start = end + len(_END)
            if self.closed:
                return
        del self.buffer[:start]
        if len(self.buffer) > MAX_FRAME:
            self._give_up(f"a message of more than {MAX_FRAME} bytes")

    def _frame(self, frame: bytes) -> None:
        try:
            message = Message.from_line(frame.decode("utf-8", "replace").strip())
            if message is not None:
                _keep_first(message)
                self.handle_message(message)
        except Exception as error:  # whatever one message does must not cost the next one
            self.on_error(f"{type(error).__name__}: {error}")

    def handle_message(self, message: Message) -> None:
        action = self.responses.get(message.id) if message.id else None
        is_event = "event" in message
        if action is not None and (action.as_list or not is_event):
            if action.add_message(message):
                self.responses.pop(action.id, None)
        elif is_event:
            self.on_event(message)

    def ask(self, action: SafeAction) -> None:
        """Send one action; its future ends by the answer, by `forget` or by the end of the link."""
        self.send(action, as_list=action.as_list)

    def forget(self, action: SafeAction) -> None:
        """Stop waiting for an answer: nothing of the action is kept (T11)."""
        self.responses.pop(action.id, None)

    def _give_up(self, why: str) -> None:
        self._over(why)
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._over(str(exc) if exc else "the connection was closed")

    def close(self) -> None:
        """End the connection from our side, at once: a half-open peer would never answer a goodbye."""
        self._over("closed by the engine")
        self.transport.abort()

    def _over(self, why: str) -> None:
        if not self.closed:
            self.closed = True
            self.on_lost(why)

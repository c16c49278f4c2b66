"""Whatever comes over the wire or goes into a journal: it stops nothing, and what follows is whole."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from panoramisk.message import Message

from engine.adapters.ami import AmiCallControl, AmiSettings
from engine.adapters.ami.wire import BANNER, SafeProtocol
from engine.adapters.journal import JournalFolder
from engine.domain import events as ev
from engine.domain.model import Contact
from engine.domain.picture import Picture
from tests import builders as b
from tests.builders import ID, NOW, PURE, a_call, a_contact, an_attempt
from tests.unit.test_bad_input import NAMES, NASTY, texts
from tests.unit.test_event_orders import played


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


# The wire.


class Transport:
    """Takes what is written and forgets it."""

    aborted = False

    def write(self, data: bytes) -> None:
        pass

    def abort(self) -> None:
        self.aborted = True


pieces = st.binary(max_size=60) | st.sampled_from(
    [
        b"\r\n",
        b"\r\n\r\n",
        b": ",
        b"Event: Hangup\r\n",
        b"Response: Follows\r\n",
        b"ActionID: 1\r\n",
        b"Uniqueid: ",
    ]
    + [f"{name}: {value}\r\n".encode("utf-8", "surrogatepass") for name in NAMES[:6] for value in NASTY[:40]]
)


@PURE
@given(st.lists(pieces, max_size=30), st.booleans())
def test_no_bytes_from_the_wire_raise_and_the_next_event_is_heard(said: list[bytes], greeted: bool) -> None:
    async def work() -> None:
        heard: list[ev.Event] = []
        control = AmiCallControl(AmiSettings(), lambda: NOW)
        control._put = heard.append  # type: ignore[method-assign]
        protocol = SafeProtocol(control._on_message, lambda why: None, lambda why: None)
        transport = Transport()
        protocol.connection_made(transport)
        protocol.data_received(BANNER + b"11\r\n" if greeted else b"")
        for data in said:
            protocol.data_received(data)
        if greeted:
            # What came last may be the beginning of this message.
            protocol.data_received(b"\r\n\r\nEvent: Hangup\r\nUniqueid: last\r\nCause: 17\r\n\r\n")
            assert isinstance(heard[-1], ev.HungUp)
            assert (heard[-1].call, heard[-1].cause) == ("last", 17)
        for event in heard:
            Picture().apply(event)
            played([event], close=False)
        protocol.greeting.cancel()

    asyncio.run(work())


def test_a_header_that_comes_twice_counts_as_asterisk_said_it_first() -> None:
    heard: list[Message] = []

    async def work() -> None:
        protocol = SafeProtocol(heard.append, lambda why: pytest.fail(why), lambda why: None)
        protocol.connection_made(Transport())
        protocol.data_received(BANNER + b"11\r\n\r\n")
        protocol.data_received(b"Event: UserEvent\r\nUniqueid: one\r\nUniqueid: two\r\nEvent: Hangup\r\n\r\n")

    asyncio.run(work())
    assert [(message.event, message.uniqueid) for message in heard] == [("UserEvent", "one")]


# The journal.


@PURE
@given(texts, texts, texts, st.integers(-(2**31), 2**31 - 1))
def test_a_journal_keeps_whatever_text_it_is_given(agent: str, note: str, data: str, cause: int) -> None:
    made = entries_of(agent, note, a_contact(data=data, reference=note))
    with TemporaryDirectory() as folder:
        journals = JournalFolder(Path(folder))
        journal = journals.own()
        journal.append(1, [replace(entry, cause=cause) for entry in made])
        batch = journal.head(10)
        assert batch is not None
        [written] = batch.entries
        assert written.entry == replace(readable(made[0]), cause=cause)
        assert not list(Path(folder).glob("*.refused"))
        journal.settled(batch.last)
        journal.close()


def entries_of(agent: str, note: str, contact: Contact) -> list[Any]:
    desk = played([])
    desk.journal.lines.clear()
    call = replace(
        a_call(b.sent(), replace(b.connected(), agent=agent), note=note), attempt=an_attempt(contact)
    )
    desk.book.add(call)
    desk.book.apply(b.hung_up())
    return desk.endings(ID)


def readable(entry: Any) -> Any:
    """The entry with '?' in place of what is no character."""

    def fixed(value: Any) -> Any:
        if isinstance(value, str):
            return type(value)(value.encode("utf-8", "replace").decode())
        if isinstance(value, tuple):
            return tuple(fixed(item) for item in value)
        if hasattr(value, "__dataclass_fields__"):
            return replace(
                value, **{name: fixed(getattr(value, name)) for name in value.__dataclass_fields__}
            )
        return value

    return fixed(entry)

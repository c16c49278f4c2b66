"""Whatever is in a row, a message or a journal: it is used, or refused by its column, and stops nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import pytest
import structlog
from hypothesis import example, given
from hypothesis import strategies as st
from panoramisk.message import Message

from engine.adapters.ami import AmiCallControl, AmiSettings
from engine.adapters.ami import translate as tr
from engine.adapters.ami.control import MAX_VARIABLES
from engine.adapters.ami.wire import MAX_HEADERS, MAX_LINE, SafeAction
from engine.domain.commands import Originate, originate
from engine.domain.errors import FieldError
from engine.domain.picture import Picture
from engine.domain.settings import active_lists, read_contact, read_dialer
from engine.domain.variables import printable
from engine.ports import RefusedError
from tests.builders import ANY_TEXT, ID, NOW, PURE, QUEUE, a_contact, a_dialer, an_attempt
from tests.unit.test_event_orders import played

T = TypeVar("T")
#: What people, programs and enemies put into fields.
NASTY = (
    "", " ", "\x00", "5551\x00000", "1e999", "-1e999", "٣٤٥", "0x10", "-0", "+", "++1", "NaN", "inf", "1_000",
    "９９９", "²", "\r\nAction: Command\r\nCommand: core stop now", "\n", "\r\n\r\n", "\u2028", "\x85",
    "\u202e1001\u202c", "שלום", "\u2066x", "\ud800", "\udfff\ud800", "😀", "\U0010ffff", "a,b=c",
    "${SHELL(id)}", "$[1+1]", "[", "]", "(", "{}", '"', "\\", "\\,", "'; DROP TABLE x;--", "M=99=1", "=",
    "==", "P=", "::", ":", "%s%d", "null", "None", "\x1b[31m", "x" * 1_000_000, "1" * 5000, "é" * 2000,
    "@evil", "Local/1@x", "&SIP/2", "9" * 400, "18446744073709551616", "1.5", "1,5", "<b>", "\x7f",
    "\ufeff", "\ufffe", "1001;2", "/.*/",
)  # fmt: skip
texts = st.sampled_from(NASTY) | ANY_TEXT | st.lists(st.sampled_from(NASTY[:-20]), max_size=4).map("".join)
values = texts | st.none() | st.integers() | st.floats() | st.booleans() | st.binary(max_size=20)
DIALER: dict[str, Any] = {
    "campaign": QUEUE, "schedule": "sun-sat;00:00-23:59", "dialertype": "PowerDialer", "status": 1,
    "dialstring": "SIP/CARRIER/", "context": "PowerDialer", "exten": "${EXTEN}", "am": 0, "sound": "",
    "maxchannels": 30, "variables": "", "timeout": 3, "callerid": "18885550100", "retries": 0, "tbc": -100,
    "dncr": 1, "tbc_nocontact": 0,
}  # fmt: skip
QUEUE_ROW = {"name": QUEUE, "queue_timeout": 5, "wrapuptime": 0}
CONTACT: dict[str, Any] = {
    "id": 7, "campaign": QUEUE, "destination": "1001", "alternatives": "", "data": "", "contact": "",
    "dialerbase": "L1", "priority": 1, "agentphone": "", "retries": 0, "reason": "",
}  # fmt: skip


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    yield
    structlog.reset_defaults()


def changed(row: dict[str, Any], kept: tuple[str, ...] = ()) -> st.SearchStrategy[dict[str, Any]]:
    """The row with a few of its columns holding anything."""
    free = [name for name in row if name not in kept]
    return st.dictionaries(st.sampled_from(free), values, max_size=4).map(lambda bad: {**row, **bad})


def refused_or(columns: Collection[str], read: Callable[[], T]) -> T | None:
    """Return what `read` gives; None when it refuses one of `columns` in few printable words."""
    refusals: list[FieldError] = []
    try:
        return read()
    except FieldError as error:
        refusals.append(error)
    [refusal] = refusals
    assert refusal.field.rpartition(".")[2] in columns
    assert str(refusal).isprintable()
    assert len(str(refusal)) <= 255
    return None


# Rows.


@PURE
@given(changed(CONTACT, ("id",)))
def test_a_contact_is_read_or_refused_by_a_column_in_few_printable_words(row: dict[str, Any]) -> None:
    contact = refused_or(CONTACT, lambda: read_contact(row))
    if contact is not None:
        assert set(contact.phone.number) <= set("+0123456789")
        assert all(set(phone.number) <= set("+0123456789") for phone in contact.alternatives)
        assert contact.remark.isprintable()


@pytest.mark.parametrize("column", [name for name in CONTACT if name != "id"])
def test_each_nasty_value_in_each_column_of_a_contact_is_read_or_refused(column: str) -> None:
    for value in NASTY:
        refused_or((column,), lambda value=value: read_contact({**CONTACT, column: value}))


@PURE
@given(changed(DIALER), changed(QUEUE_ROW) | st.none())
def test_a_dialer_is_read_or_refused_by_a_column_in_few_printable_words(
    row: dict[str, Any], queue: dict[str, Any] | None
) -> None:
    dialer = refused_or((*DIALER, *QUEUE_ROW), lambda: read_dialer(row, queue))
    if dialer is not None:
        dialer.schedule.open_at(NOW)
        dialer.caller_id.choose("1001", lambda sides: sides - 1)
        order = originate(dialer, an_attempt(), dialer.caller_id.choose("1001", lambda sides: 0))
        assert order.channel.isprintable()


@pytest.mark.parametrize("column", [name for name in DIALER if name != "status"])
def test_each_nasty_value_in_each_column_of_a_dialer_is_read_or_refused(column: str) -> None:
    for value in NASTY:
        refused_or((column,), lambda value=value: read_dialer({**DIALER, column: value}, QUEUE_ROW))


@PURE
@given(
    st.lists(
        st.fixed_dictionaries(
            {"campaign": texts | st.just(QUEUE), "name": texts, "active": st.integers(0, 1)}
            | {"percentage": st.none() | st.integers(-(2**31), 2**31 - 1)}
        ),
        max_size=6,
    )
)
def test_the_shares_of_whatever_lists_there_are_sum_to_one(rows: list[dict[str, Any]]) -> None:
    lists = active_lists(rows, QUEUE)
    assert not lists or abs(sum(item.share for item in lists) - 1) < 1e-9
    assert all(item.share >= 0 for item in lists)
    assert len({item.name for item in lists}) == len(lists)


# Orders.


def wire_text(order: Originate) -> str:
    """Return what would be written to Asterisk for an order."""

    async def work() -> str:
        control = AmiCallControl(AmiSettings(), lambda: NOW)
        actions: list[SafeAction] = []

        async def ask(headers: Any, **named: Any) -> None:
            actions.append(SafeAction(headers, as_list=False))

        control.link.ask = ask  # type: ignore[method-assign, assignment]
        await control.originate(order)
        return str(actions[0])

    return asyncio.run(work())


def as_asterisk_reads(text: str) -> list[str]:
    """Split a Variable header as main/app.c, __ast_app_separate_args, does."""
    parts, depth, quoted, escaped = [""], 0, False, False
    for mark in text:
        if escaped:
            parts[-1] += mark
            escaped = False
        elif mark == "\\":
            escaped = True
        elif mark == '"':
            quoted = not quoted
        elif mark in "([" and not quoted:
            depth += 1
        elif mark in ")]" and not quoted:
            depth = max(depth - 1, 0)
        elif mark == "," and not quoted and not depth:
            parts.append("")
        else:
            parts[-1] += mark
    return parts


@PURE
@given(texts, texts, texts)
@example("x=1,OD_NUMBER=666", "a\r\nAction: Hangup", ":OD_ATTEMPT=x:CALLERID(num)=1:y=\\")
def test_an_order_is_one_line_for_each_header_and_one_variable_for_each_line(
    data: str, reference: str, agent: str
) -> None:
    contact = a_contact(data=f"{data}:z={reference}", reference=reference, agent_phone=agent)
    order = originate(a_dialer(), an_attempt(contact), "18885550100")
    text = wire_text(order)
    assert text.endswith("\r\n\r\n")
    lines = text.removesuffix("\r\n\r\n").split("\r\n")
    assert len(lines) <= MAX_HEADERS
    assert len(lines) == len(text.splitlines()) - 1
    assert all(len(line.encode()) <= MAX_LINE for line in lines)
    names = [line.partition(": ")[0] for line in lines]
    assert names.count("Action") == names.count("Channel") == names.count("Exten") == 1
    known = dict(order.variables)
    given_values = [line.partition(": ")[2] for line in lines if line.startswith("Variable: ")]
    assert len(given_values) <= MAX_VARIABLES + 1
    for value in given_values:
        if not value.startswith("PJSIP_HEADER("):
            [pair] = as_asterisk_reads(value)
            name, _, content = pair.partition("=")
            assert content == known[name]
            assert content == printable(content)
    assert f"Variable: OD_ATTEMPT={ID}" in lines
    assert f"Variable: OD_NUMBER={contact.phone.number}" in lines


@PURE
@given(texts, texts)
def test_an_order_whose_own_fields_are_nonsense_is_refused_and_never_two(channel: str, caller: str) -> None:
    order = replace(originate(a_dialer(), an_attempt(), ""), channel=channel, caller_id=caller)
    try:
        text = wire_text(order)
    except RefusedError:
        pass
    else:
        assert text.count("\r\n\r\n") == text.count("Action: Originate") == 1


# Messages.

NAMES = (
    "Uniqueid", "Queue", "Interface", "Location", "MemberName", "Name", "Status", "Paused", "InCall", "Cause",
    "Cause-txt", "TechCause", "Channel", "DestUniqueid", "DestChannel", "DialStatus", "Reason", "Response",
    "ActionID", "Position", "HoldTime", "TalkTime", "RingTime", "Wrapuptime", "LastCall", "UserEvent",
    "Attempt", "CallerIDNum", "OriginalPosition", "ChannelState", "PausedReason",
)  # fmt: skip
headers = st.dictionaries(
    st.sampled_from(NAMES),
    st.sampled_from([ID, QUEUE, "PJSIP/101", "1", "RINGING", "ANSWER"]) | texts,
    max_size=12,
)
kinds = st.sampled_from(
    [*tr._MAKERS, "QueueMember", "QueueParams", "QueueEntry", "CoreShowChannel", "Nothing"]
)
messages = st.builds(lambda kind, own: Message({"Event": kind, **own}), kinds, headers)


@PURE
@given(st.lists(messages, max_size=12))
def test_whatever_asterisk_says_the_picture_and_the_book_take_it(said: list[Message]) -> None:
    events = [event for message in said if (event := tr.translate(message, NOW)) is not None]
    listed = tr.queues_listed(said, NOW)
    picture = Picture()
    picture.set_wrapup({QUEUE: 10})
    for event in (*events, listed, *events, tr.queues_listed([], NOW)):
        picture.apply(event)
        for queue in list(picture.queues.values()):
            queue.states(NOW)
            queue.next_free(NOW)
    desk = played([*events, tr.channels_listed(said, NOW), *events])
    [end] = desk.endings(ID)
    assert all(code is None or abs(code) < 2**31 for code in (end.cause, end.sip))
    assert len(end.cdr.causecode) <= 32


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", tr._MAKERS)
def test_each_nasty_value_in_each_header_means_something_or_nothing(kind: str, name: str) -> None:
    for value in NASTY:
        event = tr.translate(Message({"Event": kind, "Uniqueid": ID, "Queue": QUEUE, name: value}), NOW)
        if event is not None:
            Picture().apply(event)


@pytest.mark.parametrize("number", ["18446744073709551616", "1e300", "-1e300", "253402300799", "NaN"])
def test_a_number_beyond_reason_neither_loses_a_seat_nor_an_ending(number: str) -> None:
    own = {"Uniqueid": ID, "Queue": QUEUE, "Interface": "PJSIP/101", "MemberName": "Ana", "Cause": number}
    member = {**own, "Status": "1", "Wrapuptime": number, "LastCall": number, "HoldTime": number}
    said = [
        Message({"Event": kind, **member, "TechCause": f"SIP {number}"})
        for kind in ("QueueMemberStatus", "AgentConnect", "AgentComplete", "QueueMember", "Hangup")
    ]
    picture = Picture()
    events = [event for message in said if (event := tr.translate(message, NOW)) is not None]
    for event in (*events, tr.queues_listed(said, NOW)):
        picture.apply(event)
    [seat] = picture.queue(QUEUE).seats.values()
    assert not seat.call
    [end] = played(events, close=False).endings(ID)
    assert (end.outcome, end.cause, end.sip) == ("answered", None, None)

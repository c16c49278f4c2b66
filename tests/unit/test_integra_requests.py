"""What requests of the documented API may look like, and how what is wrong with them is told."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.api.integra.dates import us_date
from engine.domain.errors import FieldError
from engine.domain.integra import shapes, upload
from engine.domain.integra.calls import (
    DialerAction,
    finish_note,
    read_action,
    read_agent_call,
    read_hang_up,
    read_tag,
    read_workflow,
)
from engine.domain.integra.contacts import read_black, read_removal, read_respool, read_scheduled, read_task
from engine.domain.integra.fields import Fields
from engine.domain.integra.people import FIXED, OWN, member_order, read_members, read_sip
from engine.domain.integra.records import (
    read_hours,
    read_page,
    recording_folder,
    recording_name,
    recording_places,
)
from engine.domain.integra.upload import decoded, list_of, read_upload
from engine.domain.orders import HangUpPhone, Join, ManualCall, Workflow, read_order

CALL = {
    "callerid": "18885550100", "agent": "Ana", "phone": "1001", "tech": "SIP", "context": "agentes",
    "outqueue": "Ventas->", "destination": "099-123",
}  # fmt: skip
#: The 32 keys of the sample, filled in.
PHONE: dict[str, Any] = {
    **FIXED, "fullname": "Ana B", "accountcode": "ana", "callerid": "1001", "defaultuser": "1001",
    "name": "1001", "secret": "s3cret",
}  # fmt: skip


def test_click_to_call_is_an_order_as_the_table_holds_it() -> None:
    order = read_order(read_agent_call(Fields(CALL)))
    assert isinstance(order, ManualCall)
    assert (order.desk.interface, order.desk.name, order.caller_id) == ("PJSIP/1001", "Ana", "18885550100")
    assert (order.dialer.name, order.contact.phone.number) == ("Ventas->", "099123")


def test_the_sample_that_forgets_the_ampersand_is_understood() -> None:
    glued = {**CALL, "callerid": "18885550100agent=Ana"}
    del glued["agent"]
    row = read_agent_call(Fields(glued))
    assert (row["callerid"], row["agent"]) == ("18885550100", "Ana")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"agent": ""}, "agent"), ({"phone": ""}, "phone"), ({"phone": "1001&PJSIP/2"}, "phone"),
        ({"tech": "DAHDI"}, "tech"), ({"context": "a,b"}, "context"), ({"outqueue": ""}, "outqueue"),
        ({"destination": "call me"}, "destination"), ({"destination": ""}, "destination"),
    ],
)  # fmt: skip
def test_click_to_call_names_the_field_that_cannot_be(changes: dict[str, str], field: str) -> None:
    with pytest.raises(FieldError) as caught:
        read_agent_call(Fields({**CALL, **changes}))
    assert caught.value.field == field


def test_hang_up_takes_an_extension_or_an_interface() -> None:
    for phone in ("1001", "SIP/1001", 1001):
        assert read_order(read_hang_up(Fields({"phone": phone}))) == HangUpPhone("PJSIP/1001")


def test_a_flow_gets_its_data_as_variables() -> None:
    form = Fields({"context": "flow", "extension": "start", "jsonparams": '{"n": 1, "who": "Ana, B"}'})
    order = read_order(read_workflow(form))
    assert order == Workflow("flow", "start", "", (("n", "1"), ("who", "Ana, B")))
    for bad in ('{"CALLERID": "1"}', "[1]", "{", '{"a b": 1}', "[" * 9_999):
        with pytest.raises(FieldError):
            read_workflow(Fields({"context": "flow", "extension": "s", "jsonparams": bad}))


def test_actions_of_dispositions_in_both_spellings() -> None:
    assert read_action("reschedule") is read_action(" SCHEDULE ") is DialerAction.SCHEDULE
    assert read_action("") is DialerAction.NOTHING
    with pytest.raises(FieldError, match="RESPOOL, RESPOOLALTERNATIVE"):
        read_action("DELETE")
    assert finish_note(datetime(2026, 1, 2, 3, 4, 5), ("a", "", "c")) == "2026-01-02 03:04:05 a/c"  # noqa: DTZ001


def test_tags_need_the_call_and_take_any_text() -> None:
    assert read_tag(Fields({"guid": "7e4e7db9-f080", "data": "'; -- 💥", "phone": ""})).text == "'; -- 💥"
    for guid in ("", "../x", "a b", "x" * 65):
        with pytest.raises(FieldError):
            read_tag(Fields({"guid": guid, "data": "x"}))


def test_an_agent_is_read_from_the_documented_object() -> None:
    assert len(PHONE) == 32
    phone = read_sip(json.dumps(PHONE))
    assert (phone.extension, phone.user, phone.fullname, phone.options) == ("1001", "ana", "Ana B", {})
    assert read_sip(json.dumps({**PHONE, "limite": 0, "language": "en"})).options == {"language": "en"}
    assert read_sip(json.dumps({key: PHONE[key] for key in OWN})).options == {}


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": "10 01"}, "name"), ({"name": ""}, "name"), ({"callerid": "1002"}, "callerid"),
        ({"defaultuser": "x"}, "defaultuser"), ({"accountcode": "a:b"}, "accountcode"),
        ({"secret": ""}, "secret"), ({"context": "a\nb"}, "context"), ({"transport": "wss]"}, "transport"),
    ],
)  # fmt: skip
def test_an_agent_that_cannot_be_names_its_key(changes: dict[str, str], field: str) -> None:
    with pytest.raises(FieldError) as caught:
        read_sip(json.dumps({**PHONE, **changes}))
    assert caught.value.field == field


def test_members_come_as_an_array() -> None:
    one = {"membername": "ana", "queueName": "A->", "interface1": "SIP/1001", "penalty": 0, "paused": 0}
    [first, second] = read_members(json.dumps([one, {**one, "paused": "1", "interface1": "1002"}]))
    assert (first.extension, first.paused, second.extension, second.paused) == ("1001", False, "1002", True)
    assert read_order({"tech": "SIP", **member_order(second)}) == Join("A->", "PJSIP/1002", "ana", 0, True)
    for bad in ("{}", "[]", "[1]", '[{"membername": "a"}]', "null", "x"):
        with pytest.raises(FieldError):
            read_members(bad)
    with pytest.raises(FieldError, match="interface1"):
        read_members(json.dumps([{**one, "interface1": "Local/1001@x"}]))


def test_a_list_may_be_named_as_forms_get_it() -> None:
    sent = {"campaign": "Ventas->", "destination": "098344484", "dialebase": "basetest"}
    assert read_respool(json.dumps(sent)).list == "basetest"
    assert read_respool(json.dumps({**sent, "dialerbase": "other"})).list == "other"


FILTER = {
    "calldatei": "2015-12-03 00:00:00", "calldatef": "2016-02-24 23:59:59", "agent": "", "campaign": "",
    "source": "", "destination": "", "data": "", "range": "", "rating": "", "mindur": "", "exclude": "",
    "type": "record", "cont": "",
}  # fmt: skip


def test_the_sample_filter_is_read() -> None:
    page = read_page(Fields({"lastrow": "50", "searchLimit": "50", "filter": json.dumps(FILTER)}))
    assert (page.offset, page.limit, page.filter.agent, page.filter.appears) == (50, 50, "", 0)
    assert page.filter.end == datetime(2016, 2, 24, 23, 59, 59)  # noqa: DTZ001
    assert read_page(Fields({})).limit == 50


def test_an_end_without_seconds_or_time_is_the_end_of_that_minute_or_day() -> None:
    for text, end in (("2016-02-24", (23, 59, 59)), ("2016-02-24 12:30", (12, 30, 59))):
        page = read_page(
            Fields({"filter": json.dumps({**FILTER, "calldatei": "2016-02-24", "calldatef": text})})
        )
        assert (page.filter.begin, page.filter.end) == (datetime(2016, 2, 24), datetime(2016, 2, 24, *end))  # noqa: DTZ001
    form = {"campaign": "A", "number": "0991", "from": "2016-02-24", "to": "2016-02-24"}
    assert read_removal(Fields(form)).end == datetime(2016, 2, 24, 23, 59, 59)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"calldatei": "x"}, "calldatei"), ({"calldatef": "2001-01-01"}, "calldatef"),
        ({"range": "late"}, "range"), ({"range": "25-26"}, "range"), ({"rating": "good"}, "rating"),
        ({"rating": "nan"}, "rating"), ({"mindur": "-1"}, "mindur"), ({"cont": "x"}, "cont"),
        ({"destination": "%"}, "destination"),
    ],
)  # fmt: skip
def test_a_filter_that_cannot_be_names_its_key(changes: dict[str, str], field: str) -> None:
    with pytest.raises(FieldError) as caught:
        read_page(Fields({"filter": json.dumps({**FILTER, **changes})}))
    assert caught.value.field == field
    for form in ({"lastrow": "-1"}, {"searchLimit": "0"}, {"searchLimit": "100000"}, {"filter": "[]"}):
        with pytest.raises(FieldError):
            read_page(Fields(form))


def test_parts_of_a_day() -> None:
    assert read_hours("") is None
    assert read_hours("8-17") == (time(8), time(17, 0, 59))
    assert read_hours("22:30 - 06:15") == (time(22, 30), time(6, 15, 59))
    assert read_hours("00:00:00-24:00") == (time(0), time(23, 59, 59))


def test_recordings_lie_in_the_documented_places_and_nowhere_else() -> None:
    assert recording_places("a.mp3", "20160118") == ("20160118/a.mp3", "2016-01-18/a.mp3", "a.mp3")
    assert recording_folder("2016-01-18") == "20160118"
    for bad in ("../a.mp3", "a.exe", ".mp3", "a.mp3/x", "a/../b.mp3", "a.mp3\n", "%2e%2e.mp3", ""):
        with pytest.raises(FieldError):
            recording_name(bad)
    for bad in ("..", "2016", "20160118/..", "２０１６０１１８"):
        with pytest.raises(FieldError):
            recording_folder(bad)


def test_a_files_name_becomes_the_lists() -> None:
    assert list_of("base_prueba_2.csv") == "base_prueba_2"
    assert list_of("TestFileBase") == "TestFileBase"
    assert list_of("C:\\Mis datos\\marzo 2026 (é).TXT") == "marzo_2026_"
    for bad in ("", ".csv", "/"):
        with pytest.raises(FieldError):
            list_of(bad)


def test_content_is_decoded_however_it_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    sample = "UHJ1ZWJhRW5jdWVzdGE7MjUyNTI5NjE7Ozs5OTk5Ow=="
    assert decoded(sample) == decoded(sample.rstrip("=")) == decoded(sample[:20] + "\r\n" + sample[20:])
    assert decoded("Pz8/Ozs+Pz8/") == b"???;;>???"
    assert decoded("Pz8/Ozs Pz8/") == b"???;;>???"  # a '+' that was not encoded
    monkeypatch.setattr(upload, "_PIECE", 7)
    for size in range(1, 30):
        content = b";" * size
        assert decoded(base64.encodebytes(content).decode()) == content
    with pytest.raises(FieldError, match="base64"):
        decoded("Ow==Ow==")
    for bad in ("", "data:text/csv;base64,QTs=", "QTs*", "YWJj", "UVRzPQ=="):
        with pytest.raises(FieldError) as caught:
            decoded(bad)
        assert caught.value.field == "fileb64"


def test_an_upload_needs_its_zone_only_where_it_has_one() -> None:
    form = {"filename": "a.csv", "campaign": "A<-", "cant": "", "timezone": "Mars/Phobos"}
    assert read_upload(Fields(form), "QTs=", zoned=False).timezone == ""
    with pytest.raises(FieldError, match="timezone"):
        read_upload(Fields(form), "QTs=", zoned=True)
    assert read_upload(Fields({**form, "timezone": "America/Bogota"}), "QTs=", zoned=True).announced == 0


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (datetime(2018, 11, 2, 11, 31, 42), "Nov 2, 2018 11:31:42 AM"),  # noqa: DTZ001
        (datetime(2012, 2, 29, 0, 5, 6), "Feb 29, 2012 12:05:06 AM"),  # noqa: DTZ001
        (datetime(2012, 5, 29, 12, 0, 0), "May 29, 2012 12:00:00 PM"),  # noqa: DTZ001
    ],
)
def test_dates_are_written_as_in_the_documents(at: datetime, text: str) -> None:
    assert us_date(at) == text


def test_objects_have_exactly_the_documented_keys() -> None:
    assert (len(shapes.DIALER_KEYS), len(shapes.QUEUE_DEFAULTS), len(shapes.RECORD_KEYS)) == (26, 47, 26)


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_KEYS = ("campaign", "destination", "phone", "calldate", "bulk", "automatic", "name", "secret", "priority")


@given(st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=8), _ANY, max_size=9) | _ANY)
def test_whatever_is_sent_is_read_or_refused_by_name(value: Any) -> None:
    text = json.dumps(value)
    for read in (read_respool, read_scheduled, read_task, read_black, read_sip, read_members):
        with contextlib.suppress(FieldError):
            read(text)

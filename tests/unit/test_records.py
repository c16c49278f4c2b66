"""What a call leaves behind: queue_log rows in the documented positions, and its CDR."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import events as ev
from engine.domain.call import step
from engine.domain.model import attempt_id
from engine.domain.outcomes import Outcome
from engine.domain.records import QueueLogRow, cdr, others_queue_log, queue_log
from tests import builders as b
from tests.builders import ID, PURE, QUEUE, a_call, a_contact, an_attempt, any_event

IN_QUEUE = (b.sent(), b.ringing(), b.answered(), b.joined(position=3))
TALKING = (*IN_QUEUE, b.offered(), b.connected())


def rows(*events: ev.CallEvent) -> list[QueueLogRow]:
    """Every row that a call writes on its way."""
    call = a_call()
    written: list[QueueLogRow] = []
    for event in events:
        after = step(call, event)
        written += queue_log(call, event, after)
        call = after
    return written


def names(*events: ev.CallEvent) -> list[str]:
    return [row.event for row in rows(*events)]


def one(name: str, *events: ev.CallEvent) -> QueueLogRow:
    (row,) = [row for row in rows(*events) if row.event == name]
    assert (row.call, row.queue) == (ID, QUEUE)
    return row


def test_enterqueue_has_an_empty_url_the_caller_id_and_the_position() -> None:
    row = one("ENTERQUEUE", *IN_QUEUE)
    assert row.data == ("", "0991234567", "3")
    assert row.agent == "NONE"


def test_connect_has_hold_time_the_bridged_channel_and_ring_time() -> None:
    row = one("CONNECT", *TALKING)
    assert row.data == ("4", "1741.2", "2")
    assert row.agent == b.AGENT


@pytest.mark.parametrize(("by", "name"), [("agent", "COMPLETEAGENT"), ("caller", "COMPLETECALLER")])
def test_a_talk_is_completed_by_who_ended_it_with_hold_talk_and_original_position(by: str, name: str) -> None:
    row = one(name, *TALKING, b.completed(by))
    assert row.data == ("4", "60", "3")
    assert row.agent == b.AGENT


def test_abandon_has_position_original_position_and_wait() -> None:
    row = one("ABANDON", *IN_QUEUE, b.abandoned(position=2, original=3, hold=20), b.left(), b.hung_up())
    assert row.data == ("2", "3", "20")
    assert row.agent == "NONE"


def test_a_hang_up_in_the_queue_is_an_abandon_even_when_asterisk_did_not_say_so() -> None:
    row = one("ABANDON", b.sent(), b.answered(10), b.joined(t=11, position=3), b.hung_up(t=31))
    assert row.data == ("3", "3", "20")


def test_an_abandon_is_logged_even_when_the_join_was_missed() -> None:
    row = one("ABANDON", b.sent(), b.answered(), b.abandoned(position=2, original=3, hold=20), b.hung_up())
    assert row.data == ("2", "3", "20")


def test_a_caller_who_waited_too_long_leaves_one_row_and_no_abandon() -> None:
    script = (*IN_QUEUE, b.abandoned(position=1, original=3, hold=20), b.left(), b.queue_exit("TIMEOUT"))
    assert one("EXITWITHTIMEOUT", *script, b.hung_up()).data == ("1", "3", "20")
    assert names(*script, b.hung_up()) == ["ENTERQUEUE", "EXITWITHTIMEOUT", "OUTCALL"]


@pytest.mark.parametrize("status", ["LEAVEEMPTY", "JOINEMPTY", "LEAVEUNAVAIL", "JOINUNAVAIL"])
def test_a_caller_sent_on_because_nobody_is_there_leaves_exitempty(status: str) -> None:
    script = (b.sent(), b.answered(10), b.joined(t=11, position=3), b.queue_exit(status, t=31), b.hung_up())
    assert one("EXITEMPTY", *script).data == ("3", "3", "20")
    assert "ABANDON" not in names(*script)


def test_ringnoanswer_has_the_ring_time_in_ms_and_the_agent() -> None:
    row = one("RINGNOANSWER", *IN_QUEUE, b.offered(), b.missed())
    assert row.data == ("5000",)
    assert row.agent == b.AGENT


def test_every_agent_of_several_rung_at_once_who_does_not_answer_is_logged() -> None:
    script = (
        *IN_QUEUE,
        *(b.offered(13, "PJSIP/101", "Ana"), b.offered(13, "PJSIP/102", "Luis")),
        *(b.missed(18, "PJSIP/101", "Ana"), b.missed(18, "PJSIP/102", "Luis")),
    )
    assert [row.agent for row in rows(*script) if row.event == "RINGNOANSWER"] == ["Ana", "Luis"]


def test_outcall_has_status_seconds_answered_seconds_in_all_number_and_guid() -> None:
    row = one("OUTCALL", *TALKING, b.completed(), b.hung_up(t=80))
    assert row.data == ("ANSWER", "70", "80", "0991234567", ID)
    assert row.agent == b.AGENT


@pytest.mark.parametrize(
    ("end", "status"),
    [
        (b.hung_up(t=20, cause=17, sip=486), "BUSY"),
        (b.hung_up(t=20, cause=34, sip=503), "CONGESTION"),
        (b.hung_up(t=20, cause=19, sip=480), "NOANSWER"),
        (b.hung_up(t=20, cause=16, sip=487), "CANCEL"),
        (b.hung_up(t=20, cause=1, sip=404), "CHANUNAVAIL"),
    ],
)
def test_an_unanswered_call_leaves_one_outcall_and_no_answered_seconds(
    end: ev.CallEvent, status: str
) -> None:
    assert names(b.sent(), b.ringing(), end) == ["OUTCALL"]
    row = one("OUTCALL", b.sent(), b.ringing(), end)
    assert row.data == (status, "0", "20", "0991234567", ID)
    assert row.agent == "NONE"


def test_the_rows_of_a_whole_call_come_in_its_order_and_bear_its_times() -> None:
    written = rows(*TALKING, b.completed("caller"), b.hung_up())
    assert [row.event for row in written] == ["ENTERQUEUE", "CONNECT", "COMPLETECALLER", "OUTCALL"]
    assert [row.at for row in written] == [b.later(t) for t in (11, 15, 75, 80)]


def test_an_event_heard_twice_is_logged_once() -> None:
    script = (*TALKING, b.completed(), b.hung_up())
    assert rows(*(event for event in script for _ in range(2))) == rows(*script)


def test_what_comes_after_the_end_writes_nothing() -> None:
    script = (*IN_QUEUE, b.hung_up())
    late = (b.abandoned(), b.queue_exit("TIMEOUT"), b.connected(), b.failed(3), b.hung_up(t=99))
    assert rows(*script, *late) == rows(*script)


def test_a_call_logged_as_abandoned_is_abandoned_in_its_cdr_too() -> None:
    script = (*IN_QUEUE, b.abandoned(), b.vanished())
    assert "ABANDON" in names(*script)
    assert cdr(a_call(*script)).disposition == "ANSWERED"


def test_the_cdr_of_a_talk() -> None:
    row = cdr(a_call(*TALKING, b.completed(), b.hung_up(t=80, cause=16)))
    assert (row.calldate, row.duration, row.billsec) == (b.NOW, 80, 70)
    assert (row.src, row.clid) == ("18885751288", '"18885751288" <18885751288>')
    assert (row.dst, row.dcontext) == ("0991234567", "PowerDialer")
    assert (row.channel, row.dstchannel) == (b.CHANNEL, "PJSIP/101-00000002")
    assert (row.disposition, row.accountcode, row.lastapp) == ("ANSWERED", b.AGENT, "Queue")
    assert (row.guid, row.campaign, row.contact, row.dialerbase) == (ID, QUEUE, "C-42", "march")
    assert (row.parandvalues, row.causecode) == ("name=Mario:other=x", "16")


def test_the_cdr_of_an_unanswered_call_bills_nothing_and_keeps_both_codes() -> None:
    row = cdr(a_call(b.sent(), b.ringing(), b.hung_up(t=20, cause=21, sip=603)))
    assert (row.duration, row.billsec, row.disposition) == (20, 0, "FAILED")
    assert (row.causecode, row.accountcode, row.dstchannel) == ("21 SIP 603", "", "")


def test_the_cdr_of_a_machine_names_amd() -> None:
    row = cdr(a_call(b.sent(), b.answered(10), b.judged("MACHINE"), b.hung_up(t=15)))
    assert (row.lastapp, row.disposition, row.billsec) == ("AMD", "ANSWERED", 5)


def test_a_refused_order_tells_why_in_its_note() -> None:
    contact = a_contact(reference="")
    row = cdr(a_call(b.sent(), b.refused(text="no such trunk"), attempt=an_attempt(contact)))
    assert (row.note, row.duration, row.contact) == ("Asterisk refused the order: no such trunk", 0, "")


@PURE
@given(st.lists(any_event(), max_size=20))
def test_whatever_happens_one_call_has_one_outcall_and_sane_seconds(events: list[ev.CallEvent]) -> None:
    call = a_call(b.sent(), *events)
    written = names(b.sent(), *events)
    assert written.count("OUTCALL") == (call.outcome is not None)
    assert written.count("ABANDON") <= 1
    if "ABANDON" in written:
        assert call.outcome is not Outcome.ANSWERED
        assert written[-2:] == ["ABANDON", "OUTCALL"]
    if call.outcome is not None:
        row = cdr(call)
        assert row.duration >= 0
        assert row.billsec >= 0


@pytest.mark.parametrize("completed", [False, True])
def test_a_talk_that_is_found_in_the_records_afterwards_is_told_once(completed: bool) -> None:
    talk = ev.AgentConnected(b.later(5), b.ID, b.QUEUE, "PJSIP/101", "Ana", "", "", 0, 0)
    call = b.a_call(b.sent(), ev.Answered(b.later(4), b.ID, "x"), talk)
    if completed:
        call = step(call, ev.AgentCompleted(b.later(6), b.ID, b.QUEUE, "PJSIP/101", "Ana", "caller", 0, 1))
    again = replace(talk, agent="PJSIP/101", channel="PJSIP/101-1")
    after = step(call, again)
    assert queue_log(call, again, after) == ()
    assert after.agent_channel == "PJSIP/101-1"
    other = replace(again, agent="Eva", interface="PJSIP/102")
    assert [row.event for row in queue_log(call, other, step(call, other))] == ["CONNECT"]


def test_callers_whom_no_campaign_called_are_told_of_as_far_as_events_go() -> None:
    call, queue, at = "pbx-1700000000.12", QUEUE, b.NOW
    told = [
        others_queue_log(event)
        for event in (
            ev.CallerJoined(at, call, queue, 2, "0991234567"),
            ev.AgentMissed(at, call, queue, "PJSIP/1", b.AGENT, 3000),
            ev.AgentConnected(at, call, queue, "PJSIP/1", b.AGENT, "PJSIP/1-1", "1741.2", 4, 2),
            ev.AgentCompleted(at, call, queue, "PJSIP/1", b.AGENT, "caller", 4, 60),
            ev.AgentCompleted(at, call, queue, "PJSIP/1", b.AGENT, "transfer", 4, 60),
            ev.CallerAbandoned(at, call, queue, 1, 2, 9),
        )
    ]
    assert all(row.call == call and row.queue == queue for (row,) in told)
    assert [(row.event, row.agent, row.data) for (row,) in told] == [
        ("ENTERQUEUE", "NONE", ("", "0991234567", "2")),
        ("RINGNOANSWER", b.AGENT, ("3000",)),
        ("CONNECT", b.AGENT, ("4", "1741.2", "2")),
        ("COMPLETECALLER", b.AGENT, ("4", "60")),
        ("TRANSFER", b.AGENT, ("", "", "4", "60")),
        ("ABANDON", "NONE", ("1", "2", "9")),
    ]
    assert others_queue_log(ev.CallerLeft(at, call, queue)) == ()
    assert others_queue_log(ev.HungUp(at, call, "PJSIP/c-1", 16, None)) == ()


@pytest.mark.parametrize("leg", ["", ";2", "-agent"])
def test_our_own_calls_write_no_row_as_others(leg: str) -> None:
    call = attempt_id(1_700_000_000_000, 12345) + leg
    assert others_queue_log(ev.CallerAbandoned(b.NOW, call, QUEUE, 1, 1, 9)) == ()

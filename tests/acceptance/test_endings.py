"""Every ending that a carrier can give: outcome, CDR, queue_log and the contact's next number."""

from __future__ import annotations

import pytest

from tests.stage import CAMPAIGN, Stage

#: Last digits of the number → outcome, SIP code, Q.850 cause, cdr disposition, OUTCALL's dialstatus.
ENDINGS = {
    "486": ("busy", "486", "17", "BUSY", "BUSY"),
    "404": ("invalid", "404", "1", "FAILED", "CHANUNAVAIL"),
    "503": ("congestion", "503", "34", "CONGESTION", "CONGESTION"),
    "603": ("rejected", "603", "21", "FAILED", "BUSY"),
    "480": ("no_answer", "480", "19", "NO ANSWER", "NOANSWER"),
    "777": ("no_answer", "480", "19", "NO ANSWER", "NOANSWER"),
    "487": ("cancelled", "487", "127", "NO ANSWER", "CANCEL"),
}


@pytest.mark.parametrize("digits", ENDINGS)
def test_an_unanswered_ending_is_told_apart_and_the_next_number_is_dialled(stage: Stage, digits: str) -> None:
    outcome, sip, cause, disposition, dialstatus = ENDINGS[digits]
    causecode = f"{cause} SIP {sip}"
    if stage.asterisk.major < 22:  # gives the Q.850 cause only, and has none for 487
        sip, causecode = "NULL", cause
        if digits == "487":
            outcome, disposition, dialstatus = "failed", "FAILED", "CHANUNAVAIL"
    first, second = f"5551000{digits}", "5552000100"
    stage.dialer()
    stage.contacts(
        {"destination": first, "alternatives": f"W=0={second}", "contact": "C1", "data": "name=Ana"}
    )
    stage.start()
    stage.ended(2)

    attempt = stage.sql(
        "SELECT outcome, sip, cause, next_step FROM ccdata.attempts ORDER BY claimed_at, id LIMIT 1"
    )[0]
    assert attempt == [outcome, sip, cause, "alternative"]
    cdr = stage.sql(
        "SELECT src, dst, dcontext, billsec, disposition, causecode, campaign, contact, dialerbase,"
        " parandvalues FROM ccrepo.cdr_repo ORDER BY id LIMIT 1"
    )[0]
    assert cdr == [
        "18885550100", first, "PowerDialer", "0", disposition, causecode,
        CAMPAIGN, "C1", "L1", "name=Ana",
    ]  # fmt: skip
    log = stage.sql(
        "SELECT queuename, agent, event, data1, data2, data4, data5, callid"
        " FROM ccrepo.queue_log_repo ORDER BY id LIMIT 1"
    )[0]
    assert log[:6] == [CAMPAIGN, "NONE", "OUTCALL", dialstatus, "0", first]
    assert log[6] == log[7], "data5 is the guid, which is the call id"
    assert stage.invites() == [first, second], "each number is dialled once, in order"
    assert stage.value("SELECT COUNT(*) FROM ccdata.calls_spool") == "0", "reached on the alternative"


def test_an_answered_call_is_joined_with_an_agent_and_leaves_the_spool(stage: Stage) -> None:
    stage.dialer()
    stage.contacts({"destination": "5551000100", "alternatives": "5552000100", "contact": "C7"})
    stage.start()
    stage.ended(1)

    events = stage.sql(
        "SELECT event, agent, data1, data2, data3, data4 FROM ccrepo.queue_log_repo"
        " WHERE event <> 'ADDMEMBER' ORDER BY id"
    )
    assert [row[0] for row in events] == ["ENTERQUEUE", "CONNECT", "COMPLETECALLER", "OUTCALL"]
    enter, connect, complete, outcall = events
    assert enter[2:4] == ["", "18885550100"]
    assert connect[1].startswith("Agent 10")
    assert complete[1] == connect[1]
    assert int(complete[3]) in (1, 2), "seconds of talk"
    assert complete[4] == "1", "original position"
    assert outcall[2] == "ANSWER"
    assert outcall[5] == "5551000100"
    guid, uniqueid, disposition, agent, billsec, dstchannel = stage.sql(
        "SELECT guid, uniqueid, disposition, accountcode, billsec, dstchannel FROM ccrepo.cdr_repo"
    )[0]
    assert guid == uniqueid == stage.value("SELECT id FROM ccdata.attempts")
    assert disposition == "ANSWERED"
    assert agent == connect[1]
    assert dstchannel.startswith("PJSIP/agent")
    assert int(billsec) >= 1
    assert stage.value("SELECT COUNT(*) FROM ccdata.calls_spool") == "0"
    assert stage.invites() == ["5551000100"], "the alternative is not called"


def test_early_media_then_an_answer_is_an_answer(stage: Stage) -> None:
    stage.dialer()
    stage.contacts({"destination": "5551000183"})
    stage.start()
    stage.ended(1)
    assert stage.value("SELECT outcome FROM ccdata.attempts") == "answered"


def test_media_flows_between_carrier_and_asterisk_and_the_agent_may_hang_up(stage: Stage) -> None:
    stage.dialer()
    stage.contacts({"destination": "5551000200"})
    stage.start()
    stage.wait_for_value("SELECT state FROM ccdata.attempts", "connected")

    def heard() -> bool:
        lines = stage.asterisk.command("pjsip show channelstats").splitlines()
        words = [line.split() for line in lines if "CARRIER" in line]
        return bool(words) and any(word.isdigit() and int(word) > 20 for word in words[0][4:6])

    stage.wait(heard, "RTP arrives from the carrier")
    channel = stage.value("SELECT data2 FROM ccrepo.queue_log_repo WHERE event = 'CONNECT'")
    for line in stage.asterisk.command("core show channels concise").splitlines():
        if line.startswith("PJSIP/agent"):
            stage.asterisk.command(f"channel request hangup {line.split('!')[0]}")
    stage.ended(1)
    assert channel
    assert stage.value("SELECT COUNT(*) FROM ccrepo.queue_log_repo WHERE event = 'COMPLETEAGENT'") == "1"


def test_a_caller_whom_no_agent_takes_is_abandoned_and_rests(stage: Stage) -> None:
    """The only agents ring but never answer: nobody is there in the five seconds of the queue."""
    stage.dialer(tbc=0)
    stage.contacts({"destination": "5551000200", "alternatives": "5552000200"})
    stage.asterisk.command("dialplan set global LAB_AGENT_DEAF yes")
    try:
        stage.start()
        stage.ended(1)
    finally:
        stage.asterisk.command("dialplan set global LAB_AGENT_DEAF no")
    assert stage.sql("SELECT outcome, next_step FROM ccdata.attempts") == [["abandoned", "rest"]]
    row = stage.sql(
        "SELECT destination, alternatives, status, retries,"
        " notbefore > UTC_TIMESTAMP() + INTERVAL 71 HOUR FROM ccdata.calls_spool"
    )
    assert row == [["5551000200", "5552000200", "1", "0", "1"]]
    events = [r[0] for r in stage.sql("SELECT event FROM ccrepo.queue_log_repo ORDER BY id")]
    assert events.count("EXITWITHTIMEOUT") == 1
    assert "ABANDON" not in events
    data = stage.sql("SELECT data1, data2, data3 FROM ccrepo.queue_log_repo WHERE event = 'EXITWITHTIMEOUT'")
    assert data[0][:2] == ["1", "1"]
    assert int(data[0][2]) >= 4, "seconds waited"


def test_retries_come_before_alternatives_and_count(stage: Stage) -> None:
    stage.dialer(retries=1)
    stage.contacts({"destination": "5551000486", "alternatives": "M=0=5552000404:5553000100"})
    stage.start()
    stage.ended(4)
    assert stage.invites() == ["5551000486", "5551000486", "5552000404", "5553000100"]
    steps = [row[0] for row in stage.sql("SELECT next_step FROM ccdata.attempts ORDER BY claimed_at, id")]
    assert steps == ["retry", "alternative", "alternative", "finished"]


def test_a_retry_waits_its_minutes(stage: Stage) -> None:
    stage.dialer(retries=1, tbc_nocontact=10)
    stage.contacts({"destination": "5551000486"})
    stage.start()
    stage.ended(1)
    stage.wait_for_value("SELECT bound FROM ccdata.campaign_state", "spool")
    row = stage.sql(
        "SELECT status, retries, TIMESTAMPDIFF(MINUTE, UTC_TIMESTAMP(), notbefore) FROM ccdata.calls_spool"
    )
    assert row in ([["1", "1", "9"]], [["1", "1", "10"]])
    stage.sql("UPDATE ccdata.calls_spool SET notbefore = UTC_TIMESTAMP()")
    stage.ended(2)


def test_queue_log_rows_are_those_of_asterisks_own_log(stage: Stage) -> None:
    """The same calls, the same events, the same words in the same places."""
    stage.dialer(tbc=-300)
    stage.contacts(*({"destination": f"55510{n:02d}100"} for n in range(6)), {"destination": "5551050486"})
    stage.start()
    stage.ended(7)
    # A call may have ended before its queue has told of the talk.
    talks = "SELECT SUM(event = 'CONNECT') = SUM(event LIKE 'COMPLETE%') FROM ccrepo.queue_log_repo"
    stage.wait_for_value(talks, 1)
    ours = sorted(
        stage.sql(
            "SELECT callid, agent, event, data1, data2, data3 FROM ccrepo.queue_log_repo"
            " WHERE event IN ('ENTERQUEUE', 'CONNECT', 'COMPLETECALLER', 'COMPLETEAGENT', 'RINGNOANSWER',"
            " 'ABANDON', 'EXITWITHTIMEOUT')"
        )
    )
    calls = {row[0] for row in stage.sql("SELECT id FROM ccdata.attempts")}
    theirs = []
    for line in (stage.asterisk.home / "log/queue_log").read_text().splitlines():
        _, call, _, agent, event, *data = line.split("|")
        if call in calls:
            theirs.append([call, agent, event, *([*data, "", "", ""])[:3]])
    events = {row[2] for row in ours}
    assert {"ENTERQUEUE", "CONNECT", "COMPLETECALLER", "ABANDON"} <= events, "six callers, three agents"
    assert ours == sorted(theirs)

"""Every way of dialling with a reserved agent, on the real parts: who is called first, and every ending."""

from __future__ import annotations

import pytest

from tests.stage import CAMPAIGN, PAIR, Stage

#: Numbers by how the carrier answers (carrier.xml): talks and hangs up, waits for our hang-up, busy.
TALKS, WAITS, BUSY, RINGS = "100", "200", "486", "777"


def _campaign(stage: Stage, kind: str, campaign: str = PAIR, **columns: object) -> None:
    stage.dialer(campaign, dialertype=kind, context=kind, tbc=0, retries=0, **columns)


def _options(stage: Stage, campaign: str, **columns: object) -> None:
    names = ", ".join(["campaign", *columns])
    values = ", ".join(f"'{value}'" for value in (campaign, *columns.values()))
    stage.sql(f"INSERT INTO ccdata.dialer_options ({names}) VALUES ({values})")


def _contacts(stage: Stage, campaign: str, *endings: str, start: int = 0, **columns: object) -> None:
    rows = ({"destination": f"5557{start + n:03d}{ending}", **columns} for n, ending in enumerate(endings))
    stage.contacts(*rows, campaign=campaign)


def _agent_free(stage: Stage, campaign: str, ready: int = 1) -> None:
    query = f"SELECT ready FROM ccdata.campaign_state WHERE campaign = '{campaign}'"
    stage.wait_for_value(query, ready)


def _ended(stage: Stage) -> list[list[str]]:
    return stage.sql(
        "SELECT outcome, next_step, agent FROM ccdata.attempts WHERE state = 'ended' ORDER BY claimed_at, id"
    )


def test_preview_calls_the_agent_first_and_joins_him_with_the_customer(stage: Stage) -> None:
    _campaign(stage, "Preview")
    _contacts(stage, PAIR, TALKS, TALKS, BUSY)
    stage.start()
    stage.ended(3)
    assert sorted(row[0] for row in _ended(stage)) == ["answered", "answered", "busy"]
    talks = stage.sql(
        "SELECT agent, answered_at <= connected_at FROM ccdata.attempts WHERE outcome = 'answered'"
    )
    assert {row[0] for row in talks} <= {"Agent 301", "Agent 302"}
    assert {row[1] for row in talks} == {"1"}
    told = stage.sql("SELECT event, COUNT(*) FROM ccrepo.queue_log_repo GROUP BY event")
    assert dict(told) == {
        "CONNECT": "2", "COMPLETECALLER": "2", "OUTCALL": "3",
    }  # fmt: skip
    cdrs = stage.sql(
        "SELECT disposition, lastapp, accountcode <> '', dstchannel LIKE 'PJSIP/agent30%'"
        " FROM ccrepo.cdr_repo ORDER BY disposition"
    )
    assert cdrs == [
        ["ANSWERED", "Bridge", "1", "1"], ["ANSWERED", "Bridge", "1", "1"], ["BUSY", "", "1", "1"],
    ]  # fmt: skip
    assert stage.value("SELECT COUNT(*) FROM ccdata.calls_spool") == "0"
    _agent_free(stage, PAIR, 2)
    assert stage.asterisk.channels() == 0


@pytest.mark.parametrize("campaign", ["REJECTS->", "DEAF->"])
def test_an_agent_who_does_not_take_it_costs_the_contact_nothing(stage: Stage, campaign: str) -> None:
    _campaign(stage, "Preview", campaign, timeout=2)
    _contacts(stage, campaign, TALKS)
    stage.start()
    stage.ended(1)
    assert _ended(stage)[0][:2] == ["agent_missed", "again"]
    assert stage.invites() == []
    assert stage.sql("SELECT status, retries FROM ccdata.calls_spool") == [["1", "0"]]
    assert stage.value("SELECT COUNT(*) FROM ccrepo.cdr_repo") == "0"
    stage.wait_for_value("SELECT event FROM ccrepo.queue_log_repo", "RINGNOANSWER")
    # He is left alone for a while, and the channel is gone.
    stage.wait(lambda: stage.asterisk.channels() == 0, "no channel is left")


def test_an_agent_who_hangs_up_early_ends_the_customers_call(stage: Stage) -> None:
    _campaign(stage, "Preview", "LEAVES->", timeout=10)
    _contacts(stage, "LEAVES->", RINGS)
    stage.start()
    stage.ended(1)
    assert _ended(stage)[0][0] == "withdrawn"
    stage.wait(lambda: stage.asterisk.channels() == 0, "no channel is left")


def test_a_customer_who_is_busy_frees_the_agent_at_once(stage: Stage) -> None:
    _campaign(stage, "Preview", "STAYS->")
    _contacts(stage, "STAYS->", BUSY)
    stage.start()
    stage.ended(1)
    assert _ended(stage)[0][:2] == ["busy", "finished"]
    stage.wait(lambda: stage.asterisk.channels() == 0, "no channel is left")
    _agent_free(stage, "STAYS->")


def test_progressive_gives_every_contact_to_its_own_agent(stage: Stage) -> None:
    _campaign(stage, "Progressive")
    _contacts(stage, PAIR, TALKS, TALKS, agentphone="agent302")
    _contacts_more(stage, "5557900100", "Agent 302")
    _contacts_more(stage, "5557901100", "agent301")
    _contacts_more(stage, "5557902100", "nobody here")
    _contacts_more(stage, "5557903100", "")
    stage.start()
    stage.ended(5)
    talks = stage.sql("SELECT destination, agent FROM ccdata.attempts")
    rows = dict(talks)
    assert rows["5557000100"] == rows["5557001100"] == rows["5557900100"] == "Agent 302"
    assert rows["5557901100"] == "Agent 301"
    assert rows["5557903100"] in ("Agent 301", "Agent 302")
    left = stage.sql("SELECT agent, ready FROM ccdata.portfolio")
    assert left == [["nobody here", "1"]]


def _contacts_more(stage: Stage, number: str, agent: str) -> None:
    stage.sql(
        "INSERT INTO ccdata.calls_spool (campaign, dialerbase, destination, agentphone)"
        f" VALUES ('{PAIR}', 'L1', '{number}', '{agent}')"
    )


def test_reverse_progressive_calls_the_customer_and_then_exactly_his_agent(stage: Stage) -> None:
    _campaign(stage, "Progressive")
    _options(stage, PAIR, customer_first=1)
    _contacts(stage, PAIR, TALKS, TALKS, BUSY, agentphone="agent302")
    stage.start()
    stage.ended(3)
    rows = stage.sql("SELECT outcome, agent FROM ccdata.attempts ORDER BY outcome")
    assert rows == [["answered", "Agent 302"], ["answered", "Agent 302"], ["busy", ""]]
    _agent_free(stage, PAIR, 2)


def test_an_agent_who_does_not_come_abandons_and_then_agents_are_called_first(stage: Stage) -> None:
    _campaign(stage, "Progressive", "DEAF->", timeout=3)
    _options(stage, "DEAF->", customer_first=1)
    _contacts(stage, "DEAF->", WAITS, WAITS)
    stage.start()
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.attempts WHERE outcome = 'abandoned'", 1)
    stage.wait_for_value("SELECT COUNT(*) > 0 FROM ccdata.attempts WHERE outcome = 'agent_missed'", 1)
    assert len(stage.invites()) == 1


def test_nothing_is_dialled_before_the_agent_says_so(stage: Stage) -> None:
    _campaign(stage, "Preview", "MUTE->")
    _options(stage, "MUTE->", agent_decides=1, decision_time=5)
    _contacts(stage, "MUTE->", TALKS)
    stage.start()
    stage.wait_for_value("SELECT state FROM ccdata.agent_screen WHERE agent = 'Agent 317'", "held")
    assert stage.invites() == []
    stage.ended(1)
    assert stage.invites() == []
    assert _ended(stage)[0][:2] == ["agent_missed", "again"]
    acts = stage.sql("SELECT agent, act, via, destination FROM ccdata.agent_acts")
    assert acts == [["Agent 317", "timeout", "key", "5557000100"]]


def test_key_1_dials_and_is_kept_as_evidence(stage: Stage) -> None:
    _campaign(stage, "Preview", "DIALS->")
    _options(stage, "DIALS->", agent_decides=1)
    _contacts(stage, "DIALS->", TALKS)
    stage.start()
    stage.ended(1)
    assert _ended(stage)[0] == ["answered", "finished", "Agent 311"]
    acts = stage.sql(
        "SELECT act, via, interface, acted_at <= sent_at FROM ccdata.agent_acts e JOIN ccdata.attempts a"
        " ON a.id = e.attempt"
    )
    assert acts == [["dial", "key", "PJSIP/agent311", "1"]]


def test_key_2_skips_with_a_reason_and_key_3_puts_off(stage: Stage) -> None:
    for campaign in ("SKIPS->", "LATER->"):
        _campaign(stage, "Progressive", campaign)
        _options(stage, campaign, agent_decides=1, later=90)
    _contacts(stage, "SKIPS->", TALKS, agentphone="agent312")
    _contacts(stage, "LATER->", TALKS, start=50, agentphone="Agent 313")
    stage.start()
    stage.ended(2)
    rows = stage.sql("SELECT outcome, next_step FROM ccdata.attempts ORDER BY campaign")
    assert rows == [["postponed", "again"], ["skipped", "finished"]]
    acts = stage.sql("SELECT act, reason FROM ccdata.agent_acts ORDER BY act")
    assert acts == [["later", ""], ["skip", "key 7"]]
    left = stage.sql(
        "SELECT campaign, notbefore > UTC_TIMESTAMP() + INTERVAL 80 MINUTE FROM ccdata.calls_spool"
    )
    assert left == [["LATER->", "1"]]
    assert stage.invites() == []


def test_contradictory_options_set_the_campaign_aside_and_name_the_field(stage: Stage) -> None:
    _campaign(stage, "Preview")
    _options(stage, PAIR, customer_first=1)
    stage.start()
    stage.wait_for_value("SELECT state FROM ccdata.campaign_state", "set_aside")
    assert stage.value("SELECT field FROM ccdata.campaign_state") == "dialer_options.customer_first"


def _order(stage: Stage, kind: str, **columns: object) -> str:
    names = ", ".join(["kind", *columns])
    values = ", ".join(f"'{value}'" for value in (kind, *columns.values()))
    stage.sql(f"INSERT INTO ccdata.orders ({names}) VALUES ({values})")
    number = stage.value("SELECT MAX(id) FROM ccdata.orders")
    stage.wait_for_value(f"SELECT status IN ('done', 'failed') FROM ccdata.orders WHERE id = {number}", 1)
    return number


CALL = {
    "campaign": "MANUAL->",
    "agent": "ana",
    "phone": "agent318",
    "context": "agents",
    "callerid": "18005550199",
}


def test_click_to_call_rings_the_agent_then_the_destination_and_tells_the_guid(stage: Stage) -> None:
    _options(stage, "MANUAL->", recording="all")
    stage.start()
    number = _order(stage, "call", destination="5557-000-100", **CALL)
    guid = stage.value(f"SELECT guid FROM ccdata.orders WHERE id = {number}")
    stage.ended(1)
    cdr = stage.sql("SELECT guid, dst, campaign, disposition, accountcode, src FROM ccrepo.cdr_repo")
    assert cdr == [[guid, "5557000100", "MANUAL->", "ANSWERED", "ana", "18005550199"]]
    assert stage.invites() == ["5557000100"]
    recorded = stage.asterisk.home / "spool/monitor"
    stage.wait(lambda: any(recorded.glob(f"20*/{guid}.wav")), "the recording of a manual campaign")


def test_a_manual_call_that_may_not_or_cannot_be_made_says_why(stage: Stage) -> None:
    stage.sql("INSERT INTO ccdata.black_list (phone, campaign) VALUES ('5557000100', '*')")
    stage.start()
    faults = (
        ({"destination": "5557000100", **CALL}, "destination"),
        ({"destination": "5557001100", **CALL, "phone": "a;b"}, "phone"),
        ({"destination": "call me", **CALL}, "destination"),
    )
    for columns, field in faults:
        number = _order(stage, "call", **columns)
        result = stage.sql(f"SELECT status, result FROM ccdata.orders WHERE id = {number}")
        assert result[0][0] == "failed"
        assert result[0][1].startswith(field), result
    assert stage.invites() == []


def test_an_order_decides_for_the_agent_whose_phone_still_asks(stage: Stage) -> None:
    _campaign(stage, "Preview", "MUTE->")
    _options(stage, "MUTE->", agent_decides=1, decision_time=60)
    _contacts(stage, "MUTE->", TALKS, TALKS)
    stage.start()
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.attempts WHERE state = 'held'", 1)
    _order(stage, "decide", agent="agent317", act="dial")
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.attempts WHERE outcome = 'answered'", 1)
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.attempts WHERE state = 'held'", 1)
    _order(stage, "decide", agent="Agent 317", act="skip", reason="moved away")
    stage.ended(2)
    acts = stage.sql("SELECT act, reason, via FROM ccdata.agent_acts ORDER BY id")
    assert acts == [["dial", "", "order"], ["skip", "moved away", "order"]]
    number = _order(stage, "decide", agent="Agent 317", act="dial")
    assert stage.value(f"SELECT status FROM ccdata.orders WHERE id = {number}") == "failed"


def test_a_phone_is_hung_up_and_a_flow_is_started_by_order(stage: Stage) -> None:
    _campaign(stage, "Preview", "STAYS->")
    _contacts(stage, "STAYS->", WAITS)
    stage.start()
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.attempts WHERE state = 'connected'", 1)
    _order(stage, "hangup", phone="agent318")
    stage.ended(1)
    assert _ended(stage)[0][0] == "answered"
    assert (
        stage.value("SELECT event FROM ccrepo.queue_log_repo WHERE event LIKE 'COMPLETE%'") == "COMPLETEAGENT"
    )
    stage.sql("UPDATE ccdata.dialers SET status = 0")
    number = _order(
        stage, "workflow", context="flow", exten="start", variables='{"who": "Ana, \\\\"x\\\\"", "n": 5}'
    )
    assert stage.value(f"SELECT status FROM ccdata.orders WHERE id = {number}") == "done"
    stage.wait(lambda: "55995100" in stage.invites(), "the flow calls the number that was given")
    number = _order(stage, "workflow", context="flow", exten="start", variables="{who}")
    assert stage.value(f"SELECT result FROM ccdata.orders WHERE id = {number}").startswith("variables")


def test_talks_are_recorded_by_guid_in_the_folder_of_the_day(stage: Stage) -> None:
    for campaign, recording in ((PAIR, "all"), ("STAYS->", "agents"), ("DIALS->", "agents")):
        _campaign(stage, "Preview", campaign)
        _options(stage, campaign, recording=recording)
    stage.sql("INSERT INTO ccdata.agent_options (agent, recording) VALUES ('agent318', 1), ('agent311', 0)")
    stage.dialer()
    _options(stage, CAMPAIGN, recording="agents")
    stage.sql("INSERT INTO ccdata.agent_options (agent, recording) VALUES ('Agent 101', 1)")
    stage.contacts(*({"destination": f"5558{n:03d}100"} for n in range(3)))
    _contacts(stage, PAIR, TALKS)
    _contacts(stage, "STAYS->", TALKS, start=10)
    _contacts(stage, "DIALS->", TALKS, start=20)
    stage.start()
    stage.ended(6)
    wanted = {
        row[0]
        for row in stage.sql(
            f"SELECT id FROM ccdata.attempts WHERE campaign IN ('{PAIR}', 'STAYS->') OR agent = 'Agent 101'"
        )
    }
    assert len(wanted) == 3
    folder = stage.asterisk.home / "spool/monitor"
    stage.wait(
        lambda: wanted == {file.stem for file in folder.glob("20*/*.wav")} & _ids(stage), "the recordings"
    )
    assert all(file.stat().st_size > 1000 for file in folder.glob("20*/*.wav") if file.stem in wanted)


def _ids(stage: Stage) -> set[str]:
    return {row[0] for row in stage.sql("SELECT id FROM ccdata.attempts")}


@pytest.mark.parametrize("machines", ["hangup", "message", "agent"])
def test_machines_are_hung_up_hear_a_message_or_reach_an_agent(stage: Stage, machines: str) -> None:
    settings = "initialSilence=2500:greeting=1500:betweenWordSilence=50:minWordLength=100:maxNumberOfWords=2"
    stage.dialer(am=1, dialstring="SIP/LOOPBACK/", maxchannels=1, timeout=10, variables=settings)
    _options(stage, CAMPAIGN, machines=machines, machine_sound="vm-intro")
    stage.contacts({"destination": "5559300888"})
    stage.start()
    stage.ended(1)
    outcome = "answered" if machines == "agent" else "machine"
    assert stage.value("SELECT outcome FROM ccdata.attempts") == outcome
    # This machine calls a number when it hears something after its beep.
    heard = "55977100" in stage.invites()
    assert heard is (machines == "message")


def test_a_menu_before_the_queue_leads_to_an_agent_or_out_for_ever(stage: Stage) -> None:
    stage.dialer(context="IVR", sound="vm-intro", dialstring="Local/@pressers")
    stage.contacts({"destination": "5550000711"}, {"destination": "5550000719"})
    stage.start()
    stage.wait_for_value("SELECT phone FROM ccdata.black_list", "5550000719")
    stage.wait_for_value(
        "SELECT destination FROM ccdata.attempts WHERE connected_at IS NOT NULL", "5550000711"
    )

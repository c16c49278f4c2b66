"""What a sceptical supervisor tries with the ways of dialling: absent agents, tasks, bad rows."""

from __future__ import annotations

from tests.stage import CAMPAIGN, PAIR, Stage

#: Numbers by how the carrier answers (carrier.xml): talks and hangs up, waits for our hang-up.
TALKS, WAITS = "100", "200"


def _campaign(stage: Stage, kind: str, campaign: str = PAIR, **columns: object) -> None:
    values = {"dialertype": kind, "context": kind, "tbc": 0, "retries": 0, **columns}
    stage.dialer(campaign, **values)


def _options(stage: Stage, campaign: str, **columns: object) -> None:
    names = ", ".join(["campaign", *columns])
    values = ", ".join(f"'{value}'" for value in (campaign, *columns.values()))
    stage.sql(f"INSERT INTO ccdata.dialer_options ({names}) VALUES ({values})")


def _spool(stage: Stage, campaign: str, number: str, base: str = "L1", agent: str = "") -> None:
    stage.sql(
        "INSERT INTO ccdata.calls_spool (campaign, dialerbase, destination, agentphone)"
        f" VALUES ('{campaign}', '{base}', '{number}', '{agent}')"
    )


def _list(stage: Stage, campaign: str) -> None:
    stage.sql(f"INSERT INTO ccdata.dialer_base (campaign, name, active) VALUES ('{campaign}', 'L1', 1)")


def _answered(stage: Stage, count: int) -> None:
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.attempts WHERE outcome = 'answered'", count)


def _bound(stage: Stage, campaign: str, bound: str) -> None:
    """Wait until the campaign, looking again from now on, is bound by this."""
    now = stage.value("SELECT UTC_TIMESTAMP(3)")
    stage.wait_for_value(
        f"SELECT bound FROM ccdata.campaign_state WHERE campaign = '{campaign}' AND updated_at > '{now}'",
        bound,
    )


def test_a_bound_contact_waits_for_its_agent_however_long_he_is_away(stage: Stage) -> None:
    _campaign(stage, "Progressive")
    queue = stage.asterisk.command
    queue(f"queue add member PJSIP/agent399 to {PAIR} penalty 0 as Unreachable")
    try:
        for number, agent in (("1", "agent311"), ("2", "agent 311"), ("3", "agent399"), ("4", "")):
            _spool(stage, PAIR, f"555810{number}{TALKS}", agent=agent)
        _list(stage, PAIR)
        stage.start()
        # The agents who are there have the contact that is nobody's, and nothing else though they are free.
        _answered(stage, 1)
        _bound(stage, PAIR, "spool")
        portfolio = "SELECT agent, ready FROM ccdata.portfolio ORDER BY agent"
        assert stage.sql(portfolio) == [["agent 311", "1"], ["agent311", "1"], ["agent399", "1"]]
        # He logs in, by extension and by name; then has a break, and logs off altogether.
        queue(f'queue add member PJSIP/agent311 to {PAIR} penalty 0 as "Agent 311"')
        _answered(stage, 3)
        queue(f"queue pause member PJSIP/agent311 queue {PAIR}")
        stage.wait_for_value(f"SELECT paused FROM ccdata.campaign_state WHERE campaign = '{PAIR}'", 1)
        _spool(stage, PAIR, f"5558105{TALKS}", agent="Agent 311")
        _bound(stage, PAIR, "spool")
        queue(f"queue remove member PJSIP/agent311 from {PAIR}")
        _bound(stage, PAIR, "spool")
        assert stage.sql(portfolio) == [["Agent 311", "1"], ["agent399", "1"]]
        queue(f'queue add member PJSIP/agent311 to {PAIR} penalty 0 as "Agent 311"')
        _answered(stage, 4)
        rows = dict(stage.sql("SELECT destination, agent FROM ccdata.attempts WHERE outcome = 'answered'"))
        assert [rows.pop(f"555810{n}{TALKS}") for n in (1, 2, 5)] == ["Agent 311"] * 3
        assert set(rows.values()) <= {"Agent 301", "Agent 302"}
        # Whose phone cannot be reached is not rung, and his contact is not given away.
        assert stage.sql(portfolio) == [["agent399", "1"]]
    finally:
        for agent in ("agent399", "agent311"):
            queue(f"queue remove member PJSIP/{agent} from {PAIR}")


def test_tasks_dated_immediate_and_for_one_agent_come_before_lists(stage: Stage) -> None:
    """The documented combinations of DialerTask: A now, C at a date, D for an agent; B is a manual call."""
    campaign = "STAYS->"
    _campaign(stage, "Progressive", campaign, maxchannels=1, status=0)
    _spool(stage, campaign, f"5558200{TALKS}", agent="agent318")
    _list(stage, campaign)
    _spool(stage, campaign, f"5558211{TALKS}", base="", agent="agent318")
    _spool(stage, campaign, f"5558212{TALKS}", base="", agent="Agent 301")
    stage.sql(
        "INSERT INTO ccdata.calls_scheduler (calldate, campaign, destination, agentphone) VALUES"
        f" (NOW() - INTERVAL 1 SECOND, '{campaign}', '555-822-1{TALKS}', ''),"
        f" (NOW() + INTERVAL 1 HOUR, '{campaign}', '5558223{TALKS}', '')"
    )
    stage.start()
    stage.sql(
        "UPDATE ccdata.dialers SET status = 1;"
        "INSERT INTO ccdata.calls_scheduler (calldate, campaign, destination, agentphone) VALUES"
        f" (NOW() + INTERVAL 4 SECOND, '{campaign}', '5558222{TALKS}', 'Agent 318')"
    )
    stage.sql(
        "INSERT INTO ccdata.orders (kind, campaign, agent, phone, context, destination)"
        f" VALUES ('call', '{campaign}', 'eva', 'agent311', 'agents', '5558230{TALKS}')"
    )
    _answered(stage, 5)
    rows = stage.sql("SELECT destination, agent FROM ccdata.attempts WHERE outcome = 'answered' ORDER BY id")
    order = [row[0] for row in rows if row[1] == "Agent 318"]
    scheduled, own, dated, listed = (f"5558{n}{TALKS}" for n in ("221", "211", "222", "200"))
    assert sorted(order) == sorted((scheduled, own, dated, listed))
    assert order[0] == scheduled
    assert order.index(own) < order.index(listed), "the dated one comes in between, or before, when it is due"
    assert [f"5558230{TALKS}", "eva"] in rows
    left = stage.sql("SELECT destination FROM ccdata.calls_spool")
    assert left == [[f"5558212{TALKS}"]], "another agent's task stays"
    assert stage.value("SELECT COUNT(*) FROM ccdata.calls_scheduler") == "1"


def test_an_agent_on_an_inbound_call_counts_as_free_for_no_campaign(stage: Stage) -> None:
    campaign = "STAYS->"
    _campaign(stage, "Preview", campaign, status=0)
    _spool(stage, campaign, f"5558300{TALKS}", agent="agent318")
    _list(stage, campaign)
    stage.start()
    # Somebody from outside calls the agent's phone.
    stage.dialer(dialstring="Local/@inbound", maxchannels=1)
    stage.contacts({"destination": "5558301318"})
    stage.wait_for_value("SELECT state FROM ccdata.attempts", "connected")
    for kind in ("Preview", "Progressive", "PowerDialer"):
        stage.sql(
            f"UPDATE ccdata.dialers SET status = 1, dialertype = '{kind}', context = '{kind}'"
            f" WHERE campaign = '{campaign}'"
        )
        begun = f'"campaign":"{campaign}","type":"{kind}"'
        stage.wait(lambda begun=begun: begun in stage.log(), f"{kind} has begun")
        _bound(stage, campaign, "nobody")
        assert stage.value(f"SELECT ready FROM ccdata.campaign_state WHERE campaign = '{campaign}'") == "0"
    assert stage.value("SELECT COUNT(*) FROM ccdata.attempts") == "1"
    stage.asterisk.command("channel request hangup all")
    _answered(stage, 2)


def test_two_campaigns_that_share_one_agent_never_have_him_at_once(stage: Stage) -> None:
    for campaign in ("STAYS->", "SHARED->"):
        _campaign(stage, "Preview", campaign)
        for n in range(2):
            _spool(stage, campaign, f"55584{campaign.startswith('SH'):d}{n}{TALKS}")
        _list(stage, campaign)
    stage.start()
    _answered(stage, 4)
    both = (
        "SELECT COUNT(*) FROM ccdata.attempts a JOIN ccdata.attempts b ON b.id > a.id"
        " AND b.connected_at < a.ended_at AND a.connected_at < b.ended_at"
    )
    assert stage.value(both) == "0"
    # Neither was he rung while he talked.
    assert stage.value("SELECT COUNT(*) FROM ccdata.attempts WHERE outcome = 'agent_missed'") == "0"
    assert stage.value("SELECT COUNT(DISTINCT campaign) FROM ccdata.attempts") == "2"


def test_a_key_and_an_order_at_the_same_moment_make_one_act(stage: Stage) -> None:
    campaign = "DIALS->"
    _campaign(stage, "Preview", campaign)
    _options(stage, campaign, agent_decides=1)
    for n in range(3):
        _spool(stage, campaign, f"555850{n}{TALKS}")
    _list(stage, campaign)
    # The second agent never answers: an order to dial changes nothing for his customer.
    _campaign(stage, "Preview", "DEAF->", timeout=3)
    _options(stage, "DEAF->", agent_decides=1)
    _spool(stage, "DEAF->", f"5558510{TALKS}")
    stage.sql("INSERT INTO ccdata.dialer_base (campaign, name, active) VALUES ('DEAF->', 'L1', 1)")
    stage.start()
    stage.sql("INSERT INTO ccdata.orders (kind, agent, act) VALUES ('decide', 'agent315', 'dial')")
    ended = "SELECT COUNT(*) FROM ccdata.attempts WHERE campaign = 'DIALS->' AND state = 'ended'"

    def all_decided() -> bool:
        stage.sql("INSERT INTO ccdata.orders (kind, agent, act) VALUES ('decide', 'agent311', 'skip')")
        return stage.value(ended) == "3"

    stage.wait(all_decided, "every call was decided about")
    rows = stage.sql(
        "SELECT e.act, e.via, a.outcome, a.destination FROM ccdata.attempts a"
        " JOIN ccdata.agent_acts e ON e.attempt = a.id WHERE a.campaign = 'DIALS->'"
    )
    assert len(rows) == 3
    invited = set(stage.invites())
    for act, via, outcome, number in rows:
        assert (act, via) in (("dial", "key"), ("skip", "order"))
        assert outcome == ("answered" if act == "dial" else "skipped")
        assert (number in invited) is (act == "dial")
    stage.wait_for_value(
        "SELECT COUNT(*) > 0 FROM ccdata.attempts WHERE campaign = 'DEAF->' AND outcome = 'agent_missed'", 1
    )
    assert f"5558510{TALKS}" not in stage.invites()
    stage.sql("UPDATE ccdata.dialers SET status = 0")
    stage.wait(lambda: stage.asterisk.channels() == 0, "no channel is left")


GARBAGE = (
    ("call", {"destination": "5558600100'; DROP TABLE ccdata.orders; -- "}, "destination"),
    ("call", {"phone": "agent318&PJSIP/agent101"}, "phone"),
    ("call", {"phone": "agent318,60,G(x)"}, "phone"),
    ("call", {"context": "agents\\r\\nAction: Logoff"}, "context"),
    ("call", {"callerid": '\\"x\\" <911>'}, "callerid"),
    ("call", {"campaign": ""}, "campaign"),
    ("workflow", {"exten": "start,1,System(reboot)"}, "exten"),
    ("workflow", {"variables": '{\\"SHELL(x)\\": 1}'}, "variables"),
    ("workflow", {"variables": '{\\"MIXMONITOR_EXEC\\": \\"x\\"}'}, "variables"),
    ("hangup", {"phone": "/.*/"}, "phone"),
    ("decide", {"agent": "' OR 1=1 -- ", "act": "dial"}, "no call waits"),
    ("decide", {"agent": "ana", "act": "DELETE"}, "act"),
    ("ßhell", {}, "kind"),
)


def test_garbage_in_orders_is_answered_and_harms_nobody(stage: Stage) -> None:
    fine: dict[str, str] = {
        "campaign": "M->", "agent": "ana", "phone": "agent318", "context": "agents", "exten": "start",
        "destination": "5558600100",
    }  # fmt: skip
    stage.start()
    for kind, columns, _ in GARBAGE:
        row = {"kind": kind, **fine, **columns}
        names, values = ", ".join(row), ", ".join("'" + v.replace("'", "''") + "'" for v in row.values())
        stage.sql(f"INSERT INTO ccdata.orders ({names}) VALUES ({values})")
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.orders WHERE status = 'failed'", len(GARBAGE))
    results = [row[0] for row in stage.sql("SELECT result FROM ccdata.orders ORDER BY id")]
    for (_, _, field), result in zip(GARBAGE, results, strict=True):
        assert result.startswith(field), result
    assert stage.invites() == []
    assert stage.asterisk.channels() == 0
    assert '"level":"error"' not in stage.log()


def test_context_extension_gap_channels_and_variables_are_those_of_the_rows(stage: Stage) -> None:
    stage.dialer(context="flow", exten="start", tbc=700, maxchannels=1, variables="n=5")
    stage.contacts({"destination": f"5558700{TALKS}", "data": "name=Ana:n=7"})
    _spool(stage, CAMPAIGN, f"5558701{TALKS}")
    stage.start()
    stage.ended(2)
    # The flow at that place calls a number made of the variable: the contact's own, else the dialer's.
    assert {"55997100", "55995100"} <= set(stage.invites())
    apart = stage.value(
        "SELECT MIN(TIMESTAMPDIFF(MICROSECOND, a.sent_at, b.sent_at) >= 700000 AND b.sent_at >= a.ended_at)"
        " FROM ccdata.attempts a JOIN ccdata.attempts b ON b.sent_at > a.sent_at"
    )
    assert apart == "1"

"""Supervisors steer by plain SQL while the engine runs; bad rows cost nobody but themselves."""

from __future__ import annotations

from tests.stage import CAMPAIGN, OTHER, Stage

_ATTEMPTS = "SELECT COUNT(*) FROM ccdata.attempts"
_STATE = f"SELECT state FROM ccdata.campaign_state WHERE campaign = '{CAMPAIGN}'"


def test_a_list_a_dialer_and_new_rows_take_effect_while_running(stage: Stage) -> None:
    stage.dialer(status=0)
    stage.contacts({"destination": "5551000100"})
    stage.sql("UPDATE ccdata.dialer_base SET active = 0")
    stage.start()
    stage.wait_for_value(_STATE, "disabled")

    stage.sql("UPDATE ccdata.dialers SET status = 1")
    stage.wait_for_value(_STATE, "running")
    stage.wait_for_value("SELECT bound FROM ccdata.campaign_state", "spool")
    assert stage.value(_ATTEMPTS) == "0", "the list is not active yet"

    stage.sql("UPDATE ccdata.dialer_base SET active = 1")
    stage.ended(1)
    stage.sql(
        f"INSERT INTO ccdata.calls_spool (campaign, destination, dialerbase)"
        f" VALUES ('{CAMPAIGN}', '5551001404', 'L1')"
    )
    stage.ended(2)
    stage.sql("UPDATE ccdata.dialers SET status = 0")
    stage.wait_for_value(_STATE, "disabled")
    stage.sql(
        f"INSERT INTO ccdata.calls_spool (campaign, destination, dialerbase)"
        f" VALUES ('{CAMPAIGN}', '5551002404', 'L1')"
    )
    stage.sql("UPDATE ccdata.dialers SET status = 1")
    stage.ended(3)
    assert stage.invites() == ["5551000100", "5551001404", "5551002404"]


def test_outside_its_schedule_a_campaign_waits_and_says_so(stage: Stage) -> None:
    stage.dialer(schedule="sun-sat;00:00-00:00")
    stage.sql(
        "UPDATE ccdata.dialers SET schedule ="
        " CONCAT(LOWER(DATE_FORMAT(NOW() + INTERVAL 2 DAY, '%a')), ';09:00-10:00')"
    )
    stage.contacts({"destination": "5551000404"}, {"destination": "5551001404"})
    stage.sql("INSERT INTO ccdata.black_list (phone) VALUES ('5551001404')")
    stage.start()
    stage.wait_for_value(_STATE, "off_schedule")
    assert stage.value(_ATTEMPTS) == "0"
    held = "SELECT held_by FROM ccdata.held_contacts WHERE destination = '{}'"
    stage.wait_for_value(held.format("5551001404"), "black_list")  # no claim has looked at it
    assert stage.value(held.format("5551000404")) == "schedule"
    stage.sql("UPDATE ccdata.dialers SET schedule = 'sun-sat;00:00-23:59'")
    stage.ended(1)


def test_a_number_on_the_black_list_is_never_dialled(stage: Stage) -> None:
    stage.dialer(maxchannels=0)
    stage.contacts(
        {"destination": "5551000404", "priority": 10},
        {"destination": "+5551001404", "priority": 20},
        {"destination": "5551002404", "priority": 30},
        {"destination": "5551003404", "priority": 40},
    )
    stage.start()
    stage.wait_for_value("SELECT bound FROM ccdata.campaign_state", "channels")
    stage.sql(
        "INSERT INTO ccdata.black_list (phone, campaign, username) VALUES ('(555) 100-0404', '*', 'sup');"
        f"INSERT INTO ccdata.black_list (phone, campaign) VALUES ('5551001404', '{CAMPAIGN}');"
        "INSERT INTO ccdata.black_list (phone, campaign) VALUES ('5551002404', 'SOME OTHER');"
        "INSERT INTO ccdata.black_list_schedule (phone, removedate)"
        " VALUES ('5551003404', NOW() + INTERVAL 1 DAY);"
        "UPDATE ccdata.dialers SET maxchannels = 10"
    )
    stage.ended(1)
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.calls_spool WHERE status = 3", 2)
    held = "SELECT destination FROM ccdata.calls_spool WHERE notbefore > UTC_TIMESTAMP() + INTERVAL 23 HOUR"
    assert stage.value(held) == "5551003404", "a temporary block is no block for ever"
    assert stage.invites() == ["5551002404"]
    history = {row[0] for row in stage.sql("SELECT dst FROM ccrepo.black_list_history")}
    assert history == {"5551000404", "+5551001404", "5551003404"}


def test_a_broken_campaign_is_set_aside_with_its_reason_and_others_go_on(stage: Stage) -> None:
    stage.dialer(OTHER, schedule="whenever")
    stage.dialer(CAMPAIGN)
    stage.contacts({"destination": "5551000404"})
    stage.contacts({"destination": "5551100404"}, campaign=OTHER, base="O1")
    stage.start()
    stage.ended(1)
    aside = f"SELECT state, field, reason FROM ccdata.campaign_state WHERE campaign = '{OTHER}'"
    stage.wait(lambda: bool(stage.sql(aside)), "the broken campaign is reported")
    state, field, reason = stage.sql(aside)[0]
    assert (state, field) == ("set_aside", "schedule")
    assert "whenever" in reason
    assert "mon-fri;08:00-21:00" in reason, "the reason ends with the fix"

    for column, bad in (("dialstring", "SIP"), ("variables", "MONITOR_EXEC=rm"), ("callerid", "P#")):
        stage.sql(
            f"UPDATE ccdata.dialers SET schedule = 'sun-sat;00:00-23:59', {column} = '{bad}'"
            f" WHERE campaign = '{OTHER}'"
        )
        field_now = f"SELECT field FROM ccdata.campaign_state WHERE campaign = '{OTHER}'"
        stage.wait_for_value(field_now, column)
        good = "SIP/CARRIER/" if column == "dialstring" else ""
        stage.sql(f"UPDATE ccdata.dialers SET {column} = '{good}' WHERE campaign = '{OTHER}'")
    stage.ended(2)


def test_broken_contacts_are_set_aside_with_their_reason(stage: Stage) -> None:
    stage.dialer()
    nasty = (
        'x=${SHELL(touch /tmp/owned)}:y=a,b=c:z="q\\uote":CALLERID(num)=666:MONITOR_EXEC=evil:long='
        + "L" * 1500
    )
    stage.contacts(
        {"destination": "not a number", "contact": "BAD1"},
        {"destination": "", "contact": "BAD2"},
        {"destination": "X=5=5551000404", "contact": "BAD3"},
        {"destination": "5551000404", "contact": "GOOD1", "alternatives": "???:5552000404"},
        {"destination": "M=0=5551001404", "contact": "GOOD2", "data": nasty},
        {"destination": "5551003404", "contact": "GOOD3", "data": None, "alternatives": None},
    )
    stage.start()
    stage.ended(4)
    aside = stage.sql("SELECT contact, reason FROM ccdata.calls_spool WHERE status = 2 ORDER BY contact")
    assert [row[0] for row in aside] == ["BAD1", "BAD2", "BAD3"]
    assert all("destination" in row[1] for row in aside)
    assert sorted(stage.invites()) == ["5551000404", "5551001404", "5551003404", "5552000404"]
    assert stage.value("SELECT COUNT(*) FROM ccrepo.cdr_repo") == "4"


def test_what_a_contact_carries_reaches_the_channel_as_data(stage: Stage) -> None:
    data = 'name=Müller, "Ana" (x) [y] \\z:tricky=${EXTEN},OD_CAMPAIGN=evil:OD_NUMBER=666'
    stage.dialer(variables="FORM=Totality:language=en")
    stage.contacts({"destination": "5551000200", "data": data, "contact": "C9"})
    stage.start()
    stage.wait_for_value("SELECT state FROM ccdata.attempts", "connected")
    channel = next(
        line.split("!")[0]
        for line in stage.asterisk.command("core show channels concise").splitlines()
        if line.startswith("PJSIP/CARRIER")
    )
    shown = stage.asterisk.command(f"core show channel {channel}")
    assert 'name=Müller, "Ana" (x) [y] \\z' in shown
    assert "tricky=${EXTEN},OD_CAMPAIGN=evil" in shown, "nothing is split off and nothing evaluated"
    assert f"OD_CAMPAIGN={CAMPAIGN}" in shown
    assert "OD_NUMBER=5551000200" in shown
    assert "FORM=Totality" in shown
    assert f"OD_DATA={data}" in shown


def test_partial_inserts_of_existing_integrations_are_dialled(stage: Stage) -> None:
    stage.dialer()
    stage.sql(
        f"INSERT INTO ccdata.calls_spool (campaign, destination) VALUES ('{CAMPAIGN}', '5551000404');"
        f"INSERT INTO ccdata.calls_scheduler (id, calldate, campaign, destination, agentphone)"
        f" VALUES (NULL, NOW() + INTERVAL 1 DAY, '{CAMPAIGN}', '5551001404', 'ana');"
        f"INSERT IGNORE INTO ccdata.black_list (phone, campaign, username) VALUES ('5', '*', 'u');"
        "DELETE FROM ccdata.calls_spool WHERE destination LIKE '%999' OR alternatives LIKE '%999'"
    )
    stage.start()
    stage.ended(1)
    assert stage.invites() == ["5551000404"], "a row without a list is a task and needs no list"


def test_max_channels_is_never_exceeded(stage: Stage) -> None:
    stage.dialer(maxchannels=2, tbc=-1000, timeout=2)
    stage.contacts(*({"destination": f"55510{n:02d}777"} for n in range(6)))
    stage.start()
    most = 0
    while stage.value("SELECT COUNT(*) FROM ccdata.attempts WHERE state = 'ended'") != "6":
        most = max(most, int(stage.value("SELECT COUNT(*) FROM ccdata.attempts WHERE state <> 'ended'")))
    assert most == 2


def test_a_trunk_that_only_says_503_costs_a_few_contacts_not_the_list(stage: Stage) -> None:
    stage.dialer(tbc=0)
    stage.contacts(*({"destination": f"55510{n:02d}503"} for n in range(40)))
    stage.start()
    stage.wait_for_value("SELECT bound FROM ccdata.campaign_state", "trunk")
    reason = stage.value("SELECT reason FROM ccdata.campaign_state")
    assert "in a row and rests" in reason
    assert int(stage.value("SELECT COUNT(*) FROM ccdata.calls_spool WHERE status = 1")) >= 30
    assert stage.logged("trunk.resting")


def test_orders_that_asterisk_refuses_are_reported_and_burn_no_contacts(stage: Stage) -> None:
    stage.dialer(context="NoSuchContext")
    stage.contacts(*({"destination": f"55510{n:02d}100"} for n in range(40)))
    stage.start()
    stage.wait_for_value("SELECT bound FROM ccdata.campaign_state", "refused")
    assert "Extension does not exist" in stage.value("SELECT reason FROM ccdata.campaign_state")
    assert stage.value("SELECT COUNT(*) FROM ccdata.calls_spool") == "40"
    stage.sql("UPDATE ccdata.dialers SET context = 'PowerDialer'")
    stage.wait(lambda: len(stage.invites()) > 0, "mended by SQL, it dials")


def test_rows_of_queue_members_seat_agents_and_take_them_out(stage: Stage) -> None:
    def members() -> str:
        return stage.asterisk.command(f"queue show {CAMPAIGN}")

    stage.dialer(status=0)
    stage.sql(
        "INSERT INTO ccdata.queue_members (queue_name, interface, membername, penalty)"
        f" VALUES ('{CAMPAIGN}', 'SIP/agent203', 'guest', 2)"
    )
    stage.start()
    stage.wait(lambda: "guest (PJSIP/agent203) with penalty 2" in members(), "the guest has his seat")
    stage.sql("UPDATE ccdata.queue_members SET paused = 1")
    stage.wait(lambda: "(paused was" in members(), "he is paused")
    stage.sql("DELETE FROM ccdata.queue_members")
    stage.wait(lambda: "guest" not in members(), "his seat is gone")
    assert members().count("PJSIP/agent") == 3, "the others sit where they sat"

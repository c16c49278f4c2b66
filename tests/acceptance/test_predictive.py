"""Predictive campaigns on the real parts: pace, limits, reasons, and whoever meets no agent."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request

from tests.stage import CAMPAIGN, SLEEPY, Stage


def _explain(stage: Stage) -> str:
    argv = [
        sys.executable,
        "-m",
        "engine",
        "explain",
        "--config",
        str(stage.home / "overdial.toml"),
        CAMPAIGN,
    ]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def test_a_predictive_campaign_learns_predicts_and_says_why(stage: Stage) -> None:
    stage.dialer(dialertype="Predictive", tbc=-3, maxchannels=10)
    stage.contacts(*({"destination": f"5552{n:03d}{100 if n % 3 == 0 else 404}"} for n in range(150)))
    stage.start()
    stage.wait_for_value("SELECT COUNT(*) > 0 FROM ccdata.decisions WHERE bound = 'data'", 1)
    learnt = "SELECT COUNT(*) > 0 FROM ccdata.decisions WHERE bound IN ('agents', 'nobody', 'budget')"
    stage.wait_for_value(learnt, 1, limit=90.0)
    story = _explain(stage)
    for word in ("last decisions", "bound by", "answer_rate", "theta", "risk"):
        assert word in story, f"{word} in {story}"
    url = f"http://127.0.0.1:{stage.metrics_port}/metrics"
    assert "overdial_pacing{" in urllib.request.urlopen(url, timeout=5).read().decode()


def test_a_trunks_rate_and_channels_are_kept_over_all_campaigns(stage: Stage) -> None:
    stage.dialer(tbc=-900)
    stage.sql("INSERT INTO ccdata.trunks (name, channels, cps) VALUES ('CARRIER', 2, 5)")
    stage.contacts(*({"destination": f"5553{n:03d}777"} for n in range(6)))
    stage.start()
    stage.wait_for_value("SELECT bound FROM ccdata.campaign_state", "trunk_channels")
    assert stage.value("SELECT MAX(channels) FROM ccdata.campaign_state") in ("1", "2")
    stage.sql("UPDATE ccdata.trunks SET channels = NULL, cps = 2")
    stage.wait_for_value("SELECT COUNT(*) > 0 FROM ccdata.decisions WHERE bound = 'cps'", 1)
    stage.ended(6)


def test_who_meets_no_agent_hears_the_recording_and_may_opt_out(stage: Stage) -> None:
    stage.dialer(
        tbc=-900,
        maxchannels=4,
        dialstring="Local/@opts-out",
        variables="safeharbour=vm-intro",
        callerid="18885550100",
    )
    stage.contacts(*({"destination": f"555400{n}"} for n in range(4)))
    stage.start()
    stage.ended(4)
    lost = stage.sql("SELECT destination, note FROM ccdata.attempts WHERE outcome = 'abandoned'")
    assert len(lost) == 1, "three agents, four callers"
    assert lost[0][1] == "opted out by key"
    blocked = stage.sql("SELECT phone, campaign FROM ccdata.black_list")
    assert blocked == [[lost[0][0], "*"]]
    stage.sql("UPDATE ccdata.calls_spool SET notbefore = NULL")
    stage.wait_for_value("SELECT status FROM ccdata.calls_spool", 3)


def test_a_simulation_learns_from_the_campaigns_own_calls(stage: Stage) -> None:
    stage.sql(
        f"INSERT INTO ccdata.queues (name, wrapuptime) VALUES ('{CAMPAIGN}', 10);"
        f"INSERT INTO ccdata.dialers (campaign, dialstring, maxchannels) VALUES ('{CAMPAIGN}', 'SIP/X/', 9)"
    )
    values = ",".join(
        f"(UUID(), '{CAMPAIGN}', {n}, '555', 'x', 1, 'ended', '2026-03-02 10:00:00', '2026-03-02 10:00:00',"
        f" '2026-03-02 10:00:12', '2026-03-02 10:00:12', '2026-03-02 10:01:12',"
        f" '{'answered' if n % 4 == 0 else 'busy'}', 'Agent {n % 7}')"
        for n in range(200)
    )
    stage.sql(
        "INSERT INTO ccdata.attempts (id, campaign, spool_id, destination, owner, fence, state, claimed_at,"
        f" sent_at, answered_at, connected_at, ended_at, outcome, agent) VALUES {values};"
        "UPDATE ccdata.attempts SET answered_at = NULL, connected_at = NULL, agent = ''"
        " WHERE outcome = 'busy'"
    )
    stage.start()
    result = stage.home / "result.json"
    argv = [sys.executable, "-m", "engine", "simulate", "--config", str(stage.home / "overdial.toml")]
    argv += ["--campaign", CAMPAIGN, "--hours", "0.3", "--seeds", "1", "--plain", "--json", str(result)]
    subprocess.run(argv, capture_output=True, text=True, timeout=120, check=True)
    scenario = json.loads(result.read_text())["scenario"]
    assert (scenario["agents"], scenario["talk"]["mean"], scenario["ring"]["mean"]) == (7, 60.0, 12.0)
    assert scenario["answer"] == [[0.0, 0.25]]
    assert scenario["max_channels"] == 9


def test_a_waiting_caller_gets_the_agent_who_is_free_before_asterisk_looks_again(stage: Stage) -> None:
    stage.dialer(SLEEPY, tbc=-300)
    stage.sql("UPDATE ccdata.queues SET wrapuptime = 0, queue_timeout = 7")
    stage.contacts(*({"destination": f"5554{n:03d}200"} for n in range(3)), campaign=SLEEPY)
    stage.start()
    stage.ended(3)
    # Queue() itself would look again after nine seconds only; all three were answered at once.
    assert stage.sql("SELECT outcome, COUNT(*) FROM ccdata.attempts GROUP BY outcome") == [["answered", "3"]]

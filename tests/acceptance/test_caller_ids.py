"""Caller IDs as the carrier sees them: in turn, near the called person, and never while they rest."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from urllib.request import urlopen

from tests.stage import CAMPAIGN, OTHER, Stage


def _shown(stage: Stage) -> dict[str, str]:
    """Return called number → caller ID in the From header of the first INVITE for it."""
    found: dict[str, str] = {}
    text = stage.carrier.messages.read_text(errors="replace")
    for called, caller in re.findall(
        r"^INVITE sip:([^@]+)@.*?^From:[^\r\n]*?sip:([^@>]+)@", text, re.MULTILINE | re.DOTALL
    ):
        found.setdefault(called, caller)
    return found


def _command(stage: Stage, *words: str) -> subprocess.CompletedProcess[str]:
    head, *tail = words
    argv = [sys.executable, "-m", "engine", "caller-ids", head, "--config", str(stage.home / "overdial.toml")]
    return subprocess.run([*argv, *tail], capture_output=True, text=True, check=False, timeout=60)


def _load(stage: Stage, campaign: str, text: str) -> None:
    file = stage.home / "numbers.csv"
    file.write_text(text)
    done = _command(stage, "load", campaign, str(file))
    assert done.returncode == 0, done.stderr


def _numbers(start: int, count: int, area: str) -> list[str]:
    return [f"1{area}77{n:02d}100" for n in range(start, start + count)]


def _metric(stage: Stage, line: str) -> float:
    with urlopen(f"http://127.0.0.1:{stage.metrics_port}/metrics") as answer:
        for text in answer.read().decode().splitlines():
            if text.startswith(f"{line} "):
                return float(text.split()[-1])
    return 0.0


def test_numbers_take_turns_over_campaigns_and_a_near_one_is_shown_first(stage: Stage) -> None:
    stage.start()
    _load(stage, "*", "12125550101\r\n12125550102;second line\r\n\r\n13055550103\r\n1809#18095550104\r\n")
    bad = stage.home / "bad.csv"
    bad.write_text("15550001111\nJohn\n1555-9-1\n")
    refused = _command(stage, "load", "*", str(bad))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "line 2" in refused.stderr
    assert "line 3" in refused.stderr

    near, south, far = _numbers(0, 4, "212"), _numbers(4, 2, "305"), _numbers(6, 2, "809")
    stage.dialer(callerid="", autoconvertcallerid=1, maxchannels=8)
    stage.contacts(*({"destination": number} for number in (*near[:2], *south, *far)))
    stage.ended(6)
    stage.dialer(OTHER, callerid="", autoconvertcallerid=1, maxchannels=1)
    stage.contacts(*({"destination": number} for number in near[2:]), campaign=OTHER)
    stage.ended(8)

    shown = _shown(stage)
    assert Counter(shown[number] for number in near) == {"12125550101": 2, "12125550102": 2}
    assert {shown[number] for number in near[:2]} == {shown[number] for number in near[2:]}
    assert {shown[number] for number in south} == {"13055550103"}
    assert {shown[number] for number in far} == {"18095550104"}
    told = dict(stage.sql("SELECT destination, caller_id FROM ccdata.attempts"))
    assert told == {number: shown[number] for number in (*near, *south, *far)}
    assert _command(stage, "list", CAMPAIGN).stdout.count("healthy") == 4


def test_a_number_that_is_refused_again_and_again_rests_and_the_campaign_goes_on_without_it(
    stage: Stage,
) -> None:
    stage.start()
    stage.dialer(callerid="", maxchannels=1, tbc_nocontact=600)
    _load(stage, CAMPAIGN, "15550000608\n15550001608\n")
    called = _numbers(10, 20, "212")
    stage.contacts(*({"destination": number} for number in called))
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.caller_id_health WHERE state = 'resting'", 2)
    stage.wait_for_value(
        f"SELECT bound FROM ccdata.campaign_state WHERE campaign = '{CAMPAIGN}'", "caller_id"
    )
    reason = stage.value(f"SELECT reason FROM ccdata.campaign_state WHERE campaign = '{CAMPAIGN}'")
    assert "every caller ID of the campaign rests" in reason
    rows = stage.sql("SELECT attempts, reason, rests FROM ccdata.caller_id_health ORDER BY number")
    assert rows == [["0", "3 of 3 calls were answered 607 or 608", "1"]] * 2
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.attempts WHERE sip = 608 AND outcome = 'rejected'", 6)
    stage.wait(
        lambda: _metric(stage, f'overdial_caller_ids{{campaign="{CAMPAIGN}",state="resting"}}') == 2,
        "the metric shows it",
    )
    assert _metric(stage, f'overdial_caller_id_rests_total{{campaign="{CAMPAIGN}",cause="flagged"}}') == 2

    stage.stop()
    stage.sql(f"INSERT INTO ccdata.caller_ids (campaign, entry) VALUES ('{CAMPAIGN}', '15550002222')")
    stage.start(fresh_log=True)
    stage.ended(20)
    counts = Counter(_shown(stage)[number] for number in called)
    assert counts == {"15550000608": 3, "15550001608": 3, "15550002222": 14}

    stage.sql("UPDATE ccdata.caller_id_state SET resting_until = NULL WHERE number = '15550001608'")
    again = _numbers(40, 2, "212")
    stage.contacts(*({"destination": number} for number in again))
    stage.ended(22)
    assert {_shown(stage)[number] for number in again} == {"15550001608", "15550002222"}

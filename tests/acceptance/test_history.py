"""Calls that ended while no engine watched: Asterisk's own records tell how."""

from __future__ import annotations

from engine.lab.parts import poll
from tests.stage import Stage

_STATES = "SELECT state, COUNT(*) FROM ccdata.attempts GROUP BY state ORDER BY state"


def test_calls_that_ended_unwatched_end_as_asterisk_recorded_them(stage: Stage) -> None:
    stage.asterisk_lines = f'cdr_file = "{stage.asterisk.cdr_file}"\n'
    stage.dialer(tbc=0, timeout=6)
    stage.contacts(
        {"destination": "5551000200"},  # talks
        {"destination": "5551001777", "alternatives": "5551003404"},  # rings and rings
        {"destination": "5551002200"},  # talks
    )
    stage.start()
    stage.wait(lambda: stage.sql(_STATES) == [["connected", "2"], ["ringing", "1"]], "two talk, one rings")
    assert stage.engine is not None
    stage.engine.kill()
    stage.asterisk.command("channel request hangup all")
    poll(lambda: stage.asterisk.channels() == 0, "all calls have ended")
    stage.start(fresh_log=True)
    stage.ended(4)
    outcomes = dict(stage.sql("SELECT destination, outcome FROM ccdata.attempts"))
    assert outcomes == {
        "5551000200": "answered",
        "5551001777": "no_answer",
        "5551002200": "answered",
        "5551003404": "invalid",
    }
    talked = stage.sql(
        "SELECT accountcode LIKE 'Agent %', dstchannel LIKE 'PJSIP/agent%' FROM ccrepo.cdr_repo"
        " WHERE disposition = 'ANSWERED'"
    )
    assert talked == [["1", "1"]] * 2, "who talked is told, too"
    assert len(stage.invites()) == 4


def test_a_caller_who_met_no_agent_unwatched_counts_as_abandoned(stage: Stage) -> None:
    stage.asterisk_lines = f'cdr_file = "{stage.asterisk.cdr_file}"\n'
    stage.dialer(tbc=-900, timeout=6, maxchannels=4)
    stage.contacts(*({"destination": f"555100{n}200"} for n in range(4)))
    stage.start()
    stage.wait(lambda: stage.sql(_STATES) == [["connected", "3"], ["queued", "1"]], "one waits in vain")
    assert stage.engine is not None
    stage.engine.kill()
    stage.asterisk.command("channel request hangup all")
    poll(lambda: stage.asterisk.channels() == 0, "all calls have ended")
    stage.start(fresh_log=True)
    stage.ended(4)
    outcomes = dict(stage.sql("SELECT outcome, COUNT(*) FROM ccdata.attempts GROUP BY outcome"))
    assert outcomes == {"answered": "3", "abandoned": "1"}

"""Two engines on one database: one dials, the other stands by and takes over."""

from __future__ import annotations

import signal

from engine.lab.parts import poll
from tests.proxy import Proxy
from tests.stage import CAMPAIGN, Stage

_OPEN = "SELECT COUNT(*) FROM ccdata.attempts WHERE state <> 'ended'"
_LEADER = "SELECT owner FROM ccdata.leases WHERE lease_until > UTC_TIMESTAMP(3)"


def _two_engines(stage: Stage) -> None:
    stage.engine_lines = "lease = 3\n"
    stage.database_lines = "timeout = 1.5\n"
    stage.dialer(tbc=0, timeout=6)
    stage.start()
    stage.start_standby()


def _each_number_once(stage: Stage, count: int) -> None:
    numbers = stage.invites()
    assert len(numbers) == len(set(numbers)) == count
    assert stage.value("SELECT COUNT(*) FROM ccrepo.cdr_repo") == str(count)
    assert stage.value("SELECT COUNT(DISTINCT guid) FROM ccrepo.cdr_repo") == str(count)


def test_a_standby_dials_nothing_and_takes_over_live_calls_when_the_leader_dies(stage: Stage) -> None:
    _two_engines(stage)
    assert stage.engine is not None
    assert stage.standby is not None
    stage.contacts(*({"destination": f"555100{n}200"} for n in range(3)))
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.attempts WHERE state = 'connected'", 3)
    assert stage.value("SELECT COUNT(DISTINCT owner) FROM ccdata.attempts") == "1"
    standby = stage.standby
    assert not standby.logged("engine.leading")
    stage.engine.kill()
    stage.engine = None
    poll(lambda: standby.logged("engine.serving"), "the standby leads")
    assert stage.value(_LEADER) == "standby"
    assert stage.value("SELECT COUNT(*) FROM ccdata.attempts WHERE state = 'connected'") == "3"
    stage.contacts({"destination": "5551009404"}, base="L2")
    stage.asterisk.command("channel request hangup all")
    stage.ended(4)
    _each_number_once(stage, 4)


def test_a_leader_that_was_frozen_finds_itself_replaced_and_dials_no_more(stage: Stage) -> None:
    _two_engines(stage)
    assert stage.standby is not None
    stage.contacts({"destination": "5551000200"}, {"destination": "5551001777"})
    stage.wait_for_value("SELECT COUNT(*) FROM ccdata.attempts WHERE state IN ('connected', 'ringing')", 2)
    stage.signal(signal.SIGSTOP)
    standby = stage.standby
    poll(lambda: standby.logged("engine.serving"), "the standby leads")
    stage.contacts(*({"destination": f"555200{n}404"} for n in range(5)), base="L2")
    poll(lambda: stage.value(_OPEN) == "1", "the standby dials the list and ends the ringing call")
    stage.asterisk.command("channel request hangup all")
    poll(lambda: stage.value(_OPEN) == "0", "it ends the other call, too")
    stage.signal(signal.SIGCONT)
    stage.wait(lambda: stage.logged("engine.fenced"), "the first one knows")
    stage.wait(lambda: stage.logged("engine.standby"), "and stands by")
    stage.contacts(*({"destination": f"555300{n}404"} for n in range(5)), base="L3")
    stage.ended(12)
    assert stage.value(_LEADER) == "standby"
    _each_number_once(stage, 12)
    owners = stage.sql("SELECT DISTINCT owner FROM ccdata.attempts WHERE destination LIKE '5553%'")
    assert owners == [["standby"]]


def test_what_a_leader_cut_off_from_the_database_saw_is_written_when_it_is_back(stage: Stage) -> None:
    """A caller gets his agent while the leader has no database and the standby is frozen: only the
    leader knows that he talked."""
    stage.mariadb.sql(
        "CREATE USER IF NOT EXISTS overdial@'127.0.0.1' IDENTIFIED BY 'overdial';"
        "GRANT ALL ON *.* TO overdial@'127.0.0.1';"
    )
    with Proxy(stage.mariadb.port) as db:
        stage.database_address = f'port = {db.port}\nuser = "overdial"\npassword = "overdial"\n'
        _pause(stage, "pause")
        try:
            _two_engines(stage)
            assert stage.standby is not None
            standby = stage.standby
            stage.sql(
                "UPDATE ccdata.dialers SET tbc = -100, maxchannels = 2;"
                "UPDATE ccdata.queues SET queue_timeout = 300"
            )
            stage.contacts({"destination": "5551000200"}, {"destination": "5551001200"})
            states = "SELECT state, COUNT(*) FROM ccdata.attempts GROUP BY state ORDER BY state"
            stage.wait(lambda: stage.sql(states) == [["connected", "1"], ["queued", "1"]], "one waits")
            standby.child.process.send_signal(signal.SIGSTOP)
            db.refuse()
            stage.wait(lambda: stage.logged("engine.lease"), "the leader notices")
        finally:
            _pause(stage, "unpause")
        show = f"queue show {CAMPAIGN}"
        stage.wait(lambda: stage.asterisk.command(show).count("(in call)") == 2, "both talk now")
        stage.asterisk.command("channel request hangup all")
        stage.wait(lambda: stage.log().count("call.ended") == 2, "the leader sees both calls end")
        standby.child.process.send_signal(signal.SIGCONT)
        poll(lambda: standby.logged("engine.serving"), "the standby leads")
        poll(lambda: stage.value(_OPEN) == "0", "it finds the calls gone")
        outcomes = "SELECT outcome FROM ccdata.attempts ORDER BY outcome"
        assert stage.sql(outcomes) == [["answered"], ["unknown"]]
        assert stage.value("SELECT COUNT(*) FROM ccdata.calls_spool") == "1"
        db.allow()
        stage.wait(lambda: stage.sql(outcomes) == [["answered"], ["answered"]], "the journal tells")
    assert stage.value("SELECT COUNT(*) FROM ccdata.calls_spool") == "0", "the contact was reached"
    _each_number_once(stage, 2)
    rows = "SELECT COUNT(*) FROM ccrepo.queue_log_repo WHERE event = '{}'"
    assert [stage.value(rows.format(word)) for word in ("ENTERQUEUE", "CONNECT", "OUTCALL")] == ["2"] * 3


def _pause(stage: Stage, word: str) -> None:
    """Pause (or unpause) two of the three agents."""
    for agent in ("agent102", "agent103"):
        stage.asterisk.command(f"queue {word} member PJSIP/{agent} queue {CAMPAIGN}")

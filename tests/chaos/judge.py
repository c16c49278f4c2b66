"""The invariants, checked against the database, Asterisk and the carrier's own log."""

from __future__ import annotations

from collections import Counter

from tests.stage import CAMPAIGN, Stage

_LEFT = "SELECT COUNT(*) FROM ccdata.attempts WHERE state <> 'ended'"


def violations(stage: Stage, loaded: int) -> list[str]:
    """Return what does not hold; call it when nothing is dialled and no call is up."""
    found: list[str] = []
    calls = stage.carrier.calls()[stage.invited_before :]
    per_attempt = Counter(attempt for _, attempt in calls)
    per_number = Counter(number for number, _ in calls)
    found += [f"attempt {attempt} was sent {n} times" for attempt, n in per_attempt.items() if n > 1]
    found += [f"a number was dialled {n} times" for n in per_number.values() if n > 1]

    rows = stage.sql("SELECT id, state, sent_at IS NOT NULL, next_step FROM ccdata.attempts")
    attempts = {row[0]: row for row in rows}
    found += [f"attempt {row[0]} is still {row[1]}" for row in rows if row[1] != "ended"]
    found += [f"INVITE of an unknown attempt {attempt}" for attempt in per_attempt if attempt not in attempts]

    records = Counter(row[0] for row in stage.sql("SELECT guid FROM ccrepo.cdr_repo"))
    found += [f"attempt {guid} has {n} CDRs" for guid, n in records.items() if n > 1]
    found += [
        f"the call of attempt {attempt} has no CDR" for attempt in per_attempt if attempt not in records
    ]
    log = stage.sql(
        "SELECT callid, event, COUNT(*) FROM ccrepo.queue_log_repo"
        " WHERE event IN ('OUTCALL', 'CONNECT', 'ENTERQUEUE') GROUP BY 1, 2 HAVING COUNT(*) > 1"
    )
    found += [f"{row[1]} of {row[0]} is written {row[2]} times" for row in log]

    in_progress = stage.value("SELECT COUNT(*) FROM ccdata.calls_spool WHERE status = 0")
    if in_progress != "0":
        found.append(f"{in_progress} contacts are still in progress")
    waiting = int(stage.value("SELECT COUNT(*) FROM ccdata.calls_spool"))
    finished = int(
        stage.value("SELECT COUNT(DISTINCT spool_id) FROM ccdata.attempts WHERE next_step = 'finished'")
    )
    if waiting + finished != loaded:
        found.append(f"{loaded} contacts were loaded, {waiting} wait and {finished} are finished")
    busy = stage.asterisk.command(f"queue show {CAMPAIGN}").count("(in call)")
    if busy:
        found.append(f"{busy} agents are still in a call")
    return found


def quiet(stage: Stage) -> bool:
    """Has everything that was dialled come to its end?"""
    return stage.value(_LEFT) == "0" and stage.asterisk.channels() == 0

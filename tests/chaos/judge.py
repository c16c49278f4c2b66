"""The invariants, checked against the database, Asterisk and the carrier's own log."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

from engine.domain.outcomes import NOT_CALLED
from tests.chaos.scene import Scene
from tests.chaos.uploads import LINES
from tests.stage import CAMPAIGN, Stage

#: After these the same number may be dialled once more (engine/domain/rules.py).
_AGAIN = ("retry", "again", "released")
#: Resident memory that an engine may have, in MB: flat, whatever was thrown at it.
_MEMORY = 200


def violations(scene: Scene, loaded: int, retries: int) -> list[str]:
    """Return what does not hold; call it when nothing is dialled and no call is up."""
    stage = scene.stage
    return [
        *_invites(scene),
        *_numbers(stage, retries),
        *_records(scene),
        *_contacts(stage, loaded),
        *_free(stage),
        *_files(scene),
        *(_decided(scene) if scene.mode.decides else []),
        *(_reserved(stage) if scene.mode.reserves else []),
    ]


def _invites(scene: Scene) -> list[str]:
    calls = Counter(attempt for _, attempt in scene.calls())
    known = {row[0] for row in scene.stage.sql("SELECT id FROM ccdata.attempts WHERE sent_at IS NOT NULL")}
    found = [f"attempt {attempt} was sent {n} times" for attempt, n in calls.items() if n > 1]
    return found + [f"INVITE of attempt {a}, never marked as sent" for a in calls if a not in known]


def _numbers(stage: Stage, retries: int) -> list[str]:
    """No number is dialled but by its rule: one attempt after the other, and no more than it has."""
    found = []
    by_number: dict[str, list[list[str]]] = defaultdict(list)
    rows = stage.sql(
        "SELECT destination, id, next_step, COALESCE(sent_at, ended_at), ended_at FROM ccdata.attempts"
        " ORDER BY claimed_at, id"
    )
    for row in rows:
        by_number[row[0]].append(row)
    for attempts in by_number.values():
        for before, after in pairwise(attempts):
            if before[2] not in _AGAIN:
                found.append(f"attempt {after[1]} dials again after '{before[2]}' of {before[1]}")
            if after[3] < before[4]:
                found.append(f"attempt {after[1]} was sent before {before[1]} had ended")
        counted = sum(1 for row in attempts if row[2] not in ("again", "released"))
        if counted > retries + 1:
            found.append(f"a number was dialled {counted} times, {retries + 1} are allowed")
    return found


def _records(scene: Scene) -> list[str]:
    stage = scene.stage
    reached = {attempt for _, attempt in scene.calls()}
    uncalled = ", ".join(f"'{outcome}'" for outcome in NOT_CALLED)
    records = Counter(row[0] for row in stage.sql("SELECT guid FROM ccrepo.cdr_repo"))
    ended = {
        row[0]
        for row in stage.sql(
            "SELECT id FROM ccdata.attempts WHERE next_step NOT IN ('', 'released')"
            f" AND outcome NOT IN ({uncalled})"
        )
    }
    found = [f"attempt {guid} has {n} CDRs" for guid, n in records.items() if n > 1]
    found += [f"the call of attempt {attempt} has no CDR" for attempt in reached - set(records)]
    found += [f"CDR of {guid}, which was never dialled" for guid in set(records) - ended]
    found += [f"attempt {attempt} ended without a CDR" for attempt in ended - set(records)]
    log = stage.sql(
        "SELECT callid, event, COUNT(*) FROM ccrepo.queue_log_repo"
        " WHERE event IN ('OUTCALL', 'CONNECT', 'ENTERQUEUE', 'COMPLETEAGENT', 'COMPLETECALLER', 'ABANDON')"
        " GROUP BY 1, 2 HAVING COUNT(*) > 1"
    )
    return found + [f"{row[1]} of {row[0]} is written {row[2]} times" for row in log]


def _contacts(stage: Stage, loaded: int) -> list[str]:
    """The sum of contacts over all places is what was loaded, and nobody is in between."""
    found = []
    in_progress = stage.value("SELECT COUNT(*) FROM ccdata.calls_spool WHERE status = 0")
    if in_progress != "0":
        found.append(f"{in_progress} contacts are still in progress")
    waiting = int(stage.value("SELECT COUNT(*) FROM ccdata.calls_spool"))
    finished = int(
        stage.value("SELECT COUNT(DISTINCT spool_id) FROM ccdata.attempts WHERE next_step = 'finished'")
    )
    both = stage.value(
        "SELECT COUNT(*) FROM ccdata.calls_spool s JOIN ccdata.attempts a ON a.spool_id = s.id"
        " WHERE a.next_step = 'finished'"
    )
    if waiting + finished != loaded:
        found.append(f"{loaded} contacts were loaded, {waiting} wait and {finished} are finished")
    if both != "0":
        found.append(f"{both} finished contacts are still in the spool")
    return found


def _free(stage: Stage) -> list[str]:
    """Agents, attempts and memory."""
    found = []
    left = stage.value("SELECT COUNT(*) FROM ccdata.attempts WHERE state <> 'ended'")
    if left != "0":
        found.append(f"{left} attempts are still open")
    queue = stage.asterisk.command(f"queue show {CAMPAIGN}")
    busy = sum("(in call)" in line for line in queue.splitlines())
    free = sum("(Not in use)" in line for line in queue.splitlines())
    members = sum("PJSIP/agent" in line for line in queue.splitlines())
    if busy or free != members:
        found.append(f"{busy} agents are still in a call, {free} of {members} are free")
    if stage.engine is not None and stage.engine.memory() > _MEMORY:
        found.append(f"the engine has grown to {stage.engine.memory():.0f} MB")
    return found


def _files(scene: Scene) -> list[str]:
    """Every file that was sent is loaded, all of it, once."""
    rows = scene.stage.sql(
        f"SELECT id, status, accepted, message FROM ccdata.uploads WHERE status<>'done' OR accepted<>{LINES}"
    )
    faults = (f"upload {row[0]} is {row[1]} with {row[2]} contacts: {row[3]}" for row in rows)
    return [*scene.refused, *faults]


def _decided(scene: Scene) -> list[str]:
    """No INVITE towards a customer without an agent's act that came before it and is kept."""
    rows = scene.stage.sql(
        "SELECT a.id, e.act, e.acted_at <= a.sent_at FROM ccdata.attempts a"
        " LEFT JOIN ccdata.agent_acts e ON e.attempt = a.id WHERE a.sent_at IS NOT NULL"
    )
    acts = {row[0]: row[1:] for row in rows}
    found = [f"attempt {a} was sent after {acts[a]}" for a in acts if acts[a] != ["dial", "1"]]
    return found + [f"INVITE of {a} without an act" for _, a in scene.calls() if a not in acts]


def _reserved(stage: Stage) -> list[str]:
    """No agent talks with two customers at once. Calls whose end another engine had to find out are left
    out: when they ended nobody knows."""
    rows = stage.sql(
        "SELECT a.agent, a.id, b.id FROM ccdata.attempts a JOIN ccdata.attempts b ON b.agent = a.agent"
        " AND b.id <> a.id AND b.connected_at >= a.connected_at AND b.connected_at < a.ended_at"
        " WHERE a.taken_over = 0 AND b.taken_over = 0 AND a.outcome = 'answered' AND b.outcome = 'answered'"
        " AND a.agent <> ''"
    )
    return [f"{row[0]} talks for {row[1]} and {row[2]} at once" for row in rows]


def quiet(stage: Stage) -> bool:
    """Has everything that was dialled come to its end?"""
    left = stage.value("SELECT COUNT(*) FROM ccdata.attempts WHERE state <> 'ended'")
    return left == "0" and stage.asterisk.channels() == 0


def released(stage: Stage) -> list[str]:
    """Return what a stopped engine has kept: its lease, or a journal."""
    found = []
    if stage.value("SELECT COUNT(*) FROM ccdata.leases WHERE lease_until > UTC_TIMESTAMP(3)") != "0":
        found.append("the lease is still held")
    journals = list(stage.home.rglob("*.journal"))
    if journals or stage.value("SELECT COUNT(*) FROM ccdata.journals") != "0":
        found.append(f"journals are left: {journals}")
    return found + [f"entries were refused: {path}" for path in stage.home.rglob("*.refused")]

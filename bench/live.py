"""Pacing on the real parts: progressive, a fixed overdial and Predictive in the same set-up.

    make bench-live ARGS="--agents 20 --seconds 240"

Real Asterisk, real MariaDB, SIPp as the carrier: a quarter of the calls is answered after 1 to 5 s of
ringing and talks for 4 to 12 s, the others are busy, unknown or ring out. One JSON object per line and
policy: occupancy (talk ÷ time of all agents), abandonment (answered calls without an agent within 2 s),
answer to agent, and "agent free" to "INVITE on the wire" (progressive: the next call is for that agent).
The first `--warmup` seconds count for nothing but the budget.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from engine.lab.asterisk import Asterisk, AsteriskInstall
from engine.lab.mariadb import MariaDB
from engine.lab.sipp import Sipp
from engine.resources import resource
from tests.stage import CAMPAIGN, Names, Stage, set_stage

_CARRIER = Path(__file__).parent.parent / "tests" / "acceptance" / "carrier.xml"
_ATTEMPT = re.compile(r"^X-Overdial-Attempt: *(\S+)", re.MULTILINE)
#: Endings: a quarter is answered.
ENDINGS = ("100",) * 25 + ("486",) * 12 + ("404",) * 8 + ("480",) * 15 + ("777",) * 40
POLICIES = {
    "progressive": {"dialertype": "PowerDialer", "tbc": 0},
    "power 150 %": {"dialertype": "PowerDialer", "tbc": -50},
    "predictive": {"dialertype": "Predictive", "tbc": -3},
}


def scenario(home: Path) -> Path:
    """Write the carrier with longer rings and talks; return where."""
    text = _CARRIER.read_text()
    ring = '<pause distribution="uniform" min="1000" max="5000" next="answer"/>'
    text = text.replace('<pause milliseconds="300" next="answer"/>', ring)
    head, tail = text.split('<recv request="BYE" timeout="1500"', 1)
    home.mkdir(parents=True, exist_ok=True)
    path = home / "talk.xml"
    talk = '<pause distribution="uniform" min="4000" max="12000"/>'
    path.write_text(f'{head}{talk}<recv request="BYE" timeout="100"{tail}')
    return path


def run(stage: Stage, policy: str, options: argparse.Namespace) -> dict[str, object]:
    """Dial with one policy for the given time; return what was measured."""
    stage.sql(
        "DELETE FROM ccdata.dialers; DELETE FROM ccdata.queues; DELETE FROM ccdata.calls_spool;"
        "DELETE FROM ccdata.dialer_base; DELETE FROM ccdata.attempts; DELETE FROM ccrepo.cdr_repo;"
    )
    stage.dialer(timeout=8, maxchannels=200, status=0, **POLICIES[policy])
    stage.sql("UPDATE ccdata.queues SET wrapuptime = 0")
    dice = Random(options.seed)
    for first in range(0, options.seconds * options.agents, 5_000):
        values = ",".join(
            f"('{CAMPAIGN}', '5{n:07d}{dice.choice(ENDINGS)}', 'L')" for n in range(first, first + 5_000)
        )
        stage.sql(f"INSERT INTO ccdata.calls_spool (campaign, destination, dialerbase) VALUES {values};")
    stage.sql(f"INSERT INTO ccdata.dialer_base (campaign, name, active) VALUES ('{CAMPAIGN}', 'L', 1)")
    stage.start()
    stage.sql("UPDATE ccdata.dialers SET status = 1")
    time.sleep(options.warmup)
    begin = stage.value("SELECT UTC_TIMESTAMP(3)")
    time.sleep(options.seconds - options.warmup)
    end = stage.value("SELECT UTC_TIMESTAMP(3)")
    explained = stage.sql("SELECT bound, reason FROM ccdata.campaign_state")
    stage.sql("UPDATE ccdata.dialers SET status = 0")
    stage.wait(lambda: stage.asterisk.channels() == 0, "all calls have ended", 60.0)
    stage.stop()
    return {"name": "live", "policy": policy, **_measured(stage, begin, end, options), "last": explained[0]}


def _measured(stage: Stage, begin: str, end: str, options: argparse.Namespace) -> dict[str, object]:
    talk = float(
        stage.value(
            f"SELECT COALESCE(SUM(TIMESTAMPDIFF(MICROSECOND, GREATEST(connected_at, '{begin}'),"
            f" LEAST(ended_at, '{end}'))) / 1e6, 0) FROM ccdata.attempts"
            f" WHERE connected_at < '{end}' AND ended_at > '{begin}'"
        )
    )
    seconds = float(stage.value(f"SELECT TIMESTAMPDIFF(MICROSECOND, '{begin}', '{end}') / 1e6"))
    counts = stage.sql(
        "SELECT COUNT(*), SUM(outcome IN ('answered', 'abandoned')), SUM(outcome = 'abandoned' OR"
        " TIMESTAMPDIFF(MICROSECOND, answered_at, connected_at) > 2000000) FROM ccdata.attempts"
        " WHERE outcome <> 'cancelled'"
    )[0]
    waits = sorted(
        float(row[0])
        for row in stage.sql(
            "SELECT TIMESTAMPDIFF(MICROSECOND, answered_at, connected_at) / 1e6 FROM ccdata.attempts"
            " WHERE connected_at IS NOT NULL"
        )
    )
    answered, abandoned = int(counts[1]), int(counts[2])
    return {
        "agents": options.agents,
        "calls": int(counts[0]),
        "answered": answered,
        "occupancy": round(100 * talk / (seconds * options.agents), 1),
        "abandonment": round(100 * abandoned / max(answered, 1), 2),
        "answer_to_agent_s": {"p50": _at(waits, 0.5), "p99": _at(waits, 0.99)},
        "free_to_invite_s": _reaction(stage),
    }


def _reaction(stage: Stage) -> dict[str, float]:
    """From each end of a talk to the next INVITE that the carrier's log has."""
    invites = sorted(_invites(stage.carrier))
    ends = [
        datetime.fromisoformat(row[0]).replace(tzinfo=UTC).timestamp()
        for row in stage.sql("SELECT ended_at FROM ccdata.attempts WHERE connected_at IS NOT NULL ORDER BY 1")
    ]
    delays, at = [], 0
    for end in ends:
        while at < len(invites) and invites[at] < end:
            at += 1
        if at < len(invites):
            delays.append(invites[at] - end)
    delays.sort()
    return {"p50": _at(delays, 0.5), "p99": _at(delays, 0.99)}


def _invites(carrier: Sipp) -> list[float]:
    """The moments of all INVITEs, retransmissions left out."""
    text = carrier.messages.read_text(errors="replace")
    pieces = re.split(r"^-{10,} (\S+ \S+)$", text, flags=re.MULTILINE)
    moments: dict[str, float] = {}
    for stamp, message in zip(pieces[1::2], pieces[2::2], strict=False):
        attempt = _ATTEMPT.search(message)
        if attempt and "received" in message and "INVITE sip:" in message:
            moments.setdefault(attempt[1], datetime.fromisoformat(stamp).timestamp())
    return list(moments.values())


def _at(values: list[float], share: float) -> float:
    return round(values[min(int(share * len(values)), len(values) - 1)], 3) if values else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=20)
    parser.add_argument("--seconds", type=int, default=240)
    parser.add_argument("--warmup", type=int, default=60)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--policies", nargs="+", choices=POLICIES, default=list(POLICIES))
    parser.add_argument("--lab", type=Path, default=Path(".lab"))
    options = parser.parse_args()
    lab = options.lab.resolve()
    home = lab / "live"
    shutil.rmtree(home, ignore_errors=True)
    mariadb = MariaDB(home / "db")
    carrier = Sipp(scenario(home), home / "sipp")
    asterisk = Asterisk(AsteriskInstall.find(lab), resource("asterisk-conf"), home / "asterisk", {})
    asterisk.queue(options.agents, CAMPAIGN, wrapup=0)
    asterisk.trunk("CARRIER", carrier.port)
    try:
        mariadb.start()
        carrier.start()
        asterisk.start()
        mariadb.sql(resource("schema.sql").read_text("utf-8"))
        for policy in options.policies:
            names = Names("ccdata", "ccrepo")
            with set_stage(mariadb, asterisk, carrier, names, home / "engine") as stage:
                print(json.dumps(run(stage, policy, options)), flush=True)
    finally:
        asterisk.stop()
        carrier.stop()
        mariadb.stop()


if __name__ == "__main__":
    main()

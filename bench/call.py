"""What one call costs: CPU of the engine beside Asterisk's in the same run, and AMI events.

    make bench-call ARGS="--calls 600 --agents 20"

A power campaign over the loopback carrier: every customer answers after a moment, is joined with
an agent and hangs up after a second. Prints one JSON object per line; the baseline of the engine's
CPU is Asterisk's CPU for the same calls (which here plays both sides of every leg).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import urllib.request
from pathlib import Path

from engine.lab.asterisk import Asterisk, AsteriskInstall
from engine.lab.mariadb import MariaDB
from engine.lab.parts import Child, free_port, poll
from engine.resources import resource

CAMPAIGN = "BENCH<-"


def _emit(name: str, value: float, unit: str, baseline: float | None, n: int) -> None:
    ratio = round(value / baseline, 3) if baseline else None
    print(
        json.dumps(
            {
                "name": name,
                "value": round(value, 3),
                "unit": unit,
                "baseline": baseline,
                "ratio": ratio,
                "n": n,
            }
        ),
        flush=True,
    )


def _metric(port: int, name: str) -> float:
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=400)
    parser.add_argument("--agents", type=int, default=20)
    parser.add_argument("--lab", type=Path, default=Path(".lab"))
    options = parser.parse_args()
    lab = options.lab.resolve()
    home = lab / "bench"
    shutil.rmtree(home, ignore_errors=True)
    database = MariaDB(home / "db")
    asterisk = Asterisk(
        AsteriskInstall.find(lab),
        resource("asterisk-conf"),
        home / "asterisk",
        {"extensions-parts.conf": "[globals]\nLAB_TALK_MIN = 1\nLAB_TALK_MAX = 1\n"},
    )
    asterisk.queue(options.agents, CAMPAIGN, wrapup=0)
    asterisk.trunk("LOOPBACK", asterisk.sip_port)
    engine: Child | None = None
    try:
        database.start()
        asterisk.start()
        database.sql(resource("schema.sql").read_text("utf-8"))
        engine, port = _start(database, asterisk, home)
        _rows(database, options.calls, options.agents)
        asterisk_before = asterisk.child.cpu_seconds() if asterisk.child else 0.0
        engine_before, events_before = engine.cpu_seconds(), _metric(port, "overdial_ami_events_total")
        database.sql("UPDATE ccdata.dialers SET status = 1")
        done = "SELECT COUNT(*) FROM ccrepo.cdr_repo"
        poll(lambda: int(database.sql(done)) >= options.calls, "all calls have ended", 600.0)
        answered = int(database.sql("SELECT COUNT(*) FROM ccdata.attempts WHERE outcome = 'answered'"))
        calls = options.calls
        switch = (asterisk.child.cpu_seconds() - asterisk_before) / calls * 1000 if asterisk.child else 0.0
        own = (engine.cpu_seconds() - engine_before) / calls * 1000
        events = (_metric(port, "overdial_ami_events_total") - events_before) / calls
        _emit("call/asterisk_cpu", switch, "ms/call", None, calls)
        _emit("call/engine_cpu", own, "ms/call", round(switch, 3), calls)
        _emit("call/ami_events", events, "events/call", 96.0, calls)
        _emit("call/answered_share", 100 * answered / calls, "%", None, calls)
    finally:
        if engine is not None:
            engine.stop(20.0)
        asterisk.stop()
        database.stop()


def _start(database: MariaDB, asterisk: Asterisk, home: Path) -> tuple[Child, int]:
    port = free_port()
    config = home / "overdial.toml"
    config.write_text(
        f'[engine]\nname = "bench"\nstate = "{home}"\n'
        f'[asterisk]\nport = {asterisk.ami_port}\nsecret = "{asterisk.secret}"\n'
        f'[database]\nsocket = "{database.socket}"\nuser = "root"\n[metrics]\nport = {port}\n'
    )
    engine = Child([sys.executable, "-m", "engine", "run", "--config", str(config)], home / "engine.log")
    poll(lambda: '"engine.serving"' in engine.log.read_text(), "the engine is up")
    return engine, port


def _rows(database: MariaDB, calls: int, agents: int) -> None:
    values = ",".join(f"('{CAMPAIGN}', '555{i:06d}10', 'B')" for i in range(calls))
    database.sql(
        f"INSERT INTO ccdata.queues (name, queue_timeout) VALUES ('{CAMPAIGN}', 30);"
        "INSERT INTO ccdata.dialers (campaign, schedule, dialstring, maxchannels, timeout, tbc, status)"
        f" VALUES ('{CAMPAIGN}', 'sun-sat;00:00-23:59', 'SIP/LOOPBACK/', {agents * 4}, 10, -50, 0);"
        f"INSERT INTO ccdata.calls_spool (campaign, destination, dialerbase) VALUES {values};"
        f"INSERT INTO ccdata.dialer_base (campaign, name, active) VALUES ('{CAMPAIGN}', 'B', 1);"
    )


if __name__ == "__main__":
    main()

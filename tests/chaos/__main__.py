"""`make chaos ARGS="--kills 80 --seed 7"`: break real parts at random moments, then check what holds.

Prints one JSON object per kind of fault: how often it was tried, what was violated, and the longest
time from the fault to the next claim.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from pathlib import Path
from random import Random

from engine.lab.asterisk import Asterisk, AsteriskInstall
from engine.lab.mariadb import MariaDB
from engine.lab.sipp import Sipp
from engine.resources import resource
from tests.chaos.faults import FAULTS, Scene
from tests.chaos.judge import quiet, violations
from tests.proxy import Proxy
from tests.stage import CAMPAIGN, Names, Stage, set_stage

AGENTS = 8
#: Contacts per fault: more than can be dialled between two of them.
PER_KILL = 60
#: Endings of the carrier's scenario; none of them lets a trunk rest.
ENDINGS = ("100", "100", "100", "486", "404", "603", "777", "183", "487")


def run(lab: Path, home: Path, kills: int, seed: int) -> int:
    """Try every kind of fault `kills / 8` times; return the number of violations."""
    shutil.rmtree(home, ignore_errors=True)
    dice = Random(seed)
    mariadb = MariaDB(home / "db")
    carrier = Sipp(Path(__file__).parent.parent / "acceptance" / "carrier.xml", home / "sipp")
    asterisk = Asterisk(
        AsteriskInstall.find(lab),
        resource("asterisk-conf"),
        home / "asterisk",
        {"extensions-parts.conf": "[globals]\nLAB_TALK_MIN = 1\nLAB_TALK_MAX = 2\n"},
    )
    asterisk.queue(AGENTS, CAMPAIGN, wrapup=0)
    asterisk.trunk("CARRIER", carrier.port)
    try:
        mariadb.start()
        carrier.start()
        asterisk.start()
        mariadb.sql(resource("schema.sql").read_text("utf-8"))
        names = Names("ccdata", "ccrepo")
        with (
            Proxy(asterisk.ami_port) as line,
            set_stage(mariadb, asterisk, carrier, names, home / "engine") as stage,
        ):
            stage.ami_port = line.port
            return _play(Scene(stage, line, dice), kills)
    finally:
        asterisk.stop()
        carrier.stop()
        mariadb.stop()


def _play(scene: Scene, kills: int) -> int:
    stage = scene.stage
    stage.dialer(tbc=-200, timeout=3, maxchannels=30, status=0)
    loaded = 0
    bad = 0
    for kind, fault in FAULTS.items():
        tries = max(kills // len(FAULTS), 1)
        loaded += _load(stage, loaded, tries * PER_KILL)
        if stage.engine is None:
            stage.start()
        stage.sql("UPDATE ccdata.dialers SET status = 1")
        longest = 0.0
        for _ in range(tries):
            _dialling(stage)
            scene.away(0.0, 1.5)
            began = time.monotonic()
            fault(scene)
            _dialling(stage)
            longest = max(longest, time.monotonic() - began)
        stage.sql("UPDATE ccdata.dialers SET status = 0")
        stage.wait(lambda: quiet(stage), f"everything has ended after {kind}", 90.0)
        found = violations(stage, loaded)
        bad += len(found)
        result = {"name": f"chaos/{kind}", "tries": tries, "violations": len(found)}
        print(
            json.dumps({**result, "longest_pause_s": round(longest, 1), "calls": len(stage.invites())}),
            flush=True,
        )
        for text in found[:10]:
            print(f"  {kind}: {text}", file=sys.stderr)
    return bad


def _load(stage: Stage, loaded: int, count: int) -> int:
    """Insert contacts whose numbers nobody else has."""
    values = ",".join(
        f"('{CAMPAIGN}', '5{loaded + i:07d}{ENDINGS[i % len(ENDINGS)]}', 'L')" for i in range(count)
    )
    stage.sql(f"INSERT INTO ccdata.calls_spool (campaign, destination, dialerbase) VALUES {values};")
    if not loaded:
        stage.sql(f"INSERT INTO ccdata.dialer_base (campaign, name, active) VALUES ('{CAMPAIGN}', 'L', 1)")
    return count


def _dialling(stage: Stage) -> None:
    """Wait until a contact is claimed from now on: the engine works again."""
    now = stage.value("SELECT UTC_TIMESTAMP(3)")
    claimed = f"SELECT COUNT(*) > 0 FROM ccdata.attempts WHERE claimed_at > '{now}'"
    stage.wait(lambda: stage.value(claimed) == "1", "contacts are claimed again", 60.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=80)
    parser.add_argument("--seed", type=int, default=Random().randrange(10**6))
    parser.add_argument("--lab", type=Path, default=Path(".lab"))
    options = parser.parse_args()
    print(f"seed {options.seed}", file=sys.stderr)
    lab = options.lab.resolve()
    sys.exit(1 if run(lab, lab / "chaos", options.kills, options.seed) else 0)


if __name__ == "__main__":
    main()

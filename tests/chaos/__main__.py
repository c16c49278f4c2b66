"""`make chaos ARGS="--kills 500 --seed 7"`: break real parts at random moments, then check what holds.

Prints one JSON object per kind of fault: how often it was tried, what was violated, and the longest
time from the fault to the next claim (s), mending and take-over included.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from random import Random

from tests.chaos.faults import FAULTS
from tests.chaos.judge import quiet, released, violations
from tests.chaos.scene import Scene, set_scene
from tests.stage import CAMPAIGN, Stage

#: Contacts per fault: more than can be dialled between two of them.
PER_KILL = 60
#: Endings of the carrier's scenario; none of them lets a trunk rest.
ENDINGS = ("100", "100", "100", "486", "404", "603", "777", "183", "487")
#: Extra attempts per number.
RETRIES = 1


def run(lab: Path, home: Path, kills: int, seed: int, only: list[str] | None = None) -> int:
    """Try every kind of fault equally often, `kills` times in all and each once at least; return the
    number of violations."""
    kinds = only or list(FAULTS)
    with set_scene(lab, home, Random(seed)) as scene:
        bad = _play(scene, kinds, max(round(kills / len(kinds)), 1))
        assert scene.stage.stop() == 0, "the engine stops in order"
        left = released(scene.stage)
    for text in left:
        print(f"  at the end: {text}", file=sys.stderr)
    return bad + len(left)


def _play(scene: Scene, kinds: list[str], tries: int) -> int:
    stage = scene.stage
    stage.dialer(tbc=-200, timeout=3, maxchannels=30, retries=RETRIES, status=0)
    stage.start()
    loaded = 0
    bad = 0
    for kind in kinds:
        loaded += _load(stage, loaded, tries * PER_KILL)
        stage.sql("UPDATE ccdata.dialers SET status = 1")
        longest = 0.0
        for _ in range(tries):
            scene.working()
            scene.away(0.0, 1.5)
            began = time.monotonic()
            FAULTS[kind](scene)
            scene.working()
            longest = max(longest, time.monotonic() - began)
        stage.sql("UPDATE ccdata.dialers SET status = 0")
        stage.wait(lambda: quiet(stage), f"everything has ended after {kind}", 90.0)
        found = violations(scene, loaded, RETRIES)
        bad += len(found)
        result = {"name": f"chaos/{kind}", "tries": tries, "violations": len(found)}
        print(
            json.dumps({**result, "longest_pause_s": round(longest, 1), "calls": len(scene.calls())}),
            flush=True,
        )
        for text in found[:10]:
            print(f"  {kind}: {text}", file=sys.stderr, flush=True)
    return bad


def _load(stage: Stage, loaded: int, count: int) -> int:
    """Insert contacts whose numbers nobody else has; every third has a second number."""
    values = ",".join(
        f"('{CAMPAIGN}', '5{n:07d}{ENDINGS[n % len(ENDINGS)]}',"
        f" '{f'6{n:07d}100' if n % 3 == 0 else ''}', 'L')"
        for n in range(loaded, loaded + count)
    )
    stage.sql(
        f"INSERT INTO ccdata.calls_spool (campaign, destination, alternatives, dialerbase) VALUES {values};"
    )
    if not loaded:
        stage.sql(f"INSERT INTO ccdata.dialer_base (campaign, name, active) VALUES ('{CAMPAIGN}', 'L', 1)")
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=Random().randrange(10**6))
    parser.add_argument("--only", nargs="+", choices=sorted(FAULTS), help="these kinds of fault")
    parser.add_argument("--lab", type=Path, default=Path(".lab"))
    options = parser.parse_args()
    print(f"seed {options.seed}", file=sys.stderr, flush=True)
    lab = options.lab.resolve()
    sys.exit(1 if run(lab, lab / "chaos", options.kills, options.seed, options.only) else 0)


if __name__ == "__main__":
    main()

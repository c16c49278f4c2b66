"""`make chaos ARGS="--kills 500 --seed 7"`: break real parts at random moments, then check what holds.

`--mode preview` (or any other of docs/modes.md) lets a campaign of that kind dial meanwhile.
Prints one JSON object per kind of fault: how often it was tried, what was violated, and the longest
time from the fault to the next claim (s), mending and take-over included; where a standby took over,
the longest time from the fault to the standby at work, too.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random

from engine.domain.modes import Mode
from engine.lab.parts import LabError
from tests.chaos.faults import FAULTS, kinds_for
from tests.chaos.judge import quiet, released, violations
from tests.chaos.scene import AGENTS, LEASE, Scene, set_scene
from tests.stage import CAMPAIGN, Stage
from tests.ways import SETTINGS

#: Contacts per fault: more than can be dialled between two of them.
PER_KILL = 100
#: Endings of the carrier's scenario; none of them lets a trunk rest.
ENDINGS = ("100", "100", "100", "486", "404", "603", "777", "183", "487")
#: Extra attempts per number.
RETRIES = 1


def run(
    lab: Path, home: Path, kills: int, seed: int, lease: float, mode: Mode, only: Sequence[str] = ()
) -> int:
    """Try every kind of fault equally often, `kills` times in all and each once at least; print a line
    per kind and return the number of violations."""
    kinds = only or kinds_for(mode)
    tries = max(round(kills / len(kinds)), 1)
    bad = 0
    with set_scene(lab, home, Random(seed), lease, mode) as scene:
        set_campaign(scene.stage, mode)
        for kind in kinds:
            longest = play(scene, kind, tries)
            found = judge(scene)
            bad += len(found)
            result = {
                "name": f"chaos/{kind}" if mode is Mode.POWER else f"chaos/{mode}/{kind}",
                "tries": tries,
                "violations": len(found),
                "longest_pause_s": round(longest, 1),
                "calls": len(scene.calls()),
            }
            if scene.takeovers:
                result["longest_takeover_s"] = round(max(scene.takeovers), 1)
                scene.takeovers.clear()
            print(json.dumps(result), flush=True)
            for text in found[:10]:
                print(f"  {kind}: {text}", file=sys.stderr, flush=True)
        left = stop(scene)
    for text in left:
        print(f"  at the end: {text}", file=sys.stderr)
    return bad + len(left)


def set_campaign(stage: Stage, mode: Mode = Mode.POWER) -> None:
    """Insert the campaign and start the engine."""
    kind, options = SETTINGS[mode]
    tbc = {Mode.POWER: -200, Mode.PREDICTIVE: -3}.get(mode, 0)
    # Per agent for the one; for the other all that holds it back.
    channels = {Mode.PREDICTIVE: 4, Mode.BROADCAST: AGENTS}.get(mode, 30)
    stage.dialer(
        dialertype=kind, context=kind, tbc=tbc, timeout=3, maxchannels=channels, retries=RETRIES, status=0,
        sound="vm-intro" if mode is Mode.BROADCAST else "",
    )  # fmt: skip
    columns, values = (
        ", ".join(["campaign", *options]),
        ", ".join([f"'{CAMPAIGN}'", *map(str, options.values())]),
    )
    stage.sql(f"INSERT INTO ccdata.dialer_options ({columns}) VALUES ({values})")
    stage.start()


def play(scene: Scene, kind: str, tries: int) -> float:
    """Break and mend `tries` times while contacts are dialled; return the longest pause (s)."""
    _load(scene.stage, tries * PER_KILL, AGENTS if scene.mode.portfolio else 0)
    scene.stage.sql("UPDATE ccdata.dialers SET status = 1")
    longest = 0.0
    for _ in range(tries):
        scene.working()
        scene.away(0.0, 1.5)
        began = time.monotonic()
        FAULTS[kind](scene)
        scene.working()
        longest = max(longest, time.monotonic() - began)
    if scene.mode.reserves:
        scene.agents_work()
    return longest


def judge(scene: Scene) -> list[str]:
    """Stop dialling, let everything end, and return what does not hold."""
    scene.stage.sql("UPDATE ccdata.dialers SET status = 0")
    try:
        scene.stage.wait(lambda: quiet(scene.stage), "everything has ended", 90.0)
    except LabError as error:
        left = scene.stage.asterisk.command("core show channels concise")
        raise LabError(f"{error} What is left:\n{left}") from error
    return violations(scene, scene.stage.loaded, RETRIES)


def stop(scene: Scene) -> list[str]:
    """Stop the engine in order and return what it has kept."""
    status = scene.stage.stop()
    return released(scene.stage) + ([f"the engine stopped with status {status}"] if status else [])


def _load(stage: Stage, count: int, agents: int) -> None:
    """Insert contacts whose numbers nobody else has; every third has a second number. Two of three belong to
    one of `agents` agents, by extension or by name."""
    first = stage.loaded
    values = ",".join(
        f"('{CAMPAIGN}', '5{n:07d}{ENDINGS[n % len(ENDINGS)]}',"
        f" '{f'6{n:07d}100' if n % 3 == 0 else ''}', 'L', '{_owner(n, agents)}')"
        for n in range(first, first + count)
    )
    stage.sql(
        "INSERT INTO ccdata.calls_spool (campaign, destination, alternatives, dialerbase, agentphone)"
        f" VALUES {values};"
    )
    if not first:
        stage.sql(f"INSERT INTO ccdata.dialer_base (campaign, name, active) VALUES ('{CAMPAIGN}', 'L', 1)")
    stage.loaded += count


def _owner(number: int, agents: int) -> str:
    if not agents or number % 3 == 0:
        return ""
    extension = 101 + number // 3 % agents
    return f"agent{extension}" if number % 3 == 1 else f"Agent {extension}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=Random().randrange(10**6))
    parser.add_argument("--only", nargs="+", default=(), choices=sorted(FAULTS), help="these kinds of fault")
    modes = [str(mode) for mode in Mode]
    parser.add_argument("--mode", default=str(Mode.POWER), choices=modes, help="how the campaign dials")
    parser.add_argument("--lease", type=float, default=LEASE, help="of the engines, in s")
    parser.add_argument("--lab", type=Path, default=Path(".lab"))
    options = parser.parse_args()
    print(f"seed {options.seed}", file=sys.stderr, flush=True)
    lab = options.lab.resolve()
    mode = Mode(options.mode)
    home = lab / ("chaos" if mode is Mode.POWER else f"chaos-{mode}")
    sys.exit(1 if run(lab, home, options.kills, options.seed, options.lease, mode, options.only) else 0)


if __name__ == "__main__":
    main()

"""What the choice of one caller ID costs, by the size of the pool: with and without local presence.

python -m bench.caller_ids [--choices 2000]
"""

from __future__ import annotations

import argparse
import json
import random
import time

from engine.adapters.places import locality
from engine.domain.callerid import CallerIdEntry
from engine.domain.callerid_pool import Pool, Turns

AREAS = [str(area) for area in range(201, 990)]


def measure(size: int, choices: int, *, local: bool) -> float:
    """Return the mean time of one choice (µs) among `size` numbers of all areas, in turn."""
    dice = random.Random(1)
    numbers = {f"1{dice.choice(AREAS)}{dice.randrange(2_000_000, 9_999_999)}" for _ in range(size)}
    pool = Pool((CallerIdEntry("", number) for number in sorted(numbers)), lambda n: locality(n, "US"))
    used: dict[str, float] = {}
    turns = Turns(used)
    wanted = [f"1{dice.choice(AREAS)}5550100" for _ in range(choices)]
    for destination in wanted:
        locality(destination, "US")  # known from the claim, which asks for it too
    started = time.perf_counter()
    for place, destination in enumerate(wanted):
        used[pool.choose(destination, turns, dice.randrange, local=local)] = float(place)
    return (time.perf_counter() - started) / choices * 1e6


def main() -> None:
    """Print one line of JSON for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--choices", type=int, default=2_000)
    args = parser.parse_args()
    for size in (10, 1_000, 10_000):
        for local in (False, True):
            name = f"choice/{'local' if local else 'turns'}/{size}"
            value = round(measure(size, args.choices, local=local), 1)
            print(json.dumps({"name": name, "value": value, "unit": "us", "n": args.choices}), flush=True)


if __name__ == "__main__":
    main()

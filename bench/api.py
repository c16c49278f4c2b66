"""The HTTP API beside a running campaign: does it make the pacer wait?

    make bench-api ARGS="--agents 20 --seconds 40 --rounds 3 --rate 200"

Real Asterisk, real MariaDB, SIPp as the carrier, a progressive campaign. Windows without and with `--rate`
requests/s take turns; requests come from a process of their own, at fixed moments, whatever the answers do:
live views, lists of dialers and campaigns, records, single tasks and removals, black list, /api/v1, and a
login every ten seconds. One JSON object per line: a figure with the load, `baseline` without it, `ratio`.

* decision delay: from the event that asks for a decision to the decision (overdial_decision_delay_seconds);
* free to INVITE: from the end of a talk to the INVITE of the next call on the wire;
* answers: time of the requests, and how many did not end as documented.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bench.live import ENDINGS, _at, _invites, scenario
from engine.api.integra import ROUTES
from engine.lab.asterisk import Asterisk, AsteriskInstall
from engine.lab.mariadb import MariaDB
from engine.lab.parts import free_port
from engine.lab.sipp import Sipp
from engine.resources import resource
from tests.stage import CAMPAIGN, Names, Stage, set_stage

_METRIC = "overdial_decision_delay_seconds"
_FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}
_TASK = {
    "calldate": "2035-01-01 00:00:00", "campaign": CAMPAIGN, "destination": "59990000", "alternatives": "",
    "agent": "", "data": "a=b", "source": "source", "bulk": True, "automatic": False,
}  # fmt: skip
_BLACK = {
    "phone": "59990002", "campaign": CAMPAIGN, "username": "load", "company": "", "job_title": "", "name": "",
}  # fmt: skip
_FILTER = {
    "calldatei": "2020-01-01 00:00:00", "calldatef": "2035-01-01 00:00:00", "agent": "",
    "campaign": CAMPAIGN, "source": "", "destination": "", "data": "", "range": "", "rating": "",
    "mindur": "", "exclude": "", "type": "record", "cont": "",
}  # fmt: skip
_GUID = "019aa0c0-0000-7000-8000-000000000000"
#: Requests and how often they come among each other; what is not served is left out.
MIX: tuple[tuple[str, int, dict[str, Any]], ...] = (
    ("Supervisor/queuesummary", 5, {}),
    ("Supervisor/campaignstatus", 5, {"queue": CAMPAIGN}),
    ("Dialers/get", 2, {}),
    ("queues/getqueues", 2, {"lastrow": ""}),
    ("Dialers/DialerTask", 2, {"call": _TASK}),
    ("Dialers/RemoveContact", 1, {"campaign": CAMPAIGN, "number": "59990001"}),
    ("admin/addblack", 1, {"black": _BLACK}),
    ("Agents/TagRecord", 1, {"phone": "59990000", "guid": _GUID, "data": "t"}),
    ("Cdr/getrecords", 1, {"lastrow": "0", "searchLimit": "50", "Random": "1", "filter": _FILTER}),
)


# The load: a process of its own.


async def load(base: str, user: str, word: str, rate: float, seconds: float) -> dict[str, Any]:
    """Ask `rate` times a second for so long; return how long answers took and what went wrong."""
    served = {route.path.removeprefix("Integra/resources/") for route in ROUTES}
    mix = [(path, fields) for path, weight, fields in MIX if path in served for _ in range(weight)]
    dice = Random(7)
    took: list[float] = []
    wrong: Counter[str] = Counter()
    connector = aiohttp.TCPConnector(limit=64)
    async with aiohttp.ClientSession(base, connector=connector) as client, asyncio.TaskGroup() as group:
        login = {"user": user, "password": word}
        async with client.post("/Integra/resources/auth/getUserToken", data=login) as answer:
            token = json.loads(await answer.text())
        assert len(token) > 1, "the login failed"
        print("ready", flush=True)  # a start of Python is no request
        await asyncio.to_thread(sys.stdin.readline)

        async def ask(method: str, path: str, body: bytes | None, good: bool) -> None:
            at = time.perf_counter()
            headers = {"Authorization": f"Basic {token}", **(_FORM if body is not None else {})}
            try:
                async with client.request(method, path, data=body, headers=headers) as answer:
                    text = await answer.text()
                    if answer.status != 200 or (good and text in ("0", '"0"')):
                        wrong[f"{path} {answer.status}"] += 1
            except aiohttp.ClientError as error:
                wrong[f"{path} {type(error).__name__}"] += 1
            took.append(time.perf_counter() - at)

        begin = time.perf_counter()
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(begin + number / rate - time.perf_counter(), 0))
            if number % int(10 * rate) == 0:
                path, body = "/Integra/resources/auth/getUserToken", urlencode(login).encode()
                group.create_task(ask("POST", path, body, True))  # the group's own
            elif number % 8 == 0 or not mix:
                group.create_task(ask("GET", "/api/v1/session", None, True))
            else:
                path, fields = dice.choice(mix)
                plain = {k: v if isinstance(v, str) else json.dumps(v) for k, v in fields.items()}
                group.create_task(ask("POST", f"/Integra/resources/{path}", urlencode(plain).encode(), True))
    took.sort()
    return {
        "requests": len(took),
        "p50_ms": round(1000 * _at(took, 0.5), 1),
        "p99_ms": round(1000 * _at(took, 0.99), 1),
        "max_ms": round(1000 * took[-1], 1),
        "wrong": dict(wrong),
        "kinds": len({path for path, _ in mix}) + 2,
    }


# The campaign.


def _now() -> float:
    return datetime.now(UTC).timestamp()


def _buckets(port: int) -> dict[float, float]:
    """Return upper bound (s) → decisions so far."""
    text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10).read().decode()
    found = {}
    for line in text.splitlines():
        if line.startswith(f"{_METRIC}_bucket"):
            bound = line.split('le="')[1].split('"')[0]
            found[float(bound)] = float(line.rsplit(" ", 1)[1])
    return found


def _quantile(before: dict[float, float], after: dict[float, float], share: float) -> float:
    """Return a quantile (s) of what came between two readings, linear inside its bucket."""
    counts = [(bound, after[bound] - before.get(bound, 0.0)) for bound in sorted(after)]
    total = counts[-1][1]
    below = last = 0.0
    for bound, count in counts:
        if count >= share * total and total:
            if bound == float("inf"):
                return last
            return last + (bound - last) * (share * total - below) / max(count - below, 1e-9)
        below, last = count, bound
    return last


def _add(total: dict[float, float], before: dict[float, float], after: dict[float, float]) -> None:
    for bound, count in after.items():
        total[bound] = total.get(bound, 0.0) + count - before.get(bound, 0.0)


def _reactions(stage: Stage, windows: list[tuple[float, float]]) -> list[float]:
    invites = sorted(_invites(stage.carrier))
    rows = stage.sql(
        "SELECT ended_at FROM ccdata.attempts WHERE connected_at IS NOT NULL"
        " AND ended_at IS NOT NULL ORDER BY 1"
    )
    delays, at = [], 0
    for (text,) in rows:
        end = datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
        if not any(begin <= end < until for begin, until in windows):
            continue
        while at < len(invites) and invites[at] < end:
            at += 1
        if at < len(invites):
            delays.append(invites[at] - end)
    return sorted(delays)


def measure(stage: Stage, port: int, word: str, options: argparse.Namespace) -> None:
    """Let windows without and with load take turns; print what was measured."""
    totals: dict[bool, dict[float, float]] = {False: {}, True: {}}
    windows: dict[bool, list[tuple[float, float]]] = {False: [], True: []}
    cpu = {False: 0.0, True: 0.0}
    said: list[dict[str, Any]] = []
    assert stage.engine is not None
    for turn in range(2 * options.rounds):
        loaded = turn % 2 == 1
        before, begin, used = _buckets(stage.metrics_port), _now(), stage.engine.cpu_seconds()
        if loaded:
            # Elsewhere clients have processors of their own.
            argv = ["nice", "-n", "10", sys.executable, "-m", "bench.api"]
            argv += ["--load", f"http://127.0.0.1:{port}", "--word", word]
            argv += ["--rate", str(options.rate), "--seconds", str(options.seconds)]
            with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
                assert client.stdout is not None
                assert client.stdout.readline() == "ready\n", "the clients did not start"
                before, begin, used = _buckets(stage.metrics_port), _now(), stage.engine.cpu_seconds()
                told, _ = client.communicate("go\n")
            said.append(json.loads(told))
        else:
            time.sleep(options.seconds)
        _add(totals[loaded], before, _buckets(stage.metrics_port))
        windows[loaded].append((begin, _now()))
        cpu[loaded] += (stage.engine.cpu_seconds() - used) / (_now() - begin) / options.rounds
    for share in (0.5, 0.99):
        quiet, busy = (1000 * _quantile({}, totals[loaded], share) for loaded in (False, True))
        _emit(f"api/decision_delay_p{share * 100:.0f}", busy, "ms", quiet, int(totals[True][float("inf")]))
    quiet_ones, busy_ones = (_reactions(stage, windows[loaded]) for loaded in (False, True))
    for share in (0.5, 0.99):
        quiet, busy = 1000 * _at(quiet_ones, share), 1000 * _at(busy_ones, share)
        _emit(f"api/free_to_invite_p{share * 100:.0f}", busy, "ms", quiet, len(busy_ones))
    _emit("api/engine_cpu", 100 * cpu[True], "% of a core", 100 * cpu[False], options.rounds)
    print(json.dumps({"name": "api/answers", "rate": options.rate, "rounds": said}), flush=True)


def _emit(name: str, value: float, unit: str, baseline: float, n: int) -> None:
    ratio = round(value / baseline, 2) if baseline else None
    figure = {"name": name, "value": round(value, 2), "unit": unit, "baseline": round(baseline, 2)}
    print(json.dumps({**figure, "ratio": ratio, "n": n}), flush=True)


def _campaign(stage: Stage, options: argparse.Namespace) -> None:
    stage.dialer(timeout=8, maxchannels=200, status=0, dialertype="PowerDialer", tbc=0)
    stage.sql("UPDATE ccdata.queues SET wrapuptime = 0")
    dice = Random(7)
    for first in range(0, 100 * options.agents * options.rounds, 5_000):
        values = ",".join(
            f"('{CAMPAIGN}', '5{n:07d}{dice.choice(ENDINGS)}', 'L')" for n in range(first, first + 5_000)
        )
        stage.sql(f"INSERT INTO ccdata.calls_spool (campaign, destination, dialerbase) VALUES {values};")
    stage.sql(f"INSERT INTO ccdata.dialer_base (campaign, name, active) VALUES ('{CAMPAIGN}', 'L', 1)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--lab", type=Path, default=Path(".lab"))
    parser.add_argument("--load", default="", help=argparse.SUPPRESS)
    parser.add_argument("--word", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.load:
        print(
            json.dumps(asyncio.run(load(options.load, "admin", options.word, options.rate, options.seconds)))
        )
        return
    lab = options.lab.resolve()
    home = lab / "api"
    shutil.rmtree(home, ignore_errors=True)
    mariadb = MariaDB(home / "db")
    carrier = Sipp(scenario(home), home / "sipp")
    asterisk = Asterisk(AsteriskInstall.find(lab), resource("asterisk-conf"), home / "asterisk", {})
    asterisk.queue(options.agents, CAMPAIGN, wrapup=0)
    asterisk.trunk("CARRIER", carrier.port)
    port = free_port()
    try:
        mariadb.start()
        carrier.start()
        asterisk.start()
        mariadb.sql(resource("schema.sql").read_text("utf-8"))
        names = Names("ccdata", "ccrepo")
        extra = f"[http]\nport = {port}\ntoken_rate = 1000\naddress_rate = 1000\nlogin_rate = 100\n"
        with set_stage(mariadb, asterisk, carrier, names, home / "engine", extra) as stage:
            _campaign(stage, options)
            stage.start()
            assert stage.engine is not None
            with contextlib.suppress(PermissionError):  # as deploy/overdial.service does
                os.setpriority(os.PRIO_PROCESS, stage.engine.pid, -5)
            word = stage.log().split("with the password ")[1].split()[0]
            stage.sql("UPDATE ccdata.dialers SET status = 1")
            time.sleep(20)
            measure(stage, port, word, options)
            stage.sql("UPDATE ccdata.dialers SET status = 0")
            stage.wait(lambda: stage.asterisk.channels() == 0, "all calls have ended", 60.0)
            stage.stop()
    finally:
        asterisk.stop()
        carrier.stop()
        mariadb.stop()


if __name__ == "__main__":
    main()

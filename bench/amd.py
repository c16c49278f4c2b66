"""Answering-machine detection, measured: how many people are taken for machines, and the reverse.

    make amd
    make amd ARGS="--settings initialSilence=2500:greeting=1500:totalAnalysisTime=5000"

A labelled corpus (amd_corpus.py) is played by SIPp as the carrier, dialled by the engine on real Asterisk
with `am` = 1 and the eight documented settings in `variables`. One JSON object per recipe and for the whole;
then the confusion matrix. False positive: a person taken for a machine (and hung up on).
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections import Counter
from pathlib import Path
from statistics import median

from bench.amd_corpus import MACHINE, PERSON, Sample, make
from engine.lab.asterisk import Asterisk, AsteriskInstall
from engine.lab.mariadb import MariaDB
from engine.lab.sipp import Sipp
from engine.resources import resource
from tests.stage import CAMPAIGN, Names, Stage, set_stage

_CARRIER = Path(__file__).parent.parent / "tests" / "acceptance" / "carrier.xml"
#: Longer than any verdict takes (ms); then the customer hangs up.
LONGEST = 8000
#: The documented sample's settings.
DOCUMENTED = (
    "initialSilence=1500:greeting=2000:afterGreetingSilence=1000:totalAnalysisTime=2500:minWordLength=100"
    ":betweenWordSilence=50:maxNumberOfWords=2:silenceThreshold=256"
)
#: The same for calls whose people take their time and speak in sentences.
PATIENT = (
    "initialSilence=3500:greeting=2500:afterGreetingSilence=800:totalAnalysisTime=5000:minWordLength=100"
    ":betweenWordSilence=50:maxNumberOfWords=5:silenceThreshold=256"
)


def scenario(home: Path, samples: list[Sample]) -> Path:
    """Write a carrier that answers every number with its own recording and waits for the hang-up."""
    text = _CARRIER.read_text()
    head, tail = text.split('      <ereg regexp=".*" search_in="hdr" header="From:"', 1)
    names = [f"s{index:03d}" for index in range(len(samples))]
    tests = "".join(
        f'      <ereg regexp="^[^;]*5550{index:03d}@" search_in="hdr" header="To:" assign_to="{name}"/>\n'
        for index, name in enumerate(names)
    )
    text = f'{head}{tests}      <ereg regexp=".*" search_in="hdr" header="From:"{tail}'
    play = text.index("  <nop>\n    <action>\n      <exec rtp_stream")
    rest = text.index('  <nop next="wait" test="waits"/>', play)
    jumps = "".join(f'  <nop next="{name}" test="{name}"/>\n' for name in names)
    parts = "".join(
        f'  <label id="{name}"/>\n  <nop>\n    <action>\n'
        f'      <exec rtp_stream="{sample.file},1,0"/>\n    </action>\n  </nop>\n'
        f'  <recv request="BYE" timeout="{LONGEST}" ontimeout="bye"/>\n  <nop next="ok"/>\n'
        for name, sample in zip(names, samples, strict=True)
    )
    text = text[:play] + jumps + parts + text[rest:]
    home.mkdir(parents=True, exist_ok=True)
    path = home / "amd.xml"
    reference = "".join(f'  <Reference variables="{name}"/>\n' for name in names)
    path.write_text(text.replace("</scenario>", reference + "</scenario>"))
    return path


def run(stage: Stage, samples: list[Sample], settings: str) -> list[str]:
    """Dial every sample once; return what each was taken for."""
    stage.dialer(
        am=1, variables=settings, timeout=10, maxchannels=8, tbc=0, autoanswer=0, dialertype="PowerDialer"
    )
    stage.contacts(*({"destination": f"5550{index:03d}"} for index in range(len(samples))))
    stage.start()
    stage.ended(len(samples), limit=60.0 + 10.0 * len(samples))
    outcomes = dict(stage.sql("SELECT destination, outcome FROM ccdata.attempts"))
    stage.stop()
    return [MACHINE if outcomes[f"5550{index:03d}"] == "machine" else PERSON for index in range(len(samples))]


def cost(stage: Stage) -> list[float]:
    """Return what each verdict took from the answer on (s): that long nobody speaks."""
    rows = stage.sql(
        "SELECT TIMESTAMPDIFF(MICROSECOND, answered_at, COALESCE(queued_at, ended_at)) / 1000000"
        " FROM ccdata.attempts WHERE answered_at IS NOT NULL"
    )
    return sorted(float(row[0]) for row in rows)


def report(name: str, samples: list[Sample], judged: list[str]) -> None:
    cells: Counter[tuple[str, str]] = Counter()
    by_recipe: dict[tuple[str, str], Counter[str]] = {}
    for sample, verdict in zip(samples, judged, strict=True):
        cells[sample.label, verdict] += 1
        by_recipe.setdefault((sample.label, sample.recipe), Counter())[verdict] += 1
    for (label, recipe), verdicts in by_recipe.items():
        line = {"name": f"amd/{name}/{recipe}", "label": label, "value": verdicts[label], "unit": "right"}
        print(json.dumps({**line, "n": sum(verdicts.values())}))
    people = cells[PERSON, PERSON] + cells[PERSON, MACHINE]
    machines = cells[MACHINE, PERSON] + cells[MACHINE, MACHINE]
    for kind, wrong, count in (
        ("false_positives", cells[PERSON, MACHINE], people),
        ("false_negatives", cells[MACHINE, PERSON], machines),
    ):
        value = round(100 * wrong / count, 1)
        print(json.dumps({"name": f"amd/{name}/{kind}", "value": value, "unit": "%", "n": count}), flush=True)
    print(f"{name:12s} {'judged person':>15s} {'judged machine':>15s}")
    for label in (PERSON, MACHINE):
        print(f"{label:12s} {cells[label, PERSON]:15d} {cells[label, MACHINE]:15d}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--settings", default="", help="other settings than the two that are compared")
    parser.add_argument("--lab", type=Path, default=Path(".lab"))
    options = parser.parse_args()
    lab = options.lab.resolve()
    home = lab / "amd"
    shutil.rmtree(home, ignore_errors=True)
    samples = make(home / "corpus")
    variants = (
        {"own": options.settings} if options.settings else {"documented": DOCUMENTED, "patient": PATIENT}
    )
    mariadb = MariaDB(home / "db")
    carrier = Sipp(scenario(home, samples), home / "sipp")
    asterisk = Asterisk(AsteriskInstall.find(lab), resource("asterisk-conf"), home / "asterisk", {})
    asterisk.queue(4, CAMPAIGN, wrapup=0)
    asterisk.trunk("CARRIER", carrier.port)
    try:
        mariadb.start()
        carrier.start()
        asterisk.start()
        for name, settings in variants.items():
            names = Names("ccdata", "ccrepo")
            mariadb.sql("DROP DATABASE IF EXISTS ccdata; DROP DATABASE IF EXISTS ccrepo")
            mariadb.sql(resource("schema.sql").read_text("utf-8"))
            with set_stage(mariadb, asterisk, carrier, names, home / name) as stage:
                report(name, samples, run(stage, samples, settings))
                seconds = cost(stage)
                line = {"name": f"amd/{name}/cost", "unit": "s", "n": len(seconds)}
                line |= {"value": round(median(seconds), 2), "longest": round(seconds[-1], 2)}
                print(json.dumps(line), flush=True)
    finally:
        asterisk.stop()
        carrier.stop()
        mariadb.stop()


if __name__ == "__main__":
    main()

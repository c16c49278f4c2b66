"""A small labelled corpus for answering-machine detection: people and machines, spoken by espeak-ng.

Every voice line comes in several voices and speeds, at 8,000 samples/s as a telephone carries it; machines
end in a beep. Nothing is random: the same corpus comes out on every machine with the same espeak-ng and sox.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

PERSON, MACHINE = "person", "machine"
#: espeak-ng voices and speeds (words per minute).
VOICES = (("en+m3", 160), ("en+f2", 175), ("en+m7", 140), ("en-us+f4", 190))


@dataclass(frozen=True)
class Recipe:
    """One kind of answer. `before`: silence until it begins, s; `beep`: a machine's; `noise`: level of a
    noisy line, 0 for none."""

    label: str
    name: str
    text: str
    before: float = 0.4
    beep: bool = False
    noise: float = 0.0
    after: float = 8.0


RECIPES = (
    Recipe(PERSON, "hello", "Hello?"),
    Recipe(PERSON, "hello, late", "Hello?", before=1.0),
    Recipe(PERSON, "name", "Anna Miller."),
    Recipe(PERSON, "yes, hello", "Yes? Hello?"),
    Recipe(PERSON, "hello, noisy line", "Hello?", noise=0.02),
    Recipe(PERSON, "who is this", "Hello, who is this?"),
    Recipe(
        PERSON,
        "long business greeting",
        "Good morning, Miller and sons, plumbing and heating, this is Anna speaking, how may I help you?",
    ),
    Recipe(PERSON, "silence", ""),
    Recipe(PERSON, "noise only", "", noise=0.05),
    Recipe(
        MACHINE,
        "home greeting",
        "Hello, you have reached the Millers. We cannot come to the phone right now. Please leave a message"
        " after the tone, and we will call you back.",
        beep=True,
    ),
    Recipe(
        MACHINE,
        "carrier voice mail",
        "The person you are calling is not available. At the tone, please record your message. When you have"
        " finished recording, you may hang up.",
        before=0.8,
        beep=True,
    ),
    Recipe(MACHINE, "short greeting", "Hi, leave me a message.", beep=True),
    Recipe(
        MACHINE, "hello, then the greeting", "Hello! I am not here. Leave a message, thank you.", beep=True
    ),
    Recipe(MACHINE, "beep only", "", before=1.2, beep=True),
)


@dataclass(frozen=True)
class Sample:
    """One recording: its label, its recipe and where its µ-law audio is."""

    label: str
    recipe: str
    file: Path


def make(folder: Path) -> list[Sample]:
    """Write the corpus into `folder`; return its samples. Needs espeak-ng and sox."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = []
    for number, recipe in enumerate(RECIPES):
        for voice, (name, speed) in enumerate(VOICES):
            path = folder / f"{number:02d}{voice}.ulaw"
            _speak(recipe, name, speed, path)
            samples.append(Sample(recipe.label, recipe.name, path))
    return samples


def _speak(recipe: Recipe, voice: str, speed: int, path: Path) -> None:
    wave, beep = path.with_suffix(".wav"), path.with_suffix(".beep.wav")
    form = ["-r", "8000", "-c", "1"]
    if recipe.text:
        _run("espeak-ng", "-v", voice, "-s", str(speed), "-w", str(wave), recipe.text)
    else:
        _run("sox", "-n", *form, str(wave), "trim", "0", "0.05")
    parts = [str(wave)]
    if recipe.beep:
        _run("sox", "-n", "-r", "22050", "-c", "1", str(beep), "synth", "0.5", "sine", "1000", "gain", "-6")
        if not recipe.text:
            _run("sox", "-n", "-r", "22050", "-c", "1", str(wave), "trim", "0", "0.05")
        parts.append(str(beep))
    shaped = path.with_suffix(".shaped.wav")
    _run("sox", *parts, *form, str(shaped), "pad", str(recipe.before), str(recipe.after))
    if recipe.noise:
        noise, mixed = path.with_suffix(".noise.wav"), path.with_suffix(".mixed.wav")
        seconds = _output("soxi", "-D", str(shaped))
        _run(
            "sox", "-R", "-n", *form, str(noise), "synth", seconds, "brownnoise", "vol", str(recipe.noise * 4)
        )
        _run("sox", "-m", str(shaped), str(noise), str(mixed))
        shaped = mixed
    _run("sox", str(shaped), *form, "-t", "ul", str(path))


def _run(*argv: str) -> None:
    subprocess.run(argv, check=True, capture_output=True)


def _output(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout.strip()

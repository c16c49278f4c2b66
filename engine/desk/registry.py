"""`overdial registry`: make the file of a national registry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from engine.adapters.places import place_of
from engine.adapters.registry import build
from engine.desk.common import fail
from engine.domain.errors import FieldError

_LAYOUT = str.maketrans("", "", " \t-.()/\"'")
_NUMBER = re.compile(r"\+?[0-9]{4,18}", re.ASCII)
#: So many lines that are no numbers are told.
_TOLD = 20


@click.command()
@click.option("--country", default="", help="ISO code whose national numbers the file has, e.g. US.")
@click.argument("source", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
def registry(country: str, source: Path, target: Path) -> None:
    """Make registry file TARGET from SOURCE: one number at the start of each line, in any layout."""
    wrong: list[int] = []
    try:
        count = build(_numbers(source, country.strip().upper(), wrong), target)
    except (OSError, FieldError) as error:
        fail(error)
    for number in wrong[:_TOLD]:
        click.echo(f"overdial: line {number} has no phone number", err=True)
    click.echo(f"{target}: {count} numbers; {len(wrong)} lines without")


def _key(text: str, country: str) -> str:
    """Return the international digits. Plain North American numbers, which come by the million, need no
    library for that."""
    if country == "US" and len(text) == 10:
        return f"1{text}"
    return place_of.__wrapped__(text, country).key


def _numbers(source: Path, country: str, wrong: list[int]) -> Iterator[str]:
    with source.open(encoding="latin-1") as file:
        for number, line in enumerate(file, 1):
            text = re.split(r"[;,]", line.strip().removeprefix("\u00ef\u00bb\u00bf"), maxsplit=1)[0]
            text = text.translate(_LAYOUT)
            if _NUMBER.fullmatch(text):
                key = _key(text, country)
                if len(key) <= 18:
                    yield key
                    continue
            if line.strip():
                wrong.append(number)

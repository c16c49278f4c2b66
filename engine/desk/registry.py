"""`overdial registry`: make the file of a national registry."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click

from engine.adapters.legal import standard_book
from engine.adapters.places import in_north_america, place_of
from engine.adapters.registry import build
from engine.desk.common import fail
from engine.domain.errors import FieldError, excerpt

_LAYOUT = str.maketrans("", "", " \t-.()/\"'")
_NUMBER = re.compile(r"\+?[0-9]{4,18}", re.ASCII)
#: Area code and number in two columns, as the registry of the United States is delivered.
_TWO_COLUMNS = re.compile(r"\"?([2-9][0-9]{2})\"?[,;]\s*\"?([0-9]{7})(?![0-9])", re.ASCII)
#: A North American number without its country code.
_PLAIN = re.compile(r"[2-9][0-9]{9}", re.ASCII)
#: So many lines that are no numbers are told.
_TOLD = 20


@dataclass(slots=True)
class _Tally:
    """What was found. `first`: the first lines without a number."""

    numbers: int = 0
    wrong: int = 0
    first: list[int] = field(default_factory=list)

    def miss(self, line: int) -> None:
        self.wrong += 1
        if len(self.first) < _TOLD:
            self.first.append(line)


@click.command()
@click.option(
    "--country",
    required=True,
    help="Whose numbers stand there without a country code: an ISO code (GB) or a law's name (UK)."
    " EU: all numbers have one.",
)
@click.argument("source", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
def registry(country: str, source: Path, target: Path) -> None:
    """Make registry file TARGET from SOURCE: one number at the start of each line, in any layout."""
    tally = _Tally()
    try:
        region = _region(country)
        count = build(_numbers(source, region, tally), target)
    except (OSError, FieldError) as error:
        for line in tally.first:
            click.echo(_wrong(line), err=True)
        fail(error)
    for line in tally.first:
        click.echo(_wrong(line), err=True)
    click.echo(f"{target}: {count} numbers; {tally.wrong} lines without")


def _wrong(line: int) -> str:
    return f"overdial: line {line} has no phone number that can be made international"


def _region(country: str) -> str:
    """Return the ISO code; '' for a law of several countries, which has a registry. Raises FieldError."""
    book = standard_book()
    region = book.region(country)
    law = book.laws.get(country.strip().upper())
    if not region and not (law and law.registries):
        fix = "Use an ISO 3166 code such as GB, or the name of a law such as UK."
        raise FieldError("--country", f"{excerpt(country)} is no country", fix)
    return region


def _key(text: str, region: str, *, american: bool) -> str:
    """Return the international digits, '' where they cannot be known. Plain North American numbers, which
    come by the million, need no library for that."""
    if american and _PLAIN.fullmatch(text):
        return f"1{text}"
    place = place_of.__wrapped__(text, region)
    return place.key if place.country else ""


def _numbers(source: Path, region: str, tally: _Tally) -> Iterator[str]:
    """Raises FieldError where no line has a number: such a file would protect nobody."""
    american = in_north_america(region)
    with source.open(encoding="latin-1") as file:
        for number, line in enumerate(file, 1):
            words = line.strip().removeprefix("\u00ef\u00bb\u00bf")
            halves = _TWO_COLUMNS.match(words) if american else None
            text = halves[1] + halves[2] if halves else re.split(r"[;,]", words, maxsplit=1)[0]
            text = text.translate(_LAYOUT)
            key = _key(text, region, american=american) if _NUMBER.fullmatch(text) else ""
            if key and len(key) <= 18:
                tally.numbers += 1
                yield key
            elif words:
                tally.miss(number)
    if tally.wrong and not tally.numbers:
        fix = "Give a file with one number at the start of each line, and the --country of the numbers."
        raise FieldError("SOURCE", "no line has a number that can be made international", fix)

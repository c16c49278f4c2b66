"""Law files into a law book: those that come with the engine, and the operator's own, which win."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.adapters.places import countries
from engine.domain.errors import FieldError, excerpt
from engine.domain.law import Law, LawBook
from engine.domain.law.read import read_law
from engine.resources import law_folder

_STATES = "us_states.toml"


def load_laws(own: Path | None = None) -> LawBook:
    """Read every `*.toml` of both folders; the file's name is the law's. Raises FieldError."""
    laws: dict[str, Law] = {}
    states: dict[str, Law] = {}
    areas: dict[str, str] = {}
    for path in [*_files(law_folder()), *(_files(own) if own else ())]:
        table = _table(path)
        if path.name == _STATES:
            states, areas = _states(table)
            continue
        name = path.stem.upper()
        law = read_law(name, table, path.name)
        aliases = [str(word).upper() for word in table.get("aliases", ())]
        laws.update(dict.fromkeys((name, *aliases), law))
    for name, law in laws.items():
        for country, other in law.countries:
            if other not in laws:
                problem = f"{excerpt(other)} is no law file"
                raise FieldError(f"{name.lower()}.toml.countries.{country}", problem, "Name one, or add it.")
    return LawBook(laws, states, areas, countries())


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise FieldError("law.folder", f"{folder} is not a folder", "Give a folder of law files, or none.")
    yield from sorted(folder.glob("*.toml"))


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise FieldError(str(path), f"it cannot be read: {error.strerror}", "Correct its rights.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise FieldError(str(path), f"it is not TOML: {error}", "Correct that line.") from error


def _states(table: dict[str, Any]) -> tuple[dict[str, Law], dict[str, str]]:
    laws = {code: read_law(code, part, f"{_STATES}: {code}") for code, part in table.items()}
    states = {code: replace(law, region="US") for code, law in laws.items()}
    areas = {str(area): code for code, part in table.items() for area in part.get("areas", ())}
    return states, areas

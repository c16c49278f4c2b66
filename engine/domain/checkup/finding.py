"""One thing that was looked at: good, doubtful or wrong, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. Only `fail` keeps calls from being made or records from being right."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """`part`: config, database, asterisk, trunk, ari or host; `name` is stable, for programs; `fix` is empty
    when all is well."""

    part: str
    name: str
    level: Level
    text: str
    fix: str = ""


def good(part: str, name: str, text: str) -> Finding:
    """All is well."""
    return Finding(part, name, Level.OK, text)


def warned(part: str, name: str, text: str, fix: str) -> Finding:
    """It works, and will not always."""
    return Finding(part, name, Level.WARN, text, fix)


def failed(part: str, name: str, text: str, fix: str) -> Finding:
    """It does not work."""
    return Finding(part, name, Level.FAIL, text, fix)

"""Lines of a contact file: `campaign;phone;data;alternatives;priority[;agent]`, one contact each.

Documented: at least four columns; the campaign exists; no ´ ‘ “ @ in variable fields; priority 1 to 9999,
9999 where none is given. A line that ends with ';' has one empty column more than it means.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from engine.domain.errors import FieldError, excerpt
from engine.domain.phones import parse_alternatives, parse_phone

#: The lowest priority, and that of a line without one.
LAST = 9999
#: What the tables can hold, in characters.
_LONGEST = {"campaign": 128, "phone": 64, "data": 4000, "alternatives": 1000, "agent": 80}
_SPECIAL = re.compile("[´‘’“”@\x00-\x08\x0b-\x1f\x7f]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_SPECIAL_BUT_AT = re.compile("[´‘’“”\x00-\x08\x0b-\x1f\x7f]")
#: What alternatives mostly are; whatever else is read one by one.
_ALTERNATIVES = re.compile(r"(?:(?:[HMWPU]=[0-9]{1,2}=)?\+?[0-9]{1,32}(?::(?=.)|$))*", re.ASCII)
#: Bytes that could not be decoded.
_BROKEN = re.compile("[\ud800-\udfff]")
_LIST = re.compile(r"[A-Za-z0-9_.-]{1,100}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """One contact as the spool stores it. `number`: the digits by which its number is known; `left_out`:
    alternatives that are no phones and are not stored."""

    campaign: str
    phone: str
    number: str
    data: str
    alternatives: str
    priority: int
    agent: str
    left_out: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Rules:
    """What a file may have. `campaigns`: those that exist, by lower-case name; `allow_at`: e-mail
    addresses in data are wanted."""

    campaigns: dict[str, str]
    allow_at: bool = False


def columns_of(text: str, rules: Rules) -> list[str]:
    """Split a line and check what the documents check before anything is uploaded. Raises FieldError."""
    if not text.isascii() and _BROKEN.search(text):
        raise FieldError(
            "line", "it has bytes that are no UTF-8, as the rest is", "Save the file anew as UTF-8."
        )
    columns = text.split(";")
    while len(columns) > 4 and not columns[-1].strip():
        columns.pop()
    if len(columns) < 4:
        raise FieldError(
            "columns", f"there are {len(columns)}", "Write campaign;phone;data;alternatives;priority."
        )
    if len(columns) > 6:
        raise FieldError("columns", f"there are {len(columns)}", "Remove ';' from the values.")
    if columns[0].strip().lower() not in rules.campaigns:
        raise FieldError(
            "campaign", f"{excerpt(columns[0])} does not exist", "Create its dialer, or correct it."
        )
    pattern = _SPECIAL_BUT_AT if rules.allow_at else _SPECIAL
    found = pattern.search(columns[2])
    if found:
        fix = "Remove it" + (", or allow @." if found[0] == "@" else ".")
        raise FieldError("data", f"it has the character {excerpt(found[0])}", fix)
    for name, column in (("alternatives", columns[3]), ("agent", columns[5] if len(columns) > 5 else "")):
        if column and (found := _CONTROL.search(column)):
            raise FieldError(name, f"it has the character {excerpt(found[0])}", "Remove it.")
    return columns


def read_line(text: str, rules: Rules) -> Line:
    """Read one line. Raises FieldError."""
    columns = columns_of(text, rules)
    phone = columns[1].strip()
    if phone.isdecimal() and phone.isascii() and len(phone) <= 32:
        number = phone
    else:
        number = parse_phone(phone, "phone").number.removeprefix("+")
    agent = columns[5].strip() if len(columns) > 5 else ""
    alternatives, left_out = _alternatives(columns[3].strip())
    line = Line(
        campaign=rules.campaigns[columns[0].strip().lower()],
        phone=phone,
        number=number,
        data=columns[2].strip(),
        alternatives=alternatives,
        priority=_priority(columns[4].strip() if len(columns) > 4 else ""),
        agent=agent,
        left_out=left_out,
    )
    if len(text) > 64:
        for name, longest in _LONGEST.items():
            if len(getattr(line, name)) > longest:
                raise FieldError(name, "it is too long", f"Use at most {longest} characters.")
    return line


def _alternatives(text: str) -> tuple[str, tuple[str, ...]]:
    """Return those that are phones, as they are written, and those that are none."""
    if not text or _ALTERNATIVES.fullmatch(text):
        return text, ()
    broken = parse_alternatives(text)[1]
    if not broken:
        return text, ()
    return ":".join(entry for entry in text.split(":") if entry.strip() and entry not in broken), broken


def _priority(text: str) -> int:
    if not text:
        return LAST
    if text.isascii() and text.isdecimal() and 1 <= int(text[:9]) <= LAST and len(text) < 9:
        return int(text)
    raise FieldError("priority", f"{excerpt(text)} is none", f"Use 1 (first) to {LAST} (last), or nothing.")


def list_name(text: str) -> str:
    """Check the name of a list (or of the file that gives it). Raises FieldError."""
    if not _LIST.fullmatch(text):
        raise FieldError(
            "list",
            f"{excerpt(text)} has spaces, strange characters or more than 100",
            "Use 1 to 100 letters, digits, '_', '-', '.'.",
        )
    return text


def campaigns_by_name(names: Collection[str]) -> dict[str, str]:
    """Return lower-case name → name as it was created: the tables do not mind case either."""
    return {name.lower(): name for name in names}

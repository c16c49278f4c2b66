"""Phone fields of the spool: `0991234`, `M=0991234`, `M=2=0991234`, and lists of them with `:`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.domain.errors import FieldError, excerpt

#: Documented types: home, mobile, work; priority (first) and unknown (last) exist in the field.
PHONE_TYPES = frozenset("HMWPU")

# What may be dialled: an optional +, then digits. E.164 has at most 15 digits; prefixes make dialled strings
# longer, 32 is Asterisk's practical comfort.
_NUMBER = re.compile(r"\+?[0-9]{1,32}", re.ASCII)
# People write numbers with these; they carry no meaning for a switch.
_LAYOUT = str.maketrans("", "", " \t\u00a0-.()/")
# What does not count in the tables' column `number`: besides, what other line ends and quotes leave behind.
_NOT_KNOWN = str.maketrans("", "", ' \t\r\n\u00a0"-.()/+')
# What a spreadsheet or a program makes of a number that it takes for an amount: 991234567.0 is no ten digits.
_AMOUNT = re.compile(r"\+?[0-9]{5,}\.0{1,2}", re.ASCII)
# The longest that E.164 has, and what is dialled before a country code.
_LONGEST = 15
_ABROAD = re.compile(r"^(?:\+|00|011)")


@dataclass(frozen=True, slots=True)
class Phone:
    """One number of a contact.

    `retries` is the number of *extra* attempts that the entry itself asks for; None means the
    dialer's own `retries` setting applies. `kind` is one of PHONE_TYPES or empty.
    """

    number: str
    kind: str = ""
    retries: int | None = None

    def entry(self) -> str:
        """Return the phone as the spool stores it; `parse_phone` reads it back."""
        if not self.kind:
            return self.number
        if self.retries is None:
            return f"{self.kind}={self.number}"
        return f"{self.kind}={self.retries}={self.number}"


def parse_phone(text: str, field: str = "destination") -> Phone:
    """Read one phone entry. Raises FieldError for anything that cannot be dialled."""
    parts = [part.strip() for part in text.split("=")]
    if len(parts) > 3:
        raise FieldError(field, f"{excerpt(text)} has too many '='", "Use T=retries=number.")
    kind = parts[0].upper() if len(parts) > 1 else ""
    if len(parts) > 1 and kind not in PHONE_TYPES:
        raise FieldError(field, f"phone type {excerpt(parts[0])} is unknown", "Use H, M, W, P or U.")
    retries: int | None = None
    if len(parts) == 3:
        if not re.fullmatch(r"[0-9]{1,2}", parts[1], re.ASCII):
            raise FieldError(
                field, f"retries {excerpt(parts[1])} is not a number", "Use 0 to 99 extra attempts."
            )
        retries = int(parts[1])
    number = _without_layout(parts[-1], field)
    if "*" in number or "#" in number:
        # Carriers skip them or take them for orders: the same phone would ring under a name that no black
        # list knows.
        raise FieldError(
            field,
            f"{excerpt(parts[-1])} has a service code ('*' or '#')",
            "Give the number alone; what goes before every number belongs in dialers.dialstring.",
        )
    if not _NUMBER.fullmatch(number):
        raise FieldError(
            field,
            f"{excerpt(parts[-1])} is not a phone number",
            "Use digits with an optional leading +, at most 32.",
        )
    return Phone(number, kind, retries)


def _without_layout(text: str, field: str) -> str:
    """Take out what people put between digits. Raises FieldError where the digits left would not be those of
    one number."""
    if _AMOUNT.fullmatch(text):
        raise FieldError(
            field, f"{excerpt(text)} is written as an amount", "Format the column as text, without decimals."
        )
    if text.startswith(("+", "00")):
        text = text.replace("(0)", "")  # +44 (0)20 …: the 0 is dialled inside the country alone
    number = text.translate(_LAYOUT)
    laid_out = len(number) < len(text) and _NUMBER.fullmatch(number)
    if laid_out and len(_ABROAD.sub("", number, count=1)) > _LONGEST:
        raise FieldError(
            field,
            f"{excerpt(text)} has more than {_LONGEST} digits",
            "Give one number; others of the contact are alternatives, joined by ':'.",
        )
    return number


def known_digits(text: str) -> str:
    """Return by what a phone entry is known in the tables (their column `number`), also one that cannot be
    dialled: without type, layout and +."""
    written = text.rpartition("=")[2]
    if "+" in text or written.lstrip(" ").startswith("00"):
        written = written.replace("(0)", "")
    return written.translate(_NOT_KNOWN)


def parse_alternatives(text: str) -> tuple[tuple[Phone, ...], tuple[str, ...]]:
    """Read `alternatives`: phones joined by `:`.

    Returns the usable phones in order and the entries that are no phones (a broken alternative
    must not cost the contact its good ones). Empty entries are skipped.
    """
    phones: list[Phone] = []
    broken: list[str] = []
    for entry in text.split(":"):
        if not entry.strip():
            continue
        try:
            phones.append(parse_phone(entry, "alternatives"))
        except FieldError:
            broken.append(entry)
    return tuple(phones), tuple(broken)


def join_alternatives(phones: tuple[Phone, ...]) -> str:
    """Return the stored form of a list of alternatives."""
    return ":".join(phone.entry() for phone in phones)

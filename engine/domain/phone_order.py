"""`schedulephones`: in which order the types of a contact's phones are tried, by the contact's local hour.

`0=HMW:1=HMW:…:23=HMW`. P (priority) comes first and U (unknown) last, whatever the hour says; a phone without
a type comes after those whose type the hour names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.domain.errors import FieldError, excerpt
from engine.domain.model import Contact
from engine.domain.phones import Phone

_ENTRY = re.compile(r"\s*(\d{1,2})\s*=\s*([HMWPU]{1,5})\s*", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PhoneOrder:
    """Types in order, by hour; an hour that is not named leaves the phones as they are."""

    by_hour: Mapping[int, str]

    def arrange(self, contact: Contact, hour: int) -> Contact:
        """Put the phone first that `hour` prefers.

        Only before a number's first attempt: one that is being retried is finished first.
        """
        order = self.by_hour.get(hour, "")
        phones = (contact.phone, *contact.alternatives)
        if not order or contact.retries or not any(phone.kind for phone in phones):
            return contact
        ranked = sorted(phones, key=lambda phone: _rank(phone, order))
        return replace(contact, phone=ranked[0], alternatives=tuple(ranked[1:]))


def _rank(phone: Phone, order: str) -> int:
    if phone.kind == "P":
        return -1
    if phone.kind == "U":
        return len(order) + 1
    return order.index(phone.kind) if phone.kind and phone.kind in order else len(order)


def parse_phone_order(text: str, field: str = "schedulephones") -> PhoneOrder:
    """Read the setting; empty means no order. Raises FieldError."""
    by_hour: dict[int, str] = {}
    for entry in text.split(":"):
        if not entry.strip():
            continue
        match = _ENTRY.fullmatch(entry)
        if match is None or int(match[1]) > 23:
            raise FieldError(field, f"{excerpt(entry)} is not hour=types", "Write 0=HMW:1=HMW: … :23=HMW.")
        by_hour[int(match[1])] = match[2].upper()
    return PhoneOrder(by_hour)

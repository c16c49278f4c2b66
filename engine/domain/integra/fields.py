"""Reads JSON objects and form fields; what is wrong is named by its key.

Clients send numbers as text, text as numbers, null for empty and Booleans in both spellings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from engine.domain.errors import FieldError, excerpt
from engine.domain.phones import Phone, parse_alternatives, parse_phone

#: What the tables can hold, in characters.
LONGEST = {
    "campaign": 128, "dialerbase": 128, "data": 4000, "alternatives": 1000, "contact": 64, "agent": 80,
    "agentphone": 80, "username": 80, "company": 128, "job_title": 128, "name": 128,
}  # fmt: skip
_MOMENTS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")
#: How much longer than its beginning lasts what is written so.
_LASTING = {"%Y-%m-%d %H:%M": timedelta(seconds=59), "%Y-%m-%d": timedelta(hours=23, minutes=59, seconds=59)}
_YES = frozenset(("true", "1", "yes"))
_NO = frozenset(("false", "0", "no", ""))


def read_json(text: str, field: str) -> Any:
    """Parse the JSON text of a form field. Raises FieldError."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FieldError(field, "it is not JSON", "Send one JSON text in this field.") from error


def read_object(text: str, field: str) -> Fields:
    """Parse a form field that holds one JSON object. Raises FieldError."""
    value = read_json(text, field)
    if not isinstance(value, dict):
        raise FieldError(field, "it is no JSON object", 'Send {"key": value, …}.')
    return Fields(value)


class Fields:
    """The keys of one request. Every reader raises FieldError, which names the key."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def demand(self, *keys: str) -> None:
        """All these keys must be there, empty or not."""
        for key in keys:
            if key not in self._values:
                raise FieldError(key, "the key is missing", "Send every documented key, empty if need be.")

    def text(self, key: str, default: str = "", longest: int = 0) -> str:
        """The value as text, trimmed; null and a missing key are `default`."""
        value = self._values.get(key)
        if value is None:
            return default
        if isinstance(value, bool):
            value = "true" if value else "false"
        elif isinstance(value, list | dict):
            raise FieldError(key, "it is a list or an object", "Send plain text.")
        text = str(value).strip()
        limit = longest or LONGEST.get(key, 255)
        if len(text) > limit:
            raise FieldError(key, "it is too long", f"Use at most {limit} characters.")
        if "\x00" in text or any("\ud800" <= mark <= "\udfff" for mark in text):
            raise FieldError(key, "it has characters that no text has", "Send UTF-8 text.")
        return text or default

    def required(self, key: str) -> str:
        """Text that must not be empty."""
        text = self.text(key)
        if not text:
            raise FieldError(key, "it is empty", "Fill it in.")
        return text

    def number(self, key: str, default: int, low: int, high: int) -> int:
        """A whole number between `low` and `high`; empty is `default`."""
        text = self.text(key)
        if not text:
            return default
        try:
            value = int(text)
        except ValueError as error:
            raise FieldError(key, f"{excerpt(text)} is no number", f"Use {low} to {high}.") from error
        if not low <= value <= high:
            raise FieldError(key, f"{value} is out of range", f"Use {low} to {high}.")
        return value

    def flag(self, key: str) -> bool:
        """A Boolean, also as text."""
        text = self.text(key).lower()
        if text in _YES or text in _NO:
            return text in _YES
        raise FieldError(key, f"{excerpt(text)} is no Boolean", "Use true or false.")

    def moment(self, key: str, *, last: bool = False) -> datetime | None:
        """A local date and time; None where it is empty, null or the word null. `last`: of a time without
        seconds, or a day without a time, the last one is meant."""
        text = self.text(key)
        if not text or text.lower() == "null":
            return None
        for form in _MOMENTS:
            try:
                at = datetime.strptime(text, form)  # noqa: DTZ007  # documented columns are local
            except ValueError:
                continue
            return at + _LASTING.get(form, timedelta()) if last else at
        raise FieldError(key, f"{excerpt(text)} is no date and time", "Use YYYY-MM-DD HH:MM:SS.")

    def phone(self, key: str) -> Phone:
        """One phone, however it is laid out."""
        return parse_phone(self.required(key), key)

    def alternatives(self, key: str = "alternatives") -> str:
        """Phones joined by ':', each of which can be dialled; as they were written."""
        text = self.text(key)
        broken = parse_alternatives(text)[1]
        if broken:
            raise FieldError(key, f"{excerpt(broken[0])} is no phone", "Join phone numbers with ':'.")
        return text

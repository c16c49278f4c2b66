"""The fields of a request: form-urlencoded, multipart, or a JSON object whose values are read as text."""

from __future__ import annotations

import codecs
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

import orjson

from engine.api.integra.multipart import read_parts
from engine.domain.errors import FieldError

#: More fields than any documented call has, several times over.
MOST_FIELDS = 200
#: Characters of a field's name, and of any field that is no file.
LONGEST_NAME = 100
LONGEST_VALUE = 65_536
#: Bytes that are decoded at a time.
_SLICE = 262_144


class Form:
    """Fields by name; of several with one name the first that is not empty counts (clients send `d2` twice,
    once empty). Whoever checks a field reads the same value as who uses it.

    `server`: by which name the client reached us.
    """

    def __init__(self, fields: Mapping[str, Sequence[str]], server: str = "") -> None:
        self._fields = fields
        self.server = server

    def get(self, name: str, default: str = "") -> str:
        """Return a field; `default` when it is missing."""
        values = self._fields.get(name)
        return next(filter(None, values), "") if values else default

    def has(self, name: str) -> bool:
        """Was the field sent?"""
        return name in self._fields

    def required(self, name: str) -> str:
        """Return a field that must not be empty. Raises FieldError."""
        value = self.get(name).strip()
        if not value:
            raise FieldError(name, "it is missing or empty", "Give it.")
        return value

    def json(self, name: str) -> Any:
        """Return the JSON value of a field. Raises FieldError."""
        try:
            return orjson.loads(self.required(name))
        except orjson.JSONDecodeError as error:
            raise FieldError(name, f"it is no JSON: {error}", "Give JSON text.") from error


def read_form(body: bytes | bytearray, content_type: str, *, large: bool = False, server: str = "") -> Form:
    """Read a body; one without a content type is taken as form-urlencoded. Raises FieldError.

    `large`: single fields may be as long as the body.
    """
    kind, _, parameters = content_type.partition(";")
    match kind.strip().lower():
        case "application/json":
            return Form(_of_json(body, large), server)
        case "multipart/form-data":
            return Form(_of_parts(body, content_type, large), server)
    charset = "latin-1" if "8859-1" in parameters else "utf-8"
    return Form(_of_form(body, charset, large), server)


def _of_form(body: bytes | bytearray, charset: str, large: bool) -> dict[str, list[str]]:
    if body.count(b"&") >= MOST_FIELDS:
        raise FieldError("body", f"it has more than {MOST_FIELDS} fields", "Send the documented ones.")
    fields: dict[str, list[str]] = {}
    for pair in body.split(b"&"):
        if not pair.strip():
            continue
        name, _, value = pair.partition(b"=")
        key = _text(name.strip(), charset)
        _put(fields, key, _text(value, charset), large)
    return fields


def _of_parts(body: bytes | bytearray, content_type: str, large: bool) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for name, value in read_parts(body, content_type, MOST_FIELDS):
        try:
            _put(fields, name, value.decode("utf-8"), large)
        except UnicodeDecodeError as error:
            raise FieldError("body", "it is not UTF-8", "Send text; files in base64.") from error
    return fields


def _text(raw: bytes | bytearray, charset: str) -> str:
    """Decode slice by slice: other threads get their turn in between, however long the field is."""
    decoder = codecs.getincrementaldecoder(charset)()
    parts = []
    at = 0
    try:
        while at < len(raw):
            end = min(at + _SLICE, len(raw))
            if end < len(raw) and (cut := raw.rfind(b"%", end - 2, end)) != -1:
                end = cut
            plain = unquote_to_bytes(bytes(raw[at:end]).replace(b"+", b" "))
            parts.append(decoder.decode(plain, end == len(raw)))
            at = end
        return "".join(parts)
    except UnicodeDecodeError as error:
        raise FieldError(
            "body", "it is not UTF-8", "Encode it as application/x-www-form-urlencoded."
        ) from error


def _of_json(body: bytes | bytearray, large: bool) -> dict[str, list[str]]:
    try:
        value = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as error:
        raise FieldError("body", f"it is no JSON: {error}", "Give a JSON object.") from error
    if not isinstance(value, dict) or len(value) > MOST_FIELDS:
        raise FieldError("body", "it is no JSON object of fields", "Give {…}.")
    fields: dict[str, list[str]] = {}
    for key, item in value.items():
        if item is None:
            continue
        _put(fields, key, item if isinstance(item, str) else orjson.dumps(item).decode(), large)
    return fields


def _put(fields: dict[str, list[str]], name: str, value: str, large: bool) -> None:
    if len(name) > LONGEST_NAME:
        raise FieldError("body", "a field's name is too long", "Send the documented fields.")
    if len(value) > LONGEST_VALUE and not large:
        raise FieldError(name, f"it is longer than {LONGEST_VALUE} characters", "Shorten it.")
    fields.setdefault(name, []).append(value)

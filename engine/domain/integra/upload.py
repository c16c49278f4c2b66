"""Requests that bring a contact file (uploadbase): its name, its content, its zone."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from engine.domain.errors import FieldError, excerpt
from engine.domain.integra.fields import Fields
from engine.domain.upload import list_name

#: What a list's name may not have, and the endings that are no part of it.
_STRANGE = re.compile(r"[^A-Za-z0-9_.-]+", re.ASCII)
#: Characters of base64 that are decoded at once.
_PIECE = 1 << 20
_ENDING = re.compile(r"\.(csv|txt)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class UploadRequest:
    """A file of contacts. `list`: its name; `announced`: lines that the sender counted, 0 = not."""

    list: str
    campaign: str
    timezone: str
    announced: int
    content: bytes


def read_upload(form: Fields, encoded: str, *, zoned: bool) -> UploadRequest:
    """Read the fields of uploadbase, or (`zoned`) of uploadbasewithtimezone. Raises FieldError."""
    return UploadRequest(
        list=list_of(form.required("filename")),
        campaign=form.required("campaign"),
        timezone=read_zone(form.required("timezone")) if zoned else "",
        announced=form.number("cant", 0, 0, 2**31 - 1),
        content=decoded(encoded),
    )


def list_of(filename: str) -> str:
    """Return the list's name: the file's without .csv or .txt; what a name may not have becomes '_'."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    return list_name(_STRANGE.sub("_", _ENDING.sub("", name.strip()))[:100])


def read_zone(name: str) -> str:
    """Return the name of a time zone as it is spelt. Raises FieldError."""
    try:
        return ZoneInfo(name).key
    except (KeyError, ValueError, OSError) as error:
        raise FieldError(
            "timezone", f"{excerpt(name)} is unknown", "Use a name like America/Bogota."
        ) from error


def decoded(text: str) -> bytes:
    """Decode the content. A '+' that was not form-encoded has become a space. Raises FieldError.

    Piece by piece: whoever else the process serves gets his turn in between when this runs in a thread.
    """
    text = text.strip()
    if not text:
        raise FieldError("fileb64", "it is empty", "Send the file's content in base64.")
    content = bytearray()
    rest, is_padded = "", False
    try:
        for start in range(0, len(text), _PIECE):
            piece = rest + _packed(text[start : start + _PIECE])
            if is_padded and piece:
                raise ValueError("something follows the padding")
            is_last = start + _PIECE >= len(text)
            whole = len(piece) if is_last else len(piece) // 4 * 4
            content += base64.b64decode(piece[:whole] + "=" * (-whole % 4), validate=True)
            is_padded = "=" in piece[:whole]
            rest = piece[whole:]
    except (binascii.Error, ValueError) as error:
        raise FieldError("fileb64", "it is not base64", "Send the plain content in base64, once.") from error
    if b";" not in content:
        # Encoded twice, or no contact file at all: the documents call the first an error.
        raise FieldError("fileb64", "no line of it has columns", "Send the plain content in base64, once.")
    return bytes(content)


def _packed(text: str) -> str:
    return text.replace(" ", "+").replace("\r", "").replace("\n", "").replace("\t", "")

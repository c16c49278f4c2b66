"""Reading `multipart/form-data` (RFC 7578): what FormData of browsers and many HTTP libraries send."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import Message

from engine.domain.errors import FieldError

#: Bytes of the head of one part, at most.
_LONGEST_HEAD = 2_000
#: Characters of a boundary, at most (RFC 2046 §5.1.1).
_LONGEST_BOUNDARY = 70


def read_parts(body: bytes | bytearray, content_type: str, most: int) -> Iterator[tuple[str, bytes]]:
    """Give name and content of each part, as they come. A file is the value of its field like any other.

    Raises FieldError when it is no such body, or has more than `most` parts.
    """
    boundary = _parameter(content_type, "boundary").encode("latin-1", "replace")
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY:
        raise FieldError("Content-Type", "its boundary is missing or too long", "Let the library write it.")
    if body.count(b"--" + boundary) > most + 1:
        raise FieldError("body", f"it has more than {most} fields", "Send the documented ones.")
    mark = b"\r\n--" + boundary
    # The first boundary may stand at the very beginning, after no line end.
    _, *parts = (b"\r\n" + bytes(body)).split(mark)
    if not parts or not parts[-1].startswith(b"--"):
        raise _broken("its last boundary is missing")
    for part in parts[:-1]:
        # Blanks may follow a boundary.
        head, found, content = part.partition(b"\r\n\r\n")
        if not found or len(head) > _LONGEST_HEAD:
            raise _broken("a part has no head")
        yield _name(head), content


def _name(head: bytes) -> str:
    try:
        lines = head.decode("utf-8").split("\r\n")
    except UnicodeDecodeError as error:
        raise _broken("a field's name is not UTF-8") from error
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip().lower() == "content-disposition":
            return _parameter(value.strip(), "name")
    raise _broken("a part has no name")


def _parameter(header: str, name: str) -> str:
    message = Message()
    message["x"] = header.replace("\r", " ").replace("\n", " ")
    value = message.get_param(name, "", "x")
    return value if isinstance(value, str) else value[2]


def _broken(why: str) -> FieldError:
    return FieldError(
        "body", f"it is no multipart/form-data: {why}", "Send application/x-www-form-urlencoded."
    )

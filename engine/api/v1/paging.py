"""Pages by cursor: each begins after the last row of the one before, whatever was inserted meanwhile."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Any, Generic, TypeVar

import orjson
from fastapi import Query
from pydantic import BaseModel, Field

from engine.domain.errors import FieldError

Item = TypeVar("Item")

#: Parameters of a route that gives pages.
Limit = Annotated[int, Query(ge=1, le=500, description="Items of a page.")]
Cursor = Annotated[str, Query(max_length=1000, description="`next` of the page before; empty: the first.")]


class Page(BaseModel, Generic[Item]):
    """Some items, and where to go on."""

    items: list[Item]
    next: str | None = Field(
        None, description="Send it as `cursor` for the next page; null: this is the last."
    )


def write_cursor(*keys: int | str) -> str:
    """Return a cursor after the row with these keys."""
    return base64.urlsafe_b64encode(orjson.dumps(keys)).decode("ascii").rstrip("=")


def read_cursor(text: str, *kinds: type[int] | type[str]) -> tuple[Any, ...] | None:
    """Return the keys of a cursor; None at the beginning. Raises FieldError for one that is none of ours."""
    if not text:
        return None
    try:
        keys = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError) as error:
        raise _bad() from error
    if (
        not isinstance(keys, list)
        or len(keys) != len(kinds)
        or any(type(key) is not kind for key, kind in zip(keys, kinds, strict=True))
        or any(isinstance(key, int) and not 0 <= key < 2**63 for key in keys)
    ):
        raise _bad()
    return tuple(keys)


def _bad() -> FieldError:
    return FieldError("cursor", "it is none of ours", "Send `next` of the page before as it is.")


def paged(rows: Sequence[Any], limit: int, *keys: str) -> str | None:
    """Return the cursor after `limit` of the `rows`, of which one more was asked for; None at the end."""
    if len(rows) <= limit:
        return None
    last = rows[limit - 1]
    return write_cursor(*(last[key] for key in keys))

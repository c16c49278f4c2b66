"""What an endpoint declares: its path, who may ask, which fields name campaigns and agents, how it fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from engine.api.integra.form import Form
from engine.api.office import Office
from engine.domain.access import Caller, Right


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back, with status 200 unless told otherwise."""

    body: bytes
    media: str = "text/plain; charset=utf-8"
    status: int = 200


def text(value: str) -> Answer:
    """Answer with a plain word: `1`, `OK`, a GUID."""
    return Answer(value.encode())


def json(value: Any) -> Answer:
    """Answer with compact JSON."""
    return Answer(orjson.dumps(value), "application/json")


Handler = Callable[[Office, Caller, Form], Awaitable[Answer]]
#: The campaigns that a request is about; what it raises as FieldError is a failure of the request.
Campaigns = Callable[[Form], Iterable[str]]


def no_campaign(_: Form) -> Iterable[str]:
    """The route is about no campaign, or its handler leaves out what the caller's scope does not hold."""
    return ()


def field(name: str) -> Campaigns:
    """The campaign stands in this field."""
    return lambda form: (form.get(name),)


def json_key(name: str, key: str) -> Campaigns:
    """The campaign stands under `key` of the JSON object (or of each object of the array) in field `name`."""

    def read(form: Form) -> Iterable[str]:
        value = form.json(name)
        items = value if isinstance(value, list) else [value]
        return [str(item[key]) for item in items if isinstance(item, dict) and item.get(key) is not None]

    return read


@dataclass(frozen=True, slots=True)
class Route:
    """One documented endpoint.

    `path` as documented, without a leading slash. `campaigns`: what must lie in the caller's scope before
    the handler runs. `own`: fields that must name the caller himself, or one of his phones, when he is an
    agent. `failure`: the documented answer when something is refused. `audit`: what AUDITORY says of a
    change; None for endpoints that change nothing. `upload`: the body may be as large as `http.max_upload`.
    """

    path: str
    right: Right
    handler: Handler
    campaigns: Campaigns
    audit: Callable[[Form], str] | None
    own: tuple[str, ...] = ()
    failure: str = "0"
    upload: bool = False


def says(action: str, *fields: str) -> Callable[[Form], str]:
    """Let the audit say `action` and what stands in these fields (no passwords)."""

    def read(form: Form) -> str:
        return " ".join([action, *(f"{name}={form.get(name)[:200]!r}" for name in fields if form.get(name))])

    return read

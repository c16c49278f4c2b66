"""Errors as problem+json (RFC 9457) that name the field."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from engine.api.body import TooLarge
from engine.api.guard import Forbidden, TooMany, UnknownCaller
from engine.domain.errors import FieldError, Refused
from engine.ports import StoreError
from engine.ports.live import EngineSilentError

log = structlog.get_logger(__name__)


class Fault(BaseModel):
    """One field that cannot be used."""

    field: str
    problem: str
    fix: str = ""


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    errors: list[Fault] = Field(default_factory=list)


class NotFound(Exception):  # noqa: N818  # it is what the answer says
    """There is no such resource."""


def problem(
    status: int, detail: str = "", errors: list[Fault] | None = None, headers: dict[str, str] | None = None
) -> Response:
    """Return an answer of this status."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, errors=errors or [])
    return Response(
        body.model_dump_json(), status_code=status, headers=headers, media_type="application/problem+json"
    )


def answer_problems(app: FastAPI) -> None:
    """Let every error of the sub-application be answered as a problem."""
    simple: dict[type[Exception], tuple[int, str]] = {
        UnknownCaller: (401, "Give a live token: Authorization: Bearer <token>."),
        Forbidden: (403, "Your role or your campaigns do not allow this."),
        NotFound: (404, "There is no such thing."),
        TooLarge: (413, "The body is too large."),
        TooMany: (429, "Too many requests: come again in a few seconds."),
        TimeoutError: (408, "The request did not come in time."),
    }
    for kind, (status, detail) in simple.items():
        app.add_exception_handler(kind, _simple(status, detail))
    app.add_exception_handler(FieldError, _field)
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(StoreError, _store)
    app.add_exception_handler(EngineSilentError, _silent)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)


def _simple(status: int, detail: str) -> Any:
    headers = {401: {"WWW-Authenticate": 'Bearer realm="overdial"'}, 429: {"Retry-After": "5"}}.get(status)

    async def answer(_: Request, error: Exception) -> Response:
        return problem(status, str(error) or detail, headers=headers)

    return answer


async def _field(_: Request, error: Exception) -> Response:
    assert isinstance(error, FieldError)  # noqa: S101  # the handler's type
    return problem(
        422, "A field cannot be used.", [Fault(field=error.field, problem=error.problem, fix=error.fix)]
    )


async def _refused(_: Request, error: Exception) -> Response:
    return problem(409, str(error))


async def _store(request: Request, error: Exception) -> Response:
    assert isinstance(error, StoreError)  # noqa: S101  # the handler's type
    log.warning("database failed", action="api.database", path=_path(request))
    log.debug("database failed", action="api.database", reason=str(error))
    if error.data:
        return problem(422, "The database refused the values.")
    return problem(503, "The database does not answer.", headers={"Retry-After": "5"})


async def _silent(_: Request, error: Exception) -> Response:
    return problem(503, "The engine does not answer.", headers={"Retry-After": "2"})


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # the handler's type
    return problem(422, "Some fields cannot be used.", [_fault(item) for item in error.errors()])


def _fault(item: Mapping[str, Any]) -> Fault:
    """Name the field as the client knows it; a body that is no JSON has none."""
    if item["type"] == "json_invalid":
        return Fault(field="body", problem="it is no JSON", fix="Send a JSON object.")
    if tuple(item["loc"]) == ("body",) and isinstance(item.get("input"), str | bytes):
        # Without the type a JSON body is read as plain text.
        fix = "Send JSON with Content-Type: application/json."
        return Fault(field="Content-Type", problem="the body was not read as JSON", fix=fix)
    field = ".".join(str(part) for part in item["loc"][1:]) or str(item["loc"][0])
    return Fault(field=field, problem=str(item["msg"]))


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101  # the handler's type
    return problem(error.status_code, str(error.detail), headers=dict(error.headers or {}))


def _path(request: Request) -> str:
    """Return the route's pattern: what stands in its places may be a phone number."""
    route = request.scope.get("route")
    return str(getattr(route, "path", ""))

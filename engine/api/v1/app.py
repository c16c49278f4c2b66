"""The FastAPI sub-application of `/api/v1`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.requests import Request
from starlette.responses import Response

from engine import __version__
from engine.api.office import Office
from engine.api.v1 import (
    agents,
    blacklist,
    callerids,
    calls,
    campaigns,
    contacts,
    dispositions,
    docs,
    events,
    lists,
    members,
    pauses,
    planning,
    session,
    uploads,
    users,
    webhooks,
)
from engine.api.v1.problems import Problem, answer_problems

#: Every resource. A new module joins here.
ROUTERS = (
    session.router,
    campaigns.router,
    lists.router,
    uploads.router,
    contacts.router,
    blacklist.router,
    calls.router,
    agents.router,
    members.router,
    pauses.router,
    dispositions.router,
    callerids.router,
    webhooks.router,
    planning.router,
    events.router,
    users.router,
    docs.router,
)

_PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "content": {"application/problem+json": {}}, "description": text}
    for status, text in {
        400: "The request cannot be read.",
        401: "There is no live token.",
        403: "The role or the campaigns of the caller do not allow it.",
        404: "There is no such thing.",
        408: "The body did not come in time.",
        409: "It cannot be done now; `detail` says why.",
        413: "The body is too large.",
        415: "The body is compressed.",
        422: "A field cannot be used; `errors` names it.",
        429: "Too many requests.",
        503: "The database does not answer.",
    }.items()
}


def operation_id(route: APIRoute) -> str:
    """Return the name of an operation in the description: `users-lock_user`."""
    return f"{str(route.tags[0]).replace(' ', '-')}-{route.name}"


def build(office: Office) -> FastAPI:
    """Return the sub-application."""
    app = FastAPI(
        title="Overdial",
        version=__version__,
        description="What a supervisor does by SQL or command, over HTTP.",
        docs_url=None,  # they would load their scripts from elsewhere
        redoc_url=None,
        servers=[{"url": "/api/v1"}],
        redirect_slashes=False,
        openapi_url=None,  # it would be written out anew for every request
        responses=_PROBLEMS,
        generate_unique_id_function=operation_id,
        dependencies=[
            Depends(HTTPBearer(auto_error=False, description="A token of UserLogin or getUserToken."))
        ],
    )
    app.state.office = office
    app.add_route("/openapi.json", _description(app), include_in_schema=False)
    answer_problems(app)
    for router in ROUTERS:
        app.include_router(router)
    return app


def _description(app: FastAPI) -> Callable[[Request], Awaitable[Response]]:
    """Return the route of the API's own description: made once, in a thread."""
    made: list[bytes] = []

    async def answer(_: Request) -> Response:
        if not made:
            made.append(await asyncio.to_thread(lambda: orjson.dumps(app.openapi())))
        return Response(made[0], media_type="application/json")

    return answer

"""The FastAPI sub-application of `/api/v1`."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, FastAPI
from fastapi.security import HTTPBearer

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
        401: "There is no live token.",
        403: "The role or the campaigns of the caller do not allow it.",
        422: "A field cannot be used; `errors` names it.",
        429: "Too many requests.",
        503: "The database does not answer.",
    }.items()
}


def build(office: Office) -> FastAPI:
    """Return the sub-application."""
    app = FastAPI(
        title="Overdial",
        version=__version__,
        description="What a supervisor does by SQL or command, over HTTP.",
        docs_url=None,  # they would load their scripts from elsewhere
        redoc_url=None,
        openapi_url="/openapi.json",
        responses=_PROBLEMS,
        dependencies=[
            Depends(HTTPBearer(auto_error=False, description="A token of UserLogin or getUserToken."))
        ],
    )
    app.state.office = office
    answer_problems(app)
    for router in ROUTERS:
        app.include_router(router)
    return app

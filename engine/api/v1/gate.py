"""The gate of `/api/v1`: every route says which right it needs, and is checked before anything is read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from engine.adapters.mysql import audit
from engine.adapters.mysql.database import Session
from engine.api.body import TooLarge, encoding_of, limited
from engine.api.guard import Forbidden
from engine.api.integra.desk import host_of, queried_token, token_of
from engine.api.office import Office
from engine.domain.access import Caller, Right

Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])

_READS = frozenset(("GET", "HEAD", "OPTIONS"))


def needs(
    right: Right, *, uploads: bool = False, query_token: bool = False
) -> Callable[[Endpoint], Endpoint]:
    """Say what a route needs; it stands between the router's decorator and the function.

    A path parameter called `campaign` must lie in the caller's scope. Other campaigns (in bodies and
    queries) the route checks with `reach`. `uploads`: the body may be as large as `http.max_upload`;
    `query_token`: the token may come as `?token=`, too.
    """

    def mark(endpoint: Endpoint) -> Endpoint:
        endpoint.right = right  # type: ignore[attr-defined]  # read by Gate
        endpoint.uploads = uploads  # type: ignore[attr-defined]
        endpoint.query_token = query_token  # type: ignore[attr-defined]
        return endpoint

    return mark


def reach(caller: Caller, campaign: str) -> None:
    """Raise Forbidden unless the campaign lies in the caller's scope."""
    if not caller.scope.reaches(campaign):
        raise Forbidden


class Gate(APIRoute):
    """A route that cannot be made without saying which right it needs. What changes something is audited
    before it is done."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **more: Any) -> None:
        right = getattr(endpoint, "right", None)
        if right is None:
            raise TypeError(f"{path}: put @needs(Right.…) on its function")
        self.right: Right = right
        self.uploads: bool = endpoint.uploads  # type: ignore[attr-defined]
        self.query_token: bool = endpoint.query_token  # type: ignore[attr-defined]
        super().__init__(path, endpoint, **more)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            office: Office = request.app.state.office
            token = token_of(request) or (queried_token(request) if self.query_token else "")
            caller = await office.guard.admit(token, self.right, host_of(request))
            campaign = request.path_params.get("campaign")
            if campaign is not None:
                reach(caller, str(campaign))
            request = self._limited(office, request)
            request.state.caller, request.state.token = caller, token
            if request.method in _READS or self.right is Right.OPEN:
                return await inner(request)
            return await self._audited(office, caller, request, inner)

        return handle

    def _limited(self, office: Office, request: Request) -> Request:
        if encoding_of(request):
            raise HTTPException(
                415, "The body is compressed: send it plain.", {"Accept-Encoding": "identity"}
            )
        limit = office.settings.max_upload if self.uploads else office.settings.max_body
        declared = request.headers.get("content-length", "")
        if declared.isdigit() and int(declared) > limit:
            raise TooLarge
        return Request(request.scope, limited(request.receive, limit, office.settings.body_timeout))

    async def _audited(
        self,
        office: Office,
        caller: Caller,
        request: Request,
        inner: Callable[[Request], Awaitable[Response]],
    ) -> Response:
        action = f"{request.method} {request.scope['path']}"
        await office.guard.note(caller, action)
        try:
            return await inner(request)
        except Exception:
            await office.guard.note_failure(caller, action)
            raise


# Coroutines, although they wait for nothing: plain functions would each be sent to a thread.
async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


async def _office(request: Request) -> Office:
    office: Office = request.app.state.office
    return office


async def note(session: Session, office: Office, caller: Caller, action: str) -> None:
    """Tell the audit more than the path does, in the transaction of the change."""
    await audit.note(session, office.wall(), caller.user, caller.host, action)


#: Parameters of a route's function: who asks, and the office.
Asking = Annotated[Caller, Depends(_caller)]
InOffice = Annotated[Office, Depends(_office)]

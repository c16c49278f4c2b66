"""Makes the declared endpoints routes of the server: limits, token, rights, scope, audit, failure answers."""

from __future__ import annotations

import asyncio

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as WebRoute

from engine.api.body import TooLarge, encoding_of, read_body
from engine.api.guard import Forbidden, TooMany, UnknownCaller
from engine.api.integra.form import Form, read_form
from engine.api.integra.route import Answer, Route, text
from engine.api.office import Office
from engine.domain.access import Caller, Role
from engine.domain.errors import FieldError, Refused, where
from engine.ports import StoreError
from engine.ports.live import EngineSilentError

log = structlog.get_logger(__name__)

#: A larger body is taken apart in a thread.
_SMALL = 65_536


def token_of(request: Request) -> str:
    """Return the token of the Authorization header: `Basic <token>`, `Basic<token>` or `Bearer <token>`."""
    value = request.headers.get("authorization", "").strip()
    for scheme in ("basic", "bearer"):
        if value[: len(scheme)].lower() == scheme:
            return value[len(scheme) :].strip()
    return value


def queried_token(request: Request) -> str:
    """Return `?token=`, for what can send no header: `<audio>`, EventSource."""
    return request.query_params.get("token", "").replace(" ", "+")  # a '+' that was not encoded


def host_of(request: Request) -> str:
    """Return the address that a request comes from."""
    return request.client.host if request.client else ""


def web_route(office: Office, route: Route) -> WebRoute:
    """Return the server's route for a documented endpoint."""

    async def serve(request: Request) -> Response:
        answer = await _answer(office, route, request)
        return Response(answer.body, status_code=answer.status, media_type=answer.media)

    return WebRoute("/" + route.path, serve, methods=["POST"], name=route.path)


async def _answer(office: Office, route: Route, request: Request) -> Answer:
    """Serve one request. Whatever goes wrong ends in the documented failure answer."""
    reason = ""
    try:
        caller = await office.guard.admit(token_of(request), route.right, host_of(request))
        form = await _form(office, route, request)
        _check_scope(route, caller, form)
        return await _carry_out(office, route, caller, form)
    except UnknownCaller:
        reason = "no live token"
    except Forbidden:
        reason = "not allowed"
    except TooMany:
        reason = "too many requests"
    except TooLarge:
        reason = "the body is too large"
    except FieldError as error:
        # Only the field is named: its value may be a phone number.
        reason = f"bad field {error.field}"
        log.debug("refused", action="api.refused", path=route.path, reason=str(error))
    except Refused as error:
        reason = str(error)
    except StoreError as error:
        reason = "the database refused the values" if error.data else "the database failed"
        log.debug("database failed", action="api.database", path=route.path, reason=str(error))
    except TimeoutError:
        reason = "too slow"
    except EngineSilentError:
        reason = "the engine does not answer"
    except Exception as error:
        # A fault of ours: where it happened is told, never with what.
        log.error("request failed", action="api.fault", path=route.path, fault=where(error))
        return text(route.failure)
    log.info("request refused", action="api.refused", path=route.path, reason=reason)
    return text(route.failure)


async def _form(office: Office, route: Route, request: Request) -> Form:
    if encoding_of(request):
        raise FieldError("Content-Encoding", "the body is compressed", "Send it plain.")
    limit = office.settings.max_upload if route.upload else office.settings.max_body
    body = await read_body(request, limit, office.settings.body_timeout)
    kind = request.headers.get("content-type", "")
    server = request.url.hostname or ""
    if len(body) > _SMALL:
        return await asyncio.to_thread(read_form, body, kind, large=route.upload, server=server)
    return read_form(body, kind, large=route.upload, server=server)


def _check_scope(route: Route, caller: Caller, form: Form) -> None:
    for campaign in route.campaigns(form):
        if campaign.strip() and not caller.scope.reaches(campaign):
            raise Forbidden
    if caller.role is Role.AGENT:
        for name in route.own:
            if form.get(name).strip() and not caller.is_me(form.get(name)):
                raise Forbidden


async def _carry_out(office: Office, route: Route, caller: Caller, form: Form) -> Answer:
    if route.audit is None:
        return await route.handler(office, caller, form)
    action = route.audit(form)
    await office.guard.note(caller, action)
    try:
        return await route.handler(office, caller, form)
    except Exception:
        await office.guard.note_failure(caller, action)
        raise

"""`/api/v1/session`: who am I, and what may I do."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, ConfigDict, Field

from engine.api import accounts
from engine.api.guard import UnknownCaller
from engine.api.integra.desk import host_of, token_of
from engine.api.v1.gate import Asking, Gate, InOffice, needs
from engine.domain.access import RIGHTS, Right, Role
from engine.domain.errors import Refused

router = APIRouter(route_class=Gate, tags=["session"])


class SessionOut(BaseModel):
    """Who asks. `campaigns` is `["*"]` for somebody who reaches all of them."""

    user: str
    role: Role
    rights: list[Right]
    campaigns: list[str]
    phones: list[str]


@router.get("/session")
@needs(Right.KNOWN)
async def who_am_i(caller: Asking) -> SessionOut:
    """Tell whose token this is."""
    return SessionOut(
        user=caller.user,
        role=caller.role,
        rights=sorted(RIGHTS[caller.role]),
        campaigns=["*"] if caller.scope.everything else sorted(caller.scope.names),
        phones=sorted(caller.phones),
    )


class Login(BaseModel):
    """Name and password."""

    model_config = ConfigDict(extra="forbid")

    user: Annotated[str, Field(max_length=80)]
    password: Annotated[str, Field(max_length=256)]


class NewPassword(Login):
    """The password as it is, and the one to come."""

    new: Annotated[str, Field(max_length=256)]


class Token(BaseModel):
    """A session's token, for `Authorization: Bearer <token>`."""

    token: str


@router.post("/session", status_code=201)
@needs(Right.OPEN)
async def log_in(office: InOffice, caller: Asking, login: Login) -> Token:
    """Begin a session. Which of the two was wrong, or whether the account is blocked, is not told."""
    try:
        user = await accounts.log_in(office, login.user, login.password, caller.host)
    except Refused as error:
        raise UnknownCaller("The user, the password or the account does not allow it.") from error
    return Token(token=await office.guard.open_session(user, caller.host))


@router.delete("/session", status_code=204)
@needs(Right.KNOWN)
async def log_out(office: InOffice, request: Request) -> None:
    """End this session."""
    await office.guard.end_session(token_of(request), "", host_of(request))


@router.post("/session/password", status_code=204)
@needs(Right.OPEN)
async def change_password(office: InOffice, caller: Asking, given: NewPassword) -> None:
    """Change one's own password, also one that has expired or must be changed at first. Sessions end."""
    try:
        await accounts.change_password(office, given.user, given.password, given.new, caller.host)
    except Refused as error:
        raise UnknownCaller("The user, the password or the account does not allow it.") from error

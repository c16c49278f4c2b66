"""`/api/v1/users`: users, their roles, campaigns, passwords and sessions, for administrators."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, NaiveDatetime, WithJsonSchema

from engine.adapters.mysql.users import User
from engine.api import staff
from engine.api.v1.gate import Asking, Gate, InOffice, needs
from engine.api.v1.problems import NotFound
from engine.domain.access import Right, Role
from engine.domain.passwords import State

router = APIRouter(route_class=Gate, prefix="/users", tags=["users"])

Name = Annotated[str, Field(min_length=1, max_length=80)]
Word = Annotated[str, Field(max_length=256)]
#: A moment on the engine's own wall clock, without an offset.
LocalTime = Annotated[NaiveDatetime, WithJsonSchema({"type": "string", "examples": ["2026-05-13T16:00:00"]})]
Hours = Annotated[str, Field(max_length=255, examples=["mon-fri;08:00-18:00"])]
Campaigns = Annotated[list[Annotated[str, Field(max_length=128)]], Field(max_length=1000)]


class UserOut(BaseModel):
    """A user. `campaigns` is `["*"]` for somebody who reaches all; moments are UTC, `valid_…` local."""

    user: str
    fullname: str
    role: Role
    state: State
    campaigns: list[str]
    phones: list[str]
    password_at: datetime
    login_at: datetime | None
    login_hours: str
    valid_from: LocalTime | None
    valid_until: LocalTime | None


class UserIn(BaseModel):
    """A new user. Without `password` a random one is made. `password_stays`: it neither expires nor must
    be changed at first; for programs."""

    model_config = ConfigDict(extra="forbid")

    user: Name
    role: Role
    campaigns: Campaigns = []
    password: Word = ""
    password_stays: bool = False
    fullname: Annotated[str, Field(max_length=128)] = ""
    login_hours: Hours = ""
    valid_from: LocalTime | None = None
    valid_until: LocalTime | None = None


class UserChange(BaseModel):
    """What may be changed of a user; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    campaigns: Campaigns | None = None
    fullname: Annotated[str, Field(max_length=128)] | None = None
    login_hours: Hours | None = None
    valid_from: LocalTime | None = None
    valid_until: LocalTime | None = None


class PasswordIn(BaseModel):
    """A new password; an empty one asks for a random one."""

    model_config = ConfigDict(extra="forbid")

    password: Word = ""


class PasswordOut(BaseModel):
    """The password, shown this once."""

    user: str
    password: str


class Revoked(BaseModel):
    """How many sessions were ended."""

    ended: int


def shown(user: User) -> UserOut:
    """Return what is shown of a user: no hash, no secret."""
    account = user.account
    return UserOut(
        user=user.name,
        fullname=user.fullname,
        role=user.role,
        state=account.state,
        campaigns=list(user.campaigns),
        phones=list(user.phones),
        password_at=account.password_at,
        login_at=account.login_at,
        login_hours=account.login_hours,
        valid_from=account.valid_from,
        valid_until=account.valid_until,
    )


@router.get("")
@needs(Right.USERS)
async def list_users(office: InOffice) -> list[UserOut]:
    """List all users."""
    return [shown(user) for user in await staff.everybody(office.guard)]


@router.post("", status_code=201)
@needs(Right.USERS)
async def add_user(office: InOffice, caller: Asking, user: UserIn) -> PasswordOut:
    """Make a user; he must change his password before he can log in, unless it stays."""
    word = await staff.add(
        office.guard,
        caller,
        user.user,
        user.role,
        user.campaigns,
        password=user.password,
        password_stays=user.password_stays,
        fullname=user.fullname,
        login_hours=user.login_hours,
        valid_from=user.valid_from,
        valid_until=user.valid_until,
    )
    return PasswordOut(user=user.user, password=word)


@router.patch("/{user}", status_code=204)
@needs(Right.USERS)
async def change_user(office: InOffice, caller: Asking, user: str, change: UserChange) -> None:
    """Change a user."""
    columns = change.model_dump(exclude_unset=True, exclude={"campaigns"})
    columns = {
        name: value for name, value in columns.items() if value is not None or name.startswith("valid_")
    }
    with _or_not_found():
        await staff.change(office.guard, caller, user, columns, change.campaigns)


@router.post("/{user}/password")
@needs(Right.USERS)
async def set_password(office: InOffice, caller: Asking, user: str, given: PasswordIn) -> PasswordOut:
    """Give a user a new password; his sessions end."""
    with _or_not_found():
        word = await staff.set_password(office.guard, caller, user, given.password)
    return PasswordOut(user=user, password=word)


@router.post("/{user}/lock", status_code=204)
@needs(Right.USERS)
async def lock_user(office: InOffice, caller: Asking, user: str) -> None:
    """Disable a user; his sessions end."""
    with _or_not_found():
        await staff.lock(office.guard, caller, user)


@router.post("/{user}/unlock", status_code=204)
@needs(Right.USERS)
async def unlock_user(office: InOffice, caller: Asking, user: str) -> None:
    """Enable a user again, whatever had disabled him."""
    with _or_not_found():
        await staff.unlock(office.guard, caller, user)


@router.delete("/{user}/tokens")
@needs(Right.USERS)
async def revoke_tokens(office: InOffice, caller: Asking, user: str) -> Revoked:
    """End all sessions of a user."""
    with _or_not_found():
        return Revoked(ended=await staff.revoke(office.guard, caller, user))


@contextmanager
def _or_not_found() -> Iterator[None]:
    """A user who stands in the path and is not there is no bad field."""
    try:
        yield
    except staff.NoUser as error:
        raise NotFound from error

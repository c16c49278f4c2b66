"""`/api/v1/session`: who am I, and what may I do."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import BaseModel

from engine.api.v1.gate import Asking, Gate, needs
from engine.domain.access import RIGHTS, Right, Role

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

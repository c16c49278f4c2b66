"""Whose phones a caller may ring, and through which contexts of the dialplan."""

from __future__ import annotations

from engine.adapters.mysql import contacts, users
from engine.adapters.mysql.database import Session
from engine.api.guard import Forbidden
from engine.api.office import Office
from engine.domain.access import Caller
from engine.domain.errors import FieldError
from engine.domain.model import Desk

#: The contexts in which agents' phones dial, as documented (asterisk-conf/overdial).
CONTEXTS = ("agents", "agentes")


async def may_ring(office: Office, caller: Caller, agent: str, extension: str, context: str) -> None:
    """Check a call through an agent's phone. Who does not reach every campaign rings the phones that sit in
    his, those of agents whose account names one of his, and his own; in an agent's context.

    `agent`: in whose name (user name or extension). Raises Forbidden, or FieldError for the context.
    """
    if caller.scope.everything:
        return
    if context not in CONTEXTS:
        raise FieldError("context", "it is none of agents' phones", f"Use {' or '.join(CONTEXTS)}.")
    named = await office.database.transaction(lambda s: contacts.phone_of(s, agent))
    for phone in {extension, str(named["extension"]) if named else extension}:
        if caller.is_me(phone) or await sits(office, caller, phone):
            continue
        if not await _shares(office, caller, phone):
            raise Forbidden


async def sits(office: Office, caller: Caller, extension: str) -> bool:
    """Whether a phone sits in a queue that the caller reaches."""
    return any(
        caller.scope.reaches(queue.name)
        and any(Desk(seat.interface, seat.name).extension == extension for seat in queue.seats)
        for queue in await office.live.queues()
    )


async def _shares(office: Office, caller: Caller, extension: str) -> bool:
    """Nobody sits in a campaign for manual calls: whose account names it belongs to it."""

    async def work(session: Session) -> bool:
        phone = await contacts.phone_of(session, extension)
        owner = await users.find(session, str(phone["agent"])) if phone else None
        if phone is None or owner is None or str(phone["extension"]) != extension:
            return False
        return any(caller.scope.reaches(campaign) for campaign in owner.campaigns)

    return await office.database.transaction(work)

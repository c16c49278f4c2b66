"""Side effects on calls: orders that the leading engine takes within a quarter of a second."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from engine.adapters.mysql import campaigns, orders
from engine.adapters.mysql.claim import Claimant
from engine.adapters.mysql.database import Session
from engine.api.office import Office
from engine.domain.errors import FieldError, Refused
from engine.domain.integra.calls import order_of
from engine.domain.orders import ManualCall

#: Seconds that a client waits for the answer to an order, and between two looks.
_PATIENCE, _LOOK = 5.0, 0.1


async def place_call(office: Office, row: Mapping[str, Any]) -> str:
    """Order a call; return its guid at once. Raises FieldError when its campaign does not exist, or when its
    number may not be called now; a block has been noted then."""
    await _reachable(office)
    guid, now, order = office.new_id(), office.clock.now(), order_of(row)
    claimant = Claimant("", 0, office.local, office.legal)

    async def work(session: Session) -> FieldError | None:
        if isinstance(order, ManualCall):
            await campaigns.check(session, order.dialer.name, "outqueue")
            fault = await orders.refusal(session, order, claimant, now)
            if fault is not None:
                return fault
        await orders.place(session, row, guid)
        return None

    refused = await office.database.transaction(work)
    if refused is not None:
        raise refused
    return guid


async def carry_out(office: Office, row: Mapping[str, Any]) -> None:
    """Give an order and wait until it is done. Raises Refused when it failed, or nobody took it."""
    await _reachable(office)
    order = await office.database.transaction(lambda session: orders.place(session, row))
    loop = asyncio.get_running_loop()
    until = loop.time() + _PATIENCE
    while loop.time() < until:
        await asyncio.sleep(_LOOK)
        status, result = await office.database.transaction(lambda session: orders.answer(session, order))
        if status == "done":
            return
        if status == "failed":
            raise Refused("the order failed" if result else "the order is gone")
    raise Refused("no engine took the order in time")


async def _reachable(office: Office) -> None:
    if not await office.live.current():
        raise Refused("Asterisk cannot be reached")

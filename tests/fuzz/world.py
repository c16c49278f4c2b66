"""The world that is fuzzed: two campaigns, one of them somebody else's; and its fingerprint."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson

from engine.adapters.mysql import MysqlStore
from engine.build import new_attempt_id
from engine.domain.agent import SeatState
from engine.domain.live import CallsNow, QueueNow, SeatNow
from tests.api_rig import ApiRig
from tests.fuzz.samples import CAMPAIGN, FOREIGN


def furnish(api: ApiRig) -> None:
    """Put rows where requests look for them (once)."""
    for campaign in (CAMPAIGN, FOREIGN):
        api.sql(
            f"INSERT IGNORE INTO ccdata.queues (name) VALUES ('{campaign}');"
            f"INSERT IGNORE INTO ccdata.dialers (campaign, schedule, dialstring, status)"
            f" VALUES ('{campaign}', 'sun-sat;00:00-23:59', 'SIP/CARRIER/', 0);"
        )
    api.live.seen = [
        QueueNow(CAMPAIGN, (SeatNow("PJSIP/201", "agent", False, SeatState.READY),), 1),
        QueueNow(FOREIGN, (), 0),
    ]
    api.live.under_way = {CAMPAIGN: CallsNow(1, 0, 1)}


def fingerprint(api: ApiRig, *but: str) -> dict[str, str]:
    """Return the checksum of every table, except those whose names end in `but`."""
    both = f"('{api.names.configuration}', '{api.names.history}')"
    tables = api.sql(
        "SELECT CONCAT(table_schema, '.', table_name) FROM information_schema.tables"
        f" WHERE table_schema IN {both} AND table_type = 'BASE TABLE'"
    )
    names = [name for (name,) in tables if not name.endswith(but)]
    return dict(api.sql(f"CHECKSUM TABLE {', '.join(names)} EXTENDED"))


def as_fields(sample: dict[str, Any]) -> dict[str, str]:
    """Return the fields of a form; objects become JSON text."""
    return {
        name: value if isinstance(value, str) else orjson.dumps(value).decode()
        for name, value in sample.items()
    }


async def in_a_thread(test: Any) -> None:
    """Run a hypothesis test whose examples are coroutines: hypothesis in a thread, each example in this
    loop, where the server is."""
    loop = asyncio.get_running_loop()
    example = test.hypothesis.inner_test

    def once(*args: Any, **more: Any) -> None:
        asyncio.run_coroutine_threadsafe(example(*args, **more), loop).result(60)

    test.hypothesis.inner_test = once
    await asyncio.to_thread(test)


@asynccontextmanager
async def orders_taken(api: ApiRig) -> AsyncIterator[None]:
    """Take orders as the engine does, and answer them: what was ordered stops nothing."""
    office = api.office
    store = MysqlStore(office.database, "fuzz", office.local, new_attempt_id, office.legal)

    async def take() -> None:
        while True:
            for taken in await store.take_orders(office.clock.now()):
                await store.finish_order(taken.id, "")
            await asyncio.sleep(0.01)

    async with asyncio.TaskGroup() as group:
        taking = group.create_task(take())
        yield
        taking.cancel()

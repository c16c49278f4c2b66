"""What the contract tests share: a desk over each store; a scripted manager and the adapter for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.contract.store_desks import Desk, MemoryDesk, MysqlDesk
from tests.scripted_ami import Rig


@pytest.fixture(params=["double", "mysql"])
def desk(request: pytest.FixtureRequest) -> Desk:
    """A supervisor's desk over the double and over MysqlStore on a real server."""
    return MemoryDesk() if request.param == "double" else MysqlDesk(request.getfixturevalue("database"))


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """A scripted AMI server; nothing of the adapter may be left over at the end."""
    rig = Rig()
    await rig.start()
    yield rig
    await rig.stop()

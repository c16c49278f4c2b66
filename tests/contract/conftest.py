"""What the AMI contract tests share: a scripted manager and the adapter that talks to it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.scripted_ami import Rig


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """A scripted AMI server; nothing of the adapter may be left over at the end."""
    rig = Rig()
    await rig.start()
    yield rig
    await rig.stop()

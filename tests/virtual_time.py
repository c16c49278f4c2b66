"""A loop in which waiting costs nothing: when nobody is ready, its time jumps to the next who will be."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar

from engine.ports import Clock
from tests.builders import NOW

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    """Never sleeps; what it should have slept is added to `passed`."""

    passed = 0.0

    def select(self, timeout: float | None = None) -> Any:
        if timeout is None:
            raise RuntimeError("everybody waits for somebody else")
        self.passed += max(timeout, 0.0)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop of its own time, which begins at 0."""

    def __init__(self) -> None:
        self._patience = _Selector()
        super().__init__(self._patience)

    def time(self) -> float:
        return self._patience.passed


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def clock() -> Clock:
    """Return the clock of the running loop; nobody sets it, and its dice show the same side."""
    loop = asyncio.get_running_loop()

    def now() -> datetime:
        return NOW + timedelta(seconds=loop.time())

    return Clock(
        now=now,
        local=lambda at: at,
        monotonic=loop.time,
        drift=lambda: 0.0,
        rebase=lambda: None,
        draw=lambda sides: 0,
    )

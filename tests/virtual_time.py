"""A loop in which waiting costs nothing: when nobody is ready, its time jumps to the next who will be."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
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


class _AtOnce(ThreadPoolExecutor):
    """Threads would pass by no time that the loop knows of: what is given to one is done at once."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop of its own time, which begins at 0."""

    def __init__(self) -> None:
        self._patience = _Selector()
        super().__init__(self._patience)
        self.set_default_executor(_AtOnce())

    def time(self) -> float:
        return self._patience.passed

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Nothing runs in it."""


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

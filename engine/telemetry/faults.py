"""What a log may say of a fault that nobody foresaw: its kinds and places, nothing else.

The text of an exception and the variables of its frames may hold a number, a name or a password, and lines
at `info` or above hold none (docs/operations.md). File, line and function tell where to look.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Iterator, MutableMapping
from pathlib import PurePath
from traceback import walk_tb
from types import TracebackType
from typing import Any

import structlog

log = structlog.get_logger(__name__)

#: Of a path so many last parts: enough to find the file, and no home directory.
_PARTS = 3
#: Of a chain of faults, and of the faults of a group, so many are told.
_CHAIN = 10


def told(error: BaseException) -> list[dict[str, Any]]:
    """Return a fault, what caused it, and the faults of groups: of each its kind and the places it went
    through, the innermost last."""
    return [
        {"fault": type(one).__name__, "at": [_place(*step) for step in walk_tb(one.__traceback__)]}
        for _, one in zip(range(_CHAIN), _chain(error, set()), strict=False)
    ]


def _chain(error: BaseException | None, seen: set[int]) -> Iterator[BaseException]:
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    yield error
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from _chain(one, seen)
    hidden = None if error.__suppress_context__ else error.__context__
    yield from _chain(error.__cause__ or hidden, seen)


def _place(frame: Any, line: int) -> str:
    path = "/".join(PurePath(frame.f_code.co_filename).parts[-_PARTS:])
    return f"{path}:{line} {frame.f_code.co_name}"


def without_values(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Put `faults` in the place of `exc_info` in an event (a processor of structlog)."""
    found = event.pop("exc_info", None)
    error = found if isinstance(found, BaseException) else sys.exc_info()[1] if found else None
    if error is not None:
        event["faults"] = told(error)
    return event


class PlainFormatter(logging.Formatter):
    """Lines of libraries: their faults are told as ours are."""

    def formatException(  # noqa: N802  # the name is the library's
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        """Return kinds and places in one line."""
        return str(told(ei[1])) if ei[1] is not None else ""


def catch_the_unforeseen() -> None:
    """Let what nobody caught, in the running loop, in a thread or in the whole process, be told like any
    other fault: Python's own words would have the fault's text, and of a task also its arguments."""
    asyncio.get_running_loop().set_exception_handler(_in_the_loop)
    threading.excepthook = _in_a_thread
    sys.excepthook = _at_the_end


def _in_the_loop(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    task = context.get("task") or context.get("future")
    error = context.get("exception")
    log.error(
        "nobody waited for a fault",
        action="process.fault",
        part=task.get_name() if isinstance(task, asyncio.Task) else "loop",
        faults=told(error) if isinstance(error, BaseException) else [],
    )


def _in_a_thread(given: threading.ExceptHookArgs) -> None:
    part = given.thread.name if given.thread is not None else "thread"
    error = given.exc_value
    log.error("a thread failed", action="process.fault", part=part, faults=told(error) if error else [])


def _at_the_end(_: type[BaseException], error: BaseException, __: TracebackType | None) -> None:
    log.error("the process failed", action="process.failed", faults=told(error))

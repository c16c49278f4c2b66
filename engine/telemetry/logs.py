"""Structured logs: one JSON object per line, or coloured text for a terminal.

Log lines carry a short sentence, a stable `action`, and `call_id`/`campaign` where they apply.
Phone numbers and contact data are never logged at INFO or above; of a fault that nobody foresaw only its
kinds and places are.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO, cast

import orjson
import structlog

from engine.telemetry.faults import PlainFormatter, without_values

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


def _to_json(value: Any, **_: Any) -> str:
    return orjson.dumps(value, default=str).decode()


class _Spoken:
    """Standard error. A line that cannot be written (the disk is full, its reader is gone) is lost and costs
    nothing else: whoever logs is in the middle of a call."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


def configure_logging(level: str, style: str, counted: Callable[[str], None] = lambda level: None) -> None:
    """Send logs to standard error; `counted` is told the level of every line."""

    def count(_: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        counted(str(event.get("level", method)))
        return event

    renderer: Any = (
        structlog.processors.JSONRenderer(serializer=_to_json)
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            count,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            without_values,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Spoken(sys.stderr))),
        cache_logger_on_first_use=False,
    )
    # Libraries speak through the standard library; only their warnings are of interest.
    spoken = logging.StreamHandler(sys.stderr)
    spoken.setFormatter(PlainFormatter("%(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[spoken])
    # panoramisk logs whole messages, with numbers in them.
    logging.getLogger("panoramisk").setLevel(logging.CRITICAL)

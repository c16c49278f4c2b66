"""What goes over the line between engine and office process.

The office asks in short lines of fixed words; the engine answers in frames: a kind, a length, a pickled
value. Only the office unpickles, and only what its own parent wrote: the line is a socketpair that nobody
else can be on.
"""

from __future__ import annotations

import asyncio
import copyreg
import io
import pickle
import struct
from collections.abc import Callable
from dataclasses import fields
from enum import IntEnum
from operator import attrgetter
from typing import Any

from engine.domain.live import CallNow, CallsNow, QueueNow, SeatNow

#: What the office says: `ask <part>`, `logged <level> <lines>`, `alive`, `open`.
ASK, LOGGED, ALIVE, OPEN = "ask", "logged", "alive", "open"
#: Seconds between two signs of life of the office.
PULSE = 1.0


class Kind(IntEnum):
    """A piece of an answer, its last one, that there is none; or something to do."""

    PIECE = 0
    LAST = 1
    FAULT = 2
    STOP = 3
    LOGGING = 4


_HEAD = struct.Struct("!BI")


def frame(kind: Kind, value: object = None) -> bytes:
    """Return a frame as it goes over the line."""
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = _TABLE
    pickler.dump(value)
    return _HEAD.pack(kind, buffer.tell()) + buffer.getvalue()


async def read_frame(reader: asyncio.StreamReader) -> tuple[Kind, Any]:
    """Return the next frame. Raises asyncio.IncompleteReadError at the end of the line."""
    kind, length = _HEAD.unpack(await reader.readexactly(_HEAD.size))
    return Kind(kind), pickle.loads(await reader.readexactly(length))  # noqa: S301  # written by our parent


def _flat(kind: type) -> Callable[[Any], tuple[type, tuple[Any, ...]]]:
    values = attrgetter(*(field.name for field in fields(kind)))
    return lambda one: (kind, values(one))


#: Those of which there are hundreds: written by their fields, which takes a third of what dataclasses with
#: slots take by themselves.
_TABLE = copyreg.dispatch_table | {kind: _flat(kind) for kind in (SeatNow, QueueNow, CallNow, CallsNow)}

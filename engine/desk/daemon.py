"""What a running engine says of itself over its metrics port; what the tables say when it is silent."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import Any

import orjson

from engine.adapters.mysql import Database
from engine.adapters.mysql.overview import overview
from engine.config import Config
from engine.ports import StoreError

#: Seconds to wait for an engine on this machine.
_PATIENCE = 3.0


def page(config: Config, path: str) -> bytes | None:
    """Return a page of the engine's metrics port; None where nobody answers. A page that says 503 is one."""
    section = config.metrics
    if not section.port:
        return None
    host = section.address if section.address not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
    host = f"[{host}]" if ":" in host else host
    try:
        with urllib.request.urlopen(f"http://{host}:{section.port}{path}", timeout=_PATIENCE) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as refused:
        return bytes(refused.read()) if refused.code == 503 else None
    except (OSError, ValueError):
        return None


def state(config: Config) -> dict[str, Any] | None:
    """Return what the engine of this configuration says of itself; None when it does not answer."""
    text = page(config, "/state")
    try:
        found = orjson.loads(text) if text is not None else None
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


async def tables(database: Database) -> dict[str, Any]:
    """Return the same as far as the tables know; `fault` says why they do not."""
    try:
        return await overview(database)
    except StoreError as error:
        return {"fault": str(error)}

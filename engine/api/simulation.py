"""Simulated days for whoever asks over HTTP: in a process of their own, one at a time, not for long."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from engine.domain.errors import FieldError, Refused

#: Seconds that one request may simulate.
LIMIT = 60.0
_ONE = asyncio.Semaphore(1)


async def simulate(options: Mapping[str, object], flags: Sequence[str], policies: Sequence[str]) -> Any:
    """Play days as `overdial simulate` does, with its options; return what its --json writes.

    Raises Refused while somebody else's runs, or when it takes too long.
    """
    if _ONE.locked():
        raise Refused("Another simulation runs: ask again in a minute.")
    async with _ONE:
        with tempfile.TemporaryDirectory(prefix="overdial-") as folder:
            result = Path(folder) / "result.json"
            words = [f"--{name}={value}" for name, value in options.items()]
            words += [f"--{flag}" for flag in flags] + [f"--policy={policy}" for policy in policies]
            # Calls come first: the simulation gets what is left of the processor.
            process = await asyncio.create_subprocess_exec(
                "nice", "-n", "15", sys.executable, "-m", "engine", "simulate", "--plain",
                f"--json={result}", *words,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            try:
                async with asyncio.timeout(LIMIT):
                    _, complaint = await process.communicate()
            except TimeoutError as error:
                raise Refused(
                    "The simulation takes too long: simulate fewer agents, hours or days."
                ) from error
            finally:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        process.kill()
                    await process.wait()
            if process.returncode:
                last = complaint.decode("utf-8", "replace").strip().splitlines()[-1:]
                raise FieldError("scenario", " ".join(last)[:200] or "it cannot be simulated", "Change it.")
            return orjson.loads(await asyncio.to_thread(result.read_bytes))

"""Recorded calls as files: found in the documented places, and made into MP3 by ffmpeg, within limits."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
from pathlib import Path

from engine.domain.errors import Refused
from engine.domain.integra.records import recording_name, recording_places

#: The formats in which recordings lie, the best source first.
SOURCES = ("wav", "gsm")
#: Seconds of wall clock and of processor, and bytes of memory and of output for one conversion.
_SECONDS, _CPU, _MEMORY, _OUTPUT = 300.0, 120, 2**31, 2**30
#: Conversions at once: the engine and Asterisk share the machine with them.
_AT_ONCE = 1


class Recordings:
    """The files below one folder. Nothing outside it is ever read or written, wherever a link points."""

    def __init__(self, root: Path, program: str = "ffmpeg") -> None:
        self._root = root
        self._program = program
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def find(self, name: str, folder: str = "") -> Path | None:
        """Return the file `<guid>.<format>`; None when it is in none of its places. Raises FieldError."""
        root = self._root.resolve()
        for place in recording_places(recording_name(name), folder):
            path = (root / place).resolve()
            if path.is_relative_to(root) and path.is_file():
                return path
        return None

    async def to_mp3(self, guid: str, folder: str) -> None:
        """Make the MP3 of a recording, beside it. Raises FieldError, or Refused when it cannot be done."""
        if await asyncio.to_thread(self.find, f"{guid}.mp3", folder):
            return
        async with self._turns:
            for kind in SOURCES:
                source = await asyncio.to_thread(self.find, f"{guid}.{kind}", folder)
                if source is not None:
                    await self._convert(source, kind, source.with_suffix(".mp3"))
                    return
        raise Refused("there is no recording of this call")

    async def _convert(self, source: Path, kind: str, target: Path) -> None:
        half = target.with_name(f".{target.name}.{os.getpid()}.part")
        # Of a foreign file only the demuxer that its name says is tried, and nothing but files is opened.
        command = (
            "-nostdin", "-v", "error", "-y", "-protocol_whitelist", "file", "-f", kind,
            "-i", f"file:{source}",
            "-map", "a:0", "-codec:a", "libmp3lame", "-b:a", "32k", "-ac", "1", "-f", "mp3", f"file:{half}",
        )  # fmt: skip
        try:
            try:
                process = await asyncio.create_subprocess_exec(
                    self._program, *command, stdin=asyncio.subprocess.DEVNULL,
                    stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
                )  # fmt: skip
            except OSError as error:
                raise Refused(f"{self._program} cannot be run: {error.strerror}") from error
            if not await _within_limits(process):
                raise Refused("the recording cannot be converted")
            await asyncio.to_thread(half.replace, target)
        except OSError as error:
            raise Refused(f"the MP3 cannot be kept: {error.strerror}") from error
        finally:
            with contextlib.suppress(OSError):
                half.unlink(missing_ok=True)


async def _within_limits(process: asyncio.subprocess.Process) -> bool:
    """Wait for a conversion; one that takes too much is ended. Returns whether it succeeded."""
    try:
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(process.pid, resource.RLIMIT_CPU, (_CPU, _CPU))
            resource.prlimit(process.pid, resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (_OUTPUT, _OUTPUT))
            os.setpriority(os.PRIO_PROCESS, process.pid, 15)
        async with asyncio.timeout(_SECONDS):
            return await process.wait() == 0
    except TimeoutError:
        return False
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

"""Text to speech by a command of the machine's own: every text is spoken once and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from engine.ports.voice import SpeechError

#: A command that takes longer (s) is given up.
LONGEST = 30.0


class SpokenTexts:
    """`command` with {text} and {file} in its arguments writes a WAV file that Asterisk can play (8,000
    samples/s, mono); it is run without a shell. `folder` keeps what was spoken, by the text's hash."""

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._command = tuple(command)
        self._folder = folder
        self._one = asyncio.Lock()

    @property
    def able(self) -> bool:
        return bool(self._command)

    async def sound(self, text: str) -> str:
        """Return the sound's name for Asterisk: the file's path without its extension. Raises SpeechError."""
        if not self._command:
            raise SpeechError("no text can be spoken. Fix: set ari.tts_command, or name a recording.")
        # Another command speaks with another voice, so what is kept goes by both.
        known = "\0".join((*self._command, text)).encode("utf-8", "replace")
        path = self._folder.resolve() / f"{sha256(known).hexdigest()[:32]}.wav"
        async with self._one:
            if not path.exists():
                await self._speak(text, path)
        return str(path.with_suffix(""))

    async def _speak(self, text: str, path: Path) -> None:
        part = path.with_suffix(".part.wav")
        # A contact's name must not become an option of the command.
        text = f" {text}" if text.startswith("-") else text
        argv = [word.replace("{file}", str(part)).replace("{text}", text) for word in self._command]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
            )
            try:
                async with asyncio.timeout(LONGEST):
                    status = await process.wait()
            except BaseException:
                process.kill()
                await process.wait()
                raise
            if status != 0:
                raise SpeechError(f"{argv[0]} ended with status {status}")
            part.rename(path)
        except (OSError, TimeoutError, ValueError) as error:
            raise SpeechError(f"{argv[0]}: {error or 'took too long'}") from error

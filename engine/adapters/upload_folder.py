"""Where sent files wait: each is on the disk, whole, before anybody is told that it was accepted."""

from __future__ import annotations

import os
from collections.abc import Collection
from datetime import datetime
from pathlib import Path


class UploadFolder:
    """Files by a name of our own. Methods block and raise OSError: call them in a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, name: str, content: bytes) -> None:
        """Write a file so that it outlives the machine."""
        self._path.mkdir(parents=True, exist_ok=True, mode=0o750)
        half = self._path / f"{name}.part"
        descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            half.rename(self._path / name)
        except OSError:
            half.unlink(missing_ok=True)
            raise
        folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def path(self, name: str) -> Path:
        """Return where a file lies."""
        return self._path / name

    def drop(self, name: str) -> None:
        """Delete a file that is loaded, or was not accepted."""
        (self._path / name).unlink(missing_ok=True)

    def tidy(self, wanted: Collection[str], before: datetime) -> int:
        """Delete what nobody was promised and was last written `before`; return how many files that were."""
        if not self._path.is_dir():
            return 0
        stray = [
            path
            for path in self._path.iterdir()
            if path.is_file() and path.name not in wanted and path.stat().st_mtime < before.timestamp()
        ]
        for path in stray:
            path.unlink(missing_ok=True)
        return len(stray)

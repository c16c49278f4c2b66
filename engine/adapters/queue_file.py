"""The file that Asterisk includes in its queues.conf: replaced as a whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

#: The group of the folder (asterisk, where it has the setgid bit) may read, others may not.
_MODE = 0o640


class ConfFile:
    """QueueFile on disk. Asterisk never reads half of it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, text: str) -> bool:
        try:
            if self.path.read_text("utf-8") == text:
                return False
        except (FileNotFoundError, UnicodeDecodeError):
            pass
        fresh = self.path.with_name(self.path.name + ".new")
        fresh.write_text(text, "utf-8")
        fresh.chmod(_MODE)
        os.replace(fresh, self.path)
        return True

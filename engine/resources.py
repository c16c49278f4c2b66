"""Where the files that come with the engine are: beside the checkout, or inside the installed package."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource(name: str) -> Path:
    """Return the path of `schema.sql`, `migrations` or `asterisk-conf`.

    Raises FileNotFoundError when the installation is incomplete.
    """
    for folder in (_PACKAGE / "_data", _PACKAGE.parent):
        if (folder / name).exists():
            return folder / name
    raise FileNotFoundError(f"{name} did not come with this installation of overdial")


def law_folder() -> Path:
    """Return the folder of the law files that come with the engine."""
    return _PACKAGE / "domain" / "law" / "books"

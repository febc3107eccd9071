"""The store's URL as settings files have it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

SQLITE: Final = "sqlite:///"
DEFAULT: Final = "sqlite:///bridge.db"


def anchored(url: str, folder: Path) -> str:
    """The same URL with SQLite's relative path resolved from `folder`."""
    if url.startswith(SQLITE) and not url.startswith(SQLITE + "/"):
        return f"{SQLITE}{folder / url.removeprefix(SQLITE)}"
    return url

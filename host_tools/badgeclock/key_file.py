"""Checks that key files are private. A key that every user of a machine may read is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Final

OPEN_TO_ALL: Final = 0o007
"""The permission bits of all other users. A service's group may read its key."""
OF_OTHERS: Final = 0o077


def is_open_to_all(path: Path) -> bool:
    """Whether every user of this machine may read, write or run a file. Raises OSError if it does not exist."""
    return path.stat().st_mode & OPEN_TO_ALL != 0


def close_to_others(path: Path) -> None:
    """Remove the permissions of all but the owner, if any; another owner's file, or a missing one, is left alone."""
    try:
        mode = path.stat().st_mode
        if mode & OF_OTHERS:
            path.chmod(mode & 0o7777 & ~OF_OTHERS)
    except (FileNotFoundError, PermissionError):
        return

"""Which files only their owner may read. A key that everybody on a machine may read is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Final

OPEN_TO_ALL: Final = 0o007
"""The rights of everybody. A service's group may read its key."""
OF_OTHERS: Final = 0o077


def is_open_to_all(path: Path) -> bool:
    """Whether everybody on this machine may read, write or run a file. Raises OSError if it is not there."""
    return path.stat().st_mode & OPEN_TO_ALL != 0


def close_to_others(path: Path) -> None:
    """Take the rights of all but the owner away, if there are any; a file of another owner, or none, stays as it is."""
    try:
        mode = path.stat().st_mode
        if mode & OF_OTHERS:
            path.chmod(mode & 0o7777 & ~OF_OTHERS)
    except (FileNotFoundError, PermissionError):
        return

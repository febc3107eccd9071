"""Private directories and files, durable before a call returns."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final

from badgeclock.errors import ProvisionError

_DIRECTORY_MODE: Final = 0o700
_FILE_MODE: Final = 0o600


def make_directory(path: Path) -> None:
    """Make `path`, 0700, with its parents. An existing one is left alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)


def write_once(path: Path, data: bytes) -> None:
    """Write a new file, 0600, and make it durable. Raises ProvisionError if it exists."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE)
    except FileExistsError:
        raise ProvisionError(
            what=f"{path} exists already",
            kept="that file, untouched",
            do="move it away if you are sure that nothing depends on it",
        ) from None
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    sync_directory(path.parent)


def replace(path: Path, data: bytes) -> None:
    """Replace `path` by `data` atomically, 0600 and durable."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp makes it 0600
    new = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except BaseException:
        new.unlink()
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

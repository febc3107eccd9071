"""A firmware package: the compiled files of a clock's firmware in one ZIP file, by their path on the clock.

A wheel contains one for each board and display, and a release publishes them. The same files give the same bytes on any
machine and day: entries are sorted and stored uncompressed, without date or owner.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Final

_EPOCH: Final = (1980, 1, 1, 0, 0, 0)  # the earliest date that a ZIP file can have
_UNIX: Final = 3


def name(board: str, display: str) -> str:
    """The file name of the package for a board with a display of its `fronts/`."""
    return f"badgeclock-firmware-{board}-{display}.zip"


def pack(files: Mapping[str, bytes]) -> bytes:
    """The package of `files`, content by absolute path on the clock."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as archive:
        for path, data in sorted(files.items()):
            entry = zipfile.ZipInfo(path.lstrip("/"), _EPOCH)
            entry.create_system = _UNIX
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    return made.getvalue()


def unpack(package: bytes) -> dict[str, bytes]:
    """The files of a package by `pack`. Raises ValueError if it is not a complete package."""
    try:
        with zipfile.ZipFile(io.BytesIO(package)) as archive:
            return {"/" + name: archive.read(name) for name in archive.namelist()}
    except zipfile.BadZipFile as error:
        raise ValueError(str(error)) from error

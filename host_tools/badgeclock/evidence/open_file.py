"""A file of evidence, mapped rather than read: a flash has millions of bytes, a dump has no limit."""

from __future__ import annotations

import mmap
from pathlib import Path

from badgeclock.errors import EvidenceError


def open_file(path: Path) -> memoryview:
    """The bytes of a file, which must not change while open. Raises EvidenceError if it cannot be read."""
    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                return memoryview(b"")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        raise EvidenceError(
            what=f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no file'}",
            kept="nothing was judged",
            do="name a file that was read from the clock",
        ) from None

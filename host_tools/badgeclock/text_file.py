"""Small text files written by people: settings, keys, numbers, passwords. Editors add a byte order mark and line ends.

Notepad writes a byte order mark, and calls UTF-16 "Unicode"; neither is part of the content.
"""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Final

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read(path: Path) -> str:
    """The text of a file, without its mark, line ends as `\\n`. Raises OSError; UnicodeDecodeError if it is not
    text."""
    return decoded(path.read_bytes())


def decoded(data: bytes) -> str:
    """The same for bytes: UTF-8 unless their mark is UTF-16's."""
    encoding = next((code for mark, code in _MARKS if data.startswith(mark)), "utf-8")
    return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def unmarked(data: bytes) -> bytes:
    """Bytes meant as UTF-8, without UTF-8's mark."""
    return data.removeprefix(codecs.BOM_UTF8)

"""Small text files that people make: settings, keys, numbers, passwords. Editors put marks before and line ends behind.

Notepad writes a byte order mark, and calls UTF-16 "Unicode"; neither is part of what was meant.
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
    """The text of a file, without its mark, line ends as `\\n`. Raises OSError; UnicodeDecodeError if it is none."""
    return decoded(path.read_bytes())


def decoded(data: bytes) -> str:
    """The same of bytes, UTF-8 unless their mark says UTF-16."""
    encoding = next((code for mark, code in _MARKS if data.startswith(mark)), "utf-8")
    return data.decode(encoding).replace("\r\n", "\n").replace("\r", "\n")


def unmarked(data: bytes) -> bytes:
    """Bytes that are UTF-8, or are to be, without a mark of UTF-8."""
    return data.removeprefix(codecs.BOM_UTF8)

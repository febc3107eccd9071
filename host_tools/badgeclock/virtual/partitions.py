"""The ESP32's partition table: `partitions.csv` to the 3 KB that the bootloader and the firmware read at 0x8000.

Format: ESP-IDF Programming Guide, "Partition Tables". An entry is 32 bytes, little-endian: magic 0x50AA, type, subtype,
offset u32, size u32, label of 16 bytes, flags u32; an entry 0xEBEB, padded with 0xFF, holds the MD5 of those before it.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from badgeclock.errors import SettingsError

TABLE_OFFSET = 0x8000
TABLE_BYTES = 0xC00
FLASH_BYTES = 4 * 1024 * 1024

_ENTRY = struct.Struct("<HBBII16sI")
_MAGIC = 0x50AA
_MD5_HEAD = b"\xeb\xeb" + b"\xff" * 14

_TYPES = {"app": 0, "data": 1}
_SUBTYPES = {
    0: {"factory": 0x00, "test": 0x20, **{f"ota_{n}": 0x10 + n for n in range(16)}},
    1: {"ota": 0, "phy": 1, "nvs": 2, "coredump": 3, "nvs_keys": 4, "efuse": 5, "undefined": 6, "fat": 0x81, "spiffs": 0x82},
}


@dataclass(frozen=True)
class PartitionEntry:
    """One line of the table. Offset and size are bytes of the flash."""

    label: str
    kind: int
    subtype: int
    offset: int
    size: int
    flags: int = 0


def read_csv(path: Path) -> list[PartitionEntry]:
    """The partitions of an ESP-IDF `partitions.csv` whose offsets are all given. Raises SettingsError."""
    try:
        text = path.read_text()
    except OSError as error:
        raise _bad(path, str(error)) from error
    entries = []
    for number, line in enumerate(text.splitlines(), 1):
        fields = [field.strip() for field in line.partition("#")[0].split(",")]
        if fields == [""]:
            continue
        if len(fields) not in (5, 6):
            raise _bad(path, f"line {number} has {len(fields)} fields, not name, type, subtype, offset, size and flags")
        try:
            kind = _number(fields[1], _TYPES)
            subtype = _number(fields[2], _SUBTYPES.get(kind, {}))
            flags = 1 if len(fields) == 6 and "encrypted" in fields[5] else 0
            entries.append(PartitionEntry(fields[0], kind, subtype, _size(fields[3]), _size(fields[4]), flags))
        except ValueError as error:
            raise _bad(path, f"line {number}: {error}") from error
    for one, two in zip(entries, entries[1:], strict=False):
        if two.offset < one.offset + one.size:
            raise _bad(path, f"partition {two.label} overlaps {one.label}")
    return entries


def to_binary(entries: Sequence[PartitionEntry]) -> bytes:
    """The table as it stands in flash: 3,072 bytes, with the MD5 entry."""
    table = b"".join(
        _ENTRY.pack(_MAGIC, entry.kind, entry.subtype, entry.offset, entry.size, entry.label.encode(), entry.flags)
        for entry in entries
    )
    table += _MD5_HEAD + hashlib.md5(table, usedforsecurity=False).digest()
    return table.ljust(TABLE_BYTES, b"\xff")


def from_binary(table: bytes) -> list[PartitionEntry]:
    """The entries of a table read from flash; empty if there is none."""
    entries = []
    for at in range(0, min(len(table), TABLE_BYTES), _ENTRY.size):
        magic, kind, subtype, offset, size, label, flags = _ENTRY.unpack_from(table, at)
        if magic != _MAGIC:
            break
        entries.append(PartitionEntry(label.rstrip(b"\0").decode(), kind, subtype, offset, size, flags))
    return entries


def _number(text: str, names: dict[str, int]) -> int:
    return names[text] if text in names else int(text, 0)


def _size(text: str) -> int:
    for suffix, factor in (("K", 1024), ("M", 1024 * 1024)):
        if text.upper().endswith(suffix):
            return int(text[:-1], 0) * factor
    return int(text, 0)


def _bad(path: Path, why: str) -> SettingsError:
    return SettingsError(what=f"the partition table {path} cannot be used: {why}", kept="the flash image as it was", do="correct it")

"""The partition table of a board: read from its partitions.csv, written in the form the ESP32's bootloader reads.

esptool does not ship ESP-IDF's generator, so the table is built here. Format: ESP-IDF programming guide, "Partition
Tables", and components/partition_table/gen_esp32part.py of ESP-IDF 5: rows of 32 bytes, then one row with the MD5 of
all rows before it, then 0xFF up to 3,072 bytes, at flash address 0x8000. Little-endian, unlike our own formats.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from badgeclock import text_file
from badgeclock.errors import SettingsError
from badgeclock.toolchain.places import ROOT

TABLE_OFFSET: Final = 0x8000
TABLE_SIZE_BYTES: Final = 0xC00
TABLE_END: Final = 0x9000  # the table's own sector; the first partition starts here at the earliest
SECTOR_BYTES: Final = 0x1000
APP_ALIGNMENT_BYTES: Final = 0x10000  # the MMU maps code in pages of 64 KB

TYPE_APP: Final = 0x00
TYPE_DATA: Final = 0x01

_TYPES: Final = {"app": TYPE_APP, "data": TYPE_DATA}
_SUBTYPES: Final = {
    TYPE_APP: {"factory": 0x00, "test": 0x20, **{f"ota_{n}": 0x10 + n for n in range(16)}},
    TYPE_DATA: {
        "ota": 0x00,
        "phy": 0x01,
        "nvs": 0x02,
        "coredump": 0x03,
        "nvs_keys": 0x04,
        "efuse": 0x05,
        "undefined": 0x06,
        "fat": 0x81,
        "spiffs": 0x82,
        "littlefs": 0x83,
    },
}
_FLAGS: Final = {"encrypted": 1 << 0, "readonly": 1 << 1}

_ROW: Final = struct.Struct("<2sBBII16sI")
_ROW_MAGIC: Final = b"\xaa\x50"
_MD5_MAGIC: Final = b"\xeb\xeb" + b"\xff" * 14
_LABEL_BYTES: Final = 16
_COLUMNS: Final = 6


@dataclass(frozen=True)
class Partition:
    """One row: where `label` is in the flash, offset and size in bytes."""

    label: str
    type: int
    subtype: int
    offset: int
    size: int
    flags: int = 0

    @property
    def end(self) -> int:
        """First address after the partition."""
        return self.offset + self.size


@dataclass(frozen=True)
class PartitionTable:
    """All rows of a board in ascending order, checked: nothing overlaps, everything is aligned."""

    partitions: tuple[Partition, ...]

    def __getitem__(self, label: str) -> Partition:
        """The partition called `label`; KeyError if there is none."""
        for partition in self.partitions:
            if partition.label == label:
                return partition
        raise KeyError(label)

    @property
    def flash_bytes(self) -> int:
        """How much flash the table needs: the end of the last partition."""
        return self.partitions[-1].end

    def to_binary(self) -> bytes:
        """The 3,072 bytes for flash address 0x8000, MD5 row included."""
        rows = b"".join(
            _ROW.pack(_ROW_MAGIC, part.type, part.subtype, part.offset, part.size, part.label.encode(), part.flags)
            for part in self.partitions
        )
        table = rows + _MD5_MAGIC + hashlib.md5(rows, usedforsecurity=False).digest()
        if len(table) > TABLE_SIZE_BYTES:
            raise _bad(f"the partition table has {len(self.partitions)} rows, more than fit {TABLE_SIZE_BYTES} bytes")
        return table.ljust(TABLE_SIZE_BYTES, b"\xff")


def board_partitions(board: str = "esp32_devkit") -> PartitionTable:
    """The table of `boards/<board>/partitions.csv`, for the least flash that a clock has. Raises SettingsError."""
    return board_tables(board)[0]


def board_tables(board: str = "esp32_devkit") -> tuple[PartitionTable, ...]:
    """Every table of the board (`partitions*.csv`), the one for the smallest flash first. Raises SettingsError."""
    folder = ROOT / "boards" / board
    tables = [read_csv(folder / "partitions.csv"), *map(read_csv, folder.glob("partitions-*.csv"))]
    return tuple(sorted(tables, key=lambda table: table.flash_bytes))


def read_csv(path: Path) -> PartitionTable:
    """The table in an ESP-IDF partitions.csv. Raises SettingsError naming the file and the line."""
    try:
        text = text_file.read(path)
    except (OSError, UnicodeDecodeError) as error:
        raise _bad(f"{path} cannot be read ({getattr(error, 'strerror', None) or 'it is no text'})") from error
    return parse_csv(text, source=str(path))


def parse_csv(text: str, source: str = "partitions.csv") -> PartitionTable:
    """The table in `text`. Every row needs an explicit offset: a clock's records must stay where they are.

    Raises SettingsError naming `source` and the line.
    """
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        cells = [cell.strip() for cell in line.partition("#")[0].split(",")]
        if not any(cells):
            continue
        where = f"{source}, line {number}"
        if len(cells) < _COLUMNS - 1 or len(cells) > _COLUMNS:
            raise _bad(f"{where}: a row is name, type, subtype, offset, size, flags")
        rows.append(_row([*cells, ""][:_COLUMNS], where))
    return checked(rows, source)


def from_binary(data: bytes) -> PartitionTable:
    """The table at 0x8000 of a flash, as read back. Raises SettingsError if it is not a table."""
    rows: list[Partition] = []
    for start in range(0, min(len(data), TABLE_SIZE_BYTES) - _ROW.size + 1, _ROW.size):
        row = data[start : start + _ROW.size]
        if row[:16] == _MD5_MAGIC:
            if hashlib.md5(data[:start], usedforsecurity=False).digest() != row[16:]:
                raise _bad("the partition table read from the flash does not match its MD5 row")
            return checked(rows, "the partition table read from the flash")
        if row[:2] != _ROW_MAGIC:
            break
        _, kind, subtype, offset, size, label, flags = _ROW.unpack(row)
        rows.append(Partition(label.rstrip(b"\0").decode("ascii", "replace"), kind, subtype, offset, size, flags))
    raise _bad("the flash holds no partition table with an MD5 row at 0x8000")


def checked(rows: Iterable[Partition], source: str) -> PartitionTable:
    """The rows in ascending order, if bootloader and MicroPython accept them. Raises SettingsError."""
    partitions = tuple(sorted(rows, key=lambda part: part.offset))
    if not partitions:
        raise _bad(f"{source} has no partition")
    behind = TABLE_END
    labels: set[str] = set()
    for part in partitions:
        alignment = APP_ALIGNMENT_BYTES if part.type == TYPE_APP else SECTOR_BYTES
        if part.label in labels:
            raise _bad(f"{source}: two partitions are called {part.label}")
        if part.offset % alignment:
            raise _bad(f"{source}: {part.label} starts at 0x{part.offset:x}, which is no multiple of 0x{alignment:x}")
        if part.size == 0 or part.size % SECTOR_BYTES:
            raise _bad(f"{source}: the size 0x{part.size:x} of {part.label} is no multiple of 0x{SECTOR_BYTES:x}")
        if part.offset < behind:
            raise _bad(f"{source}: {part.label} starts at 0x{part.offset:x}, before 0x{behind:x} where it may")
        labels.add(part.label)
        behind = part.end
    return PartitionTable(partitions)


def _row(cells: list[str], where: str) -> Partition:
    label, type_name, subtype_name, offset, size, flag_names = cells
    if not 0 < len(label.encode()) < _LABEL_BYTES or not label.isascii():
        raise _bad(f"{where}: a name has 1 to {_LABEL_BYTES - 1} ASCII characters")
    kind = _TYPES[type_name] if type_name in _TYPES else _number(type_name, "type", where)
    named = _SUBTYPES.get(kind, {})
    subtype = named[subtype_name] if subtype_name in named else _number(subtype_name, "subtype", where)
    if kind > 0xFE or subtype > 0xFE:
        raise _bad(f"{where}: type and subtype are at most 0xFE")
    flags = 0
    for flag in filter(None, flag_names.split(":")):
        if flag not in _FLAGS:
            raise _bad(f"{where}: {flag} is no flag; there are {', '.join(_FLAGS)}")
        flags |= _FLAGS[flag]
    return Partition(label, kind, subtype, _number(offset, "offset", where), _number(size, "size", where), flags)


def _number(text: str, column: str, where: str) -> int:
    """An integer as ESP-IDF writes it: decimal, 0x…, or with the suffix K or M."""
    factor = {"k": 1024, "m": 1024 * 1024}.get(text[-1:].lower(), 1)
    try:
        value = int(text[:-1] if factor > 1 else text, 0) * factor
    except ValueError:
        raise _bad(f"{where}: {text or 'an empty cell'} is no {column}") from None
    if not 0 <= value <= 0xFFFF_FFFF:
        raise _bad(f"{where}: the {column} {text} does not fit 32 bits")
    return value


def _bad(what: str) -> SettingsError:
    return SettingsError(what=what, kept="nothing was written", do="correct the partition table and try again")

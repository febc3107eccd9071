"""A clock's two raw partitions made from its log, byte by byte from docs/protocol.md §4 and §5; shares no code with
what reads them.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SECTOR = 4096
A_SECTOR = 63


@dataclass
class Flash:
    """The partitions as they are read out."""

    journal: bytearray
    seal: bytearray

    def at(self, seq: int) -> int:
        """Offset in the journal of a number's slot."""
        sectors = len(self.journal) // SECTOR
        return seq // A_SECTOR % sectors * SECTOR + 64 * (1 + seq % A_SECTOR)

    def put(self, seq: int, raw: bytes) -> Flash:
        """Other bytes in a number's slot."""
        at = self.at(seq)
        self.journal[at : at + len(raw)] = raw
        return self

    def copy(self) -> Flash:
        return Flash(bytearray(self.journal), bytearray(self.seal))


def header(k: int, sectors: int, *, marked: bool = False, erases: int | None = None) -> bytes:
    """The 64 bytes at the start of a sector."""
    head = struct.pack(">4sII", b"BCJ1", k, k // sectors if erases is None else erases)
    return head + struct.pack(">I", zlib.crc32(head)) + (bytes(16) if marked else b"\xff" * 16) + b"\xff" * 32


def key_slot(end: dict[str, Any], acked: int = 0, **others: Any) -> bytes:
    """The live slot for what a clock holds at the end of a log, docs/protocol.md §4."""
    told = {**end, **others}
    content = struct.pack(
        ">4sIHHIII8s32s32s16s",
        b"BCK1",
        told["next_seq"],
        told["epoch"],
        told["boot"],
        told["records"],
        acked,
        told["day"],
        told.get("zero", bytes(8)),
        bytes.fromhex(told["r"]),
        bytes.fromhex(told["e_next"]),
        bytes.fromhex(told["tag"]),
    )
    return content + hashlib.sha256(content).digest()[:16]


def secrets(number: int = 1, pad: bytes = b"\0") -> bytes:
    """A slot of the clock's secrets, docs/protocol.md §4."""
    content = b'{"v": 1}'
    slot = struct.pack(">4sIH", b"BCS1", number, len(content)) + content
    slot = (slot + pad).ljust(1008, b"\0")
    return slot + hashlib.sha256(slot).digest()[:16]


def flash_of(
    slots: Sequence[bytes | None],
    end: dict[str, Any] | None = None,
    *,
    sectors: int = 6,
    acked: int = 0,
    ahead: int = 2,
    seal_sectors: int = 4,
) -> Flash:
    """The flash's content after a log: `None` is a burnt slot; without `end` (or after RETIRE) no key is live."""
    journal = bytearray(b"\xff" * (SECTOR * sectors))
    newest = min(len(slots) // A_SECTOR + ahead, sectors - 2 + len(slots) // A_SECTOR)
    for k in range(newest + 1):
        start = k % sectors * SECTOR
        journal[start : start + SECTOR] = b"\xff" * SECTOR
        journal[start : start + 64] = header(k, sectors, marked=(k + 1) * A_SECTOR <= acked)
        for slot, raw in enumerate(slots[k * A_SECTOR : (k + 1) * A_SECTOR]):
            at = start + 64 * (slot + 1)
            journal[at : at + 64] = raw or bytes(64)
    seal = bytearray(b"\xff" * (seal_sectors * SECTOR))
    spent = min(len(slots), 40)
    seal[: 128 * spent] = bytes(128 * spent)
    if end is not None and end["r"]:
        seal[128 * spent : 128 * (spent + 1)] = key_slot(end, acked)
    return Flash(journal, seal)

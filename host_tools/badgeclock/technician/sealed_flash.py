"""Reads a clock's raw partitions (docs/protocol.md §4, §5), except keys."""

from __future__ import annotations

import hashlib
import struct
import zlib
from typing import Final

SECTOR_BYTES: Final = 4096
SLOT_BYTES: Final = 128
RECORD_BYTES: Final = 64
RECORDS_A_SECTOR: Final = 63

_SLOT: Final = struct.Struct(">4sIHHII")
_HEADER: Final = struct.Struct(">4sIII")
_RECORD: Final = struct.Struct(">BBHI")
_FORMAT: Final = 1
_PUNCH: Final = 3


def unsent_punches(seal: bytes, journal: bytes) -> int:
    """How many punches in the `journal` partition are unacknowledged, according to journal and key store."""
    acked = _acked(seal)
    sectors = len(journal) // SECTOR_BYTES
    count = 0
    for place in range(sectors):
        sector = journal[place * SECTOR_BYTES : (place + 1) * SECTOR_BYTES]
        magic, k, _, crc = _HEADER.unpack_from(sector)
        if magic != b"BCJ1" or k % sectors != place or zlib.crc32(sector[:12]) != crc or sector[16:32] == bytes(16):
            continue
        for slot in range(RECORDS_A_SECTOR):
            form, kind, _, seq = _RECORD.unpack_from(sector, RECORD_BYTES * (slot + 1))
            count += form == _FORMAT and kind == _PUNCH and acked <= seq == k * RECORDS_A_SECTOR + slot
    return count


def _acked(seal: bytes) -> int:
    """The acked field of the live key slot; 0 if none is live."""
    newest = (-1, 0)
    for start in range(0, len(seal) - SLOT_BYTES + 1, SLOT_BYTES):
        slot = seal[start : start + SLOT_BYTES]
        magic, seq, _, _, _, acked = _SLOT.unpack_from(slot)
        if magic == b"BCK1" and hashlib.sha256(slot[:112]).digest()[:16] == slot[112:]:
            newest = max(newest, (seq, acked))
    return newest[1]

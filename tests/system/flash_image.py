"""A clock's flash after weeks of work, made here: docs/protocol.md §4 and §5 with the host's own seal."""

from __future__ import annotations

import hashlib
import struct
import zlib

from badgeclock.bundle import Bundle
from badgeclock.protocol import record as records
from badgeclock.protocol import seal
from badgeclock.protocol.record import NO_BEACON, NO_DETAIL, NO_TOKEN, Kind, Record, ResetCause

SECTOR_BYTES = 4096
RECORDS_A_SECTOR = 63
MONDAY_S = 1767596291


def partitions(bundle: Bundle, sectors: int, head: int) -> tuple[bytes, bytes]:
    """(journal, seal) of a clock with `head` records, of which no bridge has taken one: GENESIS, BOOT, then punches in
    epochs as long as they may be.
    """
    state = seal.found(bundle.clock_id, bundle.e0, bundle.genesis_nonce)
    journal = bytearray()
    for seq in range(head):
        if seq % RECORDS_A_SECTOR == 0:
            journal += _header(seq // RECORDS_A_SECTOR, journal)
        raw, state = seal.seal(state, _record(bundle, seq, state))
        journal += raw
    for k in range(-(-head // RECORDS_A_SECTOR), min(sectors, -(-head // RECORDS_A_SECTOR) + 2)):
        journal += _header(k, journal)
    return bytes(journal).ljust(sectors * SECTOR_BYTES, b"\xff"), _slot(state).ljust(4 * SECTOR_BYTES, b"\xff")


def _header(k: int, before: bytearray) -> bytes:
    """The bytes from the end of `before` to the records of logical sector k."""
    head = struct.pack(">4sIII", b"BCJ1", k, 1, 0)[:12]
    header = (head + struct.pack(">I", zlib.crc32(head))).ljust(64, b"\xff")
    return b"\xff" * (k * SECTOR_BYTES - len(before)) + header


def _record(bundle: Bundle, seq: int, state: seal.SealState) -> Record:
    kind = Kind.GENESIS if seq == 0 else Kind.BOOT if seq == 1 else Kind.PUNCH
    detail = NO_DETAIL
    if state.records + 1 == seal.EPOCH_RECORDS:
        kind = Kind.EPOCH
        detail = records.epoch_detail(state.records + 1, MONDAY_S // 86400)
    elif kind is Kind.GENESIS:
        detail = seal.commitment(bundle.e0)
    elif kind is Kind.BOOT:
        detail = records.boot_detail(ResetCause.POWER_ON, 0, bytes(8))
    return Record(
        format=1,
        kind=int(kind),
        flags=int(kind is Kind.PUNCH),
        seq=seq,
        boot=state.boot + (kind is Kind.BOOT),
        epoch=state.epoch,
        utc_s=MONDAY_S + seq,
        ms=0,
        source=1,
        bound=80,
        uptime_ms=5000,
        token={Kind.GENESIS: bundle.genesis_nonce, Kind.PUNCH: struct.pack(">Q", seq)}.get(kind, NO_TOKEN),
        beacon=NO_BEACON,
        detail=detail,
        tag=bytes(16),
    )


def _slot(state: seal.SealState) -> bytes:
    content = struct.pack(
        ">4sIHHIII8x32s32s16s",
        b"BCK1",
        state.next_seq,
        state.epoch,
        state.boot,
        state.records,
        0,
        MONDAY_S // 86400,
        state.r,
        state.e_next,
        state.tag,
    )
    return content + hashlib.sha256(content).digest()[:16]

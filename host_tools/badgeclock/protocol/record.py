"""The record: 64 bytes that a clock stores and sends (docs/protocol.md §2).

Promises: `unpack(pack(r)) == r` for every valid record, and any other bytes raise `RecordRefused`, never another
exception. `seal` decides whether a record is genuine.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum, IntFlag
from typing import Any, Final, NamedTuple

from badgeclock.protocol.errors import RecordRefused

FORMAT: Final = 1
RECORD_BYTES: Final = 64
SEALED_BYTES: Final = 48
"""The part of a record that its tag covers: everything before the tag."""
TAG_BYTES: Final = 16
TOKEN_BYTES: Final = 8
BEACON_BYTES: Final = 8
DETAIL_BYTES: Final = 8
NO_TOKEN: Final = bytes(TOKEN_BYTES)
NO_BEACON: Final = bytes(BEACON_BYTES)
NO_DETAIL: Final = bytes(DETAIL_BYTES)

BOUND_NONE: Final = 255
"""Encoded bound of a clock that cannot bound its error."""
BATCH_RECORDS: Final = 63
"""Most records in one `punches` message: those of one journal sector (§5, §7)."""

_LAYOUT: Final = struct.Struct(">BBHIHHIHBBI8s8s8s16s")
_JUDGED: Final = struct.Struct(">xBHI4xIHxB4x8s8xB23x")
_TIME_SET_DETAIL: Final = struct.Struct(">IHBB")
_DIRECTION_MASK: Final = 0x0007
_FLAGS_MASK: Final = 0x00FF
_KIND_LAST: Final = 10
_DIRECTION_LAST: Final = 4
_SOURCE_LAST: Final = 3


class Kind(IntEnum):
    """The content of a record."""

    GENESIS = 1
    BOOT = 2
    PUNCH = 3
    TIME_SET = 4
    EPOCH = 5
    CONFIG = 6
    TAMPER = 7
    FAULT = 8
    UPDATE = 9
    RETIRE = 10


class Direction(IntEnum):
    """The direction of a punch, by the clock. Bits 0 to 2 of the flags."""

    NONE = 0
    IN = 1
    OUT = 2
    BREAK_START = 3
    BREAK_END = 4


class Origin(IntEnum):
    """The source of a punch's direction: the first byte of its detail."""

    UNTOLD = 0
    KEY = 1
    CLOCK = 2
    LAST_PUNCH = 3
    ASSUMED = 4


class Flag(IntFlag):
    """Bits 3 to 7 of a record's flags."""

    PROVED = 0x08
    DUPLICATE = 0x10
    UNKNOWN_BADGE = 0x20
    TIME_UNVERIFIED = 0x40
    UNSEALED = 0x80


class Source(IntEnum):
    """The source of the clock's time."""

    NONE = 0
    RTC = 1
    NTP = 2
    BRIDGE = 3


class ResetCause(IntEnum):
    """First byte of a BOOT record's detail."""

    OTHER = 0
    POWER_ON = 1
    HARD = 2
    WATCHDOG = 3
    DEEP_SLEEP = 4
    SOFT = 5


# Looking up a member of an enum class costs as much as a hash.
_GENESIS: Final = int(Kind.GENESIS)
_PUNCH: Final = int(Kind.PUNCH)
_FLAGS_OF_EVERY_KIND: Final = int(Flag.UNSEALED | Flag.TIME_UNVERIFIED)
_SOURCE_NONE: Final = int(Source.NONE)
_PUNCH_DETAILS: Final = frozenset(bytes([origin]) + NO_DETAIL[1:] for origin in Origin)


class Record(NamedTuple):
    """One record, field by field in the order of the wire.

    `utc_s` counts seconds since 1970-01-01 (0: no time), `ms` 0 to 999, `uptime_ms` modulo 2**32, `bound` is the
    encoded error bound (see `bound_decode`), `token`, `beacon` and `detail` are 8 bytes, `tag` is 16.
    """

    format: int
    kind: int
    flags: int
    seq: int
    boot: int
    epoch: int
    utc_s: int
    ms: int
    source: int
    bound: int
    uptime_ms: int
    token: bytes
    beacon: bytes
    detail: bytes
    tag: bytes

    @property
    def direction(self) -> Direction:
        """The direction."""
        return Direction(self.flags & _DIRECTION_MASK)

    @property
    def origin(self) -> Origin:
        """The source of a PUNCH's direction; UNTOLD also for a byte without a meaning."""
        return Origin(self.detail[0]) if self.detail in _PUNCH_DETAILS else Origin.UNTOLD

    @property
    def utc_ms(self) -> int:
        """Time of the record, milliseconds since 1970-01-01 UTC."""
        return self.utc_s * 1000 + self.ms

    def has(self, flag: Flag) -> bool:
        """Whether the flag is set."""
        return bool(self.flags & int(flag))


def pack(record: Record) -> bytes:
    """The 64 bytes of a record.

    Raises RecordRefused if a field does not fit or no reader would accept the result.
    """
    if (
        len(record.token) != TOKEN_BYTES
        or len(record.beacon) != BEACON_BYTES
        or len(record.detail) != DETAIL_BYTES
        or len(record.tag) != TAG_BYTES
    ):
        raise RecordRefused("field length")
    try:
        packed = _LAYOUT.pack(*record)
    except struct.error as error:
        raise RecordRefused("field range") from error
    unpack(packed)
    return packed


def unpack(raw: bytes) -> Record:
    """The record in exactly 64 bytes; raises RecordRefused for any other length and for violations of §2.

    Refused: another format, an unknown kind, direction 5 to 7, a set flag bit 8 to 15, more than 999 ms, an unknown
    clock source.
    """
    if len(raw) != RECORD_BYTES:
        raise RecordRefused("length")
    fields = _LAYOUT.unpack(raw)
    reason = refusal(fields[0], fields[1], fields[2], fields[7], fields[8])
    if reason is not None:
        raise RecordRefused(reason)
    return Record._make(fields)


def refusal(form: int, kind: int, flags: int, ms: int, source: int) -> str | None:
    """Why readers refuse a record with these fields, as a stable word; None if they accept it."""
    if form != FORMAT:
        return "format"
    if not 1 <= kind <= _KIND_LAST:
        return "kind"
    if flags & ~_FLAGS_MASK:
        return "flags"
    if flags & _DIRECTION_MASK > _DIRECTION_LAST:
        return "direction"
    if ms > 999:
        return "milliseconds"
    if source > _SOURCE_LAST:
        return "clock source"
    return None


def iter_unpack(raws: bytes | memoryview) -> Iterator[tuple[Any, ...]]:
    """The concatenated records of `raws`, as plain tuples in the order of `Record`'s fields.

    For millions of records, where a Record for each costs as much as a hash. Raises RecordRefused as `unpack` does, on
    reaching bytes that are not a record.
    """
    whole = len(raws) // RECORD_BYTES * RECORD_BYTES
    for fields in _LAYOUT.iter_unpack(raws[:whole]):
        reason = refusal(fields[0], fields[1], fields[2], fields[7], fields[8])
        if reason is not None:
            raise RecordRefused(reason)
        yield fields
    if whole != len(raws):
        raise RecordRefused("length")


def iter_judged(raws: bytes) -> Iterator[tuple[int, int, int, int, int, int, bytes, int]]:
    """Kind, flags, seq, UTC seconds, milliseconds, bound, token and first byte of the detail of concatenated records
    that were judged before.
    """
    return _JUDGED.iter_unpack(raws)


def is_canonical(
    kind: int, flags: int, utc_s: int, ms: int, source: int, bound: int, token: bytes, detail: bytes
) -> bool:
    """Whether an accepted record is zero where §2 defines nothing, and has no undefined value.

    Readers accept other records too, so that a clock is not rejected for a spare byte. A verifier does not: data can be
    hidden in a byte without a meaning.
    """
    if source == _SOURCE_NONE and (utc_s or ms or bound != BOUND_NONE):
        return False
    if kind == _PUNCH:
        return detail in _PUNCH_DETAILS
    if flags & ~_FLAGS_OF_EVERY_KIND:
        return False
    if kind == _GENESIS:
        return True
    return token == NO_TOKEN and _is_canonical_detail(kind, detail)


def _is_canonical_detail(kind: int, detail: bytes) -> bool:
    if kind == Kind.BOOT:
        return detail[0] <= max(ResetCause) and detail[2:4] == NO_DETAIL[2:4]
    if kind == Kind.TIME_SET:
        _, ms, source, zero = _TIME_SET_DETAIL.unpack(detail)
        return ms <= 999 and source <= _SOURCE_LAST and not zero
    if kind == Kind.TAMPER:
        return detail[0] in {1, 2} and detail[1:] == NO_DETAIL[1:]
    if kind == Kind.FAULT:
        return detail[0] > 0 and detail[1] == 0 and detail[4:] == NO_DETAIL[4:]
    if kind == Kind.RETIRE:
        return detail == NO_DETAIL
    return True


def split(payload: bytes) -> list[bytes]:
    """A `punches` payload split into its 1 to 63 records of 64 bytes; raises RecordRefused if that is impossible."""
    if not is_batch(payload):
        raise RecordRefused("batch length")
    return [payload[at : at + RECORD_BYTES] for at in range(0, len(payload), RECORD_BYTES)]


def is_batch(payload: bytes) -> bool:
    """Whether a `punches` payload has the length of 1 to 63 records."""
    return 0 < len(payload) <= BATCH_RECORDS * RECORD_BYTES and not len(payload) % RECORD_BYTES


def bound_decode(encoded: int) -> int | None:
    """The milliseconds of an encoded bound (0 to 255); None for "no bound"."""
    if encoded == BOUND_NONE:
        return None
    return ((8 + (encoded & 7)) << (encoded >> 3)) >> 3


def bound_encode(bound_ms: int | None) -> int:
    """The smallest encoded bound that is not below `bound_ms`; 255 if there is none or it is too large."""
    if bound_ms is None:
        return BOUND_NONE
    for encoded in range(BOUND_NONE):
        if ((8 + (encoded & 7)) << (encoded >> 3)) >> 3 >= bound_ms:
            return encoded
    return BOUND_NONE


def boot_detail(cause: ResetCause, burnt: int, firmware_hash: bytes) -> bytes:
    """Detail of a BOOT: reset cause, burnt slots since the last record, first 4 bytes of the firmware's hash."""
    return struct.pack(">BBH4s", cause, burnt, 0, firmware_hash[:4])


def burnt_slots(boot: Record) -> int:
    """How many sequence numbers before this BOOT record were burnt by a torn write."""
    return boot.detail[1]


def epoch_detail(records: int, utc_day: int) -> bytes:
    """Detail of an EPOCH: records of the epoch, this one and burnt ones included; the epoch's day since 1970-01-01."""
    return struct.pack(">II", records, utc_day)


def epoch_records(epoch: Record) -> int:
    """How many records the epoch had, the EPOCH record itself and burnt ones included."""
    return int.from_bytes(epoch.detail[:4], "big")


def epoch_day(epoch: Record) -> int:
    """The day on which the closed epoch began, days since 1970-01-01."""
    return int.from_bytes(epoch.detail[4:], "big")


def time_before(detail: bytes) -> tuple[int, int]:
    """From a TIME_SET's detail: the time before, milliseconds since 1970-01-01 UTC, and its source."""
    utc_s, ms, source, _ = _TIME_SET_DETAIL.unpack(detail)
    return utc_s * 1000 + ms, source

"""The record of 64 bytes (docs/protocol.md §2): what is in the journal, on the wire and in evidence.

Packing writes into the caller's buffer and allocates nothing of its own; app/log/unpacked.py reads one. The tag (§3) is
added by the seal.
"""

import struct

from micropython import const

FORMAT = const(1)
RECORD_BYTES = const(64)
SEALED_BYTES = const(48)  # the part under the tag
TAG_BYTES = const(16)

KIND_GENESIS = const(1)
KIND_BOOT = const(2)
KIND_PUNCH = const(3)
KIND_TIME_SET = const(4)
KIND_EPOCH = const(5)
KIND_CONFIG = const(6)
KIND_TAMPER = const(7)
KIND_FAULT = const(8)
KIND_UPDATE = const(9)
KIND_RETIRE = const(10)

DIRECTION_MASK = const(0x07)
DIRECTION_NONE = const(0)
DIRECTION_IN = const(1)
DIRECTION_OUT = const(2)
DIRECTION_BREAK_START = const(3)
DIRECTION_BREAK_END = const(4)

FLAG_PROVED = const(0x08)
FLAG_DUPLICATE = const(0x10)
FLAG_UNKNOWN_BADGE = const(0x20)
FLAG_TIME_UNVERIFIED = const(0x40)
FLAG_UNSEALED = const(0x80)

SOURCE_NONE = const(0)
SOURCE_RTC = const(1)
SOURCE_NTP = const(2)
SOURCE_BRIDGE = const(3)

BOUND_NONE = const(255)

NOTHING = bytes(8)  # an empty token, beacon or detail

_BODY_LAYOUT = ">BBHIHHIHBBI8s8s8s"


class Stamp:
    """A moment by the clock; one object is made once and filled again for every record.

    `utc_s` seconds since 1970-01-01 (0: no time at all), `ms` 0 to 999, `source` SOURCE_*, `bound` the encoded error
    bound (see `bound_encode`), `uptime_ms` modulo 2**32.
    """

    def __init__(self):
        self.utc_s = 0
        self.ms = 0
        self.source = SOURCE_NONE
        self.bound = BOUND_NONE
        self.uptime_ms = 0


def pack_into(buf, kind, flags, seq, boot, epoch, stamp, token, beacon, detail):
    """Write the first 48 bytes of a record at the start of `buf`; `token`, `beacon`, `detail` are 8 bytes each."""
    struct.pack_into(
        _BODY_LAYOUT,
        buf,
        0,
        FORMAT,
        kind,
        flags,
        seq,
        boot,
        epoch,
        stamp.utc_s,
        stamp.ms,
        stamp.source,
        stamp.bound,
        stamp.uptime_ms,
        token,
        beacon,
        detail,
    )


def bound_decode(encoded):
    """Milliseconds of an encoded bound, 0 to 255; None for "no bound"."""
    if encoded == BOUND_NONE:
        return None
    return ((8 + (encoded & 7)) << (encoded >> 3)) >> 3


def bound_encode(ms):
    """The smallest encoded bound that is not below `ms`; 255 for None and for more than the value of 254 (43 days)."""
    if ms is None:
        return BOUND_NONE
    low, high = 0, BOUND_NONE
    while low < high:
        middle = (low + high) >> 1
        if ((8 + (middle & 7)) << (middle >> 3)) >> 3 < ms:
            low = middle + 1
        else:
            high = middle
    return low

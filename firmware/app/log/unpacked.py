"""A record of 64 bytes, read (docs/protocol.md §2). In memory while a start or a worker's request needs it."""

import struct
from collections import namedtuple

from app.log import record

_LAYOUT = ">BBHIHHIHBBI8s8s8s16s"

Record = namedtuple(
    "Record",
    (
        "kind",
        "flags",
        "seq",
        "boot",
        "epoch",
        "utc_s",
        "ms",
        "source",
        "bound",
        "uptime_ms",
        "token",
        "beacon",
        "detail",
        "tag",
    ),
)


def unpack(buf, offset=0):
    """The Record in the 64 bytes at `offset`. Raises ValueError for violations of §2, and for fewer bytes."""
    fields = struct.unpack_from(_LAYOUT, buf, offset)
    if fields[0] != record.FORMAT:
        raise ValueError("format")
    found = Record(*fields[1:])
    if not record.KIND_GENESIS <= found.kind <= record.KIND_RETIRE:
        raise ValueError("kind")
    if found.flags > 0xFF:
        raise ValueError("flags")
    if found.flags & record.DIRECTION_MASK > record.DIRECTION_BREAK_END:
        raise ValueError("direction")
    if found.ms > 999:
        raise ValueError("milliseconds")
    if found.source > record.SOURCE_BRIDGE:
        raise ValueError("clock source")
    return found

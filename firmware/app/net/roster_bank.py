"""The banks of the roster partition: their layout, and whether the seal is right (docs/protocol.md §9).

Needed at the start (app.net.roster_start) and while a roster is changed (app.net.roster_update).
"""

import struct

from micropython import const

from app.log.hmac256 import hmac256
from app.net.roster import ENTRY_BYTES, HEAD_BYTES

PART_ENTRIES = const(99)
PART_BYTES = const(990)
CHUNK_BYTES = const(90)  # read at a time: eleven to a part, and no less than a header
PARTS_A_SECTOR = const(4)
MAGIC = b"BCR1"
MAGIC_BYTES = const(4)

_LANGUAGES_AT = const(16)
_LANGUAGES = const(8)
_SEAL_AT = const(32)
_LABEL = b"roster"
_IOCTL_BLOCK_COUNT = const(4)


def roster_key(down):
    """K_roster, 32 bytes, of K_down."""
    return hmac256(down, _LABEL)


def bank_sectors(partition):
    """How many sectors each of the two banks has."""
    return partition.ioctl(_IOCTL_BLOCK_COUNT, 0) // 2


def entries_of(header):
    """The number of entries in a header."""
    return struct.unpack_from(">H", header, 8)[0]


def version_of(header):
    """Its version, 1 to 2**32 - 1."""
    return struct.unpack_from(">I", header, MAGIC_BYTES)[0]


def parts_of(entries):
    """The number of parts for so many entries; the header, part 0, not counted."""
    return (entries + PART_ENTRIES - 1) // PART_ENTRIES


def place(part):
    """(sector of its bank, offset) of a part, from 1."""
    return (part - 1) // PARTS_A_SECTOR, HEAD_BYTES + (part - 1) % PARTS_A_SECTOR * PART_BYTES


def length(part, entries):
    """Bytes of a part, from 1."""
    return min(PART_ENTRIES, entries - (part - 1) * PART_ENTRIES) * ENTRY_BYTES


def digest_part(partition, first, part, entries, digest, buf):
    """Read a part of the bank at sector `first` back and add it to the SHA-256 `digest`. buf: of CHUNK_BYTES."""
    sector, offset = place(part)
    end = offset + length(part, entries)
    while offset < end:
        chunk = buf[: min(CHUNK_BYTES, end - offset)]
        partition.readblocks(first + sector, chunk, offset)
        digest.update(chunk)
        offset += CHUNK_BYTES


def holds(header, digest, key):
    """Whether a header's seal is valid. digest: SHA-256 of all entries. key: K_roster."""
    view = memoryview(header)
    return hmac256(key, view[MAGIC_BYTES:_SEAL_AT], digest) == view[_SEAL_AT:]


def put_in_use(roster, first, header):
    """Make the roster of this header, in the bank at sector `first`, the one that counts."""
    languages = tuple([_language(header, number) for number in range(1 + _LANGUAGES)])
    roster.use(first, version_of(header), entries_of(header), languages)


def _language(header, number):
    """The language of that number, 1 to 8; None for 0, which is the site's own, and for an unknown one."""
    at = _LANGUAGES_AT + 2 * (number - 1)
    return "%c%c" % (header[at], header[at + 1]) if number and header[at] else None

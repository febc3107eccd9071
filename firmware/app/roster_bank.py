"""The banks of the roster partition: what stands in each, and which one counts (docs/protocol.md §9).

A bank counts when its header is whole and its seal holds over every entry. The header's first four bytes are programmed
last of all, and only over content that was read back and judged; so after any power cut one whole roster counts, the
old or the new. Needed at the start and while a roster is changed.
"""

import struct
from hashlib import sha256

from micropython import const

from app.frames import downward_key
from app.hmac256 import hmac256
from app.roster import ENTRIES_A_SECTOR, ENTRY_BYTES, HEAD_BYTES, Roster

PART_ENTRIES = const(99)
PART_BYTES = const(990)
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
    """How many entries a header says."""
    return struct.unpack_from(">H", header, 8)[0]


def version_of(header):
    """Its version, 1 to 2**32 - 1."""
    return struct.unpack_from(">I", header, MAGIC_BYTES)[0]


def parts_of(entries):
    """In how many parts so many entries come and lie; the header, part 0, not counted."""
    return (entries + PART_ENTRIES - 1) // PART_ENTRIES


def place(part):
    """(sector of its bank, offset) of a part, from 1."""
    return (part - 1) // PARTS_A_SECTOR, HEAD_BYTES + (part - 1) % PARTS_A_SECTOR * PART_BYTES


def length(part, entries):
    """Bytes of a part, from 1."""
    return min(PART_ENTRIES, entries - (part - 1) * PART_ENTRIES) * ENTRY_BYTES


def holds(header, digest, key):
    """Whether a header's seal holds. digest: SHA-256 of all entries. key: K_roster."""
    view = memoryview(header)
    return hmac256(key, view[MAGIC_BYTES:_SEAL_AT], digest) == view[_SEAL_AT:]


def put_in_use(roster, first, header):
    """Let the roster that this header tells of, in the bank at sector `first`, be the one that counts."""
    languages = tuple([_language(header, number) for number in range(1 + _LANGUAGES)])
    roster.use(first, version_of(header), entries_of(header), languages)


def _language(header, number):
    """The language of that number, 1 to 8; None for 0, which is the site's own, and for one that is not there."""
    at = _LANGUAGES_AT + 2 * (number - 1)
    return "%c%c" % (header[at], header[at + 1]) if number and header[at] else None


def load(partition, link_key):
    """The Roster of a clock that starts: of the banks whose seal holds the one with the higher version."""
    roster = Roster(partition)
    if partition is None:
        return roster
    key = roster_key(downward_key(link_key))
    sectors = bank_sectors(partition)
    buf = bytearray(PART_BYTES)
    for first in (0, sectors):
        header = bytearray(HEAD_BYTES)
        try:
            if _is_whole(partition, first, sectors, header, buf, key) and version_of(header) > roster.version:
                # Once more over itself: bytes that lost power when they were half programmed may read either way.
                partition.writeblocks(first, MAGIC, 0)
                put_in_use(roster, first, header)
        except OSError:
            print("clock: a bank of the roster cannot be read")
    return roster


def _is_whole(partition, first, sectors, header, buf, key):
    partition.readblocks(first, header, 0)
    entries = entries_of(header)
    if header[:MAGIC_BYTES] != MAGIC or entries > sectors * ENTRIES_A_SECTOR:
        return False
    digest, view = sha256(), memoryview(buf)
    for part in range(1, parts_of(entries) + 1):
        sector, offset = place(part)
        content = view[: length(part, entries)]
        partition.readblocks(first + sector, content, offset)
        digest.update(content)
    return holds(header, digest.digest(), key)

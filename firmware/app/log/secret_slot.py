"""The clock's secrets: one slot of the seal's partition, zeroed in place when it is replaced or ends.

A file system keeps copies of removed data. Here there are none: a new slot is programmed in another sector and read
back, then the old one is zeroed (docs/protocol.md §4). Only while the log is closed: at the start, where this module is
in memory for that step alone, and under the technician's tool. `forget` ends the slot.

    new slot torn         the old one is live; the torn one is zeroed with the next that is written
    both live             the higher number counts, the other is zeroed
    old slot half zeroed  the new one is live; the key store zeroes the rest
"""

import os
import struct
from hashlib import sha256

from micropython import const

from app.errors import KeyStoreError, SettingsError
from app.log.keystore import SECRETS_MAGIC, KeyState, KeyStore

SECRETS_BYTES = const(1024)
_SLOT_BYTES = const(128)
_HEADER_BYTES = const(10)
_CHECKED_BYTES = const(1008)
_MOST_BYTES = const(998)
_SECTOR_BYTES = const(4096)
_SLOTS_A_SECTOR = const(32)
_BLANK = b"\xff" * 256

_IOCTL_BLOCK_COUNT = const(4)
_IOCTL_BLOCK_ERASE = const(6)

_READS_BEFORE_GIVING_UP = const(3)

# A clock of version 0.1.0 has them in a file, in a block that begins like this.
FILE = "/secrets.json"
_FILE_START = b'"link_key"'
_LOOKED_AT = const(64)
_OVERWRITTEN = const(1024)


def read(seal):
    """The content of the live slot, bytes; None without one. Zeroes a replaced slot."""
    return _find(seal)[2]


def write(seal, content):
    """Store `content`, at most 998 bytes, replacing the former one. Raises SettingsError if it is longer, and
    KeyStoreError if it cannot be read back, or the former one cannot be zeroed.
    """
    if len(content) > _MOST_BYTES:
        raise SettingsError("secrets: longer than %d bytes" % _MOST_BYTES)
    old, number, _ = _find(seal)
    keys = KeyStore(seal)
    keys.load(KeyState())
    slot = bytearray(SECRETS_BYTES)
    struct.pack_into(">4sIH", slot, 0, SECRETS_MAGIC, number + 1, len(content))
    slot[_HEADER_BYTES : _HEADER_BYTES + len(content)] = content
    slot[_CHECKED_BYTES:] = sha256(memoryview(slot)[:_CHECKED_BYTES]).digest()[:16]
    sector = seal.ioctl(_IOCTL_BLOCK_COUNT, 0) - 1
    while sector in (old, keys.live // _SLOTS_A_SECTOR):
        sector -= 1
    if not _is_blank(seal, sector):
        seal.ioctl(_IOCTL_BLOCK_ERASE, sector)
    seal.writeblocks(sector, slot, 0)
    if _at(seal, sector) != slot:
        raise KeyStoreError("the flash does not hold the secrets in sector %d; replace the clock" % sector)
    _find(seal)


def forget(keys):
    """Program the secrets beside the keys of a KeyStore that is loaded to zero, and read that back. Raises
    KeyStoreError if they do not become zero.
    """
    for sector in range(keys.sectors):
        if keys.secrets >> sector & 1:
            for slot in range(SECRETS_BYTES // _SLOT_BYTES):
                keys.spend(sector * _SLOTS_A_SECTOR + slot)
            keys._used |= 1 << sector
    keys.secrets = 0


def take(seal, vfs):
    """The result of `read`; on a clock with a file of secrets they are first moved, and every copy of the file zeroed.

    `vfs` is the partition of the file system. Power loss leaves the file, the slot, or both with the slot whole: then
    this is repeated. Without space for a slot the file stays, so that the clock continues.
    """
    content = read(seal)
    try:
        with open(FILE, "rb") as file:
            left = file.read()
    except OSError:
        return content
    if content is None:
        try:
            write(seal, left)
        except KeyStoreError:
            return left
        content = left
    forget_file(vfs)
    os.remove(FILE)
    return content


def forget_file(vfs):
    """Program every copy of the file that the file system still holds to zero, the one in use too: remove it after."""
    head = bytearray(_LOOKED_AT)
    for block in range(vfs.ioctl(_IOCTL_BLOCK_COUNT, 0)):
        vfs.readblocks(block, head, 0)
        at = bytes(head).find(_FILE_START)
        if at >= 0:  # the name stays, so that it is found again after a power cut in the middle
            at += len(_FILE_START)
            vfs.writeblocks(block, bytes(_OVERWRITTEN - at), at)


def _find(seal):
    """(sector, number, content) of the live slot; (-1, 0, None) without one. Others are then made zero."""
    best: tuple = -1, 0, None
    marked = []
    for sector in range(seal.ioctl(_IOCTL_BLOCK_COUNT, 0)):
        for _ in range(_READS_BEFORE_GIVING_UP):
            slot = _at(seal, sector)
            if slot[:4] != SECRETS_MAGIC:
                break
            if sector not in marked:
                marked.append(sector)
            if sha256(memoryview(slot)[:_CHECKED_BYTES]).digest()[:16] == slot[_CHECKED_BYTES:]:
                _, number, length = struct.unpack_from(">4sIH", slot)
                if number > best[1]:
                    best = sector, number, bytes(slot[_HEADER_BYTES : _HEADER_BYTES + length])
                break
    for sector in marked:
        if sector != best[0] >= 0:
            seal.writeblocks(sector, bytes(SECRETS_BYTES), 0)
            if _at(seal, sector) != bytes(SECRETS_BYTES):
                raise KeyStoreError("replaced secrets in sector %d cannot be made zero; replace the clock" % sector)
    return best


def _at(seal, sector):
    slot = bytearray(SECRETS_BYTES)
    seal.readblocks(sector, slot, 0)
    return slot


def _is_blank(seal, sector):
    piece = bytearray(len(_BLANK))
    for at in range(0, _SECTOR_BYTES, len(_BLANK)):
        seal.readblocks(sector, piece, at)
        if piece != _BLANK:
            return False
    return True

"""The seal's arithmetic (docs/protocol.md §3): a two-level ratchet whose keys cannot be inverted.

Nothing here stores a key; `keystore` does. A tag is the first 16 bytes of `Ratchet.tag`.
"""

import struct
from hashlib import sha256

from micropython import const

from app.log.hmac256 import Key, hmac256
from app.log.record import TAG_BYTES

KEY_BYTES = const(32)
NONCE_BYTES = const(8)
BURNT_TAG = bytes(TAG_BYTES)  # replaces the tag of a burnt seq when the key steps past it


class Ratchet:
    """R of the next record. Its pads are made once and serve for the record's mac and for the step."""

    def __init__(self):
        self._r = Key(b"")
        self._mac = Key(b"")

    def load(self, r):
        """Use R_i, 32 bytes."""
        self._r.set(r)

    def tag(self, previous_tag, body):
        """32 bytes whose first 16 are tag_i, over the record's first 48 bytes."""
        self._mac.set(self._r.digest(b"M"))
        return self._mac.digest(previous_tag, body)

    def desk(self):
        """K_job, 32 bytes: of a job of the badge desk that begins at this record (docs/protocol.md §6)."""
        return self._r.digest(b"D")

    def step(self, tag):
        """R_(i+1) for tag_i of 16 bytes, or for BURNT_TAG."""
        return self._r.digest(b"r", tag)


def first_tag(clock_id):
    """tag_(-1), 16 bytes: where the clock's chain starts."""
    return sha256(b"badgeclock/v1/genesis" + clock_id.encode()).digest()[:TAG_BYTES]


def commitment(e0):
    """8 bytes by which GENESIS commits to E_0 without revealing it."""
    return hmac256(e0, b"C")[:8]


def epoch_start(epoch_key, epoch):
    """(R_(d,0), E_(d+1)) from E_d, which the caller then erases."""
    key = Key(epoch_key)
    number = struct.pack(">H", epoch)
    return key.digest(b"R", number), key.digest(b"E", number)


def unsealed_tag(previous_tag, body):
    """32 bytes whose first 16 an unsealed record has instead of a tag."""
    digest = sha256(previous_tag)
    digest.update(body)
    return digest.digest()

"""HMAC-SHA-256 (RFC 2104, RFC 6234) for a VM where every byte loop costs: each pad is one big-integer XOR.

A key set in `Key` serves for any number of messages; a message may be given in two parts, to avoid joining bytes.
"""

from hashlib import sha256

from micropython import const

BLOCK_BYTES = const(64)
KEY_BYTES = const(32)

# Keys fill half a block. The XOR makes the first half of the pad; the second half is the pad byte itself.
_INNER_TAIL = b"\x36" * KEY_BYTES
_OUTER_TAIL = b"\x5c" * KEY_BYTES
_INNER = int.from_bytes(_INNER_TAIL, "little")
_OUTER = int.from_bytes(_OUTER_TAIL, "little")


class Key:
    """One HMAC key with its pads."""

    def __init__(self, key):
        self.set(key)

    def set(self, key):
        """Use another key: up to 32 bytes, or more than 64 (RFC 2104 hashes those first); else ValueError."""
        if len(key) > KEY_BYTES:
            if len(key) <= BLOCK_BYTES:
                raise ValueError("an HMAC key of 33 to 64 bytes")
            key = sha256(key).digest()
        number = int.from_bytes(key, "little")
        self._inner = (number ^ _INNER).to_bytes(KEY_BYTES, "little")
        self._outer = (number ^ _OUTER).to_bytes(KEY_BYTES, "little")

    def digest(self, message, more=b""):
        """32 bytes: the HMAC of `message` followed by `more`."""
        inner = sha256(self._inner)
        inner.update(_INNER_TAIL)
        inner.update(message)
        if more:
            inner.update(more)
        outer = sha256(self._outer)
        outer.update(_OUTER_TAIL)
        outer.update(inner.digest())
        return outer.digest()


def hmac256(key, message, more=b""):
    """32 bytes: the HMAC of `message` followed by `more`, under a key that is used once."""
    return Key(key).digest(message, more)

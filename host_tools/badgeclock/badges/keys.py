"""The keys of badges that prove themselves: from a site's root to one card's keys (docs/badges.md).

    root                      32 bytes, in the workshop and, encrypted, in the bridge; never on a clock
    read master               of the key that reads the number: clocks hold it
    application, PICC master  of the keys that change the application and the card: the bridge derives them, alone

Masters come out of the root by HKDF under names of their own, so none tells another or the root: a clock that is stolen
gives its site's read master away and no key that writes. A card's keys are diversified from the masters (NXP AN10922),
so a card that is broken open gives away its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, Self

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from badgeclock.protocol.seal import hkdf_sha256

ROOT_BYTES: Final = 32
KEY_BYTES: Final = 16
DIVERSIFICATION_BYTES_MAX: Final = 31
_BLOCK: Final = 16
_AES_128: Final = b"\x01"  # AN10922's constant of the form
_R_128: Final = 0x87  # SP 800-38B §5.3


class Purpose(Enum):
    """What a master is for; the value is its name in the derivation."""

    READ = b"badgeclock/v1/badge/read"
    APPLICATION = b"badgeclock/v1/badge/application"
    PICC = b"badgeclock/v1/badge/picc"


def master(root: bytes, purpose: Purpose) -> bytes:
    """The site's master for a purpose, 16 bytes, out of its root of 32."""
    if len(root) != ROOT_BYTES:
        raise ValueError("a site's badge root has 32 bytes")
    return hkdf_sha256(root, salt=b"", info=purpose.value, length=KEY_BYTES)


def diversify(key: bytes, text: bytes) -> bytes:
    """One card's key, 16 bytes: AN10922 §2.2 for AES-128. `text` has 1 to 31 bytes.

    A CMAC whose message is padded to two blocks whatever its length, which is where it differs from RFC 4493.
    """
    if not 1 <= len(text) <= DIVERSIFICATION_BYTES_MAX:
        raise ValueError("a diversification input has 1 to 31 bytes")
    message = _AES_128 + text
    if len(message) > _BLOCK:
        mac = CMAC(algorithms.AES(key))  # two blocks already: RFC 4493 pads the second in the same way
        mac.update(message)
        return mac.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - single blocks, of which CMAC is made
    k1 = _doubled(encryptor.update(bytes(_BLOCK)))
    k2 = _doubled(k1)
    padded = (message + b"\x80").ljust(2 * _BLOCK, b"\0")
    first = encryptor.update(padded[:_BLOCK])
    last = bytes(a ^ b ^ c for a, b, c in zip(padded[_BLOCK:], first, k2, strict=True))
    return encryptor.update(last)


def _doubled(block: bytes) -> bytes:
    """Times x in GF(2^128) (SP 800-38B §6.1)."""
    shifted = int.from_bytes(block, "big") << 1
    if shifted >> 128:
        shifted ^= _R_128
    return (shifted & (1 << 128) - 1).to_bytes(_BLOCK, "big")


@dataclass(frozen=True, slots=True)
class Root:
    """A site's badge root: everything else follows from it. Not in its `repr`."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        master(self.secret, Purpose.READ)

    @classmethod
    def parse(cls, text: str) -> Self:
        """From 64 hexadecimal digits; raises ValueError, which quotes nothing."""
        try:
            return cls(bytes.fromhex(text.strip()))
        except ValueError:
            raise ValueError("a site's badge root has 64 hexadecimal digits") from None

    def card_key(self, purpose: Purpose, text: bytes) -> bytes:
        """The key of one card for a purpose; `text` is the card's diversification input."""
        return diversify(master(self.secret, purpose), text)

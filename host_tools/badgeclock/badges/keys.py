"""The keys of badges that prove themselves: from a site's root to one card's keys (docs/badges.md §4).

    root                      32 bytes, in the workshop and, encrypted, in the bridge; never on a clock
    read master               for the key that reads the number: clocks have it
    application, PICC master  for the keys that change the application and the card: only the bridge derives them

Masters are derived from the root by HKDF under their own names, so none reveals another or the root: a stolen clock
reveals its site's read master and no key that writes. A card's keys are diversified from the masters (NXP AN10922) by
its UID and by eight random bytes of its issue: a broken card reveals only its own keys, and so does a card that claims
another's UID, since the desk never gives two issues the same keys.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from badgeclock.protocol.seal import hkdf_sha256

ROOT_BYTES: Final = 32
KEY_BYTES: Final = 16
DIVERSIFICATION_BYTES_MAX: Final = 31
ISSUE_BYTES: Final = 8
"""Random bytes of one issue, in the input of every key of form 2."""
BY_UID_ALONE: Final = b""
"""Instead of an issue: keys of form 1, as in version 0.1.0."""
AID: Final = bytes.fromhex("4314bc")
"""The application's AID, 3 bytes as sent."""
PICC_LEVEL: Final = bytes(3)
"""Instead of an AID: the card itself."""
SYSTEM: Final = b"Badgeclock"
_BLOCK: Final = 16
_AES_128: Final = b"\x01"  # AN10922's constant of the form
_R_128: Final = 0x87  # SP 800-38B §5.3


class Purpose(Enum):
    """The purpose of a master; the value is its name in the derivation."""

    READ = b"badgeclock/v1/badge/read"
    APPLICATION = b"badgeclock/v1/badge/application"
    PICC = b"badgeclock/v1/badge/picc"


def master(root: bytes, purpose: Purpose) -> bytes:
    """The site's master for a purpose, 16 bytes, from its root of 32."""
    if len(root) != ROOT_BYTES:
        raise ValueError("a site's badge root has 32 bytes")
    return hkdf_sha256(root, salt=b"", info=purpose.value, length=KEY_BYTES)


def diversify(key: bytes, text: bytes) -> bytes:
    """One card's key, 16 bytes: AN10922 §2.2 for AES-128. `text` has 1 to 31 bytes.

    A CMAC whose message is always padded to two blocks, unlike RFC 4493.
    """
    if not 1 <= len(text) <= DIVERSIFICATION_BYTES_MAX:
        raise ValueError("a diversification input has 1 to 31 bytes")
    message = _AES_128 + text
    if len(message) > _BLOCK:
        mac = CMAC(algorithms.AES(key))  # two blocks already: RFC 4493 pads the second in the same way
        mac.update(message)
        return mac.finalize()
    encryptor = Cipher(algorithms.AES(key), modes.ECB()).encryptor()  # noqa: S305 - single blocks, for CMAC
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
class CardKeys:
    """The keys of one card, 16 bytes each; not in its `repr`."""

    picc: bytes = field(repr=False)
    """Of the card itself."""
    application: bytes = field(repr=False)
    """Key 0: changes keys and settings, writes the file."""
    reading: bytes = field(repr=False)
    """Key 1: reads the file."""
    identity: bytes = field(repr=False)
    """Key 2 of a card that shows its UID: opens nothing."""
    check: bytes = field(repr=False)
    """On no card: proves the file's content."""


@dataclass(frozen=True, slots=True)
class Root:
    """A site's badge root, 32 bytes: all else is derived from it. Not in its `repr`."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) != ROOT_BYTES:
            raise ValueError("a site's badge root has 32 bytes")

    def card_key(self, purpose: Purpose, text: bytes) -> bytes:
        """A key of 16 bytes out of the master for a purpose; `text` is the diversification input."""
        return diversify(master(self.secret, purpose), text)

    @property
    def identity(self) -> bytes:
        """Key 2 of every card that hides its UID: reads its UID and its issue, but no badge number."""
        return self.card_key(Purpose.READ, AID + b"\x02" + SYSTEM)

    def card(self, uid: bytes, issue: bytes) -> CardKeys:
        """The keys of the card with this true UID of 7 bytes; `issue` is its 8 bytes, or BY_UID_ALONE."""
        if len(issue) not in (0, ISSUE_BYTES):
            raise ValueError("an issue has 8 bytes")
        return CardKeys(
            picc=self.card_key(Purpose.PICC, uid + PICC_LEVEL + b"\x00" + SYSTEM + issue),
            application=self.card_key(Purpose.APPLICATION, uid + AID + b"\x00" + SYSTEM + issue),
            reading=self.card_key(Purpose.READ, uid + AID + b"\x01" + SYSTEM + issue),
            identity=self.card_key(Purpose.READ, uid + AID + b"\x02" + SYSTEM + issue),
            check=self.card_key(Purpose.READ, uid + AID + b"\xc0" + SYSTEM + issue),
        )

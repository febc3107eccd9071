"""What the store must not tell whoever copies it: names, national numbers, keys.

One data key, 32 bytes in a file of its own, from which a key a purpose is derived (HKDF, RFC 5869). Values are
encrypted with AES-256-GCM under a random nonce and bound to the place they stand in, so that none can be moved to
another row.
"""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from badgeclock.errors import SettingsError, StoreError
from badgeclock.protocol.seal import hkdf_sha256

DATA_KEY_BYTES: Final = 32
LINK_KEY: Final = "link"
"""Purpose of the keys that authenticate frames."""
SEAL_KEYS: Final = "seal:"
"""Purpose of a clock's running seal keys; the clock's name follows, since they change with every commit."""
PEOPLE: Final = "people"
"""Purpose of workers' names and numbers."""
SITE_KEY: Final = "site"
"""Purpose of the keys that turn badge ids into tokens."""
BADGE_ROOT: Final = "badge"
"""Purpose of the roots that the keys of a site's badges come from."""
_VERSION: Final = b"\x01"
_NONCE_BYTES: Final = 12
_INDEX_BYTES: Final = 16


class DataKeyWrong(StoreError):
    """A value in the store does not open under the data key."""

    def __init__(self, place: str) -> None:
        self.place = place
        super().__init__(
            what=f"the value at {place} does not open under this data key",
            kept="the store as it is",
            do="use the data key file this store was made with, or restore both from one backup",
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (DataKeyWrong, (self.place,))


class Vault:
    """Encrypts values for one place in the store, and opens them again."""

    def __init__(self, data_key: bytes) -> None:
        self._data_key = data_key
        self._index_key = self._derive("index")
        self._ciphers: dict[str, AESGCM] = {}

    def _derive(self, purpose: str) -> bytes:
        info = b"badgeclock/v1/vault/" + purpose.encode()
        return hkdf_sha256(self._data_key, salt=b"", info=info, length=DATA_KEY_BYTES)

    def _cipher(self, purpose: str) -> AESGCM:
        cipher = self._ciphers.get(purpose)
        if cipher is None:
            cipher = self._ciphers[purpose] = AESGCM(self._derive(purpose))
        return cipher

    def close(self, purpose: str, place: str, plain: bytes) -> bytes:
        """Encrypt. `purpose` chooses the key (random nonces: at most 2**32 values each), `place` binds the value."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._cipher(purpose).encrypt(nonce, plain, place.encode())

    def open(self, purpose: str, place: str, closed: bytes) -> bytes:
        """Decrypt what `close` made for the same purpose and place; raises DataKeyWrong."""
        nonce, secret = closed[1 : 1 + _NONCE_BYTES], closed[1 + _NONCE_BYTES :]
        if closed[:1] != _VERSION or len(nonce) != _NONCE_BYTES:
            raise DataKeyWrong(place)
        try:
            return self._cipher(purpose).decrypt(nonce, secret, place.encode())
        except InvalidTag:
            raise DataKeyWrong(place) from None

    def index(self, text: str) -> bytes:
        """16 bytes by which equal values are found without being told: a keyed hash."""
        return hmac.digest(self._index_key, text.encode(), "sha256")[:_INDEX_BYTES]


def load(path: Path) -> Vault:
    """The vault of a data key file; raises SettingsError, without telling what stands in the file."""
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except OSError as error:
        raise SettingsError(
            what=f"the data key file {path} cannot be read: {error.strerror}",
            kept="the store, untouched",
            do="run `badgeclock bridge init`, or restore the file from the backup of this store",
        ) from None
    except ValueError:
        key = b""
    if len(key) != DATA_KEY_BYTES:
        raise SettingsError(
            what=f"the data key file {path} does not hold 64 hexadecimal digits",
            kept="the store, untouched",
            do="restore the file from the backup of this store",
        )
    return Vault(key)


def create(path: Path) -> None:
    """Make a data key file, readable by its owner only; leaves one that is there alone."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(DATA_KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())

"""A file on disk that only this process can read: it has no name, and is encrypted under a key in memory alone.

For uploaded lists, which have national numbers: nothing of them can be read once the process has ended, or from the
disk.
"""

from __future__ import annotations

import os
import tempfile
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 16


class SealedFile:
    """Written once from its beginning, then read as a whole."""

    def __init__(self) -> None:
        self._cipher = Cipher(ChaCha20(os.urandom(_KEY_BYTES), os.urandom(_NONCE_BYTES)), mode=None)
        self._sealing = self._cipher.encryptor()
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it

    def write(self, data: bytes) -> int:
        """Append."""
        return self._file.write(self._sealing.update(data))

    def seek(self, offset: int) -> int:
        """Does nothing: a form's parser calls it after the last piece."""
        return offset

    def content(self) -> bytes:
        """All that was written."""
        self._file.seek(0)
        return self._cipher.decryptor().update(self._file.read())

    def close(self) -> None:
        """Delete it."""
        self._file.close()

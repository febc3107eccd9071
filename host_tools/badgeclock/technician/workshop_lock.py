"""A workshop's secrets under a passphrase: a disk or a backup is worthless without it.

    lock.json      the workshop's own key, wrapped under the passphrase (scrypt, RFC 7914; AES-256-GCM, NIST SP 800-38D)
    secret files   "BCW1" ‖ 12 random bytes ‖ AES-256-GCM of the content under the workshop's key

A file's purpose is authenticated with it, so that none can replace another: a site's key not the fleet key. Another
passphrase wraps the same key again; no secret file changes.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from badgeclock.errors import ProvisionError, SettingsError

LOCK_FILE: Final = "lock.json"
MAGIC: Final = b"BCW1"
SHORTEST_PASSPHRASE: Final = 12
"""Minimum of characters. scrypt makes each guess cost 128 MB and some tenths of a second, but does not make a short
passphrase strong."""
COST: Final = 2**17
"""scrypt's N with r 8 and p 1: OWASP's Password Storage Cheat Sheet."""
_MOST_COST: Final = 2**20
_BLOCK: Final = 8
_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12
_SALT_BYTES: Final = 16
_VERSION: Final = 1
_WRAP: Final = b"badgeclock/v1/workshop"


@dataclass(frozen=True)
class Lock:
    """Encrypts and decrypts a workshop's secret files."""

    key: bytes = field(repr=False)

    def close(self, purpose: str, content: bytes) -> bytes:
        """The file of a secret: `content` for `purpose`, encrypted."""
        nonce = os.urandom(_NONCE_BYTES)
        return MAGIC + nonce + AESGCM(self.key).encrypt(nonce, content, purpose.encode())

    def open(self, purpose: str, data: bytes, path: Path) -> bytes:
        """The content of such a file. Raises ProvisionError if it was changed, or has another purpose."""
        nonce = data[len(MAGIC) : len(MAGIC) + _NONCE_BYTES]
        try:
            return AESGCM(self.key).decrypt(nonce, data[len(MAGIC) + _NONCE_BYTES :], purpose.encode())
        except (InvalidTag, ValueError):
            raise ProvisionError(
                what=f"{path} was changed, or is another file's content",
                kept="the file as it is",
                do="restore it from a backup of the workshop",
            ) from None


def is_closed(data: bytes) -> bool:
    """Whether these are the bytes of a secret file under a passphrase."""
    return data.startswith(MAGIC)


def new_lock() -> Lock:
    """A lock with a new key."""
    return Lock(os.urandom(_KEY_BYTES))


def wrapped(lock: Lock, passphrase: str, cost: int = COST) -> bytes:
    """The content of lock.json: the lock's key under a passphrase. Raises SettingsError if that is too short."""
    if len(passphrase) < SHORTEST_PASSPHRASE:
        raise SettingsError(
            what=f"the passphrase has fewer than {SHORTEST_PASSPHRASE} characters",
            kept="everything as it was",
            do="take some words that are in no book",
        )
    salt, nonce = os.urandom(_SALT_BYTES), os.urandom(_NONCE_BYTES)
    closed = AESGCM(_derived(passphrase, salt, cost)).encrypt(nonce, lock.key, _WRAP)
    fields = {"v": _VERSION, "kdf": "scrypt", "n": cost, "r": _BLOCK, "p": 1}
    return json.dumps({**fields, "salt": salt.hex(), "nonce": nonce.hex(), "key": closed.hex()}).encode() + b"\n"


def unwrapped(content: bytes, passphrase: str, path: Path) -> Lock:
    """The lock in the content of lock.json. Raises SettingsError for another passphrase, ProvisionError for no lock."""
    try:
        body: dict[str, Any] = json.loads(content)
        cost = int(body["n"])
        if body["v"] != _VERSION or body["kdf"] != "scrypt" or not 2 <= cost <= _MOST_COST:
            raise ValueError("another version")
        salt, nonce, closed = (bytes.fromhex(body[name]) for name in ("salt", "nonce", "key"))
        return Lock(AESGCM(_derived(passphrase, salt, cost)).decrypt(nonce, closed, _WRAP))
    except InvalidTag:
        raise SettingsError(
            what=f"this is not the passphrase of {path.parent}",
            kept="everything as it was",
            do="try again; nobody can open the workshop without it",
        ) from None
    except (ValueError, KeyError, TypeError):
        raise ProvisionError(
            what=f"{path} is no lock of version {_VERSION}",
            kept="the file as it is",
            do="restore it from a backup of the workshop",
        ) from None


def _derived(passphrase: str, salt: bytes, cost: int) -> bytes:
    return Scrypt(salt=salt, length=_KEY_BYTES, n=cost, r=_BLOCK, p=1).derive(passphrase.encode())

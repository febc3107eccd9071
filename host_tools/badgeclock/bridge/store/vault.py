"""Encrypts what a copy of the store must not reveal: names, national numbers, keys.

One data key, 32 bytes in its own file, from which a key per purpose is derived (HKDF, RFC 5869). Values are encrypted
with AES-256-GCM under a random nonce and bound to their place, so that none can be moved to another row.

While data keys are changed (`data_key_rotation`) the file has several, by number: a value's first byte is the number of
its key, and the highest number encrypts. A running process checks the file every `RELOAD_S` seconds, so that it uses a
new key without a restart.
"""

from __future__ import annotations

import contextlib
import hmac
import os
import re
import secrets
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from badgeclock import key_file, text_file
from badgeclock.bridge.errors import DataKeyWrong
from badgeclock.errors import SettingsError
from badgeclock.protocol.seal import hkdf_sha256

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

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
"""Purpose of the roots of the keys of a site's badges."""
FIRST_KEY: Final = 1
LAST_KEY: Final = 255
RELOAD_S: Final = 1.0
"""How often a process checks whether its data key file has changed."""
_KEY: Final = re.compile(rf"[0-9A-Fa-f]{{{2 * DATA_KEY_BYTES}}}")
_NONCE_BYTES: Final = 12
_INDEX_BYTES: Final = 16


class _DataKey:
    """One data key, and the keys derived from it."""

    def __init__(self, secret: bytes) -> None:
        self.secret = secret
        self.index_key = self.derive("index")
        self._ciphers: dict[str, AESGCM] = {}

    def derive(self, purpose: str) -> bytes:
        info = b"badgeclock/v1/vault/" + purpose.encode()
        return hkdf_sha256(self.secret, salt=b"", info=info, length=DATA_KEY_BYTES)

    def cipher(self, purpose: str) -> AESGCM:
        cipher = self._ciphers.get(purpose)
        if cipher is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - few commands need it

            cipher = self._ciphers[purpose] = AESGCM(self.derive(purpose))
        return cipher


class Vault:
    """Encrypts values for one place in the store, and decrypts them."""

    def __init__(self, data_key: bytes | Mapping[int, bytes], source: Path | None = None) -> None:
        """`data_key` is one key, or several by number; `source` their file, which may change."""
        keys = {FIRST_KEY: data_key} if isinstance(data_key, bytes) else data_key
        self._keys = {number: _DataKey(secret) for number, secret in keys.items()}
        self._newest = max(self._keys)
        self._source = source
        self._seen = _signature(source)
        self._checked_at = time.monotonic()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        """For the pipe to a process of ours: has the keys."""
        return Vault, ({number: key.secret for number, key in self._keys.items()}, self._source)

    @property
    def newest(self) -> int:
        """The number of the key that encrypts."""
        return self._newest

    def reload(self) -> None:
        """Reload the data key file if it has changed; an invalid file is ignored."""
        self._checked_at = time.monotonic()
        if self._source is None or (now := _signature(self._source)) == self._seen:
            return
        with self._lock, contextlib.suppress(SettingsError):
            secrets_now = read_keys(self._source)
            self._keys = {number: _DataKey(secret) for number, secret in secrets_now.items()}
            self._newest = max(secrets_now)
            self._seen = now

    def close(self, purpose: str, place: str, plain: bytes) -> bytes:
        """Encrypt. `purpose` chooses the key (random nonces: at most 2**32 values each), `place` binds the value."""
        if time.monotonic() - self._checked_at > RELOAD_S:
            self.reload()
        number = self._newest
        nonce = os.urandom(_NONCE_BYTES)
        return bytes((number,)) + nonce + self._keys[number].cipher(purpose).encrypt(nonce, plain, place.encode())

    def open(self, purpose: str, place: str, closed: bytes) -> bytes:
        """Decrypt what `close` made for the same purpose and place; raises DataKeyWrong."""
        nonce, secret = closed[1 : 1 + _NONCE_BYTES], closed[1 + _NONCE_BYTES :]
        if len(nonce) != _NONCE_BYTES:
            raise DataKeyWrong(place)
        if closed[0] not in self._keys:
            self.reload()  # encrypted by another process, under a key newer than this one's last check
        key = self._keys.get(closed[0])
        if key is None:
            raise DataKeyWrong(place)
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - as above

        try:
            return key.cipher(purpose).decrypt(nonce, secret, place.encode())
        except InvalidTag:
            raise DataKeyWrong(place) from None

    def index(self, text: str) -> bytes:
        """16 bytes to find equal values without revealing them: a keyed hash, under the newest key."""
        return self.indexes(text)[0]

    def indexes(self, text: str) -> list[bytes]:
        """The same under every key, newest first: all may be in the store while keys are changed."""
        keys = [key for _, key in sorted(self._keys.items(), reverse=True)]
        return [hmac.digest(key.index_key, text.encode(), "sha256")[:_INDEX_BYTES] for key in keys]

    def fingerprints(self) -> dict[int, str]:
        """By key number, 16 hexadecimal digits by which a person can recognise a data key; they reveal nothing about
        it."""
        return {number: key.derive("fingerprint")[:8].hex() for number, key in sorted(self._keys.items())}

    def witness(self, number: int, text: bytes) -> bytes | None:
        """A MAC of 32 bytes over a text under the key of this number; None without that key."""
        key = self._keys.get(number)
        return None if key is None else hmac.digest(key.derive("witness"), text, "sha256")


def _signature(path: Path | None) -> tuple[int, int, int] | None:
    """A value that changes when a file is replaced or rewritten; None if there is no file."""
    if path is None:
        return None
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def load(path: Path) -> Vault:
    """The vault of a data key file; raises SettingsError, without revealing the file's content."""
    return Vault(read_keys(path), path)


def read_keys(path: Path) -> dict[int, bytes]:
    """The data keys in a file, by number; raises SettingsError, without revealing the file's content.

    64 hexadecimal digits alone are key 1; else each line is a number from 1 to 255, a colon, and 64 such digits.
    """
    try:
        if key_file.is_open_to_all(path):
            raise SettingsError(
                what=f"everybody on this machine may read the data key file {path}",
                kept="the store, untouched",
                do=f"run `chmod o= {path}`, and ask who has read it",
            )
        lines = text_file.read(path).split()
    except OSError as error:
        raise SettingsError(
            what=f"the data key file {path} cannot be read: {error.strerror}",
            kept="the store, untouched",
            do="run `badgeclock bridge init`, or restore the file from the backup of this store",
        ) from None
    except ValueError:
        lines = []
    keys: dict[int, bytes] = {}
    for line in lines:
        number, colon, digits = line.rpartition(":")
        at = int(number) if number.isdigit() else 0 if colon else FIRST_KEY
        if not _KEY.fullmatch(digits) or at in keys or not FIRST_KEY <= at <= LAST_KEY:
            keys = {}
            break
        keys[at] = bytes.fromhex(digits)
    if not keys:
        raise SettingsError(
            what=f"the data key file {path} does not hold 64 hexadecimal digits, or numbered lines of them",
            kept="the store, untouched",
            do="restore the file from the backup of this store",
        )
    return keys


def write_keys(path: Path, keys: Mapping[int, bytes]) -> None:
    """Replace the keys in a data key file, readable by its owner only: all of them or, after a crash, none.

    Raises SettingsError on failure; the file is then unchanged.
    """
    path = path.resolve()
    new = path.with_name(f".{path.name}.new")
    lines = "".join(f"{number}:{key.hex()}\n" for number, key in sorted(keys.items()))
    try:
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        owner = path.stat()
        if (owner.st_uid, owner.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(new, owner.st_uid, owner.st_gid)
        new.replace(path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise SettingsError(
            what=f"the data key file {path} cannot be replaced: {error.strerror}",
            kept="the keys that were in it",
            do="run this as the user who owns the file, in a folder that user may write to",
        ) from None


def create(path: Path) -> None:
    """Make a data key file, readable by its owner only; leaves an existing one alone."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(DATA_KEY_BYTES) + "\n")
        file.flush()
        os.fsync(file.fileno())

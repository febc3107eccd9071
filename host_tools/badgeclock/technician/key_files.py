"""Files that hold a key: 64 hex digits and a newline."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from badgeclock import text_file
from badgeclock.errors import ProvisionError

KEY_BYTES: Final = 32


def new_key() -> bytes:
    """The content of a new key file: 64 hex digits and a newline."""
    return secrets.token_hex(KEY_BYTES).encode() + b"\n"


def read_key(path: Path) -> bytes:
    """The 32 bytes of an unencrypted key file. Raises ProvisionError if it is missing or damaged; the message never
    quotes it.
    """
    try:
        return parsed_key(path.read_bytes(), path)
    except OSError:
        return parsed_key(b"", path)


def parsed_key(data: bytes, path: Path) -> bytes:
    """The 32 bytes of a key file's content. Raises ProvisionError that names `path`."""
    try:
        key = bytes.fromhex(text_file.decoded(data))
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ProvisionError(
            what=f"{path} does not hold a key of {2 * KEY_BYTES} hex digits",
            kept="the file as it is",
            do="restore it from a backup of the workshop; a new key would not fit the clocks in use",
        )
    return key


def parsed_keys(data: bytes, path: Path) -> bytes:
    """The keys of a site from its file's content, 32 bytes each, the first one first. Raises ProvisionError that names
    `path`.
    """
    try:
        lines = text_file.decoded(data).split()
    except ValueError:
        lines = []
    return b"".join(parsed_key(line.encode(), path) for line in lines) or parsed_key(data, path)

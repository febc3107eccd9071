"""Passwords: which are accepted, and how they are stored: argon2id with the library's parameters, those of RFC 9106 §4
for little memory (64 MiB, 3 passes).

A check costs some 50 ms of one core and 64 MiB: the caller bounds how many run at once.
"""

from __future__ import annotations

import secrets
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from badgeclock.bridge.errors import AccountError

LEAST_CHARACTERS: Final = 12
"""NIST SP 800-63B-4 §3.1.1.2 requires 15 if a password is the only factor, and 8 with a second factor."""
MOST_CHARACTERS: Final = 200
_HASH: Final = "$argon2"
_FIRST_BYTES: Final = 12
_HASHER: Final = PasswordHasher()


@cache
def _nobodys() -> str:
    """A hash of no account: checking against it takes as long as against a real one."""
    return _HASHER.hash(secrets.token_urlsafe(16))


def checked(password: str, name: str) -> str:
    """The password itself, if the account `name` may have it; raises AccountError, which does not contain it."""
    if not LEAST_CHARACTERS <= len(password) <= MOST_CHARACTERS:
        raise AccountError(
            f"a password has {LEAST_CHARACTERS} to {MOST_CHARACTERS} characters", "take a sentence, or several words"
        )
    if name in password.lower() or len(set(password)) < LEAST_CHARACTERS // 3:
        raise AccountError("that password is easily guessed", "take a sentence that has nothing of the account's name")
    return password


def first() -> str:
    """A random password for somebody's first sign-in: 96 bits."""
    return secrets.token_urlsafe(_FIRST_BYTES)


def hashed(password: str) -> str:
    """The hash to store."""
    return _HASHER.hash(password)


def is_right(kept: str | None, password: str) -> bool:
    """Whether the password matches a hash; None (there is no such account), and a value that is not a hash (no
    password), take as long and never match.
    """
    kept = kept if kept is not None and kept.startswith(_HASH) else None
    nobodys = _nobodys()  # made at the first check of any account
    try:
        return _HASHER.verify(kept or nobodys, password[: MOST_CHARACTERS + 1]) and kept is not None
    except (Argon2Error, InvalidHashError):
        return False

"""A roster: which badges may punch at a clock, and in which language (docs/protocol.md §9).

A clock gets a header and entries in the order of their tokens, split into the contents of ROSTER frames. It contains
tokens and languages, and nothing else about anybody.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

TOKEN_BYTES: Final = 8
ENTRY_BYTES: Final = 10
PART_ENTRIES: Final = 99
PART_BYTES: Final = PART_ENTRIES * ENTRY_BYTES
LANGUAGES: Final = 8
"""Most languages of a roster besides the site's own."""

_HEAD: Final = struct.Struct(">IHHI16s")


class Entries(NamedTuple):
    """The entries of a roster as bytes, and their languages by number, from 1."""

    languages: tuple[str, ...]
    content: bytes

    @property
    def badges(self) -> int:
        """How many badges."""
        return len(self.content) // ENTRY_BYTES


def roster_key(k_down: bytes) -> bytes:
    """K_roster, 32 bytes."""
    return hmac.digest(k_down, b"roster", "sha256")


def pack_entries(badges: Mapping[bytes, str | None]) -> Entries:
    """The entries for badges by token, each with its worker's language of two letters, or None for the site's.

    Of more than eight languages the rarest are replaced by the site's. Raises ValueError for an invalid token.
    """
    spoken = Counter(language for language in badges.values() if language)
    ordered = sorted(spoken, key=lambda language: (-spoken[language], language))[:LANGUAGES]
    numbers: dict[str | None, int] = {language: number for number, language in enumerate(ordered, 1)}
    if any(len(token) != TOKEN_BYTES for token in badges):
        raise ValueError("a token has 8 bytes")
    content = b"".join(token + bytes((numbers.get(badges[token], 0), 0)) for token in sorted(badges))
    return Entries(tuple(ordered), content)


def pack_header(key: bytes, version: int, entries: Entries) -> bytes:
    """Bytes 4 to 63 of the bank's header under K_roster. Raises struct.error for a number that does not fit."""
    languages = "".join(entries.languages).encode("ascii")
    head = _HEAD.pack(version, entries.badges, 0, 0, languages)
    return head + hmac.digest(key, head + hashlib.sha256(entries.content).digest(), "sha256")


def part_count(entries: Entries) -> int:
    """How many parts there are, the header's included."""
    return 1 + -(-len(entries.content) // PART_BYTES)


def part_content(header: bytes, entries: Entries, part: int) -> bytes:
    """The content of part `part`: the header without its version, then 99 entries each."""
    return header[4:] if part == 0 else entries.content[(part - 1) * PART_BYTES : part * PART_BYTES]


def known(entries: Entries) -> Iterable[tuple[bytes, str | None]]:
    """(token, language) of every entry, in the clock's order."""
    names = (None, *entries.languages)
    for at in range(0, len(entries.content), ENTRY_BYTES):
        yield entries.content[at : at + TOKEN_BYTES], names[entries.content[at + TOKEN_BYTES]]

"""Checks that apply to every text about people and sites."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from badgeclock.bridge.errors import PeopleError

LINE_CHARACTERS: Final = 200
LANGUAGE: Final = re.compile(r"[a-z]{2}")


def composed(text: str) -> str:
    """The composed form (NFC) of letters with marks: without it, two spellings of "Café" would be two sites."""
    return unicodedata.normalize("NFC", text)


def writings(text: str) -> tuple[str, ...]:
    """The forms in which a store may have a name: composed, and as earlier versions may have stored it."""
    return tuple(dict.fromkeys((composed(text), unicodedata.normalize("NFD", text), text)))


def one_line(text: str, what: str, least: int = 1) -> str:
    """Text of one line without blanks at its ends, `least` to `LINE_CHARACTERS` characters; raises PeopleError."""
    line = " ".join(composed(text).split())
    if not least <= len(line) <= LINE_CHARACTERS or not line.isprintable():
        raise PeopleError(f"{what} is {least} to {LINE_CHARACTERS} characters that can be printed", "correct it")
    return line


def checked_language(language: str | None) -> str | None:
    """The same language if it is None or two small letters; raises PeopleError otherwise."""
    if language is not None and not LANGUAGE.fullmatch(language):
        raise PeopleError(f"{language[:16]!r} is no language", "give its two letters of ISO 639-1: nl, fr, de, en")
    return language

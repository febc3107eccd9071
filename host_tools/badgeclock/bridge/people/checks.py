"""What every text about people and sites must be, wherever it comes from."""

from __future__ import annotations

import re
from typing import Final

from badgeclock.bridge.errors import PeopleError

LINE_CHARACTERS: Final = 200
LANGUAGE: Final = re.compile(r"[a-z]{2}")


def one_line(text: str, what: str, least: int = 1) -> str:
    """Text of one line without blanks at its ends, `least` to `LINE_CHARACTERS` characters; raises PeopleError."""
    line = " ".join(text.split())
    if not least <= len(line) <= LINE_CHARACTERS or not line.isprintable():
        raise PeopleError(f"{what} is {least} to {LINE_CHARACTERS} characters that can be printed", "correct it")
    return line


def checked_language(language: str | None) -> str | None:
    """The same language if it is None or two small letters; raises PeopleError otherwise."""
    if language is not None and not LANGUAGE.fullmatch(language):
        raise PeopleError(f"{language[:16]!r} is no language", "give its two letters of ISO 639-1: nl, fr, de, en")
    return language

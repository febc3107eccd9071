"""Parses a badge's UID in the notations of readers and apps, and rejects those that cannot belong to a badge.

Accepted alike: `DEADBEEF`, `DE:AD:BE:EF`, `0xdeadbeef`, `Card UID: de ad be ef`, and decimal with its byte order named,
`3735928559 msb` or `4022250974 lsb`: readers print both, and a number does not show which it is.
"""

from __future__ import annotations

import re
from typing import Final

from badgeclock.bridge.errors import PeopleError

UID_BYTES: Final = (4, 7, 10)
"""ISO/IEC 14443-3, 6.5.4: single, double and triple size."""
_CASCADE_TAG: Final = 0x88
_RANDOM: Final = 0x08
_LABEL: Final = re.compile(
    r"(?:(?:card|tag|badge|nfc|rfid)[ _-]*)?(?:uid|nuid|nfcid1?|id|serial(?:[ _-]*(?:number|no\.?))?)\b\s*[:=]?\s*"
)
_SEPARATORS: Final = re.compile(r"[ :.,_-]+")
_DECIMAL: Final = re.compile(
    r"(?:dec(?:imal)?[ :]+)?([0-9]{1,25})[ ,;]*(?:\(?dec(?:imal)?\)?[ ,;]*)?\(?(msb|lsb)(?:[ -]first)?\)?"
)
_SHORTENED: Final = re.compile(r"[0-9]+[.,]?[0-9]*e\+[0-9]+")
_DECIMAL_DIGITS_OF_A_READER: Final = 10


def parse(text: str) -> bytes:
    """The UID in a text: 4, 7 or 10 bytes. Raises PeopleError, which never quotes it."""
    plain = _LABEL.sub("", " ".join(text.split()).lower(), count=1) if _LABEL.match(text.strip().lower()) else text
    plain = " ".join(plain.split()).lower()
    if _SHORTENED.fullmatch(plain):
        raise PeopleError(
            "the UID was shortened by a spreadsheet, which took it for a number",
            "format the column as text and write it again",
        )
    decimal = _DECIMAL.fullmatch(plain)
    if decimal is not None:
        return checked(_of_decimal(int(decimal[1]), "big" if decimal[2] == "msb" else "little"))
    digits = "".join(part.removeprefix("0x") for part in _SEPARATORS.split(plain))
    if len(digits) == _DECIMAL_DIGITS_OF_A_READER and digits.isascii() and digits.isdecimal():
        raise PeopleError(
            "the UID is a decimal number, which does not say in which order its bytes are",
            "write msb behind it, if 3735928559 is what the reader prints of DEADBEEF, or lsb, if 4022250974 is",
        )
    try:
        uid = bytes.fromhex(digits)
    except ValueError:
        raise PeopleError(
            "the UID is not in hexadecimal digits", "give it as a reader prints it, as text: DE:AD:BE:EF"
        ) from None
    return checked(uid)


def checked(uid: bytes) -> bytes:
    """The same UID, if it can be a badge's permanent one; raises PeopleError otherwise."""
    if len(uid) not in UID_BYTES:
        raise PeopleError("a badge's UID has 4, 7 or 10 bytes", "give it as a reader prints it: 8, 14 or 20 hex digits")
    if not any(uid) or all(byte == 0xFF for byte in uid):
        raise PeopleError(
            "the UID is all zeros or all ones, which a reader says when it has read nothing", "read the badge again"
        )
    if len(uid) == UID_BYTES[0] and uid[0] == _CASCADE_TAG:
        raise PeopleError(
            "the UID begins with 88: it is the first half of a longer one",
            "read the badge with a reader or app that shows all 7 or 10 bytes",
        )
    if len(uid) == UID_BYTES[0] and uid[0] == _RANDOM:
        raise PeopleError(
            "the UID begins with 08: the card invents another one each time it is laid on a reader",
            "give the worker another badge; phones and bank cards are such cards",
        )
    return uid


def _of_decimal(number: int, order: str) -> bytes:
    """The bytes of a number; in the shortest length of a UID that fits."""
    length = next((length for length in UID_BYTES if number < 1 << (8 * length)), UID_BYTES[-1] + 1)
    if length not in UID_BYTES:
        return b""
    return number.to_bytes(length, "big" if order == "big" else "little")

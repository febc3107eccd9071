"""Detects a CSV file's encoding, and unlikely letters in it.

A byte order mark decides; without one it is UTF-8, or else Windows-1252. DOS and old Macs used other code pages, whose
bytes are also letters in Windows-1252: "Zoë" becomes "Zo‰". Such letters cause a warning, not a refusal.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

from badgeclock.bridge.errors import SheetError

WINDOWS: Final = "cp1252"
OTHERS: Final = ("cp850", "mac_roman", "cp1250")
"""Other code pages in files of Belgian offices: DOS and its exports, old Macs, Windows in Central Europe."""
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CODE_PAGE: Final = re.compile(
    r"(cp|windows-|iso8859-|iso-8859-|latin|mac|koi8)[a-z0-9_-]*|utf-8|utf-16(-[bl]e)?|ascii"
)
_LETTER: Final = r"[^\W\d_]"
_AFTER: Final = bytes.fromhex(
    "82 84 88 89 86 87 98 a8 af b8 ac a6 a2 a4 a5 b6 bc bd be bf a1 d7 f7 83 a2 a3 a7 a9"
).decode(WINDOWS)
_BETWEEN: Final = bytes.fromhex("93 94 91 8b 9b 85 bb ab 95 99 ae b0 b1 b2 b3 b9 aa ba").decode(WINDOWS)
_BEFORE: Final = bytes.fromhex("82 84 88 89 86 87 a2 a4 a5 b6 bd be a3 a7 a1 bf").decode(WINDOWS)
"""Signs that occur directly after a letter, between two, or before two only in bytes of other code pages."""
_IMPROBABLE: Final = re.compile(
    "\ufffd"
    "|[ÂÃ][\u0080-\u00bf]|â€"  # UTF-8 that was read as Windows-1252, and saved like that
    "|(?<=[a-zß-öø-ÿ])[À-ÖØ-ÞŠŒŽŸ]"
    f"|(?<={_LETTER})[{_AFTER}]"
    f"|(?<={_LETTER})[{_BETWEEN}](?={_LETTER})"
    f"|[{_BEFORE}](?={_LETTER}{{2}})"
)


def decoded(content: bytes, encoding: str | None = None) -> str:
    """The text of a file: by its mark, else in `encoding`, else UTF-8 or Windows-1252. Raises SheetError."""
    marked = next((code for mark, code in _MARKS if content.startswith(mark)), None)
    for code in [marked] if marked else ["utf-8", WINDOWS] if encoding is None else [checked(encoding)]:
        try:
            text = content.decode(code)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    if encoding is not None and marked is None:
        raise SheetError(f"the file is no text in {encoding}", "leave --encoding out, or name another code page")
    raise SheetError(
        "the file is neither XLSX nor text in UTF-8 or Windows-1252",
        f"save the table as CSV (UTF-8) or XLSX, or name its code page with --encoding, such as {', '.join(OTHERS)}",
    )


def checked(encoding: str) -> str:
    """Python's name of a code page; raises SheetError if there is none."""
    name = encoding.strip().lower()
    try:
        if _CODE_PAGE.fullmatch(name):
            return codecs.lookup(name).name
    except LookupError:
        pass
    raise SheetError(f"there is no code page {encoding!r}", f"name one such as {', '.join(OTHERS)}")


def improbable(text: str) -> str | None:
    """Unlikely letters in a name, and their reading in other code pages; None if all are plausible."""
    found = _IMPROBABLE.search(text)
    if found is None:
        return None
    letter = found[0]
    others = dict.fromkeys(f"{meant} in {code}" for code in OTHERS if (meant := _in(code, letter)))
    return f"{letter} ({', '.join(others)})" if others else letter


def _in(code: str, letters: str) -> str | None:
    """These letters' bytes read in another code page, if they are letters there."""
    try:
        meant = letters.encode(WINDOWS).decode(code)
    except UnicodeError:
        return None
    return meant if meant.isalpha() and meant != letters else None

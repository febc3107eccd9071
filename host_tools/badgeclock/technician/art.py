"""Makes firmware/app/ui/glyphs.bin from the drawings in firmware/art: accented letters, large letters and icons; and,
for one clock, the file of further letters that it needs.

    python -m badgeclock.technician.art     writes glyphs.bin

A drawing is a name on its own line and then rows of "#" and "."; a clock gets columns of bits, for `framebuf`
(MONO_VLSB: a byte is eight pixels of a column, the top one lowest; the upper eight rows from left to right, then the
next eight). The file holds, one after another:

    small letters   8x8     SMALL: of English, Dutch, French and German, and those that the clock draws otherwise
    large letters   12x16   LARGE: U+0020 to U+005F, and the capitals of those languages
    huge digits     24x32   "0" to "9" and ":"
    icons           48x48   in the order of firmware/art/icons.txt
    ways            32x16   in the order of firmware/art/ways.txt, that of the directions of a record

A clock's own file (`letters`) has a byte with the number of its letters, two bytes of code point for each, big-endian,
and then for each its small and its large form.

An empty place is dark. Accents are added to their base letters here; small base letters are those of the clock's own
MicroPython, so that they match. Digits and icons are drawn at half their size; their edges are smoothed by the rule of
Scale2x: a corner takes the colour that its two neighbours agree on.
"""

from __future__ import annotations

import string
import subprocess
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from badgeclock.errors import SettingsError
from badgeclock.toolchain.places import ROOT
from badgeclock.toolchain.programs import micropython

ART: Final = ROOT / "firmware" / "art"
TARGET: Final = ROOT / "firmware" / "app" / "ui" / "glyphs.bin"

SMALL: Final = "m…\u2019\u2191ÀÁÂÄÆÇÈÉÊËÍÎÏÓÔÖŒÙÚÛÜŸàáâäæçèéêëíîïóôöœùúûüÿß"
LARGE: Final = "".join(map(chr, range(0x20, 0x60))) + "ÀÁÂÄÇÈÉÊËÍÎÏÓÔÖÙÚÛÜ"
MOST_LETTERS: Final = 255
HUGE: Final = "0123456789:"

# The rows that a capital gives up for an accent, of 7 small ones (it is still higher than a small letter) and of 16
# large ones.
_SMALL_GIVES: Final = 2
_LARGE_GIVES: Final = (3, 4, 10, 11)
_BELOW: Final = frozenset("\u0327\u0328\u0326")  # cedilla, ogonek, comma
_APART: Final = "\u0326"  # a comma does not touch its letter, which distinguishes it from a cedilla

_ASK_LETTERS: Final = """
import framebuf
buf = bytearray(8)
canvas = framebuf.FrameBuffer(buf, 8, 8, framebuf.MONO_HLSB)
for letter in "%s":
    canvas.fill(0)
    canvas.text(letter, 0, 0, 1)
    print(letter, "".join("%%02x" %% row for row in buf))
"""

Rows = list[str]


def drawings(path: Path) -> dict[str, Rows]:
    """The rows of each drawing by its name. Raises SettingsError for one that is not a rectangle."""
    found: dict[str, Rows] = {}
    rows: Rows = []
    for line in path.read_text().splitlines():
        if line.startswith("# ") or not line:
            continue
        if set(line) <= {"#", "."} and len(line) > 1:
            rows.append(line)
        else:
            rows = found.setdefault(line, [])
    for name, drawn in found.items():
        if {len(row) for row in drawn} != {len(drawn[0])}:
            raise SettingsError(
                what=f"the drawing {name} in {path.name} is not a rectangle",
                kept=f"{TARGET.name} as it is",
                do="give each of its rows the same number of points",
            )
    return found


def columns(rows: Rows) -> bytes:
    """MONO_VLSB bytes of a drawing. Raises SettingsError for a height that is not of whole bytes."""
    if len(rows) % 8:
        raise SettingsError(
            what=f"a drawing has {len(rows)} rows, which are not whole bytes",
            kept=f"{TARGET.name} as it is",
            do="give it a multiple of 8 rows",
        )
    return bytes(
        sum((rows[top + bit][x] == "#") << bit for bit in range(8))
        for top in range(0, len(rows), 8)
        for x in range(len(rows[0]))
    )


def doubled(rows: Rows) -> Rows:
    """A drawing at twice its size, by the rule of Scale2x."""
    width, height = len(rows[0]), len(rows)

    def at(x: int, y: int) -> bool:
        return 0 <= x < width and 0 <= y < height and rows[y][x] == "#"

    large = [[""] * (2 * width) for _ in range(2 * height)]
    for y in range(height):
        for x in range(width):
            left, right, above, below = at(x - 1, y), at(x + 1, y), at(x, y - 1), at(x, y + 1)
            for dx, dy, side, end in (
                (0, 0, left, above),
                (1, 0, right, above),
                (0, 1, left, below),
                (1, 1, right, below),
            ):
                rounds = side == end and left != right and above != below
                large[2 * y + dy][2 * x + dx] = "#" if (side if rounds else at(x, y)) else "."
    return ["".join(row) for row in large]


def small(letter: str, own: dict[str, Rows], marks: dict[str, Rows]) -> Rows:
    """A small letter: drawn, or its base with its mark; dark if there is neither."""
    if letter in own:
        return own[letter]
    base, mark = _parts(letter)
    if base not in own or mark not in marks:
        return ["." * 8] * 8
    rows, dots = own[base], marks[mark]
    if mark == _APART:
        # A letter without a spare row above loses one.
        raised = rows[:1] + rows[2:7] if "#" in rows[0] else rows[1:7]
        return [*raised, "." * 8, dots[0]]
    if mark in _BELOW:
        return [*rows[:7], _over(rows[7], dots[0])]
    if base.isupper():
        rows = ["", "", *(row for y, row in enumerate(rows[:7]) if y != _SMALL_GIVES)]
    return [*dots, *rows[2:]]


def large(letter: str, own: dict[str, Rows], marks: dict[str, Rows]) -> Rows:
    """A large letter: drawn, or its base, of fewer rows, with its mark; dark if there is neither."""
    if letter in own:
        return own[letter]
    base, mark = _parts(letter)
    if base not in own or mark not in marks:
        return ["." * 12] * 16
    rows = [row for y, row in enumerate(own[base]) if y not in _LARGE_GIVES]
    # Every pixel of a mark is two wide, its upper row two high; and the letter's middle is a pixel further left.
    upper, lower = (("".join(2 * pixel for pixel in row)[3:14] + ".").ljust(12, ".") for row in marks[mark])
    dots = [upper, upper, lower]
    return [*rows, "." * 12, *dots] if mark in _BELOW else [*dots, "." * 12, *rows]


def content() -> bytes:
    """The bytes of firmware/app/ui/glyphs.bin. Raises ToolMissing."""
    little, marks = _framebuf_letters() | drawings(ART / "small.txt"), _marks()
    big, icons = drawings(ART / "large.txt"), drawings(ART / "icons.txt")
    parts: Iterable[Rows] = (
        *(small(letter, little, marks) for letter in SMALL),
        *(large(letter, big, marks) for letter in LARGE),
        *(doubled(big[digit]) for digit in HUGE),
        *(doubled(rows) for rows in icons.values()),
        *drawings(ART / "ways.txt").values(),
    )
    return b"".join(map(columns, parts))


def letters(texts: Iterable[str]) -> bytes:
    """The bytes of a clock's own letters: the missing letters of its texts, as far as there are drawings; empty if
    there are none. Raises ToolMissing.
    """
    wanted = sorted({letter for text in texts for letter in text if letter > "~" and letter not in SMALL})
    if not wanted:
        return b""
    little, marks, big = _framebuf_letters() | drawings(ART / "small.txt"), _marks(), drawings(ART / "large.txt")
    forms = {letter: columns(small(letter, little, marks)) + columns(large(letter, big, marks)) for letter in wanted}
    known = [letter for letter in wanted if any(forms[letter]) and ord(letter) < 0x10000][:MOST_LETTERS]
    codes = b"".join(ord(letter).to_bytes(2, "big") for letter in known)
    return bytes((len(known),)) + codes + b"".join(forms[letter] for letter in known) if known else b""


def _framebuf_letters() -> dict[str, Rows]:
    """The small ASCII letters as MicroPython draws them."""
    source = _ASK_LETTERS % string.ascii_letters
    run = subprocess.run([micropython("amd64"), "-c", source], capture_output=True, text=True, check=True)
    letters = {}
    for line in run.stdout.splitlines():
        letter, pixels = line.split()
        letters[letter] = [f"{row:08b}".replace("0", ".").replace("1", "#") for row in bytes.fromhex(pixels)]
    return letters


def _marks() -> dict[str, Rows]:
    """The rows of each mark by its combining character; the drawings are named by that character's code point."""
    return {chr(int(name, 16)): rows for name, rows in drawings(ART / "marks.txt").items()}


def _parts(letter: str) -> tuple[str, str]:
    """Base and combining mark of a letter; two spaces if it does not have exactly these."""
    parts = unicodedata.normalize("NFD", letter)
    return (parts[0], parts[1]) if len(parts) == 2 else ("", "")


def _over(row: str, dots: str) -> str:
    return "".join("#" if "#" in pair else "." for pair in zip(row, dots, strict=True))


if __name__ == "__main__":
    TARGET.write_bytes(content())

"""Letters and icons on a `framebuf` canvas: small (8x8) and large (12x16) text, huge digits (24x32), icons of 48x48.

Small ASCII letters are framebuf's own. All else is read from glyphs.bin beside this file when it is drawn and costs no
memory; badgeclock/technician/art.py makes that file out of firmware/art, and says what is in it. What is drawn is lit;
what is dark in a letter leaves the canvas as it is. Without the file there are blanks, and no error: a clock with a
damaged file shows what it can.
"""

import framebuf
from micropython import const

TICK = const(0)
STAMP = const(1)
LATER = const(2)
EQUALS = const(3)
QUESTION = const(4)
OCTAGON = const(5)
TWO_BADGES = const(6)
BAD_BADGE = const(7)
FULL = const(8)
NO_TIME = const(9)
WRENCH = const(10)

# The places of glyphs.bin: its sections, and in those of letters a place for each of these code points.
_LARGE_AT = const(1824)
_HUGE_AT = const(8064)
_ICONS_AT = const(9120)
_WAYS_AT = const(12288)
_ACCENTED = const(0xA0)
_ACCENTED_END = const(0x180)
_COMMAS = const(0x218)  # Romanian letters with a comma below
_COMMAS_END = const(0x21C)
_CAPITALS = const(0x20)
_CAPITALS_END = const(0x60)

_LARGE_FROM = const(0xC0)
_LARGE_ACCENTED = const(768)  # place of U+00A0, if large letters had it

_ZERO = const(0x30)
_PAGE = const(8)  # rows of a byte
_WIDEST = const(48)

_page = bytearray(_WIDEST)
_strip = framebuf.FrameBuffer(_page, _WIDEST, _PAGE, framebuf.MONO_VLSB)
_file = None


def text(canvas, string, x, y):
    """Small text from a point on; eight pixels a letter."""
    if len(string.encode()) == len(string):
        canvas.text(string, x, y, 1)
        return
    for at in range(len(string)):
        letter = string[at : at + 1]  # string[at] would stay in memory
        place = small_place(letter)
        if place < 0:
            canvas.text(letter if letter <= "~" else "?", x, y, 1)
        else:
            _draw(canvas, place, 8, 1, x, y)
        x += 8


def large(canvas, string, x, y):
    """Large text from a point on, capitals, digits and signs; twelve pixels a letter."""
    for at in range(len(string)):
        place = large_place(string[at : at + 1])
        _draw(canvas, large_place("?") if place < 0 else place, 12, 2, x, y)
        x += 12


def huge(canvas, digits, x, y):
    """Digits and colons from a point on; 24 pixels each."""
    for digit in digits.encode():
        _draw(canvas, _HUGE_AT + (digit - _ZERO) * 96, 24, 4, x, y)
        x += 24


def icon(canvas, number, x, y):
    """An icon; 48 by 48 pixels."""
    _draw(canvas, _ICONS_AT + number * 288, 48, 6, x, y)


def way(canvas, direction, x, y):
    """Which way a punch of a direction goes, if it has one; 32 by 16 pixels."""
    if direction:
        _draw(canvas, _WAYS_AT + (direction - 1) * 64, 32, 2, x, y)


def small_place(letter):
    """Where a small letter beyond ASCII has its 8 bytes; -1 for one that has none."""
    code = ord(letter)
    if _ACCENTED <= code < _ACCENTED_END:
        return (code - _ACCENTED) * 8
    return (code - _COMMAS + _ACCENTED_END - _ACCENTED) * 8 if _COMMAS <= code < _COMMAS_END else -1


def large_place(letter):
    """Where a large letter has its 24 bytes; -1 for one that has none."""
    code = ord(letter)
    if _CAPITALS <= code < _CAPITALS_END:
        return _LARGE_AT + (code - _CAPITALS) * 24
    # From U+00C0 on the sections have the same letters.
    place = small_place(letter)
    return _LARGE_AT + _LARGE_ACCENTED + place * 3 if place >= 0 and code >= _LARGE_FROM else -1


def glyph(place, count):
    """Up to 48 bytes from a place of glyphs.bin, in one buffer, zeros after them and where it has nothing."""
    global _file  # noqa: PLW0603 - opened once, at the first need
    for i in range(_WIDEST):
        _page[i] = 0
    try:
        if _file is None:
            here = globals().get("__file__", "")  # a frozen module may not know its place
            _file = open(here[: here.rfind("/") + 1] + "glyphs.bin", "rb")  # noqa: SIM115 - stays open
        _file.seek(place)
        _file.readinto(_page, count)
    except OSError:
        pass
    return _page


def _draw(canvas, place, width, pages, x, y):
    """Draw `pages` strips of eight rows, one below the other."""
    for page in range(pages):
        glyph(place + page * width, width)
        canvas.blit(_strip, x, y + page * _PAGE, 0)

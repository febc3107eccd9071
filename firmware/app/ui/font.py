"""Letters and icons on a `framebuf` canvas: small (8x8) and large (12x16) text, huge digits (24x32), icons of 48x48.

Small ASCII letters are framebuf's own, except one. All else is read from a file when it is drawn and costs no memory:
glyphs.bin beside this file has what every clock needs, /lang/letters.bin the letters of its site's name and of the
languages that the site chose beyond those; badgeclock/technician/art.py makes both from firmware/art, and describes
them. Drawing only lights pixels; the dark parts of a letter leave the canvas unchanged. Without a file there are blanks
or question marks, and no error: a clock with a damaged file shows what it can.
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

ASSUMED = const(5)  # beside a way: it is assumed
CUT = "…"  # in place of text without room

# The places of glyphs.bin: its sections, and in those of letters a place for each of these.
_SMALL = "m…\u2019\u2191ÀÁÂÄÆÇÈÉÊËÍÎÏÓÔÖŒÙÚÛÜŸàáâäæçèéêëíîïóôöœùúûüÿß"  # its own m: framebuf's looks like its M
_LARGE = "ÀÁÂÄÇÈÉÊËÍÎÏÓÔÖÙÚÛÜ"  # after those of ASCII
_LARGE_AT = const(392)
_LARGE_ACCENTED_AT = const(1928)
_HUGE_AT = const(2384)
_ICONS_AT = const(3440)
_WAYS_AT = const(6608)
_CAPITALS = const(0x20)
_CAPITALS_END = const(0x60)

# The places of letters.bin: how many letters it has, two bytes of code point for each, then each one's two forms.
_MORE_PATH = "/lang/letters.bin"
_MORE = const(0x10000)  # is added to its places
_MORE_BYTES = const(32)

_ZERO = const(0x30)
_PAGE = const(8)  # rows of a byte
_WIDEST = const(48)

_WIDTHS = b"\x08\x0c\x18\x30\x20"  # by kind, and the pages of each
_PAGES = b"\x01\x02\x04\x06\x02"

_page = bytearray(_WIDEST)
_strip = framebuf.FrameBuffer(_page, _WIDEST, _PAGE, framebuf.MONO_VLSB)
_files = [None, None]  # opened once, at the first need: glyphs.bin, letters.bin


def text(canvas, string, x, y):
    """Small text from a point on; eight pixels a letter."""
    _put(canvas, 0, string, x, y)


def large(canvas, string, x, y):
    """Large text from a point on, capitals, digits and signs; twelve pixels a letter."""
    _put(canvas, 1, string, x, y)


def huge(canvas, digits, x, y):
    """Digits and colons from a point on; 24 pixels each."""
    _put(canvas, 2, digits, x, y)


def icon(canvas, number, x, y):
    """An icon; 48 by 48 pixels."""
    _put(canvas, 3, (number,), x, y)


def way(canvas, direction, x, y):
    """The way of a punch's direction, if it has one; 32 by 16 pixels."""
    if direction:
        _put(canvas, 4, (direction - 1,), x, y)


def _put(canvas, kind, what, x, y):
    """Letters or pictures from a point on; a canvas with a `put` has places and sizes of its own for them."""
    if hasattr(canvas, "put"):
        canvas.put(kind, what, x, y, columns)
        return
    for at in range(len(what)):
        for page in range(_PAGES[kind]):
            columns(kind, what[at : at + 1], page)  # what[at] would stay in memory
            canvas.blit(_strip, x, y + page * _PAGE, 0)
        x += _WIDTHS[kind]


def columns(kind, one, page):
    """The bytes of a letter's or a picture's columns in a page of eight rows, the uppermost row lowest, in one buffer.
    kind: 0 small letters, 1 large ones, 2 huge digits, 3 icons, 4 ways. one: a text of one, or a tuple with a number.
    """
    if kind == 0:
        place = small_place(one)
        if place < 0:
            _strip.fill(0)
            _strip.text(one if one <= "~" else "?", 0, 0, 1)
            return _page
    elif kind == 1:
        place = large_place(one)
        if place < 0:
            place = large_place("?")
    elif kind == 2:
        place = _HUGE_AT + (ord(one) - _ZERO) * 96
    elif kind == 3:
        place = _ICONS_AT + one[0] * 288
    else:
        place = _WAYS_AT + one[0] * 64
    width = _WIDTHS[kind]
    return glyph(place + page * width, width)


def small_place(letter):
    """Where a small letter that is not framebuf's has its 8 bytes; -1 for one that has none."""
    at = _SMALL.find(letter)
    if at >= 0:
        return at * 8
    return -1 if letter <= "~" else _more_place(ord(letter))


def large_place(letter):
    """Where a large letter has its 24 bytes; -1 for one that has none."""
    code = ord(letter)
    if _CAPITALS <= code < _CAPITALS_END:
        return _LARGE_AT + (code - _CAPITALS) * 24
    at = _LARGE.find(letter)
    if at >= 0:
        return _LARGE_ACCENTED_AT + at * 24
    place = _more_place(code)
    return place + 8 if place >= 0 else -1


def _more_place(code):
    """Where letters.bin has the letter of that code point; -1 if it has not."""
    count = glyph(_MORE, 1)[0]
    for at in range(count):
        page = at % (_WIDEST // 2) * 2
        if not page:
            glyph(_MORE + 1 + 2 * at, _WIDEST)
        if _page[page] << 8 | _page[page + 1] == code:
            return _MORE + 1 + 2 * count + at * _MORE_BYTES
    return -1


def glyph(place, count):
    """Up to 48 bytes from a place of a file, in one buffer, zeros after them and where it has nothing."""
    for i in range(_WIDEST):
        _page[i] = 0
    number = place >> 16
    try:
        if _files[number] is None:
            here = globals().get("__file__", "")  # a frozen module may not know its place
            here = _MORE_PATH if number else here[: here.rfind("/") + 1] + "glyphs.bin"
            _files[number] = open(here, "rb")  # noqa: SIM115 - stays open
        _files[number].seek(place & 0xFFFF)
        _files[number].readinto(_page, count)
    except OSError:
        pass
    return _page

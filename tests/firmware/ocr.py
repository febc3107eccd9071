"""Reads the text back that stands on a canvas of 128x64: the clock's small letters on the grid of cells, large and huge
ones where the screens put them.
"""

import framebuf
from app.ui import font

LARGE_X = 56
HUGE_X, HUGE_ROW = 5, 1
LETTERS = "?" + "".join(chr(code) for part in ((33, 127), (0xDF, 0x180), (0xC0, 0xDF)) for code in range(*part))


def _glyphs(draw, letters, width, height):
    buf = bytearray(width * height // 8)
    canvas = framebuf.FrameBuffer(buf, width, height, framebuf.MONO_VLSB)
    table = {bytes(len(buf)): " "}
    for letter in letters:
        canvas.fill(0)
        draw(canvas, letter, 0, 0)
        table.setdefault(bytes(buf), letter)
    return table


SMALL = _glyphs(font.text, LETTERS, 8, 8)
CAPITALS = "?" + "".join(letter for letter in LETTERS if font.large_place(letter) >= 0)


def read(buf):
    """Eight rows of 16 small letters from the bytes of a MONO_VLSB canvas; what is none is a "~"."""
    return [
        "".join(SMALL.get(bytes(buf[at : at + 8]), "~") for at in range(y, y + 128, 8)) for y in range(0, 1024, 128)
    ]


def read_large(buf, row):
    """The large letters beside the icon whose upper half stands in `row`."""
    return _read(buf, row, LARGE_X, 12, 2, _glyphs(font.large, CAPITALS, 12, 16))


def read_huge(buf):
    """The huge letters of the idle screen."""
    return _read(buf, HUGE_ROW, HUGE_X, 24, 4, _glyphs(font.huge, "0123456789:", 24, 32))


def _read(buf, row, x, width, pages, glyphs):
    text = ""
    while x + width <= 128:
        cell = b"".join(bytes(buf[at : at + width]) for at in range(row * 128 + x, (row + pages) * 128 + x, 128))
        text += glyphs.get(cell, "~")
        x += width
    return text

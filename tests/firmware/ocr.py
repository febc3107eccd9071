"""Reads the text back that is on a canvas of 128x64: the clock's small letters on columns of eight pixels in
whatever row they begin, large and huge ones where the screens put them.
"""

import framebuf
from app.ui import font

LARGE_X = 56
LARGE_YS = (0, 0, 12, 0, 30)  # by a page that they are in: the direction, a code, the time
HUGE_X, HUGE_Y = 5, 10
LETTERS = "?…\u2019" + "".join(chr(code) for part in ((33, 127), (0xDF, 0x180), (0xC0, 0xDF)) for code in range(*part))


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
    """Eight rows of 16 small letters from the bytes of a MONO_VLSB canvas: the line of text that begins in each eight
    rows of pixels, and where none does, because lines are nine rows apart, blanks; what is no letter is a "~".
    """
    rows = [_best([_line(buf, y) for y in range(top, min(top + 8, 57))]) for top in range(0, 64, 8)]
    return [row if any(letter not in " ~" for letter in row) else " " * 16 for row in rows]


def _line(buf, y):
    """The small letters whose uppermost row of pixels is y."""
    page, shift = y >> 3, y & 7
    text = ""
    for x in range(page * 128, page * 128 + 128, 8):
        lower = buf[x + 128 : x + 136] if shift else bytes(8)
        text += SMALL.get(bytes((buf[x + i] | lower[i] << 8) >> shift & 0xFF for i in range(8)), "~")
    return text


def _best(texts):
    """The reading in which most is letters, the first of several."""
    best = texts[0]
    for text in texts:
        if _worth(text) > _worth(best):
            best = text
    return best


def _worth(text):
    return sum(-2 if letter == "~" else letter not in " _-.,'`|" for letter in text)


def read_large(buf, row):
    """The large letters beside the icon: the direction for row 0, a code for row 2, the time for row 4."""
    return _read(buf, LARGE_YS[row], LARGE_X, 12, 2, _glyphs(font.large, CAPITALS, 12, 16))


def read_huge(buf):
    """The huge letters of the idle screen."""
    return _read(buf, HUGE_Y, HUGE_X, 24, 4, _glyphs(font.huge, "0123456789:", 24, 32))


def _read(buf, y, x, width, pages, glyphs):
    moved = bytearray(1024)
    framebuf.FrameBuffer(moved, 128, 64, framebuf.MONO_VLSB).blit(
        framebuf.FrameBuffer(bytearray(buf), 128, 64, framebuf.MONO_VLSB), 0, -y
    )
    text = ""
    while x + width <= 128:
        cell = b"".join(bytes(moved[at : at + width]) for at in range(x, pages * 128 + x, 128))
        text += glyphs.get(cell, "~")
        x += width
    return text

"""Reads the text back that stands on a canvas of 128x64: framebuf's glyphs on the grid of cells, plain or doubled."""

import framebuf


def _glyphs():
    buf = bytearray(8)
    canvas = framebuf.FrameBuffer(buf, 8, 8, framebuf.MONO_VLSB)
    table = {}
    for code in range(33, 127):
        canvas.fill(0)
        canvas.text(chr(code), 0, 0, 1)
        table[bytes(buf)] = chr(code)
    table[bytes(8)] = " "
    return table


GLYPHS = _glyphs()


def read(buf):
    """Eight rows of 16 characters from the bytes of a MONO_VLSB canvas; what is no glyph is a "~"."""
    return [
        "".join(GLYPHS.get(bytes(buf[at : at + 8]), "~") for at in range(y, y + 128, 8)) for y in range(0, 1024, 128)
    ]


def read_big(buf, row, x=0):
    """The characters of twice the size from column `x` on whose upper half stands in `row`."""
    text = ""
    for cell in range((128 - x) // 16):
        glyph = bytearray(8)
        for column in range(8):
            at = row * 128 + x + cell * 16 + column * 2
            upper, lower = buf[at], buf[at + 128]
            if upper != buf[at + 1] or lower != buf[at + 129]:
                glyph = b"?"
                break
            for bit in range(4):
                glyph[column] |= (upper >> (2 * bit) & 1) << bit | (lower >> (2 * bit) & 1) << (4 + bit)
        text += GLYPHS.get(bytes(glyph), "~")
    return text

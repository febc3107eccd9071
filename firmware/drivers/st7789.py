"""Sitronix ST7789, a colour display controller, with a panel of 320x240 pixels on SPI.

The clock draws its screens in one colour on 128x64; here they are 320x160, two and a half times as large, with smoothed
edges, in the ink and on the paper of the screen's mood, between stripes of the mood's third colour. No frame in colour
is kept, which would take 150 KB: `update` makes the five lines that two rows of the canvas become, sends them, and does
so only for rows that differ from what the display shows. Commands: datasheet V1.4, §9.
"""

import time

import framebuf
from micropython import const

WIDTH = const(128)  # of the canvas
HEIGHT = const(64)

_COLUMNS = const(320)  # of the panel
_PAIRS = const(32)
_PAIR_BYTES = const(32)  # two rows of the canvas
_ROW_BYTES = const(16)
_TOP = const(40)  # lines above the screen, and below it
_LINES = const(5)  # of two rows
_STRIPE_LINES = const(8)  # sent at once
_BOTTOM = const(200)

_RESET = b"\x01"
_SLEEP_OUT = b"\x11"
_COLUMN_RANGE = b"\x2a"
_LINE_RANGE = b"\x2b"
_WRITE = b"\x2c"
_RESET_MS = const(150)  # 120 at least before SLPOUT after a reset while it slept [9.1.2]
_WAKE_MS = const(5)  # [9.1.12]
_SETUP = (
    (b"\x3a", b"\x55"),  # 16 bits a pixel
    (b"\x36", b"\x60"),  # rows and columns exchanged, columns mirrored: landscape, connector at the left
    (b"\x21", b""),  # inverted, as the liquid crystals of IPS panels are
    (b"\x13", b""),  # normal mode
    (_COLUMN_RANGE, b"\x00\x00\x01\x3f"),
)
_ON = b"\x29"

_BLACK = const(0x0000)
_WHITE = const(0xFFFF)
_GREY = const(0x2945)
_GREEN = const(0x0667)
_AMBER = const(0xFD40)
_RED = const(0xD0A3)
# Ink, paper and edge by mood (app.ui.screens): idle, kept, kept and sent later, registered, notice, wrong, broken.
_COLOURS = (
    (_WHITE, _BLACK, _GREY),
    (_GREEN, _BLACK, _GREEN),
    (_GREEN, _BLACK, _AMBER),
    (_BLACK, _GREEN, _GREEN),
    (_BLACK, _AMBER, _AMBER),
    (_WHITE, _RED, _RED),
    (_WHITE, _BLACK, _RED),
)

# Four pixels of a row as ten, two bits each, the first ones lowest as framebuf has them: two of the first, one between,
# two of the second, and so on. Where the two differ the one between is 2, else what they are.
_STRETCHED = tuple(
    0x0000F * (n >> 3 & 1)
    | (0, 0x00020, 0x00020, 0x00030)[n >> 2]
    | 0x003C0 * (n >> 2 & 1)
    | 0x03C00 * (n >> 1 & 1)
    | (0, 0x08000, 0x08000, 0x0C000)[n & 3]
    | 0xF0000 * (n & 1)
    for n in range(16)
)


class ST7789:
    """`canvas` to draw on, `tint` and `update` to show it. spi: at most 62.5 MHz, mode 0. cs, dc: pins; dc is low for
    commands.
    """

    def __init__(self, spi, cs, dc):
        self._spi = spi
        self._cs = cs
        self._dc = dc
        cs(1)
        self._drawn = bytearray(WIDTH * HEIGHT // 8)
        self._shown = bytearray(WIDTH * HEIGHT // 8)
        self.canvas = framebuf.FrameBuffer(self._drawn, WIDTH, HEIGHT, framebuf.MONO_HLSB)
        self._stale = bytearray(_PAIRS)  # 1: what the display has there is not known, or in another colour, ...
        self._stale_pairs = 0  # ... so many
        self._grey_bytes = bytearray(_COLUMNS // 4)
        self._grey = framebuf.FrameBuffer(self._grey_bytes, _COLUMNS, 1, framebuf.GS2_HMSB)
        self._line_bytes = bytearray(_COLUMNS * 2)
        self._line = framebuf.FrameBuffer(self._line_bytes, _COLUMNS, 1, framebuf.RGB565)
        self._palette = framebuf.FrameBuffer(bytearray(8), 4, 1, framebuf.RGB565)
        self._range = bytearray(4)
        self._mood = None
        self._edge = 0
        self._stripe = 0  # lines of the stripes that are to be sent
        self._on_due = True

    def start(self):
        """Reset and initialise the controller; everything will be sent, then it is switched on. Takes 155 ms."""
        self._command(_RESET, b"")
        time.sleep_ms(_RESET_MS)
        self.renew()

    def renew(self):
        """Write the set-up anew, everything by `update`, and switch it on: what a dip of the supply takes from it.
        A display that lost nothing shows the same all the while. Takes 5 ms.
        """
        self._command(_SLEEP_OUT, b"")
        time.sleep_ms(_WAKE_MS)
        for command, parameters in _SETUP:
            self._command(command, parameters)
        self._forget()
        self._on_due = True

    def healthy(self):
        """Whether the display is on, as far as it can tell: its data line goes one way."""
        return True

    def tint(self, mood):
        """Say how the canvas is meant, by the clock's moods (app.ui.screens)."""
        if mood == self._mood:
            return
        self._mood = mood
        ink, paper, self._edge = _COLOURS[mood]
        for level in range(4):
            self._palette.pixel(level, 0, _swapped(_mixed(ink, paper, level)))
        self._forget()

    def update(self):
        """Send some of the stripes, or two rows that differ; True if there may be more. The stripes go first: their
        colour tells the mood in 20 ms, while the rows take ten times as long.
        """
        if self._stripe:
            self._stripe -= _STRIPE_LINES
            self._send_stripe(self._stripe if self._stripe < _TOP else self._stripe - _TOP + _BOTTOM)
            return True
        if self._stale_pairs or self._drawn != self._shown:
            for pair in range(_PAIRS):
                at = pair * _PAIR_BYTES
                if self._stale[pair] or self._differs(at):
                    self._send(pair, at)
                    return True
        if self._on_due:
            self._command(_ON, b"")
            self._on_due = False
            return True
        return False

    def _send_stripe(self, top):
        self._line.fill(_swapped(self._edge))
        self._open(top, _STRIPE_LINES)
        for _ in range(_STRIPE_LINES):
            self._spi.write(self._line_bytes)
        self._cs(1)

    def _forget(self):
        for pair in range(_PAIRS):
            self._stale[pair] = 1
        self._stale_pairs = _PAIRS
        self._stripe = 2 * _TOP

    def _differs(self, at):
        for i in range(at, at + _PAIR_BYTES):  # noqa: SIM110 - a generator is memory
            if self._drawn[i] != self._shown[i]:
                return True
        return False

    def _send(self, pair, at):
        """Send two rows of the canvas, as five lines: each twice, and one between."""
        self._open(_TOP + pair * _LINES, _LINES)
        for line in range(3):
            upper = at if line < 2 else at + _ROW_BYTES
            lower = upper if line != 1 else at + _ROW_BYTES
            self._stretch(upper, lower)
            self._line.blit(self._grey, 0, 0, -1, self._palette)
            self._spi.write(self._line_bytes)
            if line != 1:
                self._spi.write(self._line_bytes)
        self._cs(1)
        for i in range(at, at + _PAIR_BYTES):
            self._shown[i] = self._drawn[i]
        self._stale_pairs -= self._stale[pair]
        self._stale[pair] = 0

    def _stretch(self, upper, lower):
        """Put what stands between two rows of the canvas into the line of greys: their pixels where they agree."""
        grey, drawn = self._grey_bytes, self._drawn
        to = 0
        for i in range(_ROW_BYTES):
            a, b = drawn[upper + i], drawn[lower + i]
            left = _between(_STRETCHED[a >> 4], _STRETCHED[b >> 4])
            right = _between(_STRETCHED[a & 15], _STRETCHED[b & 15])
            grey[to] = left & 0xFF
            grey[to + 1] = left >> 8 & 0xFF
            grey[to + 2] = left >> 16 | (right & 15) << 4
            grey[to + 3] = right >> 4 & 0xFF
            grey[to + 4] = right >> 12
            to += 5

    def _open(self, top, lines):
        """Begin to write lines; they follow, then cs goes up."""
        bottom = top + lines - 1
        self._range[0] = top >> 8
        self._range[1] = top & 0xFF
        self._range[2] = bottom >> 8
        self._range[3] = bottom & 0xFF
        self._command(_LINE_RANGE, self._range)
        self._dc(0)
        self._cs(0)
        self._spi.write(_WRITE)
        self._dc(1)

    def _command(self, command, parameters):
        self._dc(0)
        self._cs(0)
        self._spi.write(command)
        if parameters:
            self._dc(1)
            self._spi.write(parameters)
        self._cs(1)


def _between(a, b):
    """Ten pixels of two bits: what two rows have in common, else 2."""
    return (a | b) & 0xAAAAA | a & b & 0x55555


def _mixed(ink, paper, level):
    """RGB565 of `level` thirds of ink on paper."""
    mixed = 0
    for shift, mask in ((11, 31), (5, 63), (0, 31)):
        mixed |= (((ink >> shift) & mask) * level + ((paper >> shift) & mask) * (3 - level)) // 3 << shift
    return mixed


def _swapped(colour):
    """RGB565 in the order of the wire; framebuf has the low byte first."""
    return (colour & 0xFF) << 8 | colour >> 8

"""ST7789, a colour display's controller, with its RAM (Sitronix ST7789VW V1.4; sections below are its own).

The panel is 240 columns by 320 lines, mounted as landscape, turned so that MADCTL 0x60 is upright; an IPS panel, whose
colours are right with INVON. 16 bits a pixel only.
"""

from __future__ import annotations

import sys
from array import array
from random import Random

COLUMNS, LINES = 240, 320
WIDTH, HEIGHT = 320, 240  # as a person sees it

# Commands that take parameters, and how many, as far as a clock needs them; others ignore their parameters.
PARAMETERS = {0x2A: 4, 0x2B: 4, 0x36: 1, 0x3A: 1}

MIRROR_LINES, MIRROR_COLUMNS, EXCHANGE = 0x80, 0x40, 0x20  # MADCTL (9.1.28)


class St7789:
    """One 320x240 display. `frame` is the visible picture, `written` counts the received bytes."""

    contrast = 0xFF
    written = 0

    def __init__(self) -> None:
        self.power_on()

    def power_on(self) -> None:
        """Registers at their reset values, RAM (undefined) cleared; the panel is dark."""
        self.ram = array("H", bytes(2 * COLUMNS * LINES))
        self._reset()

    def dip(self) -> None:
        """The supply was away, for a moment or for long: as after power_on(), with garbage in the RAM. The chip accepts
        data, and the panel stays dark until it is woken, set up and switched on.
        """
        self.power_on()
        self.ram = array("H", Random(0).randbytes(2 * COLUMNS * LINES))

    def _reset(self) -> None:
        self.asleep = True
        self.on = False
        self.inverted = False
        self._format = 0x66
        self._access = 0
        self._column_range = (0, COLUMNS - 1)
        self._line_range = (0, LINES - 1)
        self._command = 0
        self._pending = bytearray()
        self._column = self._line = 0

    def write_spi(self, data: bytes, dc: int) -> None:
        """One transfer on four-wire SPI: a command with D/C low, else its parameters or pixels (8.4.2)."""
        self.written += len(data)
        if not dc:
            for byte in data:
                self._begin(byte)
        elif self._command == 0x2C:
            self._pixels(data)
        else:
            self._pending += data
            if len(self._pending) == PARAMETERS.get(self._command, 0):
                self._with_parameters(self._command, bytes(self._pending))

    def frame(self) -> bytes:
        """The picture as RGB565, big-endian, 320 by 240 from the upper left corner on; black while off."""
        if not self.on or self.asleep:
            return bytes(2 * WIDTH * HEIGHT)
        seen = array("H", bytes(2 * WIDTH * HEIGHT))
        for y in range(HEIGHT):
            seen[y * WIDTH : (y + 1) * WIDTH] = self.ram[COLUMNS - 1 - y :: COLUMNS]
        if not self.inverted:
            seen = array("H", (pixel ^ 0xFFFF for pixel in seen))
        if sys.byteorder == "little":
            seen.byteswap()
        return seen.tobytes()

    def _begin(self, command: int) -> None:
        self._command = command
        self._pending = bytearray()
        if command == 0x01:
            self._reset()
        elif command in (0x10, 0x11):
            self.asleep = command == 0x10
        elif command in (0x20, 0x21):
            self.inverted = command == 0x21
        elif command in (0x28, 0x29):
            self.on = command == 0x29
        elif command == 0x2C:
            self._column, self._line = self._column_range[0], self._line_range[0]

    def _with_parameters(self, command: int, values: bytes) -> None:
        if command == 0x36:
            self._access = values[0]
        elif command == 0x3A:
            self._format = values[0]
        else:
            bounds = int.from_bytes(values[:2], "big"), int.from_bytes(values[2:], "big")
            if command == 0x2A:
                self._column_range = bounds
            else:
                self._line_range = bounds

    def _pixels(self, data: bytes) -> None:
        """RGB565 into the window, line after line; data beyond its end continues at its start (9.1.22)."""
        if self._format & 0x07 != 0x05:
            return
        pixels = array("H", data[: len(data) // 2 * 2])
        if sys.byteorder == "little":
            pixels.byteswap()
        first, last = self._column_range
        at = 0
        while at < len(pixels):
            run = min(last - self._column + 1, len(pixels) - at)
            self._store(pixels[at : at + run])
            at += run
            self._column += run
            if self._column > last:
                self._column = first
                self._line = self._line_range[0] if self._line >= self._line_range[1] else self._line + 1

    def _store(self, pixels: array[int]) -> None:
        """Part of a line, from the address counters on, where MADCTL puts it; what is outside the panel is lost."""
        exchanged = bool(self._access & EXCHANGE)
        width, height = (LINES, COLUMNS) if exchanged else (COLUMNS, LINES)
        if self._line >= height:
            return
        pixels = pixels[: max(0, width - self._column)]
        x, y = (self._line, self._column) if exchanged else (self._column, self._line)
        step_x, step_y = (0, 1) if exchanged else (1, 0)
        if self._access & MIRROR_COLUMNS:
            x, step_x = COLUMNS - 1 - x, -step_x
        if self._access & MIRROR_LINES:
            y, step_y = LINES - 1 - y, -step_y
        place, step = y * COLUMNS + x, step_y * COLUMNS + step_x
        for pixel in pixels:
            self.ram[place] = pixel
            place += step

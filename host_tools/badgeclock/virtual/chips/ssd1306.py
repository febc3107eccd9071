"""SSD1306 and SH1106, the displays' controllers, with their RAM.

Solomon Systech SSD1306 rev. 1.1, whose sections are named below, and Sino Wealth SH1106 V2.3.
"""

from __future__ import annotations

from random import Random
from typing import ClassVar

WIDTH, PAGES = 128, 8
HEIGHT = 8 * PAGES

# Commands that take parameters, and how many (table 9-1); all others are one byte.
PARAMETERS = {
    0x20: 1, 0x21: 2, 0x22: 2, 0x26: 6, 0x27: 6, 0x29: 5, 0x2A: 5, 0x81: 1, 0x8D: 1, 0xA3: 2, 0xA8: 1, 0xD3: 1, 0xD5: 1,
    0xD9: 1, 0xDA: 1, 0xDB: 1,
}  # fmt: skip

HORIZONTAL, VERTICAL, PAGE = 0, 1, 2


class Ssd1306:
    """One 128x64 display. `frame` is the visible picture, `written` counts the received bytes."""

    RAM_COLUMNS = WIDTH
    FIRST_COLUMN = 0  # of the RAM that the panel shows
    PARAMETERS: ClassVar = PARAMETERS
    written = 0

    def __init__(self) -> None:
        self.ram = bytearray(self.RAM_COLUMNS * PAGES)
        self.power_on()

    def power_on(self) -> None:
        """Registers at their reset values (8.9), RAM (undefined) cleared; the panel is dark."""
        self.ram[:] = bytes(len(self.ram))
        self.on = False
        self.inverted = False
        self.all_on = False
        self.contrast = 0x7F
        self.charge_pump = False
        self._mode = PAGE
        self._column_range = (0, WIDTH - 1)
        self._page_range = (0, PAGES - 1)
        self._column = 0
        self._page = 0
        self._page_start_column = 0
        self._start_line = 0
        self._offset = 0
        self._multiplex = HEIGHT
        self._segments_remapped = False
        self._rows_reversed = False
        self._pending: list[int] = []

    def dip(self) -> None:
        """The supply was away, for a moment or for long: as after power_on(), with garbage in the RAM. The chip answers
        on its bus, and the panel stays dark until it is set up and switched on.
        """
        self.power_on()
        self.ram[:] = Random(0).randbytes(len(self.ram))

    def write(self, data: bytes) -> None:
        """One I2C write: control bytes with Co and D/C, then commands or RAM data (8.1.5.2)."""
        self.written += len(data)
        at = 0
        while at < len(data):
            control = data[at]
            at += 1
            end = at + 1 if control & 0x80 else len(data)
            if control & 0x40:
                self._data(data[at:end])
            else:
                for byte in data[at:end]:
                    self._command(byte)
            at = end

    def write_spi(self, data: bytes, dc: int) -> None:
        """One transfer on four-wire SPI: RAM data, or commands with D/C low (8.1.3)."""
        self.written += len(data)
        if dc:
            self._data(data)
        else:
            for byte in data:
                self._command(byte)

    def read(self, n: int) -> bytes:
        """The status byte: D6 is set while the display is off (table 9-2)."""
        return bytes((0x00 if self.on else 0x40,)) * n

    def frame(self) -> list[int]:
        """64 rows from the top, each 128 bits with the left pixel in bit 127: the pixels that shine.

        Upright for a module that is used with segment remap and reversed rows (0xA1, 0xC8), as they are wired.
        """
        if not self.on or not self.charge_pump:
            return [0] * HEIGHT
        if self.all_on:
            return [(1 << WIDTH) - 1] * HEIGHT
        rows = []
        for row in range(HEIGHT):
            com = row if self._rows_reversed else HEIGHT - 1 - row
            if com >= self._multiplex:
                rows.append(0)
                continue
            line = (com + self._start_line + self._offset) % HEIGHT
            page, bit = divmod(line, 8)
            bits = 0
            at = page * self.RAM_COLUMNS + self.FIRST_COLUMN
            for byte in self.ram[at : at + WIDTH]:
                bits = bits << 1 | byte >> bit & 1
            if not self._segments_remapped:
                bits = int(f"{bits:0{WIDTH}b}"[::-1], 2)
            rows.append(bits ^ ((1 << WIDTH) - 1) if self.inverted else bits)
        return rows

    def _data(self, data: bytes) -> None:
        if self._mode == HORIZONTAL and self._column_range == (0, WIDTH - 1) and self._page_range == (0, PAGES - 1):
            # The whole RAM as one ring, the usual case: one copy.
            at = self._page * WIDTH + self._column
            for start in range(0, len(data), len(self.ram)):
                chunk = data[start : start + len(self.ram)]
                head = min(len(chunk), len(self.ram) - at)
                self.ram[at : at + head] = chunk[:head]
                self.ram[0 : len(chunk) - head] = chunk[head:]
                at = (at + len(chunk)) % len(self.ram)
            self._page, self._column = divmod(at, WIDTH)
            return
        for byte in data:
            self.ram[self._page * self.RAM_COLUMNS + self._column] = byte
            self._step()

    def _step(self) -> None:
        first, last = self._column_range
        top, bottom = self._page_range
        if self._mode == PAGE:
            # Only the column moves, and it wraps to the page's start column (10.1.3).
            self._column = self._page_start_column if self._column == self.RAM_COLUMNS - 1 else self._column + 1
        elif self._mode == HORIZONTAL:
            if self._column == last:
                self._column = first
                self._page = top if self._page == bottom else (self._page + 1) % PAGES
            else:
                self._column = (self._column + 1) % WIDTH
        elif self._page == bottom:
            self._page = top
            self._column = first if self._column == last else (self._column + 1) % WIDTH
        else:
            self._page = (self._page + 1) % PAGES

    def _command(self, byte: int) -> None:
        if self._pending:
            self._pending.append(byte)
        elif byte in self.PARAMETERS:
            self._pending = [byte]
            return
        else:
            self._simple(byte)
            return
        if len(self._pending) == 1 + self.PARAMETERS[self._pending[0]]:
            command, *values = self._pending
            self._pending = []
            self._with_parameters(command, values)

    def _simple(self, byte: int) -> None:
        if byte <= 0x0F:
            self._column = self._page_start_column = self._page_start_column & 0x70 | byte
        elif byte <= 0x17:
            self._column = self._page_start_column = self._page_start_column & 0x0F | (byte & 0x07) << 4
        elif 0x40 <= byte <= 0x7F:
            self._start_line = byte & 0x3F
        elif byte in (0xA0, 0xA1):
            self._segments_remapped = bool(byte & 1)
        elif byte in (0xA4, 0xA5):
            self.all_on = bool(byte & 1)
        elif byte in (0xA6, 0xA7):
            self.inverted = bool(byte & 1)
        elif byte in (0xAE, 0xAF):
            self.on = bool(byte & 1)
        elif 0xB0 <= byte <= 0xB7:
            self._page = byte & 0x07
        elif byte & 0xF7 == 0xC0:
            self._rows_reversed = bool(byte & 0x08)

    def _with_parameters(self, command: int, values: list[int]) -> None:
        if command == 0x20:
            self._mode = values[0] & 0x03
        elif command == 0x21:
            self._column_range = (values[0] & 0x7F, values[1] & 0x7F)
            self._column = self._column_range[0]
        elif command == 0x22:
            self._page_range = (values[0] & 0x07, values[1] & 0x07)
            self._page = self._page_range[0]
        elif command == 0x81:
            self.contrast = values[0]
        elif command == 0x8D:
            self.charge_pump = bool(values[0] & 0x04)
        elif command == 0xA8:
            self._multiplex = (values[0] & 0x3F) + 1
        elif command == 0xD3:
            self._offset = values[0] & 0x3F


class Sh1106(Ssd1306):
    """The SH1106: 132 columns, of which the panel shows those from 2 on; page addressing only; its own supply."""

    RAM_COLUMNS = 132
    FIRST_COLUMN = 2
    PARAMETERS: ClassVar = {0x81: 1, 0xA8: 1, 0xAD: 1, 0xD3: 1, 0xD5: 1, 0xD9: 1, 0xDA: 1, 0xDB: 1}

    def _simple(self, byte: int) -> None:
        if 0x10 <= byte <= 0x1F:
            column = self._page_start_column & 0x0F | (byte & 0x0F) << 4
            self._column = self._page_start_column = min(column, self.RAM_COLUMNS - 1)
        elif byte <= 0x0F:
            column = self._page_start_column & 0xF0 | byte
            self._column = self._page_start_column = min(column, self.RAM_COLUMNS - 1)
        else:
            super()._simple(byte)

    def _with_parameters(self, command: int, values: list[int]) -> None:
        if command == 0xAD:  # DC-DC converter
            self.charge_pump = values[0] == 0x8B
        else:
            super()._with_parameters(command, values)

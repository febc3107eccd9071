"""Solomon Systech SSD1306, a monochrome OLED controller of 128x64 pixels, on I2C (on SPI: ssd1306_spi.py).

Draw into `canvas`, a `framebuf.FrameBuffer`; `update` sends what differs from what the display shows, one page of 8
rows a call, because a page takes 3 ms on I2C at 400 kHz and a whole screen 23; of a page it sends the columns from the
first that differs to the last. Commands: datasheet Rev. 1.1, §9 table 9-1.
"""

import framebuf
from micropython import const

WIDTH = const(128)
HEIGHT = const(64)
PAGES = const(8)

_COMMANDS = const(0x00)  # control bytes of an I2C write [8.1.5.2]: a stream of commands, or of data
_DATA = const(0x40)

_LIGHT = const(3)  # the mood of a punch that the authority has confirmed
_NORMAL = const(0xA6)  # or with the lowest bit: 0 is lit

# The sequence of the application note (datasheet appendix, "Software Initialization") for 64 rows and the charge pump.
_SETUP = bytes(
    (
        0xAE,  # off
        0x20, 0x02,  # page addressing
        0x40,  # start line 0
        0xA1,  # column 127 is SEG0: connector on top
        0xA8, HEIGHT - 1,  # multiplex ratio
        0xC8,  # rows from COM63 down
        0xD3, 0x00,  # no offset
        0xDA, 0x12,  # alternative COM pins
        0xD5, 0x80,  # oscillator
        0xD9, 0xF1,  # pre-charge for the pump
        0xDB, 0x30,  # deselect level 0.83 VCC
        0x81, 0xCF,  # contrast
        0xA4,  # show the RAM
        0xA6,  # 1 is lit
        0x8D, 0x14,  # charge pump on
        0xAF,  # on
    )
)  # fmt: skip


class SSD1306:
    """What both buses share: `canvas` to draw on, `tint` and `update` to show it. `start` and `update` raise OSError
    for a missing display. A controller of its kind may have another `SETUP`, and columns before the first
    one that is seen.
    """

    SETUP = _SETUP
    FIRST_COLUMN = 0

    def __init__(self):
        self._drawn = bytearray(PAGES * WIDTH)
        self._shown = bytearray(PAGES * WIDTH)
        self.canvas = framebuf.FrameBuffer(self._drawn, WIDTH, HEIGHT, framebuf.MONO_VLSB)
        drawn, shown = memoryview(self._drawn), memoryview(self._shown)
        self._drawn_pages = tuple(drawn[page * WIDTH : (page + 1) * WIDTH] for page in range(PAGES))
        self._shown_pages = tuple(shown[page * WIDTH : (page + 1) * WIDTH] for page in range(PAGES))
        self._unknown = (1 << PAGES) - 1  # pages whose content on the display is not known
        self._at = bytearray(3)  # page, column low, column high
        self._inverted = 0
        self._shown_inverted = 0
        self._inversion = bytearray(1)

    def _command(self, commands):
        raise NotImplementedError

    def _send(self, page):
        raise NotImplementedError

    def start(self):
        """Initialise the controller; its RAM is unknown then, so every page will be sent."""
        self._unknown = (1 << PAGES) - 1
        self._shown_inverted = 0
        self._command(self.SETUP)

    def tint(self, mood):
        """Say how the canvas is meant, by the clock's moods (app.ui.screens): one of them is dark on light."""
        self._inverted = int(mood == _LIGHT)

    def update(self):
        """Send what differs of the first page that does; True if it sent something, so that there may be more."""
        if self._inverted != self._shown_inverted:
            self._inversion[0] = _NORMAL | self._inverted
            self._command(self._inversion)
            self._shown_inverted = self._inverted
            return True
        for page in range(PAGES):
            drawn = self._drawn_pages[page]
            shown = self._shown_pages[page]
            known = not self._unknown & (1 << page)
            if known and drawn == shown:
                continue
            first, last = 0, WIDTH - 1
            if known:
                while drawn[first] == shown[first]:
                    first += 1
                while drawn[last] == shown[last]:
                    last -= 1
            self._unknown |= 1 << page  # until it has arrived
            column = first + self.FIRST_COLUMN
            self._at[0] = 0xB0 | page
            self._at[1] = column & 15
            self._at[2] = 0x10 | column >> 4
            self._command(self._at)
            self._send(drawn[first : last + 1])
            shown[:] = drawn
            self._unknown &= ~(1 << page)
            return True
        return False


class SSD1306_I2C(SSD1306):  # noqa: N801  the name every MicroPython driver gives it
    """On I2C: 0x3C, or 0x3D with SA0 high [8.1.5.1]."""

    def __init__(self, i2c, address=0x3C):
        super().__init__()
        self._i2c = i2c
        self._address = address

    def _command(self, commands):
        self._i2c.writeto_mem(self._address, _COMMANDS, commands)

    def _send(self, page):
        self._i2c.writeto_mem(self._address, _DATA, page)

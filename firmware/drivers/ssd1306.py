"""Solomon Systech SSD1306, a monochrome OLED controller of 128x64 pixels, on I2C (on SPI: ssd1306_spi.py).

Draw into `canvas`, a `framebuf.FrameBuffer`; `update` sends the differences from the displayed content, one page of 8
rows per call, because a page takes 3 ms on I2C at 400 kHz and a whole screen 23; of a page it sends the columns from
the first to the last difference. Commands: datasheet Rev. 1.1, §9 table 9-1.

A person can read the display between two writes. So their order prevents that an intermediate state looks like another
screen: the words, in the two lowest pages, go dark before the part above them changes, and return after it; the display
is dark on light only while all pages are those of a screen that sets it.

A dip of the supply resets the chip: it still answers but stays dark, with garbage in its RAM. `healthy` detects that if
the chip can be read, and `renew` rewrites everything without a visible change on an intact display: it is switched on
last.
"""

import framebuf
from micropython import const

WIDTH = const(128)
HEIGHT = const(64)
PAGES = const(8)
_ALL = const(0xFF)  # a bit a page, ...
_ON_DUE = const(0x100)  # ... and one for the command that switches it on

_COMMANDS = const(0x00)  # control bytes of an I2C write [8.1.5.2]: a stream of commands, or of data
_DATA = const(0x40)

_OFF = b"\xae"
_STATUS_OFF = const(0x40)  # of the status byte [table 9-2]
_WORDS = const(6)  # the first of the two pages with the screen's meaning
_UPPER_BYTES = const(768)  # of the pages above them
_ORDER = b"\x06\x07\x00\x01\x02\x03\x04\x05\x06\x07"  # the first two: only to go dark

_LIGHT = const(3)  # the mood of a punch that the authority has confirmed
_NORMAL = const(0xA6)  # or with the lowest bit: 0 is lit

# The sequence of the application note (datasheet appendix, "Software Initialization") for 64 rows and the charge pump,
# without what it begins and ends with: off, normal or inverted, and on.
_SETUP = bytes(
    (
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
        0x8D, 0x14,  # charge pump on
    )
)  # fmt: skip


class SSD1306:
    """The common base for both buses: `canvas` to draw on, `tint` and `update` to show it, `healthy` and `renew` to
    check and restore it. `start`, `update`, `healthy` and `renew` raise OSError for a missing display. A similar
    controller may have another `SETUP`, other commands that switch it `ON`, and columns before the first visible one.
    """

    SETUP = _SETUP
    ON = b"\xaf"
    FIRST_COLUMN = 0

    def __init__(self):
        self._drawn = bytearray(PAGES * WIDTH)
        self._shown = bytearray(PAGES * WIDTH)
        self.canvas = framebuf.FrameBuffer(self._drawn, WIDTH, HEIGHT, framebuf.MONO_VLSB)
        self._unknown = _ALL | _ON_DUE  # pages whose displayed content is unknown, and what is due after them
        self._at = bytearray(3)  # page, column low, column high
        self._inverted = 0
        self._shown_inverted = -1  # not known
        self._byte = bytearray(1)
        self._step = 0  # of _ORDER
        self._tells = False  # its status can be read, and showed "on" after it had been switched on

    def _command(self, commands):
        raise NotImplementedError

    def _send(self, page):
        raise NotImplementedError

    def start(self):
        """Initialise the controller, which goes dark; every page will be sent, and then it is switched on."""
        self._command(_OFF)
        self.renew()

    def renew(self):
        """Write the set-up again; every page will be sent, and the command that switches it on."""
        self._unknown = _ALL | _ON_DUE
        self._shown_inverted = -1
        self._command(self.SETUP)

    def healthy(self):
        """Whether the display is on, as far as it can be read; on SPI it cannot."""
        return True

    def tint(self, mood):
        """Set the canvas's mood, of the clock's moods (app.ui.screens): one of them is dark on light."""
        self._inverted = int(mood == _LIGHT)
        self._step = 0

    def update(self):
        """Send what is due next, a page at most; True if something was sent, so that there may be more."""
        inverted = self._inverted
        if (inverted or not self._shown_inverted) and (self._unknown & _ALL or self._drawn != self._shown):
            self._send_page()
        elif inverted != self._shown_inverted:
            self._byte[0] = _NORMAL | inverted
            self._command(self._byte)
            self._shown_inverted = inverted
        elif self._unknown:
            self._command(self.ON)
            self._unknown = 0
            self._tells = True
            try:
                self._tells = self.healthy()
            except OSError:  # it cannot be read
                self._tells = False
        else:
            return False
        return True

    def _send_page(self):
        """Send the next outdated page; there is one. Bytes are compared in place: views would be garbage."""
        drawn, shown = self._drawn, self._shown
        while True:
            self._step %= len(_ORDER)
            page = _ORDER[self._step]
            is_dark = self._step < PAGES - _WORDS
            self._step += 1
            first, last = page * WIDTH, page * WIDTH + WIDTH - 1
            known = not self._unknown & 1 << page
            if is_dark and not self._goes_dark(first):
                continue
            if known:
                while first < last and (0 if is_dark else drawn[first]) == shown[first]:
                    first += 1
                while first < last and (0 if is_dark else drawn[last]) == shown[last]:
                    last -= 1
                if (0 if is_dark else drawn[first]) == shown[first]:
                    continue
            self._unknown |= 1 << page  # until it has arrived
            column = first - page * WIDTH + self.FIRST_COLUMN
            self._at[0] = 0xB0 | page
            self._at[1] = column & 15
            self._at[2] = 0x10 | column >> 4
            self._command(self._at)
            data = bytes(last + 1 - first) if is_dark else memoryview(drawn)[first : last + 1]
            self._send(data)
            shown[first : last + 1] = data
            self._unknown &= ~(1 << page)
            return

    def _goes_dark(self, at):
        """Whether a page of words, at a byte offset, will change, and the part above the words too."""
        drawn, shown = memoryview(self._drawn), memoryview(self._shown)
        return (
            not self._unknown & _ALL
            and drawn[at : at + WIDTH] != shown[at : at + WIDTH]
            and drawn[:_UPPER_BYTES] != shown[:_UPPER_BYTES]
        )


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

    def healthy(self):
        """Whether the display reports that it is on; True if its status cannot be read."""
        if not self._tells:
            return True
        self._i2c.readfrom_into(self._address, self._byte)
        return not self._byte[0] & _STATUS_OFF

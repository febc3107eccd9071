"""Sino Wealth SH1106, the controller of most 1.3 inch OLED modules of 128x64 pixels, on I2C (on SPI: sh1106_spi.py).

Its RAM has 132 columns, of which such modules show those from 2 on; it has page addressing only. The rest is as for the
SSD1306. Commands: datasheet V2.3, "Command Table".
"""

from drivers.ssd1306 import HEIGHT, SSD1306_I2C

SETUP = bytes(
    (
        0x40,  # start line 0
        0xA1,  # column 131 is SEG0: connector on top
        0xA8, HEIGHT - 1,  # multiplex ratio
        0xC8,  # rows from COM63 down
        0xD3, 0x00,  # no offset
        0xDA, 0x12,  # alternative COM pins
        0xD5, 0x80,  # oscillator
        0xD9, 0x22,  # pre-charge
        0xDB, 0x35,  # deselect level 0.77 VREF
        0x81, 0xCF,  # contrast
        0xA4,  # show the RAM
    )
)  # fmt: skip
ON = b"\xae\xad\x8b\x33\xaf"  # off, which the next command requires: DC-DC converter on, at 9 V; on
FIRST_COLUMN = 2


class SH1106_I2C(SSD1306_I2C):  # noqa: N801  the name every MicroPython driver gives it
    """On I2C: 0x3C, or 0x3D with SA0 high."""

    SETUP = SETUP
    ON = ON
    FIRST_COLUMN = FIRST_COLUMN

"""The clock's front with an SH1106 of 128x64 (1.3 inch) on SPI, on its own bus; three keys make room for it."""

from drivers.sh1106_spi import SH1106_SPI
from machine import SPI, Pin

NAME = "sh1106_spi"
# Keys to ground: GPIO by name. 35, 36 and 39 have no pull-ups of their own: 10 kOhm each to 3.3 V.
KEYS = {"info": 13, "in": 35, "out": 36, "break": 39}
PULLED_UP = False


def display(_i2c):
    """The display on SPI 1; its reset is wired to EN."""
    spi = SPI(1, baudrate=4_000_000, sck=Pin(14), mosi=Pin(17))
    return SH1106_SPI(spi, Pin(26, Pin.OUT, value=1), Pin(16, Pin.OUT, value=0))

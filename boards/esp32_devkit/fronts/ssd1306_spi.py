"""The clock's front with an SSD1306 of 128x64 on SPI, on its own bus; three keys make room for it."""

from drivers.ssd1306_spi import SSD1306_SPI
from machine import SPI, Pin

NAME = "ssd1306_spi"
# Keys to ground: GPIO by name. 35, 36 and 39 have no pull-ups of their own: 10 kOhm each to 3.3 V.
KEYS = {"info": 13, "in": 35, "out": 36, "break": 39}
PULLED_UP = False


def display(_i2c):
    """The display on SPI 1; its reset is wired to EN."""
    spi = SPI(1, baudrate=8_000_000, sck=Pin(14), mosi=Pin(17))
    return SSD1306_SPI(spi, Pin(26, Pin.OUT, value=1), Pin(16, Pin.OUT, value=0))

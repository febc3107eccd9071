"""The SH1106 on four-wire SPI."""

from drivers import sh1106
from drivers.ssd1306_spi import SSD1306_SPI


class SH1106_SPI(SSD1306_SPI):  # noqa: N801
    """As the SSD1306 on SPI."""

    SETUP = sh1106.SETUP
    ON = sh1106.ON
    FIRST_COLUMN = sh1106.FIRST_COLUMN

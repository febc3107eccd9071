"""The SSD1306 on four-wire SPI. In its own file, because a clock loads only the driver of its one display."""

from drivers.ssd1306 import SSD1306


class SSD1306_SPI(SSD1306):  # noqa: N801
    """On four-wire SPI [8.1.3]: dc is low for commands. The reset pin is the board's own reset."""

    def __init__(self, spi, cs, dc):
        super().__init__()
        self._spi = spi
        self._cs = cs
        self._dc = dc
        cs(1)

    def _command(self, commands):
        self._write(0, commands)

    def _send(self, page):
        self._write(1, page)

    def _write(self, dc, data):
        self._dc(dc)
        self._cs(0)
        self._spi.write(data)
        self._cs(1)

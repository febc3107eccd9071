"""Bytes that go to each display when a state takes the idle screen's place; prints one JSON object for `display_bench`.

Arguments: the folder of the firmware, the folder of the golden states.
"""

import json
import sys

sys.path[:] = ["", ".frozen", sys.argv[1], sys.argv[2]]

from app.ui import words  # noqa: E402  the folders come in by argument
from drivers import st7789  # noqa: E402
from drivers.ssd1306 import SSD1306_I2C  # noqa: E402
from states import states  # noqa: E402


class Wire:
    """An I2C or an SPI bus that counts: on I2C the address and the control byte as well."""

    bytes = 0

    def writeto_mem(self, _address, _control, data):
        self.bytes += 2 + len(data)

    def write(self, data):
        self.bytes += len(data)

    def pin(self, _level):
        pass

    def sleep_ms(self, _ms):
        pass


def show(display, screen, what):
    display.tint(screen(display.canvas, *what))
    while display.update():
        pass


wire = st7789.time = Wire()
found = {}
for prefix, display in (("", SSD1306_I2C(wire)), ("colour_", st7789.ST7789(wire, wire.pin, wire.pin))):
    display.start()
    idle = states(words.ENGLISH)[0]
    for name, screen, what in states(words.ENGLISH):
        show(display, *idle[1:])
        wire.bytes = 0
        show(display, screen, what)
        found[prefix + "display_bytes." + name] = wire.bytes
print(json.dumps(found))

"""Bytes that go to each display when a state takes the idle screen's place, and how long each is dark after a dip of
its supply while nobody is near; prints one JSON object for `display_bench`.

Arguments: the folder of the firmware, the folder of the golden states, the folder of the firmware's tests.
"""

import gc
import json
import sys

sys.path[:] = ["", ".frozen", sys.argv[1], sys.argv[2], sys.argv[3]]

from app.receipts import Receipts  # noqa: E402  the folders come in by argument
from app.ui import face, words  # noqa: E402
from bench import Time  # noqa: E402
from drivers import pattern, st7789  # noqa: E402
from drivers.sh1106 import SH1106_I2C  # noqa: E402
from drivers.sh1106_spi import SH1106_SPI  # noqa: E402
from drivers.ssd1306 import SSD1306_I2C  # noqa: E402
from drivers.ssd1306_spi import SSD1306_SPI  # noqa: E402
from states import states  # noqa: E402


class Wire:
    """An I2C or an SPI bus that counts: on I2C the address and the control byte as well."""

    bytes = 0

    on = False
    switched_on = b"\xaf"  # the last byte of what switches a display on, ...

    def writeto_mem(self, _address, _control, data):
        self.bytes += 1
        self.write(data)
        self.bytes += 1

    def readfrom_into(self, _address, into):
        into[0] = 0x00 if self.on else 0x40

    def write(self, data):
        self.bytes += len(data)
        if data[-1:] == self.switched_on and len(data) < 9:  # ... in a short write, which is no page
            self.on = True

    def pin(self, _level):
        pass

    def sleep_ms(self, _ms):
        pass


def show(display, screen, what):
    display.tint(screen(display.canvas, *what))
    while display.update():
        pass


def heap_of(make):
    """Bytes of the heap that a display takes with the fullest screen."""
    shown = states(words.ENGLISH)
    gc.collect()
    before, most = gc.mem_alloc(), 0
    display = make()
    for _, screen, what in shown:
        show(display, screen, what)
        gc.collect()
        most = max(most, gc.mem_alloc() - before)
    return most


wire = st7789.time = Wire()
found = {}
for prefix, make in (("", lambda: SSD1306_I2C(wire)), ("colour_", lambda: st7789.ST7789(wire, wire.pin, wire.pin))):
    heap_of(make)  # objects made on first use
    found[prefix + "display_heap"] = heap_of(make)
    display = make()
    display.start()
    idle = states(words.ENGLISH)[0]
    for name, screen, what in states(words.ENGLISH):
        show(display, *idle[1:])
        wire.bytes = 0
        show(display, screen, what)
        found[prefix + "display_bytes." + name] = wire.bytes


class Nobody:
    """Settings, time and log of an idle clock."""

    site, language, message_s, volume, quiet_hours = "Demo site", "en", 2, 0, None
    sealed, nearly_full, retired, free, unsent = True, False, False, 1000, 0

    def local(self):
        return (2026, 11, 30, 7, 58, 0, 0)


def dark_s(make, switched_on):
    """The longest that a display is dark after a dip of its supply, seconds, of ten minutes' dips. make: a display on a
    wire; switched_on: the command that it is back with, after all that was lost.
    """
    ticks = face.time = pattern.time = st7789.time = Time()
    wire = Wire()
    wire.switched_on = switched_on
    buzzer, lamp = pattern.Player(0), pattern.Player(0)
    clock = face.Face(Nobody, words.ENGLISH, make(wire), buzzer, lamp, Nobody(), Nobody, Receipts())
    clock._display.start()
    longest, dipped = 0, None
    while ticks.now_ms < 600000:
        clock.work()
        if wire.on and dipped is not None:
            longest, dipped = max(longest, ticks.now_ms - dipped), None
        if wire.on and ticks.now_ms % 7300 == 0:
            wire.on, dipped = False, ticks.now_ms
        ticks.now_ms += 20
    assert longest, "it never dipped, or never came back"
    return longest / 1000


pattern.Player._apply = lambda *_: None
for name, make, switched_on in (
    ("ssd1306", SSD1306_I2C, b"\xaf"),
    ("sh1106", SH1106_I2C, b"\xaf"),
    ("ssd1306_spi", lambda wire: SSD1306_SPI(wire, wire.pin, wire.pin), b"\xaf"),
    ("sh1106_spi", lambda wire: SH1106_SPI(wire, wire.pin, wire.pin), b"\xaf"),
    ("st7789", lambda wire: st7789.ST7789(wire, wire.pin, wire.pin), b"\x29"),
):
    found["back_s." + name] = dark_s(make, switched_on)
print(json.dumps(found))

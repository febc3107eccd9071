"""Runs in the real MicroPython: puts one state after another on each display with the clock's own code and drivers, and
prints the bus traffic.

    micropython in_between.py FIRMWARE

Lines of standard output: "change DISPLAY STATE" when the screen of a state has been drawn and is about to be sent, the
first time for the state "start",
"dc HEX" for a transfer with D/C at that level; on I2C the control byte says so.
"""

import sys
from binascii import hexlify

sys.path.insert(0, sys.argv[1])

from app.ui import words
from drivers import st7789
from drivers.sh1106 import SH1106_I2C
from drivers.sh1106_spi import SH1106_SPI
from drivers.ssd1306 import SSD1306_I2C
from drivers.ssd1306_spi import SSD1306_SPI
from states import states

# Each of these replaces each other one.
CHANGING = ("idle", "kept-in", "later", "registered", "refused", "fault", "today-much")
IN_COLOUR = ("idle", "kept-in", "registered", "refused", "today-much")


class Wire:
    """An SPI bus with the display's pins, or an I2C bus, whose transfers are printed."""

    def __init__(self):
        self._dc = 0

    def write(self, data):
        print(self._dc, hexlify(data).decode())

    def writeto_mem(self, _address, control, data):
        print(control >> 6, hexlify(data).decode())

    def readfrom_into(self, _address, into):
        into[0] = 0

    def cs(self, level):
        pass

    def dc(self, level):
        self._dc = level


class Still:
    """In the place of `time`: nothing waits here."""

    def sleep_ms(self, ms):
        pass


def closed_walk(count):
    """Numbers below `count` in an order in which each stands once right before each other one."""
    for step in range(1, count):
        for start in range(count):
            yield start
            yield (start + step) % count


def show(name, display, changing):
    print("change", name, "start")
    display.start()
    of = {state: (screen, what) for state, screen, what in states(words.ENGLISH)}
    for number in closed_walk(len(changing)):
        screen, what = of[changing[number]]
        display.tint(screen(display.canvas, *what))
        print("change", name, changing[number])
        while display.update():
            pass


st7789.time = Still()
wire = Wire()
for name, display in (
    ("ssd1306", SSD1306_I2C(wire)),
    ("ssd1306_spi", SSD1306_SPI(wire, wire.cs, wire.dc)),
    ("sh1106", SH1106_I2C(wire)),
    ("sh1106_spi", SH1106_SPI(wire, wire.cs, wire.dc)),
):
    show(name, display, CHANGING)
show("st7789", st7789.ST7789(wire, wire.cs, wire.dc), IN_COLOUR)

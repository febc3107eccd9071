"""Runs in the real MicroPython: draws every state in every language with the clock's own code and drivers, and prints
what goes over the wire to each display.

    micropython on_clock.py FIRMWARE LANGUAGE…

Lines of standard output: "state DISPLAY LANGUAGE NAME" when a screen is complete, "label NAME HEX" with the name in the
clock's small letters (128x8, rows from the left), "dc HEX" for a transfer with D/C at that level.
"""

import sys
from binascii import hexlify

sys.path.insert(0, sys.argv[1])

import framebuf
from app.ui import font, words
from drivers import st7789
from drivers.ssd1306_spi import SSD1306_SPI
from states import states

FOLDER = sys.argv[1] + "/lang/"


class Wire:
    """An SPI bus with the display's pins, whose transfers are printed."""

    def __init__(self):
        self._dc = 0

    def write(self, data):
        print(self._dc, hexlify(data).decode())

    def cs(self, level):
        pass

    def dc(self, level):
        self._dc = level


class Still:
    """In the place of `time`: nothing waits here."""

    def sleep_ms(self, ms):
        pass


def show(name, display):
    """Every state in every language on one display."""
    display.start()
    for language in sys.argv[2:]:
        of = words.load(language, FOLDER)
        for state, screen, what in states(of):
            display.canvas.fill(1)  # every screen clears what was there
            display.tint(screen(display.canvas, *what))
            while display.update():
                pass
            print("state", name, language, state)


st7789.time = Still()
wire = Wire()
show("128x64", SSD1306_SPI(wire, wire.cs, wire.dc))
show("320x240", st7789.ST7789(wire, wire.cs, wire.dc))
label = bytearray(128)
canvas = framebuf.FrameBuffer(label, 128, 8, framebuf.MONO_HLSB)
for state, _, _ in states(words.ENGLISH):
    canvas.fill(0)
    font.text(canvas, state, 0, 0)
    print("label", state, hexlify(label).decode())

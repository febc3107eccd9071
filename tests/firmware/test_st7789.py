"""The colour display: what goes over its bus, line by line."""

# heapsize: 512k

import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app.ui import screens
from bench import Time
from drivers import st7789
from drivers.st7789 import ST7789


def shown(display):
    """How many times the display was sent something until it showed what was drawn."""
    pieces = 0
    while display.update():
        pieces += 1
    return pieces


class Glass:
    """A colour display on SPI: what was written, command by command, and each line of pixels at its place."""

    def __init__(self):
        self.level = {"cs": 1, "dc": 1}
        self.commands = []
        self.lines = {}
        self.sent = 0
        self._line = 0

    def pin(self, name):
        return lambda level: self.level.update({name: level})

    def write(self, data):
        assert self.level["cs"] == 0
        self.sent += len(data)
        if not self.level["dc"]:
            self.commands.append(bytes(data))
        elif self.commands[-1] == b"\x2b":
            self._line = data[0] << 8 | data[1]
            assert self._line <= (data[2] << 8 | data[3]) < 240
        elif self.commands[-1] == b"\x2c":
            assert len(data) == 640
            self.lines[self._line] = bytes(data)
            self._line += 1


def colour_display():
    glass = Glass()
    display = ST7789(glass, glass.pin("cs"), glass.pin("dc"))
    st7789.time = Time()
    display.start()
    display.tint(screens.IDLE)
    return glass, display


def test_a_colour_display_is_filled_line_by_line_once_and_then_only_where_it_changed():
    glass, display = colour_display()
    assert glass.commands[:2] == [b"\x01", b"\x11"] and b"\x29" not in glass.commands
    assert shown(display) == 32 + 10 + 1 and sorted(glass.lines) == list(range(240)) and glass.commands[-1] == b"\x29"
    assert glass.lines[0] == glass.lines[239] == b"\x29\x45" * 320
    assert glass.lines[40] == bytes(640)
    assert shown(display) == 0
    glass.lines.clear()
    display.canvas.pixel(127, 63, 1)
    assert shown(display) == 1 and sorted(glass.lines) == list(range(195, 200))
    display.tint(screens.IDLE)
    assert shown(display) == 0
    display.tint(screens.KEPT)
    assert shown(display) == 42 and glass.lines[199][-4:] == b"\x06\x67\x06\x67" and glass.lines[0] == b"\x06\x67" * 320
    display.start()
    assert shown(display) == 43
    glass.commands.clear()
    glass.lines.clear()
    display.renew()
    assert shown(display) == 43 and sorted(glass.lines) == list(range(240)), "what a dip of the supply took"
    assert glass.commands[0] == b"\x11" and b"\x3a" in glass.commands and glass.commands[-1] == b"\x29"


def test_two_pixels_become_five_with_what_lies_between_them_in_between():
    glass, display = colour_display()
    canvas = display.canvas
    canvas.pixel(0, 0, 1)
    canvas.pixel(3, 1, 1)
    shown(display)
    rows = [[line[2 * x] << 8 | line[2 * x + 1] for x in range(10)] for line in (glass.lines[y] for y in range(40, 45))]
    full, most = 0xFFFF, rows[0][2]
    assert 0 < most < full
    assert rows[0] == rows[1] == [full, full, most] + 7 * [0]
    assert rows[3] == rows[4] == 7 * [0] + [most, full, full]
    assert rows[2] == [most] * 3 + 4 * [0] + [most] * 3

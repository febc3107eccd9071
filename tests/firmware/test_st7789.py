"""The colour display: its bus traffic, window by window."""

# heapsize: 768k

import os
import sys

sys.path.append(os.getenv("BADGECLOCK_ROOT") + "/tests/firmware")

from app.ui import desk_screen, pages, screens, start_screens, today_screen
from app.ui.words import ENGLISH
from bench import Time
from drivers import st7789
from drivers.st7789 import ST7789

RECTANGLE = 5
FULL = 320 * 240 * 2


class Glass:
    """A colour display on SPI: its commands, and each line of 320 pixels as it is seen."""

    def __init__(self):
        self.level = {"cs": 1, "dc": 1}
        self.commands = []
        self.lines = [bytearray(b"\xab" * 640) for _ in range(240)]
        self.sent = 0
        self._columns = self._rows = (0, 0)
        self._line = 0

    def pin(self, name):
        return lambda level: self.level.update({name: level})

    def write(self, data):
        assert self.level["cs"] == 0
        self.sent += len(data)
        if not self.level["dc"]:
            self.commands.append(bytes(data))
            if data == b"\x2c":
                self._line = self._rows[0]
        elif self.commands[-1] in (b"\x2a", b"\x2b"):
            bounds = (data[0] << 8 | data[1], data[2] << 8 | data[3])
            if self.commands[-1] == b"\x2a":
                assert 0 <= bounds[0] <= bounds[1] < 320
                self._columns = bounds
            else:
                assert 0 <= bounds[0] <= bounds[1] < 240
                self._rows = bounds
        elif self.commands[-1] == b"\x2c":
            first, last = self._columns
            assert len(data) == 2 * (last + 1 - first) and self._line <= self._rows[1]
            self.lines[self._line][2 * first : 2 * last + 2] = data
            self._line += 1

    def pixel(self, x, y):
        return self.lines[y][2 * x] << 8 | self.lines[y][2 * x + 1]


def shown(display, screen, what):
    """Draw a screen and send it."""
    display.tint(screen(display.canvas, *what))
    while display.update():
        pass


def colour_display():
    st7789.time = Time()
    glass = Glass()
    display = ST7789(glass, glass.pin("cs"), glass.pin("dc"))
    display.start()
    return glass, display


IDLE = (screens.idle, (ENGLISH, "Demo site", "07:58", 2, 0, ""))
KEPT = (screens.kept, (ENGLISH, 1, "07:58", 1234))


FACTS = dict.fromkeys(("boot", "reset", "bound_ms", "heap_free", "source", "uptime_ms"), 1)
FACTS["firmware"] = "1a2b3c4d5e6f7081"
TODAY = ((1, "07:58", 1, 987654), (3, "12:00", 2, 4), (2, "16:31", 0, True), (1, "17:02", 3, 0), (2, "18:40", 0, False))
STATES = (
    ("idle",) + IDLE,
    ("memory", screens.idle, (ENGLISH, "Demo site", "16:31", 0, 16934, ENGLISH.nearly_full)),
    ("no-time", screens.idle, (ENGLISH, "Demo site", None, 1, 7, ENGLISH.unsealed)),
    ("chosen", screens.chosen, (ENGLISH, 3)),
    ("kept",) + KEPT,
    ("later", screens.kept_later, (ENGLISH, 3, "07:58", 1234, 37)),
    ("assumed", screens.assumed, (ENGLISH, screens.KEPT_LOOK, 1, "07:58", 1234)),
    ("registered", screens.registered, (ENGLISH, 1, "07:58", 1234, "987654")),
    ("unknown", screens.unknown, (ENGLISH, b"\x7f\x3a", 192528)),
    ("unproved", screens.unproved, (ENGLISH,)),
    ("several", screens.several, (ENGLISH,)),
    ("fault", screens.fault, (ENGLISH, 2)),
    ("today", today_screen.page, (ENGLISH, "7F3A", TODAY, 3)),
    ("desk", desk_screen.screen(desk_screen.LAY), (ENGLISH,)),
    ("pages", pages.screen(0, FACTS), (ENGLISH,)),
    ("identify", screens.identify, (ENGLISH, "clock-0001-of-the-north")),
    ("failed", start_screens.failed, (ENGLISH, 1, "a reason of more lines than there are, " * 3)),
)


def test_a_start_fills_every_line_and_switches_it_on_then_and_nothing_more_is_sent():
    glass, display = colour_display()
    assert glass.commands[:2] == [b"\x01", b"\x11"] and b"\x29" not in glass.commands
    shown(display, *IDLE)
    assert glass.commands[-1] == b"\x29" and FULL < glass.sent < FULL + 2000
    assert not any(b"\xab\xab" in line for line in glass.lines)
    assert glass.pixel(0, 239) == glass.pixel(319, 232) == 0x2945, "the edge"
    sent = glass.sent
    shown(display, *IDLE)
    assert glass.sent == sent


def test_it_is_told_only_what_changed():
    glass, display = colour_display()
    shown(display, *IDLE)
    for screen, what, most in (
        (screens.idle, (ENGLISH, "Demo site", "07:59", 2, 0, ""), 15000),  # one digit
        (screens.idle, (ENGLISH, "Demo site", "07:59", 1, 3, ""), 40000),
        (KEPT[0], KEPT[1], 110000),
        (screens.kept, (ENGLISH, 1, "07:58", 1235), 4000),
    ):
        sent = glass.sent
        shown(display, screen, what)
        assert 0 < glass.sent - sent < most, (what, glass.sent - sent)


def test_whatever_was_there_the_last_screen_is_what_is_seen():
    """Also when the next one comes in the middle: what was sent bit by bit is what is sent as a whole."""
    glass, display = colour_display()
    for number in range(0, len(STATES), 2):
        for other in (number, (number * 7 + 5) % len(STATES)):
            display.tint(STATES[other][1](display.canvas, *STATES[other][2]))
            for _ in range(9 + number):
                display.update()
        shown(display, *STATES[number][1:])
        seen = [bytes(line) for line in glass.lines]
        glass.lines = [bytearray(640) for _ in range(240)]
        display.renew()
        while display.update():
            pass
        assert seen == [bytes(line) for line in glass.lines], STATES[number][0]


def test_what_a_dip_of_the_supply_took_is_written_anew():
    glass, display = colour_display()
    shown(display, *KEPT)
    before = [bytes(line) for line in glass.lines]
    glass.lines = [bytearray(640) for _ in range(240)]
    glass.commands.clear()
    display.renew()
    assert display.healthy()
    while display.update():
        assert b"\x29" not in glass.commands[:-1]
    assert [bytes(line) for line in glass.lines] == before
    assert glass.commands[0] == b"\x11" and b"\x3a" in glass.commands and glass.commands[-1] == b"\x29"


def test_every_text_of_every_state_lies_on_the_panel_and_none_on_another():
    _, display = colour_display()
    for name, screen, what in STATES:
        display.tint(screen(display.canvas, *what))
        cells = []
        for kind, texts, left, top, wide, high in display._new:
            if kind == RECTANGLE:
                width, height = texts
                assert 0 <= left and left + width <= 320 and 0 <= top and top + height <= 240, (name, left, top)
                continue
            columns = 12 if texts == (4,) else (8, 12, 24, 48, 32)[kind]  # a question mark is a narrow way
            width = columns * wide * len(texts)
            height = (8, 16, 32, 46, 14)[kind] * high
            assert 0 <= left and left + width <= 320 and 0 <= top and top + height <= 232, (name, texts, left, top)
            for other, x, y, end, bottom in cells:
                apart = left >= end or x >= left + width or top >= bottom or y >= top + height
                assert apart or kind == 4, (name, texts, other)
            cells.append((texts, left, top, left + width, top + height))

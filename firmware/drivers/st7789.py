"""Sitronix ST7789, a colour display controller, with a panel of 320x240 pixels on SPI.

The clock's screens are drawn for 128x64 pixels; this display gives them its own layout, in large type: its canvas
stores no pixels but a list of drawn items, with the places and sizes of each text and picture here (`_laid_out`). There
is no colour frame buffer, which would take 150 KB: `update` renders a band of eight lines of the displayed and of the
new content, and sends the columns that differ, in the ink and paper colours of the screen's mood; the last band is an
edge in the mood's third colour. Commands: datasheet V1.4, §9.

A person can read the display between two writes. The words, in the lower bands, go dark before the part above them
changes, and return after it.
"""

import time

import framebuf
from micropython import const

_COLUMNS = const(320)  # of the panel
_BANDS = const(30)
_BAND_LINES = const(8)
_BELOW = const(45)  # the beginning of words on a canvas of 128x64
_WORDS = const(18)  # the first band of the words, ...
_EDGE = const(29)  # ... and the one below them
_STEPS = const(41)  # of an update: the words go dark, then the part above them comes, the words and the edge
_NEAR = const(8)  # columns this close are sent together, as another window takes about as long

# What a band shows.
_OLD = const(0)  # what was to be shown before
_NEW = const(1)  # what is to be shown
_UNKNOWN = const(2)
_DARK = const(3)  # nothing, on the former content's paper

_RESET = b"\x01"
_SLEEP_OUT = b"\x11"
_COLUMN_RANGE = b"\x2a"
_LINE_RANGE = b"\x2b"
_WRITE = b"\x2c"
_ON = b"\x29"
_RESET_MS = const(150)  # 120 at least before SLPOUT after a reset while it slept [9.1.2]
_WAKE_MS = const(5)  # [9.1.12]
_SETUP = (
    (b"\x3a", b"\x55"),  # 16 bits a pixel
    (b"\x36", b"\x60"),  # rows and columns exchanged, columns mirrored: landscape, connector at the left
    (b"\x21", b""),  # inverted, as the liquid crystals of IPS panels are
    (b"\x13", b""),  # normal mode
)

_BLACK = const(0x0000)
_WHITE = const(0xFFFF)
_GREY = const(0x2945)
_GREEN = const(0x0667)
_AMBER = const(0xFD40)
_RED = const(0xD0A3)
# Ink, paper and edge by mood (app.ui.screens): idle, kept, kept and sent later, registered, notice, wrong, broken.
_COLOURS = (
    (_WHITE, _BLACK, _GREY),
    (_GREEN, _BLACK, _GREEN),
    (_GREEN, _BLACK, _AMBER),
    (_BLACK, _GREEN, _GREEN),
    (_BLACK, _AMBER, _AMBER),
    (_WHITE, _RED, _RED),
    (_WHITE, _BLACK, _RED),
)

# Kinds of what is drawn (app.ui.font), and the columns and pages of eight rows that one of each has.
_SMALL = const(0)
_LARGE = const(1)
_HUGE = const(2)
_ICON = const(3)
_WAY = const(4)
_RECTANGLE = const(5)
_WIDTHS = b"\x08\x0c\x18\x30\x20"
_PAGES = b"\x01\x02\x04\x06\x02"


class Canvas:
    """The canvas, with framebuf's methods as far as screens use them. `drawn`: (kind, what, x, y) of each, at the
    places of a canvas of 128x64.
    """

    def __init__(self):
        self.drawn = []
        self.columns = None

    def fill(self, _):
        """Begin a new screen."""
        self.drawn = []

    def put(self, kind, what, x, y, columns):
        """Letters, a picture's number in a tuple; `columns(kind, slice of one, page)` gives a buffer with its bytes."""
        self.columns = columns
        if what:
            self.drawn.append((kind, what, x, y))

    def fill_rect(self, x, y, width, height, _):
        """A rectangle."""
        self.drawn.append((_RECTANGLE, (width, height), x, y))

    def hline(self, x, y, width, _):
        """A horizontal line."""
        self.fill_rect(x, y, width, 1, 1)

    def vline(self, x, y, height, _):
        """A vertical line."""
        self.fill_rect(x, y, 1, height, 1)

    def rect(self, x, y, width, height, _):
        """The edges of a rectangle."""
        self.hline(x, y, width, 1)
        self.hline(x, y + height - 1, width, 1)
        self.vline(x, y, height, 1)
        self.vline(x + width - 1, y, height, 1)


class ST7789:
    """`canvas` to draw on, `tint` and `update` to show it, `renew` to restore it. spi: at most 62.5 MHz, mode 0. cs,
    dc: pins; dc is low for commands.
    """

    def __init__(self, spi, cs, dc):
        self._spi = spi
        self._cs = cs
        self._dc = dc
        cs(1)
        self.canvas = Canvas()
        self._bands = bytearray(_BANDS)
        self._step = 0
        self._old = self._new = []
        self._old_mood = self._mood = -1
        self._old_bytes = bytearray(_COLUMNS)
        self._new_bytes = bytearray(_COLUMNS)
        self._old_band = framebuf.FrameBuffer(self._old_bytes, _COLUMNS, _BAND_LINES, framebuf.MONO_VLSB)
        self._new_band = framebuf.FrameBuffer(self._new_bytes, _COLUMNS, _BAND_LINES, framebuf.MONO_VLSB)
        self._line_bytes = bytearray(_COLUMNS * 2)
        self._line = framebuf.FrameBuffer(self._line_bytes, _COLUMNS, 1, framebuf.RGB565)
        self._palette = framebuf.FrameBuffer(bytearray(4), 2, 1, framebuf.RGB565)
        self._range = bytearray(4)
        self._on_due = True
        self._forget()

    def start(self):
        """Reset and initialise the controller; everything will be sent, then it is switched on. Takes 155 ms."""
        self._command(_RESET, b"")
        time.sleep_ms(_RESET_MS)
        self.renew()

    def renew(self):
        """Write the set-up again, everything by `update`, and switch it on: recovers from a dip of the supply. An
        intact display shows no change. Takes 5 ms.
        """
        self._command(_SLEEP_OUT, b"")
        time.sleep_ms(_WAKE_MS)
        for command, parameters in _SETUP:
            self._command(command, parameters)
        self._forget()
        self._on_due = True

    def healthy(self):
        """Whether the display is on, as far as it can be read: its data line is one-way."""
        return True

    def tint(self, mood):
        """Use the drawing as the new content, in one of the clock's moods (app.ui.screens)."""
        new = _laid_out(self.canvas.drawn)
        self.canvas.drawn = []
        if mood == self._mood and new == self._new:
            return
        for band in range(_BANDS):
            self._bands[band] = _OLD if self._bands[band] == _NEW else _UNKNOWN
        self._old, self._old_mood = self._new, self._mood
        self._new, self._mood = new, mood
        self._step = 0

    def update(self):
        """Send what a band needs; True if there may be more."""
        if self._step < _STEPS:
            band = self._step - (_EDGE - _WORDS)
            self._step += 1
            if band < 0:
                self._darken(band + _EDGE)
            else:
                self._show(band)
            return True
        if self._on_due:
            self._command(_ON, b"")
            self._on_due = False
            return True
        return False

    def _forget(self):
        for band in range(_BANDS):
            self._bands[band] = _UNKNOWN
        self._step = _EDGE - _WORDS

    def _darken(self, band):
        """Darken words that will change, if the part above them changes too."""
        if self._bands[band] != _OLD or not (self._mood != self._old_mood or _is_above(self._old, self._new)):
            return
        columns = self.canvas.columns
        self._new_band.fill(0)
        _draw(self._old_band, self._old, band, columns)
        if self._old_bytes != self._new_bytes:
            _draw(self._new_band, self._new, band, columns)
            if self._old_bytes != self._new_bytes or self._mood != self._old_mood:
                self._new_band.fill(0)
                self._choose(self._old_mood)
                self._send_differing(band)
                self._bands[band] = _DARK

    def _show(self, band):
        """Send what differs of a band."""
        ink, paper, edge = _COLOURS[self._mood]
        known = self._bands[band]
        self._bands[band] = _UNKNOWN  # until it has arrived
        self._choose(self._mood)
        is_edge = band == _EDGE
        if is_edge:
            self._palette.pixel(1, 0, _swapped(edge))
            self._new_band.fill(1)
        else:
            _draw(self._new_band, self._new, band, self.canvas.columns)
        if known == _UNKNOWN:
            self._send(band, 0, _COLUMNS)
        elif known != _NEW:
            old_ink, old_paper, old_edge = _COLOURS[self._old_mood]
            if old_edge != edge if is_edge else old_paper != paper:
                self._send(band, 0, _COLUMNS)
            elif not is_edge:
                self._old_band.fill(0)
                if known == _OLD:
                    _draw(self._old_band, self._old, band, self.canvas.columns)
                if old_ink == ink:
                    self._send_differing(band)
                else:
                    self._send_lit(band)
        self._bands[band] = _NEW

    def _choose(self, mood):
        """Use the colours of a mood for sending."""
        ink, paper, _ = _COLOURS[mood]
        self._palette.pixel(0, 0, _swapped(paper))
        self._palette.pixel(1, 0, _swapped(ink))

    def _send_differing(self, band):
        """Send the columns of a band in which old and new differ."""
        if self._old_bytes != self._new_bytes:
            for x in range(_COLUMNS):
                self._old_bytes[x] ^= self._new_bytes[x]
            self._send_marked(band)

    def _send_lit(self, band):
        """Send the columns of a band in which something is, or was."""
        for x in range(_COLUMNS):
            self._old_bytes[x] |= self._new_bytes[x]
        self._send_marked(band)

    def _send_marked(self, band):
        """Send the columns of a band that are not zero in `_old_bytes`, those together that are near each other."""
        marked = self._old_bytes
        first, last = -1, 0
        for x in range(_COLUMNS):
            if marked[x]:
                if first >= 0 and x - last > _NEAR:
                    self._send(band, first, last + 1)
                    first = -1
                if first < 0:
                    first = x
                last = x
        if first >= 0:
            self._send(band, first, last + 1)

    def _send(self, band, first, end):
        """Send columns of the new band, from the first to before the end."""
        self._window(_COLUMN_RANGE, first, end - 1)
        self._window(_LINE_RANGE, band * _BAND_LINES, band * _BAND_LINES + _BAND_LINES - 1)
        self._dc(0)
        self._cs(0)
        self._spi.write(_WRITE)
        self._dc(1)
        line = memoryview(self._line_bytes)[: (end - first) * 2]
        for row in range(_BAND_LINES):
            self._line.blit(self._new_band, -first, -row, -1, self._palette)
            self._spi.write(line)
        self._cs(1)

    def _window(self, command, first, last):
        self._range[0] = first >> 8
        self._range[1] = first & 0xFF
        self._range[2] = last >> 8
        self._range[3] = last & 0xFF
        self._command(command, self._range)

    def _command(self, command, parameters):
        self._dc(0)
        self._cs(0)
        self._spi.write(command)
        if parameters:
            self._dc(1)
            self._spi.write(parameters)
        self._cs(1)


def _laid_out(drawn):
    """(kind, what, left, top, width of a pixel, its height) on the panel for each of (kind, what, x, y)."""
    icon_x = -1
    has_large = False
    longest = 0  # letters of the longest of the lines of words, whose size is one
    for kind, _, x, y in drawn:
        if kind == _ICON:
            icon_x = x
        has_large = has_large or 0 < kind < _ICON
        if kind == _SMALL and y >= _BELOW:
            longest = max(
                longest, sum([len(what) + 1 for other, what, _, at in drawn if other == kind and at == y]) - 1
            )
    if icon_x < 0 and not has_large:
        return [_in_list(item) for item in drawn]
    wide = 4 if longest <= 10 else 3 if longest <= 13 else 2
    placed = []
    for item in drawn:
        kind, what, x, y = item
        if kind == _SMALL:
            place = _words(what, x, y, wide, icon_x) if y >= _BELOW else _beside(what, x, y, icon_x)
        else:
            place = _picture(kind, what, x, y, icon_x)
        placed.append((kind, what) + place)
    return placed


def _words(what, x, y, wide, icon_x):
    """(left, top, width of a pixel, its height) of a line below: at the left, at the right or in the middle."""
    rest = _COLUMNS - 8 * wide * len(what)
    if x == 0 and (icon_x == 0 or len(what) < 15):
        left = 0
    else:
        left = rest if x and x + 8 * len(what) == 128 else rest // 2
    return left, 148 if y == _BELOW else 156 if y < 50 else 196, wide, 4


def _beside(what, x, y, icon_x):
    """The same of small letters beside an icon, or else in the middle, above or below large time."""
    if icon_x >= 0:
        is_right = x > 56 and x + 8 * len(what) == 128
        return _COLUMNS - 16 * len(what) if is_right else 156 + 2 * (x - 56), 3 + 3 * y, 2, 3
    wide = 3 if not y and len(what) <= 13 else 2  # errors have two lines of one size
    return (_COLUMNS - 8 * wide * len(what)) // 2, (15 if y else 3) + 3 * y, wide, 3


def _picture(kind, what, x, y, icon_x):
    """The same of large letters, huge digits, an icon or a way; without an icon they are centred."""
    if kind == _HUGE:
        return 40, 30, 2, 3
    if kind == _ICON:
        return 88 if x else 0, 0, 3, 3
    if kind == _WAY:
        return (156 + 3 * (x - 56), 3 * y, 3, 3) if icon_x >= 0 else (96, 96, 4, 4)
    if icon_x >= 0:
        return 156, 3 * y, 3 if len(what) <= 4 else 2, 3
    return (_COLUMNS - 48 * len(what)) // 2, 3 * y, 4, 4


def _in_list(item):
    """An item of a screen that has only small letters and lines."""
    kind, what, x, y = item
    if kind == _RECTANGLE:
        return _rectangle(what, x, y)
    return kind, what, 32 + 2 * x, _row(y), 2, 3


def _row(y):
    """The line of a list's y."""
    return 3 * (y * 37 // 30)


def _rectangle(size, x, y):
    """A rectangle of a list: one that is wide or high goes over the panel, a small one belongs to its line of text."""
    width, height = size
    if width >= 64 or height >= 50:
        left, right = x * 5 // 2, (x + width) * 5 // 2
    else:
        left, right = 32 + 2 * x, 32 + 2 * (x + width)
    top = _row(y)
    bottom = 232 if y + height >= 64 else max(_row(y + height), top + 3)
    return _RECTANGLE, (right - left, bottom - top), left, top, 1, 1


def _is_above(old, new):
    """Whether two layouts differ above the words."""
    for one, other in ((old, new), (new, old)):
        for item in one:
            if item[3] < _WORDS * _BAND_LINES and item not in other:
                return True
    return False


def _draw(canvas, placed, band, columns):
    """Draw the content of a band."""
    canvas.fill(0)
    for kind, what, left, top, wide, high in placed:
        y = top - band * _BAND_LINES
        if kind == _RECTANGLE:
            canvas.fill_rect(left, y, what[0], what[1], 1)
        elif y < _BAND_LINES and y + _PAGES[kind] * 8 * high > 0:
            width = _WIDTHS[kind] * wide
            for at in range(len(what)):
                for page in range(_PAGES[kind]):
                    # The rows of the page that the band has a part of.
                    page_y = y + page * 8 * high
                    first = max(0, -page_y // high)
                    end = min(8, (_BAND_LINES - page_y + high - 1) // high)
                    if first < end:
                        rows = (1 << end) - (1 << first)
                        data = columns(kind, what[at : at + 1], page)
                        _draw_rows(canvas, data, _WIDTHS[kind], rows, left + at * width, page_y, wide, high)


def _draw_rows(canvas, data, width, rows, left, top, wide, high):
    """Draw so many columns of a page in the rows that are set in `rows`, each pixel so wide and so high."""
    for x in range(width):
        byte = data[x] & rows
        row = 0
        while byte:
            while not byte & 1:
                byte >>= 1
                row += 1
            start = row
            while byte & 1:
                byte >>= 1
                row += 1
            canvas.fill_rect(left + x * wide, top + start * high, wide, (row - start) * high, 1)


def _swapped(colour):
    """RGB565 in the order of the wire; framebuf has the low byte first."""
    return (colour & 0xFF) << 8 | colour >> 8

"""What the display shows: pure functions from what is the case to pixels on a canvas of 128x64.

The canvas is a `framebuf.FrameBuffer` or anything with its drawing methods; colour 1 is lit. Text stands on the grid
of 16 by 8 cells. Kept, confirmed, not right and not kept differ by shape as well as by word: one tick, two ticks, a
question mark or a crossed octagon, a warning triangle. Nothing here keeps state.
"""

import framebuf
from micropython import const

_CELL = const(8)
_WIDTH = const(128)
_COLUMNS = const(16)
_ICON_X = const(104)  # an icon of 24x24 stands in the upper right corner

_glyph_bytes = bytearray(8)
_glyph = framebuf.FrameBuffer(_glyph_bytes, 8, 8, framebuf.MONO_VLSB)
_big_bytes = bytearray(32)
_big = framebuf.FrameBuffer(_big_bytes, 16, 16, framebuf.MONO_VLSB)

# A nibble with every bit twice.
_DOUBLED = bytes((0x00, 0x03, 0x0C, 0x0F, 0x30, 0x33, 0x3C, 0x3F, 0xC0, 0xC3, 0xCC, 0xCF, 0xF0, 0xF3, 0xFC, 0xFF))


def idle(canvas, words, site, time_text, link, unsent, warning):
    """Waiting for a badge. time_text: "07:58", or None without a time. link: 0 no Wi-Fi, 1 no broker, 2 online.
    unsent: records that the bridge has not acknowledged. warning: a line, or "".
    """
    canvas.fill(0)
    _line(canvas, site[:_COLUMNS], 0)
    if time_text is None:
        _line(canvas, words.no_time, 3)
    else:
        _big_text(canvas, time_text, 24, 16)
    _line(canvas, words.idle, 5)
    _line(canvas, warning, 6)
    canvas.text(words.link[link], 0, 56, 1)
    if unsent:
        count = str(unsent)
        x = _WIDTH - _CELL * len(count)
        canvas.text(count, x, 56, 1)
        _waiting(canvas, x - 10, 56)


def kept(canvas, words, direction, time_text, seq):
    """A punch is in the flash and the bridge is connected."""
    _kept(canvas, words, direction, time_text, seq)
    canvas.text(words.kept, 0, 40, 1)
    _tick(canvas, _ICON_X, 34)


def kept_later(canvas, words, direction, time_text, seq):
    """A punch is in the flash and waits for the bridge."""
    _kept(canvas, words, direction, time_text, seq)
    canvas.text(words.kept_later[0], 0, 32, 1)
    canvas.text(words.kept_later[1], 0, 40, 1)
    _tick(canvas, _ICON_X, 34)
    _no_link(canvas, 112, 54)


def registered(canvas, words, direction, time_text, seq, tail):
    """The authority has given a reception number, of which `tail` is the end."""
    _kept(canvas, words, direction, time_text, seq)
    canvas.text(words.registered, 0, 32, 1)
    canvas.text(words.authority, 0, 40, 1)
    canvas.text(".." + tail, 0, 48, 1)
    _tick(canvas, _ICON_X - 10, 41)
    _tick(canvas, _ICON_X, 41)


def duplicate(canvas, words, direction, time_text, seq):
    """The same badge punched a moment ago, at `time_text`; this one is kept too, and counts for nothing."""
    canvas.fill(0)
    _big_text(canvas, words.directions[direction], 0, 0)
    canvas.fill_rect(_ICON_X, 4, 20, 4, 1)
    canvas.fill_rect(_ICON_X, 12, 20, 4, 1)
    canvas.text(words.duplicate + " " + time_text, 0, 32, 1)
    _number(canvas, seq)


def unknown(canvas, words, seq):
    """The bridge does not know the badge; the punch is kept and waits for somebody to assign it."""
    canvas.fill(0)
    _question(canvas)
    canvas.text(words.unknown, 0, 24, 1)
    canvas.text(words.see_office, 0, 40, 1)
    _number(canvas, seq)


def refused(canvas, words, code, seq):
    """The authority refused the registration with an error code."""
    canvas.fill(0)
    _octagon(canvas)
    canvas.text(words.refused, 0, 24, 1)
    canvas.text(words.refused_todo, 0, 32, 1)
    canvas.text(words.code + " " + str(code), 0, 40, 1)
    _number(canvas, seq)


def unproved(canvas, words):
    """A badge that this site does not accept: it did not prove itself. Nothing was kept."""
    canvas.fill(0)
    canvas.rect(46, 0, 36, 22, 1)
    canvas.line(52, 4, 75, 17, 1)
    canvas.line(75, 4, 52, 17, 1)
    _line(canvas, words.unproved, 3)
    _line(canvas, words.unproved_todo[0], 5)
    _line(canvas, words.unproved_todo[1], 6)


def several(canvas, words):
    """More than one badge in the field; none was read."""
    canvas.fill(0)
    canvas.rect(40, 2, 28, 18, 1)
    canvas.rect(56, 8, 28, 18, 1)
    canvas.line(36, 28, 88, 0, 1)
    canvas.line(37, 28, 89, 0, 1)
    _line(canvas, words.two_badges[0], 4)
    _line(canvas, words.two_badges[1], 5)


def full(canvas, words):
    """The journal is full; the punch was not kept."""
    canvas.fill(0)
    _warning(canvas)
    _line(canvas, words.full, 4)
    _line(canvas, words.full_todo, 6)


def retired(canvas, words):
    """The clock's log has ended; nothing is kept any more."""
    canvas.fill(0)
    _warning(canvas)
    _line(canvas, words.retired, 4)
    _line(canvas, words.full_todo, 6)


def fault(canvas, words, code):
    """The clock cannot keep or read a punch. code: FAULT codes of docs/protocol.md §2."""
    canvas.fill(0)
    _warning(canvas)
    _line(canvas, words.fault, 4)
    _line(canvas, words.fault_todo, 5)
    canvas.text(words.code + " " + str(code), 0, 56, 1)


def chosen(canvas, words, direction):
    """A key was pressed: the next punch will be this."""
    canvas.fill(0)
    _big_text(canvas, words.directions[direction], 0, 0)
    _arrow(canvas, direction, _ICON_X)
    _line(canvas, words.idle, 5)


def identify(canvas, words, clock_id):
    """Somebody asked which clock this is."""
    canvas.fill(0)
    canvas.rect(0, 0, 128, 64, 1)
    _line(canvas, words.identify, 2)
    _line(canvas, clock_id[:14], 4)
    _line(canvas, clock_id[14:], 5)


def starting(canvas, words):
    """The clock was switched on."""
    canvas.fill(0)
    _line(canvas, words.starting, 3)


def not_set_up(canvas, words, reason):
    """The clock cannot work until a technician does something; `reason` is broken into lines."""
    canvas.fill(0)
    _line(canvas, words.not_set_up, 0)
    _line(canvas, words.technician, 1)
    canvas.hline(0, 17, 128, 1)
    y = 24
    line = ""
    for word in reason.split(" "):
        if line and len(line) + 1 + len(word) > _COLUMNS:
            canvas.text(line, 0, y, 1)
            y += _CELL
            line = word
        else:
            line = line + " " + word if line else word
    canvas.text(line, 0, y, 1)


def _kept(canvas, words, direction, time_text, seq):
    """What every punch that counts shows: direction and arrow, time, number."""
    canvas.fill(0)
    _big_text(canvas, words.directions[direction], 0, 0)
    _arrow(canvas, direction, _ICON_X)
    _big_text(canvas, time_text, 0, 16)
    _number(canvas, seq)


def _line(canvas, text, row):
    """A line in the middle of its row, on the grid."""
    canvas.text(text, (_COLUMNS - len(text)) // 2 * _CELL, row * _CELL, 1)


def _number(canvas, seq):
    canvas.text("#" + str(seq), 0, 56, 1)


def _big_text(canvas, text, x, y):
    """The font's glyphs at twice their size."""
    for letter in text:
        _glyph.fill(0)
        _glyph.text(letter, 0, 0, 1)
        for column in range(8):
            bits = _glyph_bytes[column]
            upper = _DOUBLED[bits & 15]
            lower = _DOUBLED[bits >> 4]
            at = 2 * column
            _big_bytes[at] = _big_bytes[at + 1] = upper
            _big_bytes[16 + at] = _big_bytes[17 + at] = lower
        canvas.blit(_big, x, y)
        x += 16


def _arrow(canvas, direction, x):
    """A door, and an arrow into it (in, break end) or out of it (out, break start)."""
    if direction == 0:
        return
    canvas.rect(x + 12, 0, 12, 24, 1)
    if direction in (1, 4):
        canvas.fill_rect(x - 6, 10, 14, 4, 1)
        head, step = x + 15, -1
    else:
        canvas.fill_rect(x, 10, 14, 4, 1)
        head, step = x - 7, 1
    for i in range(8):
        canvas.vline(head + step * i, 12 - i, 2 * i + 1, 1)


def _tick(canvas, x, y):
    for i in range(3):
        canvas.line(x, y + 8 + i, x + 5, y + 13 + i, 1)
        canvas.line(x + 5, y + 13 + i, x + 16, y + i, 1)


def _question(canvas):
    canvas.rect(48, 0, 32, 20, 1)
    _big_text(canvas, "?", 56, 2)


def _octagon(canvas):
    x, y, a, b = 54, 0, 6, 20
    for x1, y1, x2, y2 in (
        (a, 0, b - a, 0),
        (b - a, 0, b, a),
        (b, a, b, b - a),
        (b, b - a, b - a, b),
        (b - a, b, a, b),
        (a, b, 0, b - a),
        (0, b - a, 0, a),
        (0, a, a, 0),
    ):
        canvas.line(x + x1, y + y1, x + x2, y + y2, 1)
    for i in range(2):
        canvas.line(x + 5 + i, y + 5, x + 14 + i, y + 15, 1)
        canvas.line(x + 14 + i, y + 5, x + 5 + i, y + 15, 1)


def _warning(canvas):
    for i in range(2):
        canvas.line(64, i, 48, 26 + i, 1)
        canvas.line(64, i, 80, 26 + i, 1)
        canvas.hline(48, 26 + i, 33, 1)
    canvas.fill_rect(63, 8, 3, 11, 1)
    canvas.fill_rect(63, 21, 3, 3, 1)


def _waiting(canvas, x, y):
    """Before a count: records that still go up."""
    canvas.vline(x + 3, y, 7, 1)
    canvas.line(x, y + 3, x + 3, y, 1)
    canvas.line(x + 3, y, x + 6, y + 3, 1)


def _no_link(canvas, x, y):
    """A crossed-out link."""
    canvas.ellipse(x + 4, y + 5, 6, 3, 1)
    canvas.line(x - 3, y + 9, x + 11, y, 1)

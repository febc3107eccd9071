"""What the display shows: pure functions from what is the case to pixels on a canvas of 128x64.

The canvas is a `framebuf.FrameBuffer` or anything with its drawing methods; colour 1 is lit. An icon of 48x48 at the
left tells the state by its shape, the column right of it what was done, and two lines below what it means. Nothing here
keeps state. Every screen gives its mood, which the display shows too, as far as it can: in its colours, or as dark on
light. Kept and registered differ in all of this: a tick on dark paper, and a stamp on light.
"""

from micropython import const

from app.ui import font

_CELL = const(8)
_WIDTH = const(128)
_COLUMNS = const(16)
_RIGHT = const(56)  # where the column beside the icon begins, ...
_RIGHT_COLUMNS = const(9)  # ... and how many small letters it has room for
_MIDDLE = const(40)  # where an icon stands that has nothing beside it
_LARGE = const(12)

# Moods. What a display makes of each is its driver's to know.
IDLE = const(0)
KEPT = const(1)
KEPT_LATER = const(2)
REGISTERED = const(3)
NOTICE = const(4)
WRONG = const(5)
BROKEN = const(6)

# Icon and mood of a punch that is kept, with the bridge connected and without.
KEPT_LOOK = (font.TICK, KEPT)
LATER_LOOK = (font.LATER, KEPT_LATER)


def idle(canvas, words, site, time_text, link, unsent, warning):
    """Waiting for a badge. time_text: "07:58", or None without a time. link: 0 no Wi-Fi, 1 no broker, 2 online.
    unsent: records that the bridge has not acknowledged. warning: a line, or "".
    """
    canvas.fill(0)
    if time_text is None:
        font.icon(canvas, font.NO_TIME, 0, 0)
        lines(canvas, site, _RIGHT, 0, _RIGHT_COLUMNS, 2)
        lines(canvas, words.no_time, _RIGHT, 24, _RIGHT_COLUMNS, 3)
    else:
        line(canvas, site[:_COLUMNS], 0)
        font.huge(canvas, time_text, 5, 8)
        line(canvas, warning, 5)
    line(canvas, warning if warning and time_text is None else words.idle, 6)
    font.text(canvas, words.link[link], 0, 56)
    if unsent:
        _waiting(canvas, unsent, 56)
    return NOTICE if warning or time_text is None else IDLE


def kept(canvas, words, direction, time_text, seq):
    """A punch is in the flash and the bridge is connected."""
    _punch(canvas, words, font.TICK, direction, time_text)
    _meaning(canvas, words.kept, "", seq)
    return KEPT


def kept_later(canvas, words, direction, time_text, seq, unsent):
    """A punch is in the flash and waits for the bridge, with all `unsent` records."""
    _punch(canvas, words, font.LATER, direction, time_text)
    _waiting(canvas, unsent, 21)
    _meaning(canvas, words.kept_later[0], words.kept_later[1], seq)
    return KEPT_LATER


def assumed(canvas, words, look, direction, time_text, seq):
    """A punch is in the flash, and nothing said its direction: the way has a question mark, and the worker is told how
    to put it right. look: KEPT_LOOK or LATER_LOOK.
    """
    icon, mood = look
    _punch(canvas, words, icon, direction, time_text)
    font.large(canvas, "?", _RIGHT + 36, 16)
    font.text(canvas, words.kept, 0, 48)
    _number(canvas, seq, _CELL * len(words.kept), 48)
    font.text(canvas, words.assumed, 0, 56)
    return mood


def registered(canvas, words, direction, time_text, seq, tail):
    """The authority has given a reception number, of which `tail` is the end."""
    _punch(canvas, words, font.STAMP, direction, time_text)
    _number(canvas, seq, _RIGHT + 31, 20)
    font.text(canvas, words.registered, 0, 48)
    font.text(canvas, words.authority + " .." + tail, 0, 56)
    return REGISTERED


def duplicate(canvas, words, direction, time_text, seq):
    """The same badge punched a moment ago, at `time_text`; this one is kept too, and counts for nothing."""
    _punch(canvas, words, font.EQUALS, direction, time_text)
    _meaning(canvas, words.duplicate + " " + time_text, "", seq)
    return NOTICE


def unknown(canvas, words, token, seq):
    """The bridge does not know the badge; the punch is kept and waits for somebody to assign it. The code is the
    beginning of the token.
    """
    _with_code(canvas, words, font.QUESTION, "%02X%02X" % (token[0], token[1]))
    _meaning(canvas, words.unknown, words.see_office, seq)
    return WRONG


def refused(canvas, words, code, seq):
    """The authority refused the registration with an error code."""
    _with_code(canvas, words, font.OCTAGON, str(code))
    _meaning(canvas, words.refused, words.refused_todo, seq)
    return WRONG


def unproved(canvas, words):
    """A badge that this site does not accept: it did not prove itself. Nothing was kept."""
    canvas.fill(0)
    font.icon(canvas, font.BAD_BADGE, 0, 0)
    lines(canvas, words.unproved, _RIGHT, 12, _RIGHT_COLUMNS, 3)
    font.text(canvas, words.unproved_todo[0], 0, 48)
    font.text(canvas, words.unproved_todo[1], 0, 56)
    return WRONG


def several(canvas, words):
    """More than one badge in the field; none was read."""
    _alone(canvas, font.TWO_BADGES, words.two_badges[0], words.two_badges[1])
    return NOTICE


def full(canvas, words):
    """The journal is full; the punch was not kept."""
    _alone(canvas, font.FULL, words.full, words.full_todo)
    return WRONG


def fault(canvas, words, code):
    """The clock cannot keep or read a punch. code: FAULT codes of docs/protocol.md §2."""
    _with_code(canvas, words, font.WRENCH, str(code))
    _meaning(canvas, words.fault, words.fault_todo, None)
    return BROKEN


def retired(canvas, words):
    """The clock's records have ended; nothing is kept any more."""
    _alone(canvas, font.OCTAGON, words.retired, words.full_todo)
    return BROKEN


def chosen(canvas, words, direction):
    """A key was pressed: the next punch will be this."""
    canvas.fill(0)
    word = words.directions[direction]
    font.large(canvas, word, (_WIDTH - len(word) * _LARGE) // 2, 8)
    font.way(canvas, direction, 48, 32)
    line(canvas, words.idle, 7)
    return IDLE


def identify(canvas, words, clock_id):
    """Somebody asked which clock this is."""
    canvas.fill(0)
    canvas.rect(0, 0, 128, 64, 1)
    line(canvas, words.identify, 2)
    line(canvas, clock_id[:14], 4)
    line(canvas, clock_id[14:], 5)
    return NOTICE


def _punch(canvas, words, icon, direction, time_text):
    """What every punch shows: its state's icon, direction and way, and time."""
    canvas.fill(0)
    font.icon(canvas, icon, 0, 0)
    font.large(canvas, words.directions[direction], _RIGHT, 0)
    font.way(canvas, direction, _RIGHT, 16)
    font.large(canvas, time_text, _RIGHT, 32)


def _with_code(canvas, words, icon, code):
    """An icon, and a code for whoever helps."""
    canvas.fill(0)
    font.icon(canvas, icon, 0, 0)
    font.text(canvas, words.code, _RIGHT, 8)
    font.large(canvas, code, _RIGHT, 16)


def _alone(canvas, icon, first, second):
    """An icon with nothing beside it, and two lines."""
    canvas.fill(0)
    font.icon(canvas, icon, _MIDDLE, 0)
    line(canvas, first, 6)
    line(canvas, second, 7)


def _meaning(canvas, first, second, seq):
    """The two lines below, and the record's number where they leave room for it."""
    font.text(canvas, first, 0, 48)
    font.text(canvas, second, 0, 56)
    if seq is not None:
        _number(canvas, seq, _CELL * len(second), 56)


def _number(canvas, seq, left, y):
    """The record's number at the right, if that leaves something free beside what ends at `left`."""
    number = "#" + str(seq)
    x = _WIDTH - _CELL * len(number)
    if x > left:
        canvas.text(number, x, y, 1)


def line(canvas, text, row):
    """A small line in the middle of its row, on the grid."""
    font.text(canvas, text, (_COLUMNS - len(text)) // 2 * _CELL, row * _CELL)


def lines(canvas, text, x, y, columns, rows):
    """Text broken between words into lines of so many columns; a longer word is cut, and so is what has no row."""
    row = ""
    for word in text.split(" "):
        if row and len(row) + 1 + len(word) > columns:
            font.text(canvas, row[:columns], x, y)
            y += _CELL
            rows -= 1
            row = word
        else:
            row = row + " " + word if row else word
        if rows == 0:
            return
    font.text(canvas, row[:columns], x, y)


def _waiting(canvas, count, y):
    """How many records still go up, at the right: an arrow and the count."""
    number = str(count)
    x = _WIDTH - _CELL * len(number)
    canvas.text(number, x, y, 1)
    if count > 999:
        return  # the arrow has no room
    x -= 10
    canvas.vline(x + 3, y, 7, 1)
    canvas.line(x, y + 3, x + 3, y, 1)
    canvas.line(x + 3, y, x + 6, y + 3, 1)

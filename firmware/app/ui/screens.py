"""The screens of the display: pure functions from a state to pixels on a canvas of 128x64.

The canvas is a `framebuf.FrameBuffer` or anything with its drawing methods; colour 1 is lit. An icon of 48x46 at the
left shows the state by its shape, the column right of it what was done, and two lines below the meaning. Between any
two of these is a dark row: letters have eight rows, the lowest for descenders. Nothing here keeps state. Every screen
returns its mood, which the display shows as far as it can: in its colours, or as dark on light. Kept and registered
differ in all of this: a tick on dark paper, and a stamp on light.
"""

from micropython import const

from app.ui import font

_CELL = const(8)
_WIDTH = const(128)
_COLUMNS = const(16)
_RIGHT = const(56)  # the column beside the icon, ...
_RIGHT_COLUMNS = const(9)  # ... and its number of small letters
_MIDDLE = const(40)  # the place of an icon with nothing beside it
_LARGE = const(12)
_PITCH = const(9)  # from one line to the next
_WORDS = const(47)  # the two lines below the icon
_LAST = const(56)
_WAY = const(15)
_TIME = const(30)
_INVITATION = const(45)  # the invitation to hold a badge, between large time and the last line
_TOO_MANY = const(99999)

# Moods. Each driver decides how to show them.
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
        lines(canvas, words.no_time, _RIGHT, 20, _RIGHT_COLUMNS, 3)
        line(canvas, warning or words.idle, _WORDS)
    else:
        if warning:
            font.large(canvas, time_text, 34, 0)
            lines(canvas, warning, -1, 20, _COLUMNS, 2)
        else:
            lines(canvas, site, -1, 0, _COLUMNS, 1)
            font.huge(canvas, time_text, 5, 10)
        line(canvas, words.idle, _INVITATION)
    font.text(canvas, words.link[link], 0, _LAST)
    if unsent:
        _waiting(canvas, unsent, _LAST)
    return NOTICE if warning or time_text is None else IDLE


def kept(canvas, words, direction, time_text, seq):
    """A punch is in the flash and the bridge is connected."""
    _punch(canvas, words, font.TICK, direction, time_text)
    _meaning(canvas, words.kept, "", seq)
    return KEPT


def kept_later(canvas, words, direction, time_text, seq, unsent):
    """A punch is in flash and waits for the bridge, with all `unsent` records."""
    _punch(canvas, words, font.LATER, direction, time_text)
    _waiting(canvas, unsent, 21)
    _meaning(canvas, words.kept_later[0], words.kept_later[1], seq)
    return KEPT_LATER


def assumed(canvas, words, look, direction, time_text, seq):
    """A punch is in flash with an assumed direction: the way has a question mark, and the screen says how to correct
    it. look: KEPT_LOOK or LATER_LOOK.
    """
    icon, mood = look
    _punch(canvas, words, icon, direction, time_text)
    font.way(canvas, font.ASSUMED, _RIGHT + 36, _WAY)
    _meaning(canvas, words.kept, words.assumed, seq)
    return mood


def registered(canvas, words, direction, time_text, seq, tail):
    """The authority has given a reception number, which ends in `tail`."""
    _punch(canvas, words, font.STAMP, direction, time_text)
    _number(canvas, seq, _RIGHT + 32, 19)
    _meaning(canvas, words.registered, words.authority + " .." + tail, None)
    return REGISTERED


def duplicate(canvas, words, direction, time_text, seq):
    """The same badge punched a moment ago, at `time_text`; this one is kept too, but not counted."""
    _punch(canvas, words, font.EQUALS, direction, time_text)
    _meaning(canvas, words.duplicate + " " + time_text, "", seq)
    return NOTICE


def unknown(canvas, words, token, seq):
    """The badge is unknown; the punch is kept and waits for somebody to assign it. The code is the beginning of the
    token.
    """
    _with_code(canvas, words, font.QUESTION, "%02X%02X" % (token[0], token[1]), seq)
    _meaning(canvas, words.unknown, words.see_office, None)
    return WRONG


def refused(canvas, words, code, seq):
    """The authority refused the registration with an error code."""
    _with_code(canvas, words, font.OCTAGON, str(code), seq)
    _meaning(canvas, words.refused, words.refused_todo, None)
    return WRONG


def unproved(canvas, words):
    """A badge that this site does not accept: it did not prove itself. Nothing was kept."""
    canvas.fill(0)
    font.icon(canvas, font.BAD_BADGE, 0, 0)
    lines(canvas, words.unproved, _RIGHT, 12, _RIGHT_COLUMNS, 3)
    _meaning(canvas, words.unproved_todo[0], words.unproved_todo[1], None)
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
    _with_code(canvas, words, font.WRENCH, str(code), None)
    _meaning(canvas, words.fault, words.fault_todo, None)
    return BROKEN


def retired(canvas, words):
    """The clock is retired; nothing more is kept."""
    _alone(canvas, font.OCTAGON, words.retired, words.full_todo)
    return BROKEN


def chosen(canvas, words, direction):
    """A key was pressed: the direction of the next punch."""
    canvas.fill(0)
    word = words.directions[direction]
    font.large(canvas, word, (_WIDTH - len(word) * _LARGE) // 2, 8)
    font.way(canvas, direction, 48, 32)
    line(canvas, words.idle, _LAST)
    return IDLE


def identify(canvas, words, clock_id):
    """Identifies this clock to somebody looking for it."""
    canvas.fill(0)
    canvas.rect(0, 0, 128, 64, 1)
    line(canvas, words.identify, 16)
    line(canvas, clock_id[:14], 32)
    line(canvas, clock_id[14:], 41)
    return NOTICE


def _punch(canvas, words, icon, direction, time_text):
    """The common part of every punch: its state's icon, direction and way, and time."""
    canvas.fill(0)
    font.icon(canvas, icon, 0, 0)
    font.large(canvas, words.directions[direction], _RIGHT, 0)
    font.way(canvas, direction, _RIGHT, _WAY)
    font.large(canvas, time_text, _RIGHT, _TIME)


def _with_code(canvas, words, icon, code, seq):
    """An icon, and what a worker reports to get help: a code, and the record's number if there is one."""
    canvas.fill(0)
    font.icon(canvas, icon, 0, 0)
    font.text(canvas, words.code, _RIGHT, 2)
    font.large(canvas, code, _RIGHT, 12)
    if seq is not None:
        font.text(canvas, "#" + str(seq), _RIGHT, 34)


def _alone(canvas, icon, first, second):
    """An icon with nothing beside it, and two lines."""
    canvas.fill(0)
    font.icon(canvas, icon, _MIDDLE, 0)
    line(canvas, first, _WORDS)
    line(canvas, second, _LAST)


def _meaning(canvas, first, second, seq):
    """The two lines below, and the record's number in one with room for it, preferably the second."""
    font.text(canvas, first, 0, _WORDS)
    font.text(canvas, second, 0, _LAST)
    if seq is not None and not _number(canvas, seq, _CELL * len(second), _LAST):
        _number(canvas, seq, _CELL * len(first), _WORDS)


def _number(canvas, seq, left, y):
    """The record's number at the right, if there is space after the text that ends at `left`; returns whether there
    is."""
    number = "#" + str(seq)
    x = _WIDTH - _CELL * len(number)
    if x > left:
        font.text(canvas, number, x, y)
    return x > left


def line(canvas, text, y):
    """A small line in the middle, on the columns of the letters."""
    font.text(canvas, text, (_COLUMNS - len(text)) // 2 * _CELL, y)


def lines(canvas, text, x, y, columns, rows):
    """Text wrapped into so many lines of so many columns, from x on, or centred if x is below zero. Words that are too
    long, and text beyond the last line, are cut with a sign.
    """
    while text:
        rest = ""
        if len(text) > columns:
            end = columns if text[columns] == " " else text.rfind(" ", 0, columns)
            if rows == 1 or end <= 0:
                row = text[: columns - 1] + font.CUT
                if rows > 1 and " " in text:  # of a word that is too long; the next goes on below
                    rest = text[text.find(" ") + 1 :]
            else:
                row, rest = text[:end], text[end + 1 :]
        else:
            row = text
        if x < 0:
            line(canvas, row, y)
        else:
            font.text(canvas, row, x, y)
        text = rest
        y += _PITCH
        rows -= 1


def _waiting(canvas, count, y):
    """How many records are unsent, at the right: an arrow and the count, in thousands if very many."""
    number = str(count) if count <= _TOO_MANY else "%dk" % (count // 1000)
    if count <= 999:  # else the arrow has no room
        number = "\u2191" + number
    font.text(canvas, number, _WIDTH - _CELL * len(number), y)

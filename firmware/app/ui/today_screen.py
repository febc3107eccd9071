"""The page of a badge's punches of today (app.today). Loaded when needed, dropped once drawn."""

from micropython import const

from app import receipts
from app.log import record
from app.ui import font, screens

# Places in Words.today
_TITLE = const(0)
_NONE = const(1)
_KEPT = const(2)
_SENT = const(3)
_WAITS = const(4)
_REFUSED = const(5)


def prompt(canvas, words):
    """The info key was pressed: the next badge opens its page of today."""
    _title(canvas, words)
    screens.line(canvas, words.idle, 32)
    return screens.IDLE


def page(canvas, words, name, rows, more):
    """Today's punches. name: whose, up to four letters; rows: (direction, "07:58", receipt state or 0, its number or
    code) at most six, oldest first; more: how many older ones there are.
    """
    _title(canvas, words)
    font.text(canvas, name, 96, 0)
    if more:
        font.text(canvas, "+%d" % min(more, 9), 76, 0)
    if not rows:
        screens.line(canvas, words.today[_NONE], 32)
    y = 11
    for direction, moment, state, detail in rows:
        _way(canvas, direction, y)
        text = words.today[_WAITS]
        if state in (receipts.RECEIPT_REGISTERED, receipts.RECEIPT_VALIDATED, receipts.RECEIPT_REMARKS):
            canvas.fill_rect(49, y + 1, 5, 5, 1)  # because kept and registered must never look the same
            text = "..%06d" % detail
        elif state == receipts.RECEIPT_REFUSED:
            text = words.today[_REFUSED]
            code = " %d" % detail
            if len(text) + len(code) <= 9:
                text += code
        elif not state or state == receipts.RECEIPT_OF_DAY:  # a day's number is never shown as a punch's own
            text = words.today[_SENT if state or detail else _KEPT]
        is_long = len(text) > 9
        font.text(canvas, moment, 7 if is_long else 8, y)
        font.text(canvas, text, 48 if is_long else 56, y)
        y += 9
    return screens.IDLE


def _title(canvas, words):
    canvas.fill(0)
    font.text(canvas, words.today[_TITLE], 0, 0)
    canvas.hline(0, 9, 128, 1)


def _way(canvas, direction, y):
    """A small way: into a door, out of one, a pause, and going on."""
    if direction == record.DIRECTION_BREAK_START:
        canvas.fill_rect(1, y + 1, 2, 5, 1)
        canvas.fill_rect(4, y + 1, 2, 5, 1)
        return
    x = 2 if direction == record.DIRECTION_OUT else 0
    for i in range(3):
        canvas.vline(2 + x + i, y + 1 + i, 5 - 2 * i, 1)
    if direction in (record.DIRECTION_IN, record.DIRECTION_OUT):
        canvas.hline(x, y + 3, 3, 1)
        canvas.vline(6 - 3 * x, y, 7, 1)

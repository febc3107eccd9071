"""What the display shows while the clock starts, and when it cannot. Only the start needs these (app.ui.screens)."""

from app.ui import screens


def starting(canvas, words):
    """The clock was switched on."""
    canvas.fill(0)
    screens.line(canvas, words.starting, 3)
    return screens.IDLE


def failed(canvas, words, number, reason):
    """The clock could not start and tries again by itself; the number is of docs/troubleshooting.md."""
    canvas.fill(0)
    screens.line(canvas, words.start_failed, 0)
    screens.line(canvas, "%s %d" % (words.code, number), 1)
    canvas.hline(0, 17, 128, 1)
    screens.lines(canvas, reason, 0, 24, 16, 5)
    return screens.BROKEN


def not_set_up(canvas, words, reason):
    """The clock cannot work until a technician does something; `reason` is broken into lines."""
    canvas.fill(0)
    screens.line(canvas, words.not_set_up, 0)
    screens.line(canvas, words.technician, 1)
    canvas.hline(0, 17, 128, 1)
    screens.lines(canvas, reason, 0, 24, 16, 5)
    return screens.BROKEN

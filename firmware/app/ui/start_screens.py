"""The screens while the clock starts, and when it cannot. Only the start needs these (app.ui.screens)."""

from app.ui import screens


def starting(canvas, words):
    """The clock was switched on."""
    canvas.fill(0)
    screens.line(canvas, words.starting, 24)
    return screens.IDLE


def failed(canvas, words, number, reason):
    """The clock could not start and tries again by itself; the number is of docs/troubleshooting.md."""
    return _broken(canvas, words.start_failed, "%s %d" % (words.code, number), reason)


def not_set_up(canvas, words, reason):
    """The clock cannot work until a technician does something; `reason` is broken into lines."""
    return _broken(canvas, words.not_set_up, words.technician, reason)


def _broken(canvas, what, todo, reason):
    canvas.fill(0)
    screens.line(canvas, what, 0)
    screens.line(canvas, todo, 9)
    canvas.hline(0, 18, 128, 1)
    screens.lines(canvas, reason, 0, 20, 16, 5)
    return screens.BROKEN

"""A clock that was interrupted on its serial line: it stops, and shows that it accepts no punches.

In memory for that alone. It belongs to the Face that it is given.
"""

from app.ui import screens
from app.ui.signals import OFF, SILENCE

_TRIES = (1, 2, 3)
_WHY = "Stopped on the serial line. Back in a minute."


def show(face):
    """Silence, and the screen, at once. A display that does not answer does not stop it, nor does another interrupt."""
    for _ in _TRIES:
        try:
            face._buzzer.play((SILENCE, 0))
            face._lamp.play((OFF, 0))
            display = face._display
            display.tint(screen(display.canvas, face._words))
            display.start()
            while display.update():
                pass
            return
        except (OSError, KeyboardInterrupt):
            pass


def screen(canvas, words):
    """A notice for workers in their language, and the reason, for the technician at the line."""
    canvas.fill(0)
    screens.line(canvas, words.desk[1], 0)
    canvas.hline(0, 9, 128, 1)
    screens.lines(canvas, _WHY, 0, 20, 16, 5)
    return screens.BROKEN

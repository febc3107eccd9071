"""The display in issue mode. In memory with app/net/desk.py; in the site's language (app.ui.words)."""

from micropython import const

from app.ui import screens

# Stages of a job. The first three are also the results of close (docs/protocol.md §6).
NOTHING = const(0)
DONE = const(1)
FAILED = const(2)
LAY = const(3)
KEEP = const(4)

_TITLE = const(0)
_NO_PUNCHES = const(1)
_STAGES = const(2)


def screen(stage):
    """A function `draw(canvas, words) -> mood` for a stage (app.ui.face.Face.show)."""
    return lambda canvas, words: _draw(canvas, words.desk, stage)


def _draw(canvas, texts, stage):
    """A ruled title, unlike any punch; no tick and no stamp, for any result."""
    canvas.fill(0)
    screens.line(canvas, texts[_TITLE], 0)
    canvas.hline(0, 9, 128, 1)
    screens.line(canvas, texts[_STAGES + stage], 32)
    if stage >= LAY:
        screens.line(canvas, texts[_NO_PUNCHES], 56)
    return screens.WRONG if stage == FAILED else screens.NOTICE

"""What the display says in issue mode, in every language of app/words.py. Loaded and dropped with app/desk.py."""

from micropython import const

# Stages of a job. The first three are also what close says (docs/protocol.md §6).
NOTHING = const(0)
DONE = const(1)
FAILED = const(2)
LAY = const(3)
KEEP = const(4)

# By stage, after the title and "no punches now".
LANGUAGES = {
    "en": ("Badge desk", "No punches now", ("Desk closed", "Done", "Not finished", "Lay the badge", "Keep it there")),
    "nl": ("Badgebalie", "Nu niet klokken", ("Balie gesloten", "Klaar", "Niet klaar", "Leg badge neer", "Laat liggen")),
}

_CELL = const(8)
_COLUMNS = const(16)


def screen(stage):
    """A function `draw(canvas, language)` for a stage."""
    return lambda canvas, language: _draw(canvas, stage, *LANGUAGES[language])


def _draw(canvas, stage, title, no_punches, stages):
    canvas.fill(0)
    canvas.fill_rect(0, 0, 128, 12, 1)
    canvas.text(title, (_COLUMNS - len(title)) // 2 * _CELL, 2, 0)
    text = stages[stage]
    canvas.text(text, (_COLUMNS - len(text)) // 2 * _CELL, 32, 1)
    if stage >= LAY:
        canvas.text(no_punches, (_COLUMNS - len(no_punches)) // 2 * _CELL, 56, 1)

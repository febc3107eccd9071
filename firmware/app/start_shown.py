"""The screens of a start, above all a failed one. In memory for that only (app.on_demand)."""

import json

from app import console, on_demand

_START_SCREENS = "app.ui.start_screens"
_WORDS = "app.ui.words"


def starting(board):
    """The clock was switched on."""
    _show(board, "en", "starting")


def not_set_up(board, error):
    """A technician must follow the error's text."""
    console.report("not set up:", error)
    _show(board, _language(), "not_set_up", str(error))


def failed(board, number, reason):
    """The clock could not start; the number is of docs/troubleshooting.md. board: returns the Board."""
    console.report("cannot start:", number, reason)
    try:
        _show(board(), _language(), "failed", number, reason)
    except Exception as error:  # noqa: BLE001 - the serial line has the reason already
        print("clock: no screen:", repr(error))


def _language():
    """The language of the settings, English if they cannot be read."""
    try:
        with open("/settings.json") as file:
            return str(json.load(file)["language"])
    except (OSError, ValueError, KeyError, TypeError):
        return "en"


def _show(board, language, name, *what):
    """Draw a screen of app.ui.start_screens and send it at once; a display that does not answer stops nothing."""
    draw = getattr(on_demand.load(_START_SCREENS), name)
    board.display.tint(draw(board.display.canvas, on_demand.load(_WORDS).load_or_english(language), *what))
    on_demand.drop(_START_SCREENS, _WORDS)
    try:
        board.display.start()
        while board.display.update():
            pass
    except OSError:
        print("clock: the display does not answer")

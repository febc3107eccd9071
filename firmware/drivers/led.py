"""A status lamp of a green and a red LED; both together are amber."""

from app.ui.signals import GREEN, OFF

from drivers.pattern import Player


class StatusLed(Player):
    """Plays patterns of (colour, milliseconds). green, red: pins called with 1 for on."""

    def __init__(self, green, red):
        super().__init__(OFF)
        self._green = green
        self._red = red
        self._apply(OFF)

    def _apply(self, value):
        self._green(value & GREEN)
        self._red(value >> 1)

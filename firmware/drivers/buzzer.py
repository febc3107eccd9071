"""A passive buzzer on a PWM channel; the shorter its pulses, the softer it sounds."""

from app.ui.signals import SILENCE

from drivers.pattern import Player

# Pulse width of 65,535 by volume, each step about a quarter of the power; the last is a square wave, the loudest.
_DUTIES = (0, 1311, 5243, 32768)


class Buzzer(Player):
    """Plays patterns of (frequency in Hz or SILENCE, milliseconds). pwm: `freq(hz)` and `duty_u16(0 to 65535)`.

    volume: 0, silent, to 3; applies from the next tone on.
    """

    def __init__(self, pwm):
        super().__init__(SILENCE)
        self._pwm = pwm
        self.volume = len(_DUTIES) - 1
        pwm.duty_u16(0)

    def _apply(self, value):
        if value == SILENCE or not self.volume:
            self._pwm.duty_u16(0)
        else:
            self._pwm.freq(value)
            self._pwm.duty_u16(_DUTIES[self.volume])

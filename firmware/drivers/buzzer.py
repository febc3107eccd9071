"""A passive buzzer on a PWM channel."""

from micropython import const

from drivers.pattern import Player

SILENCE = const(0)

_HALF = const(32768)  # a square wave, the loudest


class Buzzer(Player):
    """Plays patterns of (frequency in Hz or SILENCE, milliseconds). pwm: `freq(hz)` and `duty_u16(0 to 65535)`."""

    def __init__(self, pwm):
        super().__init__(SILENCE)
        self._pwm = pwm
        pwm.duty_u16(0)

    def _apply(self, value):
        if value == SILENCE:
            self._pwm.duty_u16(0)
        else:
            self._pwm.freq(value)
            self._pwm.duty_u16(_HALF)

"""What the worker hears and sees at once: tones and lamp of each outcome.

The pattern tells, not the pitch alone and never the colour alone: kept is one or two short tones, not kept or not
right is three, a badge that is not accepted is a short and a long low one, a fault is one long one. Success is over
within 300 ms, so that a queue keeps moving. After the field's own norms (Infor 2 and 3, cestronics 1 and 4, Fab-O-matic
1 and 3; RAS's rising and falling pair for in and out).
"""

from collections import namedtuple

from drivers.buzzer import SILENCE
from drivers.led import AMBER, GREEN, OFF, RED

Signal = namedtuple("Signal", ("tones", "lamp"))

_RISING = (554, 80, 709, 120)
_FALLING = (698, 80, 554, 120)
_SHORT_LOW = (SILENCE, 20, 330, 60)
_THREE_LOW = (220, 100, SILENCE, 60, 220, 100, SILENCE, 60, 220, 100)
_SHORT_AND_LONG_LOW = (220, 100, SILENCE, 60, 180, 500)
_ONE_LONG = (180, 900)

_STEADY = (GREEN, 1000)
_THEN_AMBER = (GREEN, 500, OFF, 100, AMBER, 150, OFF, 100, AMBER, 150)

# Kept, by direction of the record (none, in, out, break start, break end): with the bridge connected, and without.
KEPT = (
    Signal((709, 120), _STEADY),
    Signal(_RISING, _STEADY),
    Signal(_FALLING, _STEADY),
    Signal((554, 80, 554, 120), _STEADY),
    Signal((709, 80, 709, 120), _STEADY),
)
KEPT_OFFLINE = tuple(Signal(signal.tones + _SHORT_LOW, _THEN_AMBER) for signal in KEPT)

DUPLICATE = Signal((440, 120), (AMBER, 1000))
SEVERAL_BADGES = Signal(_THREE_LOW, (AMBER, 200, OFF, 200) * 3)
REGISTERED = Signal((880, 40), (OFF, 100, GREEN, 300))
UNKNOWN_BADGE = Signal(_THREE_LOW, (RED, 200, OFF, 200) * 4)
REFUSED = Signal(_THREE_LOW, (RED, 2000))
UNPROVED = Signal(_SHORT_AND_LONG_LOW, REFUSED.lamp)

FULL = Signal(_ONE_LONG, (RED, 600, OFF, 600) * 3)
FAULT = FULL
KEY = Signal((1000, 15), (GREEN, 60))
IDENTIFY = Signal((880, 150, SILENCE, 350) * 3, (AMBER, 300, OFF, 200) * 6)

"""The immediate signals: tones and lamp of each outcome.

The pattern has the meaning, not only the pitch and never only the colour: kept is one or two short tones, not kept or
not right is three, a badge that is not accepted is a short and a long low one, a fault is one long one. Success is over
within 300 ms, so that a queue is not delayed. After the field's own norms (Infor 2 and 3, cestronics 1 and 4,
Fab-O-matic 1 and 3; RAS's rising and falling pair for in and out).

A signal is (tones, lamp), two flat tuples of a value and the milliseconds that it lasts.
"""

from micropython import const

SILENCE = const(0)  # among the tones, which are frequencies in Hz

# Colours of the lamp: a bit for each of its two LEDs.
OFF = const(0)
GREEN = const(1)
RED = const(2)
AMBER = const(3)

_THREE_LOW = (220, 100, SILENCE, 60, 220, 100, SILENCE, 60, 220, 100)

# Kept: tones by direction of the record (none, in, out, break start, break end); without the bridge more tones follow.
KEPT_TONES = ((709, 120), (554, 80, 709, 120), (698, 80, 554, 120), (554, 80, 554, 120), (709, 80, 709, 120))
KEPT_LAMP = (GREEN, 1000)
OFFLINE_TONES = (SILENCE, 20, 330, 60)
OFFLINE_LAMP = (GREEN, 500, OFF, 100, AMBER, 150, OFF, 100, AMBER, 150)

TWICE = ((440, 120), (AMBER, 1000))
SEVERAL_BADGES = (_THREE_LOW, (AMBER, 200, OFF, 200) * 3)
CONFIRMED = ((880, 40), (OFF, 100, GREEN, 300))
UNKNOWN_BADGE = (_THREE_LOW, (RED, 200, OFF, 200) * 4)
REFUSED = (_THREE_LOW, (RED, 2000))
BADGE_REFUSED = ((220, 100, SILENCE, 60, 180, 500), (RED, 2000))

NO_ROOM = ((180, 900), (RED, 600, OFF, 600) * 3)
FAULT = NO_ROOM
KEY = ((1000, 15), (GREEN, 60))
IDENTIFY = ((880, 150, SILENCE, 350) * 3, (AMBER, 300, OFF, 200) * 6)
